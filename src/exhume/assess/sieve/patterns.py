"""Regular expressions for an engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from exhume.model import BORDER, Clue

LONGEST = 4000
"""Bytes of one pattern: hyperscan refuses those beyond 16,000."""


def exact(clue: Clue, delimiter: str) -> Iterator[bytes]:
    """Patterns that find what a clue searches for where cells are exactly what stands between delimiters."""
    if clue.regex:
        yield clue.regex.encode()
        return
    border = b"[" + re.escape((delimiter + "\r\n").encode()) + b"]"
    for text in sorted(clue.exact):
        if BORDER in text:
            yield border.join(map(plain, text.split(BORDER)))
        elif any(text in cell for cell in clue.unless):  # one for each text: other clues have the same
            yield from _joined(_elsewhere(text, clue.unless, delimiter))
        else:
            yield plain(text)


def _joined(parts: Sequence[bytes]) -> Iterator[bytes]:
    """The parts as alternatives of as few patterns as their length allows."""
    while parts:
        size, count = 0, 0
        while count < len(parts) and (not count or size + len(parts[count]) < LONGEST):
            size, count = size + len(parts[count]) + 1, count + 1
        yield b"|".join(parts[:count])
        parts = parts[count:]


def plain(text: str) -> bytes:
    """A pattern that finds the text. A NUL, which ends a pattern for hyperscan, is written out."""
    return re.escape(text.lower().encode("utf-8", "surrogatepass")).replace(b"\0", rb"\x00")


def _elsewhere(text: str, cells: Iterable[str], delimiter: str) -> list[bytes]:
    """Patterns that together find the text wherever it stands but in one of these cells.

    What stands behind the text is told from the ends of the cells letter by letter, and so is what stands before it from their
    beginnings; an engine has no way to say "not these words" otherwise.
    """
    around: dict[str, set[str]] = {}
    for cell in sorted(cells):  # the same patterns in every run: they are kept compiled
        for match in re.finditer(f"(?={re.escape(text)})", cell):
            around.setdefault(cell[match.start() + len(text) :], set()).add(cell[: match.start()])
    border = delimiter + "\r\n"
    out = [re.escape((text + end).encode()) + _none(more) for end, more in _grown(around, border).items()]
    for end, starts in around.items():
        behind = re.escape((text + end).encode()) + b"[" + re.escape(border.encode()) + b"]"
        backwards = _grown((start[::-1] for start in sorted(starts)), delimiter)
        out += [_none(more) + re.escape(start[::-1].encode()) + behind for start, more in backwards.items()]
    return out


def _grown(words: Iterable[str], border: str) -> dict[str, set[str]]:
    """For every beginning of the words the letters with which one of them goes on; ``border`` where one is complete."""
    out: dict[str, set[str]] = {}
    for word in words:
        for size in range(len(word) + 1):
            out.setdefault(word[:size], set()).update(word[size] if size < len(word) else border)
    return out


def _none(letters: Iterable[str]) -> bytes:
    return b"[^" + b"".join(re.escape(letter.encode()) for letter in sorted(letters)) + b"]"
