"""Findings are put together by what they share, within time windows.

Strong keys first (session, request, process), then the address, then what has no address of its own is given to the actor
whose rows stand beside it. An address that carries other people too joins nothing by itself.

References: general rules 2 to 6 of the project's traces.md. The windows are ours.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

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
BEFORE, AFTER = 32, 8
"""Rows looked at before and after a trace without an address: the nearest ones."""
MOST_USERS = 500
"""Different visitors of one page that are compared with each other."""
_NEVER = datetime.min.replace(tzinfo=UTC)
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


def has_client(group: Group, own: frozenset[str]) -> bool:
    """An address from outside is known."""
    return bool(group.known["address"] - own)


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
    mine, theirs = groups.of(one).known["canary"], groups.of(other).known["canary"]
    return bool(mine and theirs and not mine & theirs)


def _beside(groups: Groups, nodes: Sequence[Node], own: frozenset[str]) -> None:
    """What names no client goes to the actor whose rows stand beside it in time."""
    anchors: list[Node] = []
    waiting: dict[int, Group] = {}
    for node in nodes:
        group = groups.of(node)
        if not has_client(group, own):
            waiting[id(group)] = group
        elif node.counts and group.acted:
            anchors.append(node)
    for group in sorted(waiting.values(), key=lambda g: str(min(n.first for n in g.nodes if n.first))):
        found = _nearest(group, anchors)
        if found:
            mine = [n for n in group.nodes if n.counts]
            why = "by time: traces without an address stand beside this actor's rows"
            groups.join(groups.of(found), group, why if group.called is not None else "")
            for node in mine:
                insort(anchors, node, key=_begin)


def _begin(node: Node) -> datetime:
    return node.first or _NEVER


def _nearest(group: Group, anchors: Sequence[Node]) -> Node | None:
    """The anchor closest in time; of those that overlap the one that began last before it. ``anchors`` are in order of time."""
    best: tuple[timedelta, timedelta] | None = None
    found: Node | None = None
    for node in group.nodes:
        place = bisect_right(anchors, node.last or _NEVER, key=_begin)
        for anchor in anchors[max(0, place - BEFORE) : place + AFTER]:
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
    pages: dict[str, dict[tuple[int, bool], Node]] = defaultdict(dict)
    for node in nodes:
        if node.called is not None and not node.looked:
            for page in node.values("shell"):
                pages[page].setdefault((id(groups.of(node)), node.kind in WEB), node)
    for page, touched in sorted(pages.items()):
        written = [n for n in touched.values() if n.kind not in WEB]
        used = [n for n in touched.values() if n.kind in WEB][:MOST_USERS]
        for number, node in enumerate(used):
            agents = groups.of(node).known["agent"]
            for other in used[:number]:
                same = agents & groups.of(other).known["agent"] and node.apart(other) <= ADDRESS
                if same and not (groups.of(node).entered and groups.of(other).entered):
                    groups.join(groups.of(node), groups.of(other), f"the same program uses {page}")
            for other in written:
                if _is_first_use(groups, other, node):
                    groups.join(groups.of(node), groups.of(other), f"{page} was written and used by the same hand")


def _is_first_use(groups: Groups, written: Node, used: Node) -> bool:
    if not written.first or not used.first or used.first < written.first - BESIDE or groups.of(used).entered:
        return False
    same = groups.of(used).known["agent"] & groups.of(written).known["agent"] and written.apart(used) <= ADDRESS
    return bool(same) or written.apart(used) <= FIRST_USE


def _actorless(groups: Groups, nodes: Sequence[Node], own: frozenset[str]) -> None:
    """Traces of a break-in beside which nobody's rows stand: those that follow each other within hours are one."""
    last: dict[str, Node] = {}
    for node in nodes:
        group = groups.of(node)
        if group.called is None or has_client(group, own):
            continue
        server = node.finding.record.server
        known = last.get(server)
        if known and known.apart(node) <= HANDS:
            groups.join(groups.of(known), group, "within hours of each other, no client known")
        last[server] = node


def place_states(groups: Groups, nodes: Sequence[Node]) -> None:
    """Files and settings go to the actor who wrote, named or used them; what is left on a server stays together."""
    states = [n for n in nodes if n.first is None]
    same: dict[str, Node] = {}
    for node in states:
        for value in (*node.values("shell"), *node.values("file"), *node.values("setting")):
            groups.join(groups.of(same.setdefault(value, node)), groups.of(node), "")
    clues = _Clues(groups, [n for n in nodes if n.first and n.called is not None and not groups.of(n).visitor])
    for node in states:
        found = None if groups.of(node).timed else clues.owner(groups.of(node).nodes)
        if found:
            groups.join(groups.of(found[0]), groups.of(node), found[1])
    left: dict[str, Node] = {}
    for node in states:
        group = groups.of(node)
        if not group.timed and group.called is not None:
            known = left.setdefault(node.finding.record.server, node)
            groups.join(groups.of(known), group, "found on the disk, no log tells who put it there")


class _Clues:
    """What the logs say of files and settings, looked up once."""

    def __init__(self, groups: Groups, timed: Sequence[Node]) -> None:
        self.writers: dict[str, Node] = {}
        self.users: dict[str, Node] = {}
        self.holders: dict[str, dict[int, Node]] = defaultdict(dict)
        self.writes = [n for n in timed if n.finding.outcome == Outcome.WRITE]
        texts: dict[int, list[str]] = defaultdict(list)
        self.of: dict[int, Node] = {}
        for node in timed:
            for page in node.values("shell"):
                (self.users if node.kind in WEB else self.writers).setdefault(page, node)
            for guid in node.values("oab"):
                self.holders[guid].setdefault(id(groups.of(node)), node)
            self.of.setdefault(id(groups.of(node)), node)
            texts[id(groups.of(node))] += [t for name in _TEXTS if (t := node.finding.record.text(name).lower())]
        self.texts = {number: "\n".join(dict.fromkeys(some)) for number, some in texts.items()}

    def owner(self, mates: Sequence[Node]) -> tuple[Node, str] | None:
        """Whose these states are, and why we think so; what tells most comes first."""
        pages = sorted({v for n in mates for v in n.values("shell")})
        for page in pages:
            if page in self.writers:
                return self.writers[page], f"a log tells who wrote {page}, which left its trace on the disk"
        guids = {v for n in mates for v in n.values("oab")}
        holders = {number: node for guid in guids for number, node in self.holders.get(guid, {}).items()}
        if len(holders) == 1:
            return next(iter(holders.values())), "the address book's id in the file is the one that was reset"
        names = {v for n in mates for k in ("file", "setting") for v in n.values(k) if len(v) > 6}
        for number, text in self.texts.items():
            if any(name in text for name in names):
                return self.of[number], "a command names the file or setting that lies on the disk"
        near = _near_write(mates, self.writes)
        if near:
            return near, "by the file's time, which can be forged"
        for page in pages:
            if page in self.users:
                return self.users[page], f"{page} was used, and left its trace on the disk"
        return None


_TEXTS = ("CommandLine", "Parameters", "TargetFilename", "S:CMD", "ScriptBlockText", "ImagePath")


def _near_write(states: Sequence[Node], writes: Sequence[Node]) -> Node | None:
    for state in states:
        try:
            changed = datetime.fromisoformat(state.finding.record.text("modified"))
        except ValueError:
            continue
        if changed.tzinfo is None:
            continue
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
