"""The verdict on one campaign: pure, and the whole of it on this page.

Findings raise a verdict. Gaps only limit it. A later clean state never lowers an earlier finding. No verdict says "clean":
``no_trace`` needs every kind of evidence that the pack asks for, on every day that is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from exhume.judge import words
from exhume.model import (
    Answer,
    Cause,
    Coverage,
    Finding,
    Gap,
    Outcome,
    Pack,
    Seen,
    Verdict,
    Window,
    attacks,
    raised,
    to_confirm,
)
from exhume.model.windows import in_exchange, served_url, windows_path

if TYPE_CHECKING:
    from exhume.judge.exposure import Patching

__all__ = ["Days", "answer", "days_of", "limits_of", "raised", "worst_first"]

LOST_ROWS = 10
"""Damaged rows of a needed log from which on the days count as not seen; a torn last row alone does not."""


@dataclass(frozen=True, slots=True)
class Days:
    """Which days a campaign is judged on, and whether that is known to be all days that matter."""

    window: Window | None
    bounded: bool
    """The user gave a period, or the end of the exposure is proven. Without it ``no_trace`` cannot be said."""
    before: bool = False
    """The judged days end before the campaign was first seen anywhere."""
    never: bool = False
    """The flaw was fixed, or not there, on all days since the campaign was first seen: proven by dated readings."""


def days_of(pack: Pack, period: Window | None, end: datetime | None, today: date, exposure: Patching | None = None) -> Days:
    """From the campaign's first known day (or ``--since``) to the day on which its flaw was fixed, or the evidence ends (or
    ``--until``). A period that the user gives goes before what the readings tell."""
    since = pack.first_exploited
    last = end.date() if end else today
    if period is not None:
        first = max(since, period.since) if since else period.since
        if first > period.until:
            return Days(None, bounded=True, before=True)
        return Days(Window(first, period.until), bounded=True)
    if since is None:
        return Days(None, bounded=False)
    if exposure and pack.name in exposure.campaigns:
        days = exposure.campaigns[pack.name]
        window = Window(days.since, days.until) if days.since else None
        return Days(window, bounded=days.known, never=days.known and window is None)
    if since > last:
        return Days(None, bounded=False, before=True)
    if exposure and not pack.entry_cve:
        first = max(since, exposure.first_install or since)
        return Days(Window(first, max(first, last)), bounded=exposure.all_known)
    return Days(Window(since, last), bounded=False)


def answer(
    pack: Pack, findings: Sequence[Finding], coverage: Coverage, days: Days, servers: Sequence[str], partly: str = ""
) -> Answer:
    """The verdict on the pack's campaign, with everything that limits it. ``partly``: why its rules were not asked of all."""
    limits = (*([partly] if partly else []), *limits_of(pack, coverage, days, servers))
    called = [v for v in map(raised, findings) if v is not None]
    outcome = max((f.outcome for f in findings if not to_confirm(f)), default=None)
    if called:
        verdict = max(called)
    elif not pack.needs or limits:
        verdict = Verdict.CANNOT_TELL
    elif outcome is not None and outcome >= Outcome.ATTEMPT:
        verdict = Verdict.ATTEMPTED
    else:
        verdict = Verdict.NO_TRACE
    if days.before and days.bounded and verdict == Verdict.NO_TRACE and days.window is None:
        limits = (words.before_campaign(pack),)
    if days.never and verdict == Verdict.NO_TRACE:
        limits = (words.never_open(pack),)
    firsts = [f.first_seen for f in findings if f.first_seen]
    lasts = [f.last_seen for f in findings if f.last_seen]
    return Answer(
        campaign=pack.name,
        title=pack.title,
        verdict=verdict,
        outcome=outcome,
        first_seen=min(firsts, default=None),
        last_seen=max(lasts, default=None),
        findings=tuple(f.id for f in sorted(findings, key=worst_first)),
        limits=limits,
        window=days.window,
    )


def limits_of(pack: Pack, coverage: Coverage, days: Days, servers: Sequence[str]) -> tuple[str, ...]:
    """Why ``no_trace`` cannot be said of this campaign; empty when it can."""
    if not pack.needs:
        return (words.no_needs(pack),)
    if days.before and days.bounded:
        return ()
    out: list[str] = []
    if days.before:
        out.append(words.ends_before(pack, coverage.end))
    elif not days.bounded:
        out.append(words.unbounded())
    if days.window is not None:
        for server in servers if len(servers) > 1 else ("",):
            for hidden in coverage.hidden(pack.needs, days.window, server or None):
                out.append(words.hidden(hidden, coverage, days.window, server))
    if len(servers) > 1:
        out.append(words.mixed(servers))
    asked = [seen for need in pack.needs for seen in need.any_of]
    needed, gaps = {seen.kind for seen in asked}, [g for g in coverage.gaps if not _other_events(g, asked)]
    out += words.lost(tuple(g for g in gaps if hides(g, needed)) or scattered(gaps, needed))
    return tuple(dict.fromkeys(out))


def hides(gap: Gap, needed: Iterable[str]) -> bool:
    """Could what this gap lost have held a trace of the campaign?"""
    kinds = set(needed)
    if "web.folder" in kinds:
        kinds |= {"web.file", "aspnet.compiled"}
    if gap.kind == "archive":
        return gap.cause in (Cause.UNREADABLE, Cause.LIMIT, Cause.DAMAGED)
    if gap.kind == "file":
        return gap.cause in (Cause.UNREADABLE, Cause.LIMIT, Cause.DAMAGED) and gap.source is not None and _exchange_file(gap)
    if gap.kind not in kinds:
        return False
    return gap.cause in (Cause.UNREADABLE, Cause.LIMIT) or (gap.cause == Cause.DAMAGED and gap.count >= LOST_ROWS)


def _other_events(gap: Gap, asked: Iterable[Seen]) -> bool:
    """Was something lost of an event log of which the campaign asks for nothing? It may ask for a part of one only, such as
    ``Security (program starts)``."""
    if gap.kind != "windows.event" or not gap.channel:
        return False
    logs = (seen.channel.lower().partition(" (")[0] for seen in asked if seen.kind == gap.kind)
    return not any(fnmatchcase(gap.channel.lower(), log) for log in logs)


def scattered(gaps: Iterable[Gap], needed: Iterable[str]) -> tuple[Gap, ...]:
    """Damage that is small in each file of a needed kind, when it adds up to ``LOST_ROWS``; single rows, such as the last one
    of a log that was being written, are not added."""
    kinds = set(needed)
    small = [g for g in gaps if g.kind in kinds and g.cause == Cause.DAMAGED and g.count > 1]
    lost = Counter[str]()
    for gap in small:
        lost[gap.kind] += gap.count
    return tuple(g for g in small if lost[g.kind] >= LOST_ROWS)


def _exchange_file(gap: Gap) -> bool:
    path = gap.source.path if gap.source else ""
    place = windows_path(path)
    lowered = path.lower()
    return bool(
        in_exchange(place or path)
        or served_url(place or path)
        or lowered.endswith(
            (".log", ".evtx", ".aspx", ".ashx", ".asmx", ".asp", ".config", ".zip", ".gz", ".tar", ".zst", ".xz", ".unpacked")
        )
        or "inetpub" in lowered
        or "w3svc" in lowered
        or "winevt" in lowered
    )


def worst_first(finding: Finding) -> tuple[int, int, int, int, int, str, str, str]:
    """Sort key: what proves most comes first, then attempts, then what is to be confirmed; of the same, what happened first."""
    called = raised(finding)
    when = finding.first_seen.isoformat() if finding.first_seen else ""
    proof = (-(called if called is not None else -1), -attacks(finding), -finding.outcome)
    return (*proof, -finding.severity, -finding.confidence, when, finding.rule, finding.id)
