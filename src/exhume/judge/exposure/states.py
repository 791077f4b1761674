"""From the possible builds of each day to the states of one flaw, with the reason in words. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from exhume.judge.exposure.catalogue import Catalogue, Flaw
from exhume.judge.exposure.history import DAY, History, Stretch
from exhume.model import Build, Exposure, Reading, State, dotted

VERIFY = "The build is enough, setting to verify"
BYPASSED = "(bypassable)"
"""In the name of a mitigation that attackers are known to get past."""


_ALL = {
    State.FIXED: "Every build that the readings allow has the fix",
    State.VULNERABLE: "Every one of them lies before the fix",
    State.NOT_APPLICABLE: "Microsoft does not list the product, which was in support, for this flaw",
    State.UNKNOWN: "Of none of them it is known",
}


class Reason(Enum):
    """Why a state is what it is; neighbours with the same state and reason are told as one."""

    BUILD = "the builds decide"
    MIXED = "some possible builds have the fix, some have not"
    TOLD = "the builds' rows are unknown themselves"
    TORN = "the readings contradict each other"
    BEFORE = "before the server is known to have run"
    WEAK = "only weak readings"
    NOT_YET = "not set up yet"


@dataclass(frozen=True, slots=True)
class Phase:
    """Days in one state; both included."""

    since: date
    until: date
    state: State
    reason: Reason
    mask: int = 0
    clues: tuple[str, ...] = ()


class Verdicts:
    """The builds of the catalogue by state of one flaw, as masks."""

    def __init__(self, flaw: Flaw, catalogue: Catalogue, history: History) -> None:
        self._masks = dict.fromkeys(State, 0)
        ever = history.ever
        for i, build in enumerate(catalogue.builds):
            if ever >> i & 1:
                self._masks[catalogue.rule(flaw, build, history.installed).state] |= 1 << i

    def of(self, mask: int) -> tuple[State, Reason]:
        """The state that all builds of the mask share."""
        if not mask:
            return State.UNKNOWN, Reason.TORN
        safe = self._masks[State.FIXED] | self._masks[State.NOT_APPLICABLE]
        if mask & ~self._masks[State.NOT_APPLICABLE] == 0:
            return State.NOT_APPLICABLE, Reason.BUILD
        if mask & ~safe == 0:
            return State.FIXED, Reason.BUILD
        if mask & ~self._masks[State.VULNERABLE] == 0:
            return State.VULNERABLE, Reason.BUILD
        told = mask & ~self._masks[State.UNKNOWN] == 0
        return State.UNKNOWN, Reason.TOLD if told else Reason.MIXED


def phases(flaw: Flaw, catalogue: Catalogue, history: History, since: date) -> tuple[Phase, ...]:
    """The states of a flaw from a day on to the end of the evidence, in order, without a hole."""
    verdicts = Verdicts(flaw, catalogue, history)
    found = [
        Phase(max(s.since, since), s.until, *verdicts.of(s.mask), s.mask, s.clues if s.since >= since else ())
        for s in _cut(history, since)
    ]
    return _merged(_known(p, history) for p in _lasting(found))


def _cut(history: History, since: date) -> list[Stretch]:
    """The stretches from a day on, cut where the server is first known to have run."""
    cuts = [d for d in (history.first_sign, history.first_install) if d]
    out: list[Stretch] = []
    for stretch in history.stretches:
        if stretch.until < since:
            continue
        left = stretch
        for cut in sorted(set(cuts)):
            if left.since < cut <= left.until:
                out.append(replace(left, until=cut - DAY))
                left = replace(left, since=cut)
        out.append(left)
    return [s for s in out if s.until >= since]


def _lasting(found: Sequence[Phase]) -> list[Phase]:
    """A fix stays: days without a reading after a fixed day are fixed, unless the next reading says otherwise."""
    out = list(found)
    for i, phase in enumerate(found):
        settled = phase.state in (State.FIXED, State.NOT_APPLICABLE)
        if not settled:
            continue
        run = i + 1
        while run < len(found) and found[run].reason is Reason.MIXED and not found[run].clues:
            run += 1
        if run == len(found) or found[run].state in (State.FIXED, State.NOT_APPLICABLE):
            for j in range(i + 1, run):
                out[j] = replace(found[j], state=phase.state, reason=phase.reason, mask=phase.mask)
    return out


def _known(phase: Phase, history: History) -> Phase:
    """Nothing is said to be open before the server is known to have run, and nothing fixed by weak readings."""
    if history.first_install and phase.until < history.first_install:
        return replace(phase, state=State.NOT_APPLICABLE, reason=Reason.NOT_YET)
    if phase.state == State.VULNERABLE and (history.first_sign is None or phase.until < history.first_sign):
        return replace(phase, state=State.UNKNOWN, reason=Reason.BEFORE)
    if history.weak and phase.state in (State.FIXED, State.NOT_APPLICABLE):
        return replace(phase, state=State.UNKNOWN, reason=Reason.WEAK)
    return phase


def _merged(found: Iterable[Phase]) -> tuple[Phase, ...]:
    out: list[Phase] = []
    for phase in found:
        last = out[-1] if out else None
        if last and (last.state, last.reason) == (phase.state, phase.reason):
            out[-1] = replace(last, until=phase.until, mask=last.mask | phase.mask)
        else:
            out.append(phase)
    return tuple(out)


def told(flaw: Flaw, phase: Phase, catalogue: Catalogue, history: History) -> Exposure:
    """The phase in words."""
    why = _why(flaw, phase, catalogue, history)
    until = phase.until if phase.until < history.end else None
    return Exposure(flaw.cve, phase.state, why, phase.since, until)


def _why(flaw: Flaw, phase: Phase, catalogue: Catalogue, history: History) -> str:
    builds = catalogue.within(phase.mask)
    range_ = dotted(builds[0].parts) if builds else ""
    if len(builds) > 1:
        range_ = f"{range_} to {dotted(builds[-1].parts)} ({len(builds)} builds)"
    ruling = _ruling(flaw, phase, builds, catalogue, history)
    said = f" {phase.clues[-1]}." if phase.clues else ""
    if phase.reason is Reason.TORN:
        return " ".join(history.contradictions[:2]) or "The readings contradict each other."
    if phase.reason is Reason.NOT_YET:
        return "Exchange was not yet set up on this machine."
    if phase.reason is Reason.BEFORE:
        return f"If the server ran on these days it was open ({range_}); the evidence does not show that it did."
    if phase.reason is Reason.WEAK:
        return f"Only weak readings speak of the build ({range_}), which would be fixed.{said}"
    if phase.reason is Reason.MIXED:
        first = _bounds(flaw, builds)
        return (
            f"Possible builds: {range_}; some have the fix and some have not{first}. Which updates were installed is not known."
        )
    if phase.state == State.VULNERABLE:
        return f"Possible builds: {range_}. {ruling}{said}"
    return f"{ruling}{said}"


def _ruling(flaw: Flaw, phase: Phase, builds: Sequence[Build], catalogue: Catalogue, history: History) -> str:
    """Why the builds are what they are: in their own words where one sentence is true of all of them."""
    if not builds:
        return ""
    first, last = (catalogue.rule(flaw, b, history.installed).why for b in (builds[0], builds[-1]))
    if first == last or len({(b.product, b.cu) for b in builds}) == 1:
        return last
    return f"{_ALL[phase.state]}."


def _bounds(flaw: Flaw, builds: Sequence[Build]) -> str:
    """The first fixed build, when only one cumulative update is possible."""
    rows = {(b.product, b.cu) for b in builds}
    if len(rows) != 1:
        return ""
    (product, cu) = rows.pop()
    fix = flaw.fixes.get(product, {}).get(cu)
    return f" (fixed from {dotted(fix.first_fixed)} on)" if fix else ""


def mitigated(entries: Sequence[Exposure], readings: Iterable[Reading], end: date) -> tuple[Exposure, ...]:
    """The entries of one flaw with its mitigations: what stops an attack for a while closes no hole."""
    out = list(entries)
    for reading in sorted(readings, key=lambda r: r.day or end):
        cve, _, name = reading.value.partition(" ")
        if reading.what != "mitigation" or not entries or cve != entries[0].cve:
            continue
        day = reading.day or end
        since = f"since {reading.day}" if reading.day else "at collection, since when is not known"
        good = BYPASSED not in name
        text = f"{'Mitigated' if good else 'A mitigation that attackers get past is in place'}: {name}, {since}."
        out = [part for e in out for part in _split(e, day, text, good)]
    return tuple(out)


def _split(entry: Exposure, day: date, text: str, good: bool) -> list[Exposure]:
    if entry.state not in (State.VULNERABLE, State.UNKNOWN) or (entry.until and entry.until < day):
        return [entry]
    state = State.MITIGATED if good and entry.state == State.VULNERABLE else entry.state
    after = replace(entry, state=state, since=max(day, entry.since or day), why=f"{text} {entry.why}")
    return [after] if after.since == entry.since else [replace(entry, until=day - DAY), after]


def verified(flaw: Flaw, entries: Sequence[Exposure], readings: Iterable[Reading], end: date) -> tuple[Exposure, ...]:
    """The entries of a flaw that a build alone does not close: the setting is told, or has to be verified."""
    if not flaw.settings:
        return tuple(entries)
    needed = {s.name.lower(): s for s in flaw.settings}
    told_ = _settings(readings, needed, end)
    out: list[Exposure] = []
    for entry in entries:
        if entry.state != State.FIXED:
            out.append(entry)
            continue
        off = [f"{needed[n].words} {found.detail}".rstrip() for n, found in told_.items() if not found.on]
        open_ = [s.words for n, s in needed.items() if n not in told_]
        day = max((found.since for found in told_.values()), default=end)
        if off:
            out.append(
                replace(entry, state=State.VULNERABLE, why=f"The build is enough, but this is not so: {'; '.join(off)}.")
            )
            continue
        if open_:
            why = f"{VERIFY}: {'; '.join(open_)}. {entry.why}"
            out.append(replace(entry, state=State.UNKNOWN, why=why))
            continue
        if entry.since and day > entry.since:
            why = f"The build is enough; whether {'; '.join(s.words for s in needed.values())} is known from {day} on only."
            out.append(replace(entry, state=State.UNKNOWN, until=day - DAY, why=why))
        out.append(replace(entry, since=max(day, entry.since or day), why=f"The build and the setting are enough. {entry.why}"))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the last reading says of a setting, and since which day without a break all readings say so."""

    on: bool
    since: date
    detail: str


def _settings(readings: Iterable[Reading], needed: Container[str], end: date) -> dict[str, _Told]:
    """Readings ``NAME=on``, ``NAME=off`` and ``NAME=off (in words)`` by name, lower case."""
    told_: dict[str, _Told] = {}
    for reading in sorted((r for r in readings if r.what == "setting"), key=lambda r: r.day or end):
        name, _, said = reading.value.lower().partition("=")
        name, state = name.strip(), said.strip().partition(" ")[0]
        if name not in needed or state not in ("on", "off"):
            continue
        before, on = told_.get(name), state == "on"
        since = before.since if before and before.on == on else reading.day or end
        told_[name] = _Told(on, since, reading.value.partition("=")[2].strip().partition(" ")[2])
    return told_
