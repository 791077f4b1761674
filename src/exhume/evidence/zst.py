"""Zstandard frames as one stream. The library's own reader ends quietly where a file was cut off; this one raises."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FEED = 2048
"""Packed bytes given at once: a run-length block of 4 bytes yields up to 128 KiB, so this bounds memory at 64 MiB."""


class ZstdStream(io.RawIOBase):
    """Raises ``EOFError`` for a cut-off frame and ``ValueError`` for a damaged one.

    Like gzip's stream it leaves its source open.
    """

    def __init__(self, source: BinaryIO) -> None:
        import zstandard

        self._source = source
        self._error = zstandard.ZstdError
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self._frame = self._unpacker.decompressobj()
        self._begun = False
        self._packed = self._ready = b""
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while self._at >= len(self._ready):
            if not self._more():
                return 0
        view = memoryview(buffer).cast("B")
        piece = self._ready[self._at : self._at + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _more(self) -> bool:
        if self._frame.eof:
            self._packed = self._frame.unused_data or self._packed
            self._frame, self._begun = self._unpacker.decompressobj(), False
        packed = self._packed or self._source.read(_FEED)
        self._packed = b""
        if not packed:
            if self._begun:
                raise EOFError("cut off inside a frame")
            return False
        self._begun = True
        try:
            self._ready, self._at = self._frame.decompress(packed), 0
        except self._error as error:
            raise ValueError("damaged frame") from error
        return True
