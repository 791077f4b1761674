"""Which bytes of a block are a newline, a delimiter or a quote, as bits in words of 64: an eighth of the bytes to go through.

Bit n of word m stands for byte ``64 * m + n``. Everything here is a few native passes over such words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from numpy import int64, uint8, uint64
    from numpy.typing import NDArray

    Bits: TypeAlias = NDArray[uint64]

CHUNK = 1 << 17
"""Bytes compared at a time: they and what comes of them stay in the processor's nearest memory."""


def marks(cells: NDArray[uint8], values: bytes) -> list[Bits]:
    """For each of the values where it stands."""
    import numpy as np

    made = [np.zeros(-(-cells.size // 64), "<u8") for _ in values]
    equal = np.empty(min(CHUNK, cells.size), np.bool_)
    for at in range(0, cells.size, CHUNK):
        piece = cells[at : at + CHUNK]
        for value, words in zip(values, made, strict=True):
            packed = np.packbits(np.equal(piece, value, out=equal[: piece.size]), bitorder="little")
            words.view(np.uint8)[at // 8 : at // 8 + packed.size] = packed
    return made


def places(words: Bits) -> NDArray[int64]:
    """Offsets of the bits that are set, ascending. Quick where they are rare."""
    import numpy as np

    which = np.flatnonzero(words != 0)
    rest = words[which]
    found: list[NDArray[int64]] = []
    while which.size:
        found.append(which * 64 + np.bitwise_count(~rest & (rest - 1)))
        rest &= rest - 1
        more = np.flatnonzero(rest)
        which, rest = which[more], rest[more]
    return found[0] if len(found) == 1 else np.sort(np.concatenate(found or [np.zeros(0, np.int64)]))


def below(words: Bits, at: NDArray[int64]) -> NDArray[int64]:
    """How many bits are set before each of these offsets."""
    import numpy as np

    sums, which = np.cumsum(np.bitwise_count(words), dtype=np.int64), at >> 6
    before: NDArray[int64] = sums[which] - np.bitwise_count(words[which] >> (at & 63).astype(np.uint64))
    return before


def behind(words: Bits) -> Bits:
    """The bytes that come right after the marked ones."""
    import numpy as np

    moved = words << np.uint64(1)
    moved[1:] |= words[:-1] >> np.uint64(63)
    return moved


def ahead(words: Bits) -> Bits:
    """The bytes that come right before the marked ones."""
    import numpy as np

    moved = words >> np.uint64(1)
    moved[:-1] |= words[1:] << np.uint64(63)
    return moved


def odd(words: Bits) -> Bits:
    """Where the number of marks up to and with a byte is odd: between quotes, with the opening and without the closing one."""
    import numpy as np

    found = words.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        found ^= found << shift
    carried = np.cumsum(np.bitwise_count(words), dtype=np.uint64)[:-1] & 1
    found[1:] ^= 0 - carried
    return found
