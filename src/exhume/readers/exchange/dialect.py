"""The state of one Exchange log being read: its header, its kind, whose it is, and what its rows say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.model.flow import Value
from exhume.readers.dialect import Identity, Layout, Look
from exhume.readers.exchange import kinds
from exhume.readers.exchange.cells import goes_on, split
from exhume.readers.exchange.pairs import unpack
from exhume.readers.exchange.version import COLUMNS, Versions
from exhume.readers.lines import BOM
from exhume.readers.stamps import Mask, parse_time
from exhume.readers.urls import decoded_url

NO_HEADER = "The first rows stand before any header; their cells could not be named for certain"
_TIMES = ("DateTime", "TimeStamp", "Timestamp", "date-time")
_FIRSTS = tuple(f"{quote}{name}{quote}".encode() for name in _TIMES for quote in ("", '"'))
_SERVERS = ("serverhostname", "servername", "server")
_COMMENT = re.compile(r"#([A-Za-z-]+)(?::|\s|\Z)")
_LEADING = re.compile(r'"?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)')
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_ANYTHING = (b"",)
_MARKS = (b"#", BOM, b"\0")
_HEADS = (*_MARKS, *_FIRSTS)
_SEEK = 200
"""Lines among which the header is sought before a file counts as without one."""
_ECP = ("TimeStamp", "ServerName", "EventId", "EventData")


class ExchangeCsv:
    """One Exchange log being read (a ``rows.Dialect``)."""

    def __init__(self, file: File) -> None:
        self.file = file
        self._log = kinds.by_path(file.path)
        self._typed = False
        self._protocol = kinds.protocol_of(file.path)
        self.layout: Layout | None = None
        self.mask: Mask | None = None
        self.heads: tuple[bytes, ...] = _ANYTHING
        self.tokens: tuple[bytes, ...] = ()
        self.loose = False
        self._delimiter = ","
        self._time_at: int | None = None
        self._server_at: int | None = None
        self._protocol_at: int | None = None
        self._server = self._channel = ""
        self._headless = self._sought = 0
        self._date: date | None = None
        self._versions = Versions(file)
        if self._free:
            self.heads = _MARKS

    @property
    def kind(self) -> str:
        return self._log.kind if self._log else kinds.OTHER

    @property
    def _free(self) -> bool:
        """Free text: rows need not fit a header."""
        return self._log is kinds.OAB

    # headers

    def head(self, line: bytes, number: int) -> bool:
        text = line.removeprefix(BOM).decode("utf-8", "backslashreplace")
        if text.startswith("#"):
            return self._comment(text, number)
        taken = self._plain(text)
        if not taken and self.layout is None and text.strip():
            self._headless = self._headless or number
            self._sought += 1
            if self._sought == _SEEK:
                self.heads = _HEADS
        return taken

    def _plain(self, text: str) -> bool:
        """A header without ``#``."""
        delimiter = max(",;\t", key=text.count)
        cells = tuple(cell.strip() for cell in split(text, delimiter, -1))
        if self.layout and cells == self.layout.names:
            return True
        log = kinds.by_columns(cells)
        if log is None and not (len(cells) > 1 and cells[0] in _TIMES and self.layout is None):
            return False
        if self._log is None:
            self._log = log
        self._use(cells, delimiter)
        return True

    def _comment(self, text: str, number: int) -> bool:
        match = _COMMENT.match(text)
        if not match:
            return False
        word, rest = match[1].lower(), text[match.end() :].strip()
        if word == "fields":
            self._use(tuple(name.strip() for name in rest.split(",")), ",")
        elif word == "log-type":
            self._log, self._typed = kinds.by_type(rest), True
            if self._free:
                self.heads = _MARKS
        elif word == "date":
            time = parse_time(rest)
            self._date = time.date() if time else None
        elif word == "version":
            self._versions.header(rest, number)
        return True

    def _use(self, names: tuple[str, ...], delimiter: str) -> None:
        if self.layout and self.layout.names == names and self._delimiter == delimiter:
            return
        lowered = [name.lower() for name in names]
        self._delimiter = delimiter
        answers = self.kind != kinds.HTTPPROXY.kind or "httpstatus" in lowered
        self.layout = Layout(names, delimiter.encode(), quoted=True, lacks=() if answers else ("HttpStatus",))
        self.mask = None
        self.heads = _HEADS
        times = [i for i, name in enumerate(lowered) if name in ("datetime", "timestamp", "date-time")]
        times += [i for i, name in enumerate(lowered) if "time" in name]
        self._time_at = times[0] if times else None
        self._server_at = next((lowered.index(name) for name in _SERVERS if name in lowered), None)
        column = "protocol" if not self._protocol and self.kind == kinds.HTTPPROXY.kind else ""
        self._protocol_at = lowered.index(column) if column in lowered else None

    # shape

    def learn(self, lines: Sequence[bytes]) -> None:
        if self.layout is None or self._time_at != 0 or self._free:
            return
        for line in lines:
            quote = b'"' if line.startswith(b'"') else b""
            mask = Mask.of(line, len(quote), quote + self.layout.delimiter)
            if mask:
                self.mask = mask
                return

    def look(self, lines: Sequence[bytes], at: int, stop: int) -> Look:
        text = lines[at].rstrip(b"\r").decode("utf-8", "backslashreplace")
        if self.layout is None and not self._free and self.kind in (kinds.ECP_SERVER.kind, kinds.ECP_ACTIVITY.kind):
            self._use(_ECP, ",")
        if self.layout is None or self._free:
            match = _LEADING.match(text)
            time = parse_time(match[1]) if match else None
            return Look(time, torn=not self._free, timeless=self._free)
        going = Look()
        expected = len(self.layout.names)
        if '"' in text and (self._time_at != 0 or _LEADING.match(text)):
            going = goes_on(lines, at, stop, self._delimiter, expected)
            if going.ends:
                text = b"\n".join(lines[at : at + going.ends + 1]).decode("utf-8", "backslashreplace")
        cells = split(text, self._delimiter, expected)
        return replace(going, time=self._time(cells), torn=len(cells) != expected)

    def _time(self, cells: Sequence[str]) -> datetime | None:
        at = self._time_at
        return parse_time(cells[at]) if at is not None and at < len(cells) else None

    # whose row it is

    def begin(self, row: bytes, number: int, time: datetime | None) -> Iterator[Reading]:
        day = time.date() if time else None
        if self.layout is None:
            return
        cells = self._cells(row)
        if (
            self.kind == kinds.ECP_SERVER.kind
            and not self._typed
            and self._named(cells).get("EventId") in ("Request", "GlobalActivity")
        ):
            self._log = kinds.ECP_ACTIVITY
        yield from self._stated_builds(day)
        yield from self._builds(self._named(cells), day, f"line {number}")
        self._place(row, cells)

    def _place(self, row: bytes, cells: Sequence[str]) -> None:
        """Learns how rows of the file's own server and protocol look."""
        self._server = _host(_at(cells, self._server_at))
        self._channel = self._protocol or kinds.protocol_name(_at(cells, self._protocol_at))
        tokens: list[bytes] = []
        for at in (self._server_at, self._protocol_at):
            if at is None:
                continue
            raw = _at(cells, at)
            quote = '"' if f'"{raw}"'.encode() in row else ""
            token = f"{self._delimiter}{quote}{raw}{quote}{self._delimiter}".encode()
            if not raw or token not in row:
                self.loose = True
                return
            tokens.append(token)
        self.tokens = tuple(tokens)

    def identity(self, row: bytes) -> Identity:
        fixed = self._log.channel if self._log else ""
        if not row or self.layout is None or (self._server_at is None and self._protocol_at is None):
            return (self.kind, fixed or self._channel, self._server)
        cells = self._first_cells(row)
        server = _host(_at(cells, self._server_at)) or self._server
        protocol = kinds.protocol_name(_at(cells, self._protocol_at)) or self._channel
        return (self.kind, fixed or protocol, server)

    def _first_cells(self, row: bytes) -> list[str]:
        """Cells up to the last that tells whose the row is: merged exports ask this of every row."""
        last = max(at for at in (self._server_at, self._protocol_at) if at is not None)
        parts = row.split(self._delimiter.encode(), last + 1)
        if len(parts) < last + 2 or any(b'"' in part for part in parts[: last + 1]):
            return self._cells(row)
        return [part.decode("utf-8", "backslashreplace") for part in parts[: last + 1]]

    # rows

    def record(self, row: bytes, number: int) -> Record:
        cells = self._cells(row)
        named = self._named(cells)
        fields: dict[str, Value] = {name: cell for name, cell in named.items() if cell != ""}
        kind, time = self.kind, self._time(cells)
        if self.layout is None or self._free:
            text = row.decode("utf-8", "backslashreplace")
            fields["Message" if self._free else "line"] = text
            match = _LEADING.match(text)
            time = parse_time(match[1]) if match else None
        if kind in (kinds.ECP_SERVER.kind, kinds.ECP_ACTIVITY.kind):
            pairs = unpack(named.get("EventData", ""))
            fields.update(pairs)
            if pairs.get("S:URL"):
                fields["url"] = decoded_url(_ORIGIN.sub("", pairs["S:URL"], count=1))
        elif kind in (kinds.HTTPPROXY.kind, kinds.RPS_HTTP.kind) and named.get("UrlStem"):
            fields["url"] = decoded_url(named["UrlStem"], named.get("UrlQuery", ""))
        _, channel, _ = self.identity(row)
        return Record(kind, time, fields, self.file.source(f"line {number}"), channel, _host(_at(cells, self._server_at)))

    def _cells(self, row: bytes) -> list[str]:
        text = row.decode("utf-8", "backslashreplace")
        if self.layout is None:
            return []
        expected = len(self.layout.names)
        cells = split(text, self._delimiter, expected)
        if len(cells) > expected:
            cells = [*cells[: expected - 1], self._delimiter.join(cells[expected - 1 :])]
        return cells

    def _named(self, cells: Sequence[str]) -> dict[str, str]:
        """By name; of columns with the same name the first, and without those that have none (Exchange 2013 has one)."""
        names = self.layout.names if self.layout else ()
        named: dict[str, str] = {}
        for name, cell in zip(names, cells, strict=False):
            if name:
                named.setdefault(name, cell)
        return named

    # what the log says of the server

    def _builds(self, fields: Mapping[str, str], day: date | None, at: str) -> Iterator[Reading]:
        yield from self._versions.tell(".".join(fields.get(c, "") for c in COLUMNS), day, at)
        if self.kind in (kinds.ECP_SERVER.kind, kinds.ECP_ACTIVITY.kind):
            pairs = unpack(fields.get("EventData", ""))
            yield from self._versions.tell(pairs.get("S:BLD") or pairs.get("S:Bld") or "", day, at)

    def _stated_builds(self, day: date | None) -> Iterator[Reading]:
        """Of ``#Version:``, which is the product's build only in these two logs (ECP logs say 15.0.0.0)."""
        if self.kind in (kinds.HTTPPROXY.kind, kinds.EWS.kind):
            yield from self._versions.stated(self._date or day)

    def last(self, lines: Iterable[tuple[bytes, str]]) -> Iterator[Reading]:
        """What the last whole row says; ``lines`` come from the end of the file."""
        if self.layout is None or self._free:
            return
        for line, at in lines:
            cells = split(line.decode("utf-8", "backslashreplace"), self._delimiter, len(self.layout.names))
            time = self._time(cells)
            if time and len(cells) == len(self.layout.names):
                yield from self._builds(self._named(cells), time.date(), at)
                return

    def end(self) -> Iterator[Gap | Reading]:
        yield from self._stated_builds(None)
        if self._headless:
            source = self.file.source(f"line {self._headless}")
            yield Gap(self.kind, Cause.DAMAGED, NO_HEADER, source, channel=self._channel, server=self._server)


def _at(cells: Sequence[str], at: int | None) -> str:
    return cells[at] if at is not None and at < len(cells) else ""


def _host(name: str) -> str:
    return name.strip().partition(".")[0].upper()
