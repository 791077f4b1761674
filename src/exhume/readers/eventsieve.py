"""Exported events through the sieve: each is decoded, which alone tells when and where it was, but few go on to the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from exhume.model import Record, Sieve, event_kind
from exhume.readers.eventfields import KIND

TOGETHER = 256
"""Events that are searched at once."""
MUCH = 4 << 20
"""Characters of them at most."""

_LETTER = r"2[de]|3[0-9a]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae]"
_HIDDEN = re.compile(rf"\\u(?:00(?:{_LETTER})|013[01]|017f|212a)|&#(?!(?:x[ad]|1[03]|9|x9);)|<[!?]", re.IGNORECASE)
"""A letter or digit that is written as an escape of JSON or XML, or one that regular expressions take for another; a comment
that parts a text. Nobody needs to write that, so such an event always goes on."""


class EventQueue:
    """Events that wait to be searched together."""

    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._records: list[Record] = []
        self._texts: list[bytes] = []
        self._size = 0

    def add(self, record: Record, text: str) -> Iterator[Record]:
        """Takes an event with the text that it was read from; gives those that are known by now to be wanted."""
        if _HIDDEN.search(text) or record.text("EventID") not in text:
            yield record
            return
        self._records.append(record)
        self._texts.append(text.encode())
        self._size += len(text)
        if len(self._records) >= TOGETHER or self._size > MUCH:
            yield from self.rest()

    def rest(self) -> Iterator[Record]:
        """Those of the events that are left which a rule could match."""
        kinds = [event_kind(KIND, r.text("Channel") or r.channel, int(r.text("EventID"))) for r in self._records]
        yield from [self._records[number] for number in self._sieve.events(self._texts, kinds)]
        self._records, self._texts, self._size = [], [], 0
