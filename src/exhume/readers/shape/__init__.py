"""The quick proof that a block of lines holds nothing but good rows, in a few native passes over its bytes.

A row is good when its start has the shape that ``stamps.Mask`` names, it has as many cells as its header has names, every quote
begins or ends a whole cell, and the cells that tell whose it is are those of the file. Almost all blocks of real logs are of
such rows only. A block that is not is read line by line (``rows``), and says the same then of its good rows: the proof makes
things fast and changes no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exhume.readers.dialect import Layout
from exhume.readers.lines import NUL_RUN
from exhume.readers.shape.bits import ahead, behind, below, marks, odd, places
from exhume.readers.shape.tokens import everywhere
from exhume.readers.stamps import HOUR, Mask

if TYPE_CHECKING:
    from numpy import int64, uint8, uint64, void
    from numpy.typing import NDArray

    from exhume.readers.shape.bits import Bits

_NEWLINE, _QUOTE, _RETURN = b'\n"\r'
_HIGH = 0x8080808080808080
"""The highest bit of each byte of a word."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the good rows of a block say when they are not parsed."""

    ends: NDArray[int64]
    """Where each row's newline stands."""
    hours: frozenset[bytes]
    """The hours that stand in the rows, as text (``2021-03-03T06``)."""
    first: bytes
    """The time that is first in order of text, and so in time: all have one shape and one zone."""
    last: bytes
    quoted: tuple[int, ...]
    """Rows with quotes; the cells of all others are exactly what stands between delimiters."""

    def row(self, data: bytes, number: int) -> bytes:
        """A row, without its newline."""
        return data[int(self.ends[number - 1]) + 1 if number else 0 : self.ends[number]]


def load() -> None:
    """Loads the library behind it, which takes longer than to prove a hundred megabytes."""
    import numpy as np

    np.zeros(0)


def prove(data: bytes, layout: Layout, mask: Mask, tokens: tuple[bytes, ...], *, nuls: bool = True) -> Shape | None:
    """The shape of whole lines, or ``None`` when one of them is no good row. ``tokens``: what stands in every row; ``nuls``:
    there may be NUL bytes."""
    import numpy as np

    if len(layout.delimiter) != 1 or (nuls and b"\0" in data and NUL_RUN in data) or any(len(token) < 3 for token in tokens):
        return None
    cells = np.frombuffer(data, np.uint8)
    newlines, delimiters = marks(cells, bytes([_NEWLINE]) + layout.delimiter)
    ends = places(newlines)
    if not ends.size:
        return None
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    span = _span(data, starts, mask)
    known = {layout.delimiter[0]: delimiters}
    if span is None or not all(everywhere(token, data, cells, starts, ends, known) for token in tokens):
        return None
    quoted: tuple[int, ...] = ()
    if layout.quoted and b'"' in data:
        quotes = marks(cells, bytes([_QUOTE]))[0]
        within = odd(quotes)
        returns = marks(cells, bytes([_RETURN]))[0] if b"\r" in data else newlines
        if not _quoted_well(quotes, within, newlines, delimiters, returns):
            return None
        delimiters = delimiters & ~within
        quoted = tuple(np.flatnonzero(np.diff(below(quotes, ends), prepend=0)).tolist())
    expected = len(layout.names) - 1
    if not np.array_equal(below(delimiters, ends), np.arange(1, ends.size + 1) * expected):
        return None
    return Shape(ends, *span, quoted)


def counted(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """How many newlines there are; and of each line that begins with ``#``, how many stand before it, and its offset."""
    import numpy as np

    newlines, hashes = marks(np.frombuffer(data, np.uint8), b"\n#")
    first = behind(newlines)
    first[0] |= 1
    at = places(hashes & first)
    before = below(newlines, at).tolist() if at.size else []
    return int(np.bitwise_count(newlines).sum()), list(zip(before, at.tolist(), strict=True))


def dated(data: bytes) -> int:
    """How many lines there are when all of them are whole and begin with a digit, as rows do that begin with a time; else 0."""
    import numpy as np

    cells = np.frombuffer(data, np.uint8)
    ends = places(marks(cells, b"\n")[0])
    if not ends.size or int(ends[-1]) + 1 != cells.size:
        return 0
    firsts = np.concatenate((cells[:1], cells[ends[:-1] + 1]))
    return int(ends.size) if bool(((firsts >= ord("0")) & (firsts <= ord("9"))).all()) else 0


def _quoted_well(quotes: Bits, within: Bits, newlines: Bits, delimiters: Bits, returns: Bits) -> bool:
    """Does every quote begin or end a whole cell, or is one of two that stand for one, and every row end outside of quotes?"""
    opening, closing = quotes & within, quotes & ~within
    before = behind(delimiters | newlines | closing)
    before[0] |= 1  # the first row
    after = ahead(delimiters | newlines | opening | (returns & ahead(newlines)))
    return not ((newlines & within).any() or (opening & ~before).any() or (closing & ~after).any())


def _pieces(cells: NDArray[uint8] | bytes, at: NDArray[int64], width: int) -> NDArray[void]:
    """The bytes from each of these offsets on. As many as ``width`` must be there."""
    import numpy as np

    return np.ndarray((len(cells) - width + 1,), f"V{width}", cells, 0, (1,))[at]


def _span(data: bytes, starts: NDArray[int64], mask: Mask) -> tuple[frozenset[bytes], bytes, bytes] | None:
    """Hours, first and last; ``None`` when the start of a row has not the shape or is no time of day.

    The starts are looked at as numbers of eight bytes, which sort like their text; the last of them overlaps the one before.
    """
    import numpy as np

    width = len(mask.shape)
    if len(data) - int(starts[-1]) < width or mask.start + HOUR > 16:
        return None
    rows = _pieces(data, starts, width)
    varying: list[NDArray[uint64]] = []
    hours = np.zeros(len(rows) - 1, np.bool_)
    for number, (at, known, expected, beyond) in enumerate(_words(mask)):
        word = np.ndarray(rows.shape, ">u8", rows, at, (width,)).astype(np.uint64)
        least, most = int(np.bitwise_and.reduce(word)), int(np.bitwise_or.reduce(word))
        if least & known != expected or most & known != expected or int(np.bitwise_or.reduce(word + beyond)) & _HIGH:
            return None
        if least != most:
            varying.append(word)
            if number < 2:
                prefix = word >> (8 * (16 - mask.start - HOUR)) if number else word
                hours |= prefix[1:] != prefix[:-1]
    edges = (0, -1) if _ascending(varying) else (_edge(varying, np.min), _edge(varying, np.max))
    first, last = (rows[edge].tobytes()[mask.start : mask.stop] for edge in edges)
    changes = (0, *(np.flatnonzero(hours) + 1).tolist())
    return frozenset(rows[i].tobytes()[mask.start : mask.start + HOUR] for i in changes), first, last


@lru_cache(maxsize=64)
def _words(mask: Mask) -> tuple[tuple[int, int, int, int], ...]:
    """For each number: its offset; which bits are the same in all good rows; those bits; what, added to it, brings digits that
    are too high beyond 127 (and with the bits before known, nothing carries)."""
    width = len(mask.shape)
    fives = (mask.start + 14, mask.start + 17)  # minutes and seconds above 59
    known = bytes(0xF0 if c == ord("0") else 0xFF for c in mask.shape)
    beyond = bytes((0x7F - ord("5" if i in fives else "9")) if c == ord("0") else 0 for i, c in enumerate(mask.shape))
    out = []
    for at in (*range(0, width - 8, 8), width - 8):
        out.append((at, *(int.from_bytes(part[at : at + 8]) for part in (known, mask.shape, beyond))))
    return tuple(out)


def _ascending(words: list[NDArray[uint64]]) -> bool:
    """Is no row before the one that it follows? Most logs are written in order."""
    import numpy as np

    ordered: NDArray[np.bool_] | None = None
    for word in reversed(words):
        later, before = word[1:], word[:-1]
        ordered = later >= before if ordered is None else (later > before) | ((later == before) & ordered)
    return ordered is None or bool(ordered.all())


def _edge(words: list[NDArray[uint64]], pick: Callable[[NDArray[uint64]], uint64]) -> int:
    """The row whose numbers are least, or most."""
    import numpy as np

    rows: NDArray[int64] | None = None
    for word in words:
        chosen = word if rows is None else word[rows]
        hits = np.flatnonzero(chosen == pick(chosen))
        rows = hits if rows is None else rows[hits]
    return 0 if rows is None else int(rows[0])


def quoted_well(line: bytes, delimiter: bytes, expected: int) -> bool:
    """Is every quote of the line the beginning or end of a whole cell (or doubled within one), and the count of cells right?

    A quick proof; lines for which it fails are looked at singly.
    """
    parts = line.rstrip(b"\r").split(b'"')
    if len(parts) % 2 == 0:
        return False
    outside = parts[::2]
    if outside[0] and not outside[0].endswith(delimiter):
        return False
    if outside[-1] and not outside[-1].startswith(delimiter):
        return False
    for part in outside[1:-1]:
        if part and not (part.startswith(delimiter) and part.endswith(delimiter)):
            return False
    return sum(part.count(delimiter) for part in outside) == expected
