"""Exposed? Builds over time above the flaws that they were open to, one row a flaw, the open days marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from exhume.model import Assessment, Exposure, Reading, State
from exhume.reports import wording

LABEL, WIDE, HIGH, TOP = 150, 830, 22, 30
"""Pixels: the column of names, the drawing, a row, the head."""
MOST_FLAWS = 14
"""Rows drawn: flaws that were open, then those of which it is not known; those known to be exploited first."""
BEFORE = timedelta(days=90)
"""Drawn before the first dated row, so that it is seen when a flaw became known."""
MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in one state, or with one build. ``x`` and ``width`` in pixels."""

    state: str
    x: float
    width: float
    title: str
    text: str = ""
    """What is written into it, where there is room."""


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    y: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing; without ``lanes`` there is nothing to draw."""

    lanes: tuple[Lane, ...]
    marks: tuple[tuple[float, str], ...]
    """Updates and set-ups: where and what."""
    ticks: tuple[tuple[float, str], ...]
    since: date
    until: date
    flaws: int
    """Flaws in all."""
    width: int = LABEL + WIDE + 10
    label: int = LABEL
    high: int = HIGH
    top: int = TOP

    @property
    def height(self) -> int:
        return TOP + HIGH * len(self.lanes) + 6


def chart(a: Assessment) -> Chart:
    """The exposure of the assessment, drawn."""
    flaws: dict[str, list[Exposure]] = {}
    for entry in a.exposure:
        flaws.setdefault(entry.cve, []).append(entry)
    firsts = [s.first.date() for s in a.coverage.spans if s.first] + [r.day for r in a.readings if r.what == "build" and r.day]
    until = (a.coverage.end or a.generated).date()
    since = min(min(firsts, default=until), until) - BEFORE
    axis = _Axis(since, until)
    order = sorted(flaws, key=lambda cve: _rank(flaws[cve]))[:MOST_FLAWS]
    lanes = (
        [Lane("Build", TOP, tuple(_builds(a.readings, axis)))] if any(r.what == "build" and r.day for r in a.readings) else []
    )
    for cve in order:
        drawn = tuple(axis.stretch(e.since, e.until, str(e.state), wording.STATE[e.state]) for e in flaws[cve] if axis.shows(e))
        lanes.append(Lane(cve, TOP + HIGH * len(lanes), drawn))
    marks = tuple(
        (axis.x(r.day), f"{r.day}: {r.value or 'set-up'} ({r.what})")
        for r in a.readings
        if r.what in ("update", "install", "first_install", "removal") and r.day and since <= r.day <= until
    )
    return Chart(tuple(lanes) if order else (), marks, tuple(axis.ticks()), since, until, len(flaws))


def _rank(entries: Iterable[Exposure]) -> int:
    states = {e.state for e in entries}
    return next(n for n, s in enumerate((State.VULNERABLE, State.MITIGATED, State.UNKNOWN, *State)) if s in states)


def _builds(readings: Iterable[Reading], axis: _Axis) -> Iterator[Stretch]:
    """Each build from the first to the last day on which it was read, unless another came between."""
    days: list[tuple[date, str]] = sorted({(r.day, r.value) for r in readings if r.what == "build" and r.day})
    start = 0
    for i, (_, value) in enumerate(days):
        if i + 1 == len(days) or days[i + 1][1] != value:
            yield axis.stretch(days[start][0], days[i][0], "build", value, value)
            start = i + 1


class _Axis:
    """Days to pixels."""

    def __init__(self, since: date, until: date) -> None:
        self.since, self.until = since, until
        self.wide = WIDE / ((until - since).days + 1)

    def x(self, day: date) -> float:
        return round(LABEL + (min(max(day, self.since), self.until) - self.since).days * self.wide, 2)

    def shows(self, entry: Exposure) -> bool:
        return (entry.since or self.since) <= self.until and (entry.until or self.until) >= self.since

    def stretch(self, first: date | None, last: date | None, state: str, title: str, text: str = "") -> Stretch:
        start, end = first or self.since, last or self.until
        width = round(self.x(end) - self.x(start) + self.wide, 2)
        when = f"{first or 'unknown'} to {last or 'the end of the evidence'}"
        return Stretch(state, self.x(start), max(width, 2.0), f"{when}: {title}", text if width > 9 * len(text) else "")

    def ticks(self) -> Iterator[tuple[float, str]]:
        """First days of months, as many as can be read."""
        months = (self.until.year - self.since.year) * 12 + self.until.month - self.since.month
        step = max(1, -(-months // MOST_TICKS))
        for n in range(1, months + 1, step):
            month = self.since.month - 1 + n
            day = date(self.since.year + month // 12, month % 12 + 1, 1)
            yield self.x(day), f"{day:%Y-%m}"
