"""The table of servers in DESIGN, section 4, row by row, through the whole pipeline."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest

from exhume.judge import raised
from exhume.model import Outcome, Reply, Severity, Verdict, Window
from pretend_server import (
    ATTACKER,
    AUTH,
    CLIENT,
    MAIL,
    NOON,
    PERIOD,
    SESSION,
    SID,
    V15,
    Server,
    assessed,
    oab_dump,
    on,
    shell,
    tag,
    traces,
)

MINUTE = timedelta(minutes=1)
DDI = "/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory"
REMNANT = "C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/root/e22c2559/92c7e946/abcdefgh.aspx.f5dba9b9.compiled"
COMPILED = b"""<?xml version="1.0" encoding="utf-8"?>
<preserve resultType="3" virtualPath="/aspnet_client/Abcdefgh.aspx" hash="f" filehash="1" flags="110000" assembly="App_Web_abcdefgh.aspx.f5dba9b9.x1" type="ASP.x"/>"""


def missing_days(result, campaign="proxylogon"):
    return " ".join(on(campaign, result).limits)


def test_clean_and_logs_too_short_cannot_tell_and_the_days_are_named():
    result = assessed(Server(first=datetime(2021, 3, 3, tzinfo=UTC)))
    answer = on("proxylogon", result)
    assert (result.verdict, answer.verdict, answer.outcome) == (Verdict.CANNOT_TELL, Verdict.CANNOT_TELL, None)
    assert "2 days cannot be judged: 2021-03-01 to 2021-03-02" in missing_days(result)
    assert "front-end web log" in missing_days(result)
    assert result.findings == ()


def test_evidence_only_from_after_the_patch_cannot_tell():
    weeks_later = Server(first=datetime(2021, 4, 20, tzinfo=UTC), last=datetime(2021, 4, 21, tzinfo=UTC))
    result = assessed(weeks_later, period=Window(date(2021, 1, 3), date(2021, 4, 21)))
    assert on("proxylogon", result).verdict == Verdict.CANNOT_TELL
    assert "2021-01-03 to 2021-04-19" in missing_days(result)


def test_no_exchange_evidence_at_all_cannot_tell_and_says_which_kinds_are_missing():
    result = assessed({"notes.txt": b"minutes of a meeting\r\n", "photo.jpg": b"\xff\xd8\xff"})
    assert {a.verdict for a in result.answers if a.campaign in ("proxylogon", "webshell")} == {Verdict.CANNOT_TELL}
    for kind in ("HttpProxy log Ecp", "IIS log W3SVC1", "ECP Server log", "/owa/auth", "/aspnet_client"):
        assert kind in missing_days(result), kind
    assert result.verdict == Verdict.CANNOT_TELL
    assert result.questions.broken_into.answer == Reply.CANNOT_TELL
    assert result.questions.clean_now.answer == Reply.CANNOT_TELL


@pytest.mark.parametrize("taken", ["proxy", "ecp"])
def test_one_source_of_a_group_is_enough(taken):
    assert on("proxylogon", assessed(Server().without(taken))).verdict == Verdict.NO_TRACE


def test_without_the_web_logs_nothing_can_be_said():
    assert on("proxylogon", assessed(Server().without("proxy", "iis"))).verdict == Verdict.CANNOT_TELL
    assert on("webshell", assessed(Server().without("iis"))).verdict == Verdict.CANNOT_TELL


def test_folders_that_were_not_listed_block_no_trace():
    result = assessed(Server(folders=False))
    assert on("proxylogon", result).verdict == Verdict.CANNOT_TELL
    assert "listing of the log-on folder" in missing_days(result)


def test_covered_logs_and_listed_folders_in_a_given_period_are_no_trace():
    result = assessed(Server())
    for campaign in ("proxylogon", "webshell"):
        answer = on(campaign, result)
        assert (answer.verdict, answer.outcome, answer.limits, answer.window) == (Verdict.NO_TRACE, None, (), PERIOD)
    assert result.findings == ()


def test_without_a_period_covered_logs_are_still_no_proof():
    answer = on("proxylogon", assessed(Server(), period=None))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert "2021-01-03 to 2021-02-28" in missing_days(assessed(Server(), period=None))
    named = Server().content()
    unnamed = {p: d.replace(b"#Version: 15.01.1713.005", b"#Version: 15.0.0.0") for p, d in named.items()}
    assert "--since" in missing_days(assessed(unnamed, period=None))


def test_a_night_without_rows_is_a_hole():
    content = Server().content()
    for path in [p for p in content if "20210302" in p or "210302" in p]:
        del content[path]
    result = assessed(content)
    assert on("proxylogon", result).verdict == Verdict.CANNOT_TELL
    assert "2021-03-02" in missing_days(result)


@pytest.mark.parametrize("status", [500, 401, 302, 503, 404, 0])
def test_forged_rows_that_were_not_answered_stay_attempts(status):
    result = assessed(
        Server().proxy(NOON, SESSION, status).proxy(NOON + MINUTE, MAIL, status).proxy(NOON + 2 * MINUTE, SID, status)
    )
    answer = on("proxylogon", result)
    assert (answer.verdict, answer.outcome) == (Verdict.ATTEMPTED, Outcome.ATTEMPT)
    assert [f for f in result.findings if raised(f) is not None] == []
    assert result.questions.attacked.answer == Reply.YES


def test_attempts_without_coverage_say_attacked_but_not_whether_it_worked():
    server = Server(first=datetime(2021, 3, 3, tzinfo=UTC)).proxy(NOON, SESSION, 500)
    result = assessed(server)
    answer = on("proxylogon", result)
    assert (answer.verdict, answer.outcome) == (Verdict.CANNOT_TELL, Outcome.ATTEMPT)
    assert (result.questions.attacked.answer, result.questions.broken_into.answer) == (Reply.YES, Reply.CANNOT_TELL)


def test_a_session_obtained_and_nothing_written_is_compromised():
    result = assessed(Server().proxy(NOON, SESSION, 241))
    answer = on("proxylogon", result)
    assert (result.verdict, answer.verdict, answer.outcome) == (Verdict.COMPROMISED, Verdict.COMPROMISED, Outcome.STEP)
    assert answer.first_seen == answer.last_seen == NOON
    assert result.finding(answer.findings[0]).trace == "PL-855-d"
    assert ATTACKER in result.questions.attacked.text


def test_a_session_stays_compromised_however_short_the_logs_are():
    server = Server(first=NOON - timedelta(hours=1), last=NOON, folders=False).proxy(NOON, SESSION, 241)
    assert on("proxylogon", assessed(server, period=None)).verdict == Verdict.COMPROMISED


def test_a_users_sid_only_is_suspected():
    answer = on("proxylogon", assessed(Server().proxy(NOON, SID, 200)))
    assert (answer.verdict, answer.outcome) == (Verdict.SUSPECTED, Outcome.STEP)


def test_a_mailbox_read_through_the_forged_session_is_post():
    result = assessed(Server().proxy(NOON, SESSION, 241).proxy(NOON + MINUTE, MAIL, 200))
    answer = on("proxylogon", result)
    assert (answer.verdict, answer.outcome) == (Verdict.COMPROMISED, Outcome.POST)
    assert result.finding(answer.findings[0]).trace == "PL-855-h"


@pytest.mark.parametrize(
    ("path", "content", "campaign", "trace"),
    [
        (CLIENT + "abcdefgh.aspx", shell(), "webshell", "WS-y-eval"),
        (AUTH + "abcdefgh.aspx", shell(), "webshell", "WS-y-eval"),
        (CLIENT + "abcdefgh.aspx", oab_dump(tag()), "proxylogon", "PL-065-i"),
        (AUTH.replace("C/", "D/"), oab_dump(tag()), "proxylogon", "PL-065-i"),
    ],
)
@pytest.mark.parametrize("period", [None, PERIOD])
def test_a_web_shell_in_a_served_folder_and_no_logs_is_compromised_since_when_unknown(path, content, campaign, trace, period):
    name = path if path.endswith(".aspx") else path + "abcdefgh.aspx"
    result = assessed({name: content}, period=period)
    answer = on(campaign, result)
    assert answer.verdict == Verdict.COMPROMISED
    assert trace in traces(result)
    assert (answer.first_seen, answer.last_seen) == (None, None)
    since = result.questions.since_how_far
    assert since.answer == Reply.CANNOT_TELL
    assert "unknown" in since.text
    assert "session" not in since.text, "a file on the disk is no session"
    assert result.questions.clean_now.answer == Reply.NO


@pytest.mark.parametrize("content", [shell(), oab_dump(tag())])
@pytest.mark.parametrize(
    "path", ["C/ProgramData/abcdefgh.aspx", "C/Quarantine/abcdefgh.aspx", "abcdefgh.aspx", "C/Temp/abcdefgh.txt"]
)
def test_a_web_shell_outside_any_served_folder_is_suspected_at_most(path, content):
    result = assessed({path: content})
    worst = max(a.verdict for a in result.answers)
    assert worst == Verdict.SUSPECTED if path.endswith(".aspx") else worst <= Verdict.SUSPECTED


def test_a_page_nobody_knows_in_a_served_folder_is_suspected():
    answer = on("webshell", assessed(Server().file(CLIENT + "abcdefgh.aspx", b"<html>hello</html>")))
    assert answer.verdict == Verdict.SUSPECTED


def test_shell_gone_but_posted_to_with_success_is_compromised():
    answer = on("webshell", assessed(Server().iis(NOON, "POST", "/aspnet_client/abcdefgh.aspx")))
    assert (answer.verdict, answer.outcome, answer.first_seen) == (Verdict.COMPROMISED, Outcome.EXEC, NOON)


def test_shell_gone_but_its_compiled_remnant_left_is_compromised():
    answer = on("webshell", assessed(Server().file(REMNANT, COMPILED)))
    assert (answer.verdict, answer.outcome) == (Verdict.COMPROMISED, Outcome.EXEC)


def test_a_lone_get_200_is_suspected():
    assert on("webshell", assessed(Server().iis(NOON, "GET", "/aspnet_client/abcdefgh.aspx"))).verdict == Verdict.SUSPECTED


@pytest.mark.parametrize("status", [302, 404, 401, 500])
def test_a_page_that_was_not_served_is_nothing(status):
    result = assessed(
        Server().iis(NOON, "GET", "/aspnet_client/abcdefgh.aspx", status).iis(NOON, "POST", "/owa/auth/abcdefgh.aspx", status)
    )
    answer = on("webshell", result)
    assert answer.verdict == Verdict.NO_TRACE
    assert answer.outcome in (None, Outcome.PROBE)
    assert {f.severity for f in result.findings} <= {Severity.INFO}


def test_only_an_address_from_a_list_is_a_probe():
    result = assessed(
        Server().iis(NOON, "GET", "/owa/", ip="103.77.192.219").iis(NOON, "POST", "/owa/auth.owa", 302, ip="103.77.192.219")
    )
    answer = on("proxylogon", result)
    assert (answer.verdict, answer.outcome) == (Verdict.NO_TRACE, Outcome.PROBE)
    assert {f.outcome for f in result.findings} == {Outcome.PROBE}


def test_an_administrator_who_sets_an_oab_url_raises_nothing_above_low():
    server = Server()
    for minute, url in enumerate(("https://mail.contoso.test/OAB", "http://mail.contoso.test/OAB", "")):
        server.ecp(NOON + minute * MINUTE, f"Set-OabVirtualDirectory.ExternalUrl='{url}'.Identity='22'", DDI)
    result = assessed(server)
    assert {f.severity for f in result.findings} <= {Severity.INFO, Severity.LOW}
    assert on("proxylogon", result).verdict == Verdict.NO_TRACE


def test_a_script_in_the_oab_url_is_a_write_and_a_failed_one_an_attempt():
    command = f"Set-OabVirtualDirectory.ExternalUrl='{tag()}'.Identity='22'"
    answer = on("proxylogon", assessed(Server().ecp(NOON, command, DDI)))
    assert (answer.verdict, answer.outcome) == (Verdict.COMPROMISED, Outcome.WRITE)
    answer = on(
        "proxylogon", assessed(Server().ecp(NOON, command, DDI, error="Microsoft.Exchange.Data.DataValidationException"))
    )
    assert (answer.verdict, answer.outcome) == (Verdict.ATTEMPTED, Outcome.ATTEMPT)


def test_a_known_product_name_with_an_unknown_hash_is_low():
    result = assessed(Server().file(AUTH + "errorFE.aspx", b"<html>of a later build</html>"))
    assert {(f.severity, f.outcome) for f in result.findings} == {(Severity.LOW, Outcome.PROBE)}
    assert "newer" in result.findings[0].title or "build" in result.findings[0].title
    assert on("webshell", result).verdict == Verdict.NO_TRACE


def two_servers(**changes):
    first, second = Server(), Server(name="EX02")
    first.prefix, second.prefix = "one/", "two/"
    if changes:
        second.proxy(NOON, **changes)
    return first.content() | second.content()


def test_two_servers_in_one_folder_are_never_no_trace():
    answer = on("proxylogon", assessed(two_servers()))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert any("EX01" in limit and "EX02" in limit for limit in answer.limits)


def test_of_two_servers_the_worst_leads():
    result = assessed(two_servers(anchor=SESSION, status=241))
    assert on("proxylogon", result).verdict == Verdict.COMPROMISED
    assert {f.record.server for f in result.findings if raised(f) == Verdict.COMPROMISED} == {"EX02"}


def test_what_was_found_outside_the_period_still_counts():
    """--since and --until bound what must be covered; they do not look away."""
    server = Server().proxy(datetime(2021, 2, 27, 8, tzinfo=UTC), SESSION, 241)
    assert on("proxylogon", assessed(server)).verdict == Verdict.COMPROMISED


def test_a_later_clean_state_never_lowers_an_earlier_finding():
    server = Server().proxy(NOON, SESSION, 241)
    clean = {f"later/{path}": data for path, data in Server().content().items()}
    assert assessed(server.content() | clean).verdict == Verdict.COMPROMISED


@pytest.mark.parametrize("extra", [b"2021-03-02 12:\xff\xfe torn\r\n" * 50, b"\xff\xfe\x00garbage\n" * 50])
def test_many_lost_rows_of_a_needed_log_block_no_trace(extra):
    content = Server().without("proxy").content()
    path = next(p for p in content if "W3SVC1" in p and "210302" in p)
    content[path] = content[path] + extra
    answer = on("webshell", assessed(content))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert any("damaged" in limit for limit in answer.limits)


def test_one_torn_last_row_does_not():
    content = Server().content()
    path = next(p for p in content if "W3SVC1" in p and "210304" in p)
    content[path] = content[path][:-20]
    assert on("proxylogon", assessed(content)).verdict == Verdict.NO_TRACE


@pytest.mark.skipif(os.name == "nt", reason="links, pipes, rights and names as only POSIX has them")
def test_a_log_that_cannot_be_opened_blocks_no_trace(monkeypatch):
    from exhume.evidence import EvidenceError
    from exhume.evidence.tree import Tree

    real = Tree.open
    victim = f"{V15}Logging/HttpProxy/Ecp/HttpProxy_2021030200-1.LOG"

    def opened(self, path):
        if path == victim:
            raise EvidenceError("locked")
        return real(self, path)

    monkeypatch.setattr(Tree, "open", opened)
    answer = on("proxylogon", assessed(Server()))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert any("could not be opened" in limit and "HttpProxy_2021030200" in limit for limit in answer.limits)


def test_the_servers_own_address_is_not_named_among_the_attackers():
    """On the back end a proxied request comes from the server itself."""
    content = Server().content()
    path = next(p for p in content if "W3SVC2" in p and "210303" in p)
    session = (
        "2021-03-03 12:00:01 10.0.0.1 POST /ecp/proxyLogon.ecp - 444 CONTOSO\\EX01$ {} python-requests/2.25.1 - 241 0 0 5\r\n"
    )
    content[path] += (session.format("10.0.0.1") + session.format(ATTACKER)).encode()
    result = assessed(content)
    assert any(f.address == "10.0.0.1" for f in result.findings), "the row of the back end is a finding"
    assert ATTACKER in result.questions.attacked.text
    assert "10.0.0.1" not in result.questions.attacked.text
