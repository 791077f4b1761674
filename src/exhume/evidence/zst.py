"""Zstandard frames as one stream. The library's own reader ends quietly where a file was cut off; this one raises."""

from __future__ import annotations

from typing import BinaryIO

from exhume.evidence.unpacking import Unpacking

_FEED = 2048
"""Packed bytes given at once: a run-length block of 4 bytes yields up to 128 KiB, so this bounds memory at 64 MiB."""


class ZstdStream(Unpacking):
    """Raises ``EOFError`` for a cut-off frame and ``ValueError`` for a damaged one.

    Like gzip's stream it leaves its source open.
    """

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        import zstandard

        self._source = source
        self._error = zstandard.ZstdError
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self._frame = self._unpacker.decompressobj()
        self._begun = False

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
