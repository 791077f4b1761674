"""What must stand in a record, or in its raw line, for a condition to hold.

Of parts that must all hold the best one is enough; of alternatives every one counts; what is negated says nothing. The same
derivation serves the sieve over raw lines (``raw_clues``) and the index over records (``index``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exhume.detectors.sigma.conditions import All, Either, Node, Number, Regex, Text, Wildcard
from exhume.detectors.sigma.ordinary import share
from exhume.detectors.sigma.view import COMPUTED, fold
from exhume.model import Clue

_RUNS = re.compile(r"\.[A-Za-z0-9]{2}(?![A-Za-z0-9._~-])|[A-Za-z0-9._~-]{4,}")
"""What no log quotes and no URL needs to encode; a value is cut at all else. Short file endings (``.js``) count."""
_SHORT_RUNS = re.compile(r"[A-Za-z0-9._~-]{2,}")
"""The same for texts that are only looked for in lines which hold a better one."""
_LONG_ENOUGH = 10
_MOST = 6
"""Sets of one clue; more would cost more than the rows that they save."""

Texts = frozenset[str]
Cost = Callable[[Texts], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user of literals can work with."""

    usable: Callable[[str], bool]
    """Do the values of this field stand in what is searched?"""
    piece: Callable[[str], str]
    """The best piece of a folded text, or empty text."""
    cost: Cost
    """Lower is better."""


def required(node: Node, wish: Wish) -> Texts | None:
    """Folded texts of which one is always there when the node holds; ``None`` when there is no such set."""
    match node:
        case All(parts):
            return _best((required(part, wish) for part in parts), wish)
        case Either(parts):
            return _union(required(part, wish) for part in parts)
        case Text(fields=fields, values=values) if all(map(wish.usable, fields)):
            return _union(_single(fold(value), wish) for value in values)
        case Wildcard(fields=fields, segments=segments) if all(map(wish.usable, fields)):
            return _best((_single(fold(segment), wish) for segment in segments), wish)
        case Regex(fields=fields, needs=needs) if all(map(wish.usable, fields)):
            return _best((_union(_single(text, wish) for text in need) for need in needs), wish)
    return None


def _single(text: str, wish: Wish) -> Texts | None:
    piece = wish.piece(text)
    return frozenset((piece,)) if piece else None


def _union(sets: Iterable[Texts | None]) -> Texts | None:
    out: set[str] = set()
    for texts in sets:
        if texts is None:
            return None
        out |= texts
    return frozenset(out) if out else None


def _best(sets: Iterable[Texts | None], wish: Wish) -> Texts | None:
    return min((texts for texts in sets if texts), key=lambda texts: (wish.cost(texts), sorted(texts)), default=None)


def raw_clues(node: Node, derived: frozenset[str]) -> frozenset[Clue] | None:
    """The clues of one rule for the sieve: pieces that stand in the raw line whatever quoting and encoding its format has.
    ``derived``: fields that do not stand in it. ``None`` when there is nothing to search for."""

    def usable(name: str) -> bool:
        return name not in derived and name[:1] != COMPUTED

    def wish(runs: re.Pattern[str]) -> Wish:
        return Wish(usable, lambda text: min(runs.findall(text), key=_rarity, default=""), _cost)

    first, further = wish(_RUNS), wish(_SHORT_RUNS)
    out: set[Clue] = set()
    for branch in node.parts if isinstance(node, Either) else (node,):
        leading = _best(_demands(branch, first), first)
        if leading is None:
            return None
        others = {texts for texts in _demands(branch, further) if texts and texts != leading}
        out.add((leading, *sorted(others, key=lambda texts: (_cost(texts), sorted(texts)))[: _MOST - 1]))
    return frozenset(out)


def _demands(node: Node, wish: Wish) -> Iterator[Texts | None]:
    """Sets of texts; of each one must be there."""
    match node:
        case All(parts):
            for part in parts:
                yield from _demands(part, wish)
        case Wildcard(fields=fields, segments=segments) if all(map(wish.usable, fields)):
            yield from (_single(fold(segment), wish) for segment in segments)
        case Regex(fields=fields, needs=needs) if all(map(wish.usable, fields)):
            yield from (_union(_single(text, wish) for text in need) for need in needs)
        case _:
            yield required(node, wish)


def _rarity(text: str) -> tuple[float, int]:
    return (share(text), -min(len(text), _LONG_ENOUGH))


def _cost(texts: Texts) -> tuple[float, ...]:
    return (sum(map(share, texts)), *max(map(_rarity, texts)), len(texts))


def required_events(node: Node) -> frozenset[int] | None:
    """The event ids with which the node can hold; ``None`` when it does not say."""
    match node:
        case Number(fields=("EventID",), number=number):
            return frozenset((int(number),))
        case All(parts):
            known = [events for part in parts if (events := required_events(part)) is not None]
            return frozenset.intersection(*known) if known else None
        case Either(parts):
            each = [required_events(part) for part in parts]
            return None if None in each else frozenset().union(*(events for events in each if events))
    return None


def texts_of(node: Node) -> Iterable[str]:
    """Every text that the positive parts of a node look for, folded."""
    match node:
        case All(parts) | Either(parts):
            for part in parts:
                yield from texts_of(part)
        case Text(values=values):
            yield from map(fold, values)
        case Wildcard(segments=segments):
            yield from map(fold, segments)
