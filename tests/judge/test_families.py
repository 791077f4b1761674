"""What says the same is told as one; what a responder has to deal with stays apart; nothing is lost; the order does not matter."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from exhume.judge.families import MOST_APART, TRIED_KEPT, together
from exhume.judge.sweep import PROBERS_TOLD, sweep
from exhume.judge.verdict import raised, worst_first
from exhume.model import Because, Confidence, Finding, Intrusion, Outcome, Record, Rule, Severity, Source
from exhume.model.family import Family
from exhume.model.finding import OTHERS
from exhume.packs import families

START = datetime(2021, 3, 3, tzinfo=UTC)
ASKED = Rule("ioc:filename:x.aspx", "webshell", "File name known from webshell", Outcome.PROBE, Severity.LOW, Confidence.LOW)
USED = Rule(
    "WS-a", "webshell", "Data posted", Outcome.EXEC, Severity.CRITICAL, Confidence.HIGH, fold=("cs-uri-stem",), trace="WS-a"
)
SERVED = Rule(
    "WS-b", "webshell", "Page served", Outcome.STEP, Severity.HIGH, Confidence.MEDIUM, fold=("cs-uri-stem",), trace="WS-b"
)


def row(rule, address, page, status="404", minute=0, server=""):
    fields = {"c-ip": address, "cs-uri-stem": page, "sc-status": status, "cs-method": "GET", "cs(User-Agent)": "curl/8"}
    record = Record(
        "iis.access", START + timedelta(minutes=minute), fields, Source("e", "u.log", f"line {minute + 1}"), server=server
    )
    return Finding.of(rule, record, [Because("cs-uri-stem", page, "is known")])


def asked(name, address, status="404", minute=0):
    served = status == "200"
    rule = Rule(
        f"ioc:filename:{name}", "webshell", "File name known from webshell", Outcome.ATTEMPT if served else Outcome.PROBE,
        Severity.MEDIUM if served else Severity.LOW, Confidence.LOW,
    )  # fmt: skip
    return row(rule, address, f"/aspnet_client/{name}", status, minute)


def told(findings, intrusions=()):
    return together(sorted(findings, key=worst_first), intrusions, families())


def intrusion(*findings, addresses=()):
    ids = tuple(f.id for f in findings)
    return Intrusion("i-1", START, START, ids, addresses=addresses)


def test_a_sweep_of_names_by_many_addresses_is_one_line_with_what_answered():
    sweep_of = [asked(f"s{n % 84}.aspx", f"198.51.100.{n % 12}", minute=n) for n in range(420)]
    (one,) = told(sweep_of).findings
    assert one.title == "12 addresses asked for 84 names known from attacks; none answered with 200"
    assert one.count == 420
    assert (one.first_seen, one.last_seen) == (START, START + timedelta(minutes=419))
    assert {v.name: v.total for v in one.crowd}["address"] == 12
    assert raised(one) is None


def test_a_name_that_answered_is_told_in_the_line_and_leads_it():
    found = [asked(f"s{n}.aspx", "198.51.100.1", minute=n) for n in range(9)] + [asked("hit.aspx", "198.51.100.2", "200", 9)]
    (one,) = told(found).findings
    assert one.title == "2 addresses asked for 10 names known from attacks; answered with 200: /aspnet_client/hit.aspx"
    assert (one.outcome, one.record.text("sc-status")) == (Outcome.ATTEMPT, "200")


def test_another_day_makes_no_second_finding():
    (one,) = told([asked("x.aspx", "198.51.100.1", minute=1440 * day) for day in range(5)]).findings
    assert one.count == 5
    assert len(one.parts) == 5


def test_pages_stay_apart_and_rules_on_one_page_do_not():
    found = [row(rule, "203.0.113.1", page, "200") for rule in (USED, SERVED) for page in ("/a.aspx", "/b.aspx")]
    result = told(found, [intrusion(*found)])
    assert {f.title for f in result.findings} == {"Data posted: /a.aspx", "Data posted: /b.aspx"}
    assert all(f.count == 1 for f in result.findings), "one row that two rules fired on is one row"


def test_more_pages_than_anybody_reads_one_by_one_are_one_finding():
    found = [row(USED, "203.0.113.1", f"/p{n}.aspx", "200", n) for n in range(MOST_APART + 1)]
    (one,) = told(found, [intrusion(*found)]).findings
    assert one.title == f"Data posted: {MOST_APART + 1} pages"
    assert len(one.parts) == MOST_APART + 1


def test_actors_stay_apart_where_a_family_names_no_thing():
    rule = Rule("PL-855-d", "proxylogon", "Session", Outcome.STEP, Severity.CRITICAL, Confidence.HIGH, True, trace="PL-855-d")
    found = [row(rule, f"203.0.113.{n}", "/ecp/y.js", "200", n) for n in range(2)]
    result = told(found, [intrusion(found[0]), intrusion(found[1])])
    assert len(result.findings) == 2
    assert {f.decisive for f in result.findings} == {True}


def test_rules_of_which_nobody_said_a_family_stay_what_they_are():
    rules = [Rule(f"some-rule-{n}", "sigma", f"Title {n}", Outcome.STEP, Severity.HIGH, own=False) for n in range(3)]
    found = [row(rule, "203.0.113.1", "/x", minute=n) for n, rule in enumerate(rules)]
    assert {f.title for f in told(found).findings} == {"Title 0", "Title 1", "Title 2"}


def test_two_servers_do_not_share_a_finding():
    found = [row(ASKED, "198.51.100.1", "/x.aspx", server=server) for server in ("EX01", "EX02")]
    assert len(told(found).findings) == 2


@pytest.mark.parametrize("seed", range(4))
def test_the_order_changes_nothing_and_nothing_is_lost(seed):
    found = [asked(f"s{n % 7}.aspx", f"198.51.100.{n % 30}", "200" if n % 50 == 3 else "404", n) for n in range(300)]
    found += [row(USED, f"203.0.113.{n}", f"/p{n % 3}.aspx", "200", n) for n in range(6)]
    party = [intrusion(*(f for f in found if f.rule == "WS-a"))]
    expected = told(found, party)
    random.Random(seed).shuffle(found)
    result = told(found, party)
    assert result == expected
    assert set(result.names) == {f.id for f in found}
    assert set(result.names.values()) == {f.id for f in result.findings}
    assert sum(f.count for one in result.findings for f in one.singles) == len(found)
    assert max(map(raised, found), key=lambda v: v or 0) == max(map(raised, result.findings), key=lambda v: v or 0)


def test_what_was_only_tried_is_kept_up_to_a_bound_and_counted_beyond():
    found = [asked("x.aspx", f"10.1.{n >> 8}.{n & 255}", minute=n) for n in range(TRIED_KEPT + 800)]
    (one,) = told(found).findings
    assert len(one.parts) == TRIED_KEPT + 1
    rest = next(f for f in one.parts if f.subject == OTHERS)
    assert rest.count == 800
    assert one.count == TRIED_KEPT + 800
    assert {v.name: (v.total, v.exact) for v in one.crowd}["address"] == (TRIED_KEPT + 800, True)


def test_a_family_of_ones_own_is_data():
    own = Family("mine", ("some-*",), title="[[address]] did [[title]]")
    found = [row(Rule(f"some-{n}", "p", "it", Outcome.PROBE, Severity.LOW), f"192.0.2.{n}", "/x", minute=n) for n in range(2)]
    (one,) = together(found, (), (own,)).findings
    assert one.title == "2 addresses did it"


def test_who_only_tried_is_a_table_without_the_intruders():
    found = [asked("x.aspx", f"10.1.0.{n}", minute=k) for n in range(PROBERS_TOLD + 5) for k in range(n + 1)]
    found.append(row(USED, "203.0.113.9", "/a.aspx", "200"))
    found.append(asked("x.aspx", "203.0.113.9"))
    seen = sweep(sorted(found, key=worst_first), [intrusion(found[-2], addresses=("203.0.113.9",))])
    assert seen is not None
    assert (seen.addresses, seen.exact, len(seen.probers)) == (PROBERS_TOLD + 5, True, PROBERS_TOLD)
    assert seen.probers[0].count >= seen.probers[-1].count
    assert "203.0.113.9" not in {p.address for p in seen.probers}
    assert seen.probers[0].asked == ("/aspnet_client/x.aspx",)
    assert sweep([found[-2]], [intrusion(found[-2], addresses=("203.0.113.9",))]) is None
