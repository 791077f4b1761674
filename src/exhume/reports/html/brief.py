"""The findings for paper: one entry for each rule, with its proof in a few lines. On the screen each finding stands in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exhume.model import Finding
from exhume.reports import wording
from exhume.reports.plain import shorten

MOST_ENTRIES = 150
MOST_PLACES, MOST_REASONS = 2, 2
VALUE = 140
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Brief:
    """All findings of one rule."""

    title: str
    severity: str
    meaning: str
    when: str
    """From when to when, how many findings and rows, from which addresses."""
    places: tuple[tuple[str, str], ...]
    more: int
    """Places that are left out."""
    because: tuple[tuple[str, str], ...]
    mark: str


def briefs(findings: Sequence[Finding]) -> tuple[Brief, ...]:
    """In the order of the findings, worst first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for found in findings:
        groups.setdefault((found.pack, found.rule, found.title), []).append(found)
    return tuple(_brief(group) for group in groups.values())


def _brief(group: Sequence[Finding]) -> Brief:
    first = group[0]
    times = [t for f in group for t in (f.first_seen, f.last_seen) if t]
    when = [wording.between(min(times), max(times)) if times else "no time: as it was found"]
    rows = sum(f.count for f in group)
    if rows > 1:
        when.append(f"{wording.counted(len(group), 'finding')}, {rows:,} times")
    addresses = list(dict.fromkeys(f.address for f in group if f.address))
    if addresses:
        more = f" and {len(addresses) - 3:,} more" if len(addresses) > 3 else ""
        when.append(f"from {', '.join(addresses[:3])}{more}")
    places = list(dict.fromkeys((s.path, s.at) for f in group for s in f.sources))
    because = dict.fromkeys((b.field, shorten(b.value, VALUE)) for b in first.because)
    return Brief(
        title=first.title,
        severity=str(first.severity),
        meaning=wording.OUTCOME[first.outcome][1],
        when="; ".join(when),
        places=tuple(places[:MOST_PLACES]),
        more=max(0, len(places) - MOST_PLACES),
        because=tuple(because)[:MOST_REASONS],
        mark=f"{first.pack}: {first.trace or first.rule}",
    )
