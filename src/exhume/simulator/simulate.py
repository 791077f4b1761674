"""A scenario becomes a folder of evidence."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from exhume.simulator import landscape, machine, people
from exhume.simulator.attack import STEPS, Stage
from exhume.simulator.attack.stage import moments
from exhume.simulator.bulk import Bulk, merged
from exhume.simulator.desk import Desk
from exhume.simulator.places import by_minute, save_files, save_log
from exhume.simulator.scenario import ActorTruth, Scenario, ScenarioError, Step, Truth, load

SYSMON = "events/Microsoft-Windows-Sysmon/Operational"


def simulate(
    scenario: Scenario | str, out: Path | str, seed: int = 1, size: int | None = None, rate: float | None = None
) -> Truth:
    """Writes the evidence of a scenario (its name, a YAML file, or itself) below ``out``, as a collector would bring it.

    The same scenario, seed and size give the same bytes. ``size`` asks for about so many bytes in all, by more background;
    ``rate`` sets how much people do in place of the scenario's own.
    Raises ``ScenarioError`` for a scenario that says something unknown, ``OSError`` when a file cannot be written.
    """
    told = load(scenario) if isinstance(scenario, str) else scenario
    told = told if rate is None else replace(told, rate=rate)
    out = Path(out)
    since, until = told.judged or (told.since, told.until)
    truth = Truth(told.name, told.servers, since, until, told.verdict, told.campaigns)
    share = size // len(told.servers) if size else None
    for server in told.servers:
        place = out / server if len(told.servers) > 1 else out
        truth.bytes += _write(told, server, place, seed, share, truth)
    return truth


def _write(told: Scenario, server: str, out: Path, seed: int, size: int | None, truth: Truth) -> int:
    keep = dict(told.logs) if told.sysmon else {**told.logs, SYSMON: None}
    desk = Desk(server, told.build, random.Random(f"{told.name}/{server}/{seed}"), keep, balancer=told.balancer)  # noqa: S311
    start = datetime.combine(told.since, time(), UTC)
    steps = [step for step in told.attack if step.server == server]
    landscape.furnish(desk, start, told.modules, steps[-1].at if steps and told.modules else None)
    _background(desk, told, start)
    stage = Stage(desk, dict(told.actors), truth)
    for step in sorted(steps, key=lambda s: s.at):
        _play(stage, step)
    for name in truth.actors.keys() & set(told.intruders):
        truth.actors[name].intruder = True
    written = save_files(desk, out)
    natural = written + sum(len(text) for rows in desk.logs.values() for _, text in rows)
    bulk = Bulk.of(desk, told.since, told.until, size - natural) if size and size > natural else None
    for log in sorted(desk.logs.keys() | (bulk.logs if bulk else set())):
        own = by_minute(desk.logs.pop(log, ()))
        written += save_log(desk, out, log, merged(own, bulk.chunks(log)) if bulk else own)
    return written


def _background(desk: Desk, told: Scenario, start: datetime) -> None:
    for day in range((told.until - told.since).days + 1):
        for number in range(24):
            hour = start + timedelta(days=day, hours=number)
            _hour(desk, told, hour)
        monday_morning = start + timedelta(days=day, hours=9, minutes=12)
        if monday_morning.weekday() in (1, 4):
            machine.administrator(desk, monday_morning)


def _hour(desk: Desk, told: Scenario, hour: datetime) -> None:
    chance = desk.chance
    for minute in range(0, 60, told.probe_minutes):
        machine.probes(desk, hour + timedelta(minutes=minute, seconds=chance.randint(0, 50)))
    machine.hourly(desk, hour)
    for _ in range(int(people.weight(hour) * told.rate) + 1):
        people.one(desk, hour + timedelta(milliseconds=chance.randrange(3_580_000)))
    if chance.random() < told.noise:
        people.scanner(desk, hour + timedelta(seconds=chance.randrange(3500)))
    if hour.hour in (8, 13, 16):
        people.mail(desk, hour + timedelta(seconds=chance.randrange(3500)))


def _play(stage: Stage, step: Step) -> None:
    if step.what not in STEPS:
        raise ScenarioError(f"there is no step {step.what!r}")
    truth = stage.truth
    actor = truth.actors.setdefault(step.actor, ActorTruth())
    before = len(actor.rows)
    stage.desk.told = actor.rows
    STEPS[step.what](stage, step)
    stage.desk.told = None
    address = stage.address(step)
    until = moments(step)[-1]
    for told in (truth, actor) if len(actor.rows) > before else (truth,):
        if address not in told.addresses:
            told.addresses.append(address)
        told.first_action = min(told.first_action or step.at, step.at)
        told.last_action = max(told.last_action or until, until)
