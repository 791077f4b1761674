"""Which builds the server can have had on each day. Pure.

Every reading allows some builds on its day. A server only rises within its line, so what it had on one day bounds the days
before and after; and no build can be installed before it came out. What remains are the builds *possible* on a day, as a mask
of the catalogue. Readings that cannot all be true are not averaged: between them nothing is possible, and both are named.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from exhume.judge import words
from exhume.judge.exposure.catalogue import Catalogue
from exhume.model import Parts, Reading, read_version

DAY = timedelta(days=1)
FIRST_DAY = date(2009, 11, 9)
"""Exchange 2010, the oldest product in the tables, came out."""
MOST_UNLISTED = 100
"""Builds that no table has and that are given a place of their own; a server has one or two in its life."""
_UPDATES = ("RTM", "Preview", "")
"""Names of builds that are no security update: the fourth part of a weak reading that equals one proves the CU only."""


@dataclass(frozen=True, slots=True)
class Clue:
    """What one reading allows at the end of a day."""

    day: date
    mask: int
    words: str
    """What it says and where it stands."""
    sign: bool = True
    """The server ran on that day; ``False`` for what is only known of the day before."""
    dated: bool = True
    """``False``: true at collection, since when is not known."""
    lower: bool = False
    """An update was removed: the server fell back, which contradicts nothing."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days on which the same builds are possible; both included."""

    since: date
    until: date
    mask: int
    """0: the readings contradict each other."""
    clues: tuple[str, ...] = ()
    """Readings of these days."""


@dataclass(frozen=True, slots=True)
class History:
    """The possible builds of all days up to ``end``."""

    stretches: tuple[Stretch, ...]
    """In order of time, without a hole; the first begins with ``date.min``."""
    end: date
    first_sign: date | None
    """First day on which the server is known to have run."""
    first_install: date | None
    installed: frozenset[Parts]
    """Builds of the updates that are known to have been installed."""
    contradictions: tuple[str, ...]
    weak: bool
    """Only readings that prove little."""
    dated_last: int
    """The builds possible on the last day by the readings that have a day; 0 if there are none. The others were true at
    collection, since when they do not say."""

    @property
    def ever(self) -> int:
        """The builds that are possible on any day."""
        mask = 0
        for stretch in self.stretches:
            mask |= stretch.mask
        return mask | self.dated_last

    @property
    def last(self) -> Stretch:
        """The days of the last reading, with the reading that first told the lowest build possible on them."""
        told = [s for s in self.stretches if s.clues]
        lowest = told[-1].mask & -told[-1].mask
        first = next(s for s in told if s.mask & -s.mask == lowest)
        return replace(told[-1], clues=first.clues[-1:])


def parts_of(readings: Iterable[Reading]) -> set[Parts]:
    """The four-part builds that readings name, for the catalogue."""
    found: set[Parts] = set()
    for reading in readings:
        if reading.what == "build" and reading.trust == "exact":
            version = read_version(reading.value)
            if version and len(version.parts) == 4 and not version.display:
                found.add(version.parts)
    return set(sorted(found)[:MOST_UNLISTED])


def possible(reading: Reading, catalogue: Catalogue) -> int:
    """The builds that a ``build``, ``install`` or ``first_install`` reading allows; 0: it proves nothing."""
    version = read_version(reading.value)
    if version is None:
        return 0
    lowest = catalogue.cumulative(version.parts)
    if lowest is None:
        return 0
    known = catalogue.build(version.parts)
    exact = reading.trust == "exact" and reading.what == "build" and not version.display
    if exact and known is not None:
        return catalogue.mask([known])
    if known is not None and catalogue.listed(version.parts) and known.update not in _UPDATES and not version.display:
        return catalogue.from_on(known)
    return catalogue.from_on(lowest)


def sane(readings: Iterable[Reading], today: date) -> list[Reading]:
    """The readings; a day before Exchange 2010 or after the assessment is none."""
    return [r if r.day is None or FIRST_DAY <= r.day <= today + DAY else replace(r, day=None) for r in readings]


def history(readings: Sequence[Reading], catalogue: Catalogue, end: date, first_row: date | None) -> History | None:
    """``None`` when no reading tells anything of the build. ``first_row``: day of the first row of Exchange's own logs."""
    told = _distinct(readings)
    builds = [r for r in told if r.what == "build" and possible(r, catalogue)]
    strong = [r for r in builds if r.trust in ("exact", "cu")]
    setups = [r for r in told if r.what in ("install", "first_install") and r.trust in ("exact", "cu") and r.day]
    changes = [r for r in told if r.what in ("update", "removal") and r.trust != "hint" and catalogue.of_kb(r.value.upper())]
    weak = not strong and not changes and not any(possible(r, catalogue) for r in setups)
    used = builds if weak else strong
    end = max([end, *(r.day for r in (*used, *setups, *changes) if r.day)])
    clues = [Clue(r.day, possible(r, catalogue), _words(r)) for r in used if r.day]
    undated = [(possible(r, catalogue), _words(r)) for r in used if r.day is None]
    together, disagreeing = _at_once(undated, end)
    clues += _setup_clues(setups, _walk([*clues, *together], catalogue), catalogue)
    later, installed = _change_clues(changes, _walk([*clues, *together], catalogue), catalogue, end)
    clues += later
    if not clues and not together:
        return None
    walk = _walk([*clues, *together], catalogue)
    first_sign = min([c.day for c in clues if c.sign] + ([first_row] if first_row else []), default=None)
    first_install, doubt = _first_install(setups, first_sign)
    return History(
        stretches=_stretches(walk, catalogue, end),
        end=end,
        first_sign=first_sign,
        first_install=first_install,
        installed=frozenset(installed),
        contradictions=(*walk.clash, *disagreeing, *doubt, *_unplaced(told, catalogue)),
        weak=weak,
        dated_last=_walk((c for c in clues if c.dated), catalogue).on(end, catalogue) & catalogue.released(end),
    )


def _unplaced(readings: Iterable[Reading], catalogue: Catalogue) -> tuple[str, ...]:
    """Builds that the tables do not know at all: nothing can be said of them."""
    builds = [(r, read_version(r.value)) for r in readings if r.what == "build" and r.trust != "hint"]
    lost = {str(v): r for r, v in builds if v and catalogue.cumulative(v.parts) is None}
    return tuple(
        f"exhume's tables have no cumulative update of build {v}, {words.place(r)}." for v, r in sorted(lost.items())[:3]
    )


def _distinct(readings: Iterable[Reading]) -> list[Reading]:
    """One of each; a log of a month has the same reading in a thousand files."""
    kept: dict[tuple[object, ...], Reading] = {}
    for reading in sorted(readings, key=lambda r: (r.day or date.max, r.what, r.value, str(r.source))):
        kept.setdefault((reading.what, reading.value, reading.day, reading.trust), reading)
    return list(kept.values())


def _words(reading: Reading) -> str:
    said = {
        "update": f"{reading.value.upper()} installed",
        "removal": f"{reading.value.upper()} removed",
        "install": f"Exchange {reading.value} set up",
        "first_install": "Exchange set up for the first time",
    }.get(reading.what, reading.value)
    when = f" on {reading.day}" if reading.day else " at collection"
    level = " (tells the cumulative update)" if reading.what == "build" and reading.trust == "cu" else ""
    return f"{said}{when}{level} [{words.place(reading)}]"


def _setup_clues(setups: Iterable[Reading], walk: _Walk, catalogue: Catalogue) -> list[Clue]:
    """A cumulative update was set up on a day: that one from then on, a lower build before."""
    out: list[Clue] = []
    for reading in setups:
        mask = possible(reading, catalogue)
        if not mask or reading.day is None:
            continue
        if reading.what == "install":
            out += _before(reading.day, catalogue.below(mask & -mask), _words(reading), walk, catalogue)
        out.append(Clue(reading.day, mask, _words(reading)))
    return out


def _before(day: date, mask: int, said: str, walk: _Walk, catalogue: Catalogue) -> list[Clue]:
    """What was possible on the day before a change; one day earlier if another reading has the change a day before, as
    clocks in different zones do."""
    if not mask:
        return []
    eve, earlier = walk.on(day - DAY, catalogue), walk.on(day - 2 * DAY, catalogue)
    early = bool(eve) and not eve & mask and bool(earlier & mask)
    return [Clue(day - (2 * DAY if early else DAY), mask, f"before: {said}", sign=False)]


def _change_clues(changes: Sequence[Reading], walk: _Walk, catalogue: Catalogue, end: date) -> tuple[list[Clue], set[Parts]]:
    """Updates installed and removed. One has a build for each cumulative update; which one it was here, other readings tell."""
    out: list[Clue] = []
    installed: dict[str, set[Parts]] = {}
    for reading in changes:
        kb, day, said = reading.value.upper(), reading.day or end, _words(reading)
        gone = reading.what == "removal"
        if (kb in installed and not gone) or (gone and reading.day is None):
            continue
        rows = catalogue.of_kb(kb)
        rows = rows & walk.on(day - DAY if gone else day, catalogue) or rows
        made = catalogue.within(rows)
        sure = len({(b.product, b.cu) for b in made}) == 1
        after = before = 0
        for build in made:
            after |= catalogue.from_on(build)
            before |= catalogue.up_to(build)
        if gone:
            installed.pop(kb, None)
            out += _before(day, after, said, walk, catalogue)
            out.append(Clue(day, before, said, lower=True))
            continue
        installed[kb] = {b.parts for b in made} if sure else set()
        if reading.day:
            out += _before(day, catalogue.below(rows), said, walk, catalogue)
        out.append(Clue(day, after, said, dated=reading.day is not None))
    return out, set().union(*installed.values())


def _first_install(setups: Iterable[Reading], first_sign: date | None) -> tuple[date | None, tuple[str, ...]]:
    """The day of the first set-up, unless the server is known to have run before it (a day's grace for time zones)."""
    days = [(r.day, r) for r in setups if r.what == "first_install" and r.trust == "exact" and r.day]
    if not days:
        return None, ()
    day, reading = min(days, key=lambda pair: pair[0])
    if first_sign and first_sign < day - DAY:
        return None, (f"Readings contradict each other: {_words(reading)}; the server ran on {first_sign} already.",)
    return day, ()


def _at_once(undated: Sequence[tuple[int, str]], end: date) -> tuple[list[Clue], tuple[str, ...]]:
    """Readings without a day are true at the same time, when the evidence was collected."""
    if not undated:
        return [], ()
    both, either = -1, 0
    for mask, _ in undated:
        both &= mask
        either |= mask
    said = "; ".join(text for _, text in undated)
    if both:
        return [Clue(end, both, said, dated=False)], ()
    return [Clue(end, either, said, dated=False)], (f"Readings of the same time disagree: {said}.",)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The clues in order of time, each with the builds that it and all clues of its run allow."""

    steps: tuple[tuple[Clue, int], ...]
    torn: tuple[tuple[date, date], ...] = ()
    """Days on which the clues contradict each other."""
    clash: tuple[str, ...] = ()

    def on(self, day: date, catalogue: Catalogue) -> int:
        """The builds that the clues allow at the end of a day."""
        if not self.steps or any(first <= day <= last for first, last in self.torn):
            return 0
        at = bisect_right(self.steps, day, key=lambda pair: pair[0].day)
        if at and self.steps[at - 1][0].day == day:
            return self.steps[at - 1][1]
        mask = -1
        if at:
            mask &= catalogue.rising(self.steps[at - 1][1])
        if at < len(self.steps):
            mask &= catalogue.falling(self.steps[at][1])
        return mask


def _walk(clues: Iterable[Clue], catalogue: Catalogue) -> _Walk:
    """A clue that cannot follow from those before it begins a new run; between two runs nothing is possible. If that happens
    again and again (the evidence of several servers), nothing is possible from the first time to the last.

    Of one day's clues with the same lowest build the one that allows least comes last: the last one of a day says what was
    possible at its end, and a report that names the cumulative update beside the exact build (HealthChecker) names both."""
    distinct = {(c.day, c.mask, c.sign, c.lower): c for c in sorted(clues, key=lambda c: c.words, reverse=True)}
    ordered = sorted(distinct.values(), key=lambda c: (c.day, not c.sign, c.mask & -c.mask, -c.mask, c.words))
    runs: list[list[tuple[Clue, int]]] = []
    clash: list[tuple[Clue, Clue]] = []
    for clue in ordered:
        before = runs[-1][-1] if runs else None
        reached = catalogue.rising(before[1]) & clue.mask if before and not clue.lower else clue.mask
        if before is None or clue.lower:
            runs.append([])
        elif not reached:
            clash.append((before[0], clue))
            runs.append([])
            reached = clue.mask
        runs[-1].append((clue, reached))
    return _Walk(_settled(runs, catalogue), _torn(clash), tuple(_said(one, other) for one, other in clash))


def _torn(clash: Sequence[tuple[Clue, Clue]]) -> tuple[tuple[date, date], ...]:
    if len(clash) > 1:
        return ((clash[0][0].day, clash[-1][1].day),)
    return tuple((one.day, other.day) for one, other in clash if one.day == other.day)


def _said(one: Clue, other: Clue) -> str:
    return f"Readings contradict each other: {one.words}; {other.words}."


def _settled(runs: Sequence[Sequence[tuple[Clue, int]]], catalogue: Catalogue) -> tuple[tuple[Clue, int], ...]:
    """Each clue with what those after it in its run leave possible as well."""
    steps: list[tuple[Clue, int]] = []
    for run in runs:
        backward = run[-1][1]
        settled: list[tuple[Clue, int]] = []
        for clue, reached in reversed(run):
            backward = catalogue.falling(backward) & reached
            settled.append((clue, backward))
        if steps and steps[-1][0].day + DAY < run[0][0].day:
            steps.append((Clue(steps[-1][0].day + DAY, 0, "", sign=False), 0))
        steps += reversed(settled)
    return tuple(steps)


def _stretches(walk: _Walk, catalogue: Catalogue, end: date) -> tuple[Stretch, ...]:
    """All days up to the end, cut where a clue stands and where a build came out."""
    days = {c.day for c, _ in walk.steps}
    told: dict[date, list[str]] = {}
    for clue, _ in walk.steps:
        if clue.sign:
            told.setdefault(clue.day, []).append(clue.words)
    cuts = {date.min, *days, *(d + DAY for d in days)}
    cuts |= set(catalogue.birthdays(date.min, end))
    starts = sorted(d for d in cuts if d <= end)
    out: list[Stretch] = []
    for since, following in zip(starts, [*starts[1:], end + DAY], strict=True):
        until = following - DAY
        mask = walk.on(since, catalogue)
        mask = mask & catalogue.released(since) or mask
        clues = tuple(told.get(since, ()))
        if out and not clues and not out[-1].clues and out[-1].mask == mask:
            out[-1] = Stretch(out[-1].since, until, mask)
        else:
            out.append(Stretch(since, until, mask, clues))
    return tuple(out)
