"""Findings become intrusions: what joins, what must not, and what a missing log does."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from exhume.judge.chain import attribute, chain
from exhume.model import Because, Confidence, Coverage, Finding, Outcome, Record, Rule, Severity, Source

START = datetime(2021, 3, 3, 6, 49, tzinfo=UTC)
STEP = Rule("PL-855-d", "proxylogon", "Session obtained", Outcome.STEP, Severity.CRITICAL, Confidence.HIGH, decisive=True)
WRITE = Rule("WS-h", "webshell", "Page written", Outcome.WRITE, Severity.CRITICAL, Confidence.HIGH, fold=("TargetFilename",))
EXEC = Rule("WS-a", "webshell", "Posted to a page", Outcome.EXEC, Severity.CRITICAL, Confidence.HIGH, fold=("cs-uri-stem",))
RAN = Rule("WS-e", "webshell", "Program started", Outcome.EXEC, Severity.CRITICAL, Confidence.HIGH, fold=("CommandLine",))
SEEN = Rule("WS-b", "webshell", "Page served", Outcome.STEP, Severity.HIGH, Confidence.MEDIUM, fold=("cs-uri-stem",))
DISK = Rule("WS-m", "webshell", "Page on the disk", Outcome.WRITE, Severity.CRITICAL, Confidence.HIGH, fold=("windows_path",))
PATH = "C:\\inetpub\\wwwroot\\aspnet_client\\{}.aspx"


def raised(rule, kind, seconds, fields, channel="", line=1):
    time = None if seconds is None else START + timedelta(seconds=seconds)
    record = Record(kind, time, fields, Source("e", f"{kind}.log", f"line {line}"), channel)
    return Finding.of(rule, record, [Because("x", "y", "z")])


def session(seconds, address, canary="", agent="python-requests/2.25.1"):
    anchor = f"ServerInfo~a]@ex01:444/ecp/proxyLogon.ecp?msExchEcpCanary={canary}#" if canary else "ServerInfo~x/ecp/y"
    fields = {"ClientIpAddress": address, "AnchorMailbox": anchor, "UserAgent": agent, "Method": "POST", "UrlStem": "/ecp/y.js"}
    return raised(STEP, "exchange.httpproxy", seconds, fields, "Ecp")


def used(seconds, address, page, agent="python-requests/2.25.1", rule=EXEC, method="POST"):
    fields = {"c-ip": address, "cs-uri-stem": f"/aspnet_client/{page}.aspx", "cs(User-Agent)": agent, "cs-method": method}
    return raised(rule, "iis.access", seconds, fields, "W3SVC1")


def written(seconds, page):
    return raised(WRITE, "windows.event", seconds, {"TargetFilename": PATH.format(page), "EventID": 11}, "Sysmon")


def lies(page, modified=""):
    fields = {"windows_path": PATH.format(page), "served": True, "modified": modified}
    return raised(DISK, "web.file", None, fields, "web")


def told(*findings, mixed=()):
    return chain(findings, Coverage(), {}, mixed)


def test_one_actor_by_address_process_and_disk():
    ran = raised(RAN, "windows.event", 63, {"EventID": 1, "CommandLine": "whoami", "ProcessId": "77"}, "Sysmon")
    one = told(session(0, "203.0.113.5"), written(8, "a"), used(60, "203.0.113.5", "a"), ran, lies("a"))
    assert len(one) == 1
    assert one[0].addresses == ("203.0.113.5",)
    assert one[0].web_shells == ("/aspnet_client/a.aspx",)
    assert [a.outcome for a in one[0].acts] == [Outcome.STEP, Outcome.WRITE, Outcome.EXEC]


def test_two_actors_in_the_same_hour_with_the_same_tool_stay_two():
    first = (session(0, "203.0.113.5"), written(8, "a"), used(60, "203.0.113.5", "a"), lies("a"))
    second = (session(200, "203.0.113.6"), written(208, "b"), used(260, "203.0.113.6", "b"), lies("b"))
    one, two = told(*first, *second)
    assert (one.addresses, one.web_shells) == (("203.0.113.5",), ("/aspnet_client/a.aspx",))
    assert (two.addresses, two.web_shells) == (("203.0.113.6",), ("/aspnet_client/b.aspx",))


def test_one_finding_that_folds_rows_of_two_actors_stands_in_both():
    first, second = session(0, "203.0.113.5"), session(600, "203.0.113.6")
    behind = Rule("PL-855-l", "proxylogon", "Machine account", Outcome.STEP, Severity.HIGH)
    rows = [
        raised(
            behind,
            "iis.access",
            s,
            {"cs-uri-stem": "/ecp/y", "s-port": "444", "c-ip": "192.0.2.1", "s-ip": "192.0.2.1"},
            "W3SVC2",
        )
        for s in (0, 600)
    ]
    folded = rows[0] + rows[1]
    intrusions = told(first, second, folded)
    assert len(intrusions) == 2
    assert all(folded.id in i.findings for i in intrusions)


def test_the_same_session_from_two_addresses_is_one():
    assert len(told(session(0, "203.0.113.5", "abcdefgh1234"), session(90, "203.0.113.99", "abcdefgh1234"))) == 1


def test_a_shared_address_joins_nothing_by_itself_and_is_shown_as_mixed():
    two = told(session(0, "192.0.2.5", "canary-of-one"), session(9000, "192.0.2.5", "canary-of-two"), mixed={"192.0.2.5"})
    assert len(two) == 2
    assert all(i.mixed == ("192.0.2.5",) for i in two)
    assert len(told(session(0, "192.0.2.5", "canary-of-one"), session(9000, "192.0.2.5", "canary-of-two"))) == 1


def test_at_a_shared_address_two_sessions_at_once_stay_two():
    rows = [session(s, "192.0.2.5", c) for s, c in ((0, "canary-of-one"), (70, "canary-of-two"), (140, "canary-of-one"))]
    assert len(told(*rows, mixed={"192.0.2.5"})) == 2


def test_somebody_elses_shell_used_a_day_later_is_another_intrusion_that_is_linked():
    _, two = told(session(0, "203.0.113.5"), written(8, "a"), used(90_000, "198.51.100.7", "a", agent="Firefox"))
    assert two.addresses == ("198.51.100.7",)
    assert any("which intrusion 1 wrote" in note for note in two.notes)


def test_who_only_asks_for_a_planted_page_is_no_intruder_but_named():
    visit = used(9000, "198.51.100.9", "a", "Firefox", SEEN, "GET")
    (one,) = told(session(0, "203.0.113.5"), written(8, "a"), visit)
    assert "198.51.100.9" not in one.addresses
    assert any("198.51.100.9" in note for note in one.notes)
    assert len(told(visit)) == 1, "alone it is all that there is"


def test_probes_and_attempts_are_no_intrusion():
    tried = Rule("PL-855-a-attempt", "proxylogon", "Tried", Outcome.ATTEMPT, Severity.LOW)
    assert told(raised(tried, "iis.access", 0, {"c-ip": "203.0.113.5"}, "W3SVC1")) == ()


def test_files_without_any_log_are_one_intrusion_without_a_time():
    (one,) = told(lies("a"), lies("b"))
    assert (one.first_seen, one.addresses) == (None, ())
    assert len(one.web_shells) == 2


def test_the_time_of_a_file_is_used_last_and_said_to_be_forgeable():
    reset = Rule("PL-855-g", "proxylogon", "Reset", Outcome.WRITE, Severity.CRITICAL, Confidence.HIGH)
    fields = {"ClientIpAddress": "203.0.113.5", "AnchorMailbox": "ServerInfo~x/ecp/y", "UserAgent": "p"}
    (one,) = told(raised(reset, "exchange.httpproxy", 0, fields, "Ecp"), lies("a", "2021-03-03T06:49:03Z"))
    assert any("forged" in why for why in one.why)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_findings_does_not_matter(seed):
    findings = [
        session(0, "203.0.113.5"), written(8, "a"), used(60, "203.0.113.5", "a"), lies("a"), lies("b"),
        session(200, "203.0.113.6"), written(208, "b"), used(260, "203.0.113.6", "b"), session(300, "203.0.113.7", "canary12"),
    ]  # fmt: skip
    shuffled = random.Random(seed).sample(findings, len(findings))
    assert told(*shuffled) == told(*findings)


def test_a_million_attempts_beside_an_intrusion_cost_little():
    tried = Rule("x", "p", "Tried", Outcome.ATTEMPT, Severity.LOW, fold=("cs-uri-stem",))
    many = [
        raised(tried, "iis.access", n, {"c-ip": f"198.51.{n % 200}.{n % 250}", "cs-uri-stem": f"/{n}"}, "W3SVC1")
        for n in range(4000)
    ]
    start = datetime.now(UTC)
    actors, _ = attribute([*many, session(0, "203.0.113.5"), written(8, "a")])
    assert len(actors) == 1
    assert datetime.now(UTC) - start < timedelta(seconds=20)


MARKS = (
    ("One", "page", "/aspnet_client/a*.aspx", "a report"),
    ("One", "page", "/aspnet_client/aa.aspx", "a report"),
    ("One", "address", "203.0.113.5", "another report"),
    ("Two", "page", "/aspnet_client/a*.aspx", "a report"),
    ("Two", "command", "whoami", "a report"),
)


def test_a_cluster_is_named_with_two_independent_marks_and_both_are_shown():
    (one,) = chain([session(0, "203.0.113.5"), written(8, "aa")], Coverage(), {}, (), MARKS)
    assert one.cluster == "One"
    assert "a report" in one.cluster_why
    assert "another report" in one.cluster_why


def test_one_mark_or_two_of_one_kind_or_two_clusters_are_no_name():
    (one,) = chain([session(0, "203.0.113.6"), written(8, "aa")], Coverage(), {}, (), MARKS)
    assert one.cluster == "unattributed"
    ran = raised(RAN, "windows.event", 63, {"EventID": 1, "CommandLine": "whoami", "ProcessId": "77"}, "Sysmon")
    (one,) = chain([session(0, "203.0.113.5"), written(8, "aa"), ran], Coverage(), {}, (), MARKS)
    assert (one.cluster, "several" in one.cluster_why) == ("unattributed", True)


def test_the_marks_that_come_with_exhume_are_well_formed():
    from exhume.packs import clusters

    rows = clusters()
    assert len(rows) > 20
    assert all(kind in ("page", "address", "domain", "file", "command") for _, kind, _, _ in rows)
    assert all(value == value.lower() and source for _, _, value, source in rows)


IMPERSONATED = Rule(
    "PL-855-h-ews", "proxylogon", "Mail read", Outcome.POST, Severity.HIGH, Confidence.MEDIUM, fold=("SoapAction",)
)
LISTED = Rule("EWS", "proxylogon", "Mail asked for", Outcome.PROBE, Severity.LOW, Confidence.LOW, fold=("SoapAction",))


def read(seconds, address, user, impersonated, rule=IMPERSONATED):
    fields = {"ClientIpAddress": address, "AuthenticatedUser": user, "ImpersonatedUser": impersonated, "SoapAction": "GetItem"}
    return raised(rule, "exchange.ews", seconds, fields)


def test_mail_read_in_somebodys_name_is_named_and_that_of_a_backup_is_not():
    backup = read(30, "10.0.0.8", "CONTOSO\\svc-backup", "anna@contoso.test", rule=LISTED)
    far = read(86_400 * 9, "10.0.0.8", "CONTOSO\\svc-backup", "bo@contoso.test", rule=LISTED)
    mine = [read(n, "203.0.113.5", "CONTOSO\\EX01$", f"{who}@contoso.test") for n, who in ((20, "cfo"), (40, "legal"))]
    (one,) = told(session(0, "203.0.113.5"), *mine, backup, far)
    assert one.mailboxes == ("cfo@contoso.test", "legal@contoso.test")
    assert told(backup, far) == ()


def test_who_ran_the_commands_of_an_intrusion_is_named_and_joins_nothing():
    ran = [
        raised(RAN, "windows.event", at, {"EventID": 4688, "CommandLine": f"c{at}", "SubjectUserName": who}, "Security", at)
        for at, who in ((10, "svc-scan"), (20, "EX01$"))
    ]
    (one,) = told(session(0, "203.0.113.5"), *ran)
    assert one.accounts == ("svc-scan",)
    apart = [
        raised(
            RAN, "windows.event", at, {"EventID": 4688, "CommandLine": f"c{at}", "SubjectUserName": "svc-scan"}, "Security", at
        )
        for at in (0, 86_400)
    ]
    assert len(told(*apart)) == 2
