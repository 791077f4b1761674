"""The pieces of an intrusion: each visit of each finding, and sets of them that grow together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exhume.judge.verdict import raised
from exhume.model import Finding, Outcome, Verdict, Visit
from exhume.model.visit import values, visit_of

WEB = ("iis.access", "iis.httperr", "exchange.httpproxy", "exchange.rps-http")
FAR = timedelta(days=36_500)


@dataclass(slots=True, eq=False)
class Node:
    """Rows of one finding that were written in one minute and share their keys; or a state."""

    finding: Finding
    visit: Visit
    called: Verdict | None
    """What the finding raises by itself."""

    @property
    def kind(self) -> str:
        return self.finding.record.kind

    @property
    def first(self) -> datetime | None:
        return self.visit.first

    @property
    def last(self) -> datetime | None:
        return self.visit.last

    @property
    def counts(self) -> bool:
        """More than a probe."""
        return self.called is not None or self.finding.outcome >= Outcome.ATTEMPT

    @property
    def looked(self) -> bool:
        """Only asked for a page: it shows that the page is there, not who put it there."""
        return (
            self.kind in WEB
            and self.finding.outcome <= Outcome.STEP
            and not self.finding.decisive
            and any(m in ("GET", "HEAD") for m in self.values("method"))
            and any(self.values("shell"))
        )

    def values(self, name: str) -> Iterator[str]:
        return values(self.visit.keys, name)

    def apart(self, other: Node) -> timedelta:
        """Time between the two, zero when they overlap."""
        if not (self.first and self.last and other.first and other.last):
            return FAR
        return max(self.first - other.last, other.first - self.last, timedelta())


def nodes_of(findings: Iterable[Finding]) -> list[Node]:
    """All of them, in order of time; states at the end."""
    out: list[Node] = []
    for finding in findings:
        called = raised(finding)
        out += [Node(finding, visit, called) for visit in finding.visits or (visit_of(finding.record),)]
    out.sort(key=lambda n: (n.first is None, str(n.first or ""), n.finding.id, n.visit.place))
    return out


@dataclass(slots=True, eq=False)
class Group:
    """Nodes that belong together, and why."""

    nodes: list[Node]
    why: dict[str, None] = field(default_factory=dict)

    @property
    def called(self) -> Verdict | None:
        return max((n.called for n in self.nodes if n.called is not None), default=None)

    @property
    def timed(self) -> list[Node]:
        return [n for n in self.nodes if n.first]

    @property
    def visitor(self) -> bool:
        """Somebody who only looked whether a page is there."""
        return all(n.looked for n in self.nodes if n.called is not None)

    def all(self, name: str, only_counting: bool = True) -> tuple[str, ...]:
        """Values of a key, in order."""
        found = {v for n in self.nodes if n.counts or not only_counting for v in n.values(name)}
        return tuple(sorted(found))

    @property
    def first(self) -> datetime | None:
        return min((n.first for n in self.nodes if n.first and n.counts), default=None)

    @property
    def last(self) -> datetime | None:
        return max((n.last for n in self.nodes if n.last and n.counts), default=None)


class Groups:
    """Groups that can be put together; a group that went into another is no longer listed."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._of = {id(node): Group([node]) for node in nodes}

    def of(self, node: Node) -> Group:
        return self._of[id(node)]

    def join(self, one: Group, other: Group, why: str) -> Group:
        """Both as one. The larger one stays, so that putting together n nodes costs n log n."""
        if one is other:
            return one
        big, small = (one, other) if len(one.nodes) >= len(other.nodes) else (other, one)
        big.nodes += small.nodes
        big.why |= small.why
        if why:
            big.why[why] = None
        for node in small.nodes:
            self._of[id(node)] = big
        return big

    def __iter__(self) -> Iterator[Group]:
        """Each group once, by its first node in time."""
        return iter({id(group): group for group in self._of.values()}.values())
