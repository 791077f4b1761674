"""A list of hosts with versions, read row by row: our own tables, Get-ExchangeServer, Shadowserver, Censys, Shodan exports.

Columns are found by name, in any order and letter case. A row that cannot be read is given out with its problem: one row in,
one host out. Memory does not depend on the number of rows: a record that does not end (a quote that is never closed) is given
up at ``LONGEST`` characters, its first line is called bad, and the others are read again.

Sample: ``ip,hostname,version`` / ``192.0.2.7,mail.example.test,15.1.2176.9``

References: IntelMQ's shadowserver parser (``scan_exchange``: timestamp, ip, port, hostname, tag, …, version, servername, url;
the tag is ``exchange;cve-2021-26855`` or ``exchange;webshell``); shodan-python's ``convert`` to CSV (data, hostnames, ip,
ip_str, …, version, …, html); the host data sets of Censys (``services.software.version``, ``services.banner``).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from exhume.model import Version, read_version

LONGEST = 1 << 20
"""Characters of one record. A banner of a scanner is at most some ten thousand."""
_HOSTS = (
    "host", "hostname", "hostnames", "servername", "server", "computername", "identity", "name", "fqdn", "dnsname", "domain",
    "ipstr", "ip", "ipaddress", "hostip", "address", "url",
)  # fmt: skip
"""Columns that name a host, best first, letters and digits only. (Shodan's ``ip`` is a number, its ``ip_str`` the address.)"""
_BUILDS = (
    "build", "exchangebuild", "buildnumber", "fullbuild", "exsetup", "exsetupversion", "exsetupfileversion", "fileversion",
    "fileversionraw", "exchangeversion", "productversion",
)  # fmt: skip
_DISPLAY = ("admindisplayversion", "serialnumber")
_VERSIONS = ("serviceversion", "softwareversion")
"""Ends of names; with ``services.`` and more before them in the exports of Censys."""
_BANNERS = ("banner", "headers", "html", "body", "response")
_TAGS = ("tag", "tags")
_TOLD = re.compile(r"webshell|cve-\d{4}-\d+", re.ASCII | re.IGNORECASE)
"""What a scanner found beside the version: shown, not judged."""
_EXCHANGE = (14, 15)
"""First parts of the versions in the tables; a scanner's ``version`` may be that of IIS or nginx."""
_HEADER = re.compile(r"X-OWA-Version\W{1,8}(\d+(?:\.\d+){2,3})", re.ASCII | re.IGNORECASE)
_PATH = re.compile(r"/owa/(?:auth/)?(\d+(?:\.\d+){2,3})/", re.ASCII | re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class HostRow:
    """One row. ``version`` is ``None`` when ``problem`` says why. Texts are as in the file: hostile."""

    line: int
    host: str = ""
    version: Version | None = None
    column: str = ""
    """Name of the column that the version was read from."""
    cumulative_only: bool = False
    """The column tells the cumulative update, not the security update."""
    note: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Column:
    at: int
    name: str
    rank: int
    """0: all parts count. 1: X-OWA-Version. 2: AdminDisplayVersion. 3: by its form. 4: text to search."""


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """What is no UTF-8 is taken as Windows-1252, in which Excel saves a list: names of places stay readable."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return (wrong.decode("cp1252", "replace") if error.encoding == "utf-8" else "\ufffd"), error.end


class HostList:
    """The rows of a list. Raises ``ValueError`` at once when it has no column that could hold a version."""

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = _Lines(stream)
        try:
            head = self._lines.header()
        except csv.Error as error:
            raise ValueError(f"its header line cannot be read: {error}") from None
        self._lines.begin()
        separator = max(_SEPARATORS, key=head.count)
        self._reader = csv.reader(self._lines, delimiter=separator, strict=True)
        self._lines.again(head)
        try:
            names = next(self._reader, [])
        except csv.Error as error:
            raise ValueError(f"its header line cannot be read: {error}") from None
        self._width = len(names)
        plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
        self._versions = sorted(_versions(names, plain), key=lambda c: c.rank)
        self._hosts = [plain.index(name) for name in _HOSTS if name in plain]
        self._tags = [at for at, name in enumerate(plain) if name in _TAGS]
        if not self._versions:
            raise ValueError(_no_column(names))

    def __iter__(self) -> Iterator[HostRow]:
        while True:
            self._lines.begin()
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield HostRow(self._lines.first, problem=f"the row cannot be read: {_plainly(error)}")
                self._lines.give_back()
                continue
            if any(cell.strip() for cell in row):
                yield self._host(row, self._lines.first)

    def _host(self, row: Sequence[str], line: int) -> HostRow:
        host = next((row[at].strip() for at in self._hosts if at < len(row) and row[at].strip()), "")
        if len(row) > self._width:
            return HostRow(line, host, problem=f"the row has {len(row)} cells, the header {self._width}")
        found: list[tuple[_Column, Version]] = []
        problem = ""
        for column in self._versions:
            text = row[column.at].strip() if column.at < len(row) else ""
            if not text:
                continue
            version = _searched(text) if column.rank == 4 else read_version(text)
            if version is not None:
                found.append((column, version))
            elif column.rank < 4 and not problem:
                problem = _no_version(column.name, text)
        note = "; ".join(f"tag: {_short(row[at])}" for at in self._tags if at < len(row) and _TOLD.search(row[at]))
        if not found:
            return HostRow(line, host, note=note, problem=problem or "no version in this row")
        found.sort(key=lambda pair: pair[1].parts[0] not in _EXCHANGE)
        best, version = found[0]
        others = {f"{c.name} says {v}" for c, v in found[1:] if v.parts[0] in _EXCHANGE and v.parts[:3] != version.parts[:3]}
        notes = [note, problem if best.rank < 3 else "", *sorted(others)]
        return HostRow(line, host, version, best.name, best.rank == 2, "; ".join(filter(None, notes)))


def _no_version(column: str, text: str) -> str:
    if re.fullmatch(r"\d+[.,]\d+", text):
        return f"{column}: {_short(text)!r} has two parts of four: a spreadsheet cut it to a number, import the column as text"
    return f"{column}: {_short(text)!r} is no version of three or four parts"


def _no_column(names: Sequence[str]) -> str:
    if any(read_version(name) for name in names):
        return "its first line has to name the columns, for example host,build"
    there = ", ".join(name[:30] for name in names[:12]) or "none"
    return f"no column holds a version: name one build, X-OWA-Version, AdminDisplayVersion or version (there are: {there})"


def _plainly(error: csv.Error) -> str:
    return "a quote is opened and never closed" if str(error) == "unexpected end of data" else str(error)


def _versions(names: Sequence[str], plain: Sequence[str]) -> Iterator[_Column]:
    for at, (name, word) in enumerate(zip(names, plain, strict=True)):
        if word in _BUILDS:
            yield _Column(at, name.strip(), 0)
        elif word.endswith(("xowaversion", "owaversion")):
            yield _Column(at, name.strip(), 1)
        elif word in _DISPLAY:
            yield _Column(at, name.strip(), 2)
        elif word == "version" or word.endswith(_VERSIONS):
            yield _Column(at, name.strip(), 3)
        elif word == "data" or word.endswith(_BANNERS):
            yield _Column(at, name.strip(), 4)


def _searched(text: str) -> Version | None:
    match = _HEADER.search(text) or _PATH.search(text)
    return read_version(match[1]) if match else None


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


class _Lines:
    """Lines of a file for the csv module, which can be given back."""

    def __init__(self, stream: BinaryIO) -> None:
        buffered = io.BufferedReader(stream) if isinstance(stream, io.RawIOBase) else stream
        head = buffered.peek(4)[:4] if isinstance(buffered, io.BufferedReader) else buffered.read(4)
        if not isinstance(buffered, io.BufferedReader):
            buffered.seek(0)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
        codecs.register_error("exhume.windows", _as_windows)
        self._text = io.TextIOWrapper(buffered, encoding, "exhume.windows", newline="")
        self._returned: deque[tuple[int, str]] = deque()
        self._number = 0
        self._used: list[tuple[int, str]] = []
        self._length = 0

    @property
    def first(self) -> int:
        """Number of the first line of the record, from 1."""
        return self._used[0][0] if self._used else self._number

    def begin(self) -> None:
        """A new record begins."""
        self._used.clear()
        self._length = 0

    def give_back(self) -> None:
        """All lines of the record but the first are read again."""
        self._returned.extendleft(reversed(self._used[1:]))

    def again(self, line: str) -> None:
        self._returned.appendleft((self._number, line))

    def header(self) -> str:
        """The first line that is neither empty nor PowerShell's ``#TYPE``; empty at the end of the file."""
        for line in self:
            if line.strip() and not line.startswith("#TYPE"):
                return line
        return ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._returned:
            number, line = self._returned.popleft()
        else:
            line = self._text.readline(LONGEST)
            self._number += 1
            number = self._number
            if len(line) >= LONGEST and not line.endswith(("\n", "\r")):
                self._skip()
                line += "\n"
        if not line:
            self._number -= 1
            raise StopIteration
        self._used.append((number, line))
        self._length += len(line)
        if self._length >= LONGEST:
            raise csv.Error(f"longer than {LONGEST:,} characters")
        return line

    def _skip(self) -> None:
        """The rest of a line that is too long."""
        while True:
            rest = self._text.readline(LONGEST)
            if not rest or rest.endswith(("\n", "\r")):
                return
