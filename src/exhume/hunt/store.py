"""Rows to Parquet. The only place that writes tables; DuckDB does it, and what it wrote is counted.

A CSV reader that meets an odd row drops it, or the half of the file behind it, and says nothing. So DuckDB is given only text
that is proven to be regular (``whole``: pieces of a log as they are) or that was written by us (``records``), and has to give
back as many rows as went in; if not, the rows are handed over one by one.

References: engines.md 4 of the project's notes (what each CSV reader loses on dirty input).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exhume.hunt.columns import Columns, quoted, text
from exhume.model import Value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FULL = 16 << 20
"""Bytes of text that are kept before they are written as one Parquet file."""
SCRATCH = "scratch.txt"
"""Text on its way to DuckDB."""
LONGEST = 1 << 20
"""Bytes of a piece of a log that is handed on as it is; a longer one holds a row longer than DuckDB likes."""
_WIDEST = 64 << 20
"""Characters of a row that we write: the readers give a line up at 16 MiB."""


@dataclass(frozen=True, slots=True)
class At:
    """Where a row, or the first of several, stands."""

    file: str
    line: int | None
    """Line or record number; ``None``: it is a file, or a place of another kind."""
    server: str
    channel: str


class StoreError(Exception):
    """Rows could not be written, or not all of them were; the text says which in one line."""


@dataclass(slots=True)
class Table:
    """One kind of record while its rows are collected."""

    kind: str
    columns: Columns = field(default_factory=Columns)
    rows: int = 0
    """Written."""
    files: int = 0

    @property
    def name(self) -> str:
        return table_name(self.kind)


@dataclass(slots=True)
class _Segment:
    """Rows of one file that stand one below the other."""

    start: int
    """Number of the first one in the pieces."""
    file: str
    line: int
    rows: int
    server: str
    channel: str


@dataclass(slots=True)
class _Pieces:
    """Pieces of logs with one header, as they are."""

    table: Table
    columns: list[str]
    delimiter: str
    quoted: bool
    data: list[bytes] = field(default_factory=list)
    size: int = 0
    rows: int = 0
    segments: list[_Segment] = field(default_factory=list)


@dataclass(slots=True)
class _Rows:
    """Records, cell by cell."""

    table: Table
    rows: list[dict[str, str]] = field(default_factory=list)
    size: int = 0


def table_name(kind: str) -> str:
    """``iis.access`` → ``iis_access``."""
    return "".join(c if c.isalnum() else "_" for c in kind)


class Store:
    """Collects rows and writes them below a folder. Raises ``StoreError``."""

    def __init__(self, folder: Path) -> None:
        import duckdb

        self._folder = folder
        self._error = duckdb.Error
        self._duckdb: DuckDBPyConnection = duckdb.connect()
        self._duckdb.execute("SET enable_progress_bar = false; SET memory_limit = '512MB'")
        self._pieces: dict[tuple[str, tuple[str, ...], str, bool], _Pieces] = {}
        self._rows: dict[str, _Rows] = {}
        self._scratch = folder / SCRATCH
        csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST))
        self.tables: dict[str, Table] = {}
        self.slow = 0
        """Batches that DuckDB did not take as they were."""

    def table(self, kind: str) -> Table:
        if kind not in self.tables:
            self.tables[kind] = Table(kind)
        return self.tables[kind]

    # taking rows

    def whole(self, kind: str, names: Sequence[str], delimiter: str, quotes: bool, data: bytes, at: At, rows: int) -> bool:
        """A piece of a log as it is; False when it has to come as records."""
        odd_ends = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")
        if len(data) > LONGEST or not data.isascii() or b"\0" in data or odd_ends:
            return False
        table = self.table(kind)
        columns = table.columns.of_all(names)
        if columns is None or at.line is None:
            return False
        key = (kind, tuple(columns), delimiter, quotes)
        pieces = self._pieces.setdefault(key, _Pieces(table, columns, delimiter, quotes))
        last = pieces.segments[-1] if pieces.segments else None
        whose = (at.file, at.server, at.channel)
        if last and (last.file, last.server, last.channel) == whose and last.line + last.rows == at.line:
            last.rows += rows
        else:
            pieces.segments.append(_Segment(pieces.rows, at.file, at.line, rows, at.server, at.channel))
        pieces.data.append(data.replace(b"\r\n", b"\n"))
        pieces.rows += rows
        pieces.size += len(data)
        if pieces.size >= FULL:
            self._write_pieces(self._pieces.pop(key))
        return True

    def record(self, kind: str, fields: Mapping[str, Value], at: At, time: str) -> None:
        """One row."""
        rows = self._rows.setdefault(kind, _Rows(self.table(kind)))
        row = {
            "_file": at.file,
            "_line": "" if at.line is None else str(at.line),
            "_time": time,
            "_server": at.server,
            "_channel": at.channel,
        }
        more: dict[str, Value] = {}
        for name, value in fields.items():
            column = rows.table.columns.of(name)
            if value is None:
                continue
            if column is None:
                more[name] = value
            else:
                row[column] = value if isinstance(value, str) else json.dumps(value)
        if more:
            row["_more"] = json.dumps(more)
        rows.rows.append(row)
        rows.size += sum(len(cell) + 8 for cell in row.values())
        if rows.size >= FULL:
            self._write_rows(self._rows.pop(kind))

    def close(self) -> None:
        """Writes what is left."""
        for pieces in self._pieces.values():
            self._write_pieces(pieces)
        for rows in self._rows.values():
            self._write_rows(rows)
        self._duckdb.close()
        self._scratch.unlink(missing_ok=True)

    # writing them

    def _write_pieces(self, pieces: _Pieces) -> None:
        data = b"".join(pieces.data)
        try:
            self._scratch.write_bytes(data)
            self._copy(pieces.table, self._of_pieces(pieces), pieces.rows)
        except (self._error, _Lost):
            self.slow += 1
            self._one_by_one(pieces, data)
        except OSError as error:
            raise StoreError(f"the tables cannot be written: {error.strerror or type(error).__name__}") from None

    def _of_pieces(self, pieces: _Pieces) -> str:
        names = [f"c{i}" for i in range(len(pieces.columns))]
        quote = '"' if pieces.quoted else ""
        nulls = "['']" if pieces.quoted else "['-', '']"
        source = _csv(self._scratch, names, f"delim = {text(pieces.delimiter)}, quote = '{quote}', escape = '{quote}'", nulls)
        cells = ", ".join(f"{n} AS {quoted(c)}" for n, c in zip(names, pieces.columns, strict=True))
        time = "c0 || ' ' || c1" if pieces.columns[:2] == ["date", "time"] else "c0"
        time = f"try_cast({time} AS TIMESTAMP) AS _time"
        rows = f"(SELECT row_number() OVER () - 1 AS n, * FROM {source})"
        if len(pieces.segments) == 1:
            (one,) = pieces.segments
            place = f"{text(one.file)} AS _file, {one.line} + n AS _line, {text(one.server)} AS _server"
            return f"SELECT {place}, {text(one.channel)} AS _channel, {time}, {cells} FROM {rows}"
        self._duckdb.execute(
            "CREATE OR REPLACE TEMP TABLE segment(start BIGINT, file VARCHAR, line BIGINT, server VARCHAR, channel VARCHAR)"
        )
        self._duckdb.executemany(
            "INSERT INTO segment VALUES (?, ?, ?, ?, ?)",
            [[s.start, s.file, s.line, s.server, s.channel] for s in pieces.segments],
        )
        place = "s.file AS _file, s.line + n - s.start AS _line, s.server AS _server, s.channel AS _channel"
        return f"SELECT {place}, {time}, {cells} FROM {rows} AS r ASOF JOIN segment AS s ON r.n >= s.start"

    def _one_by_one(self, pieces: _Pieces, data: bytes) -> None:
        """The rows of pieces that DuckDB did not take, cut here: it is proven that each is one line with all its cells."""
        lines = data.decode("ascii").split("\n")
        nothing = ("",) if pieces.quoted else ("", "-")
        for segment in pieces.segments:
            rows = _Rows(pieces.table)
            for i in range(segment.rows):
                line = lines[segment.start + i]
                cells = next(csv.reader([line], delimiter=pieces.delimiter)) if pieces.quoted else line.split(pieces.delimiter)
                row = {c: cell for c, cell in zip(pieces.columns, cells, strict=False) if cell not in nothing}
                time = f"{cells[0]} {cells[1]}" if pieces.columns[:2] == ["date", "time"] else cells[0]
                row |= {"_file": segment.file, "_line": str(segment.line + i), "_time": time}
                rows.rows.append(row | {"_server": segment.server, "_channel": segment.channel})
            self._write_rows(rows)

    def _write_rows(self, batch: _Rows) -> None:
        columns = list(dict.fromkeys(name for row in batch.rows for name in row))
        try:
            try:
                with self._scratch.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
                    writer = csv.DictWriter(out, columns, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
                    writer.writerows(batch.rows)
                names = [f"c{i}" for i in range(len(columns))]
                wide = f"max_line_size = {_WIDEST}, buffer_size = {2 * _WIDEST}, parallel = false"
                source = _csv(self._scratch, names, f"delim = ',', quote = '\"', escape = '\"', {wide}", "['']", wide=True)
                self._copy(batch.table, f"SELECT {_cells(columns)} FROM {source}", len(batch.rows))
            except (self._error, _Lost):
                self.slow += 1
                self._inserted(batch, columns)
        except (OSError, self._error) as error:
            raise StoreError(f"rows of {batch.table.kind} cannot be written: {type(error).__name__}") from None

    def _inserted(self, batch: _Rows, columns: list[str]) -> None:
        """The slow way, which no text can confuse."""
        cells = ", ".join(f"c{i} VARCHAR" for i in range(len(columns)))
        self._duckdb.execute(f"CREATE OR REPLACE TEMP TABLE slow({cells})")
        marks = ", ".join("?" for _ in columns)
        rows = [[_clean(row.get(name)) for name in columns] for row in batch.rows]
        self._duckdb.executemany(f"INSERT INTO slow VALUES ({marks})", rows)
        try:
            self._copy(batch.table, f"SELECT {_cells(columns)} FROM slow", len(batch.rows))
        except _Lost:
            raise StoreError(f"not all rows of {batch.table.kind} were written") from None

    def _copy(self, table: Table, query: str, rows: int) -> None:
        folder = self._folder / table.name
        folder.mkdir(exist_ok=True)
        place = folder / f"{table.files + 1:06}.parquet"
        done: Any = self._duckdb.execute(
            f"COPY ({query}) TO {text(str(place))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        ).fetchone()
        if not done or done[0] != rows:
            place.unlink()
            raise _Lost
        table.files += 1
        table.rows += rows


class _Lost(Exception):  # noqa: N818 (never leaves this file)
    """DuckDB wrote another number of rows than it was given."""


def _csv(place: Path, names: Sequence[str], how: str, nulls: str, *, wide: bool = False) -> str:
    """A call of DuckDB's CSV reader that guesses nothing."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    size = "" if wide else f", max_line_size = {2 * LONGEST}"
    guess = "header = false, auto_detect = false"
    return f"read_csv({text(str(place))}, columns = {{{columns}}}, {guess}, {how}, nullstr = {nulls}{size})"


def _cells(columns: Sequence[str]) -> str:
    out = []
    for i, name in enumerate(columns):
        kind = {"_line": f"try_cast(c{i} AS BIGINT)", "_time": f"try_cast(c{i} AS TIMESTAMP)"}.get(name, f"c{i}")
        out.append(f"{kind} AS {quoted(name)}")
    return ", ".join(out)


def _clean(cell: str | None) -> str | None:
    return cell.encode("utf-8", "backslashreplace").decode("utf-8") if cell else None
