"""What is known of an EVTX file once its chunks are read, or some of them: spans, and what is wrong with it.

The parts of a file that several processes read are added up here, and only the sum is judged: a record number that one of them
misses may lie in the chunks of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeAlias

from exhume.model import Cause, Coverage, File, Gap
from exhume.readers.eventfields import KIND, Reach

HOLES_TOLD = 10
"""Missing stretches that get a gap of their own; the others are added up in one."""
MOST_RUNS = 1 << 18
"""Stretches of record numbers that are remembered. The chunks of a whole log hold one each, and few of them when they follow
on each other; only a log made for it has more."""
Run: TypeAlias = tuple[int, int, datetime | None, datetime | None]
"""First and last record number of a stretch without holes, with their times."""

_WATCHED = frozenset(
    (
        "application", "security", "system", "setup", "windows powershell", "msexchange management",
        "microsoft-windows-powershell/operational", "microsoft-windows-sysmon/operational",
        "microsoft-windows-windows defender/operational", "microsoft-windows-taskscheduler/operational",
        "microsoft-windows-iis-configuration/operational", "microsoft-windows-wmi-activity/operational",
        "microsoft-windows-terminalservices-localsessionmanager/operational",
        "microsoft-windows-terminalservices-remoteconnectionmanager/operational",
    )
)  # fmt: skip


@dataclass(slots=True)
class EventLog:
    """The account of one file. What comes first is known to whoever has gone over the file up to the end of its part."""

    file: File
    """Without what opens it, so that it can go from one process to another."""
    reach: Reach
    promised: int = 0
    """Chunks that the file header speaks of."""
    headless: bool = False
    seen: int = 0
    """64 KiB places that were looked at."""
    zeroed: int = 0
    blank: int = 0
    """Zeroed chunks of which it is not known yet whether anything follows."""
    shifted: int = 0
    """Places off the grid of chunks: what lies before the next chunk is lost."""
    beyond: bool = False
    """It is larger than a log can be, and was not read to its end."""
    cut: bool = False
    stopped: str = ""
    altered: int = 0
    unread: int = 0
    """Chunks in which nothing could be made out."""
    lost: int = 0
    """Records that could not be decoded."""
    runs: list[Run] = field(default_factory=list)
    scattered: bool = False
    """There are more runs than are remembered."""

    @classmethod
    def of(cls, file: File) -> EventLog:
        """An account with nothing in it yet."""
        bare = replace(file, opener=None, beside=None, neighbours=None)
        return cls(bare, Reach(bare))

    def run(self, first: int, last: int, since: datetime | None, until: datetime | None) -> None:
        """Notes a stretch of record numbers; it is one with the stretch before when it goes on there."""
        before = self.runs[-1] if self.runs else None
        if before and before[1] + 1 == first:
            self.runs[-1] = (before[0], last, before[2], until)
        elif len(self.runs) < MOST_RUNS:
            self.runs.append((first, last, since, until))
        else:
            self.scattered = True

    def __add__(self, later: EventLog) -> EventLog:
        """With what a later part of the same file tells."""
        far = max(later, self, key=lambda log: log.seen)
        both = replace(
            far,
            reach=self.reach + later.reach,
            cut=self.cut or later.cut,
            stopped=self.stopped or later.stopped,
            altered=self.altered + later.altered,
            unread=self.unread + later.unread,
            lost=self.lost + later.lost,
            runs=list(self.runs),
            scattered=self.scattered or later.scattered,
        )
        for run in later.runs:
            both.run(*run)
        return both

    def coverage(self, *, whole: bool = True) -> Coverage:
        """Spans and gaps. Without all of its parts (not ``whole``) nothing is said of what a missing one may hold."""
        return Coverage(tuple(self.reach.spans()), tuple(_gaps(self, whole)))


class _Damaged(Protocol):
    """Makes a gap of cause DAMAGED for the file at hand."""

    def __call__(self, detail: str, count: int = 1, since: datetime | None = None, until: datetime | None = None) -> Gap: ...


def _gaps(log: EventLog, whole: bool) -> Iterator[Gap]:
    channel, server = log.reach.main()
    place = log.file.source("file")

    def damaged(detail: str, count: int = 1, since: datetime | None = None, until: datetime | None = None) -> Gap:
        return Gap(KIND, Cause.DAMAGED, detail, place, since, until, channel, server, count)

    if log.stopped:
        words = f"it could not be read to its end ({log.stopped})"
        yield Gap(KIND, Cause.UNREADABLE, words, place, None, None, channel, server)
    if log.beyond:
        yield Gap(KIND, Cause.LIMIT, "larger than an event log can be (4 GiB): it was not read to its end", place)
    if not log.seen and not log.promised:
        if not log.stopped:
            yield damaged("the file is empty or too short for an event log")
        return
    if log.headless:
        rest = "the chunks behind it were read" if log.reach.any else "no event could be made out behind it"
        yield damaged(f"the file header is damaged or missing; {rest}")
    gone = log.zeroed + log.shifted + log.unread
    if gone:
        yield damaged("chunks (64 KiB of events each) are zeroed or overwritten; what they held is lost", gone)
    missing = log.promised - (log.seen - log.blank)
    if whole and (log.cut or missing > 0):
        words = "the file is cut off" if log.cut or log.seen < log.promised else "chunks at its end are zeroed"
        yield damaged(f"{words}: chunks that its header speaks of are missing or incomplete", max(1, missing))
    if log.altered:
        yield damaged("chunks do not match their checksum; what could be decoded in them was read", log.altered)
    if log.lost:
        yield damaged("records could not be decoded", log.lost)
    if log.scattered:
        words = f"record numbers jump at more than {MOST_RUNS:,} places: it was not found out which records are missing"
        yield Gap(KIND, Cause.LIMIT, words, place, None, None, channel, server)
    elif whole:
        yield from _holes(log.runs, damaged)
    hurt = log.headless or log.altered or gone or log.lost or missing > 0
    if whole and not log.reach.any and not hurt and not log.stopped:
        yield from _empty(log.file)


def _holes(runs: Iterable[Run], damaged: _Damaged) -> Iterator[Gap]:
    """Stretches of record numbers that are nowhere in the file: Windows numbers without leaving any out."""
    holes: list[tuple[int, datetime | None, datetime | None]] = []
    end: int | None = None
    end_time: datetime | None = None
    for first, last, since, until in sorted(runs, key=lambda run: run[:2]):
        if end is not None and first > end + 1:
            holes.append((first - end - 1, end_time, since))
        if end is None or last >= end:
            end, end_time = last, until
    holes.sort(key=lambda hole: -hole[0])
    words = "records are missing: their numbers do not follow on each other (overwritten, damaged or removed)"
    for count, since, until in holes[:HOLES_TOLD]:
        yield damaged(words, count, since, until)
    if holes[HOLES_TOLD:]:
        yield damaged(f"{words}, at {len(holes) - HOLES_TOLD} more places", sum(hole[0] for hole in holes[HOLES_TOLD:]))


def _empty(file: File) -> Iterator[Gap]:
    """An empty log covers nothing. Most logs of a Windows are empty, so only those that count are told."""
    channel = file.name[: -len(".evtx")] if file.name.lower().endswith(".evtx") else file.name
    for escape in ("%254", "%4"):
        channel = channel.replace(escape, "/")
    if channel.lower() in _WATCHED:
        yield Gap(KIND, Cause.TOO_SHORT, "the log holds no events", file.source("file"), channel=channel)
