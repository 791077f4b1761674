"""One 64 KiB chunk of an EVTX file: is it sound, which records lie in it, and a copy that a parser can read safely.

The chunk's tables of shared names and templates are left out of that copy: they are only a shortcut (all of 918 real chunks
read the same without), and a damaged or hostile table that points to itself makes the parser run for ever. Record sizes are
mended where the next sound record shows how long a torn one is, so that one bad byte does not lose the rest of the chunk.

References: Joachim Metz, "Windows XML Event Log (EVTX)" (libevtx documentation); python-evtx.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from functools import cache

HEADER = 4096
"""Bytes of the file header's block."""
SIZE = 65536
"""Bytes of a chunk."""
FIRST = 512
"""Where the first record of a chunk starts."""
MAGIC = b"ElfChnk\0"
FILE_MAGIC = b"ElfFile\0"

_NUMBERS = struct.Struct("<QQQQIII")
_RECORD = struct.Struct("<IIQ")
_SIZE = struct.Struct("<I")
_SIGNATURE = 0x2A2A
_MARK = b"**\0\0"
_LEAST = 28
"""Bytes of a record without content."""
_ANY = 2**64 - 1


@dataclass(slots=True)
class Chunk:
    """What was found in one chunk."""

    copy: bytes
    """Header and records, mended; empty when no record was found."""
    numbers: list[int]
    """Record numbers in the order of the chunk, of the sound records."""
    records: int
    """Records that lie or lay in it, torn ones included."""
    header_sound: bool
    records_sound: bool
    named: tuple[int, int] | None = None
    """First and last record number as a sound header gives them."""

    @property
    def sound(self) -> bool:
        return self.header_sound and self.records_sound

    @property
    def expected(self) -> int:
        """Records that should come out of it, as far as is known."""
        if self.named and not self.records_sound:
            return max(self.records, self.named[1] - self.named[0] + 1)
        return self.records


@dataclass(slots=True)
class _Chain:
    sound: list[tuple[int, int, int]] = field(default_factory=list)
    """Offset, size, number."""
    torn: list[tuple[int, int]] = field(default_factory=list)
    """Offset, size up to the next sound record."""
    end: int = FIRST
    straight: bool = False
    """One record follows on the other: there is nothing to mend."""


@cache
def file_header() -> bytes:
    """A file header for one chunk."""
    head = bytearray(HEADER)
    head[:8] = FILE_MAGIC
    struct.pack_into("<QQQIHHHH", head, 8, 0, 0, 2, 128, 1, 3, HEADER, 1)
    _SIZE.pack_into(head, 124, zlib.crc32(head[:120]))
    return bytes(head)


def inspect(block: bytes) -> Chunk:
    """What lies in a chunk of at most ``SIZE`` bytes, whether or not its header can be trusted."""
    if len(block) < FIRST:
        return Chunk(b"", [], 0, False, False)
    magic = block[:8] == MAGIC
    first, last, *_ids, _size, _last_offset, free = _NUMBERS.unpack_from(block, 8)
    header_sound = magic and _SIZE.unpack_from(block, 124)[0] == zlib.crc32(block[128:FIRST], zlib.crc32(block[:120]))
    header_sound = header_sound and FIRST <= free <= SIZE
    whole = header_sound and free <= len(block)
    records_sound = whole and (free == FIRST or _SIZE.unpack_from(block, 52)[0] == zlib.crc32(block[FIRST:free]))
    chain = (_straight(block, free) if records_sound else None) or _walk(block, free if header_sound else len(block))
    count = len(chain.sound) + len(chain.torn) if header_sound or chain.sound else 0
    named = (first, last) if header_sound and free > FIRST and 0 <= last - first < SIZE // _LEAST else None
    numbers = [number for _, _, number in chain.sound]
    copy = _mended(block, chain) if count else b""
    return Chunk(copy, numbers, count, header_sound, records_sound, named)


def _straight(block: bytes, free: int) -> _Chain | None:
    """The records of a sound chunk when one follows on the other without fault, which is the common case."""
    sound: list[tuple[int, int, int]] = []
    offset, number, unpack, unpack_size = FIRST, 0, _RECORD.unpack_from, _SIZE.unpack_from
    while offset + _LEAST <= free:
        signature, size, number = unpack(block, offset)
        if signature != _SIGNATURE or size < _LEAST or offset + size > free or unpack_size(block, offset + size - 4)[0] != size:
            return None
        sound.append((offset, size, number))
        offset += size
    following = _record(block, offset)
    if offset != free or not sound or (following and following[1] == number + 1):
        return None
    return _Chain(sound, [], free, straight=True)


def starts(block: bytes) -> bool:
    """Does a whole record lie where the first one of a chunk belongs?"""
    return _record(block, FIRST) is not None


def _record(block: bytes, offset: int) -> tuple[int, int] | None:
    """Size and number of the record at ``offset``, when one lies there whole."""
    if offset + _LEAST > len(block):
        return None
    signature, size, number = _RECORD.unpack_from(block, offset)
    if signature != _SIGNATURE or size < _LEAST or offset + size > len(block):
        return None
    return (size, number) if _SIZE.unpack_from(block, offset + size - 4)[0] == size else None


def _walk(block: bytes, free: int) -> _Chain:
    """The records from the first on. Those behind ``free`` count only while their numbers go on: the file was copied while
    Windows was writing; others are left-overs of an older use of the chunk."""
    chain = _Chain()
    offset = FIRST
    while offset + _LEAST <= len(block):
        found = _record(block, offset)
        if found:
            size, number = found
            if offset >= free and not (chain.sound and number == chain.sound[-1][2] + 1):
                break
            chain.sound.append((offset, size, number))
            offset = chain.end = offset + size
            continue
        if offset >= free or not block[offset : min(free, len(block))].strip(b"\0"):
            break
        following = _next(block, offset + 1, free)
        if following is None and free >= len(block) and chain.sound:
            break  # the end of the records is not known: what follows may be left-overs
        stop = following if following is not None else min(free, len(block))
        if stop - offset >= _LEAST:
            chain.torn.append((offset, stop - offset))
            chain.end = stop
        elif chain.sound and following is not None and sum(chain.sound[-1][:2]) == offset:
            place, size, number = chain.sound[-1]
            chain.sound[-1] = (place, size + stop - offset, number)
        if following is None:
            break
        offset = following
    return chain


def _next(block: bytes, offset: int, free: int) -> int | None:
    while True:
        offset = block.find(_MARK, offset, free)
        if offset < 0:
            return None
        if _record(block, offset):
            return offset
        offset += 1


def _mended(block: bytes, chain: _Chain) -> bytes:
    """A chunk of full size with a header of our own and record sizes that lead from one record to the next."""
    numbers = [chain.sound[0][2], chain.sound[-1][2]] if chain.sound else [1]
    last = max(place for place, *_ in (*chain.sound[-1:], *chain.torn[-1:]))
    head = bytearray(FIRST)
    head[:8] = MAGIC
    # The last number is one that never comes: the parser stops at it, and numbers may repeat in a damaged chunk.
    _NUMBERS.pack_into(head, 8, numbers[0], numbers[-1], numbers[0], _ANY, 128, last, chain.end)
    whole = b"".join((head, memoryview(block)[FIRST : chain.end], bytes(SIZE - chain.end)))
    if chain.straight:
        return whole
    copy = bytearray(whole)
    for place, size, number in (*chain.sound, *((place, size, numbers[0]) for place, size in chain.torn)):
        _RECORD.pack_into(copy, place, _SIGNATURE, size, number)
        _SIZE.pack_into(copy, place + size - 4, size)
    return bytes(copy)
