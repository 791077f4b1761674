"""Sigma rules over records: log rows, Windows events, files and settings.

pySigma parses the rules (``translation``); our own conditions decide (``conditions``), so that no rule language code runs on
evidence. Log sources and field names are data: ``content/logsources.yml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Self

from exhume.detectors.sigma import saved
from exhume.detectors.sigma.index import Held, Index, Memory
from exhume.detectors.sigma.literals import required_events
from exhume.detectors.sigma.logsources import LogSources, shipped
from exhume.detectors.sigma.rules import OTHER_PRODUCT, Compiled, read_pack
from exhume.detectors.sigma.view import View, fold
from exhume.model import Because, Clue, Finding, Host, Kept, Pack, Problem, Record, Rule, anew, narrowed

__all__ = ["OTHER_PRODUCT", "Sigma"]

WINDOWS = "windows.event"


class Sigma:
    """The rules of all packs. Instances are immutable but for what they remember to be quick, and can be pickled."""

    def __init__(self, rules: Iterable[Compiled], problems: Iterable[Problem], sources: LogSources) -> None:
        self._rules = tuple(rules)
        self._sources = sources
        self.problems: tuple[Problem, ...] = tuple(problems)
        """Rules that are not used; those whose reason starts with ``OTHER_PRODUCT`` are sound, but for other evidence."""
        self.wants: frozenset[str] = frozenset(rule.kind for rule in self._rules)
        self._channels = frozenset(channel for rule in self._rules for channel in rule.channels)
        self._events = frozenset(event for rule in self._rules for event in self._events_of(rule))
        self._indexes: dict[tuple[str, str, int], tuple[Index, Memory]] = {}
        self._clues: dict[tuple[str, str, int], frozenset[Clue] | None] = {}
        self._by_channel: dict[tuple[str, str], list[tuple[int, Compiled, frozenset[int] | None]]] = {}
        """Rules with their number and event ids (``None``: any), by kind and channel (``*``: any)."""

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        """Reads every Sigma file of the packs. Never raises on a bad rule: it becomes a ``Problem``."""
        sources = shipped()
        items: list[Compiled | Problem] = []
        for pack in packs:
            parts = (b"sigma", saved.origin(), pack.name.encode(), pack.digest.encode(), b"own" if pack.own else b"")
            items += saved.read(kept(parts, partial(_compiled, pack, sources)))
        return cls(
            [item for item in items if isinstance(item, Compiled)],
            [item for item in items if isinstance(item, Problem)],
            sources,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_indexes": {}, "_clues": {}, "_by_channel": {}}

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules in use."""
        return tuple(dict.fromkeys(rule.rule.id for rule in self._rules))

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """See ``model.Detector``. Texts are folded and hold only characters that need no escaping anywhere."""
        narrow = narrowed(kind)
        if narrow is None:
            return _together(self._of(kind))
        key = self._key(narrow[0], narrow[2], narrow[1])
        if key not in self._clues:
            self._clues[key] = _together(self._fitting(*key))
        return self._clues[key]

    def each(self, kind: str) -> Iterator[tuple[str, frozenset[Clue]]]:
        """The clues of every rule that has some, with its trace or id."""
        yield from ((rule.rule.trace or rule.rule.id, rule.clues) for rule in self._of(kind) if rule.clues)

    def unsieved(self, kind: str) -> tuple[str, ...]:
        """Ids of the rules because of which ``clues`` is ``None``: they have nothing that must stand in the line."""
        return tuple(dict.fromkeys(rule.rule.id for rule in self._of(kind) if rule.clues is None))

    def detect(self, record: Record) -> Iterator[Finding]:
        """The findings of all rules that hold for the record."""
        if record.kind not in self.wants:
            return
        index, memory = self._index(record)
        for rule, because in memory.of(record, lambda: self._held(index, record)):
            yield Finding.of(rule, record, because)

    def _held(self, index: Index, record: Record) -> Held:
        view = View(record, self._sources.computed)
        told: dict[tuple[str, str], tuple[Rule, tuple[Because, ...]]] = {}
        for compiled in index.candidates(view):
            name = (compiled.rule.pack, compiled.rule.id)
            if name not in told and compiled.node.holds(view):
                told[name] = (compiled.rule, _because(compiled, view))
        return tuple(told.values())

    def _of(self, kind: str) -> Iterator[Compiled]:
        return (rule for rule in self._rules if rule.kind == kind)

    def _index(self, record: Record) -> tuple[Index, Memory]:
        """The rules that fit kind, channel and event id; made when first asked for. Unknown channels and ids, which
        evidence can invent at will, share one index."""
        key = (record.kind, "", -1)
        if record.kind == WINDOWS:
            key = self._key(record.kind, record.text("Channel") or record.channel, _event_id(record))
        index = self._indexes.get(key)
        if index is None:
            fitting = self._fitting(*key)
            index = self._indexes[key] = Index(fitting), Memory(fitting, self._sources.computed)
        return index

    def _key(self, kind: str, channel: str, event: int) -> tuple[str, str, int]:
        channel = fold(channel)
        return (kind, channel if channel in self._channels else "", event if event in self._events else -1)

    def _fitting(self, kind: str, channel: str, event: int) -> list[Compiled]:
        """The rules that can hold for such a record, in their order."""
        if not self._by_channel:
            for number, rule in enumerate(self._rules):
                needed = required_events(rule.node)
                events = rule.events if needed is None else needed & rule.events if rule.events else needed
                anything = needed is None and not rule.events
                for one in rule.channels or ("*",):
                    self._by_channel.setdefault((rule.kind, one), []).append((number, rule, None if anything else events))
        some = [*self._by_channel.get((kind, "*"), ()), *self._by_channel.get((kind, channel), ())]
        some.sort(key=lambda one: one[0])
        return [rule for _, rule, events in some if events is None or event in events]

    @staticmethod
    def _events_of(rule: Compiled) -> frozenset[int]:
        return rule.events | (required_events(rule.node) or frozenset())


def _together(rules: Iterable[Compiled]) -> frozenset[Clue] | None:
    out: set[Clue] = set()
    for rule in rules:
        if rule.clues is None:
            return None
        out |= rule.clues
    return frozenset(out)


def _compiled(pack: Pack, sources: LogSources) -> bytes:
    return saved.written(read_pack(pack, sources))


def _event_id(record: Record) -> int:
    value = record.fields.get("EventID")
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else -1


def _because(compiled: Compiled, view: View) -> tuple[Because, ...]:
    """The reasons, each once; of a rule that only excludes, what it is about."""
    reasons = tuple(dict.fromkeys(compiled.node.reasons(view)))
    if reasons:
        return reasons
    if compiled.events:
        event = view.record.text("EventID")
        return (Because("EventID", event, f"equals {event}, and nothing that the rule excludes"),)
    return (Because("kind", compiled.kind, "nothing that the rule excludes"),)
