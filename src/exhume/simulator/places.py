"""Where each log lies on the server, how its files are called and begin, and how they are written out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from exhume.simulator import rows
from exhume.simulator.desk import Desk

ROOT = "Program Files/Microsoft/Exchange Server/V15"
"""Exchange's install root on drive C."""
PAGE = 10 << 20
"""Bytes after which Exchange begins the next file of the same hour."""
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
Chunk = tuple[datetime, bytes]
"""Rows, and the time of the first."""

_EXCHANGE = {
    "httpproxy": ("HttpProxy Logs", "httpproxy", "HttpProxy/{channel}/HttpProxy_{hour}"),
    "ews": ("EWS Logs", "ews", "Ews/Ews_{hour}"),
    "rps-http": ("Rps Http Logs", "rps-http", "CmdletInfra/Powershell-Proxy/Http/Rps_Http_{hour}"),
    "rps-cmdlet": ("Rps Cmdlet Logs", "rps-cmdlet", "CmdletInfra/Powershell-Proxy/Cmdlet/Rps_Cmdlet_{hour}"),
    "mapihttp": ("MapiHttp Logs", "mapihttp", "MapiHttp/Mailbox/MapiHttp_{hour}"),
    "ecp/Server": ("ECP Server Log", "ecp", "ECP/Server/ECPServer{day}"),
    "ecp/Activity": ("ECP Activity Context Log", "ecp", "ECP/Activity/ECPActivity_4242_{day}"),
    "oab": ("OAB Generator Log", "oab", "OABGeneratorLog/OABGenerator_{day}"),
    "tracking": ("Message Tracking Log", "tracking", "../TransportRoles/Logs/MessageTracking/MSGTRKMS{hour}"),
}
"""Log → its ``#Log-type``, its columns, and its files below ``Logging``."""


def page_of(log: str, moment: datetime) -> str:
    """The file that a row of this time stands in, without the part number and extension of Exchange's logs."""
    kind, _, channel = log.partition("/")
    if kind == "iis":
        return f"C/inetpub/logs/LogFiles/{channel}/u_ex{moment:%y%m%d}.log"
    if kind == "httperr":
        return "C/Windows/System32/LogFiles/HTTPERR/httperr1.log"
    if kind == "events":
        return f"C/Windows/System32/winevt/Logs-exported/{channel.replace('/', '%4')}.xml"
    pattern = _EXCHANGE[log if kind == "ecp" else kind][2]
    path = f"C/{ROOT}/Logging/" + pattern.format(channel=channel, day=f"{moment:%Y%m%d}", hour=f"{moment:%Y%m%d%H}")
    return path.replace("/Logging/../", "/")


def header_of(desk: Desk, log: str, moment: datetime) -> bytes:
    """What a file of this log begins with."""
    kind, _, _ = log.partition("/")
    if kind in ("iis", "httperr"):
        return rows.w3c_header(kind, moment).encode()
    if kind == "events":
        return b""
    log_type, columns, _ = _EXCHANGE[log if kind == "ecp" else kind]
    version = "15.0.0.0" if kind == "ecp" else desk.padded
    plain = kind not in ("ecp", "tracking")
    return b"\xef\xbb\xbf" + rows.exchange_header(moment, log_type, version, rows.fields(columns), plain).encode()


def save_files(desk: Desk, out: Path) -> int:
    """Writes the planted files below ``out``; returns their bytes."""
    for path, (content, moment) in sorted(desk.files.items()):
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        _date(target, moment)
    return sum(len(content) for content, _ in desk.files.values())


def save_log(desk: Desk, out: Path, log: str, chunks: Iterable[Chunk]) -> int:
    """Writes one log, chunk by chunk in the order of time, one file open at a time; returns the bytes written."""
    roll = Roll(desk, out, log)
    try:
        for moment, content in chunks:
            roll.put(moment, content)
    finally:
        roll.close()
    return roll.total


@dataclass(slots=True)
class Roll:
    """One log that goes from file to file: by the hour or day, and Exchange's also by size."""

    desk: Desk
    out: Path
    log: str
    total: int = 0
    _page: str = ""
    _part: int = 1
    _written: int = 0
    _last: datetime = EARLIEST
    _file: BinaryIO | None = None

    def put(self, moment: datetime, content: bytes) -> None:
        """Rows of one minute, or less, that begin at this time."""
        name = page_of(self.log, moment)
        numbered = name[-4:] not in (".log", ".xml")
        if self._file is None or name != self._page or (numbered and self._written >= PAGE):
            self.close()
            self._part = self._part + 1 if name == self._page else 1
            self._page, self._written = name, 0
            target = self.out / (f"{name}-{self._part}.LOG" if numbered else name)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = target.open("wb")
            self._add(header_of(self.desk, self.log, moment))
        self._add(content)
        self._last = moment

    def _add(self, content: bytes) -> None:
        if self._file is not None:
            self._file.write(content)
        self._written += len(content)
        self.total += len(content)

    def close(self) -> None:
        """Ends the file; its time of change is that of its last rows."""
        if self._file is not None:
            self._file.close()
            _date(Path(self._file.name), self._last)
            self._file = None


def by_minute(written: Iterable[tuple[datetime, str]]) -> Iterator[Chunk]:
    """Rows in the order of time, those of one minute together."""
    first = minute = EARLIEST
    texts: list[str] = []
    for moment, text in sorted(written, key=_time):
        start = moment.replace(second=0, microsecond=0)
        if texts and start != minute:
            yield first, "".join(texts).encode()
            texts = []
        if not texts:
            first, minute = moment, start
        texts.append(text)
    if texts:
        yield first, "".join(texts).encode()


def _time(row: tuple[datetime, str]) -> datetime:
    return row[0]


def _date(path: Path, moment: datetime) -> None:
    stamp = moment.timestamp()
    os.utime(path, (stamp, stamp))
