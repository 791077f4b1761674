"""Sigma correlation rules over findings: counts, and rules that fire together or one after the other.

They see what findings keep: their visits (rows by minute and keys). A finding that folds more rows than its visits tell is
counted whole when all of it lies within the timespan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from exhume.judge.chain.nodes import Group, Node
from exhume.model import Because, Correlation, Finding

TESTS = {
    "gt": lambda n, m: n > m,
    "gte": lambda n, m: n >= m,
    "lt": lambda n, m: n < m,
    "lte": lambda n, m: n <= m,
    "eq": lambda n, m: n == m,
}
SLACK = timedelta(seconds=1)
"""IIS rounds to whole seconds, so order within one second is not known."""


def correlate(groups: Iterable[Group], loose: Sequence[Node], rules: Iterable[Correlation]) -> tuple[Finding, ...]:
    """The findings that the rules raise. ``groups``: intrusions; ``loose``: nodes that belong to none."""
    owner: dict[int, str] = {}
    nodes: list[Node] = list(loose)
    for number, group in enumerate(groups):
        nodes += group.nodes
        owner.update((id(node), str(number)) for node in group.nodes)
    by_rule: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.first:
            for name in {node.finding.rule, node.finding.trace, node.finding.title} - {""}:
                by_rule[name].append(node)
    out: list[Finding] = []
    for rule in rules:
        if all(name in by_rule for name in rule.rules):
            for key, mine in _grouped(rule, by_rule, owner).items():
                out += _evaluate(rule, key, mine)
    return tuple(_told_apart(out))


def _told_apart(found: Iterable[Finding]) -> Iterator[Finding]:
    """Two intruders behind one address share findings: what a rule says of the later one bears a minute in its id."""
    seen: set[str] = set()
    for finding in sorted(found, key=lambda f: (f.rule, str(f.first_seen))):
        one = finding
        if one.id in seen:
            one = replace(one, subject=f"{one.subject}\x1f{min(v.minute for v in one.visits)}")
        seen.add(one.id)
        yield one


def _grouped(
    rule: Correlation, by_rule: Mapping[str, list[Node]], owner: Mapping[int, str]
) -> dict[tuple[str, ...], dict[str, list[Node]]]:
    """The nodes by what the rule groups by, then by rule. A node without a value of a group is in none."""
    out: dict[tuple[str, ...], dict[str, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for name in rule.rules:
        for node in by_rule[name]:
            key = tuple(_value(node, field, owner) for field in rule.group_by)
            if all(key):
                out[key][name].append(node)
    return out


def _value(node: Node, field: str, owner: Mapping[int, str]) -> str:
    if field == "intrusion":
        return owner.get(id(node), "")
    if field == "server":
        return node.finding.record.server or "-"
    return next(iter(node.values(field)), "") or node.finding.record.text(field)


def _evaluate(rule: Correlation, key: tuple[str, ...], mine: Mapping[str, list[Node]]) -> list[Finding]:
    if rule.type.startswith("temporal"):
        if any(name not in mine for name in rule.rules):
            return []
        matched = _together(rule, mine)
    else:
        matched = _counted(rule, sorted((n for some in mine.values() for n in some), key=_time))
    return [_finding(rule, key, matched)] if matched else []


def _together(rule: Correlation, mine: Mapping[str, list[Node]]) -> list[Node]:
    """The earliest nodes, one of each rule, that lie within the timespan (and in order)."""
    first = rule.rules[0]
    for start in sorted(mine[first], key=_time):
        chosen = [start]
        for name in rule.rules[1:]:
            fits = [n for n in mine[name] if _near(rule, chosen, n)]
            if not fits:
                break
            chosen.append(min(fits, key=_time))
        else:
            return chosen
    return []


def _near(rule: Correlation, chosen: Sequence[Node], node: Node) -> bool:
    if any(node.apart(other) > rule.timespan for other in chosen):
        return False
    last = chosen[-1]
    ordered = rule.type == "temporal_ordered"
    return not ordered or bool(node.last and last.first and node.last + SLACK >= last.first)


def _counted(rule: Correlation, nodes: Sequence[Node]) -> list[Node]:
    """The first run of nodes within the timespan that meets the condition."""
    start = 0
    for end in range(len(nodes)):
        while nodes[start].apart(nodes[end]) > rule.timespan:
            start += 1
        window = nodes[start : end + 1]
        number = len({v for n in window for v in _values(n, rule.field)}) if rule.type == "value_count" else _rows(rule, window)
        if all(TESTS[test](number, limit) for test, limit in rule.condition):
            return list(window)
    return []


def _values(node: Node, field: str) -> Iterable[str]:
    return tuple(node.values(field)) or tuple(t for t in (node.finding.record.text(field),) if t)


def _rows(rule: Correlation, window: Sequence[Node]) -> int:
    number = 0
    for finding in {n.finding.id: n.finding for n in window}.values():
        told = sum(n.visit.count for n in window if n.finding.id == finding.id)
        short = finding.first_seen and finding.last_seen and finding.last_seen - finding.first_seen <= rule.timespan
        number += max(told, finding.count) if short else told
    return number


def _finding(rule: Correlation, key: tuple[str, ...], matched: Sequence[Node]) -> Finding:
    """One finding that stands for all of them; it cannot be built without their records."""
    matched = sorted(matched, key=_time)
    last, what = matched[-1], rule.rule
    because = tuple(Because(n.finding.title, f"{n.first:%Y-%m-%d %H:%M:%S} UTC", f"{n.visit.source}") for n in matched[:20])
    grouped = [k for k, field in zip(key, rule.group_by, strict=True) if field != "intrusion"]
    return replace(
        last.finding,
        rule=what.id,
        pack=what.pack,
        title=what.title,
        outcome=what.outcome,
        decisive=what.decisive,
        severity=what.severity,
        confidence=what.confidence,
        because=because,
        techniques=what.techniques,
        cves=what.cves,
        subject="\x1f".join((*grouped, *(n.finding.id for n in matched[:2]))),
        count=sum(n.visit.count for n in matched),
        first_seen=min(n.first for n in matched if n.first),
        last_seen=max(n.last for n in matched if n.last),
        sources=tuple(dict.fromkeys(n.visit.source for n in matched))[:20],
        own=what.own,
        trace=what.trace,
        falsepositives=what.falsepositives,
        references=what.references,
        visits=tuple(sorted({n.visit.place: n.visit for n in matched}.values(), key=lambda v: v.place)),
        ambiguous=what.ambiguous,
        shows=what.shows,
        weighed=None,
        beside=(),
    )


def _time(node: Node) -> tuple[str, str]:
    return (str(node.first or ""), node.finding.id)
