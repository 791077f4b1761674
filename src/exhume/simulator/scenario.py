"""Scenarios: what a pretend server's evidence shall hold, read from YAML, and what is true about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

FOLDER = "exhume.simulator"


class ScenarioError(ValueError):
    """A scenario file that says something the simulator does not know; the text names the place."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who attacks, or scans."""

    name: str
    addresses: tuple[str, ...]
    agent: str = "python-requests/2.25.1"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing an actor does."""

    at: datetime
    what: str
    """A name in ``attack.STEPS``."""
    actor: str
    server: str
    given: Mapping[str, Any] = field(default_factory=dict)
    """What else the scenario says of it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The right answer about one campaign."""

    verdict: str
    outcome: str = ""
    """Outcome reached; empty: none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One pretend server, or several, and what happened on them."""

    name: str
    title: str
    servers: tuple[str, ...]
    build: str
    since: date
    until: date
    """First and last day that are simulated."""
    rate: float = 3
    """Requests of people in a quiet hour."""
    probe_minutes: int = 15
    noise: float = 0.5
    """Scanners an hour."""
    logs: Mapping[str, tuple[date, date] | None] = field(default_factory=dict)
    """Days that are in the evidence of a log; ``None``: it is not there. Logs not named are whole."""
    sysmon: bool = False
    actors: Mapping[str, Actor] = field(default_factory=dict)
    attack: tuple[Step, ...] = ()
    modules: tuple[tuple[str, str], ...] = ()
    """Native IIS modules that somebody added: name and image."""
    verdict: str = "no_trace"
    campaigns: Mapping[str, Expected] = field(default_factory=dict)
    judged: tuple[date, date] | None = None
    """Days to judge; else the days simulated."""
    intruders: tuple[str, ...] = ()
    """Actors who got in; the others only tried or looked."""
    balancer: str = ""
    """Address of a load balancer from which every request seems to come."""


@dataclass(slots=True)
class ActorTruth:
    """What is true of one actor."""

    addresses: list[str] = field(default_factory=list)
    shells: list[str] = field(default_factory=list)
    """URL paths of web shells the actor wrote or used."""
    mailboxes: list[str] = field(default_factory=list)
    first_action: datetime | None = None
    last_action: datetime | None = None
    intruder: bool = False
    """Got in; else only tried or looked."""
    rows: list[str] = field(default_factory=list)
    """Every row that shows the actor, as its log has it."""


@dataclass(slots=True)
class Truth:
    """What is true about evidence that was simulated: what an assessment should find."""

    scenario: str
    servers: tuple[str, ...]
    since: date
    """First day to judge."""
    until: date
    """Last day to judge."""
    verdict: str
    """Of the server, the right one."""
    campaigns: Mapping[str, Expected]
    """Of the campaigns that the scenario says something about."""
    addresses: list[str] = field(default_factory=list)
    """Of those who attacked."""
    shells: list[str] = field(default_factory=list)
    """URL paths of web shells that were written or used."""
    first_action: datetime | None = None
    last_action: datetime | None = None
    actors: dict[str, ActorTruth] = field(default_factory=dict)
    bytes: int = 0
    """Size of the evidence."""

    def write(self, path: Path) -> None:
        """Writes it as JSON; not into the evidence folder, where it would be evidence."""
        path.write_text(json.dumps(asdict(self), default=_plain, indent=2) + "\n", encoding="utf-8")


def scenarios() -> tuple[str, ...]:
    """Names of the scenarios that come with exhume."""
    return _shipped()


@cache
def _shipped() -> tuple[str, ...]:
    folder = files(FOLDER).joinpath("scenarios")
    return tuple(sorted(entry.name.removesuffix(".yml") for entry in folder.iterdir() if entry.name.endswith(".yml")))


def load(name_or_path: str | Path) -> Scenario:
    """A scenario by its name, or from a YAML file. Raises ``ScenarioError`` (or ``OSError``: no such file)."""
    text = str(name_or_path)
    if text in scenarios():
        content = files(FOLDER).joinpath("scenarios", f"{text}.yml").read_text(encoding="utf-8")
        return parse(content, text)
    path = Path(name_or_path)
    return parse(path.read_text(encoding="utf-8"), path.stem)


def parse(content: str, name: str) -> Scenario:
    """A scenario from the text of its YAML file."""
    import yaml

    try:
        said = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ScenarioError(f"scenario {name}: {' '.join(str(error).split())}") from None
    if not isinstance(said, dict):
        raise ScenarioError(f"scenario {name}: not a mapping")
    unknown = said.keys() - _KEYS
    if unknown:
        raise ScenarioError(f"scenario {name}: unknown: {', '.join(sorted(map(str, unknown)))}")
    try:
        return _scenario(said, name)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ScenarioError(f"scenario {name}: incomplete or of a wrong kind: {' '.join(str(error).split())}") from None


def _scenario(said: Mapping[str, Any], name: str) -> Scenario:
    servers = tuple(said.get("servers") or [said["server"]])
    actors = {
        key: Actor(key, **value | {"addresses": tuple(value["addresses"])}) for key, value in said.get("actors", {}).items()
    }
    expect = said["expect"]
    judged = (expect["since"], expect["until"]) if "since" in expect else None
    return Scenario(
        name=name,
        title=said["title"],
        servers=servers,
        build=said["build"],
        since=_day(said["since"], f"scenario {name}"),
        until=_day(said["until"], f"scenario {name}"),
        logs={key: tuple(value) if value else None for key, value in said.get("logs", {}).items()},
        actors=actors,
        attack=_steps(said.get("attack", ()), servers, actors, name),
        modules=tuple((m["name"], m["image"]) for m in said.get("modules", ())),
        verdict=expect["verdict"],
        campaigns={key: Expected(**value) for key, value in expect.get("campaigns", {}).items()},
        judged=judged,
        intruders=tuple(expect.get("intruders", ())),
        **{knob: said[knob] for knob in ("rate", "probe_minutes", "noise", "sysmon", "balancer") if knob in said},
    )


def _steps(
    said: Sequence[Mapping[str, Any]], servers: tuple[str, ...], actors: Mapping[str, Actor], name: str
) -> tuple[Step, ...]:
    """Each step has a time of its own (``at``), or comes some seconds after the one before it (``after``)."""
    steps: list[Step] = []
    for number, entry in enumerate(said, 1):
        where = f"scenario {name}: step {number}"
        rest = dict(entry)
        at, after = rest.pop("at", None), rest.pop("after", None)
        if at is None and not steps:
            raise ScenarioError(f"{where}: the first step needs a time (at)")
        moment = _moment(at, where) if at is not None else steps[-1].at + timedelta(seconds=after if after is not None else 2.5)
        if not all(isinstance(key, str) for key in rest):
            raise ScenarioError(f"{where}: the names of values are texts")
        actor = rest.pop("actor", steps[-1].actor if steps else "")
        if actor not in actors:
            raise ScenarioError(f"{where}: there is no actor {actor!r}")
        server = rest.pop("server", servers[0])
        if server not in servers:
            raise ScenarioError(f"{where}: there is no server {server!r}")
        steps.append(Step(moment, rest.pop("step"), actor, server, rest))
    return tuple(steps)


def _moment(value: object, where: str) -> datetime:
    if not isinstance(value, datetime):
        raise ScenarioError(f"{where}: {value!r} is not a time such as 2021-03-03 06:49:42")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _day(value: object, where: str) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ScenarioError(f"{where}: {value!r} is not a day such as 2021-03-03")
    return value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


_KEYS = frozenset((
    "title", "server", "servers", "build", "since", "until", "rate", "probe_minutes", "noise", "logs", "sysmon", "actors",
    "attack", "modules", "expect", "balancer",
))  # fmt: skip
