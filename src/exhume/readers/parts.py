"""Lines of a block under one header, and what was found out about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exhume.model import Sieve
from exhume.readers.lines import BOM
from exhume.readers.stamps import Mask


@dataclass(slots=True)
class Part:
    """Lines of a block under one header: ``lines[start:stop]``."""

    lines: list[bytes]
    start: int
    stop: int
    number: int
    """Line number of ``lines[0]``."""
    closed: bool
    """Nothing that follows can belong to the last row."""
    unended: bool
    """The last line of the file has no newline."""
    fit: tuple[list[bytes], list[int]] | None = None
    """What ``mask`` said of all the lines."""
    mask: Mask | None = None

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.stop == len(self.lines)


class Wanted:
    """Which lines of a block become records."""

    def __init__(self, sieve: Sieve | None, data: bytes, lines: int) -> None:
        self._sieve, self._data, self._lines = sieve, data, lines
        self._kinds: dict[str, Sequence[int]] = {}

    def of(self, kind: str) -> Sequence[int]:
        """Their indices, ascending, if they are rows of this kind."""
        if kind not in self._kinds:
            self._kinds[kind] = self._found(kind)
        return self._kinds[kind]

    def _found(self, kind: str) -> Sequence[int]:
        offsets = self._sieve.candidates(self._data, kind) if self._sieve else None
        if offsets is None:
            return range(self._lines)
        found: list[int] = []
        index = place = 0
        for offset in offsets:
            start = self._data.rfind(b"\n", 0, offset) + 1
            if found and start <= place and found[-1] == index:
                continue
            index += self._data.count(b"\n", place, start)
            place = start
            found.append(index)
        return found


class Rows:
    """What was found out about the odd lines of a part."""

    def __init__(self, part: Part) -> None:
        self._lines = part.lines
        self.skipped: set[int] = set()
        """Lines that are no row of their own."""
        self.owner: dict[int, int] = {}
        """Line that goes on a row: the line the row begins in."""
        self.pieces: dict[int, list[bytes]] = {}
        """Lines that hold no row, or several, or only the beginning of one: the rows."""
        self.times: dict[int, list[datetime | None]] = {}
        self.torn: set[int] = set()

    def of(self, i: int) -> list[bytes]:
        return self.pieces[i] if i in self.pieces else [bare(self._lines[i])]


def bare(line: bytes) -> bytes:
    """Without line end and byte order mark."""
    line = line.rstrip(b"\r")
    return line.removeprefix(BOM) if line[:1] == b"\xef" else line
