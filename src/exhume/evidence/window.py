"""An own place in a shared temporary file, so that several readers do not disturb each other."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Window(io.BufferedReader):
    """A read-only view of the whole file, or of ``size`` bytes from ``start`` on, that closes without closing it.

    It is shorter where the file is."""

    def __init__(self, kept: BinaryIO, start: int = 0, size: int | None = None) -> None:
        super().__init__(_Place(kept, start, size))


class _Place(io.RawIOBase):
    def __init__(self, kept: BinaryIO, start: int, size: int | None) -> None:
        self._kept, self._start = kept, start
        self._at = 0
        there = max(0, kept.seek(0, 2) - start)
        self._size = there if size is None else min(size, there)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._at, self._size)[whence]
        if start + offset < 0:
            raise ValueError("negative place")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        self._kept.seek(self._start + self._at)
        data = self._kept.read(max(0, min(len(view), self._size - self._at)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
