"""From the texts that an engine finds in a block to the lines that a rule could match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

from exhume.assess.sieve.patterns import exact, plain
from exhume.model import Clue

_LETTERS = (rb"2[de]", rb"3[0-9]", rb"4[1-9a-f]", rb"5[0-9af]", rb"6[1-9a-f]", rb"7[0-9ae]")
NEEDLESS = rb"%(?:25)*(?:" + b"|".join(_LETTERS) + b")"
"""A percent-encoded letter, digit, ``-``, ``.``, ``_`` or ``~``, also encoded twice: nobody needs to write that, so such a
line is always parsed. This is what lets texts of decoded URLs be searched in raw lines."""
LOOKALIKES = (
    rb"(?:\xc5|%(?:25)*c5)(?:\xbf|%(?:25)*bf)|(?:\xc4|%(?:25)*c4)(?:[\xb0\xb1]|%(?:25)*b[01])"
    rb"|(?:\xe2|%(?:25)*e2)(?:\x84|%(?:25)*84)(?:\xaa|%(?:25)*aa)"
)
"""The long s, the i with and without a dot, and the Kelvin sign: regular expressions that ignore case take them for s, i and k,
so rows with one are always parsed too."""
_WIDE = (rb"c[45]", rb"e2")
_HINTS = b"|".join(
    [before + code for before in (b"%", b"%25") for code in (*_LETTERS, *_WIDE)]
    + [rb"%2525", rb"\xc5[\xbf%]", rb"\xc4[\xb0\xb1%]", rb"\xe2[\x84%]"]
)
"""What stands wherever one of the two does, in words without repetition: to search for these costs nothing beside the other
texts, and to search for the forms themselves as much as half of the rules."""
_STRANGE = re.compile(NEEDLESS + b"|" + LOOKALIKES, re.IGNORECASE)
_ROW = re.compile(rb'"?\d{4}-\d\d-\d\d[Tt ]')
"""How a line begins that does not go on a row of the line before."""

Needs: TypeAlias = tuple[tuple[bytes, ...], ...]
"""Of each of these one must stand in the line; empty: the text that was found is enough."""


class Engine(Protocol):
    """A compiled set of patterns."""

    def found(self, block: bytes) -> Sequence[tuple[int, int]]:
        """Offset of the last byte of each match and the number of its pattern, in ascending order."""
        ...


class Screen:
    """Some clues, ready to be looked for in blocks of lines.

    With a delimiter it relies on whole rows in lines and whole cells between delimiters, see ``model.Sieve``.
    """

    def __init__(self, clues: Iterable[Clue], engine: Callable[[Sequence[bytes]], Engine], delimiter: str = "") -> None:
        patterns: dict[bytes, set[Needs]] = {}
        for clue in clues:
            rest = tuple(tuple(sorted(text.lower().encode() for text in texts)) for texts in clue.texts[1:])
            found = exact(clue, delimiter) if delimiter and clue.exact else map(plain, clue.texts[0])
            for pattern in found:
                patterns.setdefault(pattern, set()).add(rest)
        self._engine: Engine | None = None
        ordered = sorted(patterns)
        self._needs = [frozenset(() if () in patterns[p] else patterns[p]) for p in ordered]
        if patterns:
            self._engine = engine([*ordered, _HINTS])

    def candidates(self, block: bytes) -> list[int]:
        """See ``model.Sieve``. Without clues no line can match."""
        if self._engine is None:
            return []
        places: list[int] = []
        end, line, tried = -1, b"", set[int]()
        for place, number in self._engine.found(block):
            if place > end:
                start = block.rfind(b"\n", 0, place) + 1
                end = block.find(b"\n", place)
                end = end if end >= 0 else len(block)
                line, tried = block[start:end].lower(), set()
            elif -1 in tried or number in tried:  # once a line: a line may hold a text a million times
                continue
            tried.add(number)
            if _complete(self._needs[number], line) if number < len(self._needs) else _STRANGE.search(line):
                places.append(place)
                tried.add(-1)
        return places


def _complete(needs: frozenset[Needs], line: bytes) -> bool:
    """Does the line hold all that one of the clues needs? A row that goes over several lines may hold some of it elsewhere."""
    if not needs:
        return True
    for need in needs:  # written out: this is asked of every line in which a text stands, and generators take three times as long
        for texts in need:
            for text in texts:
                if text in line:
                    break
            else:
                break
        else:
            return True
    return not _ROW.match(line) or line.count(b'"') % 2 == 1
