"""Which campaign a finding counts for. Pure.

A trace can fit several flaws: remote PowerShell by a foreign program is a step of ProxyShell, ProxyNotShell and OWASSRF.
Packs say so (``shared`` in ``pack.yml``). Such a finding counts for the campaign that specific findings of the same intrusion
prove, and never for one that began later, as long as it fits another one. A break-in stays a break-in: what fits nothing else
stays where it is, and the answer says that its date lies before the campaign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from exhume.model import Finding, Intrusion, Outcome, Pack

GRACE = timedelta(days=1)
"""Clocks and time zones: IIS may write local time. Use before a flaw was published is in the packs' first days already."""


@dataclass(frozen=True, slots=True)
class Fit:
    """For each finding the campaign that it counts for."""

    campaign: Mapping[str, str] = field(default_factory=dict)
    """Finding → pack, where it is not the rule's own."""
    proven: frozenset[str] = frozenset()
    """Findings that prove their own pack's flaw: specific, or beside a specific one in the same intrusion."""

    def of(self, finding: Finding) -> str:
        return self.campaign.get(finding.id, finding.pack)


def fit(findings: Sequence[Finding], intrusions: Iterable[Intrusion], packs: Iterable[Pack]) -> Fit:
    """Every finding counts for exactly one campaign, the same whatever the order of the findings."""
    known = {p.name: p for p in packs}
    shared = {(p.name, trace): others for p in known.values() for trace, others in p.shared}
    by_id = {f.id: f for f in findings}
    beside: dict[str, list[list[Finding]]] = defaultdict(list)
    specific = {
        f.id
        for f in findings
        if f.trace and (f.pack, f.trace) not in shared and f.pack in known and f.outcome >= Outcome.ATTEMPT
    }
    for one in intrusions:
        proofs = [by_id[name] for name in sorted(specific & set(one.findings)) if known[by_id[name].pack].entry_cve]
        for name in one.findings:
            beside[name].append(proofs)
    campaign: dict[str, str] = {}
    proven = set(specific)
    for finding in findings:
        others = shared.get((finding.pack, finding.trace), ())
        if not others:
            continue
        fitting = [known[name] for name in (finding.pack, *others) if name in known]
        near = [proof for proofs in beside[finding.id] for proof in proofs]
        chosen, sure = _chosen(finding, fitting, near)
        if chosen != finding.pack:
            campaign[finding.id] = chosen
        elif sure:
            proven.add(finding.id)
    return Fit(campaign, frozenset(proven))


def early(pack: Pack, findings: Iterable[Finding]) -> list[Finding]:
    """Those of the findings that are of before the campaign was first seen anywhere."""
    return [f for f in findings if f.outcome >= Outcome.ATTEMPT and not _begun(pack, f)]


def _chosen(finding: Finding, fitting: Sequence[Pack], near: Sequence[Finding]) -> tuple[str, bool]:
    """The pack, and whether specific findings beside it say so. ``fitting``: the rule's own pack first."""
    open_ = [p for p in fitting if _begun(p, finding)]
    names = {p.name for p in open_ if p.entry_cve}  # packs that are tied to no flaw fit everything and prove none
    for least in (Outcome.STEP, Outcome.ATTEMPT):
        proofs = [f for f in near if f.pack in names and f.outcome >= least]
        if proofs:
            best = min(proofs, key=lambda f: (_apart(f, finding), f.pack != finding.pack, f.pack, f.id))
            return best.pack, True
    if not open_ or open_[0] is fitting[0]:
        return fitting[0].name, False
    flaws = [p for p in open_ if p.entry_cve]
    latest = max(flaws or open_[:1], key=lambda p: (p.first_exploited or date.min, p.name))
    return latest.name, False


def _begun(pack: Pack, finding: Finding) -> bool:
    """Had the campaign been seen anywhere by then? What has no day says nothing against it."""
    if pack.first_exploited is None or not pack.entry_cve or finding.last_seen is None:
        return True
    return finding.last_seen.date() >= pack.first_exploited - GRACE


def _apart(one: Finding, other: Finding) -> timedelta:
    if not (one.first_seen and one.last_seen and other.first_seen and other.last_seen):
        return timedelta(days=36_500)
    gaps: tuple[datetime, datetime] = (max(one.first_seen, other.first_seen), min(one.last_seen, other.last_seen))
    return max(gaps[0] - gaps[1], timedelta())
