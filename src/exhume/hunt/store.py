"""Rows to Parquet: collects them, and hands them to several writers side by side.

DuckDB is given only text that is proven to be regular (``whole``: pieces of a log as they are) or that was written by us
(``record``). What is collected is bounded, and so is what waits for the writers.
"""

from __future__ import annotations

import csv
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from exhume.hunt.columns import Columns
from exhume.hunt.writer import FULL, LONGEST, Pieces, Rows, Segment, Writer
from exhume.model import Value

WRITERS = 4
"""At most: then the readers, which are one, take longer."""
HELD = 4 * FULL
"""Bytes of text that are collected; beyond them what is most is written, full or not."""


@dataclass(frozen=True, slots=True)
class At:
    """Where a row, or the first of several, stands."""

    file: str
    line: int | None
    """Line or record number; ``None``: it is a file, or a place of another kind."""
    server: str
    channel: str


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


def table_name(kind: str) -> str:
    """``iis.access`` → ``iis_access``."""
    return "".join(c if c.isalnum() else "_" for c in kind)


class Store:
    """Collects rows and writes them below a folder. Raises ``StoreError``."""

    def __init__(self, folder: Path) -> None:
        count = min(os.cpu_count() or 1, WRITERS)
        csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST))
        self._folder = folder
        self._writers = [Writer(folder, number) for number in range(count)]
        self._idle: SimpleQueue[Writer] = SimpleQueue()
        for writer in self._writers:
            self._idle.put(writer)
        self._pool = ThreadPoolExecutor(count)
        self._under_way: deque[tuple[Table, Future[int]]] = deque()
        self._pieces: dict[tuple[str, tuple[str, ...], str, bool, str], Pieces] = {}
        self._rows: dict[str, Rows] = {}
        self._held = 0
        self.tables: dict[str, Table] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """What is not written by then is not wanted."""
        self._pool.shutdown(cancel_futures=True)
        for writer in self._writers:
            writer.close()

    @property
    def slow(self) -> int:
        """Batches that DuckDB did not take as they were."""
        return sum(writer.slow for writer in self._writers)

    def table(self, kind: str) -> Table:
        if kind not in self.tables:
            self.tables[kind] = Table(kind)
        return self.tables[kind]

    # taking rows

    def whole(self, kind: str, names: Sequence[str], delimiter: str, quotes: bool, data: bytes, at: At, rows: int) -> bool:
        """A piece of a log as it is; False when it has to come in smaller ones, or as records."""
        ending = "\r\n" if data.endswith(b"\r\n") else "\n"
        odd_ends = b"\r" in data and (ending == "\n" or data.count(b"\r") != rows)
        if len(data) > LONGEST or odd_ends or b"\0" in data or not _is_utf8(data):
            return False
        table = self.table(kind)
        columns = table.columns.of_all(names)
        if columns is None or at.line is None:
            return False
        key = (kind, tuple(columns), delimiter, quotes, ending)
        pieces = self._pieces.setdefault(key, Pieces(columns, delimiter, quotes, ending))
        last = pieces.segments[-1] if pieces.segments else None
        whose = (at.file, at.server, at.channel)
        if last and (last.file, last.server, last.channel) == whose and last.line + last.rows == at.line:
            last.rows += rows
        else:
            pieces.segments.append(Segment(at.file, at.line, rows, at.server, at.channel))
        pieces.data.append(data)
        pieces.rows += rows
        pieces.size += len(data)
        self._held += len(data)
        if pieces.size >= FULL:
            self._write(table, self._pieces.pop(key))
        elif self._held > HELD:
            self._write_most()
        return True

    def record(self, kind: str, fields: Mapping[str, Value], at: At, time: str) -> None:
        """One row."""
        table = self.table(kind)
        rows = self._rows.setdefault(kind, Rows())
        row = {
            "_file": at.file,
            "_line": "" if at.line is None else str(at.line),
            "_time": time,
            "_server": at.server,
            "_channel": at.channel,
        }
        more: dict[str, Value] = {}
        for name, value in fields.items():
            column = table.columns.of(name)
            if value is None:
                continue
            if column is None:
                more[name] = value
            else:
                row[column] = value if isinstance(value, str) else json.dumps(value)
        if more:
            row["_more"] = json.dumps(more)
        size = sum(len(cell) + 8 for cell in row.values())
        rows.rows.append(row)
        rows.size += size
        self._held += size
        if rows.size >= FULL:
            self._write(table, self._rows.pop(kind))
        elif self._held > HELD:
            self._write_most()

    def finish(self) -> None:
        """Writes what is left."""
        while self._pieces or self._rows:
            self._write_most()
        while self._under_way:
            self._wait()

    # handing them over

    def _write_most(self) -> None:
        """The largest of what is collected."""
        key = max(self._pieces, key=lambda key: self._pieces[key].size, default=None)
        kind = max(self._rows, key=lambda kind: self._rows[kind].size, default=None)
        if key is not None and (kind is None or self._pieces[key].size >= self._rows[kind].size):
            self._write(self.table(key[0]), self._pieces.pop(key))
        elif kind is not None:
            self._write(self.table(kind), self._rows.pop(kind))

    def _write(self, table: Table, batch: Pieces | Rows) -> None:
        self._held -= batch.size
        while len(self._under_way) > len(self._writers):
            self._wait()
        table.files += 1
        place = self._folder / table.name / f"{table.files:06}.parquet"
        self._under_way.append((table, self._pool.submit(self._written, batch, place)))

    def _written(self, batch: Pieces | Rows, place: Path) -> int:
        writer = self._idle.get()
        try:
            return writer.write(batch, place)
        finally:
            self._idle.put(writer)

    def _wait(self) -> None:
        table, under_way = self._under_way.popleft()
        table.rows += under_way.result()


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
