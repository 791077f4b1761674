"""What the user accepts as known good is taken out of the findings, one thing at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from exhume.judge.verdict import worst_first
from exhume.model import Allowed, AllowEntry, Finding, Problem, allow_line, fits, loose, thing_of

PACK = "--allow"
"""Whose problem it is, in the list of what could not be used."""


def accept(
    findings: Iterable[Finding], entries: Sequence[AllowEntry], today: date
) -> tuple[list[Finding], tuple[Allowed, ...], tuple[Problem, ...]]:
    """What stays, what was accepted, and which entries accept nothing.

    An entry that names only a file in which things stand beside each other (``agents.config``, a hive, a log) accepts the
    thing in it as long as there is one; where there are several, the planted one would be accepted with the harmless one, so
    the entry accepts none, and a problem says what to write in its place.
    """
    kept: list[Finding] = []
    allowed: list[Allowed] = []
    counting = [e for e in entries if e.until is None or today <= e.until]
    ordered = sorted(findings, key=worst_first)
    crowded = _crowded(ordered, counting)
    for finding in ordered:
        entry = next(
            (e for n, e in enumerate(counting) if fits(e, finding) and not (loose(e, finding) and n in crowded)),
            None,
        )
        if entry:
            allowed.append(Allowed(finding, entry.reason, entry.until))
        else:
            kept.append(finding)
    return kept, tuple(allowed), tuple(_told(counting[n], found) for n, found in sorted(crowded.items()))


def _crowded(findings: Sequence[Finding], entries: Sequence[AllowEntry]) -> dict[int, list[Finding]]:
    """Number of an entry → the findings of the first file in which it would accept several things."""
    out: dict[int, list[Finding]] = {}
    for number, entry in enumerate(entries):
        files: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            if fits(entry, finding) and loose(entry, finding):
                for path in {source.path for source in finding.sources}:
                    files[path].append(finding)
        several = [path for path in sorted(files) if len({_what(f) for f in files[path]}) > 1]
        if several:
            out[number] = files[several[0]]
    return out


def _what(finding: Finding) -> tuple[str, ...]:
    thing = thing_of(finding)
    return (thing.name.lower(), thing.dll.lower(), thing.detail.lower()) if thing.named else (finding.id,)


def _told(entry: AllowEntry, findings: Sequence[Finding]) -> Problem:
    lines = [line for line in map(allow_line, findings) if line]
    instead = f" Name the one that you mean, such as: {lines[0]}" if lines else " Name the one that you mean."
    reason = f"it fits {len(findings):,} different things in one file, so it accepts none of them.{instead}"
    return Problem(PACK, f"entry {entry.line}" if entry.line else f"rule {entry.rule}, path {entry.path}", reason)
