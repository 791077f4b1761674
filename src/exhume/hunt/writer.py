"""A batch of rows to one Parquet file. The only place that writes tables; DuckDB does it, and what it wrote is counted.

A CSV reader that meets an odd row drops it, or the half of the file behind it, and says nothing. So DuckDB has to give back as
many rows as went in; if not, the rows are handed over one by one.

References: engines.md 4 of the project's notes (what each CSV reader loses on dirty input).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exhume.hunt.columns import quoted, text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FULL = 16 << 20
"""Bytes of text that are kept before they are written as one Parquet file."""
SCRATCH = "scratch*.txt"
"""Text on its way to DuckDB, one file for each writer."""
LONGEST = 1 << 20
"""Bytes of a piece of a log that is handed on as it is; a longer one holds a row longer than DuckDB likes."""
_WIDEST = 64 << 20
"""Characters of a row that we write: the readers give a line up at 16 MiB."""
_MEMORY = "512MB"
"""What one writer's DuckDB may take; more than it needs for a batch."""
_FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 40960"
"""Of all levels 1 is the quickest and packs these logs as well; groups of so many rows stay in the processor's memory."""


class StoreError(Exception):
    """Rows could not be written, or not all of them were; the text says which in one line."""


@dataclass(slots=True)
class Segment:
    """Rows of one file that stand one below the other."""

    file: str
    line: int
    rows: int
    server: str
    channel: str


@dataclass(slots=True)
class Pieces:
    """Pieces of logs with one header, as they are."""

    columns: list[str]
    delimiter: str
    quoted: bool
    ending: str
    """What ends every line."""
    data: list[bytes] = field(default_factory=list)
    size: int = 0
    rows: int = 0
    segments: list[Segment] = field(default_factory=list)


@dataclass(slots=True)
class Rows:
    """Records, cell by cell."""

    rows: list[dict[str, str]] = field(default_factory=list)
    size: int = 0


class Writer:
    """DuckDB with one thread: several writers side by side are quicker than one with several threads. Raises ``StoreError``."""

    def __init__(self, folder: Path, number: int) -> None:
        import duckdb

        self._error = duckdb.Error
        self._duckdb: DuckDBPyConnection = duckdb.connect()
        self._duckdb.execute(f"SET enable_progress_bar = false; SET threads = 1; SET memory_limit = '{_MEMORY}'")
        self._scratch = folder / SCRATCH.replace("*", str(number))
        self.slow = 0
        """Batches that DuckDB did not take as they were."""

    def write(self, batch: Pieces | Rows, place: Path) -> int:
        """How many rows it wrote: all of them."""
        try:
            place.parent.mkdir(exist_ok=True)
            return self._pieces(batch, place) if isinstance(batch, Pieces) else self._records(batch, place)
        except (OSError, self._error) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
            raise StoreError(f"the table {place.parent.name} cannot be written: {why}") from None

    def close(self) -> None:
        self._duckdb.close()
        self._scratch.unlink(missing_ok=True)

    # pieces of logs

    def _pieces(self, pieces: Pieces, place: Path) -> int:
        mode = "r+b" if self._scratch.exists() else "wb"  # over what is there: no new memory is asked for
        with self._scratch.open(mode) as out:
            out.writelines(pieces.data)
            out.truncate()
        try:
            return self._copy(place, self._of_pieces(pieces), pieces.rows)
        except (self._error, _Lost):
            self.slow += 1
            return self._records(_one_by_one(pieces), place)

    def _of_pieces(self, pieces: Pieces) -> str:
        """Each row beside its place. Were one lost, a place without a row would be left over, and is not counted."""
        names = [f"c{i}" for i in range(len(pieces.columns))]
        quote = '"' if pieces.quoted else ""
        ending = pieces.ending.replace("\r", "\\r").replace("\n", "\\n")
        how = f"delim = {text(pieces.delimiter)}, quote = '{quote}', escape = '{quote}', new_line = '{ending}'"
        source = _csv(self._scratch, names, how, "['']" if pieces.quoted else "['-', '']")
        self._duckdb.execute(
            "CREATE OR REPLACE TEMP TABLE segment AS SELECT unnest(?::VARCHAR[]) AS file, unnest(?::BIGINT[]) AS line, "
            "unnest(?::BIGINT[]) AS rows, unnest(?::VARCHAR[]) AS server, unnest(?::VARCHAR[]) AS channel",
            [[getattr(s, name) or None for s in pieces.segments] for name in ("file", "line", "rows", "server", "channel")],
        )
        cells = ", ".join(f"r.{n} AS {quoted(c)}" for n, c in zip(names, pieces.columns, strict=True))
        time = "c0 || ' ' || c1" if pieces.columns[:2] == ["date", "time"] else "c0"
        return (
            f"SELECT s.file AS _file, s.line AS _line, s.server AS _server, s.channel AS _channel, "
            f"try_cast({time} AS TIMESTAMP) AS _time, {cells} FROM {source} AS r POSITIONAL JOIN "
            "(SELECT file, unnest(range(line, line + rows)) AS line, server, channel FROM segment) AS s WHERE r.c0 IS NOT NULL"
        )

    # records

    def _records(self, batch: Rows, place: Path) -> int:
        columns = list(dict.fromkeys(name for row in batch.rows for name in row))
        try:
            with self._scratch.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
                writer = csv.DictWriter(out, columns, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
                writer.writerows(batch.rows)
            names = [f"c{i}" for i in range(len(columns))]
            wide = f"max_line_size = {_WIDEST}, buffer_size = {2 * _WIDEST}, parallel = false"
            source = _csv(self._scratch, names, f"delim = ',', quote = '\"', escape = '\"', {wide}", "['']", wide=True)
            return self._copy(place, f"SELECT {_cells(columns)} FROM {source}", len(batch.rows))
        except (self._error, _Lost):
            self.slow += 1
            return self._inserted(batch, columns, place)

    def _inserted(self, batch: Rows, columns: list[str], place: Path) -> int:
        """The slow way, which no text can confuse."""
        cells = ", ".join(f"c{i} VARCHAR" for i in range(len(columns)))
        self._duckdb.execute(f"CREATE OR REPLACE TEMP TABLE slow({cells})")
        marks = ", ".join("?" for _ in columns)
        rows = [[_clean(row.get(name)) for name in columns] for row in batch.rows]
        self._duckdb.executemany(f"INSERT INTO slow VALUES ({marks})", rows)
        try:
            return self._copy(place, f"SELECT {_cells(columns)} FROM slow", len(batch.rows))
        except _Lost:
            raise StoreError(f"not all rows of the table {place.parent.name} were written") from None

    def _copy(self, place: Path, query: str, rows: int) -> int:
        done: Any = self._duckdb.execute(f"COPY ({query}) TO {text(str(place))} ({_FORMAT})").fetchone()
        if not done or done[0] != rows:
            place.unlink()
            raise _Lost
        return rows


class _Lost(Exception):  # noqa: N818 (never leaves this file)
    """DuckDB wrote another number of rows than it was given."""


def _one_by_one(pieces: Pieces) -> Rows:
    """The rows of pieces that DuckDB did not take, cut here: it is proven that each is one line with all its cells."""
    lines = iter(b"".join(pieces.data).decode().split("\n"))
    nothing = ("",) if pieces.quoted else ("", "-")
    dated = pieces.columns[:2] == ["date", "time"]
    batch = Rows()
    for segment in pieces.segments:
        for number in range(segment.line, segment.line + segment.rows):
            line = next(lines).rstrip("\r")
            cells = next(csv.reader([line], delimiter=pieces.delimiter)) if pieces.quoted else line.split(pieces.delimiter)
            row = {c: cell for c, cell in zip(pieces.columns, cells, strict=False) if cell not in nothing}
            row |= {"_file": segment.file, "_line": str(number), "_time": f"{cells[0]} {cells[1]}" if dated else cells[0]}
            batch.rows.append(row | {"_server": segment.server, "_channel": segment.channel})
    return batch


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
