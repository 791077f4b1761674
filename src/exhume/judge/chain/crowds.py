"""Parties that did the same, one by one: a crowd is told as one, with its addresses, and not as a thousand intruders.

The limits are ours. A web shell whose name stands in the news is called by hundreds of machines; what a responder needs of them
is one table.
"""

from __future__ import annotations

from collections.abc import Sequence

from exhume.judge.chain.nodes import Group, Groups

ALIKE = 10
"""Parties of whom the same rules tell, and nothing else, from which on they are told as one."""
MOST_PARTIES = 100
"""Parties told in all; those that got least far beyond them are told as one."""


def crowds(groups: Groups, actors: Sequence[Group]) -> list[Group]:
    """The parties, those of a crowd put together."""
    alike: dict[frozenset[str], list[Group]] = {}
    for group in actors:
        alike.setdefault(frozenset(_rule(n.finding.rule) for n in group.nodes if n.called is not None), []).append(group)
    told: list[Group] = []
    for some in alike.values():
        told += some if len(some) < ALIKE else [_joined(groups, some, "did the same, one by one: told together")]
    if len(told) > MOST_PARTIES:
        told.sort(key=_farthest)
        rest = _joined(groups, told[MOST_PARTIES:], "got no farther than the others: told together")
        told = [*told[:MOST_PARTIES], rest]
    return told


def _joined(groups: Groups, some: Sequence[Group], what: str) -> Group:
    first, why = some[0], f"{len(some):,} parties that {what}"
    for other in some:
        other.why.clear()  # what held each of them together says nothing of the crowd
    for other in some[1:]:
        first = groups.join(first, other, "")
    first.why[why] = None
    return first


def _rule(rule: str) -> str:
    """The rule, or of an indicator its type."""
    return rule.split(":")[1] if rule.startswith("ioc:") else rule


def _farthest(group: Group) -> tuple[int, int, str, str]:
    called = max((n.called for n in group.nodes if n.called is not None), default=None)
    outcome = max(n.finding.outcome for n in group.nodes if n.called is not None)
    return (-(called or 0), -outcome, str(group.first or ""), group.nodes[0].finding.id)
