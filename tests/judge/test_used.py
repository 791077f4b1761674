"""A proven use of a flaw is told among the states of the flaws; what readings say against it is a sentence, not silence."""

from datetime import UTC, date, datetime, timedelta

import pytest

from exhume.judge.fit import Fit
from exhume.judge.used import uses, with_uses
from exhume.model import Confidence, Exposure, Finding, Outcome, Record, Reply, Rule, Severity, Source, State
from pretend_server import NOON, SESSION, Server, assessed

CVE = "CVE-2021-34473"
AUGUST = date(2021, 8, 19)


def finding(day=AUGUST, decisive=True, cves=(CVE,), outcome=Outcome.STEP, n=1):
    rule = Rule(f"r{n}", "proxyshell", "PowerShell answered", outcome, Severity.HIGH, Confidence.HIGH, decisive, cves=cves)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) if day else None
    return Finding.of(rule, Record("iis.access", at, {}, Source("e", "u_ex.log", f"line {n}")), ())


def used(*findings):
    return uses(findings, Fit({}, frozenset(f.id for f in findings)))


def entry(state, since=None, until=None):
    return Exposure(CVE, state, "as the readings say", since, until)


def states(entries):
    return [(e.state, e.since, e.until) for e in entries]


DAY = timedelta(days=1)


def test_an_unknown_day_is_open_on_the_day_of_the_use():
    got, against = with_uses([entry(State.UNKNOWN, date(2021, 7, 13))], used(finding()), date(2021, 8, 30))
    assert states(got) == [
        (State.UNKNOWN, date(2021, 7, 13), AUGUST - DAY),
        (State.VULNERABLE, AUGUST, AUGUST),
        (State.UNKNOWN, AUGUST + DAY, None),
    ]
    assert got[1].why.startswith("It was used on 2021-08-19")
    assert "u_ex.log (line 1)" in got[1].why
    assert against == ()


def test_between_two_uses_it_was_open_and_at_the_end_nothing_is_left():
    two = used(finding(), finding(AUGUST + 5 * DAY, n=2))
    got, _ = with_uses([entry(State.UNKNOWN)], two, AUGUST + 5 * DAY)
    assert states(got) == [(State.UNKNOWN, None, AUGUST - DAY), (State.VULNERABLE, AUGUST, None)]


def test_a_day_that_is_known_to_be_open_stays_and_says_so():
    got, against = with_uses([entry(State.VULNERABLE, date(2021, 8, 1), date(2021, 9, 1))], used(finding()), None)
    assert states(got) == [(State.VULNERABLE, date(2021, 8, 1), date(2021, 9, 1))]
    assert got[0].why.startswith("as the readings say It was used")
    assert against == ()


@pytest.mark.parametrize(
    ("state", "words"),
    [(State.FIXED, "fixed"), (State.NOT_APPLICABLE, "does not have"), (State.MITIGATED, "mitigation was in place")],
)
def test_a_reading_that_says_otherwise_makes_a_sentence(state, words):
    got, (said,) = with_uses([entry(state, date(2021, 8, 1))], used(finding()), date(2021, 9, 1))
    assert (State.VULNERABLE, AUGUST, AUGUST) in states(got)
    assert words in said
    assert said.startswith(f"{CVE} was used on 2021-08-19")
    assert [e.state for e in got] == [state, State.VULNERABLE, state]


def test_fixed_between_two_uses_is_told_for_the_days_of_the_uses_only():
    two = used(finding(), finding(AUGUST + 10 * DAY, n=2))
    got, against = with_uses([entry(State.UNKNOWN, None, AUGUST), entry(State.FIXED, AUGUST + DAY)], two, AUGUST + 20 * DAY)
    assert [s for s in states(got) if s[0] is State.FIXED] == [
        (State.FIXED, AUGUST + DAY, AUGUST + 9 * DAY),
        (State.FIXED, AUGUST + 11 * DAY, None),
    ]
    assert len(against) == 1


def test_a_flaw_of_which_no_reading_speaks():
    got, _ = with_uses([], used(finding()), None)
    assert states(got) == [(State.VULNERABLE, AUGUST, AUGUST)]


@pytest.mark.parametrize(
    "not_proof", [finding(decisive=False), finding(day=None), finding(outcome=Outcome.ATTEMPT, decisive=False)]
)
def test_hints_attempts_and_files_are_no_use(not_proof):
    assert used(not_proof) == ()


def test_a_trace_that_fits_several_flaws_proves_none():
    one = finding()
    assert uses([one], Fit({}, frozenset())) == ()


def test_in_an_assessment():
    result = assessed(Server().proxy(NOON, SESSION, 241))
    (mine,) = [e for e in result.exposure if "was used" in e.why]
    assert (mine.cve, mine.state) == ("CVE-2021-26855", State.VULNERABLE)
    assert mine.since <= NOON.date()
    assert result.questions.exposed.answer in (Reply.PARTLY, Reply.YES)
    quiet = assessed(Server().proxy(NOON, SESSION, 500))
    assert not [e for e in quiet.exposure if "was used" in e.why]


def test_in_an_assessment_without_any_build():
    row = "2021-08-19 12:00:00 10.0.0.1 GET /autodiscover/autodiscover.json @x.test/powershell/?a 443 - 203.0.113.5 - - 200 0 0 1\r\n"
    fields = (
        "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status x y z"
    )
    head = f"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: {fields}\r\n"
    result = assessed({"C/inetpub/logs/LogFiles/W3SVC1/u_ex210819.log": (head + row).encode()}, period=None)
    assert (CVE, State.VULNERABLE, AUGUST) in {(e.cve, e.state, e.since) for e in result.exposure}
    assert result.questions.exposed.text.startswith("Yes, on some days. CVE-2021-34473: It was used on 2021-08-19")
