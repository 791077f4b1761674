"""Which rules say the same thing: ``content/families.yml``, so that a report tells their findings as one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from exhume.model.family import Family
from exhume.model.protocols import Kept, anew
from exhume.packs.manifest import kept_yaml

_FILE = Path(__file__).resolve().parent.parent / "content" / "families.yml"


@cache
def families(kept: Kept = anew) -> tuple[Family, ...]:
    """In the order of the file: the first that fits a finding is its family."""
    return tuple(
        Family(
            name=entry["family"],
            rules=tuple(entry["rules"]),
            kinds=tuple(entry.get("kinds", ())),
            apart=tuple(entry.get("apart", ())),
            title=entry.get("title", ""),
        )
        for entry in kept_yaml(_FILE.name, _FILE.read_text(encoding="utf-8"), kept)
    )
