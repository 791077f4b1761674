"""What must stand in a raw line for a rule to hold: what detectors tell the sieve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BORDER = "\0"
"""Stands for the beginning or the end of a cell in ``Clue.exact``."""


def event_kind(kind: str, channel: str, event: int) -> str:
    """The kind narrowed to the events of one channel and id, for ``Detector.clues``: ``windows.event/4688/Security``."""
    return f"{kind}/{event}/{channel}"


def narrowed(kind: str) -> tuple[str, int, str] | None:
    """Kind, event id and channel of a narrowed kind, else ``None``."""
    parts = kind.split("/", 2)
    return (parts[0], int(parts[1]), parts[2]) if len(parts) == 3 else None


@dataclass(frozen=True, slots=True)
class Clue:
    """For one rule, or one of its alternatives: what stands in every raw row in which it holds."""

    texts: tuple[frozenset[str], ...]
    """Of each set at least one text stands in the row, in any letter case. The first set is the one to search for."""
    exact: frozenset[str] = frozenset()
    """To be searched for instead of the first set where it is certain which bytes are the cells of the row."""
    unless: frozenset[str] = frozenset()
    """Cells, in lower case: a text of ``exact`` that makes the rule hold stands in another cell than these."""
    regex: str = ""
    """A regular expression in lower case, to be searched for in place of ``exact`` where it is there; in events in place of the
    first set."""


def searched(clues: Iterable[Clue]) -> frozenset[str]:
    """The texts that a sieve looks for in all bytes."""
    return frozenset().union(*(clue.texts[0] for clue in clues))
