"""Mitigations that the Exchange Emergency Mitigation service says in its own log (``Logging\\MitigationService``) it applied.

Sample (the end of a row)::

    …,FetchMitigation,S:LogLevel=Information;S:Message=Fetching mitigations from …

Microsoft describes the log ("fetched, parsed, and applied mitigations") but not its sentences, so a row counts only if it is
written as information, says "applied", names a mitigation by Microsoft's number and has no word of failing or undoing. The
reading is a ``hint``: events 1005 and 1006 and the URL Rewrite rule itself say it for certain.

References: learn.microsoft.com, Exchange Emergency Mitigation service; Exchange Team blog, January 2025; logs.md 10 of the
project's notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from exhume.model import File, Reading
from exhume.readers.stamps import parse_time
from exhume.readers.statements import mitigation_of

_FOLDER = re.compile(r"(?:^|/)(?:mitigationservice|mitigation_service_logs)/[^/]+$", re.IGNORECASE)
"""In the install root, and as Microsoft's log collector names it."""
_APPLIED = re.compile(r"\bapplied\b", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:not|never|no|cannot|fail\w*|block\w*|remov\w*|revert\w*|roll\w*|undo\w*|skip\w*)\b|S:LogLevel=(?!Info)",
    re.IGNORECASE,
)
_TIME = re.compile(r'"?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?)')
_LONGEST = 1 << 16
"""Bytes of one line that are looked at."""


def tells(file: File) -> bool:
    """Is it a log of that service?"""
    return bool(_FOLDER.search(file.path.replace("\\", "/")))


class Applied:
    """Hands a stream on and notes the rows that say that a mitigation was applied."""

    def __init__(self, stream: BinaryIO, file: File) -> None:
        self._stream, self._file = stream, file
        self._number = 0
        self._rest = b""
        self._found: dict[tuple[str, str], Reading] = {}

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._look(line)
        self._rest = self._rest[:_LONGEST]
        return data

    def readings(self) -> Iterator[Reading]:
        """Each mitigation once for each day."""
        self._look(self._rest)
        self._rest = b""
        yield from self._found.values()

    def _look(self, line: bytes) -> None:
        self._number += 1
        if b"pplied" not in line:
            return
        text = line[:_LONGEST].decode("utf-8", "replace").lstrip("\ufeff")
        match = _TIME.match(text)
        time = parse_time(match[1]) if match else None
        mitigation = mitigation_of(text)
        if not time or not mitigation or not _APPLIED.search(text) or _NOT.search(text):
            return
        day = time.date()
        reading = Reading("mitigation", mitigation, day, "hint", self._file.source(f"line {self._number}"))
        self._found.setdefault((mitigation, str(day)), reading)
