"""Findings and gaps, added up, are judged once. Pure functions: no file, no clock, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING

from exhume.judge.chain import chain, own_addresses, together
from exhume.judge.plan import plan
from exhume.judge.planted import planted
from exhume.judge.questions import answer_all
from exhume.judge.things import things
from exhume.judge.timeline import timeline
from exhume.judge.touch import Second, used_pages, with_activity, with_earlier
from exhume.judge.verdict import answer, days_of, raised, worst_first
from exhume.judge.weigh import weigh
from exhume.judge.words import blind, source_name
from exhume.model import (
    Allowed,
    AllowEntry,
    Answer,
    Assessment,
    Cause,
    Correlation,
    Coverage,
    Finding,
    Gap,
    Host,
    Pack,
    Part,
    PlanEntry,
    Problem,
    Tool,
    Verdict,
    Window,
)

if TYPE_CHECKING:
    from exhume.judge.exposure import Patching, patching

__all__ = ["Case", "Patching", "Second", "judge", "patching", "raised", "worst_first"]


def __getattr__(name: str) -> object:
    """What judges builds is loaded when it is first asked for (PEP 562): only evidence that tells builds needs it."""
    if name not in ("Patching", "patching"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("exhume.judge.exposure"), name)


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged with, beside the part and the packs."""

    tool: Tool
    generated: datetime
    period: Window | None = None
    allow: Sequence[AllowEntry] = ()
    plans: Sequence[PlanEntry] = ()
    exposure: Patching | None = None
    """What the readings tell of builds and flaws (``patching``); ``None``: nothing."""
    evidence: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = field(default=())
    correlations: Sequence[Correlation] = ()
    marks: Sequence[tuple[str, str, str, str]] = ()
    """Marks of known clusters: cluster, kind, value, source."""
    second: Second = field(default_factory=Second)
    """What the second look at the evidence brought."""
    partly: Mapping[str, str] = field(default_factory=dict)
    """Pack → why not all rows were put to its rules, in a sentence: it may find something, and never say ``no_trace``."""
    witnesses: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """The beginning of a trace's id → the logs (kind, channel) that should show it."""


def judge(part: Part, packs: Sequence[Pack], host: Host, case: Case) -> Assessment:
    """The assessment of one server. The same part gives the same assessment, whatever the order of its files."""
    used = tuple(used_pages(case.second.touched, part.findings))
    findings, allowed = _allow((*part.findings, *used), case.allow, case.generated.date())
    findings = weigh(findings, own_addresses(findings), frozenset(case.second.mixed))
    findings = sorted((*findings, *together(findings, case.correlations, case.second.mixed)), key=worst_first)
    coverage = replace(part.coverage, gaps=part.coverage.gaps + case.second.gaps + _absent(part.coverage, packs))
    servers = _servers(coverage)
    answers = tuple(_answers(findings, coverage, packs, servers, case))
    verdict = max((a.verdict for a in answers), default=Verdict.CANNOT_TELL)
    told = chain(findings, coverage, case.witnesses, case.second.mixed, case.marks)
    intrusions = tuple(with_earlier(with_activity(one, case.second.touched, coverage), case.second.earlier) for one in told)
    pages = planted(findings, intrusions, case.second, coverage, part.readings)
    return Assessment(
        tool=case.tool,
        generated=case.generated,
        host=host,
        verdict=verdict,
        questions=answer_all(answers, findings, coverage, host, case.exposure, case.period, intrusions),
        answers=answers,
        findings=tuple(findings),
        coverage=coverage,
        readings=tuple(sorted(part.readings, key=lambda r: (str(r.day or ""), r.what, r.value, str(r.source)))),
        exposure=case.exposure.entries if case.exposure else (),
        intrusions=intrusions,
        planted=pages,
        timeline=timeline(findings, part.readings, coverage.spans, intrusions, pages),
        plan=plan(case.plans, answers, findings, things(findings, intrusions, host), case.exposure),
        allowed=allowed,
        problems=case.problems,
        period=case.period,
        evidence=case.evidence,
        mixed=case.second.mixed,
    )


def _answers(
    findings: Sequence[Finding], coverage: Coverage, packs: Sequence[Pack], servers: tuple[str, ...], case: Case
) -> Iterable[Answer]:
    """One answer for each pack that can give one: it has needs, or it found something."""
    for pack in packs:
        mine = [f for f in findings if f.pack == pack.name]
        if pack.needs or mine:
            days = days_of(pack, case.period, coverage.end, case.generated.date(), case.exposure)
            yield answer(pack, mine, coverage, days, servers, case.partly.get(pack.name, ""))


def _servers(coverage: Coverage) -> tuple[str, ...]:
    """The Exchange servers whose own logs are here; event logs name other machines, so they do not count."""
    kinds = ("exchange.httpproxy", "exchange.ecp-server", "exchange.ews", "exchange.rps-http", "iis.access")
    return tuple(sorted({s.server for s in coverage.spans if s.server and s.kind in kinds}))


def _absent(coverage: Coverage, packs: Sequence[Pack]) -> tuple[Gap, ...]:
    """Kinds of evidence that an Exchange server has, that a campaign asks for, and of which nothing came."""
    wanted = {(seen.kind, seen.channel): seen for pack in packs for need in pack.needs for seen in need.any_of}
    return tuple(
        Gap(kind, Cause.ABSENT, f"nothing of this kind is in the evidence: {source_name(kind, channel)}", channel=channel)
        for (kind, channel), seen in sorted(wanted.items())
        if not any(seen.fits(span) for span in coverage.spans) and not any(blind(gap, kind) for gap in coverage.gaps)
    )


def _allow(
    findings: Iterable[Finding], entries: Sequence[AllowEntry], today: date
) -> tuple[list[Finding], tuple[Allowed, ...]]:
    kept: list[Finding] = []
    allowed: list[Allowed] = []
    for finding in sorted(findings, key=worst_first):
        entry = next((e for e in entries if (e.until is None or today <= e.until) and _fits(e, finding)), None)
        if entry:
            allowed.append(Allowed(finding, entry.reason, entry.until))
        else:
            kept.append(finding)
    return kept, tuple(allowed)


def _fits(entry: AllowEntry, finding: Finding) -> bool:
    if entry.sha256:
        same = finding.record.text("sha256").lower() == entry.sha256.lower()
        if not same or not entry.rule:
            return same
    if not entry.rule or entry.rule not in (finding.rule, finding.trace):
        return False
    places = (finding.record.text("url"), finding.record.text("windows_path"), finding.source.path)
    return bool(entry.path) and any(fnmatchcase(p.lower(), entry.path.lower()) for p in places if p)
