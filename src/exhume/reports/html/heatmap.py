"""What the evidence covers, day by day: one row a log, one column a day (or a few days, when there are many)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from exhume.model import Assessment, Coverage, Finding, Severity, Span, State, Window, merge_spans
from exhume.reports import wording

MOST_COLUMNS = 200
MOST_DAYS = 20 * 366
"""Older days are left out of the drawing (a wrong clock may claim the year 1601)."""
MOST_ROWS = 40
LABEL, WIDE, HIGH, TOP = 300, 680, 22, 30
"""Pixels: the column of names, the drawing, a row, the head."""

STATES = {
    "rows": "has entries",
    "quiet": "no entries, quiet by nature: still covered",
    "hole": "entries missing for 6 hours or more",
    "part": "not all of these days are covered",
    "empty": "no entries although it should never be silent",
    "none": "nothing in the evidence",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """Neighbouring columns in the same state. ``x`` and ``width`` in pixels."""

    state: str
    x: float
    width: float
    days: int
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A column of a row that findings stand in."""

    x: float
    count: int
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """One log with its bars, and the same in words."""

    name: str
    y: float
    bars: tuple[Bar, ...]
    dots: tuple[Dot, ...]
    first: str
    last: str
    covered: int
    missing: int
    holes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The drawing. Empty ``rows`` when nothing in the evidence has a date."""

    rows: tuple[Row, ...]
    states: tuple[str, ...]
    """Folders and settings that were seen as they are now, without days."""
    left_out: int
    step: int
    since: date
    until: date
    cut: bool
    ticks: tuple[tuple[float, str], ...]
    judged: tuple[Bar, ...]
    exposed: tuple[Bar, ...]
    found: tuple[Dot, ...]
    width: int = LABEL + WIDE + 10
    label: int = LABEL
    high: int = HIGH
    top: int = TOP

    @property
    def height(self) -> int:
        return TOP + HIGH * (len(self.rows) + 2) + 8


def grid(assessment: Assessment) -> Grid:
    """The coverage of the assessment, drawn."""
    groups = _groups(assessment.coverage)
    listed = tuple(
        dict.fromkeys(f"{wording.kind(s.kind)}: {s.channel or s.path}" for s in assessment.coverage.spans if s.state)
    )
    windows = [a.window for a in assessment.answers if a.window] + ([assessment.period] if assessment.period else [])
    days = [d for spans in groups.values() for s in spans for d in (s.first, s.last) if d]
    if not days:
        today = assessment.generated.date()
        return Grid((), listed, 0, 1, today, today, False, (), (), (), ())
    logs = Window(min(days).date(), max(days).date())
    near = [w for w in windows if w.until >= logs.since - timedelta(days=400) and w.since <= logs.until + timedelta(days=400)]
    since = min([logs.since, *(w.since for w in near)])
    until = max([logs.until, *(w.until for w in near)])
    cut = (until - since).days >= MOST_DAYS
    axis = _Axis(max(since, until - timedelta(days=MOST_DAYS - 1)) if cut else since, until)
    order = sorted(groups, key=lambda name: (not any(s.busy for s in groups[name]), name))
    rows = tuple(
        _row(name, TOP + HIGH * (n + 2), groups[name], assessment.findings, axis) for n, name in enumerate(order[:MOST_ROWS])
    )
    exposed = [
        (e.since or since, e.until or until, f"open to {e.cve}")
        for e in assessment.exposure
        if e.state is State.VULNERABLE and (e.since or e.until)
    ]
    marked = [f for f in assessment.findings if f.severity > Severity.INFO]
    return Grid(
        rows=rows,
        states=listed,
        left_out=max(0, len(order) - MOST_ROWS),
        step=axis.step,
        since=axis.since,
        until=axis.until,
        cut=cut,
        ticks=tuple(axis.ticks()),
        judged=_merged([(w.since, w.until, "judged") for w in windows], axis),
        exposed=_merged(exposed, axis),
        found=_dots(marked, axis),
    )


class _Axis:
    """Days to columns to pixels."""

    def __init__(self, since: date, until: date) -> None:
        self.since = since
        self.until = until
        self.days = (until - since).days + 1
        self.step = 1 if self.days <= MOST_COLUMNS else max(7, -(-self.days // MOST_COLUMNS))
        self.columns = -(-self.days // self.step)
        self.wide = WIDE / self.columns

    def column(self, day: date) -> int:
        return (day - self.since).days // self.step

    def x(self, column: int) -> float:
        return round(LABEL + column * self.wide, 2)

    def inside(self, day: date) -> bool:
        return self.since <= day <= self.until

    def bar(self, state: str, first: int, last: int, title: str) -> Bar:
        start = self.since + timedelta(days=first * self.step)
        end = min(self.until, self.since + timedelta(days=(last + 1) * self.step - 1))
        days = (end - start).days + 1
        when = str(start) if days == 1 else f"{start} to {end}"
        return Bar(state, self.x(first), round((last - first + 1) * self.wide, 2), days, f"{when}: {title}")

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Firsts of months (or years), never closer than a label is wide."""
        last = -100.0
        for column in range(self.columns):
            start = self.since + timedelta(days=column * self.step)
            days = [start + timedelta(days=n) for n in range(self.step) if start + timedelta(days=n) <= self.until]
            first = next((d for d in days if d.day == 1 or (column == 0 and d == self.since)), None)
            if first is not None and self.x(column) - last >= 72 and self.x(column) < LABEL + WIDE - 56:
                last = self.x(column)
                yield last, f"{first:%Y-%m-%d}" if first.day != 1 else f"{first:%Y-%m}"


def _groups(coverage: Coverage) -> dict[str, list[Span]]:
    servers = len({s.server for s in coverage.spans if s.server}) > 1
    groups: dict[str, list[Span]] = {}
    for span in merge_spans(coverage.spans):
        if not span.state:
            name = wording.kind(span.kind) + (f": {span.channel}" if span.channel else "")
            groups.setdefault(f"{span.server} {name}" if servers and span.server else name, []).append(span)
    return groups


def _row(name: str, y: float, spans: list[Span], findings: Iterable[Finding], axis: _Axis) -> Row:
    firsts = [s.first for s in spans if s.first]
    lasts = [s.last for s in spans if s.last]
    first, last = min(firsts), max(lasts, default=max(firsts))
    hours = frozenset[int]().union(*(s.hours for s in spans))
    whole = Span("", "", "", "", hours=hours)
    busy = any(s.busy for s in spans)
    holes = whole.holes() if busy else ()
    active = set(whole.days) | {first.date(), last.date()}
    holed = {
        day.date()
        for a, b in holes
        for day in (a + timedelta(days=n) for n in range((b - a).days + 2))
        if day.date() <= b.date()
    }

    def state(day: date) -> str:
        if not first.date() <= day <= last.date():
            return "none"
        if day in active:
            return "hole" if day in holed else "rows"
        return "empty" if busy else "quiet"

    every = [state(axis.since + timedelta(days=n)) for n in range(axis.days)]
    columns = [_summed(set(every[c * axis.step : (c + 1) * axis.step])) for c in range(axis.columns)]
    own = {(s.kind, s.channel.lower(), s.server) for s in spans}
    here = [f for f in findings if (f.record.kind, f.record.channel.lower(), f.record.server) in own]
    return Row(
        name=name,
        y=y,
        bars=tuple(_bars(columns, axis)),
        dots=_dots([f for f in here if f.severity > Severity.INFO], axis),
        first=wording.stamp(first),
        last=wording.stamp(last),
        covered=sum(s in ("rows", "quiet") for s in every),
        missing=sum(s not in ("rows", "quiet") for s in every),
        holes=tuple(f"{a:%Y-%m-%d %H:%M} to {b:%Y-%m-%d %H:%M}" for a, b in holes),
    )


def _summed(states: set[str]) -> str:
    """The state of a column of several days; "part" where only some of them are covered."""
    if len(states) == 1:
        return next(iter(states))
    if states <= {"rows", "quiet"}:
        return "rows"
    if states <= {"empty", "none"}:
        return "empty"
    return "hole" if "none" not in states else "part"


def _bars(columns: list[str], axis: _Axis) -> Iterator[Bar]:
    place = 0
    for state, group in itertools.groupby(columns):
        count = len(list(group))
        yield axis.bar(state, place, place + count - 1, STATES[state])
        place += count


def _merged(windows: Iterable[tuple[date, date, str]], axis: _Axis) -> tuple[Bar, ...]:
    """Windows of days as bars; those that touch are one."""
    covered: dict[int, list[str]] = {}
    for since, until, title in windows:
        if until < axis.since or since > axis.until or until < since:
            continue
        for column in range(axis.column(max(since, axis.since)), axis.column(min(until, axis.until)) + 1):
            covered.setdefault(column, []).append(title)
    bars: list[Bar] = []
    for _, group in itertools.groupby(enumerate(sorted(covered)), key=lambda pair: pair[1] - pair[0]):
        columns = [column for _, column in group]
        titles = dict.fromkeys(t for c in columns for t in covered[c])
        bars.append(axis.bar("window", columns[0], columns[-1], ", ".join(titles)))
    return tuple(bars)


def _dots(findings: Iterable[Finding], axis: _Axis) -> tuple[Dot, ...]:
    counts = Counter(axis.column(f.first_seen.date()) for f in findings if f.first_seen and axis.inside(f.first_seen.date()))
    return tuple(
        Dot(
            round(axis.x(column) + axis.wide / 2, 2),
            count,
            f"{axis.since + timedelta(days=column * axis.step)}: {wording.counted(count, 'finding')}",
        )
        for column, count in sorted(counts.items())
    )
