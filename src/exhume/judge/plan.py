"""What to do next: the packs' clean-up steps that this server's findings call for, in one safe order. Never carried out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exhume.judge import words
from exhume.judge.verdict import raised
from exhume.model import Answer, Finding, PlanEntry, Step, Verdict

COLLECT = 10
"""Place of "collect first" on the packs' axis."""


def plan(entries: Iterable[PlanEntry], answers: Sequence[Answer], findings: Sequence[Finding]) -> tuple[Step, ...]:
    """The steps that apply, numbered from 1. Without a suspicion it is what to bring so that more can be said."""
    by_campaign = {a.campaign: a for a in answers}
    worked = [f for f in findings if raised(f) is not None]
    due: dict[str, tuple[PlanEntry, list[Finding]]] = {}
    for entry in sorted(entries, key=lambda e: (e.order, e.pack, e.id)):
        why = [f for f in worked if f.rule in entry.rules or (f.trace and f.trace in entry.rules)]
        campaign = by_campaign.get(entry.pack)
        if not why and campaign and entry.outcome and campaign.verdict >= Verdict.SUSPECTED:
            why = [f for f in worked if f.pack == entry.pack and f.outcome >= entry.outcome]
        if why and entry.title not in due:
            due[entry.title] = (entry, why)
    steps: list[Step] = []
    missing = list(dict.fromkeys(limit for a in answers if a.verdict == Verdict.CANNOT_TELL for limit in a.limits))
    if not due and missing:
        how = "What keeps exhume from a verdict:\n" + "\n".join(f"- {limit}" for limit in missing)
        how += "\nLook for the missing days in backups, snapshots, a SIEM or log server, then assess again with all of it."
        steps.append(Step(1, "Bring the evidence that is missing", "No verdict is possible without it.", how, reversible=True))
    for entry, why in due.values():
        titles = words.joined(list(dict.fromkeys(f.title for f in why)), most=3)
        ids = tuple(dict.fromkeys(f.id for f in why))
        steps.append(Step(len(steps) + 1, entry.title, f"Because of: {titles}.", entry.how, entry.reversible, ids))
    return tuple(steps)
