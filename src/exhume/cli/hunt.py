"""``exhume hunt``: every row of the evidence as a table, SQL over the tables, and five ready questions."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exhume.hunt.ask import Answer, Hunt

INSTALL = "exhume hunt needs DuckDB, which is not installed; install it with: pip install 'exhume[hunt]'"
_ROWS = 100
"""Rows of a table on the terminal, unless more are asked for."""
_WIDEST = 60
"""Characters of a cell on the terminal."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "hunt",
        help="ask your own questions of every log row, in SQL",
        description="Makes tables of every row of every log, and answers questions in SQL. Needs pip install 'exhume[hunt]'.",
    )
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="write every row of the evidence into tables (Parquet)")
    build.add_argument("evidence", nargs="+", type=Path, metavar="EVIDENCE", help="file, folder or archive of one server")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="an empty folder, or an earlier hunt's")
    build.set_defaults(run=run_build)
    sql = actions.add_parser("sql", help="answer one SELECT over the tables; it can read and write nothing else")
    sql.add_argument("folder", type=Path, metavar="DIR", help="what hunt build wrote")
    sql.add_argument("query", metavar="SELECT", help="for example: SHOW TABLES, or DESCRIBE iis_access")
    sql.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default: table")
    sql.add_argument("--rows", type=int, default=_ROWS, metavar="N", help=f"rows of a table (default: {_ROWS}; 0: all)")
    sql.set_defaults(run=run_sql)
    ask = actions.add_parser("questions", help="answer five ready questions, with small drawings")
    ask.add_argument("folder", type=Path, metavar="DIR", help="what hunt build wrote")
    ask.add_argument("--out", type=Path, metavar="FILE", help="default: DIR/questions.html")
    ask.set_defaults(run=run_questions)


def run_build(arguments: argparse.Namespace) -> int:
    from exhume.cli.assess import Progress
    from exhume.cli.refused import Refused

    _needed()
    from exhume.hunt.build import build
    from exhume.hunt.writer import StoreError

    progress = Progress() if sys.stderr.isatty() else None
    try:
        built = build(arguments.evidence, arguments.out, progress)
    except StoreError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"it could not be read or written: {error.strerror or error}") from None
    finally:
        if progress:
            progress.done()
    for table, rows in sorted(built.tables.items(), key=lambda pair: -pair[1]):
        print(f"{rows:>12,}  {table}")
    print(f"\n{built.files:,} files in {built.seconds:,.1f} s. What could not be read: table gaps, {built.gaps:,} rows.")
    print(f'Now: exhume hunt questions {arguments.out}, or exhume hunt sql {arguments.out} "SELECT …"')
    return 0


def run_sql(arguments: argparse.Namespace) -> int:
    from exhume.cli.refused import Refused

    hunt = _opened(arguments.folder)
    from exhume.hunt.ask import AskError

    forms = {"table": _table, "csv": _csv, "json": _json}
    try:
        answer = hunt.ask(arguments.query)
        for line in forms[arguments.format](answer, arguments.rows):
            sys.stdout.buffer.write(line.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    except AskError as error:
        raise Refused(str(error)) from None
    finally:
        hunt.close()
    return 0


def run_questions(arguments: argparse.Namespace) -> int:
    from exhume.cli.refused import Refused

    hunt = _opened(arguments.folder)
    from exhume.hunt.ask import AskError
    from exhume.hunt.build import PAGE
    from exhume.hunt.page import page
    from exhume.hunt.questions import asked

    out = arguments.out or arguments.folder / PAGE
    try:
        answers = list(asked(hunt))
        out.write_bytes(page(hunt.evidence, hunt.tables, answers))
    except AskError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"cannot write {out}: {error.strerror or type(error).__name__}") from None
    finally:
        hunt.close()
    for answer in answers:
        told = answer.missing or f"{len(answer.rows):,} shown"
        print(f"{answer.title} {told}")
    print(f"\nThe answers: {out}")
    return 0


def _needed() -> None:
    """Says in one line what is missing."""
    from importlib.util import find_spec

    from exhume.cli.refused import Refused

    if find_spec("duckdb") is None:
        raise Refused(INSTALL)


def _opened(folder: Path) -> Hunt:
    from exhume.cli.refused import Refused

    _needed()
    from exhume.hunt.ask import AskError, Hunt

    try:
        return Hunt(folder)
    except AskError as error:
        raise Refused(str(error)) from None


def _table(answer: Answer, most: int) -> Iterator[str]:
    from exhume.reports.plain import shown

    rows: list[tuple[str, ...]] = []
    more = False
    for row in answer.rows:
        if most and len(rows) >= most:
            more = True
            break
        cells = ["" if cell is None else shown(str(cell)) for cell in row]
        rows.append(tuple(c if len(c) <= _WIDEST else f"{c[: _WIDEST - 1]}…" for c in cells))
    names = tuple(shown(name)[:_WIDEST] for name in answer.columns)
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]
    for line in [names, tuple("-" * w for w in widths), *rows]:
        yield "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() + "\n"
    if more:
        yield f"(the first {most:,} rows; --rows 0 shows all, --format csv or json gives whole cells)\n"


def _csv(answer: Answer, most: int) -> Iterator[str]:
    from exhume.reports.plain import cell

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([cell(name) for name in answer.columns])
    for row in answer.rows:
        writer.writerow(["" if value is None else cell(str(value)) for value in row])
        if text.tell() > 1 << 16:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _json(answer: Answer, most: int) -> Iterator[str]:
    """One object a line: a million rows need no memory."""
    names = [name if answer.columns.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(answer.columns)]
    for row in answer.rows:
        yield json.dumps({name: _plain(value) for name, value in zip(names, row, strict=True)}) + "\n"


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
