"""Records of an EVTX file through the sieve: those that no rule could match are counted by their heads and not decoded."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, MutableMapping
from datetime import datetime
from typing import TypeAlias

from exhume.model import File, Reading, Record, Sieve, event_kind
from exhume.readers.eventfields import KIND, Event, Reach, record_of
from exhume.readers.eventreadings import readings_of, tells
from exhume.readers.evtxtext import event_of_json, heads, searched

MUCH = 4 << 20
"""Characters of records that are looked at together at most; a chunk of ordinary records has a fiftieth of it."""
REMEMBERED = 4096
"""Kinds of events that are remembered before all are forgotten: a file can invent them at will."""
Times: TypeAlias = MutableMapping[int, datetime | str | None]
"""By record number; as text where the record was not decoded."""


class Sift:
    """The sieve at work on one file."""

    def __init__(self, file: File, reach: Reach, sieve: Sieve) -> None:
        self._file, self._reach, self._sieve = file, reach, sieve
        self._kinds: dict[tuple[str, str, str, str], str] = {}
        """By provider, event id (in either place) and channel; empty text for those that may say something of the build."""

    def events(self, decoded: Iterable[tuple[int, str]], trusted: bool, times: Times) -> Generator[Record | Reading, None, int]:
        """The records that a rule could match, and all readings. Gives how many events there were, and notes their times."""
        count = 0
        for numbers, texts in _portions(decoded):
            known, wanted = self._sifted(numbers, texts, trusted, times)
            count += known
            for place in sorted(wanted):
                event = wanted[place] or event_of_json(texts[place], numbers[place])
                if event:
                    yield from self._said(event)
        return count

    def records(self, decoded: Iterable[tuple[int, str]]) -> Iterator[Record | Reading]:
        """The records that a rule could match, and nothing else: for a sieve that is ``brief``."""
        for numbers, texts in _portions(decoded):
            for place in self._sieve.events([text.encode() for text in texts], [KIND] * len(texts)):
                event = event_of_json(texts[place], numbers[place])
                if event:
                    yield from self._said(event)

    def _said(self, event: Event) -> Iterator[Record | Reading]:
        record = record_of(event, self._file)
        yield record
        yield from readings_of(event, record.source)

    def _sifted(self, numbers: list[int], texts: list[str], trusted: bool, times: Times) -> tuple[int, dict[int, Event | None]]:
        """How many of the texts are events, and which of them a rule could match, decoded where that had to be."""
        known = 0
        wanted: dict[int, Event | None] = {}
        asked: list[int] = []
        kinds: list[str] = []
        logs: dict[tuple[str, str], list[str]] = {}
        for place, (provider, qualified, plain, time, channel, computer) in enumerate(heads(texts)):
            if not channel:
                event = event_of_json(texts[place], numbers[place])
                if event:
                    known += 1
                    wanted[place] = event
                    times[numbers[place]] = event.time
                    self._reach.add(record_of(event, self._file), trusted)
                continue
            times[numbers[place]] = time
            log = logs.get((channel, computer))
            if log is None:
                log = logs[channel, computer] = []
                self._reach.count(channel, computer, ())  # of two logs with as many events the first counts
            log.append(time)
            kind = self._kinds.get((provider, qualified, plain, channel))
            if kind is None:
                kind = self._kind(provider, qualified, plain, channel)
            if kind:
                asked.append(place)
                kinds.append(kind)
            else:
                wanted[place] = None
        for (channel, computer), log in logs.items():
            known += len(log)
            self._reach.count(channel, computer, log, trusted)
        found = self._sieve.events([searched(texts[place]) for place in asked], kinds)
        wanted.update((asked[number], None) for number in found)
        return known, wanted

    def _kind(self, provider: str, qualified: str, plain: str, channel: str) -> str:
        event = int(qualified or plain)
        if len(self._kinds) >= REMEMBERED:
            self._kinds.clear()
        kind = "" if tells(provider, event) else event_kind(KIND, channel, event)
        self._kinds[provider, qualified, plain, channel] = kind
        return kind


def _portions(decoded: Iterable[tuple[int, str]]) -> Iterator[tuple[list[int], list[str]]]:
    numbers: list[int] = []
    texts: list[str] = []
    size = 0
    for number, text in decoded:
        numbers.append(number)
        texts.append(text)
        size += len(text)
        if size > MUCH:
            yield numbers, texts
            numbers, texts, size = [], [], 0
    if texts:
        yield numbers, texts
