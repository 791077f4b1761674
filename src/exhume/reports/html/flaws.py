"""Exposed? Builds over time above the flaws that they were open to, one row a flaw, the open days marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from exhume.model import Assessment, Exposure, Reading, State
from exhume.reports import wording

HIGH, TOP, EDGE = 22, 30, 10
"""Pixels: a row, the head, the right edge."""
MOST_FLAWS = 14
"""Rows drawn: flaws that were open, then those of which it is not known; those known to be exploited first."""
MOST_MARKS = 6
"""Updates that are named below the drawing, latest first."""

_WORDS = {
    "update": "{} installed",
    "removal": "{} removed",
    "install": "{} set up",
    "first_install": "{} set up for the first time",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """How much there is room for. Pixels but for ``before`` and ``ticks``."""

    name: str
    label: int
    """The column of names."""
    wide: int
    """The drawing itself."""
    before: timedelta
    """Drawn before the first dated row, so that it is seen when a flaw became known."""
    ticks: int
    """Most of them."""


WIDE = Frame("wide", 150, 830, timedelta(days=90), 8)
NARROW = Frame("narrow", 120, 232, timedelta(days=30), 3)
"""On a telephone: nothing has to be pushed aside to see the open days."""


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
    """One flaw, and the stretches of its states."""

    name: str
    y: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing; without ``lanes`` there is nothing to draw."""

    lanes: tuple[Lane, ...]
    frame: Frame
    marks: tuple[tuple[float, str], ...]
    """Updates and set-ups: where and what."""
    ticks: tuple[tuple[float, str], ...]
    since: date
    until: date
    flaws: int
    """Flaws in all."""
    high: int = HIGH
    top: int = TOP

    @property
    def width(self) -> int:
        return self.frame.label + self.frame.wide + EDGE

    @property
    def label(self) -> int:
        return self.frame.label

    @property
    def named(self) -> tuple[str, ...]:
        """The latest updates and set-ups in words."""
        return tuple(text for _, text in self.marks[-MOST_MARKS:])

    @property
    def height(self) -> int:
        return TOP + HIGH * len(self.lanes) + 6


def charts(a: Assessment) -> tuple[Chart, ...]:
    """The exposure of the assessment, drawn for a wide page and for a telephone."""
    return tuple(chart(a, frame) for frame in (WIDE, NARROW))


def chart(a: Assessment, frame: Frame = WIDE) -> Chart:
    """The exposure of the assessment, drawn."""
    flaws: dict[str, list[Exposure]] = {}
    for entry in a.exposure:
        flaws.setdefault(entry.cve, []).append(entry)
    firsts = [s.first.date() for s in a.coverage.spans if s.first] + [r.day for r in a.readings if r.what == "build" and r.day]
    until = (a.coverage.end or a.generated).date()
    since = min(min(firsts, default=until), until) - frame.before
    axis = _Axis(since, until, frame)
    order = sorted(flaws, key=lambda cve: _rank(flaws[cve]))[:MOST_FLAWS]
    built = tuple(axis.stretch(first, last, "build", value, value) for first, last, value in _runs(a.readings))
    lanes = [Lane("Build", TOP, built)] if built else []
    for cve in order:
        drawn = tuple(axis.stretch(e.since, e.until, str(e.state), wording.STATE[e.state]) for e in flaws[cve] if axis.shows(e))
        lanes.append(Lane(cve, TOP + HIGH * len(lanes), drawn))
    marks = tuple((axis.x(day), text) for day, text in _changes(a.readings) if since <= day <= until)
    return Chart(tuple(lanes) if order else (), frame, marks, tuple(axis.ticks()), since, until, len(flaws))


def _changes(readings: Sequence[Reading]) -> list[tuple[date, str]]:
    """Updates, set-ups, and builds that follow another one (not those of several servers, which change to and fro)."""
    told = {
        (r.day, f"{r.day}: {_WORDS[r.what].format(r.value or 'Exchange')}")
        for r in readings
        if r.what in _WORDS and r.trust != "hint" and r.day
    }
    builds = {(day, f"{day}: build {value}") for day, _, value in _runs(readings)[1:]}
    return sorted(told | builds if len(builds) <= MOST_MARKS else told)


def _rank(entries: Iterable[Exposure]) -> int:
    states = {e.state for e in entries}
    return next(n for n, s in enumerate((State.VULNERABLE, State.MITIGATED, State.UNKNOWN, *State)) if s in states)


def _runs(readings: Iterable[Reading]) -> list[tuple[date, date, str]]:
    """Each build with the first and the last day on which it was read, unless another came between."""
    runs: list[tuple[date, date, str]] = []
    for day, value in sorted({(r.day, r.value) for r in readings if r.what == "build" and r.day}):
        if runs and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], day, value)
        else:
            runs.append((day, day, value))
    return runs


class _Axis:
    """Days to pixels."""

    def __init__(self, since: date, until: date, frame: Frame) -> None:
        self.since, self.until, self.frame = since, until, frame
        self.wide = frame.wide / ((until - since).days + 1)

    def x(self, day: date) -> float:
        return round(self.frame.label + (min(max(day, self.since), self.until) - self.since).days * self.wide, 2)

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
        step = max(1, -(-months // self.frame.ticks))
        for n in range(1, months + 1, step):
            month = self.since.month - 1 + n
            day = date(self.since.year + month // 12, month % 12 + 1, 1)
            yield self.x(day), f"{day:%Y-%m}"
