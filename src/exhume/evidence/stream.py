"""The streams that ``open()`` returns: library errors become ``EvidenceError``, limits hold while reading."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from exhume.evidence.limits import MIB, EvidenceError, Limits
from exhume.model.vocabulary import Cause

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UNSUPPORTED = (NotImplementedError, RuntimeError)
"""What zipfile raises for a compression it does not know and for an encrypted member."""


@cache
def errors() -> tuple[type[Exception], ...]:
    """All that the standard library raises for broken archives. Evidence without archives does not load what reads them."""
    import lzma
    import struct
    import tarfile
    import zipfile
    import zlib

    return (
        *(OSError, EOFError, ValueError, LookupError, OverflowError, struct.error, zlib.error, lzma.LZMAError),
        *(zipfile.BadZipFile, tarfile.TarError, *UNSUPPORTED),
    )


def told(error: BaseException) -> EvidenceError:
    """The error in our words; texts of libraries may quote the evidence and are left out."""
    if isinstance(error, EvidenceError):
        return error
    if isinstance(error, UNSUPPORTED):
        return EvidenceError("encrypted or packed with a method that is not supported", Cause.UNREADABLE)
    if isinstance(error, OSError) and error.errno is not None:
        return EvidenceError(f"cannot be read: {error.strerror or 'system error'}", Cause.UNREADABLE)
    return EvidenceError("damaged or truncated archive data", Cause.DAMAGED)


Meter: TypeAlias = Callable[[int], None]


class _Bounded(io.RawIOBase):
    def __init__(
        self, inner: BinaryIO, size: int | None, packed: int | None, limits: Limits, meter: Meter | None, once: bool
    ) -> None:
        self._inner, self._size, self._packed, self._limits, self._meter = inner, size, packed, limits, meter
        self._seekable = not once and meter is None and packed is None and bool(inner.seekable())
        self._given = 0
        self._read1: Callable[[int], bytes] = getattr(inner, "read1", inner.read)
        # A file on disk has no limits to hold, so its bytes need not be copied once more.
        self._straight: Callable[[memoryview], int] | None = getattr(inner, "readinto1", None) if self._seekable else None
        self.pending: EvidenceError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._seekable:
            raise io.UnsupportedOperation("this stream cannot seek")
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell() if self._seekable else self._given

    def readinto(self, buffer: WriteableBuffer) -> int:
        """After an error it reports an end first, so that what was read before the break is handed out."""
        if self.pending is not None:
            raise self.pending
        view = memoryview(buffer).cast("B")
        try:
            if self._straight:
                return self._straight(view)
            data = self._read1(len(view))  # one step, so that no byte before a break is lost
            self._given += len(data)
            self._check(bool(data))
        except errors() as error:
            self.pending = told(error)
            return 0
        view[: len(data)] = data
        return len(data)

    def _check(self, more: bool) -> None:
        if not more and self._size is not None and self.tell() < self._size:
            raise EvidenceError("it is shorter than it was when it was listed, or than its archive declares", Cause.DAMAGED)
        if self._seekable:
            return
        limits = self._limits
        if self._size is not None and self._given > self._size:
            raise EvidenceError("limit: it yields more bytes than its archive declares", Cause.LIMIT)
        if self._meter is not None:
            self._meter(self._given)
        if self._given > limits.max_file_bytes:
            raise EvidenceError("limit: larger than the allowed size of one file", Cause.LIMIT)
        if self._packed is not None and self._given > max(limits.ratio_from_bytes, limits.max_ratio * self._packed):
            raise EvidenceError("limit: expands beyond the allowed ratio", Cause.LIMIT)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class GuardedStream(io.BufferedReader):
    """Gives all bytes before a break, then raises ``EvidenceError``. Read until empty: only then is the end the end."""

    def __init__(
        self,
        inner: BinaryIO,
        limits: Limits,
        size: int | None = None,
        packed: int | None = None,
        meter: Meter | None = None,
        once: bool = False,
        buffer: int = 1 << 16,
    ) -> None:
        """``size``: bytes that were listed or declared; ``packed``: bytes it takes in its archive, where the ratio of the two
        is to be watched; ``meter`` hears how many bytes were given, and may raise ``EvidenceError``; ``once``: it can only
        be read forward."""
        self._bounded = _Bounded(inner, size, packed, limits, meter, once)
        super().__init__(self._bounded, buffer)

    def _told(self, empty: bool) -> None:
        if empty and self._bounded.pending is not None:
            raise self._bounded.pending

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._told((not data and size != 0) or size is None or size < 0)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        data = super().read1(size)
        self._told(not data and size != 0)
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = super().readinto(buffer)
        self._told(not count)
        return count

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self._told(not line and size != 0)
        return line


def spool(source: BinaryIO, limits: Limits, head: bytes) -> BinaryIO:
    """A seekable copy of ``head`` (read already) and the rest, in an unnamed temporary file.

    Raises ``EvidenceError`` (LIMIT) beyond ``spool_bytes``.
    """
    import tempfile

    kept: Any = tempfile.SpooledTemporaryFile(max_size=4 * MIB)  # noqa: SIM115 - the container keeps it open
    total = len(head)
    kept.write(head)
    while block := source.read(MIB):
        total += len(block)
        if total > limits.spool_bytes:
            raise EvidenceError("limit: the inner archive is too large to be entered", Cause.LIMIT)
        kept.write(block)
    kept.seek(0)
    return cast(BinaryIO, kept)
