"""SigmaHQ's own true positives: every rule fires on the events it was published with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from evtx import PyEvtxParser

from exhume.detectors.sigma import Sigma
from exhume.model import Host, Pack, PackFile, Record, Source, Value


def named(part: Any, out: dict[str, Value]) -> None:
    """The named values of EventData and UserData, as docs/reference/records.md shapes them."""
    for name, value in (part or {}).items():
        plain = value.get("#text") if isinstance(value, dict) and "#text" in value else value
        if name == "#attributes":
            continue
        if isinstance(plain, dict):
            named(plain, out)
        elif name == "Data":
            out["Data"] = tuple(map(str, plain)) if isinstance(plain, list) else (str(plain),)
        elif plain is not None:
            out[name] = plain


def events(path: Path) -> Iterator[Record]:
    for raw in PyEvtxParser(str(path)).records_json():
        event = json.loads(raw["data"])["Event"]
        system = event["System"]
        number = system["EventID"]
        fields: dict[str, Value] = {
            "EventID": number["#text"] if isinstance(number, dict) else number,
            "Channel": system["Channel"],
            "Provider_Name": system["Provider"]["#attributes"]["Name"],
            "Computer": system["Computer"],
        }
        named(event.get("EventData"), fields)
        named(event.get("UserData"), fields)
        source = Source("e", path.name, f"record {raw['event_record_id']}")
        yield Record("windows.event", datetime(2026, 1, 1, tzinfo=UTC), fields, source, system["Channel"])


def test_each_published_event_fires_its_rule(real_data: Path) -> None:
    folder = real_data / "sigma-regression"
    files = tuple(PackFile(path, "sigma", path.name) for path in sorted((folder / "rules").glob("*.yml")))
    sigma = Sigma.from_packs([Pack("sigmahq", "1", "", "", False, files=files)], Host())
    assert sigma.problems == ()
    silent = []
    for file in files:
        wanted = yaml.safe_load(file.text())["id"]
        found = [
            f for record in events(folder / "evtx" / f"{file.path.stem}.evtx") for f in sigma.detect(record) if f.rule == wanted
        ]
        if not found or not found[0].because:
            silent.append(file.name)
    assert len(files) >= 100
    assert silent == []
