"""Does a text stand in every row of a block?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exhume.readers.shape.bits import ahead, marks, places

if TYPE_CHECKING:
    from numpy import bool_, int64, uint8
    from numpy.typing import NDArray

    from exhume.readers.shape.bits import Bits

TRIES = 4
"""So many distances from a row's start are tried before the text is searched for in all of the block."""
_WORD = 8


def everywhere(
    token: bytes, data: bytes, cells: NDArray[uint8], starts: NDArray[int64], ends: NDArray[int64], known: dict[int, Bits]
) -> bool:
    """Does the token (without newline, at least two bytes) stand in every row? ``data`` and ``cells`` are the same bytes;
    ``known``: where bytes of some values are, and others that were looked for."""
    for _ in range(TRIES):
        distance = data.find(token, int(starts[0]), int(ends[0])) - int(starts[0])
        if distance < 0:
            return False
        left = ~stands(token, cells, starts + distance)
        left |= starts + distance > ends  # it is that of another row
        before, starts, ends = starts.size, starts[left], ends[left]
        if not starts.size:
            return True
        if 2 * starts.size > before:
            break
    return _in_each(token, cells, starts, ends, known)


def _in_each(token: bytes, cells: NDArray[uint8], starts: NDArray[int64], ends: NDArray[int64], known: dict[int, Bits]) -> bool:
    """The same, wherever in the rows it stands."""
    import numpy as np

    values = bytes({token[0], token[1]} - known.keys())
    known.update(zip(values, marks(cells, values) if values else (), strict=True))
    at = places(known[token[0]] & ahead(known[token[1]]))
    at = at[stands(token, cells, at)]
    rows = np.searchsorted(ends, at)
    inside = rows < ends.size
    rows, at = rows[inside], at[inside]
    rows = rows[at >= starts[rows]]
    return bool(rows.size) and int(np.count_nonzero(np.diff(rows))) + 1 == ends.size


def stands(token: bytes, cells: NDArray[uint8], at: NDArray[int64]) -> NDArray[bool_]:
    """For each offset: does the token begin there? Compared as numbers of eight bytes that end where it ends, or a part of it;
    an offset so near to the block's beginning or end that there are no such bytes gives no."""
    import numpy as np

    inside = (at >= _WORD - 1) & (at <= cells.size - len(token))
    found = inside.copy()
    words = np.ndarray((max(0, cells.size - _WORD + 1),), f"V{_WORD}", cells, 0, (1,))
    for end in range(len(token), 0, -_WORD):
        part = token[max(0, end - _WORD) : end]
        wanted = int.from_bytes(part.rjust(_WORD, b"\0"), "little")
        known = int.from_bytes((b"\xff" * len(part)).rjust(_WORD, b"\0"), "little")
        there = words[np.where(inside, at + (end - _WORD), 0)].view("<u8")
        found &= (there & np.uint64(known)) == np.uint64(wanted)
    return found
