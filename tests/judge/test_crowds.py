"""A thousand parties who did the same are one crowd; those who did something else stay by themselves."""

from datetime import UTC, datetime, timedelta

from exhume.judge.chain import chain
from exhume.judge.chain.crowds import ALIKE, MOST_PARTIES
from exhume.model import Because, Confidence, Coverage, Finding, Outcome, Record, Rule, Severity, Source

START = datetime(2021, 3, 3, tzinfo=UTC)


def did(name, number, minute=0, outcome=Outcome.STEP):
    rule = Rule(name, "proxylogon", name, outcome, Severity.HIGH, Confidence.HIGH)
    fields = {"ClientIpAddress": f"198.51.{number >> 8}.{number & 255}", "UserAgent": f"agent {number}", "HttpStatus": "200"}
    record = Record("exchange.httpproxy", START + timedelta(hours=minute), fields, Source("e", "x.log", f"line {number}"))
    return Finding.of(rule, record, [Because("a", "b", "c")])


def parties(findings):
    return chain(findings, Coverage(), {})


def test_fewer_than_a_crowd_are_told_one_by_one():
    assert len(parties([did("r", n, n) for n in range(ALIKE - 1)])) == ALIKE - 1


def test_a_crowd_is_told_as_one_with_all_its_addresses():
    (one,) = parties([did("r", n, n) for n in range(500)])
    assert len(one.addresses) == 500
    assert one.why == ("500 parties that did the same, one by one: told together",)


def test_who_did_something_else_stays_by_itself():
    found = [did("r", n, n) for n in range(50)] + [did("r", 60, 60), did("w", 60, 60, Outcome.WRITE)]
    told = parties(found)
    assert sorted(len(one.addresses) for one in told) == [1, 50]
    (alone,) = (one for one in told if len(one.addresses) == 1)
    assert alone.addresses == ("198.51.0.60",)


def test_however_different_they_are_the_number_of_parties_is_bounded_and_none_is_lost():
    found = [did(f"r{n}", n, n) for n in range(MOST_PARTIES + 40)] + [did("w", 999, 999, Outcome.WRITE)]
    told = parties(found)
    assert len(told) == MOST_PARTIES + 1
    assert len({a for one in told for a in one.addresses}) == MOST_PARTIES + 41
    assert ("198.51.3.231",) in [one.addresses for one in told], "who got farthest is not put with the others"
