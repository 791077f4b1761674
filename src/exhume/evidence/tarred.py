"""Tar archives, plain or compressed. Read as a stream in order; a cursor keeps the place.

References: POSIX.1-1988 ustar and its pax extension; GNU tar's manual, "Basic Tar Format"; the Unix v7 header.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from exhume.evidence.limits import EvidenceError, Limits
from exhume.evidence.member import Listed, Lost, Member, Origin, clean
from exhume.evidence.packed import packing, unpack
from exhume.evidence.stream import GuardedStream, errors, told
from exhume.evidence.window import Window
from exhume.model.vocabulary import Cause

if TYPE_CHECKING:
    import tarfile

_BLOCK = 512
"""Bytes of a header."""


class Tar:
    """The plug for tar, tar.gz, tar.xz, tar.zst and tar.bz2."""

    def __init__(self, origin: Origin, name: str, limits: Limits) -> None:
        self._origin, self._limits = origin, limits
        with origin() as source:
            self.sequential = bool(packing(source.read(8)))
            self._size = source.seek(0, 2)
        self._tar: tarfile.TarFile | None = None
        self._next = 0
        self._current: tarfile.TarInfo | None = None
        self._taken = -1
        self._source: BinaryIO | None = None
        self._starts, self._sizes = array("Q"), array("Q")
        """Of the members of a plain tar: a million headers kept whole would fill the memory."""
        self._sparse: dict[int, tarfile.TarInfo] = {}

    @staticmethod
    def detect(head: bytes, inner: bytes) -> bool:
        return _header(inner)

    def _restart(self) -> None:
        import tarfile

        from exhume.evidence.tarheader import Header

        self._source = source = self._origin()
        if self.sequential:
            source = GuardedStream(unpack(source), self._limits, None, self._size)
        mode: Literal["r|", "r:"] = "r|" if self.sequential else "r:"
        self._tar = tarfile.open(fileobj=source, mode=mode, tarinfo=Header)  # noqa: SIM115 - the cursor
        self._next = 0
        self._taken = -1

    def _step(self) -> tarfile.TarInfo | None:
        """The next header, links and devices included. Headers already passed are forgotten."""
        assert self._tar is not None
        before = self._tar.offset
        info = self._tar.next()
        if info is not None and self._next and self._tar.offset <= before:
            raise EvidenceError("a header leads backwards", Cause.DAMAGED)
        setattr(self._tar, "members", [])  # noqa: B010 - known to tarfile, not to its stubs
        self._next += 1
        self._current = info
        return info

    def members(self) -> Iterator[Member | Listed | Lost]:
        self._starts, self._sizes = array("Q"), array("Q")
        try:
            self._restart()
            while (info := self._step()) is not None:
                if info.isreg():
                    yield self._member(info)
                elif info.isdir():
                    yield Listed(clean(info.name))
                else:
                    yield Lost(clean(info.name), Cause.SKIPPED, "a link or device in an archive; it is not followed")
        except errors() as error:
            reason = told(error)
            words = f"the archive breaks off: {reason}; what stands before the break is read"
            yield Lost("", reason.cause, words, whole=True)

    def _member(self, info: tarfile.TarInfo) -> Member:
        index = self._next - 1
        if not self.sequential:
            index = len(self._starts)
            self._starts.append(info.offset_data)
            self._sizes.append(info.size)
            if info.issparse():
                self._sparse[index] = info
        holes = getattr(info, "sparse", None)  # known to tarfile, not to its stubs
        packed = sum(size for _, size in holes) if holes is not None else None
        return Member(clean(info.name), index, info.size, _time(info.mtime), packed=packed)

    def open(self, key: int | str) -> BinaryIO:
        return self._flowing(int(key)) if self.sequential else self._direct(int(key))

    def _direct(self, index: int) -> BinaryIO:
        if not self._starts:
            list(self.members())
        if index in self._sparse:
            assert self._tar is not None
            return cast(BinaryIO, self._tar.extractfile(self._sparse[index]))
        assert self._source is not None
        return Window(self._source, self._starts[index], self._sizes[index])

    def _flowing(self, index: int) -> BinaryIO:
        if self._tar is None or index < self._next - 1 or self._taken == index:
            self._restart()
        info = self._current
        while self._next <= index:
            info = self._step()
            if info is None:
                break
        self._taken = index
        assert self._tar is not None
        stream = self._tar.extractfile(info) if info else None
        if stream is None:
            raise EvidenceError("the archive ends before this member", Cause.DAMAGED)
        return cast(BinaryIO, stream)


def _header(head: bytes) -> bool:
    """``ustar``, or (v7) no mark but a checksum that is right."""
    if head[257:262] == b"ustar":
        return True
    written = head[148:156].strip(b" \0")
    if len(head) < _BLOCK or not head[0] or not written or written.strip(b"01234567"):
        return False
    return int(written, 8) == sum(head[:148]) + 8 * 0x20 + sum(head[156:512])


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 253_402_300_800 else None
