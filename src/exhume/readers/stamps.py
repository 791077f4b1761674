"""Times of log rows: one at a time for rows that are parsed, and a whole block at once for those that are only counted.

A row that is not parsed still tells when it was written, since its time stands at its start in a fixed width. ``Mask`` is that
shape as data: it is checked for all rows of a block in a few native passes, and only rows that do not fit are looked at singly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from exhume.model import hour_of

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_FIXED = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,7})?(?:Z|\+00:00)?")
_DIGITS = bytes(ord("0") if chr(c).isascii() and chr(c).isdigit() else c for c in range(256))
HOUR = len("2021-03-03T06")
"""Characters of a time that name its hour."""
_EARLIEST, _LATEST = 1995, 2100
"""Years outside are damage, not history: IIS 1.0 is of 1996."""


def parse_time(text: str) -> datetime | None:
    """``2021-03-03T06:49:51.543Z``, ``2021-03-03 06:49:51`` and the like as aware UTC; None for anything else.

    Without a zone it is UTC, which is what IIS and Exchange write. Localised forms (``03.03.2021 06:49``) are not guessed at.
    """
    match = _ISO.fullmatch(text.strip())
    if not match:
        return None
    year, month, day, hour, minute, second = (int(p) for p in match.groups()[:6])
    if not _EARLIEST <= year <= _LATEST:
        return None
    micro = int((match[7] or "").ljust(6, "0")[:6])
    try:
        time = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
    except ValueError:
        return None
    zone = match[8]
    if zone and zone != "Z":
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        time += -shift if zone[0] == "+" else shift
    return time


@dataclass(frozen=True, slots=True)
class Mask:
    """The fixed shape of the start of a row: ``"0000-00-00T00:00:00.000Z",`` with 0 for any digit."""

    shape: bytes
    start: int
    """Where the time begins in it."""
    stop: int
    """Where the time ends."""

    @classmethod
    def of(cls, line: bytes, start: int, after: bytes) -> Mask | None:
        """Learnt from one good row, whose time begins at ``start`` and is followed by ``after``."""
        match = _FIXED.match(line, start)
        if not match or not line.startswith(after, match.end()):
            return None
        whole = line[: match.end() + len(after)]
        return cls(whole.translate(_DIGITS), start, match.end())

    def misfits(self, lines: list[bytes]) -> tuple[list[bytes], list[int]]:
        """The start of each line, and the indices of lines whose start has not this shape (or is no time of day)."""
        width, at = len(self.shape), self.start
        starts = [line[:width] for line in lines]
        joined = b"".join(starts)
        if (
            joined.translate(_DIGITS) == self.shape * len(lines)
            and max(joined[at + 14 :: width]) <= 0x35
            and max(joined[at + 17 :: width]) <= 0x35
        ):
            return starts, []
        shape = self.shape
        odd = [
            i
            for i, s in enumerate(starts)
            if s.translate(_DIGITS) != shape or s[at + 14] > 0x35 or s[at + 17] > 0x35  # minutes and seconds above 59
        ]
        return starts, odd


class Hours:
    """When rows stand: the first, the last and every hour with one, for one log (channel and server)."""

    def __init__(self) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.hours: set[int] = set()
        self.records = 0
        self._known: dict[bytes, int | None] = {}

    def hour(self, prefix: bytes) -> int | None:
        """The hour that ``2021-03-03T06`` names; None when there is no such hour."""
        if prefix not in self._known:
            if len(self._known) > 50_000:
                self._known.clear()
            time = parse_time(prefix.decode("ascii", "replace") + ":00:00")
            self._known[prefix] = hour_of(time) if time else None
        return self._known[prefix]

    def add(self, time: datetime) -> None:
        self.hours.add(hour_of(time))
        if self.first is None or time < self.first:
            self.first = time
        if self.last is None or time > self.last:
            self.last = time

    def join(self, other: Hours) -> None:
        self.records += other.records
        self.hours |= other.hours
        for time in (other.first, other.last):
            if time:
                self.add(time)

    def add_starts(self, starts: list[bytes], mask: Mask) -> None:
        """Of rows that fit ``mask``. Equal shape and zone, so text order is time order."""
        if starts:
            distinct = {s[mask.start : mask.stop] for s in starts}
            self.add_span({s[:HOUR] for s in distinct}, (min(distinct), max(distinct)))

    def add_span(self, hours: Iterable[bytes], edges: tuple[bytes, bytes]) -> None:
        """Hours (those that do not exist are left out), and the first and the last time."""
        for prefix in hours:
            hour = self.hour(prefix)
            if hour is not None:
                self.hours.add(hour)
        for edge in edges:
            time = parse_time(edge.decode("ascii"))
            if time:
                self.add(time)

    def no_hours(self, starts: list[bytes], mask: Mask) -> frozenset[bytes]:
        """Hour prefixes among ``starts`` that are no hour (month 13, hour 24)."""
        at = mask.start
        return frozenset(p for p in {s[at : at + HOUR] for s in set(starts)} if self.hour(p) is None)
