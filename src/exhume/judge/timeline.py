"""One axis for everything that has a time: attacker steps, updates, tool runs, and where the logs begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

from exhume.judge.words import joined, source_name
from exhume.model import Finding, Intrusion, Moment, Planted, Reading, Span, attacks

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
        log = source_name(finding.record.kind, finding.record.channel)
        kind = "attack" if attacks(finding) else "context"
        for moment, word in ((finding.first_seen, ""), (finding.last_seen, "last: ")):
            if moment and (not word or moment != finding.first_seen):
                times = f" ({finding.count:,} times)" if finding.count > 1 and not word else ""
                moments.append(Moment(moment, f"{word}{finding.title}{times}", kind, finding.id, finding.source, log))
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
