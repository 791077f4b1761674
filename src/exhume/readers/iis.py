"""IIS access logs in W3C form: what the web server answered, front end (``W3SVC1``) and back end (``W3SVC2``).

One row (IIS 10 with its default fields)::

    2021-03-03 06:49:42 192.0.2.10 POST /ecp/y.js - 443 - 203.0.113.50 python-requests/2.25.1 - 200 0 0 1406

Times are UTC. The header is written anew whenever the worker restarts or the fields change, before or after ``#Software:``.

References: logs.md 1 of the project's notes. IIS's own and NCSA's formats have no header and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import BinaryIO

from exhume.model import File, Gap, Reading, Record, Sieve, Span
from exhume.readers.lines import BLOCK, plain
from exhume.readers.rows import LineLog, Whole
from exhume.readers.w3c import W3c

KIND = "iis.access"
_SOFTWARE = b"#Software: Microsoft Internet Information Services"
_FOLDER = re.compile(r"(?:^|/)((?:W3|FTP|MSFTP|SMTP|NNTP)SVC\d+)/", re.IGNORECASE)
_NAME = re.compile(r"(?:^|/)(?:W3SVC\d+/(?:[^/]*)|u_(?:ex|nc)\d{4,8}(?:_x)?)\.log$", re.IGNORECASE)
_PORTS = {"80": "W3SVC1", "443": "W3SVC1", "81": "W3SVC2", "444": "W3SVC2"}
_FIRST = (
    "date", "time", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip", "cs(User-Agent)",
)  # fmt: skip
_LAST = ("sc-status", "sc-substatus", "sc-win32-status", "time-taken")

_NEEDED = ("cs-method", "cs-uri-stem|cs-uri", "cs-uri-query|cs-uri", "sc-status")
"""Columns that an administrator can switch off, and without which no request can be judged."""


class Iis:
    """Reads IIS W3C logs (IIS 6 to 10)."""

    name = "iis"
    kinds = frozenset({KIND})
    streams = True
    lined = True

    def __init__(self, block: int = BLOCK, whole: Whole | None = None) -> None:
        self._block, self._whole = block, whole

    def recognises(self, head: bytes, file: File) -> bool:
        text = plain(head)
        if not text.startswith(b"#"):
            return False
        lines = text.split(b"\n")
        if any(line.startswith(_SOFTWARE) for line in lines):
            return True
        if any(line.startswith(b"#Software:") for line in lines):
            return False
        fields = next((line for line in lines if line.startswith(b"#Fields:")), b"")
        return b" cs-method" in fields and b" c-ip" in fields and b" s-reason" not in fields

    def expects(self, file: File) -> bool:
        return bool(_NAME.search(file.path.replace("\\", "/")))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        return (yield from self._log(file, sieve).read(stream))

    def read_slice(
        self, stream: BinaryIO, file: File, sieve: Sieve | None, begin: int, end: int
    ) -> Generator[Record | Gap | Reading, None, list[Span]]:
        return (yield from self._log(file, sieve).read_slice(stream, begin, end))

    def _log(self, file: File, sieve: Sieve | None) -> LineLog:
        return LineLog(file, W3c(file, KIND, _usual, _site, _NEEDED), sieve, block=self._block, whole=self._whole)


def _usual(cells: list[str]) -> tuple[str, ...]:
    """The fields of rows whose header is lost: IIS's default set, with (8 and later) or without (7) the referrer."""
    if len(cells) < 14 or not cells[3].isalpha():
        return ()
    return _FIRST + (() if len(cells) == 14 else ("cs(Referer)",)) + _LAST


def _site(file: File, row: dict[str, str]) -> str:
    """The site: the folder's name, else what ``s-port`` says (Exchange: 80 and 443 in front, 81 and 444 behind)."""
    folder = _FOLDER.search(file.path.replace("\\", "/"))
    return folder[1].upper() if folder else _PORTS.get(row.get("s-port", ""), "")
