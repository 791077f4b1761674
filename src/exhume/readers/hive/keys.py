"""Keys and values of a registry hive. What is damaged is counted and passed over.

References: M. Suhanov, "Windows registry file format specification" (key node, key value, subkeys list).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from exhume.readers.hive.pages import HiveError, Pages

SUBKEYS_LIMIT = 20_000
"""Sub-keys of one key that are looked at; the fullest keys of a server have a few thousand."""
VALUES_LIMIT = 4096
_TEXT = (1, 2, 6)
"""REG_SZ, REG_EXPAND_SZ, REG_LINK."""
_NUMBER = 4
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_NONE = 0xFFFFFFFF


class Key:
    """One key. Raises ``HiveError`` when it is none."""

    def __init__(self, hive: Hive, offset: int) -> None:
        self.hive, self.offset = hive, offset
        cell = hive.pages.cell(offset, 77)
        if cell[:2] != b"nk":
            raise HiveError
        flags, stamp = struct.unpack_from("<HQ", cell, 2)
        self._subkeys, _, self._list = struct.unpack_from("<III", cell, 20)
        self._values, self._value_list = struct.unpack_from("<II", cell, 36)
        (length,) = struct.unpack_from("<H", cell, 72)
        self.name = cell[76 : 76 + length].decode("latin-1" if flags & 0x20 else "utf-16-le", "replace")
        self.written = _time(stamp)
        """Last time a value or sub-key was added, removed or set; ``None`` for impossible times."""

    def subkeys(self) -> Iterator[Key]:
        """The sub-keys that can be read."""
        if not self._subkeys or self._list == _NONE:
            return
        told = 0
        for offset in self.hive.offsets(self._list):
            told += 1
            try:
                key = Key(self.hive, offset)
            except HiveError:
                self.hive.broken += 1
                continue
            yield key
        if told < min(self._subkeys, SUBKEYS_LIMIT):
            self.hive.broken += 1

    def subkey(self, name: str) -> Key | None:
        return next((key for key in self.subkeys() if key.name.lower() == name.lower()), None)

    def find(self, path: str) -> Key | None:
        """The key below this one, or ``None``. ``path`` with ``\\``, any letter case."""
        key: Key | None = self
        for name in path.split("\\"):
            key = key.subkey(name) if key else None
        return key

    def values(self) -> dict[str, str | int]:
        """Texts and numbers by name in lower case; other kinds are left out."""
        found: dict[str, str | int] = {}
        for offset in self._offsets():
            try:
                named = self._value(offset)
            except HiveError:
                self.hive.broken += 1
                continue
            if named:
                found.setdefault(*named)
        return found

    def binary(self, name: str) -> bytes:
        """The bytes of the value of this name (in lower case), of whatever kind, at most 64 KiB; nothing when it is not there
        or cannot be read."""
        for offset in self._offsets():
            try:
                cell = self.hive.pages.cell(offset, 20)
                if cell[:2] == b"vk" and _name(cell) == name:
                    return self._data(cell)
            except HiveError:
                continue  # counted by ``values``
        return b""

    def _offsets(self) -> Iterator[int]:
        """Where the values lie."""
        if not self._values or self._value_list == _NONE:
            return
        try:
            cell = self.hive.pages.cell(self._value_list)
        except HiveError:
            self.hive.broken += 1
            return
        count = min(self._values, VALUES_LIMIT, len(cell) // 4)
        for (offset,) in struct.iter_unpack("<I", cell[: 4 * count]):
            yield offset

    def _data(self, cell: bytes) -> bytes:
        size, data_offset = struct.unpack_from("<II", cell, 4)
        return cell[8:12][: size & 7] if size & 0x8000_0000 else self.hive.pages.cell(data_offset)[:size]

    def _value(self, offset: int) -> tuple[str, str | int] | None:
        cell = self.hive.pages.cell(offset, 20)
        (kind,) = struct.unpack_from("<I", cell, 12)
        if cell[:2] != b"vk":
            raise HiveError
        if kind not in (*_TEXT, _NUMBER):
            return None
        name = _name(cell)
        data = self._data(cell)
        if kind == _NUMBER:
            return (name, int.from_bytes(data[:4], "little")) if len(data) >= 4 else None
        return name, data[: len(data) // 2 * 2].decode("utf-16-le", "replace").split("\0", 1)[0]


class Hive:
    """A hive. Raises ``HiveError`` when there is no root key to start from."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.broken = 0
        """Keys, values and lists that could not be read."""
        self.root = Key(self, pages.root)

    def offsets(self, place: int, depth: int = 0) -> Iterator[int]:
        """Where the sub-keys of a list lie, ``SUBKEYS_LIMIT`` at most."""
        left = SUBKEYS_LIMIT
        try:
            cell = self.pages.cell(place, 4)
            kind, count = cell[:2], struct.unpack_from("<H", cell, 2)[0]
            width = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}.get(kind)
            if width is None or (kind == b"ri" and depth):
                raise HiveError
        except HiveError:
            self.broken += 1
            return
        for at in range(4, min(4 + width * count, len(cell) - 3), width):
            (offset,) = struct.unpack_from("<I", cell, at)
            for found in self.offsets(offset, depth + 1) if kind == b"ri" else (offset,):
                yield found
                left -= 1
                if not left:
                    return


def _name(cell: bytes) -> str:
    """The name of a value, in lower case."""
    length, flags = struct.unpack_from("<H", cell, 2)[0], struct.unpack_from("<H", cell, 16)[0]
    return cell[20 : 20 + length].decode("latin-1" if flags & 1 else "utf-16-le", "replace").lower()


def _time(stamp: int) -> datetime | None:
    try:
        time = _EPOCH + timedelta(microseconds=stamp // 10)
    except OverflowError:
        return None
    return time if time >= _EARLIEST else None
