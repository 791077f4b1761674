"""Records of an EVTX file through the sieve: those that no rule could match are counted by their heads and not decoded."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from exhume.model import File, Reading, Record, Sieve, event_kind
from exhume.readers.eventfields import KIND, STARTED, STARTS, Event, Reach, record_of
from exhume.readers.eventreadings import readings_of, tells
from exhume.readers.evtxtext import event_of_json, heads, searched

Decoded: TypeAlias = tuple[list[int], list[str]]
"""Numbers and JSON texts of some records."""
Times: TypeAlias = MutableMapping[int, datetime | str | None]
"""By record number; as text where the record was not decoded."""


class Sift:
    """The sieve at work on one file."""

    def __init__(self, file: File, reach: Reach, sieve: Sieve) -> None:
        self._file, self._reach, self._sieve = file, reach, sieve

    def events(self, decoded: Iterable[Decoded], trusted: bool, times: Times) -> Generator[Record | Reading, None, int]:
        """The records that a rule could match, and all readings. Gives how many events there were, and notes their times."""
        count = 0
        for numbers, texts in decoded:
            known, wanted = self._sifted(numbers, texts, trusted, times)
            count += known
            for place in sorted(wanted):
                event = wanted[place] or event_of_json(texts[place], numbers[place])
                if event:
                    yield from self._said(event)
        return count

    def records(self, decoded: Iterable[Decoded]) -> Iterator[Record | Reading]:
        """The records that a rule could match, and nothing else: for a sieve that is ``brief``."""
        for numbers, texts in decoded:
            for place in self._sieve.events([text.encode() for text in texts], [KIND] * len(texts)):
                event = event_of_json(texts[place], numbers[place])
                if event:
                    yield from self._said(event)

    def _said(self, event: Event) -> Iterator[Record | Reading]:
        record = record_of(event, self._file)
        yield record
        yield from readings_of(event, record.source)

    def _sifted(self, numbers: list[int], texts: list[str], trusted: bool, times: Times) -> tuple[int, dict[int, Event | None]]:
        """How many of the texts are events, and which of them a rule could match, decoded where that had to be.

        Whole columns are handled at once: a step of Python for each event would cost as much as to decode it.
        """
        providers, qualified, plain, moments, channels, computers = zip(*heads(texts), strict=True)
        decoded: dict[int, Event | None] = {}
        if "" in channels:
            unproven = (place for place, channel in enumerate(channels) if not channel)
            decoded = {place: event_of_json(texts[place], numbers[place]) for place in unproven}
        self._count(list(zip(channels, computers, strict=True)), moments, decoded, trusted)
        if "Security" in channels:
            self._count_starts(zip(channels, qualified, plain, computers, moments, strict=True), trusted)
        _date(numbers, moments, decoded, times)
        kinds = list(map(_kind, providers, qualified, plain, channels))
        wanted: dict[int, Event | None] = {place: event for place, event in decoded.items() if event}
        known = len(texts) - len(decoded) + len(wanted)
        asked: Sequence[int] = range(len(texts))
        if "" in kinds:
            asked = [place for place, kind in enumerate(kinds) if kind]
            wanted |= {place: None for place, kind in enumerate(kinds) if not kind and place not in decoded}
        named = self._sieve.events([searched(texts[place]) for place in asked], [kind for kind in kinds if kind])
        return known, wanted | {asked[number]: None for number in named}

    def _count(
        self, logs: list[tuple[str, str]], moments: Sequence[str], decoded: Mapping[int, Event | None], trusted: bool
    ) -> None:
        """Counts the events of each log, the logs in the order in which they come."""
        for place, event in decoded.items():
            logs[place] = (event.channel, event.computer) if event else ("", "")
        single = not decoded and logs.count(logs[0]) == len(logs)
        for log in dict.fromkeys(logs):
            own = moments if single else [m for place, m in enumerate(moments) if logs[place] == log and place not in decoded]
            if own or any(event and (event.channel, event.computer) == log for event in decoded.values()):
                self._reach.count(*log, own, trusted)
        for event in decoded.values():
            if event:
                self._reach.add(record_of(event, self._file), trusted)

    def _count_starts(self, heads: Iterable[tuple[str, ...]], trusted: bool) -> None:
        """Counts the starts of programs once more, as the log that they stand for."""
        starts: dict[str, list[str]] = {}
        for channel, qualified, plain, computer, moment in heads:
            if channel == "Security" and (qualified or plain) == str(STARTED):
                starts.setdefault(computer, []).append(moment)
        for computer, moments in starts.items():
            self._reach.count(STARTS, computer, moments, trusted)


@lru_cache(maxsize=4096)
def _kind(provider: str, qualified: str, plain: str, channel: str) -> str:
    """What the sieve is asked for; empty text for an event that must be decoded, since it may say something of the build."""
    event = int(qualified or plain) if channel else 0
    return event_kind(KIND, channel, event) if channel and not tells(provider, event) else ""


def _date(numbers: Sequence[int], moments: Sequence[str], decoded: Mapping[int, Event | None], times: Times) -> None:
    if not decoded:
        times.update(zip(numbers, moments, strict=True))
        return
    for place, number in enumerate(numbers):
        event = decoded.get(place)
        if event or place not in decoded:
            times[number] = event.time if event else moments[place]
