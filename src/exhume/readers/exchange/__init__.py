"""All logs that Exchange writes as CSV with a ``#Software: Microsoft Exchange`` header, by one reader that goes by the header.

One row (HttpProxy, shortened)::

    2021-03-03T06:49:51.543Z,5b1c…a001,15,1,2176,2,,Ecp,mail.contoso.test,/ecp/y.js,,FBA,false,,,ServerInfo~a]@ex01…,python-requests/2.25.1,…

Times are UTC. Encoding is UTF-8 with a byte order mark. Read as well: files whose plain header line stands first, again, or
alone (rows saved by PowerShell's ``Export-Csv``, with ``,``, ``;`` or tabs).

References: logs.md 3 to 7 of the project's notes; docs/reference/records.md for the kinds.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import BinaryIO, cast

from exhume.model import File, Gap, Reading, Record, Sieve, Span
from exhume.readers.exchange import kinds
from exhume.readers.exchange.cells import split
from exhume.readers.exchange.dialect import ExchangeCsv
from exhume.readers.exchange.mitigation import Applied, tells
from exhume.readers.exchange.version import Tail
from exhume.readers.lines import BLOCK, plain
from exhume.readers.rows import LineLog, Whole

_SOFTWARE = b"#Software: Microsoft Exchange"


class Exchange:
    """Reads HttpProxy, ECP, EWS, OABGenerator, CmdletInfra, MAPI, RPC, audit and transport logs, and any other Exchange log."""

    name = "exchange"
    kinds = frozenset({log.kind for log in kinds.KNOWN} | {kinds.OTHER})
    streams = True

    def __init__(self, block: int = BLOCK, whole: Whole | None = None) -> None:
        self._block, self._whole = block, whole

    def recognises(self, head: bytes, file: File) -> bool:
        lines = plain(head).split(b"\n")
        if any(line.startswith(_SOFTWARE) for line in lines):
            return True
        first = next((line for line in lines if line.strip() and not line.startswith(b"#TYPE")), b"")
        text = first.rstrip(b"\r").decode("utf-8", "replace")
        if text.startswith("#"):
            return False
        delimiter = max(",;\t", key=text.count)
        return kinds.by_columns(tuple(cell.strip() for cell in split(text, delimiter, -1))) is not None

    def expects(self, file: File) -> bool:
        return kinds.by_path(file.path) is not None or tells(file)

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        applied = Applied(stream, file) if tells(file) else None
        dialect, tail = ExchangeCsv(file), Tail(cast(BinaryIO, applied or stream))
        spans = yield from LineLog(file, dialect, sieve, block=self._block, whole=self._whole).read(cast(BinaryIO, tail))
        yield from dialect.last(tail.lines())
        if applied:
            yield from applied.readings()
        return spans
