"""The bytes of a registry hive as Windows would see them: the file, and over it the pages that its transaction logs hold.

Windows 8.1 and later append entries (``HvLE``) with a number, a checksum and whole pages; Windows before that writes one set of
512-byte pages behind a bitmap (``DIRT``). A hive whose two sequence numbers differ was not written back in full.

References: M. Suhanov, "Windows registry file format specification" (base block, log entry, Marvin32); checked against public
hives and logs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

BASE = 4096
"""Bytes of the base block; cells are counted from behind it."""
PAGE = 4096
SECTOR = 512
LOG_LIMIT = 64 << 20
"""Bytes of one transaction log that are read; Windows starts a new one far below that."""
CELLS_LIMIT = 1_000_000
"""Cells of one hive that are read: about 15 seconds."""
_CACHED = 2048
"""Pages kept in memory: 8 MiB."""
_SEED = 0x82EF4D887A4E55C5
_WORD = 0xFFFFFFFF


class HiveError(ValueError):
    """A structure of the hive is not what it has to be."""


class HiveLimitError(Exception):
    """More cells were asked for than any real hive makes necessary."""


class Pages:
    """Reads anywhere in a hive. Raises ``HiveError`` for places outside of it, ``HiveLimitError``, and ``OSError`` when
    the stream does."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = CELLS_LIMIT
        self._cache: dict[int, bytes] = {}
        self._over: dict[int, bytes] = {}
        """Sector number → its bytes from a transaction log."""
        base = self._file_page(0)
        if len(base) < SECTOR or base[:4] != b"regf":
            raise HiveError
        self.primary: int
        self.secondary: int
        self.primary, self.secondary = struct.unpack_from("<II", base, 4)
        (self.root,) = struct.unpack_from("<I", base, 36)
        self.name = base[48:112].decode("utf-16-le", "replace").split("\0", 1)[0]
        self.sound: bool = checksum(base) == struct.unpack_from("<I", base, 508)[0]
        """Is the base block's own checksum right?"""

    @property
    def dirty(self) -> bool:
        return self.primary != self.secondary

    def cell(self, offset: int, least: int = 0) -> bytes:
        """The content of a cell in use, at most 64 KiB. Raises ``HiveError`` if it is no such cell or too short."""
        self._left -= 1
        if self._left < 0:
            raise HiveLimitError
        (size,) = struct.unpack("<i", self._bytes(offset, 4))
        length = -size - 4
        if length < max(least, 1):
            raise HiveError
        return self._bytes(offset + 4, min(length, 1 << 16))

    def _bytes(self, offset: int, size: int) -> bytes:
        start = BASE + offset
        parts = [self._page(n) for n in range(start // PAGE, (start + size - 1) // PAGE + 1)]
        data = b"".join(parts)[start % PAGE : start % PAGE + size]
        if len(data) != size:
            raise HiveError
        return data

    def _page(self, number: int) -> bytes:
        page = self._cache.get(number)
        if page is None:
            page = self._file_page(number)
            first = number * (PAGE // SECTOR)
            over = [(i, self._over[first + i]) for i in range(PAGE // SECTOR) if first + i in self._over]
            for i, sector in over:
                page = page[: i * SECTOR].ljust(i * SECTOR, b"\0") + sector + page[(i + 1) * SECTOR :]
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            self._cache[number] = page
        return page

    def _file_page(self, number: int) -> bytes:
        self._stream.seek(number * PAGE)
        return self._stream.read(PAGE)

    def apply(self, logs: list[bytes]) -> int:
        """Lays the pages of the logs that follow on the hive's own state over it. Gives back how many log entries that were."""
        entries: dict[int, tuple[bytes, int, int]] = {}
        for log in logs:
            entries.update(_entries(log, self.secondary))
        wanted = sorted(number for number in entries if number >= self.secondary)
        applied = 0
        for expected, number in enumerate(wanted, wanted[0] if wanted else 0):
            if number != expected:
                break
            log, start, count = entries[number]
            self._lay(log, start, count)
            applied += 1
        for log in logs if not applied else ():
            applied += self._lay_old(log)
        self._cache.clear()
        return applied

    def _lay(self, log: bytes, start: int, count: int) -> None:
        place = start + 40 + 8 * count
        for offset, size in struct.iter_unpack("<II", log[start + 40 : place]):
            self._put(offset, log[place : place + size])
            place += size

    def _lay_old(self, log: bytes) -> int:
        """``DIRT``: one bit for each 512 bytes of the hive, then the pages whose bit is set."""
        if log[SECTOR : SECTOR + 4] != b"DIRT" or checksum(log) != struct.unpack_from("<I", log, 508)[0]:
            return 0
        primary, secondary = struct.unpack_from("<II", log, 4)
        if primary != secondary or primary < self.secondary:
            return 0
        size = struct.unpack_from("<I", log, 40)[0] // (SECTOR * 8)
        bitmap = log[SECTOR + 4 : SECTOR + 4 + size]
        place = -(-(SECTOR + 4 + size) // SECTOR) * SECTOR
        for index in range(len(bitmap) * 8):
            if bitmap[index >> 3] >> (index & 7) & 1:
                self._put(index * SECTOR, log[place : place + SECTOR])
                place += SECTOR
        return 1

    def _put(self, offset: int, data: bytes) -> None:
        for at in range(0, len(data) - SECTOR + 1, SECTOR):
            self._over[(BASE + offset + at) // SECTOR] = data[at : at + SECTOR]


def checksum(base: bytes) -> int:
    """Of the first 508 bytes, as Windows computes it."""
    total = 0
    for (word,) in struct.iter_unpack("<I", base[:508]):
        total ^= word
    return {0: 1, _WORD: _WORD - 1}.get(total, total)


def _entries(log: bytes, since: int) -> Iterator[tuple[int, tuple[bytes, int, int]]]:
    """Number, and place and count of pages, of each whole entry of a log, one behind the other up to the first that is not.
    Entries before number ``since`` are in the hive already, and only their heads are checked."""
    start = SECTOR
    while log[start : start + 4] == b"HvLE" and start + 40 <= len(log):
        size, _, number, _, count = struct.unpack_from("<IIIII", log, start + 4)
        end = start + size
        if size < SECTOR or size % SECTOR or end > len(log) or 40 + 8 * count > size:
            return
        held = sum(length for _, length in struct.iter_unpack("<II", log[start + 40 : start + 40 + 8 * count]))
        if 40 + 8 * count + held > size:
            return
        of_data, of_head = struct.unpack_from("<QQ", log, start + 24)
        if of_head != marvin32(log[start : start + 32]):
            return
        if number >= since and of_data != marvin32(log[start + 40 : end]):
            return
        yield number, (log, start, count)
        start = end


def marvin32(data: bytes) -> int:
    """The checksum of log entries: 64 bits, with the seed that the registry uses."""
    low, high = _SEED & _WORD, _SEED >> 32
    whole = len(data) // 4 * 4
    tail = int.from_bytes(data[whole:] + b"\x80", "little")
    words = [word for (word,) in struct.iter_unpack("<I", data[:whole])]
    for word in (*words, tail, 0):
        low = (low + word) & _WORD
        high ^= low
        low = (((low << 20) | (low >> 12)) + high) & _WORD
        high = ((high << 9) | (high >> 23)) & _WORD ^ low
        low = (((low << 27) | (low >> 5)) + high) & _WORD
        high = ((high << 19) | (high >> 13)) & _WORD
    return low | high << 32
