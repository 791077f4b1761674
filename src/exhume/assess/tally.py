"""Adding up: the mutable twin of ``Part``, so that a hundred thousand files add up in linear time."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from exhume.model import Cause, Coverage, Finding, Gap, Hashed, Part, Reading, Span, Unjoined, merge_readings

FINDINGS_KEPT = 2000
"""Different findings kept for each rule. A scan from a million addresses is still one campaign, not a million entries: what
comes after is counted in one finding without address, and a Gap says so."""
OTHERS = "(others)"
"""Subject of the finding that counts them."""
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
class Tally:
    """Collects findings, gaps, readings and spans; ``part()`` gives the sum."""

    findings: dict[Key, Finding] = field(default_factory=dict)
    readings: dict[tuple[str, str, str, str, str], Reading] = field(default_factory=dict)
    _kept: dict[tuple[str, str], list[Key]] = field(default_factory=dict)
    """Of each rule the keys of the findings that are listed, in their order."""
    _gaps: dict[tuple[str, ...], list[Gap]] = field(default_factory=dict)
    _uncounted: dict[tuple[str, ...], Gap] = field(default_factory=dict)
    """What stands for the gaps beyond ``GAPS_KEPT``."""
    _logs: dict[tuple[str, str, str, str], _Log] = field(default_factory=dict)
    files: dict[str, Hashed] = field(default_factory=dict)
    unjoined: Unjoined | None = None
    """What a slice of a file leaves open."""

    def found(self, finding: Finding) -> None:
        key = (finding.pack, *finding.key)
        known = self.findings.get(key)
        if known is not None:
            self.findings[key] = known + finding
        elif finding.subject == OTHERS:
            self.findings[key] = finding
        else:
            self._keep(key, finding)

    def _keep(self, key: Key, finding: Finding) -> None:
        """Of a rule's findings the first in order of day, server and subject are listed, in whatever order they come."""
        kept = self._kept.setdefault((finding.pack, finding.rule), [])
        insort(kept, key, key=_day_first)
        self.findings[key] = finding
        if len(kept) > FINDINGS_KEPT:
            self.found(replace(self.findings.pop(kept.pop()), subject=OTHERS))

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
        gaps += [_uncounted(rule) for rule in sorted({f.rule for f in self.findings.values() if f.subject == OTHERS})]
        coverage = Coverage(spans, tuple(gaps))
        return Part(
            tuple(self.findings.values()),
            merge_readings(self.readings.values()),
            coverage,
            self.unjoined,
            tuple(self.files.values()),
        )


def _day_first(key: Key) -> tuple[str, str, str]:
    return key[4], key[2], key[3]


def _uncounted(rule: str) -> Gap:
    words = f"more than {FINDINGS_KEPT} findings of rule {rule}: those after the first in order of day are counted by day"
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
