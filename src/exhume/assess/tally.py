"""Adding up: the mutable twin of ``Part``, so that a hundred thousand files add up in linear time."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from exhume.model import Cause, Coverage, Finding, Gap, Hashed, Part, Reading, Sighting, Span, Unjoined, merge_readings, raised
from exhume.model.crowd import Crowd
from exhume.model.finding import OTHERS, counted

FINDINGS_KEPT = 2000
"""Different findings kept for each rule. A scan from a million addresses is still one campaign, not a million entries: what
comes after is counted in one finding, with who asked for what (``model.crowd``), and a Gap says so."""
SIGHTINGS_KEPT = 100_000
"""Different rows kept for each rule that a correlation looks at, some 50 MB. What comes later is not counted: a Gap says so."""
READINGS_KEPT = 20_000
"""Different readings that are kept: far more than years of a server's logs tell."""
GAPS_KEPT = 50
"""Gaps with the same words that are listed one by one; the rest is counted."""

Key: TypeAlias = tuple[str, str, str, str, str]
"""Pack, rule, server, subject, day."""


@dataclass(slots=True)
class _Log:
    """One log's span while it grows, and its hours, which a set adds up faster."""

    span: Span
    hours: set[int]


@dataclass(slots=True)
class _Others:
    """Findings of one kind beyond those that are kept one by one."""

    finding: Finding
    """All of them added up, but for the crowd."""
    crowd: Crowd = field(default_factory=Crowd)


@dataclass(slots=True)
class Tally:
    """Collects findings, gaps, readings and spans; ``part()`` gives the sum."""

    findings: dict[Key, Finding] = field(default_factory=dict)
    readings: dict[tuple[str, str, str, str, str], Reading] = field(default_factory=dict)
    _kept: dict[tuple[str, str], list[Key]] = field(default_factory=dict)
    """Of each rule the keys of the findings that are listed, in their order."""
    _others: dict[Key, _Others] = field(default_factory=dict)
    _gaps: dict[tuple[str, ...], list[Gap]] = field(default_factory=dict)
    _uncounted: dict[tuple[str, ...], Gap] = field(default_factory=dict)
    """What stands for the gaps beyond ``GAPS_KEPT``."""
    _logs: dict[tuple[str, str, str, str], _Log] = field(default_factory=dict)
    files: dict[str, Hashed] = field(default_factory=dict)
    unjoined: Unjoined | None = None
    """What a slice of a file leaves open."""
    _sightings: dict[str, dict[tuple[Any, ...], Sighting]] = field(default_factory=dict)
    """By rule, then by place."""

    def found(self, finding: Finding) -> None:
        if finding.subject == OTHERS:
            self._count(finding)
            return
        key = (finding.pack, *finding.key)
        known = self.findings.get(key)
        if known is not None:
            self.findings[key] = known + finding
        else:
            self._keep(key, finding)

    def _keep(self, key: Key, finding: Finding) -> None:
        """Of a rule's findings the first in order of day, server and subject are listed, in whatever order they come. All
        indicators of one type that prove nothing are taken for one rule: a scanner asks for a hundred known names."""
        kept = self._kept.setdefault((finding.pack, _lump(finding)), [])
        insort(kept, key, key=_day_first)
        self.findings[key] = finding
        if len(kept) > FINDINGS_KEPT:
            self._count(self.findings.pop(kept.pop()))

    def _count(self, finding: Finding) -> None:
        """Counts a finding with the others that are not kept, and who asked for what in it."""
        alone = replace(finding, rule=_lump(finding), subject=OTHERS, crowd=())
        key = (alone.pack, *alone.key)
        others = self._others.get(key)
        if others is None:
            others = self._others[key] = _Others(alone)
        else:
            others.finding += alone
        if finding.subject == OTHERS:
            others.crowd.take(finding.crowd)
        else:
            for name, value, count in counted(finding):
                others.crowd.add(name, value, count)

    def sighted(self, one: Sighting) -> None:
        """Of a rule's rows the first in order of time are kept, in whatever order they come: one more than ``SIGHTINGS_KEPT``
        shows that some are lacking."""
        mine = self._sightings.setdefault(one.rule, {})
        known = mine.get(one.place)
        mine[one.place] = known + one if known else one
        if len(mine) > 2 * SIGHTINGS_KEPT:
            self._sightings[one.rule] = _earliest(mine)

    def missed(self, gap: Gap) -> None:
        """Of gaps with the same words the first in order of file and line are listed, in whatever order they come."""
        key = (gap.kind, gap.cause, gap.detail, gap.channel, gap.server)
        listed = self._gaps.setdefault(key, [])
        insort(listed, gap, key=in_order)
        if len(listed) > GAPS_KEPT:
            last, known = listed.pop(), self._uncounted.get(key)
            self._uncounted[key] = _with(known, last) if known else last

    def read(self, reading: Reading) -> None:
        """Of the same thing said in many places (a server writes thousands of logs) one place is kept: ``Reading.key``."""
        known = self.readings.get(reading.key)
        if known is None and len(self.readings) >= READINGS_KEPT:
            words = f"more than {READINGS_KEPT} different statements on builds, updates and tools: the rest is left out"
            self.missed(Gap("file", Cause.LIMIT, words, reading.source))
            return
        if known is None or (reading.source.path, reading.source.at) < (known.source.path, known.source.at):
            self.readings[reading.key] = reading

    def spanned(self, spans: Iterable[Span]) -> None:
        for span in spans:
            log = self._logs.get(span.key)
            if log is None:
                self._logs[span.key] = _Log(replace(span, hours=frozenset()), set(span.hours))
                continue
            log.hours |= span.hours
            log.span = log.span + replace(span, hours=frozenset())

    def add(self, part: Part) -> None:
        for finding in part.findings:
            self.found(finding)
        for one in part.sightings:
            self.sighted(one)
        for reading in part.readings:
            self.read(reading)
        for gap in part.coverage.gaps:
            if gap.kind != "finding":  # told anew by ``part()``
                self.missed(gap)
        self.spanned(part.coverage.spans)
        for file in part.files:
            self.hashed(file)

    def hashed(self, file: Hashed) -> None:
        """A file that several readers hashed is one; one with a digest goes before one without."""
        if not self.files.get(file.path, file).sha256 or file.path not in self.files:
            self.files[file.path] = file

    def part(self) -> Part:
        spans = tuple(replace(log.span, hours=frozenset(log.hours)) for _, log in sorted(self._logs.items()))
        gaps: list[Gap] = []
        for key, listed in sorted(self._gaps.items(), key=lambda pair: pair[0]):
            more = self._uncounted.get(key)
            gaps += [*listed[:-1], _with(listed[-1], more)] if more else listed
        gaps += [_uncounted(rule) for rule in sorted({others.finding.rule for others in self._others.values()})]
        kept = {rule: tuple(_earliest(mine).values()) for rule, mine in sorted(self._sightings.items())}
        gaps += [_unsighted(rows) for rows in kept.values() if len(rows) > SIGHTINGS_KEPT]
        coverage = Coverage(spans, tuple(gaps))
        counted_only = (replace(others.finding, crowd=others.crowd.values()) for others in self._others.values())
        findings = (*self.findings.values(), *counted_only)
        sightings = tuple(one for rows in kept.values() for one in rows)
        readings = merge_readings(self.readings.values())
        return Part(findings, readings, coverage, self.unjoined, tuple(self.files.values()), sightings)


def _earliest(mine: dict[tuple[Any, ...], Sighting]) -> dict[tuple[Any, ...], Sighting]:
    return {place: mine[place] for place in sorted(mine)[: SIGHTINGS_KEPT + 1]}


def _unsighted(rows: Sequence[Sighting]) -> Gap:
    rule, last = rows[-1].rule.partition("\x1f")[2], rows[-1].time
    words = (
        f"more than {SIGHTINGS_KEPT:,} different rows of rule {rule}, which a correlation counts: those after"
        f" {last:%Y-%m-%d %H:%M:%S} UTC were not counted"
    )
    return Gap("finding", Cause.LIMIT, words, since=last)


def _lump(finding: Finding) -> str:
    """The rule, or of an indicator that calls for no verdict its type: ``ioc:filename``."""
    if finding.rule.startswith("ioc:") and raised(finding) is None:
        return "ioc:" + finding.rule.split(":")[1]
    return finding.rule


def _day_first(key: Key) -> tuple[str, str, str, str]:
    return key[4], key[2], key[3], key[1]


def _uncounted(rule: str) -> Gap:
    words = f"more than {FINDINGS_KEPT} findings of rule {rule}: those after the first in order of day are counted in one"
    return Gap("finding", Cause.LIMIT, words)


def in_order(gap: Gap) -> tuple[str, int, str, int]:
    """The order of gaps in files and lines."""
    if gap.source is None:
        return ("", 0, "", gap.count)
    number = gap.source.at.rpartition(" ")[2]
    return (gap.source.path, int(number) if number.isdecimal() else 0, gap.source.at, gap.count)


def _with(gap: Gap, more: Gap) -> Gap:
    """The gap, standing for the other one as well."""
    return replace(gap, count=gap.count + more.count, since=_least(gap.since, more.since), until=_most(gap.until, more.until))


def _least(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((t for t in (one, other) if t), default=None)


def _most(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((t for t in (one, other) if t), default=None)
