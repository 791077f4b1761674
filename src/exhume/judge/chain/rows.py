"""Sigma correlation rules over rows: counts, sums and orders of all rows that the rules they name hold for.

A time frame slides: rows lie in one when the last is no more than ``timespan`` after the first. Counts are taken of frames
that no other one holds whole, so that an upper bound (``lt``, ``eq``, …) is not met by the beginning of a burst. A row without
one of the values that are grouped by is in no group. Values are compared without letter case, as Sigma compares all texts.

Of a chain, the correlation below stands for one row each time it is met: a lower bound at every row that meets it, all else
at the last row of a frame; it has the values that its rows have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

from exhume.judge.chain.frames import Different, Measure, Percentile, Rowcount, Total, ends, frames
from exhume.model import Because, Cause, Correlation, Finding, Gap, Record, Sighting
from exhume.model.correlation import compared
from exhume.model.finding import SOURCES_KEPT
from exhume.model.visit import VISITS_KEPT, merge_visits, visit_of

FINDINGS_KEPT = 2000
"""Findings of one correlation: groups times days."""
SHOWN = 20
"""Rows named as reasons."""
_LOWER = frozenset(("gt", "gte"))
_WORDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "!="}


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A row, or the rows with which a correlation below was met."""

    time: datetime
    rule: str
    values: Mapping[str, str]
    count: int
    first: datetime
    rows: tuple[Sighting, ...]
    """The first of them."""


@dataclass(frozen=True, slots=True)
class _Met:
    """Rows with which a correlation is met: of ``rows`` those from ``start`` to ``end``."""

    rows: Sequence[_Row]
    start: int
    end: int
    number: float
    count: int


def over_rows(sightings: Iterable[Sighting], rules: Iterable[Correlation]) -> tuple[tuple[Finding, ...], tuple[Gap, ...]]:
    """The findings that the correlations raise, and what was left out."""
    found: list[Finding] = []
    gaps: list[Gap] = []
    rows = _Rows(sightings, rules)
    for rule in rows.rules:
        if rule.silent:
            continue
        mine = [finding for key, group in rows.groups(rule) for finding in _findings(rule, key, list(_met(rule, group)))]
        mine.sort(key=lambda f: (str(f.first_seen), f.subject))
        found += mine[:FINDINGS_KEPT]
        if len(mine) > FINDINGS_KEPT:
            words = (
                f"more than {FINDINGS_KEPT} findings of correlation {rule.rule.id}: {len(mine) - FINDINGS_KEPT:,} are left out"
            )
            gaps.append(Gap("finding", Cause.LIMIT, words, since=mine[FINDINGS_KEPT].first_seen))
    return tuple(found), tuple(gaps)


class _Rows:
    """The rows of every rule; those of correlations are found out when they are first asked for."""

    def __init__(self, sightings: Iterable[Sighting], rules: Iterable[Correlation]) -> None:
        self.rules = tuple(rule for rule in rules if rule.over_rows)
        self._chained = {rule.key: rule for rule in self.rules}
        self._rows: dict[str, list[_Row]] = defaultdict(list)
        for one in sightings:
            self._rows[one.rule].append(_Row(one.time, one.rule, dict(one.values), one.count, one.time, (one,)))

    def groups(self, rule: Correlation) -> list[tuple[tuple[str, ...], list[_Row]]]:
        """The rows that it looks at by what it groups by, each group in order of time."""
        out: dict[tuple[str, ...], list[_Row]] = defaultdict(list)
        shown: dict[tuple[str, ...], tuple[str, ...]] = {}
        for name in rule.rules:
            for row in self._of(name):
                key = tuple(row.values.get(rule.source(label, name), "") for label in rule.group_by)
                if all(key):
                    folded = tuple(value.lower() for value in key)
                    shown[folded] = min(shown.get(folded, key), key)
                    out[folded].append(row)
        order = {name: number for number, name in enumerate(rule.rules)}
        return [(shown[key], sorted(rows, key=lambda row: (row.time, order[row.rule]))) for key, rows in sorted(out.items())]

    def _of(self, name: str) -> list[_Row]:
        rule = self._chained.pop(name, None)
        if rule is not None:
            found = (row for _, group in self.groups(rule) for row in _as_rows(name, _met(rule, group, chained=True)))
            self._rows[name] = sorted(found, key=lambda row: row.time)
        return self._rows.get(name, [])


def _as_rows(name: str, mets: Iterable[_Met]) -> Iterator[_Row]:
    """What a correlation stands for in a chain: of the rows that are new in a frame, each set of values once."""
    for met, new in _new(mets):
        kept = tuple(one for row in met.rows[met.start : met.start + SHOWN] for one in row.rows)[:SHOWN]
        time, first = met.rows[met.end].time, met.rows[met.start].first
        for values in {frozenset(row.values.items()) for row in new}:
            yield _Row(time, name, dict(values), met.count, first, kept)


def _new(mets: Iterable[_Met]) -> Iterator[tuple[_Met, Sequence[_Row]]]:
    """Each with those of its rows that were in none before, so that all together cost no more than there are rows."""
    upto, rows = -1, None
    for met in mets:
        upto = upto if met.rows is rows else -1
        yield met, met.rows[max(met.start, upto + 1) : met.end + 1]
        upto, rows = max(upto, met.end), met.rows


def _met(rule: Correlation, group: Sequence[_Row], chained: bool = False) -> Iterator[_Met]:
    if rule.type == "temporal_ordered":
        yield from _in_order(rule, group)
        return
    if rule.type == "event_count":
        group = _once(group)
    elif rule.type != "temporal":
        group = [row for row in group if _value(rule, row)]
    tests = rule.condition or (("gte", len(rule.rules)),)

    def meets(number: float | None) -> bool:
        return number is not None and all(compared(number, test, limit) for test, limit in tests)

    lower = rule.type in ("event_count", "value_count", "temporal") and all(test in _LOWER for test, _ in tests)
    look = ends if chained and lower else frames
    before = [0, *accumulate(row.count for row in group)]
    for start, end, number in look([row.time for row in group], rule.timespan, _measure(rule, group), meets):
        yield _Met(group, start, end, number, before[end + 1] - before[start])


def _measure(rule: Correlation, group: Sequence[_Row]) -> Measure:
    counts = [row.count for row in group]
    if rule.type == "event_count":
        return Rowcount(counts)
    if rule.type == "temporal":
        return Different([row.rule for row in group])
    values = [_value(rule, row) for row in group]
    if rule.type == "value_count":
        return Different(values)
    numbers = [_number(value[0]) for value in values]
    if rule.type == "value_percentile":
        return Percentile(numbers, counts, rule.percentile)
    return Total(numbers, counts, average=rule.type == "value_avg")


def _once(group: Sequence[_Row]) -> list[_Row]:
    """A row for which several of the rules hold is one row."""
    seen: dict[tuple[object, ...], _Row] = {}
    for row in group:
        place = (row.time, row.rows[0].source)
        seen[place] = max(seen.get(place, row), row, key=lambda one: one.count)
    return list(seen.values())


def _value(rule: Correlation, row: _Row) -> tuple[str, ...]:
    """The values of the fields that are counted; empty when the row lacks one."""
    values = tuple(row.values.get(rule.source(label, row.rule), "").lower() for label in rule.field)
    return values if all(values) else ()


def _number(text: str) -> float | None:
    if len(text) > 40 or not text.isascii() or not text[-1:].isdigit():
        return None
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return None


def _in_order(rule: Correlation, group: Sequence[_Row]) -> Iterator[_Met]:
    """Of each rule one row, in the order of the rules; of two ways to the same last row the shorter one. Where a log writes
    whole seconds only, the order within a second is not known, and any is taken."""
    order = {name: number for number, name in enumerate(rule.rules)}
    fine: dict[str, bool] = dict.fromkeys(rule.rules, False)
    for row in group:
        fine[row.rule] |= row.time.microsecond > 0

    def when(row: _Row) -> datetime:
        return row.time if all(fine.values()) else row.time.replace(microsecond=0)

    best: list[tuple[_Row, ...]] = [()] * len(rule.rules)
    for row in sorted(group, key=lambda one: (when(one), order[one.rule])):
        place = order[row.rule]
        before = best[place - 1] if place else ()
        if place and not (before and when(row) - when(before[0]) <= rule.timespan):
            continue
        found = (*before, row)
        if not best[place] or best[place][0].time <= found[0].time:
            best[place] = found
        if place == len(best) - 1:
            yield _Met(found, 0, place, len(found), sum(one.count for one in found))


def _findings(rule: Correlation, key: tuple[str, ...], mets: Sequence[_Met]) -> Iterator[Finding]:
    """One for each day on which a frame begins that meets the correlation."""
    days: dict[str, tuple[_Met, dict[_Row, None], datetime]] = {}
    for met, new in _new(mets):
        day = met.rows[met.start].first.date().isoformat()
        known = days.setdefault(day, (met, {}, met.rows[met.end].time))
        known[1].update(dict.fromkeys(met.rows[met.start : met.end + 1] if not known[1] else new))
        days[day] = (*known[:2], max(known[2], met.rows[met.end].time))
    for met, rows, last in days.values():
        yield _finding(rule, key, met, tuple(rows), last)


def _finding(rule: Correlation, key: tuple[str, ...], met: _Met, rows: Sequence[_Row], last: datetime) -> Finding:
    """One finding that stands for all of the rows; its record holds what the rule asked of the first one."""
    shown = [one for row in rows[: max(SHOWN, SOURCES_KEPT, VISITS_KEPT)] for one in row.rows]
    records = [_record(one) for one in shown]
    first = min(row.first for row in rows)
    tests = " and ".join(f"{_WORDS[test]} {limit:g}" for test, limit in rule.condition) or f"all {len(rule.rules)} rules"
    of = f" of {', '.join(rule.field)}" if rule.field else ""
    because = [Because(f"{rule.type}{of}", f"{met.number:g}", f"{tests} within {rule.timespan}")]
    because += [Because(label, value, "grouped by") for label, value in zip(rule.group_by, key, strict=True)]
    because += [
        Because(rule.titles.get(row.rule, row.rule), f"{row.time:%Y-%m-%d %H:%M:%S} UTC", str(row.rows[0].source))
        for row in rows[:SHOWN]
    ]
    finding = Finding.of(rule.rule, replace(records[0], time=first), because)
    visits = finding.visits
    for record in records[1:VISITS_KEPT]:
        visits = merge_visits(visits, (visit_of(record),))
    return replace(
        finding,
        subject="\x1f".join(key),
        count=sum(row.count for row in rows),
        last_seen=last,
        sources=tuple(dict.fromkeys(one.source for one in shown))[:SOURCES_KEPT],
        visits=visits,
    )


def _record(one: Sighting) -> Record:
    return Record(one.kind, one.time, dict(one.values), one.source, one.channel, one.server)
