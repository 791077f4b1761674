"""One axis for everything that has a time: attacker steps, updates, tool runs, and where the logs begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time

from exhume.judge.verdict import raised
from exhume.judge.words import joined, source_name
from exhume.model import Finding, Intrusion, Moment, Planted, Reading, Span, attacks

MOST_PARTS = 20
"""Findings told as one of which each has its own moments."""
READING_KINDS = {
    "update": "patch", "removal": "patch", "mitigation": "patch",
    "build": "context", "first_install": "context", "tool": "tool",
}  # fmt: skip


def timeline(
    findings: Sequence[Finding],
    readings: Iterable[Reading],
    spans: Iterable[Span],
    intrusions: Sequence[Intrusion] = (),
    pages: Iterable[Planted] = (),
) -> tuple[Moment, ...]:
    """All moments in order of time."""
    moments: list[Moment] = []
    for number, one in enumerate(intrusions, 1):
        who = f" from {joined(one.addresses, most=3)}" if one.addresses else ""
        if one.first_seen and one.last_seen:
            moments.append(Moment(one.first_seen, f"intrusion {number}{who} begins", "attack", actor=number))
            moments.append(Moment(one.last_seen, f"intrusion {number}{who}: last trace", "attack", actor=number))
    for finding in findings:
        moments += _of_finding(finding)
    for page in pages:
        if page.by and page.gone_by:
            at = datetime.combine(page.gone_by, time(), UTC)
            moments.append(
                Moment(at, f"{page.page} was removed on this day or before, by {page.by}", "tool", source=page.source)
            )
    builds: set[str] = set()
    for reading in sorted(readings, key=lambda r: str(r.day or "")):
        if reading.day is None or reading.what not in READING_KINDS:
            continue
        if reading.what == "build":
            if reading.value in builds:
                continue
            builds.add(reading.value)
        at = datetime.combine(reading.day, time(), UTC)
        moments.append(Moment(at, f"{reading.what}: {reading.value}", READING_KINDS[reading.what], source=reading.source))
    for span in spans:
        if span.first and span.last:
            name = source_name(span.kind, span.channel)
            moments.append(Moment(span.first, f"{name} begins", "log", log=name))
            moments.append(Moment(span.last, f"{name} ends", "log", log=name))
    return tuple(sorted(moments, key=lambda m: (m.time, m.kind, m.what)))


def _of_finding(told: Finding) -> Iterator[Moment]:
    """First and last of what is told; of a break-in those of all that is put together in it, unless that is a crowd."""
    several = raised(told) is not None and 1 < len(told.parts) <= MOST_PARTS
    seen: set[tuple[datetime, str]] = set()
    for one in told.parts if several else (told,):
        log = source_name(one.record.kind, one.record.channel)
        kind = "attack" if attacks(one) else "context"
        for moment, word in ((one.first_seen, ""), (one.last_seen, "last: ")):
            if moment and (not word or moment != one.first_seen) and (moment, one.title) not in seen:
                seen.add((moment, one.title))
                times = f" ({one.count:,} times)" if one.count > 1 and not word else ""
                yield Moment(moment, f"{word}{one.title}{times}", kind, told.id, one.source, log)
