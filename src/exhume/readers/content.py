"""Knowledge tables that readers need (``exhume/content``), loaded once when first asked for."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_CONTENT = Path(__file__).parents[1] / "content"


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of a table without blank lines and ``#`` comments. Raises ``FileNotFoundError`` if it is not shipped."""
    text = (_CONTENT / name).read_text("utf-8")
    return tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a CSV table as dictionaries by column name."""
    return tuple(csv.DictReader(lines(name)))
