"""The rules for one kind of record, ready to be put to records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from exhume.detectors.sigma.compiled import Compiled
from exhume.detectors.sigma.index import Held, Index, Memory
from exhume.detectors.sigma.saved import Entry, built
from exhume.detectors.sigma.view import Table, View, fold
from exhume.model import Because, Clue, Finding, Record, Sighting
from exhume.model.correlation import rule_key
from exhume.model.visit import VALUE_KEPT, keys_of, values

WINDOWS = "windows.event"
KEYS = frozenset(
    (
        *("address", "agent", "canary", "shell", "target", "account", "mailbox", "file", "process", "oab", "method", "status"),
        *("cmdlet", "service", "setting"),
    )
)
"""What correlations may group by beside the fields of a record: keys of visits."""


class Rulebook:
    """Immutable but for what it remembers to be quick."""

    def __init__(self, entries: Iterable[Entry], table: Table, silent: frozenset[str] = frozenset()) -> None:
        """``silent``: keys of rules that raise no finding of their own."""
        self._entries = tuple(entries)
        self._silent = silent
        self._table = table
        self._channels = frozenset(channel for entry in self._entries for channel in entry.channels)
        self._events = frozenset(event for entry in self._entries for event in entry.events | (entry.needed or frozenset()))
        self._indexes: dict[tuple[str, int], tuple[Index, Memory]] = {}
        self._clues: dict[tuple[str, int], frozenset[Clue] | None] = {}
        self._by_channel: dict[str, list[tuple[int, Entry, frozenset[int] | None]]] = {}
        """Rules with their number and event ids (``None``: any), by channel (``*``: any)."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the rules."""
        return tuple(dict.fromkeys(rule.rule.id for rule in built(self._entries)))

    def clues(self) -> frozenset[Clue] | None:
        """See ``Detector``. Texts are folded and hold only characters that need no escaping anywhere."""
        return _together(self._entries)

    def clues_of(self, channel: str, event: int) -> frozenset[Clue] | None:
        """The same of the rules that can hold for events of one channel with one id."""
        key = self._key(channel, event)
        if key not in self._clues:
            self._clues[key] = _together(self._fitting(*key))
        return self._clues[key]

    def each(self) -> Iterator[tuple[str, frozenset[Clue]]]:
        """The clues of every rule that has some, with its trace or id."""
        for entry in self._entries:
            if entry.rule.clues:
                yield entry.rule.rule.trace or entry.rule.rule.id, entry.rule.clues

    def unsieved(self) -> tuple[str, ...]:
        """Ids of the rules because of which ``clues`` is ``None``: they have nothing that must stand in the line."""
        return tuple(dict.fromkeys(entry.rule.rule.id for entry in self._entries if not entry.sieved))

    def detect(self, record: Record) -> Iterator[Finding | Sighting]:
        """The findings of all rules that hold for the record, and what correlations ask of it."""
        index, memory = self._index(record)
        for compiled, because in memory.of(record, lambda: self._held(index, record)):
            rule = compiled.rule
            if compiled.watch is not None and record.time is not None:
                yield sighting_of(compiled, View(record, self._table), record.time)
                if rule_key(rule.pack, rule.id) in self._silent:
                    continue
            yield Finding.of(rule, record, because)

    def _held(self, index: Index, record: Record) -> Held:
        view = View(record, self._table)
        told: dict[tuple[str, str], tuple[Compiled, tuple[Because, ...]]] = {}
        for compiled in index.candidates(view):
            name = (compiled.rule.pack, compiled.rule.id)
            if name not in told and compiled.node.holds(view):
                told[name] = (compiled, _because(compiled, view))
        return tuple(told.values())

    def _index(self, record: Record) -> tuple[Index, Memory]:
        """The rules that fit channel and event id; made when first asked for. Unknown channels and ids, which
        evidence can invent at will, share one index."""
        key = ("", -1)
        if record.kind == WINDOWS:
            key = self._key(record.text("Channel") or record.channel, _event_id(record))
        index = self._indexes.get(key)
        if index is None:
            fitting = built(self._fitting(*key))
            index = self._indexes[key] = Index(fitting), Memory(fitting, self._table.computed)
        return index

    def _key(self, channel: str, event: int) -> tuple[str, int]:
        channel = fold(channel)
        return (channel if channel in self._channels else "", event if event in self._events else -1)

    def _fitting(self, channel: str, event: int) -> list[Entry]:
        """The rules that can hold for such a record, in their order."""
        if not self._by_channel:
            for number, entry in enumerate(self._entries):
                events = _events(entry)
                for one in entry.channels or ("*",):
                    self._by_channel.setdefault(one, []).append((number, entry, events))
        some = [*self._by_channel.get("*", ()), *self._by_channel.get(channel, ())]
        some.sort(key=lambda one: one[0])
        return [entry for _, entry, events in some if events is None or event in events]


def _events(entry: Entry) -> frozenset[int] | None:
    """The ids of events for which it can hold; ``None``: any."""
    if entry.needed is None:
        return entry.events or None
    return entry.needed & entry.events if entry.events else entry.needed


def _together(entries: Iterable[Entry]) -> frozenset[Clue] | None:
    some = tuple(entries)
    if not all(entry.sieved for entry in some):
        return None
    return frozenset[Clue]().union(*(rule.clues or () for rule in built(some)))


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


def sighting_of(compiled: Compiled, view: View, time: datetime) -> Sighting:
    """What correlations ask of a record for which the rule holds."""
    record = view.record
    found: list[tuple[str, str]] = []
    for name, fields in compiled.watch or ():
        text = next((text for field in fields if (text := view.text(field))), "")
        if not text and name in KEYS:
            text = next(values(keys_of(record)[0], name), "")
        if text:
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] if len(text) > VALUE_KEPT else ""
            found.append((name, f"{text[:VALUE_KEPT]}… ({digest})" if digest else text))
    key = rule_key(compiled.rule.pack, compiled.rule.id)
    return Sighting(key, time, tuple(found), record.kind, record.channel, record.server, record.source)
