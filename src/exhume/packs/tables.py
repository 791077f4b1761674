"""The tables of builds, fixes and settings that come with exhume. How to update them: docs/how-to/update-builds.md."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib.resources import files

from exhume.model.builds import Build, BuildTables, Fix, Parts, Setting, Untold, read_version
from exhume.packs.manifest import PackError


@cache
def build_tables() -> BuildTables:
    """The shipped tables. Raises ``PackError`` with file and line when a cell cannot be read."""
    return read_tables(*(_text(name) for name in ("builds.csv", "fixes.csv", "settings.csv")))


@cache
def untold() -> tuple[Untold, ...]:
    """Flaws whose use does not show in what exhume reads. Raises ``PackError`` with file and line when a cell is missing."""
    text = "\n".join("" if line.startswith("#") else line for line in _text("untold.csv").split("\n")).strip("\n")
    return tuple(Untold(row["cve"], row["why"], row["instead"], row["source"]) for row in _rows("untold.csv", text))


def read_tables(builds: str, fixes: str, settings: str) -> BuildTables:
    """The tables in these texts. Raises ``PackError``."""
    return BuildTables(
        tuple(_build(row) for row in _rows("builds.csv", builds)),
        tuple(_fix(row) for row in _rows("fixes.csv", fixes)),
        tuple(Setting(row["cve"], row["setting"], row["words"]) for row in _rows("settings.csv", settings)),
    )


def _text(name: str) -> str:
    return files("exhume").joinpath("content", name).read_text("utf-8")


class _Row(dict[str, str]):
    """A row that knows its place."""

    place: tuple[str, int]

    def __missing__(self, name: str) -> str:
        raise self.wrong(f"there is no column {name!r}")

    def wrong(self, reason: str) -> PackError:
        return PackError(f"{self.place[0]}:{self.place[1]}", reason)

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self[name])
        except ValueError:
            raise self.wrong(f"{name}: {self[name]!r} is not a day like 2021-03-02") from None

    def build(self, name: str) -> Parts:
        version = read_version(self[name])
        if version is None or version.display or len(version.parts) != 4 or str(version) != self[name]:
            raise self.wrong(f"{name}: {self[name]!r} is not four plain numbers")
        return version.parts


def _rows(file: str, text: str) -> Iterator[_Row]:
    reader = csv.DictReader(text.splitlines())
    for cells in reader:
        row = _Row({k: v for k, v in cells.items() if k is not None and v is not None})
        row.place = (file, reader.line_num)
        if len(row) != len(reader.fieldnames or ()) or None in cells:
            raise row.wrong("wrong number of cells")
        yield row


def _build(row: _Row) -> Build:
    return Build(
        product=row["product"],
        cu=row["cu"],
        update=row["update"],
        parts=row.build("build"),
        released=row.day("released"),
        kb=row["kb"],
        end_of_support=row.day("end_of_support"),
        carries=frozenset(row["carries"].split()),
    )


def _fix(row: _Row) -> Fix:
    known = row["known_exploited"]
    if known != "no" and not known.startswith("yes "):
        raise row.wrong(f"known_exploited: {known!r} is neither 'no' nor 'yes' and a day")
    added = None
    if known != "no":
        try:
            added = date.fromisoformat(known[4:])
        except ValueError:
            raise row.wrong(f"known_exploited: {known!r} has no day") from None
    return Fix(
        cve=row["cve"],
        nickname=row["nickname"],
        released=row.day("released"),
        known_exploited=added,
        product=row["product"],
        cu=row["cu"],
        first_fixed=row.build("first_fixed_build"),
        disputed_from=row.build("disputed_from") if row["disputed_from"] else None,
        notes=row["notes"],
    )
