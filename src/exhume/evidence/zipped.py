"""Zip archives, also zip64, packed with Deflate64, or without their end. Names are text, members are streamed."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, cast

from exhume.evidence.limits import EvidenceError, Limits
from exhume.evidence.member import Listed, Lost, Member, Origin, clean
from exhume.model.vocabulary import Cause

if TYPE_CHECKING:
    import zipfile

    from exhume.evidence.zipheaders import Walk

_DEFLATE, _DEFLATE64 = 8, 9
_METHODS = (0, _DEFLATE, _DEFLATE64, 12, 14)
"""Stored, deflated, Deflate64, bzip2, LZMA: what can be unpacked (APPNOTE 4.4.5)."""
_TORN = "the zip breaks off before its end; what stands before the break was read"
_DIRECTORY = 256 << 20
"""Bytes of a zip's directory, which zipfile reads as a whole: about a million members with long names."""


class _Measured(io.BufferedReader):
    """Refuses one read of more bytes than a directory needs."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__(cast(io.RawIOBase, source))

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = _DIRECTORY + 1 if size is None or size < 0 else size
        data = super().read(wanted) if wanted <= _DIRECTORY + 1 else b""
        if wanted > _DIRECTORY + 1 or len(data) > _DIRECTORY:
            raise EvidenceError("limit: its directory is larger than allowed", Cause.LIMIT)
        return data


class Zip:
    """The plug for zip archives."""

    sequential = False

    def __init__(self, origin: Origin, name: str, limits: Limits) -> None:
        self._origin, self._limits = origin, limits
        self._walk: Walk | None = None
        self._zip = _whole(origin())
        if self._zip:
            self._infos: Sequence[zipfile.ZipInfo] = self._zip.infolist()
            return
        from exhume.evidence.zipheaders import Walk

        with origin() as source:
            self._walk = Walk(source)
        self._infos = self._walk.members
        if not self._infos:
            raise EvidenceError("it has no member that could be read", Cause.DAMAGED)

    @staticmethod
    def detect(head: bytes, inner: bytes) -> bool:
        return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))

    def members(self) -> Iterator[Member | Listed | Lost]:
        overlapping = _overlapping(self._infos)
        for index, info in enumerate(self._infos):
            if info.is_dir():
                yield Listed(clean(info.filename))
                continue
            path = clean(info.filename)
            size = None if self._walk and self._walk.unsized and info is self._infos[-1] else info.file_size
            lost = self._refused(info, size or 0, index in overlapping)
            if lost:
                yield Lost(path, *lost)
            else:
                modified, created = _times(info.extra)
                yield Member(path, index, size, modified, created, info.compress_size)
        if self._walk and not self._walk.whole:
            yield Lost("", Cause.DAMAGED, _TORN, whole=True)

    def _refused(self, info: zipfile.ZipInfo, size: int, overlaps: bool) -> tuple[Cause, str] | None:
        limits = self._limits
        if info.flag_bits & 1:
            return Cause.UNREADABLE, "encrypted"
        if info.compress_type not in _METHODS:
            return Cause.UNREADABLE, "packed with a method that is not supported"
        if overlaps:
            return Cause.LIMIT, "limit: overlaps another member"
        if size > limits.max_file_bytes:
            return Cause.LIMIT, "limit: larger than the allowed size of one file"
        if size > max(limits.ratio_from_bytes, limits.max_ratio * info.compress_size):
            return Cause.LIMIT, "limit: expands beyond the allowed ratio"
        return None

    def open(self, key: int | str) -> BinaryIO:
        info = self._infos[int(key)]
        if self._zip and info.compress_type != _DEFLATE64:
            return cast(BinaryIO, self._zip.open(info))
        import zipfile

        from exhume.evidence.inflate import Inflated
        from exhume.evidence.zipheaders import begin

        source = begin(self._origin(), info)
        if info.compress_type in (_DEFLATE, _DEFLATE64):
            return cast(BinaryIO, Inflated(source, info.compress_type, info.compress_size, getattr(info, "CRC", None)))
        return cast(BinaryIO, zipfile.ZipExtFile(source, "r", info, None, True))


def _whole(source: BinaryIO) -> zipfile.ZipFile | None:
    """The zip by its directory, if it has one: what ends like a directory may be that of a zip within a torn one."""
    import zipfile

    try:
        made = zipfile.ZipFile(_Measured(source))
    except zipfile.BadZipFile:
        return None
    infos = made.infolist()
    source.seek(0)
    torn = source.read(4) == b"PK\x03\x04" and all(info.header_offset for info in infos)
    return None if torn else made


def _overlapping(infos: Sequence[zipfile.ZipInfo]) -> set[int]:
    """Indexes of members whose bytes run into the next one's: the trick of bombs whose members share one kernel."""
    order = sorted(range(len(infos)), key=lambda n: infos[n].header_offset)
    found: set[int] = set()
    for here, following in itertools.pairwise(order):
        if infos[here].header_offset + 30 + infos[here].compress_size > infos[following].header_offset:
            found.add(here)
    return found


def _times(extra: bytes) -> tuple[datetime | None, datetime | None]:
    """Modified and created in UTC from the NTFS (0x000a) or extended-timestamp (0x5455) field.

    The plain DOS time has no zone and is not used. References: PKWARE APPNOTE 4.5.5, Info-ZIP extrafld.txt.
    """
    place = 0
    modified = created = None
    while place + 4 <= len(extra):
        tag, size = (int.from_bytes(extra[place + n : place + n + 2], "little") for n in (0, 2))
        body = extra[place + 4 : place + 4 + size]
        place += 4 + size
        if tag == 0x000A and len(body) >= 32 and body[4:8] == b"\x01\x00\x18\x00":
            modified, created = (_filetime(body[n : n + 8]) for n in (8, 24))
        elif tag == 0x5455 and len(body) >= 5 and body[0] & 1 and modified is None:
            seconds = int.from_bytes(body[1:5], "little", signed=True)
            modified = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return modified, created


def _filetime(raw: bytes) -> datetime | None:
    ticks = int.from_bytes(raw, "little")
    if not 0 < ticks < 2_650_467_744_000_000_000:
        return None
    return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
