"""A rule in the form in which it is put to records."""

from __future__ import annotations

from dataclasses import dataclass

from exhume.detectors.sigma.conditions import Node
from exhume.model import Clue, Rule


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule for one kind of record. A rule whose log source has several places is compiled once for each."""

    rule: Rule
    kind: str
    node: Node
    channels: frozenset[str] = frozenset()
    """Folded event channels; empty: any."""
    events: frozenset[int] = frozenset()
    """Event ids; empty: any."""
    clues: frozenset[Clue] | None = None
    """What must stand in a raw row; ``None``: nothing that could be searched for."""
    watch: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    """What correlations ask for of the rows for which it holds: a name, and the fields that it stands for. ``None``: no
    correlation looks at it."""
