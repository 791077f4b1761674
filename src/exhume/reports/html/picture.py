"""The timeline as a picture: one axis, one lane a kind of moment. Moments that would overlap are one mark with a count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from exhume.model import Assessment, Moment, Outcome
from exhume.reports import wording

LABEL, WIDE, HIGH, TOP = 120, 840, 40, 34
"""Pixels: the column of names, the drawing, a lane, the head."""
NEAR = 15
"""Marks closer than this many pixels become one."""
DAY = 86400
STEPS = (
    1,
    10,
    60,
    300,
    900,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    91 * DAY,
    365 * DAY,
)
"""Seconds from one tick to the next."""
MOST_TICKS = 8
MOST_ACTORS = 6
"""Actors with a lane of their own; more share one."""
TOLD = 6
"""Moments named in the title of a mark."""
Reach: TypeAlias = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Mark:
    """One or several moments at about the same time."""

    x: float
    count: int
    size: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of moment, and its marks."""

    kind: str
    name: str
    y: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing with its own axis."""

    title: str
    id: str
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]
    logs: tuple[float, float] | None
    """Pixels from and to which any log reaches."""
    moments: int
    since: datetime
    until: datetime
    width: int = LABEL + WIDE + 20
    label: int = LABEL
    high: int = HIGH
    top: int = TOP

    @property
    def height(self) -> int:
        return TOP + HIGH * len(self.lanes) + 6


def pictures(assessment: Assessment) -> tuple[Picture, ...]:
    """The whole timeline, and the break-in closer when it is short beside the whole."""
    moments = assessment.timeline
    if not moments:
        return ()
    first, last = min(m.time for m in moments), max(m.time for m in moments)
    drawn = [_picture("From first to last", "whole", moments, (first, last), assessment)]
    inner = [f for f in assessment.findings if f.outcome >= Outcome.STEP and f.first_seen]
    times = [t for i in assessment.intrusions for t in (i.first_seen, i.last_seen) if t]
    times = times or [t for f in inner for t in (f.first_seen, f.last_seen) if t]
    if times:
        start, end = min(times), max(times)
        if (end - start) * 5 < last - first:
            some = [m for m in moments if start <= m.time <= end]
            if len(some) > 1:
                drawn.append(_picture("The break-in, closer", "close", some, (start, end), assessment))
    return tuple(drawn)


def _picture(title: str, identifier: str, moments: Iterable[Moment], reach: Reach, assessment: Assessment) -> Picture:
    since, until = reach
    axis = _Axis(since, until)
    actors = _actors(assessment)
    lanes: dict[tuple[str, int], list[Moment]] = {}
    for moment in sorted(moments, key=lambda m: m.time):
        kind = moment.kind if moment.kind in wording.LANE else "context"
        actor = (moment.actor or actors.get(moment.finding, 0)) if actors and kind == "attack" else 0
        lanes.setdefault((kind, actor), []).append(moment)
    kinds = list(wording.LANE)
    order = sorted(lanes, key=lambda lane: (kinds.index(lane[0]), lane[1] or MOST_ACTORS + 1))
    spans = [(s.first, s.last) for s in assessment.coverage.spans if s.first and s.last]
    logs = None
    if spans and ("log", 0) in lanes:
        logs = (axis.x(max(axis.since, min(a for a, _ in spans))), axis.x(min(axis.until, max(b for _, b in spans))))
        logs = logs if logs[0] < logs[1] else None
    return Picture(
        title=title,
        id=identifier,
        lanes=tuple(
            Lane(lane[0], _name(lane, bool(actors)), TOP + HIGH * n + HIGH / 2, tuple(_marks(lanes[lane], axis)))
            for n, lane in enumerate(order)
        ),
        ticks=tuple(axis.ticks()),
        logs=logs,
        moments=sum(map(len, lanes.values())),
        since=since,
        until=until,
    )


def _actors(assessment: Assessment) -> dict[str, int]:
    """Finding → the first actor in whose intrusion it stands; empty when one lane is enough, or too many would be needed."""
    if not 1 < len(assessment.intrusions) <= MOST_ACTORS:
        return {}
    numbered = list(enumerate(assessment.intrusions, 1))
    return {name: number for number, one in reversed(numbered) for name in one.findings}


def _name(lane: tuple[str, int], actors: bool) -> str:
    kind, actor = lane
    if kind != "attack" or not actors:
        return wording.LANE[kind]
    return f"Actor {actor}" if actor else "Other attacks"


class _Axis:
    """Times to pixels, with a little air on both sides."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since = since
        self.until = until
        self.length = max((until - since).total_seconds(), 60.0)

    def x(self, time: datetime) -> float:
        return round(LABEL + 20 + (WIDE - 40) * (time - self.since).total_seconds() / self.length, 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """At round times, never more than ``MOST_TICKS``."""
        step = next((s for s in STEPS if self.length / s <= MOST_TICKS), self.length / MOST_TICKS)
        form = "%Y-%m-%d" if step >= DAY else "%m-%d %H:%M" if step >= 60 else "%H:%M:%S"
        number = -int(-self.since.timestamp() // step)
        while number * step <= self.since.timestamp() + self.length:
            time = datetime.fromtimestamp(number * step, UTC)
            yield self.x(time), time.strftime(form)
            number += 1


def _marks(moments: list[Moment], axis: _Axis) -> Iterator[Mark]:
    near: list[Moment] = []
    for moment in moments:
        if near and axis.x(moment.time) - axis.x(near[0].time) > NEAR:
            yield _mark(near, axis)
            near = []
        near.append(moment)
    if near:
        yield _mark(near, axis)


def _mark(moments: list[Moment], axis: _Axis) -> Mark:
    lines = [f"{wording.stamp(m.time)}: {m.what}" for m in moments[:TOLD]]
    if len(moments) > TOLD:
        lines.append(f"… and {len(moments) - TOLD} more")
    middle = (axis.x(moments[0].time) + axis.x(moments[-1].time)) / 2
    return Mark(round(middle, 1), len(moments), 6.0 if len(moments) == 1 else 9.0, "\n".join(lines))
