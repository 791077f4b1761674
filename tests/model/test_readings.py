"""Readings add up: what ten thousand logs say is kept once, and the sum does not depend on the order."""

import itertools
from datetime import date

from exhume.assess.tally import READINGS_KEPT, Tally
from exhume.model import Cause, Part, Reading, Source


def reading(value="15.1.2176.2", day=3, path="a.log", at="line 6", trust="cu"):
    return Reading("build", value, date(2021, 3, day) if day else None, trust, Source("e", path, at))


MANY = [reading(path=f"{n:02}.log") for n in range(20)] + [
    reading(day=4),
    reading(day=None),
    reading(trust="hint"),
    reading("15.1.2242.4"),
]


def test_the_same_statement_is_kept_once_with_the_first_place():
    tally = Tally()
    for one in reversed(MANY):
        tally.read(one)
    assert len(tally.part().readings) == 5
    assert reading(path="00.log") in tally.part().readings


def test_parts_add_up_to_the_same_in_any_order():
    parts = [Part(readings=tuple(MANY[:8])), Part(readings=tuple(MANY[8:16])), Part(readings=tuple(MANY[16:]))]
    sums = {(a + b + c).readings for a, b, c in itertools.permutations(parts)}
    tally = Tally()
    for part in parts:
        tally.add(part)
    assert sums == {tally.part().readings}


def test_statements_without_end_are_cut_with_a_gap():
    tally = Tally()
    for n in range(READINGS_KEPT + 7):
        tally.read(reading(f"15.1.{n}.1"))
    part = tally.part()
    assert len(part.readings) == READINGS_KEPT
    assert {g.cause for g in part.coverage.gaps} == {Cause.LIMIT}
    assert sum(g.count for g in part.coverage.gaps) == 7
