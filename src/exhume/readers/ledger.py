"""When the rows of one file stand, log by log, and which of them cover a day."""

from __future__ import annotations

from exhume.model import Cause, File, Span
from exhume.readers.dialect import Identity, Layout
from exhume.readers.lines import Defects
from exhume.readers.stamps import Hours

BUSY = frozenset({"iis.access", "exchange.httpproxy"})
"""Logs that are written around the clock (docs/reference/records.md)."""
BLIND = "The log has not the column {names}: an attack would not show in its rows, so they count for no day"


class Ledger:
    """The hours of each log that has rows in the file."""

    def __init__(self) -> None:
        self._logs: dict[Identity, Hours] = {}
        self._stray = Hours()
        """Torn rows: nothing in them tells reliably whose they are."""
        self._blind: dict[tuple[str, ...], Hours] = {}
        """Rows under headers that lack a needed column, by what they lack."""
        self._begun: dict[tuple[str, ...], int] = {}

    def under(self, layout: Layout | None, number: int) -> None:
        """Rows under this header begin at line ``number``, or go on there."""
        if layout and layout.lacks:
            self._begun.setdefault(layout.lacks, number)

    def of(self, identity: Identity, layout: Layout | None, *, torn: bool = False) -> Hours:
        """The hours to which a row of this log under this header is added."""
        if layout and layout.lacks:
            return self._blind.setdefault(layout.lacks, Hours())
        return self._stray if torn else self._logs.setdefault(identity, Hours())

    def spans(self, file: File, main: Identity, defects: Defects) -> list[Span]:
        """Logs in which no row has a readable time give none: a span without times would stand for all days. ``main``: the
        log to which torn rows are added when no other has a time."""
        for lacks, hours in self._blind.items():
            if hours.records:
                defects.add(Cause.ABSENT, BLIND.format(names=", ".join(lacks)), f"line {self._begun[lacks]}", hours.records)
        home = next((h for h in self._logs.values() if h.first), None) or self.of(main, None)
        home.join(self._stray)
        return [
            Span(kind, channel, server, file.folder, h.records, h.first, h.last, frozenset(h.hours), kind in BUSY)
            for (kind, channel, server), h in self._logs.items()
            if h.first
        ]
