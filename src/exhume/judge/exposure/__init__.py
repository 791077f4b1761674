"""Exposed? Which flaws the server was open to, from which day to which day. Pure.

readings and tables → builds possible on each day (``history``) → states of each flaw (``states``) → days to judge a campaign on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from exhume.judge.exposure.catalogue import Catalogue, Flaw
from exhume.judge.exposure.history import History, history, parts_of
from exhume.judge.exposure.states import Phase, mitigated, phases, told, verified
from exhume.model import Build, BuildTables, Exposure, Pack, Reading, State

__all__ = ["Catalogue", "Flaw", "OpenDays", "Patching", "patching"]

_SAFE = (State.FIXED, State.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class OpenDays:
    """On which days the flaw that lets a campaign in was, or may have been, open."""

    flaw: Flaw
    since: date | None
    """First day, not before the campaign was first seen anywhere; ``None``: never open."""
    until: date
    """The day on which it is proven fixed, or the last day of the evidence."""
    known: bool
    """The end is proven: fixed by a dated reading, or still open when the evidence ends."""
    fixed: bool
    """It is fixed at the end."""
    patched: bool
    """The day of the fix itself is known, not only a day on which it was there."""
    proven: int
    """Days on which it was open for certain, the day of the fix not counted."""
    first_proven: date | None


@dataclass(frozen=True, slots=True)
class Patching:
    """What the readings tell of one server's builds and flaws."""

    entries: tuple[Exposure, ...]
    """Each flaw's states in order of time; flaws that are known to be exploited come first."""
    build: Build | None
    """The lowest build that is possible at the end of the evidence."""
    exactly: bool
    """It is the only one."""
    said: str
    """The reading it comes from."""
    first_install: date | None
    contradictions: tuple[str, ...]
    campaigns: Mapping[str, OpenDays] = field(default_factory=dict)
    """Pack → days of its entry flaw."""


def patching(
    readings: Sequence[Reading], tables: BuildTables, packs: Iterable[Pack], end: date, first_row: date | None
) -> Patching | None:
    """``None`` when the evidence tells nothing of the build. ``end``: last day of the evidence."""
    catalogue = Catalogue(tables, parts_of(readings))
    past = history(readings, catalogue, end, first_row)
    if past is None:
        return None
    entered = {p.entry_cve: p.first_exploited for p in packs if p.entry_cve and p.first_exploited}
    entries: list[Exposure] = []
    days: dict[str, OpenDays] = {}
    for flaw in catalogue.flaws:
        first = entered.get(flaw.cve)
        since = min(first, flaw.released) if first else flaw.released
        if since > past.end:
            continue
        found = phases(flaw, catalogue, past, since)
        mine = tuple(told(flaw, phase, catalogue, past) for phase in found)
        entries += verified(flaw, mitigated(mine, readings, past.end), readings, past.end)
        if first and first <= past.end:
            days[flaw.cve] = _open_days(flaw, phases(flaw, catalogue, past, first), past)
    builds = catalogue.within(past.last)
    return Patching(
        entries=tuple(entries),
        build=builds[0] if builds and len({b.product for b in builds}) == 1 else None,
        exactly=len(builds) == 1,
        said=next((s.clues[-1] for s in reversed(past.stretches) if s.clues), ""),
        first_install=past.first_install,
        contradictions=past.contradictions,
        campaigns={p.name: days[p.entry_cve] for p in packs if p.entry_cve in days},
    )


def _open_days(flaw: Flaw, found: Sequence[Phase], past: History) -> OpenDays:
    perhaps = [p for p in found if p.state not in _SAFE]
    surely = [p for p in perhaps if p.state == State.VULNERABLE]
    last = found[-1]
    safe = found[_tail(found) :]
    fixed_on = safe[0].since if safe else None
    dated = fixed_on is not None and not (fixed_on == past.end and past.collected_only)
    before = found[_tail(found) - 1] if safe and _tail(found) else None
    return OpenDays(
        flaw=flaw,
        since=perhaps[0].since if perhaps else None,
        until=fixed_on or past.end,
        known=dated if safe else last.state == State.VULNERABLE,
        fixed=bool(safe),
        patched=bool(dated and before is not None and before.state == State.VULNERABLE),
        proven=sum((p.until - p.since).days + 1 for p in surely),
        first_proven=surely[0].since if surely else None,
    )


def _tail(found: Sequence[Phase]) -> int:
    """Where the last run of safe phases begins."""
    at = len(found)
    while at and found[at - 1].state in _SAFE:
        at -= 1
    return at
