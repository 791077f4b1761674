"""One version, all flaws: what ``exhume exposure`` says of a host of which only a version is known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from exhume.judge.exposure.catalogue import Catalogue, Flaw, Ruling
from exhume.judge.exposure.states import VERIFY
from exhume.model import Build, BuildTables, Parts, State, Version, dotted


@dataclass(frozen=True, slots=True, eq=False)
class Rating:
    """A version, what it is, and the state of every flaw that was known on the day, or for which a fix had come out."""

    version: str
    product: str
    cu: str
    update: str
    """``Mar21SU``; empty when only the CU is known, or when the build is in no table."""
    known: str
    """``build``: all parts count. ``cu``: the update level is not known."""
    support_ended: date | None
    """Since when the product is out of support, on the day asked for."""
    note: str
    rulings: Mapping[Flaw, Ruling]

    def of(self, state: State) -> list[Flaw]:
        return [flaw for flaw, ruling in self.rulings.items() if ruling.state == state]


class Rater:
    """Rates versions for one day. ``first_seen``: CVE → day of its first known use, which may lie before its publication."""

    def __init__(self, tables: BuildTables, day: date, first_seen: Mapping[str, date]) -> None:
        self._catalogue = Catalogue(tables)
        self._day = day
        self._rated: dict[tuple[Parts, ...], Rating] = {}
        self._flaws = [
            f
            for f in self._catalogue.flaws
            if min(f.released, first_seen.get(f.cve, f.released), self._catalogue.fix_out(f)) <= day
        ]

    def rate(self, version: Version, cumulative_only: bool = False) -> Rating | None:
        """``None``: no such cumulative update is known. Versions between the same two bounds share a rating, made for the first
        of them: it is the same for all but for the number in its sentences. So a list of a million rows costs a few hundred."""
        lowest = self._catalogue.cumulative(version.parts)
        if lowest is None:
            return None
        level = cumulative_only or version.display
        exact = len(version.parts) == 4 and not level
        at = (self._catalogue.bound(version.parts), version.parts[:3], *(() if exact else (lowest.parts, (int(level),))))
        if not self._catalogue.listed(version.parts):
            at = (*at, ())
        if at not in self._rated:
            self._rated[at] = self._exact(version) if exact else self._straddling(version, lowest, level)
        return self._rated[at]

    def _exact(self, version: Version) -> Rating:
        build = self._catalogue.at(version.parts)
        note = "" if self._catalogue.listed(version.parts) else "No table has this build; it is judged by its place."
        if build.released > self._day:
            note = f"This build came out on {build.released}, after the day asked for."
        rulings = {flaw: self._said(flaw, self._catalogue.rule(flaw, build)) for flaw in self._flaws}
        return self._rating(version, build, build.update, "build", note, rulings)

    def _straddling(self, version: Version, lowest: Build, level: bool) -> Rating:
        """Only the cumulative update is known: a flaw is fixed, or open, if it is so in all builds that had come out. Three
        parts of Exchange 2010 tell the rollup; ``level``: of what Active Directory has, not even that is told."""
        known = self._catalogue.build(version.parts)
        told = known is not None and known.update not in ("RTM", "Preview")
        mask = self._catalogue.from_on(known if told and known else lowest)
        if not level:
            mask = self._catalogue.family(version.parts)
        mask = mask & self._catalogue.released(self._day) or mask
        builds = self._catalogue.within(mask)
        rulings = {flaw: self._said(flaw, self._among(flaw, builds)) for flaw in self._flaws}
        note = (
            ""
            if len(builds) == 1
            else f"One of {len(builds)} builds, {builds[0]} to {builds[-1]}: the version tells only the CU."
        )
        return self._rating(version, builds[0], "", "cu", note, rulings)

    def _said(self, flaw: Flaw, ruling: Ruling) -> Ruling:
        """With what the build alone does not tell: a setting that is needed as well, and that nobody knew yet."""
        ruling = _set(flaw, ruling)
        later = f" Published only on {flaw.released}." if flaw.released > self._day else ""
        return Ruling(ruling.state, ruling.why + later)

    def _among(self, flaw: Flaw, builds: tuple[Build, ...]) -> Ruling:
        rulings = [self._catalogue.rule(flaw, build) for build in builds]
        if len({r.state for r in rulings}) == 1:
            return rulings[-1]
        fixed = [dotted(b.parts) for b, r in zip(builds, rulings, strict=True) if r.state == State.FIXED]
        first = f"fixed from {fixed[0]} on" if fixed else "none is known to be fixed"
        return Ruling(State.UNKNOWN, f"It is one of {builds[0]} to {builds[-1]}, {first}: the version tells only the CU.")

    def _rating(
        self, version: Version, build: Build, update: str, known: str, note: str, rulings: dict[Flaw, Ruling]
    ) -> Rating:
        ended = build.end_of_support if build.end_of_support <= self._day else None
        return Rating(str(version), build.product, build.cu, update, known, ended, note, rulings)


def _set(flaw: Flaw, ruling: Ruling) -> Ruling:
    """A build alone does not close a flaw that needs a setting as well."""
    if ruling.state != State.FIXED or not flaw.settings:
        return ruling
    return Ruling(State.UNKNOWN, f"{VERIFY}: {'; '.join(s.words for s in flaw.settings)}. {ruling.why}")
