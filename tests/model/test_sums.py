"""Parts add up: whatever the order, however the work was split, and the same in ``Tally``."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from exhume.assess.tally import FINDINGS_KEPT, GAPS_KEPT, Tally
from exhume.model import (
    Because,
    Cause,
    Coverage,
    Finding,
    Gap,
    Outcome,
    Part,
    Reading,
    Record,
    Rule,
    Severity,
    Source,
    Span,
    hour_of,
)

START = datetime(2021, 3, 3, tzinfo=UTC)
RULE = Rule("r", "p", "t", Outcome.ATTEMPT, Severity.LOW)


def finding(minute, address="203.0.113.1", path="a.log", rule=RULE):
    time = START + timedelta(minutes=minute)
    record = Record("iis.access", time, {"c-ip": address}, Source("e", path, f"line {minute + 1}"))
    return Finding.of(rule, record, [Because("c-ip", address, "equals")])


def part(number):
    """The part of one file: 30 rows of three addresses, a span, a gap, a reading."""
    path = f"logs/{number}.log"
    found = tuple(finding(number * 30 + n, f"203.0.113.{n % 3}", path) for n in range(30))
    times = [f.first_seen for f in found]
    span = Span("iis.access", "W3SVC1", "", "logs", 30, min(times), max(times), frozenset(map(hour_of, times)), busy=True)
    gap = Gap("iis.access", Cause.DAMAGED, "torn", Source("e", path, "line 1"), count=number)
    reading = Reading("build", "15.1.2176.9", START.date(), "cu", Source("e", path, "line 2"))
    tally = Tally()
    for one in found:
        tally.found(one)
    tally.missed(gap)
    tally.read(reading)
    tally.spanned([span])
    return tally.part()


def plain(sum_of):
    """A part without the order in which it happens to be listed."""
    return (
        {f.id: f for f in sum_of.findings},
        set(sum_of.readings),
        {s.key: s for s in sum_of.coverage.spans},
        sorted(map(str, sum_of.coverage.gaps)),
    )


PARTS = [part(n) for n in range(1, 9)]


def total(parts):
    tally = Tally()
    for one in parts:
        tally.add(one)
    return tally.part()


@pytest.mark.parametrize("seed", range(6))
def test_the_order_does_not_matter(seed):
    shuffled = random.Random(seed).sample(PARTS, len(PARTS))
    assert plain(sum(shuffled, Part())) == plain(sum(PARTS, Part()))
    assert plain(total(shuffled)) == plain(total(PARTS))


@pytest.mark.parametrize("cut", range(1, 8))
def test_the_split_does_not_matter(cut):
    assert plain(sum(PARTS[:cut], Part()) + sum(PARTS[cut:], Part())) == plain(sum(PARTS, Part()))


def test_the_tally_equals_the_sum_of_parts():
    assert plain(total(PARTS)) == plain(sum(PARTS, Part()))
    assert {f.count for f in total(PARTS).findings} == {80}


def test_nothing_is_added_by_nothing():
    assert PARTS[0] + Part() == PARTS[0] == Part() + PARTS[0]


def test_the_first_place_is_the_earliest_and_twenty_are_kept():
    rows = [finding(n) for n in range(200)]
    random.Random(1).shuffle(rows)
    folded = rows[0]
    for row in rows[1:]:
        folded = folded + row
    assert folded.count == 200
    assert folded.record.source.at == folded.source.at == "line 1"
    assert [s.at for s in folded.sources] == [f"line {n}" for n in range(1, 21)]
    assert (folded.first_seen, folded.last_seen) == (START, START + timedelta(minutes=199))


def test_findings_of_other_days_servers_or_subjects_do_not_fold():
    with pytest.raises(ValueError, match="do not fold"):
        finding(0) + finding(0, "203.0.113.2")
    with pytest.raises(ValueError, match="do not fold"):
        finding(0) + finding(60 * 24)
    assert len((Part((finding(0),)) + Part((finding(60 * 24),))).findings) == 2


def test_too_many_findings_of_one_rule_are_counted_and_told():
    tally = Tally()
    for n in range(FINDINGS_KEPT + 500):
        tally.found(finding(5, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"))
    result = tally.part()
    assert sum(f.count for f in result.findings) == FINDINGS_KEPT + 500
    assert len(result.findings) == FINDINGS_KEPT + 1
    (gap,) = result.coverage.gaps
    assert gap.cause == Cause.LIMIT
    assert sum(f.count for f in (Part() + result + Part((finding(5, "192.0.2.1"),))).findings) == FINDINGS_KEPT + 501


def test_gaps_with_the_same_words_are_counted_beyond_fifty():
    gaps = [Gap("file", Cause.SKIPPED, "words", Source("e", f"{n}.x", "file")) for n in range(GAPS_KEPT + 70)]
    tally = Tally()
    tally.add(Part(coverage=Coverage(gaps=tuple(gaps))))
    kept = tally.part().coverage.gaps
    assert (len(kept), sum(g.count for g in kept)) == (GAPS_KEPT, GAPS_KEPT + 70)
    shuffled = Tally()
    for gap in random.Random(3).sample(gaps, len(gaps)):
        shuffled.missed(gap)
    assert shuffled.part().coverage.gaps == kept


def test_which_findings_are_listed_does_not_depend_on_the_order_or_on_how_the_work_was_split():
    many = [finding(60 * 24 * (n % 3), f"10.{n >> 8}.{n & 255}.1") for n in range(FINDINGS_KEPT + 700)] * 2
    expected = None
    for seed, pieces in ((1, 1), (2, 2), (3, 7)):
        shuffled = random.Random(seed).sample(many, len(many))
        total = Tally()
        for n in range(pieces):
            piece = Tally()
            for found in shuffled[n::pieces]:
                piece.found(found)
            total.add(piece.part())
        part = total.part()
        result = ({(f.key, f.count, f.first_seen, f.crowd) for f in part.findings}, part.coverage.gaps)
        expected = expected or result
        assert result == expected
    assert sum(count for _, count, _, _ in expected[0]) == len(many)
    assert len(expected[1]) == 1
