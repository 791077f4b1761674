"""What limits a verdict and what cannot: gaps, other people's packs, the allow file. Pure parts where the pipeline adds nothing."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from exhume.assess.allow import read_allow
from exhume.judge import Case, judge, raised
from exhume.model import (
    AllowEntry,
    Because,
    Cause,
    Confidence,
    Coverage,
    Finding,
    Gap,
    Host,
    Outcome,
    Part,
    Record,
    Rule,
    Severity,
    Source,
    Span,
    Tool,
    Verdict,
    hour_of,
)
from exhume.packs import load, shipped
from pretend_server import ATTACKER, CLIENT, NOON, PERIOD, SINCE, UNTIL, V15, Server, assessed, hours, on, shell, traces

TODAY = datetime(2026, 11, 24, tzinfo=UTC)
PROXYLOGON = next(p for p in shipped() if p.name == "proxylogon")
FULL = frozenset(hour_of(hour) for hour in hours(SINCE, UNTIL))


def span(kind, channel, busy=True, folder="logs"):
    if kind == "web.folder":
        return Span(kind, channel, "", folder, 1)
    return Span(kind, channel, "EX01", folder, len(FULL), SINCE, UNTIL, FULL, busy)


COVERED = (
    span("exchange.httpproxy", "Ecp"),
    span("exchange.ecp-server", "Server", busy=False),
    span("web.folder", "/owa/auth"),
    span("web.folder", "/aspnet_client"),
)


def judged(spans=COVERED, gaps=(), findings=(), period=PERIOD, allow=(), packs=(PROXYLOGON,)):
    part = Part(tuple(findings), (), Coverage(tuple(spans), tuple(gaps)))
    return judge(part, packs, Host(), Case(Tool("0", "none"), TODAY, period=period, allow=allow))


def finding(outcome, pack="proxylogon", time=NOON, own=True, fields=None, **rule):
    made = {"severity": Severity.HIGH, "confidence": Confidence.HIGH} | rule
    record = Record(
        "exchange.httpproxy" if time else "web.file",
        time,
        fields or {"ClientIpAddress": ATTACKER},
        Source("e", "a.log", "line 1"),
    )
    return Finding.of(Rule("r-" + outcome.name, pack, "t", outcome, own=own, **made), record, [Because("f", "v", "t")])


def test_the_covered_part_is_no_trace():
    assert judged().verdict == Verdict.NO_TRACE


def test_only_event_logs_cannot_tell_and_the_missing_kinds_are_named():
    result = judged(
        spans=[span("windows.event", "MSExchange Management", busy=False), span("windows.event", "System", busy=False)]
    )
    assert result.verdict == Verdict.CANNOT_TELL
    text = " ".join(result.answers[0].limits)
    assert "Not in the evidence: front-end web log" in text
    assert "Not in the evidence: listing of the log-on folder" in text
    assert {g.kind for g in result.coverage.gaps if g.cause == Cause.ABSENT} >= {
        "exchange.httpproxy",
        "iis.access",
        "web.folder",
    }


@pytest.mark.parametrize("left_out", range(4))
def test_every_need_counts(left_out):
    assert judged(spans=[s for i, s in enumerate(COVERED) if i != left_out]).verdict == Verdict.CANNOT_TELL


def test_the_worst_answer_is_the_servers_verdict_and_no_answer_is_cannot_tell():
    assert judged(packs=()).verdict == Verdict.CANNOT_TELL
    other = replace(PROXYLOGON, name="other")
    assert judged(packs=(PROXYLOGON, other), findings=[finding(Outcome.STEP, "other")]).verdict == Verdict.SUSPECTED


def gap(kind, cause, count=1, path=V15 + "Logging/HttpProxy/Ecp/x.LOG"):
    return Gap(kind, cause, "words", Source("e", path, "file"), count=count)


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [
        (gap("exchange.httpproxy", Cause.UNREADABLE), Verdict.CANNOT_TELL),
        (gap("exchange.httpproxy", Cause.LIMIT), Verdict.CANNOT_TELL),
        (gap("exchange.httpproxy", Cause.DAMAGED, 10), Verdict.CANNOT_TELL),
        (gap("exchange.httpproxy", Cause.DAMAGED, 9), Verdict.NO_TRACE),
        (gap("web.file", Cause.LIMIT), Verdict.CANNOT_TELL),
        (gap("file", Cause.UNREADABLE), Verdict.CANNOT_TELL),
        (gap("file", Cause.LIMIT), Verdict.CANNOT_TELL),
        (gap("file", Cause.DAMAGED), Verdict.CANNOT_TELL),
        (gap("file", Cause.SKIPPED), Verdict.NO_TRACE),
        (gap("file", Cause.UNREADABLE, path="C/Users/a/holiday.jpg"), Verdict.NO_TRACE),
        (gap("file", Cause.LIMIT, path="collected/everything.zip"), Verdict.CANNOT_TELL),
        (gap("exchange.messagetracking", Cause.UNREADABLE), Verdict.NO_TRACE),
    ],
)
def test_what_was_lost_where_traces_could_stand_blocks_no_trace(lost, verdict):
    assert judged(gaps=[lost]).verdict == verdict


def test_many_small_losses_add_up():
    rows = [gap("exchange.httpproxy", Cause.DAMAGED, 9, V15 + f"Logging/HttpProxy/Ecp/{n}.LOG") for n in range(40)]
    result = judged(gaps=rows)
    assert result.verdict == Verdict.CANNOT_TELL
    assert "40 files" in " ".join(result.answers[0].limits)
    assert judged(gaps=[replace(g, count=1) for g in rows]).verdict == Verdict.NO_TRACE, "torn last rows alone"
    assert judged(gaps=rows[:1]).verdict == Verdict.NO_TRACE


def test_gaps_only_limit_and_never_lower_a_finding():
    lost = [gap("exchange.httpproxy", Cause.LIMIT)]
    assert judged(gaps=lost, findings=[finding(Outcome.WRITE)]).verdict == Verdict.COMPROMISED
    assert judged(spans=(), findings=[finding(Outcome.STEP)]).verdict == Verdict.SUSPECTED


@pytest.mark.parametrize(
    ("outcome", "rule", "verdict"),
    [
        (Outcome.PROBE, {}, None),
        (Outcome.ATTEMPT, {"severity": Severity.CRITICAL}, None),
        (Outcome.STEP, {}, Verdict.SUSPECTED),
        (Outcome.STEP, {"decisive": True}, Verdict.COMPROMISED),
        (Outcome.WRITE, {"confidence": Confidence.MEDIUM}, Verdict.SUSPECTED),
        (Outcome.WRITE, {}, Verdict.COMPROMISED),
        (Outcome.EXEC, {}, Verdict.COMPROMISED),
        (Outcome.POST, {}, Verdict.COMPROMISED),
        (Outcome.POST, {"confidence": Confidence.LOW}, None),
        (Outcome.POST, {"ambiguous": True}, None),
        (Outcome.POST, {"own": False, "decisive": True, "severity": Severity.CRITICAL}, Verdict.SUSPECTED),
        (Outcome.POST, {"own": False, "severity": Severity.MEDIUM}, None),
    ],
)
def test_what_a_finding_calls_for(outcome, rule, verdict):
    assert raised(finding(outcome, **rule)) == verdict


@pytest.mark.parametrize(("served", "verdict"), [(True, Verdict.COMPROMISED), (False, Verdict.SUSPECTED)])
def test_where_a_page_lies_decides_and_a_known_hash_decides_everywhere(served, verdict):
    fields = {"served": served, "sha256": "a" * 64}
    assert raised(finding(Outcome.WRITE, time=None, fields=fields)) == verdict
    hashed = replace(finding(Outcome.WRITE, time=None, fields=fields), rule="ioc:sha256:" + "a" * 64)
    assert raised(hashed) == Verdict.COMPROMISED


SIGMA = "title: Page of nothing\nid: 7d1f6a5e-6f0e-4b0e-9c57-7a1d1f000001\nlogsource: {{category: webserver}}\ndetection:\n  a: {{cs-uri-stem|contains: /nothing.htm}}\n  condition: a\nlevel: {}\n"


@pytest.mark.parametrize(
    ("level", "verdict"), [("critical", Verdict.SUSPECTED), ("high", Verdict.SUSPECTED), ("medium", Verdict.CANNOT_TELL)]
)
def test_a_pack_of_others_is_suspected_at_most_and_never_no_trace(tmp_path, level, verdict):
    (tmp_path / "rule.yml").write_text(SIGMA.format(level), encoding="utf-8")
    foreign = load(tmp_path)
    result = assessed(Server().iis(NOON, "GET", "/nothing.htm"), packs=(foreign,))
    assert on(foreign.name, result).verdict == verdict
    assert on("proxylogon", result).verdict == Verdict.NO_TRACE
    quiet = assessed(Server(), packs=(foreign,))
    assert [a for a in quiet.answers if a.campaign == foreign.name and a.verdict == Verdict.NO_TRACE] == []


SHELL = shell()
DIGEST = hashlib.sha256(SHELL).hexdigest()
PLACE = CLIENT + "abcdefgh.aspx"


def test_allowed_by_hash_it_raises_nothing_and_is_still_shown():
    entry = AllowEntry("our own test page", sha256=DIGEST.upper())
    result = assessed(Server().file(PLACE, SHELL), allow=(entry,))
    assert on("webshell", result).verdict == Verdict.NO_TRACE
    assert result.findings == ()
    assert {a.reason for a in result.allowed} == {"our own test page"}
    assert {"WS-y-eval", "WS-m"} <= {a.finding.trace for a in result.allowed}


def test_the_hash_is_of_the_content_so_another_page_in_its_place_is_not_allowed():
    entry = AllowEntry("our own test page", sha256=DIGEST)
    result = assessed(Server().file(PLACE, shell("other")), allow=(entry,))
    assert on("webshell", result).verdict == Verdict.COMPROMISED


def test_allowed_by_rule_and_path_only_that_rule_there_is_quiet():
    entry = AllowEntry("monitoring", rule="WS-m", path="/aspnet_client/*.aspx")
    result = assessed(Server().file(PLACE, SHELL), allow=(entry,))
    assert traces(result) >= {"WS-y-eval"}
    assert "WS-m" not in traces(result)
    assert on("webshell", result).verdict == Verdict.COMPROMISED
    elsewhere = assessed(Server().file(V15 + "FrontEnd/HttpProxy/owa/auth/abcdefgh.aspx", b"<html>"), allow=(entry,))
    assert "WS-m" in traces(elsewhere)


@pytest.mark.parametrize(("until", "counts"), [(date(2020, 1, 1), False), (date(2999, 1, 1), True)])
def test_an_entry_that_ran_out_counts_no_more(until, counts):
    entry = AllowEntry("until the move", sha256=DIGEST, until=until)
    result = assessed(Server().file(PLACE, SHELL), allow=(entry,))
    assert (on("webshell", result).verdict == Verdict.NO_TRACE) is counts
    assert bool(result.allowed) is counts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: b",
        "- {sha256: 12, reason: x}",
        f"- {{sha256: {DIGEST}}}",
        f"- {{sha256: {DIGEST}, reason: '  '}}",
        "- {rule: WS-m, reason: x}",
        "- {path: /a, reason: x}",
        "- {rule: WS-m, path: /a, reason: x, until: soon}",
        "- {rule: WS-m, path: /a, reason: x, colour: red}",
        "- [",
    ],
)
def test_an_allow_file_that_says_too_little_is_refused_in_one_line(tmp_path, text):
    place = tmp_path / "allow.yml"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="allow file") as refused:
        read_allow(place)
    assert "\n" not in str(refused.value)


def test_an_allow_file_is_read(tmp_path):
    place = tmp_path / "allow.yml"
    place.write_text(
        f"- {{sha256: {DIGEST}, reason: ours, until: 2999-01-01}}\n- {{rule: WS-m, path: /x, reason: b}}\n", encoding="utf-8"
    )
    assert read_allow(place) == (
        AllowEntry("ours", DIGEST, until=date(2999, 1, 1)),
        AllowEntry("b", rule="WS-m", path="/x"),
    )


def test_a_hole_of_five_hours_is_none_and_one_of_six_is():
    def without(count):
        hidden = {hour_of(NOON) + n for n in range(count)}
        return [replace(s, hours=s.hours - hidden) if s.busy else s for s in COVERED]

    assert judged(spans=without(5)).verdict == Verdict.NO_TRACE
    result = judged(spans=without(6))
    assert result.verdict == Verdict.CANNOT_TELL
    assert NOON.date().isoformat() in " ".join(result.answers[0].limits)


def test_an_allowed_period_before_the_campaign_is_said_so():
    early = replace(PERIOD, since=date(2020, 1, 1), until=date(2020, 1, 2))
    moved = [replace(s, first=s.first - timedelta(days=500)) if s.first else s for s in COVERED]
    answer = judged(spans=moved, period=early).answers[0]
    assert any("2021-01-03" in limit for limit in answer.limits)
