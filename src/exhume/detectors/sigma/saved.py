"""Compiled rules as JSON, so that a second run need not parse and translate them again.

Only what has a name here can be read back, and nothing in it is run. The plain values of JSON stand for themselves, a list
for a tuple; all else is an object with one key, its name.
"""

from __future__ import annotations

import gc
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import fields
from enum import Enum
from typing import Any

from exhume.detectors.sigma import conditions as c
from exhume.detectors.sigma.automaton import Automaton, proven
from exhume.detectors.sigma.compiled import Compiled
from exhume.detectors.sigma.contents import Contents, Named
from exhume.detectors.sigma.literals import required_events
from exhume.detectors.sigma.view import Computed, Table
from exhume.model import Clue, Confidence, Outcome, Problem, Rule, Severity

_NODES = (
    *(c.All, c.Either, c.Negation, c.Text, c.Wildcard, c.Number, c.Compare, c.DatePart, c.Network, c.Empty, c.Null),
    *(c.Exists, c.SameAs, c.Regex, c.Search),
)
_BUILT: dict[str, Callable[..., Any]] = {kind.__name__: kind for kind in (*_NODES, Compiled, Computed, Rule, Clue)} | {
    "Automaton": proven,
    "set": lambda *items: frozenset(items),
    "network": ipaddress.ip_network,
    **{scale.__name__: scale for scale in (Outcome, Severity, Confidence)},
}
_NETWORKS = (ipaddress.IPv4Network, ipaddress.IPv6Network)


def contents(items: Iterable[Compiled | Problem | Named]) -> Contents:
    """The rules by kind, the problems, and what is named beside."""
    items = list(items)
    kinds: dict[str, list[Compiled]] = {}
    for item in items:
        if isinstance(item, Compiled):
            kinds.setdefault(item.kind, []).append(item)
    saved = {kind: written(rules) for kind, rules in kinds.items()}
    named = [(item.reference, item.id, item.title, item.unusable) for item in items if isinstance(item, Named)]
    return Contents(saved, tuple(item for item in items if isinstance(item, Problem)), tuple(named))


class Entry:
    """A rule that is built from its line when it is first asked for; which events it is for is known before."""

    __slots__ = ("_line", "_rule", "channels", "events", "needed", "sieved")

    def __init__(self, line: bytes, channels: Iterable[str], events: Iterable[int], needed: Iterable[int] | None, sieved: bool):
        self._line = line
        self._rule: Compiled | None = None
        self.channels = frozenset(channels)
        self.events = frozenset(events)
        self.needed = None if needed is None else frozenset(needed)
        """Ids of the events that its condition asks for; ``None``: it asks for none."""
        self.sieved = sieved
        """It has clues."""

    @property
    def rule(self) -> Compiled:
        """Raises ``ValueError``, ``KeyError`` or ``TypeError`` when its line was not made by ``written``."""
        if self._rule is None:
            import orjson

            self._rule = _built(orjson.loads(self._line))
        return self._rule


def built(entries: Iterable[Entry]) -> list[Compiled]:
    """The rules of some entries."""
    collects = gc.isenabled()
    gc.disable()  # it would look through all that was made so far again and again, and half of the time would go there
    try:
        return [entry.rule for entry in entries]
    finally:
        if collects:
            gc.enable()


def written(rules: Iterable[Compiled]) -> bytes:
    """The rules as JSON, a line each; before them a line with what tells which events they are for."""
    import orjson

    rules = list(rules)
    heads = []
    for rule in rules:
        needed = required_events(rule.node)
        heads.append([sorted(rule.channels), sorted(rule.events), needed and sorted(needed), rule.clues is not None])
    return b"\n".join((orjson.dumps(heads), *(orjson.dumps(_plain(rule)) for rule in rules)))


def read(data: bytes) -> list[Entry]:
    """What ``written`` was given. Raises ``ValueError`` when it is something else."""
    import orjson

    heads, *lines = data.split(b"\n")
    return [Entry(line, *head) for line, head in zip(lines, orjson.loads(heads), strict=True)]


def fields_written(table: Table) -> bytes:
    """What ``content/logsources.yml`` says of fields, as JSON."""
    import orjson

    return orjson.dumps([{name: _plain(field) for name, field in table.computed.items()}, sorted(table.padded)])


def fields_read(data: bytes) -> Table:
    """What ``fields_written`` was given."""
    import orjson

    computed, padded = orjson.loads(data)
    return Table({name: _built(field) for name, field in computed.items()}, frozenset(padded))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Enum):
        return {type(value).__name__: [value.value]}
    if isinstance(value, int | float):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return {"set": sorted((_plain(item) for item in value), key=repr)}
    if isinstance(value, Automaton):
        return {"Automaton": [value.pattern, value.flags]}
    if isinstance(value, _NETWORKS):
        return {"network": [str(value)]}
    return {type(value).__name__: [_plain(getattr(value, field.name)) for field in fields(value) if field.init]}


def _built(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_built, value))
    if isinstance(value, dict):
        [(name, parts)] = value.items()
        return _BUILT[name](*map(_built, parts))
    return value
