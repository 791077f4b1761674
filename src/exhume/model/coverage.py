"""What was seen and what was not, added up; and whether that spans a window of days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol, Self

from exhume.model.custody import Hashed
from exhume.model.finding import Finding
from exhume.model.flow import HOUR, Gap, Reading, Span, hour_of, merge_readings, merge_spans

HOLE_HOURS = 6
"""A busy log without a row for this many hours has a hole: on a live server health probes write every few minutes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One kind of evidence that can answer a need."""

    kind: str
    channel: str = "*"
    """Shell pattern, any letter case, over ``Span.channel``."""

    def fits(self, span: Span) -> bool:
        return span.kind == self.kind and fnmatchcase(span.channel.lower(), self.channel.lower())


@dataclass(frozen=True, slots=True)
class Need:
    """A group of which any one source covers a day."""

    name: str
    """Plain words for reports: ``front-end web log``."""
    any_of: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Days to judge, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return max(0, (self.until - self.since).days + 1)


@dataclass(frozen=True, slots=True)
class Hidden:
    """Days of a window on which nothing answers a need."""

    need: Need
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Spans and gaps of one server's evidence. ``+`` adds them up."""

    spans: tuple[Span, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(merge_spans(self.spans + other.spans), self.gaps + other.gaps)

    @property
    def end(self) -> datetime | None:
        """Time of the newest row of any log."""
        return max((s.last for s in self.spans if s.last), default=None)

    def hidden(self, needs: Iterable[Need], window: Window, server: str | None = None) -> tuple[Hidden, ...]:
        """The needs that are not met on every day of the window, with those days; empty when all is covered.

        A busy log covers a day when no run of ``HOLE_HOURS`` hours without rows touches it; the hours after the
        newest row of the whole evidence are not held against its last day, since that is when it was collected.
        """
        out: list[Hidden] = []
        for need in needs:
            spans = [
                s
                for s in self.spans
                if any(seen.fits(s) for seen in need.any_of) and (not server or not s.server or s.server == server)
            ]
            missing = set(_days(window))
            for group in _same_log(spans):
                missing -= self._covered(group, missing)
                if not missing:
                    break
            if missing or not spans:
                out.append(Hidden(need, tuple(sorted(missing))))
        return tuple(out)

    def _covered(self, group: list[Span], days: set[date]) -> set[date]:
        if any(s.state for s in group):
            return set(days)
        firsts = [s.first for s in group if s.first]
        lasts = [s.last for s in group if s.last]
        first, last, end = min(firsts), max(lasts), self.end
        if not any(s.busy for s in group):
            return {d for d in days if first.date() <= d <= last.date()}
        hours = frozenset[int]().union(*(s.hours for s in group))
        return {d for d in days if first.date() <= d <= last.date() and not _hole(d, hours, end)}


def _hole(day: date, hours: frozenset[int], end: datetime | None) -> bool:
    """Does a run of silent hours that is a hole touch this day?"""
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // HOUR
    stop = start + 24
    beyond = stop + HOLE_HOURS
    if end is not None and end.date() == day:
        stop = beyond = hour_of(end) + 1
    run = 0
    for hour in range(start - HOLE_HOURS, beyond):
        run = 0 if hour in hours else run + 1
        if run >= HOLE_HOURS and hour >= start and hour - run + 1 < stop:
            return True
    return False


def _days(window: Window) -> list[date]:
    return [window.since + timedelta(days=n) for n in range(window.days)]


def _same_log(spans: Iterable[Span]) -> list[list[Span]]:
    """Spans of one log that was copied to several folders count together."""
    groups: dict[tuple[str, str, str], list[Span]] = {}
    for span in spans:
        groups.setdefault((span.kind, span.channel.lower(), span.server), []).append(span)
    return list(groups.values())


class Unjoined(Protocol):
    """What one slice of a file knows, and what says something only beside the other slices. Pickles."""

    def __add__(self, later: Self) -> Self:
        """With what a later slice of the same file knows."""
        ...

    def coverage(self, *, whole: bool = True) -> Coverage:
        """Spans and gaps of the slices together; not ``whole`` when one of them is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """The result of reading some of the evidence. ``part + part`` is a part, so work can be split at will."""

    findings: tuple[Finding, ...] = ()
    readings: tuple[Reading, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    unjoined: Unjoined | None = None
    """Of a slice, until it is put together with the others."""
    files: tuple[Hashed, ...] = ()
    """Digests of the files, where they were asked for (``--manifest``)."""

    def __add__(self, other: Part) -> Part:
        folded: dict[tuple[str, ...], Finding] = {}
        for finding in self.findings + other.findings:
            key = (finding.pack, *finding.key)
            folded[key] = folded[key] + finding if key in folded else finding
        readings = merge_readings(self.readings + other.readings)
        return Part(tuple(folded.values()), readings, self.coverage + other.coverage, files=self.files + other.files)
