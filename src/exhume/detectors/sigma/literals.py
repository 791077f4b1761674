"""What must stand in a record, or in its raw line, for a condition to hold.

Of parts that must all hold the best one is enough; of alternatives every one counts; what is negated says nothing. The same
derivation serves the sieve over raw lines (``clues``) and the index over records (``index``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from exhume.detectors.sigma.conditions import All, DatePart, Either, Negation, Node, Number, Regex, SameAs, Text, Wildcard
from exhume.detectors.sigma.view import EVERYWHERE, TIMES, fold

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
            return best((required(part, wish) for part in parts), wish)
        case Either(parts):
            return union(required(part, wish) for part in parts)
        case Text(fields=fields, values=values) if all(map(wish.usable, fields)):
            return union(single(fold(value), wish) for value in values)
        case Wildcard(fields=fields, segments=segments) if all(map(wish.usable, fields)):
            return best((single(fold(segment), wish) for segment in segments), wish)
        case Regex(fields=fields, needs=needs) if all(map(wish.usable, fields)):
            return best((union(single(text, wish) for text in need) for need in needs), wish)
    return None


def single(text: str, wish: Wish) -> Texts | None:
    piece = wish.piece(text)
    return frozenset((piece,)) if piece else None


def union(sets: Iterable[Texts | None]) -> Texts | None:
    out: set[str] = set()
    for texts in sets:
        if texts is None:
            return None
        out |= texts
    return frozenset(out) if out else None


def best(sets: Iterable[Texts | None], wish: Wish) -> Texts | None:
    return min((texts for texts in sets if texts), key=lambda texts: (wish.cost(texts), sorted(texts)), default=None)


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


def fields_of(node: Node) -> Iterable[str]:
    """The names of all fields that decide whether the node holds."""
    match node:
        case All(parts) | Either(parts):
            for part in parts:
                yield from fields_of(part)
        case Negation(part):
            yield from fields_of(part)
        case DatePart(fields=fields) if TIMES & set(fields):
            yield EVERYWHERE  # two records that are alike in all fields are of different times
        case SameAs(fields=fields, others=others):
            yield from (*fields, *others)
        case _:
            yield from node.fields


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
