"""Tar archives, plain or compressed. Read as a stream in order; a cursor keeps the place."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

from exhume.evidence.limits import EvidenceError, Limits
from exhume.evidence.member import Lost, Member, Origin, clean
from exhume.evidence.packed import packing, unpack
from exhume.evidence.stream import ERRORS, told
from exhume.model.vocabulary import Cause


class Tar:
    """The plug for tar, tar.gz, tar.xz, tar.zst and tar.bz2."""

    def __init__(self, origin: Origin, name: str, limits: Limits) -> None:
        self._origin = origin
        with origin() as source:
            self.sequential = bool(packing(source.read(8)))
        self._tar: tarfile.TarFile | None = None
        self._next = 0
        self._infos: list[tarfile.TarInfo] = []
        self._current: tarfile.TarInfo | None = None
        self._taken = -1

    @staticmethod
    def detect(head: bytes) -> bool:
        return head[257:262] == b"ustar"

    def _restart(self) -> None:
        source = unpack(self._origin())
        self._tar = tarfile.open(fileobj=source, mode="r|" if self.sequential else "r:")  # noqa: SIM115 - the cursor
        self._next = 0
        self._taken = -1

    def _step(self) -> tarfile.TarInfo | None:
        """The next header, links and devices included. Headers already passed are forgotten."""
        assert self._tar is not None
        info = self._tar.next()
        setattr(self._tar, "members", [])  # noqa: B010 - known to tarfile, not to its stubs
        self._next += 1
        self._current = info
        return info

    def members(self) -> Iterator[Member | Lost]:
        try:
            self._restart()
            while (info := self._step()) is not None:
                index = self._next - 1
                if info.isreg():
                    if not self.sequential:
                        self._infos.append(info)
                        index = len(self._infos) - 1
                    yield Member(clean(info.name), index, info.size, _time(info.mtime))
                elif not info.isdir():
                    yield Lost(clean(info.name), Cause.SKIPPED, "a link or device in an archive; it is not followed")
        except ERRORS as error:
            told_error = told(error)
            yield Lost("", told_error.cause, f"the archive breaks off: {told_error}; what stands before the break is read")

    def open(self, key: int | str) -> BinaryIO:
        index = int(key)
        if not self.sequential:
            if not self._infos:
                list(self.members())
            info: tarfile.TarInfo | None = self._infos[index]
        else:
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


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 253_402_300_800 else None
