"""The exposure decides on which days a campaign is judged, so that a verdict needs no ``--since``: through the whole pipeline."""

from datetime import UTC, date, datetime

import pytest

from exhume.judge import Case, judge
from exhume.model import Cause, Coverage, Gap, Host, Part, Reply, Source, Span, Tool, Verdict, Window, hour_of
from hand_readings import daily, packs, reading, told
from pretend_server import Server, assessed, hours, on

PROXYLOGON = next(p for p in packs() if p.name == "proxylogon")
SHELLS = next(p for p in packs() if p.name == "webshell")
FIRST, LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 20, 23, 30, tzinfo=UTC)
END = "2021-04-20"
UPDATE = reading("update", "KB5000871", "2021-03-09", "exact")
PROXY = daily("15.1.2176.2", "2021-01-01", END)


def spans(first=FIRST, last=LAST):
    full = frozenset(hour_of(hour) for hour in hours(first, last))
    logs = [("exchange.httpproxy", "Ecp", True), ("exchange.ecp-server", "Server", False), ("iis.access", "W3SVC1", True)]
    states = [Span("web.folder", url, "", "C", 1) for url in ("/owa/auth", "/aspnet_client")]
    return (*(Span(k, c, "EX01", "logs", len(full), first, last, full, b) for k, c, b in logs), *states)


def judged(readings, first=FIRST, last=LAST, period=None, chosen=(PROXYLOGON,), gaps=(), end=END):
    found = told(readings, end, first.date().isoformat()) if readings else None
    part = Part((), tuple(readings), Coverage(spans(first, last), tuple(gaps)))
    case = Case(Tool("0", "none"), datetime(2026, 11, 24, tzinfo=UTC), period=period, exposure=found)
    return judge(part, chosen, Host(), case)


def test_the_window_ends_on_the_day_of_the_update_and_covered_days_are_no_trace():
    result = judged([*PROXY, UPDATE])
    answer = on("proxylogon", result)
    assert (answer.verdict, answer.window, answer.limits) == (
        Verdict.NO_TRACE,
        Window(date(2021, 1, 3), date(2021, 3, 9)),
        (),
    )
    assert result.questions.exposed.answer in (Reply.YES, Reply.PARTLY)
    assert "patched on 2021-03-09, exposed 65 days before" in result.questions.exposed.text
    assert {e.cve for e in result.exposure} >= {"CVE-2021-26855", "CVE-2021-27065"}


def test_logs_that_begin_after_the_exposure_did_are_not_enough():
    answer = on("proxylogon", judged([*PROXY, UPDATE], first=datetime(2021, 2, 1, tzinfo=UTC)))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert "2021-01-03 to 2021-01-31" in " ".join(answer.limits)


def test_days_after_the_fix_need_no_log():
    answer = on("proxylogon", judged([*PROXY, UPDATE], last=datetime(2021, 3, 10, tzinfo=UTC)))
    assert (answer.verdict, answer.window.until) == (Verdict.NO_TRACE, date(2021, 3, 9))


@pytest.mark.parametrize(
    "readings",
    [
        [],
        PROXY,
        [*PROXY, reading("build", "15.1.2176.9", None, "exact")],
        [*PROXY, reading("update", "KB5000871", None, "exact")],
        [reading("build", "15.2.1544.4", None, "exact")],
        [reading("build", "15.1.2242.4", None, "hint")],
    ],
    ids=["nothing", "cu only", "fixed at collection", "undated update", "never open by today's build", "weak"],
)
def test_an_end_that_is_not_dated_cannot_tell_however_much_is_covered(readings):
    answer = on("proxylogon", judged(readings))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert any("--since" in limit for limit in answer.limits)


def test_a_change_of_the_cumulative_update_dates_the_end():
    rows = daily("15.1.2106.2", "2021-01-01", "2021-03-28") + daily("15.1.2242.4", "2021-03-28", END)
    answer = on("proxylogon", judged(rows))
    assert (answer.verdict, answer.window.until) == (Verdict.NO_TRACE, date(2021, 3, 28))


def test_open_to_the_end_is_judged_to_the_end():
    answer = on("proxylogon", judged([*PROXY, reading("build", "15.1.2176.4", None, "exact")]))
    assert (answer.verdict, answer.window) == (Verdict.NO_TRACE, Window(date(2021, 1, 3), LAST.date()))


def test_zero_exposed_days_need_a_dated_first_install():
    today = reading("build", "15.2.1544.4", None, "exact")
    first = reading("first_install", "15.2.1544.4", "2024-03-01", "exact")
    logs = {"first": datetime(2026, 10, 1, tzinfo=UTC), "last": datetime(2026, 11, 1, tzinfo=UTC), "end": "2026-11-01"}
    never = on("proxylogon", judged([today, first], **logs))
    assert (never.verdict, never.window) == (Verdict.NO_TRACE, None)
    assert "not open on this server on any day" in never.limits[0]
    assert on("proxylogon", judged([today], **logs)).verdict == Verdict.CANNOT_TELL


def test_lost_rows_block_no_trace_inside_a_known_window_as_well():
    lost = Gap("exchange.httpproxy", Cause.UNREADABLE, "locked", Source("e", "C/x.LOG", "file"))
    assert on("proxylogon", judged([*PROXY, UPDATE], gaps=[lost])).verdict == Verdict.CANNOT_TELL


def test_a_period_that_the_user_gives_goes_before_what_the_readings_tell():
    asked = Window(date(2021, 3, 1), date(2021, 4, 1))
    assert on("proxylogon", judged([*PROXY, UPDATE], period=asked)).window == asked


def test_what_is_tied_to_no_flaw_is_judged_to_the_end_once_every_exposure_is_known():
    both = (PROXYLOGON, SHELLS)
    shells = on("webshell", judged([*PROXY, reading("build", "15.1.2176.4", None, "exact")], chosen=both))
    assert shells.window == Window(date(2021, 1, 3), LAST.date())
    unknown = on("webshell", judged(PROXY, chosen=both))
    assert unknown.verdict == Verdict.CANNOT_TELL


def test_through_the_pipeline_covered_days_of_an_open_server_are_no_trace_without_a_period():
    """The pretend server's HttpProxy rows name 2016 CU12, of which the update of March came on the 10th."""
    server = Server(first=datetime(2021, 1, 1, tzinfo=UTC), last=datetime(2021, 3, 8, 23, 50, tzinfo=UTC))
    result = assessed(server, period=None)
    answer = on("proxylogon", result)
    assert (answer.verdict, answer.window) == (Verdict.NO_TRACE, Window(date(2021, 1, 3), date(2021, 3, 8)))
    assert (result.host.product, result.host.cu, result.host.build) == ("2016", "CU12", "15.1.1713.5")
    assert "at least this build" in result.host.build_source
    assert "still open on 2021-03-08" in result.questions.exposed.text


def test_a_server_that_is_still_open_is_told_to_update_although_nothing_was_found():
    server = Server(first=datetime(2021, 1, 1, tzinfo=UTC), last=datetime(2021, 3, 8, 23, 50, tzinfo=UTC))
    step = next(s for s in assessed(server, period=None).plan if s.title == "Install the security update")
    assert step.why.startswith("The evidence does not show that it was fixed: ")
    assert "ProxyLogon (CVE-2021-26855)" in step.why
    fixed = [*PROXY, UPDATE]
    assert "proxylogon" not in told(fixed, END, "2021-01-01").unfixed
    assert judged(fixed).plan == ()


def test_campaigns_after_the_judged_days_are_one_limit_and_none_of_a_proven_break_in():
    asked = Window(date(2021, 3, 1), date(2021, 3, 8))
    result = judged([*PROXY, UPDATE], period=asked, chosen=packs())
    after = [limit for limit in result.questions.broken_into.limits if "first seen anywhere" in limit]
    assert len(after) == 1
    assert "ProxyShell (2021)" in after[0]
    assert "OWASSRF (2022)" in after[0]


def test_what_to_bring_is_a_list_with_the_places_of_a_server():
    from exhume.reports.wording import paragraphs

    step = judged(PROXY, first=datetime(2021, 2, 1, tzinfo=UTC)).plan[0]
    pieces = [text for command, text in paragraphs(step.how) if not command]
    assert any(text.startswith("- Rows of the front-end web log reach from 2021-02-01") for text in pieces)
    assert any(text.startswith("On the server: ") and "ExchangeSetupLogs" in text for text in pieces)
    assert pieces[-1].startswith("Look for the missing days")
