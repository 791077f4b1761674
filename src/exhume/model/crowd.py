"""How often each value stands in many rows: bounded, and the same whatever the order in which the rows come.

Of more values than are kept, those with the smallest hashes stay, each with its exact count: a value that had to go can never
be among the smallest again, so sums of sums agree in any order. How many there were is estimated from the largest hash kept.

References: Bar-Yossef et al., "Counting distinct elements in a data stream" (2002), the k minimum values.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

VALUES_KEPT = 1024
"""Different values kept of each name while rows are added up."""
TOLD = 20
"""Values of each name that a report keeps: the most frequent."""
_WHOLE = 1 << 64


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one name (``address``, ``page``, ``name``, ``agent``, ``status``, ``account``, ``mailbox``)."""

    name: str
    counts: tuple[tuple[str, int], ...]
    """Values with their rows, the most frequent first."""
    total: int
    """Different values in all."""
    exact: bool = True
    """False: ``total`` is an estimate (within some percent), and the most frequent of all need not be among ``counts``."""


@dataclass(slots=True)
class _Kept:
    counts: dict[str, int] = field(default_factory=dict)
    heap: list[tuple[int, str]] = field(default_factory=list)
    """The kept values by hash, largest first (hashes are negative)."""
    lost: bool = False

    def add(self, value: str, count: int) -> None:
        if value in self.counts:
            self.counts[value] += count
            return
        place = (-_hash(value), value)
        if len(self.heap) < VALUES_KEPT:
            heapq.heappush(self.heap, place)
            self.counts[value] = count
            return
        self.lost = True
        if place > self.heap[0]:
            del self.counts[heapq.heapreplace(self.heap, place)[1]]
            self.counts[value] = count


@dataclass(slots=True)
class Crowd:
    """Adds up values by name."""

    _names: dict[str, _Kept] = field(default_factory=dict)

    def add(self, name: str, value: str, count: int) -> None:
        kept = self._names.get(name)
        if kept is None:
            kept = self._names[name] = _Kept()
        kept.add(value, count)

    def take(self, found: Iterable[Values]) -> None:
        """What another crowd had counted."""
        for values in found:
            for value, count in values.counts:
                self.add(values.name, value, count)
            if values.counts and not values.exact:
                self._names[values.name].lost = True

    def values(self) -> tuple[Values, ...]:
        """The sum, in order of names."""
        return tuple(self._values(name) for name in sorted(self._names))

    def _values(self, name: str) -> Values:
        kept = self._names[name]
        counts = tuple(sorted(kept.counts.items(), key=lambda pair: (-pair[1], pair[0])))
        if not kept.lost or not kept.heap:
            return Values(name, counts, len(counts))
        total = (len(counts) - 1) * _WHOLE // max(1, -kept.heap[0][0])
        return Values(name, counts, max(len(counts), total), exact=False)


def told(found: Iterable[Values]) -> Iterator[Values]:
    """The same with no more than ``TOLD`` values of each name; the rest is in ``total``."""
    return (Values(v.name, v.counts[:TOLD], v.total, v.exact) for v in found)


def _hash(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).digest())
