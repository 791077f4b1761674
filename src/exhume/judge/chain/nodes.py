"""The pieces of an intrusion: each visit of each finding, and sets of them that grow together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exhume.judge.verdict import raised
from exhume.model import Finding, Outcome, Verdict, Visit, attacks
from exhume.model.visit import visit_of

WEB = ("iis.access", "iis.httperr", "exchange.httpproxy", "exchange.rps-http")
FAR = timedelta(days=36_500)
KNOWN = ("address", "canary", "agent")


@dataclass(slots=True, eq=False)
class Node:
    """Rows of one finding that were written in one minute and share their keys; or a state."""

    finding: Finding
    visit: Visit
    called: Verdict | None
    """What the finding raises by itself."""
    keyed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The visit's keys by name."""

    @classmethod
    def of(cls, finding: Finding, visit: Visit, called: Verdict | None) -> Node:
        keyed: dict[str, tuple[str, ...]] = {}
        for key in visit.keys:
            name, _, value = key.partition(":")
            keyed[name] = (*keyed.get(name, ()), value)
        return cls(finding, visit, called, keyed)

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
        return attacks(self.finding)

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

    def values(self, name: str) -> tuple[str, ...]:
        return self.keyed.get(name, ())

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
        out += [Node.of(finding, visit, called) for visit in finding.visits or (visit_of(finding.record),)]
    out.sort(key=lambda n: (n.first is None, str(n.first or ""), n.finding.id, n.visit.place))
    return out


@dataclass(slots=True, eq=False)
class Group:
    """Nodes that belong together, and why. What is asked of it often is kept up to date, so that large groups cost no more."""

    nodes: list[Node]
    why: dict[str, None] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    """Values of ``KNOWN`` keys of all nodes."""
    called: Verdict | None = None
    acted: bool = False
    """More than a look at a page."""
    entered: bool = False
    """It came in by itself, not through a page that lay there."""
    timed: bool = False

    @classmethod
    def of(cls, node: Node) -> Group:
        raises = node.called is not None
        return cls(
            [node],
            known={name: set(node.values(name)) for name in KNOWN},
            called=node.called,
            acted=raises and not node.looked,
            entered=raises and node.kind in WEB and not any(node.values("shell")),
            timed=node.first is not None,
        )

    def take(self, other: Group) -> None:
        self.nodes += other.nodes
        self.why |= other.why
        for name in KNOWN:
            self.known[name] |= other.known[name]
        self.called = max((v for v in (self.called, other.called) if v is not None), default=None)
        self.acted |= other.acted
        self.entered |= other.entered
        self.timed |= other.timed

    @property
    def visitor(self) -> bool:
        """Somebody who only looked whether a page is there."""
        return self.called is not None and not self.acted

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
        self._of = {id(node): Group.of(node) for node in nodes}

    def of(self, node: Node) -> Group:
        return self._of[id(node)]

    def join(self, one: Group, other: Group, why: str) -> Group:
        """Both as one. The larger one stays, so that putting together n nodes costs n log n."""
        if one is other:
            return one
        big, small = (one, other) if len(one.nodes) >= len(other.nodes) else (other, one)
        big.take(small)
        if why:
            big.why[why] = None
        for node in small.nodes:
            self._of[id(node)] = big
        return big

    def __iter__(self) -> Iterator[Group]:
        """Each group once, by its first node in time."""
        return iter({id(group): group for group in self._of.values()}.values())
