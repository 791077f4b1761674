"""Members of a zip unpacked by us: Deflate64, as Windows Explorer packs files over 2 GB, and Deflate where the zip is torn,
since zipfile gives up tens of thousands of bytes before a break. The only door to the library for Deflate64.

References: PKWARE APPNOTE 4.4.5, methods 8 and 9; RFC 1951.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from exhume.evidence.unpacking import Unpacking

DEFLATE64 = 9
_FEED = 1 << 10
"""Packed bytes given at once: all that comes of them is in memory together, of zeros 26,000 times as much with Deflate64."""


class Inflated(Unpacking):
    """Raises ``EOFError`` for a cut-off member, ``ValueError`` or ``zlib.error`` for a damaged one, after what is before."""

    def __init__(self, source: BinaryIO, method: int, packed: int, crc: int | None) -> None:
        """``packed``: bytes of it in the source, at most; ``crc``: of the unpacked bytes, where it is known."""
        super().__init__()
        self._source, self._left, self._crc = source, packed, crc
        self._sum = 0
        self._fed = bytearray(_FEED)
        """Always the same one: inflate64 1.0.4 keeps every buffer that it was given for ever."""
        self._inflater, self._inflate = _inflater(method)

    def _more(self) -> bool:
        if self._inflater.eof:
            if self._crc is not None and self._sum != self._crc:
                raise ValueError("its checksum is wrong")
            return False
        piece = self._source.read(min(_FEED, self._left))
        if not piece:
            raise EOFError("cut off inside a member")
        self._left -= len(piece)
        self._fed[: len(piece)] = piece
        self._ready, self._at = self._inflate(self._fed if len(piece) == _FEED else piece), 0
        self._sum = zlib.crc32(self._ready, self._sum)
        return True

    def close(self) -> None:
        self._source.close()
        super().close()


def _inflater(method: int) -> tuple[Any, Callable[[bytes | bytearray], bytes]]:
    """Something with ``eof``, and what unpacks a piece."""
    if method == DEFLATE64:
        import inflate64

        made = inflate64.Inflater()
        return made, made.inflate
    plain = zlib.decompressobj(-zlib.MAX_WBITS)
    return plain, plain.decompress
