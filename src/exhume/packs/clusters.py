"""Marks of known groups of activity: ``content/clusters.csv``. Actors copy names and pages, so one alone says nothing."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_FILE = Path(__file__).resolve().parent.parent / "content" / "clusters.csv"
KINDS = ("page", "address", "domain", "file", "command")


@cache
def clusters() -> tuple[tuple[str, str, str, str], ...]:
    """Cluster, kind of mark, value (lower case; of a page ``*`` and ``?`` stand for others) and source, in the file's order."""
    with _FILE.open(encoding="utf-8", newline="") as rows:
        return tuple((r["cluster"], r["kind"], r["value"], r["source"]) for r in csv.DictReader(rows))
