"""An intrusion told in order: what was done, which logs show it, and which log should have shown it but does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from exhume.judge.chain.nodes import Node
from exhume.judge.words import source_name
from exhume.model import Act, Coverage, Outcome, SeenIn, Span, hour_of

Witnesses = Mapping[str, Sequence[tuple[str, str]]]
"""The beginning of a trace's id → the logs (kind, channel) that should show it."""
LADDER = ((Outcome.PROBE, Outcome.ATTEMPT), (Outcome.STEP,), (Outcome.WRITE,), (Outcome.EXEC,), (Outcome.POST,))
TITLES_TOLD = 12
NEAR = timedelta(seconds=5)
"""Rows of another rule so close in time show the same request."""


def acts_of(nodes: Sequence[Node], coverage: Coverage, witnesses: Witnesses) -> tuple[Act, ...]:
    """The rungs of the ladder that were reached, from probe to post."""
    out: list[Act] = []
    for rung in LADDER:
        mine = [n for n in nodes if n.finding.outcome in rung]
        if mine:
            out.append(_act(rung[0], mine, nodes, coverage, witnesses))
    return tuple(out)


def _act(outcome: Outcome, mine: Sequence[Node], whole: Sequence[Node], coverage: Coverage, witnesses: Witnesses) -> Act:
    mine = sorted(mine, key=lambda n: (n.first is None, str(n.first or ""), -n.finding.severity, n.finding.id))
    firsts = [n.first for n in mine if n.first]
    lasts = [n.last for n in mine if n.last]
    first, last = min(firsts, default=None), max(lasts, default=None)
    return Act(
        outcome=outcome,
        titles=tuple(dict.fromkeys(n.finding.title for n in mine))[:TITLES_TOLD],
        first_seen=first,
        last_seen=last,
        findings=tuple(dict.fromkeys(n.finding.id for n in mine)),
        rows=_rows(mine),
        missing=_missing(mine, whole, first, last, coverage, witnesses),
    )


def _rows(mine: Sequence[Node]) -> tuple[SeenIn, ...]:
    """How many rows of each log. Several rules that fire on the same rows count them once: the largest rule is told."""
    logs: dict[str, dict[str, list[Node]]] = {}
    for node in mine:
        log = source_name(node.kind, node.finding.record.channel)
        logs.setdefault(log, {}).setdefault(node.finding.rule, []).append(node)
    out: list[SeenIn] = []
    for log, rules in logs.items():
        places = {n.visit.source for some in rules.values() for n in some}
        count = max(len(places), *(sum(n.visit.count for n in some) for some in rules.values()))
        first = next(n for n in mine if source_name(n.kind, n.finding.record.channel) == log)
        out.append(SeenIn(log, count, first.visit.source))
    return tuple(out)


def _missing(
    mine: Sequence[Node],
    whole: Sequence[Node],
    first: datetime | None,
    last: datetime | None,
    coverage: Coverage,
    witnesses: Witnesses,
) -> tuple[str, ...]:
    beside = [
        n for n in whole if not (n.first and n.last and first and last) or (n.first <= last + NEAR and first <= n.last + NEAR)
    ]
    there = {(n.kind, n.finding.record.channel) for n in (*mine, *beside)}
    server = next((n.finding.record.server for n in mine if n.finding.record.server), "")
    wanted: dict[tuple[str, str], None] = {}
    for node in mine:
        for begin, logs in witnesses.items():
            if node.finding.trace.startswith(begin):
                wanted |= dict.fromkeys(logs)
    out: list[str] = []
    for kind, channel in wanted:
        if (kind, channel) not in there:
            why = _why(kind, channel, server, first, last, coverage)
            out.append(f"{source_name(kind, channel)}: {why}")
    return tuple(out)


def _why(kind: str, channel: str, server: str, first: datetime | None, last: datetime | None, coverage: Coverage) -> str:
    spans = [s for s in coverage.spans if _fits(s, kind, channel) and (not server or s.server in ("", server))]
    if not spans:
        return "not in the evidence"
    if first is None or last is None or all(s.state for s in spans):
        return "in the evidence, and no trace of it there"
    hours = {hour_of(first), hour_of(last)}
    if any(s.first and s.last and s.first <= last and first <= s.last and (not s.busy or hours & s.hours) for s in spans):
        return "covers this time, and no trace of it there"
    return "does not reach this time"


def _fits(span: Span, kind: str, channel: str) -> bool:
    if kind in ("web.file", "aspnet.compiled"):
        return span.kind in (kind, "web.folder")
    return span.kind == kind and span.channel in (channel, "")
