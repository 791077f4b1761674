"""Findings become intrusions: one for each actor, told step by step. Pure, and the same whatever the order of the findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from exhume.judge.chain.cluster import Marks, hint
from exhume.judge.chain.correlate import correlate
from exhume.judge.chain.crowds import crowds
from exhume.judge.chain.join import join, place_states, suspected
from exhume.judge.chain.nodes import Group, Node, nodes_of
from exhume.judge.chain.rows import over_rows
from exhume.judge.chain.tell import Witnesses, acts_of
from exhume.judge.words import joined
from exhume.model import Act, Correlation, Coverage, Finding, Intrusion

__all__ = ["attribute", "chain", "over_rows", "own_addresses", "together"]


def chain(
    findings: Sequence[Finding], coverage: Coverage, witnesses: Witnesses, mixed: Iterable[str] = (), marks: Marks = ()
) -> tuple[Intrusion, ...]:
    """The intrusions, the earliest first. ``mixed``: addresses known to carry other people too; ``marks``: of clusters."""
    crowded = frozenset(mixed)
    actors, visitors = attribute(findings, crowded)
    told = [_intrusion(group, acts_of(group.nodes, coverage, witnesses), crowded, visitors, tuple(marks)) for group in actors]
    return tuple(_linked(told))


def together(findings: Sequence[Finding], rules: Sequence[Correlation], mixed: Iterable[str] = ()) -> tuple[Finding, ...]:
    """What only several of the findings together show: Sigma's correlation rules, also within one intrusion."""
    rules = [rule for rule in rules if not rule.over_rows]
    if not rules or not findings:
        return ()
    actors, _ = attribute(findings, frozenset(mixed))
    inside = {(n.finding.id, n.visit.place) for group in actors for n in group.nodes}
    loose = [n for n in nodes_of(findings) if (n.finding.id, n.visit.place) not in inside]
    return correlate(actors, loose, rules)


def attribute(findings: Sequence[Finding], mixed: frozenset[str] = frozenset()) -> tuple[list[Group], list[Group]]:
    """The groups that are intrusions, and those of visitors who only asked for a page that somebody else had planted."""
    nodes = nodes_of(findings)
    groups = join(nodes, own_addresses(findings), mixed)
    place_states(groups, nodes)
    found = [g for g in groups if suspected(g)]
    planted = {page for g in found if not g.visitor for page in g.all("shell")}
    visitors = [g for g in found if g.visitor and set(g.all("shell")) <= planted]
    looked = {id(g) for g in visitors}
    actors = crowds(groups, [g for g in found if id(g) not in looked])
    actors.sort(key=lambda g: (g.first is None, str(g.first or ""), g.nodes[0].finding.id))
    return actors, visitors


def own_addresses(findings: Iterable[Finding]) -> frozenset[str]:
    """Addresses of the server itself: those it answers at, from which its back end is called."""
    return frozenset(f.record.text("s-ip").lower() for f in findings if f.record.text("s-ip"))


def _intrusion(
    group: Group, acts: tuple[Act, ...], mixed: frozenset[str], visitors: Sequence[Group], marks: Marks
) -> Intrusion:
    own = own_addresses(n.finding for n in group.nodes)
    addresses = tuple(a for a in group.all("address") if a not in own)
    shells = _shells(group.nodes)
    looked = sorted({a for v in visitors if set(v.all("shell")) & set(shells) for a in v.all("address")})
    notes = (
        [f"{joined(looked)} only asked for a planted page and got it: perhaps somebody who counts victims."] if looked else []
    )
    passed = sorted(set(group.all("via")) - {*addresses, *own})
    if passed:
        notes.append(f"Passed on by or for {joined(passed)}: the first part of such a chain can be forged by the client.")
    cluster, cluster_why = hint(group.nodes, addresses, shells, marks)
    return Intrusion(
        id=_id(group),
        first_seen=group.first,
        last_seen=group.last,
        findings=tuple(dict.fromkeys(n.finding.id for n in sorted(group.nodes, key=_in_order))),
        addresses=addresses,
        user_agents=group.all("agent"),
        web_shells=shells,
        accounts=tuple(sorted({*group.all("account", only_counting=False), *group.all("named")})),
        mailboxes=_mailboxes(group.all("mailbox")),
        servers=tuple(sorted({n.finding.record.server for n in group.nodes if n.finding.record.server})),
        sessions=group.all("canary"),
        acts=acts,
        why=tuple(sorted(group.why)),
        mixed=tuple(a for a in addresses if a in mixed),
        notes=tuple(notes),
        cluster=cluster,
        cluster_why=cluster_why,
    )


def _shells(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Pages that were served, written, compiled or lie on the disk; not those that were only asked for."""
    return tuple(sorted({page for n in nodes for page in n.pages}))


def _mailboxes(names: Sequence[str]) -> tuple[str, ...]:
    """Each mailbox once: an alias that is the first part of an address is the same one."""
    aliases = {name.partition("@")[0] for name in names if "@" in name}
    return tuple(name for name in names if "@" in name or name not in aliases)


def _in_order(node: Node) -> tuple[bool, str, str]:
    return (node.first is None, str(node.first or ""), node.finding.id)


def _id(group: Group) -> str:
    """The same in every run on the same evidence."""
    text = "\x1e".join(sorted({f"{n.finding.id}/{n.visit.minute}" for n in group.nodes}))
    return "i-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _linked(told: Sequence[Intrusion]) -> Iterator[Intrusion]:
    """Says where one intrusion uses a page that another one brought."""
    for number, one in enumerate(told):
        notes = list(one.notes)
        for earlier, other in enumerate(told[:number], 1):
            shared = sorted(set(one.web_shells) & set(other.web_shells))
            if shared:
                notes.append(f"Uses {joined(shared)}, which intrusion {earlier} wrote or used before.")
        yield replace(one, notes=tuple(notes))
