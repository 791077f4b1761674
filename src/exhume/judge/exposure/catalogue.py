"""Every build in one order, and what a flaw is in each of them. Pure.

References: content/builds.csv and fixes.csv; Microsoft's build table; docs/explanation/exposure.md tells the rules in words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from exhume.model import Build, BuildTables, Fix, Parts, Setting, State, dotted

LINES = {"2010": "2010", "2013": "2013", "2016": "2016", "2019": "2019", "SE": "2019"}
"""Product → the line in which one server can rise: Exchange SE is installed over Exchange 2019, the others are new servers."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One CVE with all its rows."""

    cve: str
    nickname: str
    released: date
    known_exploited: date | None
    fixes: Mapping[str, Mapping[str, Fix]] = field(hash=False)
    """Product → CU → row."""
    settings: tuple[Setting, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.cve} ({self.nickname})" if self.nickname else self.cve


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a flaw is in one build, and why."""

    state: State
    why: str


class Catalogue:
    """The builds of the tables, and with them builds that were read from a server and that no table has. Previews count
    only if they were read."""

    def __init__(self, tables: BuildTables, read: Iterable[Parts] = ()) -> None:
        known = sorted(tables.builds, key=lambda b: b.parts)
        self._tables = tables
        self._families: dict[Parts, list[Build]] = {}
        for build in known:
            self._families.setdefault(build.parts[:3], []).append(build)
        self._updates: dict[tuple[str, str], list[Build]] = {}
        for build in known:
            self._updates.setdefault((build.product, build.cu), []).append(build)
        self._came_out: dict[str, date] = {}
        for build in known:
            self._came_out[build.product] = min(build.released, self._came_out.get(build.product, build.released))
        self._newest: dict[tuple[str, str], Parts] = {}
        disputed = [f.disputed_from for f in tables.fixes if f.disputed_from]
        self._bounds: dict[Parts, list[Parts]] = {}
        for parts in sorted({*(b.parts for b in known), *(f.first_fixed for f in tables.fixes), *disputed}):
            self._bounds.setdefault(parts[:3], []).append(parts)
        self.flaws = _flaws(tables)
        self._four = self._disputed()
        new = {parts: self._unlisted(parts) for parts in read}
        merged = {b.parts: b for b in known} | {parts: b for parts, b in new.items() if b is not None}
        self.builds: tuple[Build, ...] = tuple(merged[parts] for parts in sorted(merged))
        self.place = {build.parts: i for i, build in enumerate(self.builds)}
        self._from_on: dict[Parts, int] = {}
        self._lines: dict[str, int] = {}
        for i, build in enumerate(self.builds):
            if build.cu == "Preview" and build.parts not in new:
                continue
            line = LINES.get(build.product, build.product)
            self._lines[line] = self._lines.get(line, 0) | 1 << i
        self._born = sorted((b.released, i) for i, b in enumerate(self.builds))
        self._alive = [0]
        for _, i in self._born:
            self._alive.append(self._alive[-1] | 1 << i)

    def fix_out(self, flaw: Flaw) -> date:
        """The day on which the first build with its fix came out; it may lie before the flaw was published (ProxyShell)."""
        fixed = {fix.first_fixed for rows in flaw.fixes.values() for fix in rows.values()}
        return min((b.released for b in self.builds if b.parts in fixed), default=flaw.released)

    # builds

    def build(self, parts: Parts) -> Build | None:
        """The build of the tables, or one that was read and whose cumulative update the tables have."""
        at = self.place.get(parts)
        return self.builds[at] if at is not None else None

    def at(self, parts: Parts) -> Build:
        """A build of four parts whose cumulative update is known; one that no table has stands between its neighbours.
        Raises ``KeyError`` for others."""
        build = self.build(parts) or self._unlisted(parts)
        if build is None:
            raise KeyError(parts)
        return build

    def cumulative(self, parts: Parts) -> Build | None:
        """The lowest build with the same first three parts; ``None``: no such cumulative update is known. (15.1.225.16 is the
        preview of 2016, 15.1.225.42 its first release: three parts mean the release.)"""
        family = self._families.get(parts[:3], ())
        return next((b for b in family if b.cu != "Preview"), family[0] if family else None)

    def bound(self, parts: Parts) -> Parts:
        """The highest build at which anything can change that is not above this one; empty below all."""
        bounds = self._bounds.get(parts[:3], [])
        at = bisect_right(bounds, parts)
        return bounds[at - 1] if at else ()

    def listed(self, parts: Parts) -> bool:
        family = self._families.get(parts[:3], ())
        return any(b.parts == parts for b in family)

    def family(self, parts: Parts) -> int:
        """The builds with the same first three parts, without a preview if there are others, as a mask."""
        family = self._families.get(parts[:3], [])
        return self.mask([b for b in family if b.cu != "Preview"] or family)

    def of_kb(self, kb: str) -> int:
        """The builds that an update made, as a mask."""
        return self.mask(b for b in self.builds if b.kb == kb)

    def from_on(self, build: Build) -> int:
        """The build and all later ones of its cumulative update, as a mask."""
        known = self._from_on.get(build.parts)
        if known is None:
            same = (b for b in self.builds if (b.product, b.cu) == (build.product, build.cu) and b.parts >= build.parts)
            known = self._from_on[build.parts] = self.mask(same)
        return known

    def up_to(self, build: Build) -> int:
        """The lower builds of its cumulative update, as a mask."""
        return self.from_on(self._updates[build.product, build.cu][0]) & ~self.from_on(build)

    def _unlisted(self, parts: Parts) -> Build | None:
        """A build that no table has, in a cumulative update that they have: at the place where it belongs."""
        family = self._families.get(parts[:3])
        if not family or len(parts) != 4 or any(b.parts == parts for b in family):
            return None
        below = [b for b in family if b.parts < parts] or family[:1]
        carries = below[-1].carries
        for low, four in self._four.get(parts[:3], ()):
            carries = four if parts >= low else carries
        return replace(below[-1], update="", parts=parts, kb="", carries=carries)

    def _disputed(self) -> dict[Parts, list[tuple[Parts, frozenset[str]]]]:
        """CU → from which build on it may be the update that carries few fixes."""
        out: dict[Parts, list[tuple[Parts, frozenset[str]]]] = {}
        for fix in self._tables.fixes:
            for build in self._families.get(fix.first_fixed[:3], ()):
                if fix.disputed_from and build.parts == fix.first_fixed and build.carries:
                    out.setdefault(build.parts[:3], []).append((fix.disputed_from, build.carries))
        return out

    # masks: bit n stands for builds[n]

    def mask(self, builds: Iterable[Build]) -> int:
        mask = 0
        for build in builds:
            mask |= 1 << self.place[build.parts]
        return mask

    def within(self, mask: int) -> tuple[Build, ...]:
        """The builds of a mask, lowest first."""
        return tuple(b for i, b in enumerate(self.builds) if mask >> i & 1)

    def rising(self, mask: int) -> int:
        """What a server can have become that had a build of the mask: that one or a later one of its line."""
        out = 0
        for line in self._lines.values():
            some = mask & line
            out |= line & ~((some & -some) - 1) if some else 0
        return out

    def falling(self, mask: int) -> int:
        """What a server can have been that came to have a build of the mask: that one or an earlier one of its line."""
        out = 0
        for line in self._lines.values():
            some = mask & line
            out |= line & ((1 << some.bit_length()) - 1) if some else 0
        return out

    def below(self, mask: int) -> int:
        """What a server can have been before it was set to a build of the mask: lower ones of its line."""
        out = 0
        for line in self._lines.values():
            some = mask & line
            out |= line & ((1 << some.bit_length() - 1) - 1) if some else 0
        return out

    def released(self, day: date) -> int:
        """The builds that existed on that day."""
        return self._alive[bisect_right(self._born, (day, len(self.builds)))]

    def birthdays(self, since: date, until: date) -> list[date]:
        """Days after ``since`` and up to ``until`` on which a build came out."""
        return sorted({day for day, _ in self._born if since < day <= until})

    # flaws

    def rule(self, flaw: Flaw, build: Build, installed: Collection[Parts] = ()) -> Ruling:
        """The state of a flaw in a build. ``installed``: builds of updates that are known to have been installed."""
        if build.cu == "Preview":
            return Ruling(State.UNKNOWN, f"{build} is a preview, for which Microsoft lists no fixes.")
        fixes = flaw.fixes.get(build.product)
        if not fixes:
            return self._no_row(flaw, build)
        fix = fixes.get(build.cu)
        if fix is None:
            return self._other_update(flaw, build, fixes)
        first = dotted(fix.first_fixed)
        if build.parts < fix.first_fixed:
            if fix.disputed_from and build.parts >= fix.disputed_from:
                why = f"The sources disagree: some call {dotted(fix.disputed_from)} fixed, Microsoft's table only {first}."
                return Ruling(State.UNKNOWN, why)
            return Ruling(State.VULNERABLE, f"{build} lies below {first}, the first fixed build of {build.product} {build.cu}.")
        if self._carries_too_little(flaw, build, fix, installed):
            why = (
                f"{build} is the update of March 2021 for a CU out of support: it carries only the fixes of"
                f" {', '.join(sorted(build.carries))}. Whether {first} was installed before it the list of updates tells."
            )
            return Ruling(State.UNKNOWN, why)
        return Ruling(State.FIXED, f"Fixed from {first} on ({build.product} {build.cu}).")

    def _carries_too_little(self, flaw: Flaw, build: Build, fix: Fix, installed: Collection[Parts]) -> bool:
        if not build.carries or flaw.cve in build.carries:
            return False
        as_released = self._updates[build.product, build.cu][0].parts >= fix.first_fixed
        return not as_released and not any(p[:3] == build.parts[:3] and p >= fix.first_fixed for p in installed)

    def _other_update(self, flaw: Flaw, build: Build, fixes: Mapping[str, Fix]) -> Ruling:
        """A cumulative update that has no row: older than the fixed ones, left out, or newer."""
        mine = self._updates[build.product, build.cu]
        key = (flaw.cve, build.product)
        newest = self._newest.get(key) or max(self._updates[f.product, f.cu][0].parts for f in fixes.values())
        self._newest[key] = newest
        name = f"{build.product} {build.cu}"
        if mine[0].parts > newest:
            last = next(b for b in self._families[newest[:3]] if b.parts == newest)
            why = f"{name} is newer than {last.product} {last.cu}, the last one that needed an update of its own for it."
            return Ruling(State.FIXED, why)
        names = {self.builds[at].update for f in fixes.values() if (at := self.place.get(f.first_fixed)) is not None}
        if any(b.update in names - {"RTM"} and not b.carries for b in mine):
            why = f"Microsoft updated {name} at the same time, but does not list it for this flaw."
            return Ruling(State.UNKNOWN, why)
        least = min(fixes.values(), key=lambda f: (f.first_fixed < build.parts, f.first_fixed))
        first = f"{dotted(least.first_fixed)} ({least.cu})"
        why = f"Microsoft made no update against it for {name}; the first fixed build is {first}."
        return Ruling(State.VULNERABLE, why)

    def _no_row(self, flaw: Flaw, build: Build) -> Ruling:
        if build.product == "SE" and flaw.fixes.get("2019"):
            return Ruling(State.FIXED, "Exchange SE holds all that was fixed in Exchange 2019 before it.")
        name = f"Exchange {build.product}"
        if flaw.released > build.end_of_support:
            why = f"Unknown, unsupported: {name} is out of support since {build.end_of_support}; Microsoft says nothing of it."
            return Ruling(State.UNKNOWN, why)
        if flaw.released < self._came_out[build.product]:
            return Ruling(State.NOT_APPLICABLE, f"{name} came out after the fix.")
        return Ruling(State.NOT_APPLICABLE, f"Microsoft lists the flaw for others, not for {name}, which was in support.")


def _flaws(tables: BuildTables) -> tuple[Flaw, ...]:
    rows: dict[str, list[Fix]] = {}
    for fix in tables.fixes:
        rows.setdefault(fix.cve, []).append(fix)
    settings: dict[str, list[Setting]] = {}
    for setting in tables.settings:
        settings.setdefault(setting.cve, []).append(setting)
    flaws = []
    for cve, fixes in rows.items():
        products: dict[str, dict[str, Fix]] = {}
        for fix in fixes:
            products.setdefault(fix.product, {})[fix.cu] = fix
        first = fixes[0]
        needed = tuple(settings.get(cve, ()))
        flaws.append(Flaw(cve, first.nickname, first.released, first.known_exploited, products, needed))
    return tuple(sorted(flaws, key=lambda f: (f.known_exploited is None, f.released, f.cve)))
