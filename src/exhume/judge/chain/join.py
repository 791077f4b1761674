"""Findings are put together by what they share, within time windows.

Strong keys first (session, request, process), then the address, then what has no address of its own is given to the actor
whose rows stand beside it. An address that carries other people too joins nothing by itself.

References: general rules 2 to 6 of the project's traces.md. The windows are ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from exhume.judge.chain.nodes import FAR, WEB, Group, Groups, Node
from exhume.model import Outcome, Verdict

SESSION = timedelta(days=2)
ADDRESS = timedelta(days=7)
"""Longest silence of one address that is still taken for the same actor."""
BURST = timedelta(minutes=10)
"""The same for one program at an address that carries other people too."""
PROCESS = timedelta(hours=12)
BESIDE = timedelta(seconds=5)
"""Front-end and back-end rows of one request: the back end's can be 50 to 200 ms older; IIS rounds to seconds."""
CAUSED = timedelta(seconds=60)
"""A cmdlet or a file, after the request that caused it."""
HANDS = timedelta(hours=6)
"""Programs and accounts, after the last request of the one whose hands they are."""
FIRST_USE = timedelta(minutes=15)
"""A shell that is used so soon after it was written is used by the one who wrote it."""


def join(nodes: Sequence[Node], own: frozenset[str], mixed: frozenset[str]) -> Groups:
    """``own``: the server's own addresses; ``mixed``: addresses that carry other people too."""
    groups = Groups(nodes)
    timed = [n for n in nodes if n.first]
    _by(groups, timed, "canary", SESSION, lambda v: f"same session (msExchEcpCanary {v[:12]}…)")
    _by_id(groups, timed)
    _by(groups, timed, "address", ADDRESS, lambda v: f"same address {v}", skip=own | mixed)
    _bursts(groups, timed, mixed)
    _by(groups, timed, "process", PROCESS, lambda v: f"same process {v}")
    _by(groups, [n for n in timed if n.counts], "account", SESSION, lambda v: f"same account {v}")
    _beside(groups, timed, own)
    _by_shell(groups, timed)
    _actorless(groups, timed, own)
    return groups


def has_actor(group: Group, own: frozenset[str]) -> bool:
    """An address from outside is known, and it did more than try."""
    return group.called is not None and any(a not in own for a in group.all("address", only_counting=False))


def _by(
    groups: Groups,
    nodes: Iterable[Node],
    name: str,
    window: timedelta,
    why: Callable[[str], str],
    skip: frozenset[str] = frozenset(),
) -> None:
    """Joins nodes with the same value that follow each other within ``window``."""
    last: dict[str, Node] = {}
    for node in nodes:
        for value in node.values(name):
            if value in skip:
                continue
            known = last.get(value)
            if known and known.apart(node) <= window:
                groups.join(groups.of(known), groups.of(node), why(value))
            last[value] = node


def _by_id(groups: Groups, nodes: Iterable[Node]) -> None:
    """The same request or cmdlet in two logs."""
    known: dict[str, Node] = {}
    for node in nodes:
        for value in node.visit.ids:
            other = known.setdefault(value, node)
            if other is not node and other.apart(node) <= SESSION:
                groups.join(groups.of(other), groups.of(node), "same request id in several logs")


def _bursts(groups: Groups, nodes: Iterable[Node], mixed: frozenset[str]) -> None:
    """At an address that carries others too, only rows of one program that follow each other closely belong together."""
    last: dict[tuple[str, str], Node] = {}
    for node in nodes:
        if not node.counts:
            continue
        for address in node.values("address"):
            for agent in (*node.values("agent"), "") if address in mixed else ():
                known = last.get((address, agent))
                window = BURST if agent else BESIDE
                if known and known.apart(node) <= window and not _other_session(groups, known, node):
                    why = f"same address {address} and program, minutes apart (the address carries others too)"
                    groups.join(groups.of(known), groups.of(node), why)
                last[address, agent] = node


def _other_session(groups: Groups, one: Node, other: Node) -> bool:
    mine, theirs = groups.of(one).all("canary"), groups.of(other).all("canary")
    return bool(mine and theirs and not set(mine) & set(theirs))


def _beside(groups: Groups, nodes: Sequence[Node], own: frozenset[str]) -> None:
    """What names no client goes to the actor whose rows stand beside it in time."""
    anchors = [n for n in nodes if n.counts and has_actor(groups.of(n), own) and not groups.of(n).visitor]
    waiting: dict[int, Group] = {}
    for node in nodes:
        group = groups.of(node)
        if not any(a not in own for a in group.all("address", only_counting=False)):
            waiting[id(group)] = group
    for group in sorted(waiting.values(), key=lambda g: str(min(n.first for n in g.nodes if n.first))):
        found = _nearest(group, anchors)
        if found:
            why = f"by time: {len(group.nodes)} trace(s) without an address stand beside this actor's rows"
            groups.join(groups.of(found), group, why if group.called is not None else "")
            anchors += [n for n in group.nodes if n.counts]


def _nearest(group: Group, anchors: Sequence[Node]) -> Node | None:
    """The anchor closest in time; of those that overlap the one that began last before it."""
    best: tuple[timedelta, timedelta] | None = None
    found: Node | None = None
    for node in group.timed:
        for anchor in anchors:
            cost = _cost(node, anchor)
            if cost == FAR or not node.first or not anchor.first:
                continue
            rank = (cost, abs(node.first - anchor.first))
            if best is None or rank < best:
                best, found = rank, anchor
    return found


def _cost(node: Node, anchor: Node) -> timedelta:
    """How badly the two go together; ``FAR``: not at all."""
    apart = node.apart(anchor)
    servers = {node.finding.record.server, anchor.finding.record.server} - {""}
    if apart == FAR or len(servers) > 1:
        return FAR
    targets = set(node.values("target"))
    if targets:
        same = targets & set(anchor.values("target")) or (not any(anchor.values("target")) and anchor.kind in WEB)
        return apart if same and apart <= BESIDE else FAR
    after = bool(anchor.last and node.first and anchor.last > node.first and apart)  # the anchor came later
    if any(node.values("cmdlet")) or any(node.values("file")) or any(node.values("shell")):
        if anchor.finding.outcome < Outcome.STEP or apart > (BESIDE if after else CAUSED):
            return FAR
        elsewhere = any(anchor.values("shell")) and not set(node.values("shell")) & set(anchor.values("shell"))
        return apart + (timedelta(seconds=5) if after else timedelta()) + (timedelta(seconds=10) if elsewhere else timedelta())
    if after and apart > BESIDE:
        return FAR
    if apart > HANDS:
        return FAR
    return apart + _unlike(node, anchor)


def _unlike(node: Node, anchor: Node) -> timedelta:
    """A program's application pool should be that of the page that was called."""
    pools = set(node.values("pool"))
    pages = list(anchor.values("shell"))
    if not pools or not pages:
        return timedelta(seconds=0 if anchor.finding.outcome >= Outcome.EXEC else 10)
    first = pages[0].strip("/").partition("/")[0]
    wanted = {"owa": "msexchangeowaapppool", "ecp": "msexchangeecpapppool", "oab": "msexchangeoabapppool"}
    return timedelta() if wanted.get(first, "defaultapppool") in pools else timedelta(seconds=30)


def _by_shell(groups: Groups, nodes: Sequence[Node]) -> None:
    """Who wrote a shell and who uses it: one actor when the program is the same, or the first use comes within minutes."""
    pages: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.called is not None and not node.looked:
            for page in node.values("shell"):
                pages[page].append(node)
    for page, touched in sorted(pages.items()):
        written = [n for n in touched if n.kind not in WEB]
        used = [n for n in touched if n.kind in WEB]
        for number, node in enumerate(used):
            agents = set(node.values("agent"))
            for other in used[:number]:
                same = agents & set(other.values("agent")) and node.apart(other) <= ADDRESS
                if same and not (_entered(groups.of(node)) and _entered(groups.of(other))):
                    groups.join(groups.of(node), groups.of(other), f"the same program uses {page}")
            for other in written:
                if other.first and node.first and _is_first_use(groups, other, node, agents):
                    groups.join(groups.of(node), groups.of(other), f"{page} was written and used by the same hand")


def _is_first_use(groups: Groups, written: Node, used: Node, agents: set[str]) -> bool:
    if not written.first or not used.first or used.first < written.first - BESIDE or _entered(groups.of(used)):
        return False
    same = agents & set(groups.of(written).all("agent", only_counting=False)) and written.apart(used) <= ADDRESS
    return bool(same) or written.apart(used) <= FIRST_USE


def _entered(group: Group) -> bool:
    """It came in by itself, not through a page that lay there."""
    return any(n.called is not None and n.kind in WEB and not any(n.values("shell")) for n in group.nodes)


def _actorless(groups: Groups, nodes: Sequence[Node], own: frozenset[str]) -> None:
    """Traces of a break-in beside which nobody's rows stand: those that follow each other within hours are one."""
    last: dict[str, Node] = {}
    for node in nodes:
        group = groups.of(node)
        if group.called is None or any(a not in own for a in group.all("address", only_counting=False)):
            continue
        server = node.finding.record.server
        known = last.get(server)
        if known and known.apart(node) <= HANDS:
            groups.join(groups.of(known), group, "within hours of each other, no client known")
        last[server] = node


def place_states(groups: Groups, nodes: Sequence[Node]) -> None:
    """Files and settings go to the actor who wrote, named or used them; what is left on a server stays together."""
    left: dict[str, Node] = {}
    timed = [n for n in nodes if n.first and n.called is not None and not groups.of(n).visitor]
    texts = [(n, " ".join(n.finding.record.text(f) for f in _TEXTS).lower()) for n in timed]
    states = [n for n in nodes if n.first is None]
    paths: dict[str, Node] = {}
    for node in states:
        for value in (*node.values("shell"), *node.values("file"), *node.values("setting")):
            known = paths.setdefault(value, node)
            groups.join(groups.of(known), groups.of(node), "")
    for node in states:
        if groups.of(node).timed:
            continue
        found = _owner(groups, node, timed, texts)
        if found:
            groups.join(groups.of(found[0]), groups.of(node), found[1])
    for node in states:
        group = groups.of(node)
        if not group.timed and group.called is not None:
            known = left.setdefault(node.finding.record.server, node)
            groups.join(groups.of(known), group, "found on the disk, no log tells who put it there")


_TEXTS = ("CommandLine", "Parameters", "TargetFilename", "S:CMD", "ScriptBlockText", "ImagePath")


def _owner(groups: Groups, state: Node, timed: Sequence[Node], texts: Sequence[tuple[Node, str]]) -> tuple[Node, str] | None:
    mates = groups.of(state).nodes
    pages = {v for n in mates for v in n.values("shell")}
    users = [n for n in timed if pages & set(n.values("shell"))]
    for node in users:
        if node.kind not in WEB:
            return node, f"a log tells who wrote {min(pages)}, which left its trace on the disk"
    guids = {v for n in mates for v in n.values("oab")}
    holders = {id(groups.of(n)): n for n in timed if guids & set(n.values("oab"))}
    if len(holders) == 1:
        return next(iter(holders.values())), "the address book's id in the file is the one that was reset"
    names = {v for n in mates for k in ("file", "setting") for v in n.values(k) if len(v) > 6}
    named = next((n for n, text in texts if any(name in text for name in names)), None)
    if named:
        return named, "a command names the file or setting that lies on the disk"
    near = _near_write(mates, timed)
    if near:
        return near, "by the file's time, which can be forged"
    return (users[0], f"{min(pages)} was used, and left its trace on the disk") if users else None


def _near_write(states: Sequence[Node], timed: Sequence[Node]) -> Node | None:
    for state in states:
        try:
            changed = datetime.fromisoformat(state.finding.record.text("modified"))
        except ValueError:
            continue
        if changed.tzinfo is None:
            continue
        writes = [n for n in timed if n.finding.outcome == Outcome.WRITE and n.first and n.last]
        best = min(writes, key=lambda n: _off(n, changed), default=None)
        if best and _off(best, changed) <= CAUSED:
            return best
    return None


def _off(node: Node, time: datetime) -> timedelta:
    if not node.first or not node.last:
        return FAR
    return max(node.first - time, time - node.last, timedelta())


def suspected(group: Group) -> bool:
    return group.called is not None and group.called >= Verdict.SUSPECTED
