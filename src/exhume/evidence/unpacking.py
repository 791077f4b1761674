"""A packed stream as a plain one: what gzip and Zstandard share."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Unpacking(io.RawIOBase):
    """Gives out what ``_more`` unpacks, piece by piece."""

    def __init__(self) -> None:
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
        """Some more bytes in ``_ready``, from ``_at`` on (perhaps none yet); false at the end. Each packing's own."""
        raise NotImplementedError
