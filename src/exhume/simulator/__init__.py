"""A pretend Exchange server: the evidence of a scenario, written to the letter of the formats, with its truth.

Shares no code with readers and detectors, so that each is a test of the other.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from exhume.simulator.attack import STEPS
from exhume.simulator.background import hour
from exhume.simulator.desk import Desk
from exhume.simulator.disk import lay, plant

__all__ = ["Scenario", "Truth", "load", "scenarios", "simulate"]

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Truth:
    """What an assessment of the evidence has to say. ``campaigns``: the least verdict of each that must not be ``no_trace``."""

    since: date
    until: date
    verdict: str
    outcome: str = ""
    campaigns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story of one server, as ``scenarios/NAME.yml`` tells it."""

    name: str
    about: str
    build: str
    first: date
    last: date
    expect: Truth
    rate: float = 3.0
    disk: bool = True
    background: bool = True
    keep: Mapping[str, tuple[date, date] | None] = field(default_factory=dict)
    attack: tuple[Mapping[str, Any], ...] = ()
    files: tuple[Mapping[str, str], ...] = ()
    modules: tuple[tuple[str, str], ...] = ()


def scenarios() -> tuple[str, ...]:
    """Names of the shipped scenarios."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))


def load(name: str | Path) -> Scenario:
    """A shipped scenario by name, or one from a file. Raises ``ValueError`` with one line when it is not sound."""
    import yaml

    path = FOLDER / f"{name}.yml" if isinstance(name, str) and name in scenarios() else Path(name)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        expect = data["expect"]
        keep = {log: None if not days else (days[0], days[1]) for log, days in data.get("keep", {}).items()}
        return Scenario(
            name=path.stem,
            about=data["about"],
            build=data["build"],
            first=data["first"],
            last=data["last"],
            expect=Truth(
                expect.get("since", data["first"]), expect.get("until", data["last"]), expect["verdict"],
                expect.get("outcome", ""), expect.get("campaigns", {}),
            ),
            rate=data.get("rate", 3.0),
            disk=data.get("disk", True),
            background=data.get("background", True),
            keep=keep,
            attack=tuple(data.get("attack", ())),
            files=tuple(data.get("files", ())),
            modules=tuple((m["name"], m["image"]) for m in data.get("modules", ())),
        )  # fmt: skip
    except (OSError, KeyError, TypeError, AttributeError, IndexError, yaml.YAMLError) as error:
        raise ValueError(f"scenario {path.name}: {type(error).__name__}: {error}") from None


def simulate(scenario: Scenario | str, out: Path, seed: int = 1, rate: float | None = None) -> Truth:
    """Writes the evidence below ``out``; the same seed gives the same bytes. ``rate`` scales what people do."""
    told = load(scenario) if isinstance(scenario, str) else scenario
    desk = Desk("EX01", told.build, random.Random(seed), keep=told.keep)  # noqa: S311 (no secret: the same story each time)
    start = datetime(told.first.year, told.first.month, told.first.day, tzinfo=UTC)
    end = datetime(told.last.year, told.last.month, told.last.day, tzinfo=UTC) + timedelta(days=1)
    while told.background and start < end:
        hour(desk, start, rate if rate is not None else told.rate)
        start += timedelta(hours=1)
    for step in told.attack:
        moment = step["at"]
        STEPS[step["step"]](desk, moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC), step)
    if told.disk:
        lay(desk, told.modules)
    for file in told.files:
        plant(desk, file["path"], file["sample"])
    desk.save(out)
    return told.expect
