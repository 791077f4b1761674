"""HTTPERR logs: requests that Windows' HTTP driver refused before IIS could log them.

One row::

    2021-03-03 06:50:01 203.0.113.50 51234 192.0.2.10 443 HTTP/1.1 GET /ecp/x.js - 503 1 AppOffline MSExchangeECPAppPool

References: logs.md 2 of the project's notes. A pool stopped by a mitigation shows here as ``AppOffline``.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import BinaryIO

from exhume.model import File, Gap, Reading, Record, Sieve, Span
from exhume.readers.lines import BLOCK, plain
from exhume.readers.rows import LineLog, Whole
from exhume.readers.w3c import W3c

KIND = "iis.httperr"
_SOFTWARE = b"#Software: Microsoft HTTP API"
_NAME = re.compile(r"(?:^|/)httperr\d*\.log$", re.IGNORECASE)


class HttpErr:
    """Reads ``httperr1.log`` and its like."""

    name = "httperr"
    kinds = frozenset({KIND})
    streams = True

    def __init__(self, block: int = BLOCK, whole: Whole | None = None) -> None:
        self._block, self._whole = block, whole

    def recognises(self, head: bytes, file: File) -> bool:
        lines = plain(head).split(b"\n")
        return lines[0].startswith(b"#") and any(
            line.startswith(_SOFTWARE) or (line.startswith(b"#Fields:") and b" s-reason" in line) for line in lines
        )

    def expects(self, file: File) -> bool:
        return bool(_NAME.search(file.path.replace("\\", "/")))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        dialect = W3c(file, KIND, lambda cells: (), lambda file, row: "HTTPERR")
        return (yield from LineLog(file, dialect, sieve, block=self._block, whole=self._whole).read(stream))
