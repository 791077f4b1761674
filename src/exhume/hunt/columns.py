"""Names of a table's columns: those of the log, made safe, each once, and not more than a table can bear."""

from __future__ import annotations

from collections.abc import Sequence

OWN = ("_file", "_line", "_time", "_server", "_channel", "_more")
"""What exhume adds: where the row stands, its time in UTC, whose it is, and as JSON what has no column of its own."""
MOST = 300
"""Columns of one table; a header may name more, or a million."""
_LONGEST = 60


class Columns:
    """The columns of one table, in the order in which they were first seen. Names differ by more than letter case."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}
        self._taken = {name.lower() for name in OWN}

    def of(self, name: str) -> str | None:
        """The column of a field; ``None``: the table has too many already."""
        if name not in self._known:
            if len(self._taken) >= MOST + len(OWN):
                return None
            self._known[name] = self._new(name)
        return self._known[name]

    def of_all(self, names: Sequence[str]) -> list[str] | None:
        """The columns of a header; ``None`` when two of its names would share one, or there are too many."""
        found = [self.of(name) for name in names]
        whole = [column for column in found if column is not None]
        return whole if len(set(whole)) == len(names) else None

    def _new(self, name: str) -> str:
        plain = "".join(c if c.isprintable() else "?" for c in name[:_LONGEST]).strip() or "unnamed"
        column, number = plain, 1
        while column.lower() in self._taken:
            number += 1
            column = f"{plain}_{number}"
        self._taken.add(column.lower())
        return column


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"
