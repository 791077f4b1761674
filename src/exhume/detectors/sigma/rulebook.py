"""The rules for one kind of record, ready to be put to records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from exhume.detectors.sigma.compiled import Compiled
from exhume.detectors.sigma.index import Held, Index, Memory
from exhume.detectors.sigma.literals import required_events
from exhume.detectors.sigma.view import Computed, View, fold
from exhume.model import Because, Clue, Finding, Record, Rule

WINDOWS = "windows.event"


class Rulebook:
    """Immutable but for what it remembers to be quick."""

    def __init__(self, rules: Iterable[Compiled], computed: Mapping[str, Computed]) -> None:
        self._rules = tuple(rules)
        self._computed = computed
        self._channels = frozenset(channel for rule in self._rules for channel in rule.channels)
        self._events = frozenset(event for rule in self._rules for event in _events_of(rule))
        self._indexes: dict[tuple[str, int], tuple[Index, Memory]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the rules."""
        return tuple(dict.fromkeys(rule.rule.id for rule in self._rules))

    def clues(self) -> frozenset[Clue] | None:
        """See ``Detector``. Texts are folded and hold only characters that need no escaping anywhere."""
        out: set[Clue] = set()
        for rule in self._rules:
            if rule.clues is None:
                return None
            out |= rule.clues
        return frozenset(out)

    def each(self) -> Iterator[tuple[str, frozenset[Clue]]]:
        """The clues of every rule that has some, with its trace or id."""
        yield from ((rule.rule.trace or rule.rule.id, rule.clues) for rule in self._rules if rule.clues)

    def unsieved(self) -> tuple[str, ...]:
        """Ids of the rules because of which ``clues`` is ``None``: they have nothing that must stand in the line."""
        return tuple(dict.fromkeys(rule.rule.id for rule in self._rules if rule.clues is None))

    def detect(self, record: Record) -> Iterator[Finding]:
        """The findings of all rules that hold for the record."""
        index, memory = self._index(record)
        for rule, because in memory.of(record, lambda: self._held(index, record)):
            yield Finding.of(rule, record, because)

    def _held(self, index: Index, record: Record) -> Held:
        view = View(record, self._computed)
        told: dict[tuple[str, str], tuple[Rule, tuple[Because, ...]]] = {}
        for compiled in index.candidates(view):
            name = (compiled.rule.pack, compiled.rule.id)
            if name not in told and compiled.node.holds(view):
                told[name] = (compiled.rule, _because(compiled, view))
        return tuple(told.values())

    def _index(self, record: Record) -> tuple[Index, Memory]:
        """The rules that fit channel and event id; made when first asked for. Unknown channels and ids, which
        evidence can invent at will, share one index."""
        channel, event = "", -1
        if record.kind == WINDOWS:
            channel = fold(record.text("Channel") or record.channel)
            channel = channel if channel in self._channels else ""
            event = _event_id(record)
            event = event if event in self._events else -1
        index = self._indexes.get((channel, event))
        if index is None:
            fitting = [rule for rule in self._rules if _fits(rule, channel, event)]
            index = self._indexes[channel, event] = Index(fitting), Memory(fitting, self._computed)
        return index


def _fits(rule: Compiled, channel: str, event: int) -> bool:
    if rule.channels and channel not in rule.channels:
        return False
    if rule.events and event not in rule.events:
        return False
    needed = required_events(rule.node)
    return needed is None or event in needed


def _events_of(rule: Compiled) -> frozenset[int]:
    return rule.events | (required_events(rule.node) or frozenset())


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
