"""The timeline as a table that can be narrowed down by kind, severity, actor, log and day: with style alone, no script.

Each row bears classes (``k-attack s-high a-1 l-3 d-2021-03-03``). A box that is not ticked, or an entry that is chosen in a
list, hides the rows that do not fit: CSS ``:has()``, which browsers have had since December 2023. In older ones all rows are
shown. What is hidden on the screen is hidden on paper as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exhume.model import Assessment, Moment, Severity
from exhume.reports import wording
from exhume.reports.plain import shorten, shown

MOST_MOMENTS = 1000
"""Rows shown; all are in timeline.csv."""
MOST_CHOICES = 400
"""Entries of a list; what comes after cannot be chosen by itself."""
NO_SEVERITY = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """One moment."""

    time: str
    lane: str
    what: str
    severity: str
    actors: str
    id: str
    """Of its finding when that is on the page."""
    path: str
    at: str
    classes: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One box, or one entry of a list."""

    name: str
    """The class of its rows."""
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that the template needs of the timeline."""

    rows: tuple[Row, ...]
    left_out: int
    boxes: tuple[tuple[str, tuple[Choice, ...]], ...]
    lists: tuple[tuple[str, str, tuple[Choice, ...]], ...]
    """Name of the list, word for "all", entries."""

    @property
    def style(self) -> str:
        """The rules that hide rows. They hold nothing but names that were made here."""
        boxes = (c.name for _, choices in self.boxes for c in choices)
        entries = (c.name for _, _, choices in self.lists for c in choices)
        return "".join(
            (
                *(f".moments:has(#c-{n}:not(:checked)) tr.{n},\n" for n in boxes),
                *(f".moments:has(option[value={n}]:checked) tbody tr:not(.{n}),\n" for n in entries),
                ".moments tr.never { display: none; }\n",
            )
        )


def table(a: Assessment, on_page: frozenset[str]) -> Table:
    """The rows in order of time, and what they can be chosen by."""
    severities = {f.id: f.severity for f in a.findings}
    actors: dict[str, list[int]] = {}
    for number, one in enumerate(a.intrusions, 1):
        for name in one.findings:
            actors.setdefault(name, []).append(number)
    shown_moments = a.timeline[:MOST_MOMENTS]
    logs = {log: f"l-{n}" for n, log in enumerate(sorted({m.log for m in shown_moments if m.log})[:MOST_CHOICES])}
    rows = tuple(_row(m, severities, actors, logs, on_page) for m in shown_moments)
    counts = Counter(name for row in rows for name in row.classes.split())
    people = {f"a-{n}": f"{n}: {_who(a, n)}" for n in range(1, len(a.intrusions) + 1)} | {"a-0": "nobody in particular"}
    kinds = {f"k-{kind}": word for kind, word in wording.LANE.items()}
    worst_first = {f"s-{s}": str(s) for s in reversed(Severity)} | {f"s-{NO_SEVERITY}": "no finding"}
    days = {name: name[2:] for name in sorted(counts) if name.startswith("d-")}
    return Table(
        rows=rows,
        left_out=len(a.timeline) - len(rows),
        boxes=(("Kind", _choices(kinds, counts)), ("Severity", _choices(worst_first, counts))),
        lists=tuple(
            (name, every, found)
            for name, every, labels in (
                ("Actor", "all", people),
                ("Log", "all", {name: log for log, name in logs.items()} | {"l-none": "no log"}),
                ("Day", "all", days),
            )
            if len(found := _choices(labels, counts)) > 1
        ),
    )


def _row(
    m: Moment,
    severities: Mapping[str, Severity],
    actors: Mapping[str, list[int]],
    logs: Mapping[str, str],
    on_page: frozenset[str],
) -> Row:
    kind = m.kind if m.kind in wording.LANE else "context"
    severity = str(severities[m.finding]) if m.finding in severities else NO_SEVERITY
    numbers = actors.get(m.finding, []) or ([m.actor] if m.actor else [])
    marks = [
        f"k-{kind}",
        f"s-{severity}",
        *(f"a-{n}" for n in numbers or [0]),
        logs.get(m.log, "l-none"),
        f"d-{m.time:%Y-%m-%d}",
    ]
    return Row(
        time=wording.stamp(m.time),
        lane=wording.LANE[kind],
        what=m.what,
        severity="" if severity == NO_SEVERITY else severity,
        actors=", ".join(map(str, numbers)),
        id=m.finding if m.finding in on_page else "",
        path=m.source.path if m.source else "",
        at=m.source.at if m.source else "",
        classes=" ".join(marks),
    )


def _who(a: Assessment, number: int) -> str:
    one = a.intrusions[number - 1]
    return shorten(shown(", ".join(one.addresses[:2] or one.accounts[:1] or one.web_shells[:1]) or "no address known"), 60)


def _choices(labels: Mapping[str, str], counts: Counter[str]) -> tuple[Choice, ...]:
    found: Iterable[Choice] = (Choice(name, label, counts[name]) for name, label in labels.items() if counts[name])
    return tuple(found)[:MOST_CHOICES]
