"""Rows of a server on which nothing happens, and how often such rows stand in its logs: ``content/ordinary.tsv``.

From them it is known which texts are worth searching for. They decide only that, so an error in them costs time and never a
finding. The rows are made up, after the traffic of ordinary servers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

from exhume.model import BORDER

EVENT = "windows.event"


class Ordinary:
    """The rows of one kind of log; of kinds that are not among them, the rows of all logs but events."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        table = _table()
        own = [row for row in table if row[0] == kind] or [row for row in table if row[0] != EVENT]
        self._weights = [weight for _, weight, _ in own]
        self._rows = [BORDER + row.replace(" " if of.startswith("iis.") else ",", BORDER) + BORDER for of, _, row in own]
        self._cells = [frozenset(row.split(BORDER)) for row in self._rows]
        self._known: dict[str, int] = {}

    def holding(self, texts: Iterable[str], unless: frozenset[str] = frozenset()) -> int:
        """The rows in which one of the texts stands, as bits; with ``unless``, those in which it stands in another cell."""
        bits = 0
        for text in texts:
            bits |= self._holding(text)
        if unless:
            for number, cells in enumerate(self._cells):
                if bits >> number & 1 and cells & unless and not any(t in c for c in cells - unless for t in texts):
                    bits &= ~(1 << number)
        return bits

    def often(self, regex: str) -> float:
        """Of a thousand rows, in how many the pattern is found."""
        found = re.compile(regex).search
        return sum(weight for weight, row in zip(self._weights, self._rows, strict=True) if found(row))

    def share(self, bits: int) -> float:
        """Of a thousand rows, how many are like these?"""
        return sum(weight for number, weight in enumerate(self._weights) if bits >> number & 1)

    def cells(self, text: str, least: float) -> frozenset[str]:
        """The cells in which the text stands, of those that stand in at least so many rows of a thousand."""
        bits = self._holding(text)
        found = {c for n, cells in enumerate(self._cells) if bits >> n & 1 for c in cells if text in c}
        return frozenset(c for c in found if self.share(self._holding(BORDER + c + BORDER)) >= least)

    def _holding(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = sum(1 << number for number, row in enumerate(self._rows) if text in row)
        return self._known[text]


@lru_cache(maxsize=32)
def ordinary(kind: str) -> Ordinary:
    return Ordinary(kind)


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[str, float, str], ...]:
    lines = files("exhume").joinpath("content", "ordinary.tsv").read_text("utf-8").splitlines()
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple((row["kind"], float(row["per_thousand"]), row["row"].lower()) for row in rows)
