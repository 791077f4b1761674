"""Rows of W3C extended logs, as IIS and HTTP.sys write them: cells between blanks, named by the last ``#Fields:`` line.

A blank inside a value is written ``+``, in theory. In real logs cookies, user names, module-written query strings and custom
fields hold blanks, so that a row has more cells than its header has names. Then cells that can be nothing else (times,
addresses, methods, status numbers) are held fast, and the text between them takes up the surplus.

References: logs.md 1 and 2 of the project's notes; plaso's issue 3529 (Exchange rows with two blanks before the user name).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.model.flow import Value
from exhume.readers.dialect import Identity, Layout, Look, without
from exhume.readers.lines import BOM
from exhume.readers.stamps import Mask, parse_time
from exhume.readers.urls import decoded_url

_NUMBER = re.compile(r"-|\d+").fullmatch
_ADDRESS = re.compile(r"-|(?=.*[.:])[0-9A-Fa-f.:]+(?:%\w+)?").fullmatch
_ANCHORS: Mapping[str, Callable[[str], object]] = {
    "date": re.compile(r"\d{4}-\d\d-\d\d").fullmatch,
    "time": re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?").fullmatch,
    "s-ip": _ADDRESS,
    "c-ip": _ADDRESS,
    "cs-method": re.compile(r"-|[A-Za-z_-]{1,40}").fullmatch,
    "cs-version": re.compile(r"-|HTTP/\S+").fullmatch,
} | dict.fromkeys(
    ("s-port", "c-port", "sc-status", "sc-substatus", "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken", "s-siteid"),
    _NUMBER,
)
_EXCHANGE_PORT = re.compile(r"80|81|443|444").fullmatch
_TELLS: tuple[Mapping[str, Callable[[str], object]], ...] = ({**_ANCHORS, "s-port": _EXCHANGE_PORT}, _ANCHORS)
"""A bare number in a query could be the port as well: those that Exchange listens on are tried first."""
_WORDS = frozenset({"s-sitename", "s-computername", "streamid", "streamid_ex", "s-reason", "s-queuename"})
"""Never hold a blank, but could be anything else."""
_GREEDY = ("cs(Cookie)", "cs-uri-query", "cs-uri", "cs(User-Agent)", "cs-username")
"""Which of several text fields side by side takes the surplus: the first of these."""
_COMMENT = re.compile(rb"#(?:[A-Za-z-]+(?::|\s|\Z)|\s*\Z)")
_SURPLUS = 200
"""Cells too many beyond which a row is called torn unseen."""
NO_HEADER = "The first rows stand before any #Fields line; the usual order of fields was assumed"
_STEPS = 300
"""Attempts to place the anchors of one row before it is called torn."""


def fit(names: Sequence[str], cells: Sequence[str]) -> list[str] | None:
    """The cells of a row that has too many, put in their fields; None when its anchors do not stand in their order."""
    for tell in _TELLS:
        fitted = _fit(tuple(names), list(cells), tell, [_STEPS])
        if fitted:
            return fitted
    return None


def _fit(
    names: tuple[str, ...], cells: list[str], tell: Mapping[str, Callable[[str], object]], steps: list[int]
) -> list[str] | None:
    head: list[str] = []
    while names and (names[0] in _ANCHORS or names[0] in _WORDS):
        if not cells or not tell.get(names[0], bool)(cells[0]):
            return None
        head.append(cells[0])
        names, cells = names[1:], cells[1:]
    if not names:
        return None if cells else head
    texts = next((i for i, name in enumerate(names) if name in _ANCHORS or name in _WORDS), len(names))
    if texts == len(names):
        return head + _share(names, cells) if len(cells) >= len(names) else None
    for taken in range(texts, len(cells) - (len(names) - texts) + 1):
        steps[0] -= 1
        if steps[0] < 0:
            return None
        if not tell.get(names[texts], bool)(cells[taken]):
            continue
        rest = _fit(names[texts:], cells[taken:], tell, steps)
        if rest is not None:
            return head + _share(names[:texts], cells[:taken]) + rest
    return None


def _share(names: tuple[str, ...], cells: list[str]) -> list[str]:
    """Neighbouring text fields and at least as many cells: one field takes the surplus."""
    surplus = len(cells) - len(names)
    if not surplus:
        return cells
    greedy = next((names.index(n) for n in _GREEDY if n in names), len(names) - 1)
    return [*cells[:greedy], " ".join(cells[greedy : greedy + surplus + 1]).strip(), *cells[greedy + surplus + 1 :]]


class W3c:
    """One W3C log being read. Server and channel are found by ``place``."""

    def __init__(
        self,
        file: File,
        kind: str,
        default: Callable[[list[str]], tuple[str, ...]],
        place: Callable[[File, dict[str, str]], str],
        needed: tuple[str, ...] = (),
    ) -> None:
        self.file, self.kind = file, kind
        self.heads: tuple[bytes, ...] = (b"#", BOM, b"\0")
        self.loose = False
        self.layout: Layout | None = None
        self.mask: Mask | None = None
        self.tokens: tuple[bytes, ...] = ()
        self._headless = 0
        """Number of the first row that stood before any header; 0 when none did."""
        self._default, self._place, self._needed = default, place, needed
        self._channel = place(file, {})
        self._server = ""
        self._date = ""
        self._placed = self._headed = False

    def head(self, line: bytes, number: int) -> bool:
        line = line.removeprefix(BOM)
        if not line.startswith(b"#"):
            return False
        if not _COMMENT.match(line):
            return False
        word, _, rest = line.decode("utf-8", "backslashreplace").partition(":")
        if word == "#Fields":
            self._headed = True
            self._use(tuple(rest.split()))
        elif word == "#Date":
            self._date = rest.strip()[:10]
        return True

    def _use(self, names: tuple[str, ...]) -> None:
        if names and (self.layout is None or self.layout.names != names):
            self.layout = Layout(names, b" ", quoted=False, lacks=without(names, *self._needed))
            self.mask = None

    def learn(self, lines: Sequence[bytes]) -> None:
        if self.layout is None or self.layout.names[:2] != ("date", "time"):
            return
        expected = len(self.layout.names) - 1
        self.mask = next((m for line in lines if line.count(b" ") == expected and (m := Mask.of(line, 0, b" "))), None)

    def look(self, lines: Sequence[bytes], at: int, stop: int) -> Look:
        if self.layout is None:
            self._use(self._default(lines[at].decode("utf-8", "replace").split()))
        names, cells, torn = self._cells(lines[at])
        return Look(self._time(dict(zip(names, cells, strict=False))), torn)

    def begin(self, row: bytes, number: int, time: datetime | None) -> Iterator[Reading]:
        if not self._headed and not self._headless:
            self._headless = number
        if self._placed:
            return
        names, cells, _ = self._cells(row)
        fields = dict(zip(names, cells, strict=False))
        self._placed = True
        self._channel = self._place(self.file, fields)
        server = fields.get("s-computername", "-")
        if server != "-":
            self._server = _host(server)
            self.tokens = (f" {server} ".encode(),)
        yield from ()

    def identity(self, row: bytes) -> Identity:
        server = ""
        if row and self.tokens:
            names, cells, _ = self._cells(row)
            server = _host(dict(zip(names, cells, strict=False)).get("s-computername", ""))
        return (self.kind, self._channel, server or self._server)

    def record(self, row: bytes, number: int) -> Record:
        names, cells, _ = self._cells(row)
        cut = dict(zip(names, cells, strict=False))
        fields: dict[str, Value] = {name: cell for name, cell in cut.items() if cell not in ("-", "")}
        stem = cut.get("cs-uri-stem") or cut.get("cs-uri") or ""
        query = cut.get("cs-uri-query", "")
        if stem not in ("", "-"):
            fields["url"] = decoded_url(stem, "" if query == "-" else query)
        server = _host(cut.get("s-computername", ""))
        return Record(self.kind, self._time(cut), fields, self.file.source(f"line {number}"), self._channel, server)

    def end(self) -> Iterator[Gap | Reading]:
        if self._headless:
            source = self.file.source(f"line {self._headless}")
            yield Gap(self.kind, Cause.DAMAGED, NO_HEADER, source, channel=self._channel, server=self._server)

    def _cells(self, row: bytes) -> tuple[tuple[str, ...], list[str], bool]:
        """Names, cells, and whether they do not fit each other."""
        text = row.rstrip(b"\r").decode("utf-8", "backslashreplace")
        cells = text.split(" ")
        names = self.layout.names if self.layout else ("line",)
        if len(cells) == len(names):
            return names, cells, False
        if len(cells) > len(names):
            fitted = fit(names, cells) if len(cells) - len(names) <= _SURPLUS else None
            if fitted:
                return names, fitted, False
            cells = [*cells[: len(names) - 1], " ".join(cells[len(names) - 1 :])] if names else cells
        return names, cells, True

    def _time(self, fields: dict[str, str]) -> datetime | None:
        """Logs without a date column mean the day of the last ``#Date:`` line."""
        return parse_time(f"{fields.get('date', self._date)} {fields.get('time', '')}")


def _host(name: str) -> str:
    return "" if name == "-" else name.partition(".")[0].upper()
