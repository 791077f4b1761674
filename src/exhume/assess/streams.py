"""The streams that readers get: an error while reading ends the file, it does not lose what was read before."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    import tempfile

    from _typeshed import WriteableBuffer

HEAD = 4096
"""Bytes by which a file is recognised."""
SPOOL_MEMORY = 16 << 20
"""Bytes of a sequential archive's member that are kept in memory before a temporary file takes over."""


class Trapped(io.RawIOBase):
    """A stream that ends where the one below fails; ``error`` says how. Starts with ``head``, already read."""

    def __init__(self, below: BinaryIO, head: bytes = b"") -> None:
        super().__init__()
        self._below = below
        self._head = head
        self._base = 0
        self.error: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._below.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._head = b""
        return self._below.seek(offset, whence)

    def tell(self) -> int:
        return self._below.tell() - len(self._head)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        if self._head:
            if size < 0:
                return self._take(len(self._head)) + self.read(-1)
            return self._take(size)
        try:
            return self._below.read(size)
        except OSError as error:
            self.error = error
            return b""

    def _take(self, size: int) -> bytes:
        taken, self._head = self._head[:size], self._head[size:]
        return taken


class Hashing(Trapped):
    """The same, hashed while it is read."""

    def __init__(self, below: BinaryIO, head: bytes = b"") -> None:
        super().__init__(below)
        self._digest = hashlib.sha256(head)
        self._size = len(head)
        self._left = head
        self._jumped = False

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._jumped = True
        self._left = b""
        return super().seek(offset, whence)

    def tell(self) -> int:
        return super().tell() - len(self._left)

    def read(self, size: int = -1) -> bytes:
        if self._left:
            taken, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
            return taken + self.read(-1) if size < 0 else taken
        data = super().read(size)
        self._digest.update(data)
        self._size += len(data)
        return data

    def finished(self) -> tuple[int, str] | None:
        """Size and SHA-256, after what the reader left was read too; ``None`` where it jumped, or where reading failed."""
        if self._jumped:
            return None
        while self.read(1 << 20):
            pass
        return None if self.error else (self._size, self._digest.hexdigest())


class Spool:
    """The bytes of a file that can be read only once, kept so that several readers and detectors can have them."""

    def __init__(self, stream: BinaryIO) -> None:
        import tempfile

        self._file = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY)  # noqa: SIM115 (closed by close())
        while block := stream.read(1 << 20):
            self._file.write(block)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """From the first byte. One user at a time."""
        self._file.seek(0)
        yield cast(BinaryIO, io.BufferedReader(_Unclosing(self._file)))

    def close(self) -> None:
        self._file.close()


class _Unclosing(io.RawIOBase):
    def __init__(self, below: tempfile.SpooledTemporaryFile[bytes]) -> None:
        super().__init__()
        self._below = below

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._below.seek(offset, whence)

    def tell(self) -> int:
        return self._below.tell()

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._below.read(len(view))
        view[: len(data)] = data
        return len(data)
