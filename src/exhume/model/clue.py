"""What must stand in a raw line for a rule to hold: what detectors tell the sieve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Clue: TypeAlias = tuple[frozenset[str], ...]
"""For one rule, or one of its alternatives: of each set at least one text stands in every raw row in which it holds, in any
letter case. The first set is the rarest, and the one to search for."""


def searched(clues: Iterable[Clue]) -> frozenset[str]:
    """The texts that a sieve looks for in all bytes."""
    return frozenset().union(*(clue[0] for clue in clues))
