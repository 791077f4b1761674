"""``pack.yml``: read and checked. The format: docs/reference/packs.md."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from exhume.model.coverage import Need, Seen
from exhume.model.protocols import Kept, anew

MANIFEST = "pack.yml"
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_VERSION = re.compile(r"\d+(?:\.\d+){0,3}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_KIND = re.compile(r"[a-z]+\.[a-z]+(?:-[a-z]+)*")


class PackError(ValueError):
    """A pack that cannot be used at all. The message is one line: the file, and what is wrong with it."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a ``pack.yml`` says."""

    name: str
    version: str
    title: str
    entry_cve: str
    first_exploited: date | None
    needs: tuple[Need, ...]
    shared: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Trace → other packs whose attack leaves it as well."""


def one_line(error: Exception) -> str:
    """The message of an exception, on one line, at most 200 characters."""
    return " ".join(str(error).split())[:200]


def safe_loader() -> Any:
    """For YAML without objects; the one written in C is ten times faster."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(file: str, text: str) -> Any:
    """The first YAML document of a text. Raises ``PackError`` when it is not YAML."""
    import yaml

    try:
        return yaml.load(text, Loader=safe_loader())  # noqa: S506 - a safe loader either way
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PackError(file, f"not YAML: {one_line(error)}") from None


def kept_yaml(file: str, text: str, kept: Kept) -> Any:
    """``load_yaml``, or what an earlier run was given by it: loading YAML's library alone takes longer than a start may. Raises
    ``PackError``, and ``TypeError`` or ``ValueError`` for a document that JSON cannot hold (a date, a circle)."""
    return json.loads(kept((b"yaml", text.encode()), lambda: json.dumps(load_yaml(file, text)).encode()))


def mapping(file: str, value: object, what: str, allowed: frozenset[str]) -> dict[str, Any]:
    """The value as a mapping that has no keys but the allowed ones. Raises ``PackError``."""
    if not isinstance(value, dict):
        raise PackError(file, f"{what} is not a mapping")
    unknown = sorted(str(key) for key in value if key not in allowed)
    if unknown:
        raise PackError(file, f"{what} has the unknown key {unknown[0]!r}; known: {', '.join(sorted(allowed))}")
    return value


def text_of(file: str, entry: dict[str, Any], key: str, what: str) -> str:
    """A text that must be there and not be empty. Raises ``PackError``."""
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise PackError(file, f"{what} has no {key} (a text)")
    return value.strip()


def read_manifest(text: str, kept: Kept = anew) -> Manifest:
    """``parse_manifest``, or what an earlier run was given by it: of nine small files, reading YAML is the dear part."""
    parts = (b"manifest", Path(__file__).read_bytes(), text.encode())
    name, version, title, cve, day, needs, shared = json.loads(kept(parts, lambda: _written(parse_manifest(text))))
    groups = tuple(Need(need, tuple(Seen(*source) for source in sources)) for need, sources in needs)
    fits = tuple((trace, tuple(others)) for trace, others in shared)
    return Manifest(name, version, title, cve, date.fromisoformat(day) if day else None, groups, fits)


def _written(m: Manifest) -> bytes:
    needs = [(need.name, [(seen.kind, seen.channel) for seen in need.any_of]) for need in m.needs]
    day = m.first_exploited.isoformat() if m.first_exploited else ""
    return json.dumps([m.name, m.version, m.title, m.entry_cve, day, needs, m.shared]).encode()


def parse_manifest(text: str) -> Manifest:
    """The manifest in the text of a ``pack.yml``. Raises ``PackError``."""
    top = mapping(
        MANIFEST,
        load_yaml(MANIFEST, text),
        "the file",
        frozenset({"name", "version", "title", "window", "needs", "shared", "description"}),
    )
    name = text_of(MANIFEST, top, "name", "the file")
    if not NAME.fullmatch(name):
        raise PackError(MANIFEST, f"name {name!r} is not lower-case letters and digits joined by hyphens")
    version = str(top.get("version", ""))
    if not _VERSION.fullmatch(version):
        raise PackError(MANIFEST, f"version {version!r} is not numbers joined by dots, e.g. 1.0.0")
    title = text_of(MANIFEST, top, "title", "the file")
    cve, day = _window(top.get("window"))
    return Manifest(name, version, title, cve, day, _needs(top.get("needs")), _shared(top.get("shared")))


def _shared(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise PackError(MANIFEST, "shared is not a mapping of traces to lists of packs")
    out = []
    for trace, others in value.items():
        if not isinstance(others, list) or not others or not all(isinstance(o, str) and NAME.fullmatch(o) for o in others):
            raise PackError(MANIFEST, f"shared {str(trace)!r} is not a list of the names of packs")
        out.append((str(trace), tuple(others)))
    return tuple(out)


def _window(value: object) -> tuple[str, date | None]:
    if value is None:
        return "", None
    window = mapping(MANIFEST, value, "window", frozenset({"cve", "first_exploited"}))
    cve = str(window.get("cve") or "")
    if cve and not _CVE.fullmatch(cve):
        raise PackError(MANIFEST, f"window.cve {cve!r} is not a CVE id, e.g. CVE-2021-26855")
    day = window.get("first_exploited")
    if day is not None and type(day) is not date:
        raise PackError(MANIFEST, f"window.first_exploited {str(day)!r} is not a day, e.g. 2021-01-03")
    return cve, day


def _needs(value: object) -> tuple[Need, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise PackError(MANIFEST, "needs is not a list")
    needs: list[Need] = []
    for item in value:
        group = mapping(MANIFEST, item, "an entry of needs", frozenset({"name", "any_of"}))
        name = text_of(MANIFEST, group, "name", "an entry of needs")
        sources = group.get("any_of")
        if not isinstance(sources, list) or not sources:
            raise PackError(MANIFEST, f"the need {name!r} has no any_of (a list)")
        needs.append(Need(name, tuple(_seen(name, source) for source in sources)))
    return tuple(needs)


def _seen(need: str, value: object) -> Seen:
    source = mapping(MANIFEST, value, f"a source of the need {need!r}", frozenset({"kind", "channel"}))
    kind = text_of(MANIFEST, source, "kind", f"a source of the need {need!r}")
    if not _KIND.fullmatch(kind):
        raise PackError(MANIFEST, f"{kind!r} in the need {need!r} is not a kind of record")
    return Seen(kind, str(source.get("channel", "*")))
