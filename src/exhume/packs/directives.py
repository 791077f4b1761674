"""Directives of authorities as data: ``content/directives/*.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from exhume import model
from exhume.packs.manifest import load_yaml

_FOLDER = Path(__file__).resolve().parent.parent / "content" / "directives"


def directives() -> tuple[str, ...]:
    """The names of those that are shipped."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yml")))


def directive(name: str) -> model.Directive:
    """The shipped directive of that name. Raises ``KeyError`` when there is none."""
    if name not in directives():
        raise KeyError(name)
    path = _FOLDER / f"{name}.yml"
    content = load_yaml(path.name, path.read_text(encoding="utf-8"))
    return model.Directive(content["id"], content["title"], content["who"], tuple(map(_part, content["parts"])))


def _part(entry: Mapping[str, Any]) -> model.DirectivePart:
    obligations = tuple(map(_obligation, entry["obligations"]))
    return model.DirectivePart(entry["title"], _day(entry["issued"]), entry["scope"], tuple(entry["sources"]), obligations)


def _obligation(entry: Mapping[str, Any]) -> model.Obligation:
    due = entry.get("due")
    return model.Obligation(
        id=entry["id"],
        text=entry["text"],
        deadline=entry["deadline"],
        due=_day(due) if due else None,
        shows=tuple(map(_shows, entry["shows"])),
        attest=entry["attest"],
        unsure=entry.get("unsure", ""),
    )


def _shows(entry: Mapping[str, Any]) -> model.Shows:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return model.Shows(**values)


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise TypeError(f"{value!r} is no day")
    return value
