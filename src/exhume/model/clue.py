"""What must stand in a raw line for a rule to hold: what detectors tell the sieve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BORDER = "\0"
"""Stands for the beginning or the end of a cell in ``Clue.exact``."""


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
    """A regular expression in lower case, to be searched for in place of ``exact`` where it is there."""


def searched(clues: Iterable[Clue]) -> frozenset[str]:
    """The texts that a sieve looks for in all bytes."""
    return frozenset().union(*(clue.texts[0] for clue in clues))
