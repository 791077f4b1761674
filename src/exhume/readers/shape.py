"""The quick proof that a block of lines holds nothing but good rows, in a few native passes over its bytes.

A row is good when its start has the shape that ``stamps.Mask`` names, it has as many cells as its header has names, every quote
begins or ends a whole cell, and the cells that tell whose it is are those of the file. Almost all blocks of real logs are of
such rows only. A block that is not is read line by line (``rows``), and says the same then of its good rows: the proof makes
things fast and changes no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exhume.readers.dialect import Layout
from exhume.readers.lines import NUL_RUN
from exhume.readers.stamps import HOUR, Mask

if TYPE_CHECKING:
    from numpy import bool_, int64, uint8
    from numpy.typing import NDArray

_NEWLINE, _QUOTE, _NINE, _FIVE = b'\n"95'


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


def prove(data: bytes, layout: Layout, mask: Mask, tokens: tuple[bytes, ...]) -> Shape | None:
    """The shape of whole lines, or ``None`` when one of them is no good row. ``tokens``: what stands in every row."""
    import numpy as np

    if len(layout.delimiter) != 1 or len(layout.names) > 256 or (b"\0" in data and NUL_RUN in data):
        return None
    cells = np.frombuffer(data, np.uint8)
    ends = _places(cells == _NEWLINE)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    times = _times(cells, starts, mask)
    if times is None or not all(_everywhere(token, cells, ends) for token in tokens):
        return None
    expected, delimiters = len(layout.names) - 1, cells == layout.delimiter[0]
    # counted in bytes, which is quick: a count of 256 more passes here, and is found by the sum
    fits = np.add.reduceat(delimiters.view(np.uint8), starts, dtype=np.uint8) == expected
    total = expected * len(ends)
    quoted: tuple[int, ...] = ()
    if layout.quoted and b'"' in data:
        quoted = tuple(np.unique(np.searchsorted(ends, _places(cells == _QUOTE))).tolist())
        for i in quoted:
            line = data[starts[i] : ends[i]]
            if not quoted_well(line, layout.delimiter, expected):
                return None
            total += line.count(layout.delimiter) - expected
        fits[list(quoted)] = True
    if not fits.all() or np.count_nonzero(delimiters) != total:
        return None
    return Shape(ends, *_span(times[:, mask.start : mask.stop]), quoted)


def _places(marks: NDArray[bool_]) -> NDArray[int64]:
    """Where something rare is true. numpy looks at every byte for that; here only at those of eight with one among them."""
    import numpy as np

    whole = marks.size // 8 * 8
    eights = np.flatnonzero(marks[:whole].view(np.uint64) != 0)
    which, place = np.nonzero(marks[:whole].reshape(-1, 8)[eights])
    return np.concatenate((eights[which] * 8 + place, whole + np.flatnonzero(marks[whole:])))


def _times(cells: NDArray[uint8], starts: NDArray[int64], mask: Mask) -> NDArray[uint8] | None:
    """The start of each row, one below the other; ``None`` when one has not the shape or is no time of day."""
    import numpy as np

    width = len(mask.shape)
    if not starts.size or cells.size - starts[-1] < width:
        return None
    times = np.lib.stride_tricks.sliding_window_view(cells, width)[starts]
    least = np.frombuffer(mask.shape, np.uint8)
    most = np.where(least == ord("0"), _NINE, least)
    most[[mask.start + 14, mask.start + 17]] = _FIVE  # minutes and seconds above 59
    return times if bool(((times >= least) & (times <= most)).all()) else None


def _everywhere(token: bytes, cells: NDArray[uint8], ends: NDArray[int64]) -> bool:
    """Does the token stand in every row?"""
    import numpy as np

    if len(token) < 3 or cells.size < len(token):
        return False
    places = _places((cells[:-2] == token[0]) & (cells[1:-1] == token[1]))
    places = places[places <= cells.size - len(token)]
    wanted = np.frombuffer(token, np.uint8)
    found = (np.lib.stride_tricks.sliding_window_view(cells, len(token))[places] == wanted).all(axis=1)
    rows = np.searchsorted(ends, places[found])
    return bool(rows.size) and int(np.count_nonzero(np.diff(rows))) + 1 == len(ends)


def _span(times: NDArray[uint8]) -> tuple[frozenset[bytes], bytes, bytes]:
    """Hours, first and last."""
    import numpy as np

    hours = times[:, :HOUR]
    changes = np.flatnonzero((hours[1:] != hours[:-1]).any(axis=1)) + 1
    prefixes = frozenset(hours[i].tobytes() for i in (0, *changes.tolist()))
    words = np.zeros((len(times), -(-times.shape[1] // 8) * 8), np.uint8)
    words[:, : times.shape[1]] = times
    numbers = words.view(">u8")
    lowest = highest = np.arange(len(times))
    for word in numbers.T:
        lowest = lowest[word[lowest] == word[lowest].min()]
        highest = highest[word[highest] == word[highest].max()]
    return prefixes, times[lowest[0]].tobytes(), times[highest[0]].tobytes()


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
