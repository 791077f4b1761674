"""SQL over the tables of a hunt, and over nothing else.

One ``SELECT`` at a time. DuckDB may open the folder's Parquet files only, and no setting can be changed: a query can read no
other file, fetch nothing, and write nothing.

References: duckdb.org, "Securing DuckDB" (enable_external_access, allowed_paths, lock_configuration).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exhume.hunt.build import GAPS, MANIFEST, SCHEMA
from exhume.hunt.columns import quoted, text

_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}", re.ASCII)
_BATCH = 1000
_SETTINGS = (
    "enable_progress_bar = false", "autoinstall_known_extensions = false", "autoload_known_extensions = false",
    "temp_directory = ''", "TimeZone = 'UTC'",
)  # fmt: skip
_NO_GAPS = ", ".join(f"'' AS {name}" for name in ("_file", "kind", "cause", "detail", "place", "count"))
_LAST = ("enable_external_access = false", "lock_configuration = true")
"""After them nothing but the allowed files can be opened, and no setting changed."""


class AskError(Exception):
    """The folder holds no tables, or the query cannot be answered; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows, one after the other; ``columns`` are known at once."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class Hunt:
    """The tables of one folder. Raises ``AskError``."""

    def __init__(self, folder: Path) -> None:
        import duckdb

        self._error = duckdb.Error
        self._select = duckdb.StatementType.SELECT
        self.tables = _tables(folder)
        self.evidence = str(_manifest(folder).get("evidence", ""))
        self._duckdb = duckdb.connect()
        files = {name: sorted(p.resolve() for p in (folder / name).glob("*.parquet")) for name in self.tables}
        paths = [text(str(path)) for found in files.values() for path in found]
        try:
            for setting in (*_SETTINGS, f"allowed_paths = [{', '.join(paths)}]", *_LAST):
                self._duckdb.execute(f"SET {setting}")
            for name, found in files.items():
                listed = ", ".join(text(str(path)) for path in found)
                self._duckdb.execute(
                    f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet([{listed}], union_by_name = true)"
                )
            if GAPS not in files:
                self._duckdb.execute(f"CREATE VIEW {GAPS} AS SELECT {_NO_GAPS} WHERE false")
        except self._error as error:
            raise AskError(f"the tables in {folder} cannot be opened: {one_line(error)}") from None

    def ask(self, query: str) -> Answer:
        """The answer to one ``SELECT``."""
        try:
            statements = self._duckdb.extract_statements(query)
            if len(statements) != 1 or statements[0].type != self._select:
                raise AskError("only one SELECT at a time is answered")
            result = self._duckdb.execute(statements[0])
        except self._error as error:
            raise AskError(one_line(error)) from None
        return Answer(tuple(column[0] for column in result.description or ()), self._rows(result))

    def columns(self, table: str) -> tuple[str, ...]:
        """Of one of the tables."""
        return self.ask(f"SELECT * FROM {quoted(table)} LIMIT 0").columns

    def _rows(self, result: Any) -> Iterator[tuple[Any, ...]]:
        try:
            while rows := result.fetchmany(_BATCH):
                yield from rows
        except self._error as error:
            raise AskError(one_line(error)) from None

    def close(self) -> None:
        self._duckdb.close()


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or said.get("schema") != SCHEMA or not isinstance(said.get("tables"), dict):
        raise AskError(f"{folder} holds no tables; make them with: exhume hunt build EVIDENCE --out DIR")
    if not said["tables"]:
        raise AskError(f"the tables in {folder} are not finished, or there was nothing to put into them; build them again")
    return said


def _tables(folder: Path) -> dict[str, int]:
    """Table → rows."""
    said = _manifest(folder)["tables"]
    return {name: rows for name, rows in said.items() if _NAME.fullmatch(name) and isinstance(rows, int)}


def one_line(error: Exception) -> str:
    """DuckDB's message without what it draws below it, as nothing acts on it."""
    said = " ".join(str(error).split("\n\n")[0].split())
    return "".join(c if c.isprintable() else "?" for c in said)[:500]
