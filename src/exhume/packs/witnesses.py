"""Which logs should show a trace: ``content/witnesses.yml``, so that a report can say which of them is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from exhume.model.protocols import Kept, anew
from exhume.packs.manifest import kept_yaml

_FILE = Path(__file__).resolve().parent.parent / "content" / "witnesses.yml"
Log = tuple[str, str]
"""Kind of record and channel."""


@cache
def witnesses(kept: Kept = anew) -> Mapping[str, tuple[Log, ...]]:
    """The beginning of a trace's id → the logs that should show it."""
    table: dict[str, tuple[Log, ...]] = {}
    for entry in kept_yaml(_FILE.name, _FILE.read_text(encoding="utf-8"), kept):
        logs = tuple((log["kind"], log["channel"]) for log in entry["logs"])
        for trace in entry["traces"]:
            table[trace] = tuple(dict.fromkeys((*table.get(trace, ()), *logs)))
    return table
