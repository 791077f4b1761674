"""The build that a log says it was written by: a history of the cumulative update, day by day.

``#Version: 15.01.2176.002`` in the header, ``15,1,2176,2`` in the version columns, ``S:BLD=15.1.2176.2`` in ECP logs. Asked
are the first row after a header and the last row of the file: a server begins a new file each hour or day, and a set-up that
changes the build restarts everything that writes; only files that somebody merged hold more than one build.

References: reading-a-build.md of the project's notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from exhume.model import File, Reading

COLUMNS = ("MajorVersion", "MinorVersion", "BuildVersion", "RevisionVersion")
_BUILD = re.compile(r"0*(\d{1,2})\.0*(\d{1,2})\.0*(\d{1,5})\.0*(\d{1,5})", re.ASCII)
_KEPT = 1 << 16
"""Bytes of the file's end in which the last row is sought."""
_TRIED = 8
"""Lines from the end that are tried."""


def build_of(text: str) -> str:
    """``15.01.2375.007`` as ``15.1.2375.7``; empty text for what is no build."""
    match = _BUILD.fullmatch(text.strip())
    return ".".join(match.groups()) if match else ""


class Versions:
    """What one file has told so far: each build once for each day."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._stated: dict[str, int] = {}
        """Build in a header → its first line; the headers that no row has followed yet."""
        self._told: set[tuple[str, date | None]] = set()

    def header(self, text: str, number: int) -> None:
        if build_of(text):
            self._stated.setdefault(build_of(text), number)

    def stated(self, day: date | None) -> Iterator[Reading]:
        """The builds of the headers that were written on this day."""
        for build, number in self._stated.items():
            yield from self.tell(build, day, f"line {number}")
        self._stated.clear()

    def tell(self, text: str, day: date | None, at: str) -> Iterator[Reading]:
        build = build_of(text)
        if build and (build, day) not in self._told:
            self._told.add((build, day))
            yield Reading("build", build, day, "cu", self._file.source(at))


class Tail:
    """Hands a stream on and keeps its last bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end = b""
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._size += len(data)
        self._end = data[-_KEPT:] if len(data) >= _KEPT else (self._end + data)[-_KEPT:]
        return data

    def lines(self) -> Iterator[tuple[bytes, str]]:
        """The last whole lines, from the end, each with its place; nothing for text that is not of one byte a character."""
        start = self._size - len(self._end)
        stop = len(self._end)
        for _ in range(_TRIED):
            begin = self._end.rfind(b"\n", 0, stop) + 1
            if not begin and start:
                return
            line = self._end[begin:stop].rstrip(b"\r")
            if line and b"\0" not in line:
                yield line, f"byte {start + begin}"
            if not begin:
                return
            stop = begin - 1
