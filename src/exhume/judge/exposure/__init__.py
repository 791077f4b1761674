"""Exposed? Which flaws the server was open to, from which day to which day. Pure.

readings and tables → builds possible on each day (``history``) → states of each flaw (``states``) → days to judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from exhume.judge.exposure.catalogue import Catalogue, Flaw
from exhume.judge.exposure.history import history, parts_of, sane
from exhume.judge.exposure.states import Phase, Verdicts, mitigated, phases, told, verified
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
    """Readings that cannot all be true, or that the tables cannot place, in words."""
    campaigns: Mapping[str, OpenDays] = field(default_factory=dict)
    """Pack → days of its entry flaw."""

    @property
    def all_known(self) -> bool:
        """The end of the exposure to every campaign is proven."""
        return bool(self.campaigns) and all(days.known for days in self.campaigns.values())

    @property
    def unfixed(self) -> dict[str, OpenDays]:
        """The campaigns whose flaw is open when the evidence ends, or not known to be fixed."""
        return {pack: days for pack, days in self.campaigns.items() if days.since and not days.fixed}


def patching(
    readings: Sequence[Reading], tables: BuildTables, packs: Sequence[Pack], end: date, first_row: date | None, today: date
) -> Patching | None:
    """``None`` when the evidence tells nothing of the build. ``end``: last day of the evidence; ``first_row``: day of the
    first row of Exchange's own logs, on which the server ran; ``today``: no reading is later."""
    readings = sane(readings, today)
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
            proof = Verdicts(flaw, catalogue, past).of(past.dated_last)[0] in _SAFE
            days[flaw.cve] = _open_days(flaw, phases(flaw, catalogue, past, first), past.end, dated=proof)
    last = past.last
    builds = catalogue.within(last.mask)
    return Patching(
        entries=tuple(entries),
        build=builds[0] if builds and len({b.product for b in builds}) == 1 else None,
        exactly=len(builds) == 1,
        said=last.clues[0],
        first_install=past.first_install,
        contradictions=past.contradictions,
        campaigns={p.name: days[p.entry_cve] for p in packs if p.entry_cve in days},
    )


def _open_days(flaw: Flaw, found: Sequence[Phase], end: date, dated: bool) -> OpenDays:
    """``dated``: readings that have a day prove that it is fixed on the last day."""
    perhaps = [p for p in found if p.state not in _SAFE]
    surely = [p for p in perhaps if p.state == State.VULNERABLE]
    tail = _tail(found)
    safe = found[tail:]
    proven = bool(safe) and (safe[0].since < end or dated)
    return OpenDays(
        flaw=flaw,
        since=perhaps[0].since if perhaps else None,
        until=safe[0].since if safe else end,
        known=proven if safe else found[-1].state == State.VULNERABLE,
        fixed=bool(safe),
        patched=proven and tail > 0 and found[tail - 1].state == State.VULNERABLE,
        proven=sum((p.until - p.since).days + 1 for p in surely),
        first_proven=surely[0].since if surely else None,
    )


def _tail(found: Sequence[Phase]) -> int:
    """Where the last run of safe phases begins."""
    at = len(found)
    while at and found[at - 1].state in _SAFE:
        at -= 1
    return at
