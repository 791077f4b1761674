"""From the texts that an engine finds in a block to the lines that a rule could match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

from exhume.model import Clue, searched

NEEDLESS = rb"%(?:25)*(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])"
"""A percent-encoded letter, digit, ``-``, ``.``, ``_`` or ``~``, also encoded twice: nobody needs to write that, so such a
line is always parsed. This is what lets texts of decoded URLs be searched in raw lines."""
_ROW = re.compile(rb'"?\d{4}-\d\d-\d\d[t ]')
"""How a line begins that does not go on a row of the line before."""

Needs: TypeAlias = tuple[tuple[bytes, ...], ...]
"""Of each of these one must stand in the line; empty: the text that was found is enough."""


class Engine(Protocol):
    """A compiled set of patterns."""

    def found(self, block: bytes) -> Sequence[tuple[int, int]]:
        """Offset of the last byte of each match and the number of its pattern, in ascending order."""
        ...


class Screen:
    """Some clues, ready to be looked for in blocks of lines."""

    def __init__(self, clues: Iterable[Clue], engine: Callable[[Sequence[bytes]], Engine]) -> None:
        clues = frozenset(clues)
        texts = sorted({text.lower() for text in searched(clues) if text})
        self._engine = engine([*(re.escape(text.encode()) for text in texts), NEEDLESS]) if texts else None
        needs: dict[str, set[Needs]] = {text: set() for text in texts}
        for first, *others in clues:
            rest = tuple(tuple(sorted(text.lower().encode() for text in one)) for one in others)
            for text in first:
                needs[text.lower()].add(rest)
        self._needs: list[frozenset[Needs]] = [frozenset(() if () in needs[text] else needs[text]) for text in texts]
        self._needs.append(frozenset())

    def candidates(self, block: bytes) -> list[int]:
        """See ``model.Sieve``. Without clues no line can match."""
        if self._engine is None:
            return []
        places: list[int] = []
        end, taken, line = -1, False, b""
        for place, number in self._engine.found(block):
            if place > end:
                start = block.rfind(b"\n", 0, place) + 1
                end = block.find(b"\n", place)
                end = end if end >= 0 else len(block)
                line, taken = block[start:end].lower(), False
            if not taken and _complete(self._needs[number], line):
                places.append(place)
                taken = True
        return places


def _complete(needs: frozenset[Needs], line: bytes) -> bool:
    """Does the line hold all that one of the clues needs? A row that goes over several lines may hold some of it elsewhere."""
    if not needs:
        return True
    if any(all(any(text in line for text in texts) for texts in need) for need in needs):
        return True
    return not _ROW.match(line) or line.count(b'"') % 2 == 1
