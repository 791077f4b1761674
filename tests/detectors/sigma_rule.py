"""How the Sigma tests make rules and records."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from exhume.detectors.sigma import Sigma
from exhume.model import Finding, Host, Pack, PackFile, Record, Source, Value

IIS = "iis.access"


def record(fields: dict[str, Value], kind: str = IIS, channel: str = "W3SVC1", server: str = "EX01") -> Record:
    """A record at line 7 of a log."""
    return Record(kind, datetime(2021, 3, 3, 4, 5, 6, tzinfo=UTC), fields, Source("e", "log", "line 7"), channel, server)


def rule(detection: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule as a mapping; log source and id unless told otherwise."""
    return {"title": "T", "id": "r", "logsource": {"category": "webserver"}, "detection": detection, **more}


def pack_of(*rules: dict[str, Any] | str | bytes, own: bool = False) -> Sigma:
    """A detector over a pack in which each rule is a file; text is a file as it is, bytes are stored as Base64."""
    with TemporaryDirectory() as folder:
        files = []
        for number, content in enumerate(rules):
            path = Path(folder) / f"{number}.yml"
            if isinstance(content, bytes):
                path = Path(folder) / f"{number}.yml.b64"
                path.write_bytes(base64.b64encode(content))
            else:
                path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), "utf-8")
            files.append(PackFile(path, "sigma", f"{number}.yml", "correlation:" in path.read_text("utf-8")))
        return Sigma.from_packs([Pack("p", "1", "P", "d", own, files=tuple(files))], Host())


def findings(detection: dict[str, Any], fields: dict[str, Value], **more: Any) -> list[Finding]:
    """What one rule says of one record. The rule must be usable."""
    sigma = pack_of(rule(detection, **more))
    assert sigma.problems == ()
    return list(sigma.detect(record(fields)))


def fires(test: dict[str, Any] | list[Any], fields: dict[str, Value]) -> bool:
    """Does a rule with this one selection fire on an IIS row?"""
    return bool(findings({"selection": test, "condition": "selection"}, fields))
