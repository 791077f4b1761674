"""Adding up: the mutable twin of ``Part``, so that a hundred thousand files add up in linear time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from exhume.model import Cause, Coverage, Finding, Gap, Part, Reading, Span

FINDINGS_KEPT = 2000
"""Different findings kept for each rule. A scan from a million addresses is still one campaign, not a million entries: what
comes after is counted in one finding without address, and a Gap says so."""
GAPS_KEPT = 50
"""Gaps with the same words that are listed one by one; the rest is counted."""


@dataclass(slots=True)
class _Log:
    span: Span
    hours: set[int]


@dataclass(slots=True)
class Tally:
    """Collects findings, gaps, readings and spans; ``part()`` gives the sum."""

    findings: dict[tuple[str, ...], Finding] = field(default_factory=dict)
    readings: dict[Reading, None] = field(default_factory=dict)
    _rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    _gaps: dict[tuple[str, ...], list[Gap]] = field(default_factory=dict)
    _logs: dict[tuple[str, str, str, str], _Log] = field(default_factory=dict)

    def found(self, finding: Finding) -> None:
        key = (finding.pack, *finding.key)
        known = self.findings.get(key)
        if known is None:
            rule = (finding.pack, finding.rule)
            if self._rules[rule] >= FINDINGS_KEPT:
                finding = replace(finding, subject="(others)")
                key = (finding.pack, *finding.key)
                known = self.findings.get(key)
                if known is None:
                    self.missed(
                        Gap(
                            "finding",
                            Cause.LIMIT,
                            f"more than {FINDINGS_KEPT} findings of rule {finding.rule}: the rest is counted by day",
                        )
                    )
            self._rules[rule] += known is None
        self.findings[key] = known + finding if known else finding

    def missed(self, gap: Gap) -> None:
        listed = self._gaps.setdefault((gap.kind, gap.cause, gap.detail, gap.channel, gap.server), [])
        if len(listed) < GAPS_KEPT:
            listed.append(gap)
        else:
            last = listed[-1]
            listed[-1] = replace(
                last,
                count=last.count + gap.count,
                since=_least(last.since, gap.since),
                until=_most(last.until, gap.until),
            )

    def read(self, reading: Reading) -> None:
        self.readings[reading] = None

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
            self.missed(gap)
        self.spanned(part.coverage.spans)

    def part(self) -> Part:
        spans = tuple(replace(log.span, hours=frozenset(log.hours)) for _, log in sorted(self._logs.items()))
        gaps = tuple(gap for _, listed in sorted(self._gaps.items()) for gap in listed)
        return Part(tuple(self.findings.values()), tuple(self.readings), Coverage(spans, gaps))


def _least(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((t for t in (one, other) if t), default=None)


def _most(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((t for t in (one, other) if t), default=None)
