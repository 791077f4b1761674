"""Programs and libraries of Exchange (``ExSetup.exe``, ``Microsoft.Exchange.*.dll``): the file version in their resources.

Of a file, only the headers and the version resource are read, wherever they stand::

    MZ … PE\\0\\0 … .rsrc → directory 16 (RT_VERSION) → any name → any language → VS_VERSION_INFO … BD 04 EF FE …

The time stamp in the header is never used: anybody can write it, and reproducible builds put a hash there.

References: Microsoft, "PE Format" (The .rsrc Section) and "VS_FIXEDFILEINFO structure".
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from itertools import islice
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.model.windows import in_exchange, windows_path

KIND = "file"
VERSION_LIMIT = 64 * 1024
"""Bytes of a version resource that are read; real ones are about 1 KiB."""
ENTRIES_LIMIT = 4096
"""Entries of one resource directory, and sections of one file, that are read."""
VERSIONS_LIMIT = 8
"""Names, and languages of each, of which the version is looked at; real files have one."""
_RT_VERSION = 16
_SIGNATURE = struct.pack("<I", 0xFEEF04BD)
_SUBDIRECTORY = 0x8000_0000
_LEADER = "exsetup.exe"
_MAJORS = frozenset({14, 15})
"""First parts of Exchange's versions: 2010, and 2013 to SE. Other libraries lie in its folders too."""
_ELSEWHERE = ("/windows/installer/", "/winsxs/", "/temp/", "/setup/serverroles/")
"""Installation media and copies that Windows keeps of replaced files: what they say was so once, or never."""


class VersionError(ValueError):
    """The file is no sound PE file, or its version cannot be found."""


class Pe:
    """Reading ``build``: ``exact`` of ExSetup.exe, ``hint`` of other files of Exchange."""

    name = "pe"
    kinds: frozenset[str] = frozenset()
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        return head.startswith(b"MZ") and _of_exchange(file)

    def expects(self, file: File) -> bool:
        return file.name.lower() == _LEADER and _of_exchange(file)

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        leader = file.name.lower() == _LEADER
        try:
            version = file_version(stream)
        except VersionError:
            if leader:
                words = "Exchange's program is damaged or holds no version; the build could not be read from it"
                yield Gap(KIND, Cause.DAMAGED, words, file.source("file"))
            return []
        except OSError:
            words = "Exchange's program could be read only in part; the build could not be read from it"
            yield Gap(KIND, Cause.UNREADABLE, words, file.source("file"))
            return []
        if version[0] in _MAJORS:
            # Undated: the file's own times are those of Microsoft's package, not of its installation.
            trust = "exact" if leader else "hint"
            yield Reading("build", ".".join(map(str, version)), None, trust, file.source("file"))
        return []


def _of_exchange(file: File) -> bool:
    lowered = file.name.lower()
    place = f"/{file.windows or windows_path(file.path) or file.path}".replace("\\", "/").lower()
    if any(folder in place for folder in _ELSEWHERE):
        return False
    return lowered == _LEADER or (
        lowered.startswith("microsoft.exchange.") and lowered.endswith((".dll", ".exe")) and bool(in_exchange(place))
    )


def file_version(stream: BinaryIO) -> tuple[int, int, int, int]:
    """``dwFileVersion`` of a PE file. Raises ``VersionError``, or ``OSError`` when the stream does. Reads a few KiB only."""
    for offset, size in _version_resources(stream):
        data = _at(stream, offset, min(size, VERSION_LIMIT))
        place = data.find(_SIGNATURE)
        if place >= 0 and len(data) >= place + 16:
            high, low = struct.unpack_from("<II", data, place + 8)
            return (high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF)
    raise VersionError


def _at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _numbers(layout: str, data: bytes, offset: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error:
        raise VersionError from None


def _version_resources(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Offset in the file and size of each version resource."""
    base, sections = _resource_section(stream)
    for kind in (target for key, target in _entries(stream, base, _SUBDIRECTORY) if key == _RT_VERSION):
        for _, name in islice(_entries(stream, base, kind), VERSIONS_LIMIT):
            for _, leaf in islice(_entries(stream, base, name), VERSIONS_LIMIT):
                if not leaf & _SUBDIRECTORY:
                    address, size = _numbers("<II", _at(stream, base + leaf, 8))
                    yield _offset_of(address, sections), size
        return


def _resource_section(stream: BinaryIO) -> tuple[int, list[tuple[int, int, int]]]:
    """Where the resource directory lies in the file; and of each section its address, size and place in the file."""
    head = _at(stream, 0, 64)
    if not head.startswith(b"MZ"):
        raise VersionError
    (start,) = _numbers("<I", head, 60)
    header = _at(stream, start, 24)
    if not header.startswith(b"PE\0\0"):
        raise VersionError
    _, count, _, _, _, optional_size, _ = _numbers("<HHIIIHH", header, 4)
    optional = _at(stream, start + 24, optional_size)
    (magic,) = _numbers("<H", optional)
    address, _ = _numbers("<II", optional, 128 if magic == 0x20B else 112)
    if not address:
        raise VersionError
    table = _at(stream, start + 24 + optional_size, 40 * min(count, ENTRIES_LIMIT))
    sections = []
    for place in range(0, len(table) - 39, 40):
        virtual_size, virtual, raw_size, raw = _numbers("<IIII", table, place + 8)
        sections.append((virtual, max(virtual_size, raw_size), raw))
    return _offset_of(address, sections), sections


def _offset_of(address: int, sections: list[tuple[int, int, int]]) -> int:
    for virtual, size, raw in sections:
        if virtual <= address < virtual + size:
            return address - virtual + raw
    raise VersionError


def _entries(stream: BinaryIO, base: int, target: int) -> Iterator[tuple[int, int]]:
    """Id and target of each entry of a resource directory; nothing where the target is none."""
    if not target & _SUBDIRECTORY:
        return
    start = base + (target & ~_SUBDIRECTORY)
    named, numbered = _numbers("<HH", _at(stream, start, 16), 12)
    data = _at(stream, start + 16, 8 * min(named + numbered, ENTRIES_LIMIT))
    for place in range(0, len(data) - 7, 8):
        key, child = _numbers("<II", data, place)
        yield key, child
