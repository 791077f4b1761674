"""The headers that stand before each member of a zip. They tell where its data begins, and list a zip without its directory:
that one stands at the end, and so is what a broken upload or a full disk takes first.

The headers are followed from the beginning on, up to the first that is not there. Programs that pack into a pipe (Velociraptor
among them) write a member's size only behind it: it ends where such a note tells just the size of what lies before it.

References: PKWARE APPNOTE 4.3.7 to 4.3.9, 4.5.3.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

MEMBER, _DIRECTORY, _NOTE = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
_HEADER = struct.Struct("<4s5H3I2H")
_NOTES = (struct.Struct("<3I"), struct.Struct("<I2Q"))
"""Checksum, packed and unpacked size; the second with sizes beyond 4 GB."""
_BEHIND = 0x08
"""Flag: size and checksum stand behind the member."""
_UTF8 = 0x800
_ELSEWHERE = 0xFFFFFFFF
"""For a size that stands in the extra field (zip64)."""
_BLOCK = 1 << 20
_MOST = 100_000
"""Places that look like a note and are none. In packed data there is one in every 4 GB; a million would take a second each."""


def begin(source: BinaryIO, info: zipfile.ZipInfo) -> BinaryIO:
    """The source, at the first byte of the member's data. Raises ``BadZipFile``."""
    source.seek(info.header_offset)
    raw = source.read(_HEADER.size)
    if len(raw) < _HEADER.size or not raw.startswith(MEMBER):
        raise zipfile.BadZipFile("no header before the member")
    source.seek(sum(_HEADER.unpack(raw)[-2:]), 1)
    return source


class Walk:
    """The members of a zip without directory."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._end = source.seek(0, 2)
        self._false = 0
        self.unsized = False
        """The last member goes on to where the file breaks off, and nobody knows how long it was."""
        self.whole = False
        """The directory begins behind the last member: there were no more."""
        self.members = tuple(self._walked())

    def _walked(self) -> Iterator[zipfile.ZipInfo]:
        at = len(_NOTE) if self._bytes(0, 8) == _NOTE + MEMBER else 0
        while self._bytes(at, 4) == MEMBER:
            info = self._member(at)
            if info is None:
                return
            yield info
            at = self._behind(info)
        self.whole = self._bytes(at, 4) == _DIRECTORY

    def _bytes(self, at: int, size: int) -> bytes:
        self._source.seek(at)
        return self._source.read(size)

    def _member(self, at: int) -> zipfile.ZipInfo | None:
        raw = self._bytes(at, _HEADER.size)
        if len(raw) < _HEADER.size:
            return None
        _, _, flags, method, _, _, crc, packed, size, name, extra = _HEADER.unpack(raw)
        text = self._bytes(at + _HEADER.size, name + extra)
        if len(text) < name + extra:
            return None
        info = zipfile.ZipInfo(text[:name].decode("utf-8" if flags & _UTF8 else "cp437", "replace") or "unnamed")
        info.extra, info.flag_bits, info.compress_type, info.header_offset = text[name:], flags, method, at
        if _ELSEWHERE in (packed, size):
            packed, size = _zip64(info.extra, packed, size)
        info.CRC, info.compress_size, info.file_size = crc, packed, size
        if flags & _BEHIND and not packed and not self._noted(info, at + _HEADER.size + name + extra):
            # One byte more than there is, so that its end is an error unless the packed data says that it is complete.
            self.unsized, info.compress_size, info.file_size = True, self._end - at, 1 << 62
            del info.CRC
        return info

    def _noted(self, info: zipfile.ZipInfo, start: int) -> bool:
        """Finds the note behind the member, which tells its size."""
        at, overlap = start, len(_NOTE) + _NOTES[1].size
        while self._false < _MOST and (block := self._bytes(at, _BLOCK + overlap + len(MEMBER))):
            found = block.find(_NOTE, 0, _BLOCK + len(_NOTE) - 1)
            while found >= 0 and self._false < _MOST:
                told = _note(block[found + len(_NOTE) : found + overlap + len(MEMBER)], at + found - start)
                if told:
                    info.CRC, info.compress_size, info.file_size = told
                    return True
                self._false += 1
                found = block.find(_NOTE, found + 1, _BLOCK + len(_NOTE) - 1)
            at += _BLOCK
        return False

    def _behind(self, info: zipfile.ZipInfo) -> int:
        """Where the next header should stand."""
        at = begin(self._source, info).tell() + info.compress_size
        if info.flag_bits & _BEHIND and self._bytes(at, len(_NOTE)) == _NOTE:
            ends = [at + len(_NOTE) + form.size for form in _NOTES]
            return next((end for end in ends if self._bytes(end, 4) in (MEMBER, _DIRECTORY)), ends[0])
        return at


def _note(raw: bytes, before: int) -> tuple[int, int, int] | None:
    """Checksum, packed and unpacked size, if it tells just the size of what lies before it. A short one may look like a long
    one or the other way round: what follows decides, and where nothing does, that packed bytes are not made of none."""
    fits: list[tuple[bool, bool, tuple[int, int, int]]] = []
    for form in _NOTES:
        if len(raw) >= form.size:
            crc, packed, size = form.unpack_from(raw)
            if packed == before:
                followed = raw[form.size : form.size + len(MEMBER)] in (MEMBER, _DIRECTORY)
                fits.append((followed, size > 0, (crc, packed, size)))
    return max(fits)[2] if fits else None


def _zip64(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    """The sizes that are too large for the header. What stands nowhere stays as it is."""
    place = 0
    while place + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, place)
        body = extra[place + 4 : place + 4 + length]
        if tag == 1:
            values = [value for (value,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
            size = values.pop(0) if size == _ELSEWHERE and values else size
            packed = values.pop(0) if packed == _ELSEWHERE and values else packed
        place += 4 + length
    return packed, size
