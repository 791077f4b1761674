"""Pretend servers with a known life: whatever readings are left of it, nothing wrong is said of any day."""

import random
from datetime import date, timedelta
from functools import cache

import pytest

from exhume.judge.exposure import Catalogue
from exhume.model import State, dotted
from exhume.packs import build_tables
from hand_readings import reading, told

CATALOGUE = Catalogue(build_tables())
ENTRY = ("CVE-2020-0688", "CVE-2021-26855", "CVE-2021-34473", "CVE-2021-33766", "CVE-2021-42321", "CVE-2022-41040")
FIRST, LAST = date(2020, 2, 1), date(2023, 3, 1)
DAY = timedelta(days=1)


def life(chance):
    """Day → build: a server that is updated now and then, always to something that is out, and never back to an older fix."""
    product = chance.choice(("2016", "2019"))
    mine = [b for b in CATALOGUE.builds if b.product == product and b.cu != "Preview"]
    now = chance.choice([b for b in mine if b.released <= FIRST])
    days = {}
    day = FIRST
    while day <= LAST:
        if chance.random() < 0.01:
            later = [b for b in mine if b.parts > now.parts and b.released <= day and not falls_back(now, b)]
            now = chance.choice(later) if later else now
        days[day] = now
        day += DAY
    return days


@cache
def fixed_in(build):
    return frozenset(f.cve for f in CATALOGUE.flaws if CATALOGUE.rule(f, build).state == State.FIXED)


def falls_back(before, after):
    return not fixed_in(before) <= fixed_in(after)


def left_of(days, chance):
    """Some readings, each true: of logs (the CU), programs (the build), updates and set-ups (on the day of a change)."""
    out = []
    for day, build in days.items():
        before = days.get(day - DAY, build)
        rtm = next(b for b in CATALOGUE.builds if (b.product, b.cu) == (build.product, build.cu))
        if chance.random() < 0.02:
            out.append(reading("build", f"{dotted(rtm.parts)}", day.isoformat(), "cu"))
        if chance.random() < 0.003:
            out.append(reading("build", str(build), day.isoformat(), "exact"))
        if before != build and chance.random() < 0.6:
            if before.cu == build.cu and build.kb:
                out.append(reading("update", build.kb, day.isoformat(), "exact"))
            elif before.cu != build.cu and build.update == "RTM":
                out.append(reading("install", str(build), day.isoformat(), "cu"))
    if chance.random() < 0.5:
        out.append(reading("build", str(days[LAST]), None, "exact"))
    return out


@pytest.mark.parametrize("seed", range(40))
def test_what_is_said_of_a_day_is_true(seed):
    chance = random.Random(seed)
    days = life(chance)
    readings = left_of(days, chance)
    chance.shuffle(readings)
    if not readings:
        return
    found = told(readings, LAST.isoformat())
    flaws = {f.cve: f for f in CATALOGUE.flaws}
    assert found.contradictions == ()
    said = 0
    for entry in found.entries:
        if entry.cve not in ENTRY or entry.state == State.UNKNOWN:
            continue
        day, last = max(entry.since, FIRST), entry.until or LAST
        while day <= last:
            truth = CATALOGUE.rule(flaws[entry.cve], days[day]).state
            assert truth in (entry.state, State.UNKNOWN), (entry, str(days[day]), day)
            day += DAY
            said += 1
    for opened in found.campaigns.values():
        if opened.fixed and opened.known:
            truth = CATALOGUE.rule(opened.flaw, days[max(opened.until, FIRST)]).state
            assert truth in (State.FIXED, State.NOT_APPLICABLE, State.UNKNOWN)
    assert said or len(readings) < 8


def test_the_pretend_servers_are_not_all_alike():
    lives = [life(random.Random(seed)) for seed in range(12)]
    assert len({str(days[LAST]) for days in lives}) > 4
    assert any(len({b.cu for b in days.values()}) > 2 for days in lives)
