"""What the five questions say, and what they must not say: each sentence claims what was seen and no more."""

from datetime import UTC, datetime

import pytest

from exhume.judge.questions import answer_all
from exhume.model import (
    Answer,
    Confidence,
    Coverage,
    Fate,
    Finding,
    Host,
    Intrusion,
    Outcome,
    Planted,
    Record,
    Reply,
    Rule,
    Severity,
    Source,
    Verdict,
)

AT = datetime(2021, 8, 19, 12, tzinfo=UTC)
ROW = {
    "cs-method": "GET",
    "cs-uri-stem": "/aspnet_client/x.aspx",
    "sc-status": "200",
    "c-ip": "203.0.113.5",
    "s-ip": "10.0.0.1",
}


def found(kind="iis.access", fields=ROW, outcome=Outcome.STEP, sure=False, decisive=False, n=1, cves=()):
    confidence = Confidence.HIGH if sure else Confidence.MEDIUM
    rule = Rule(f"r{n}", "webshell", f"Title {n}", outcome, Severity.HIGH, confidence, decisive, cves=cves)
    state = kind in ("web.file", "iis.config", "windows.task", "file.entry")
    return Finding.of(rule, Record(kind, None if state else AT, fields, Source("e", f"log{n}", "line 1")), ())


def asked(*findings, intrusions=(), pages=()):
    from exhume.model import raised

    called = [v for v in map(raised, findings) if v is not None]
    verdict = max(called, default=Verdict.CANNOT_TELL)
    outcome = max((f.outcome for f in findings), default=None)
    answer = Answer("webshell", "Web shells", verdict, outcome, AT, AT, tuple(f.id for f in findings), ())
    return answer_all([answer], findings, Coverage(), Host(), None, None, intrusions, pages)


def intrusion(*findings, **more):
    return Intrusion("i-1", AT, AT, tuple(f.id for f in findings), **more)


PAGE = {"windows_path": "C:\\inetpub\\wwwroot\\x.aspx", "served": True}
SERVED, RAN = found(), found(outcome=Outcome.EXEC, n=2)
PROOF = found(outcome=Outcome.EXEC, sure=True, n=3)
TASK = found("windows.task", {"name": "t"}, Outcome.POST, n=4)
FILE = found("web.file", PAGE, Outcome.WRITE, n=5)
SHELL = found("web.file", PAGE, Outcome.WRITE, sure=True, n=6)


@pytest.mark.parametrize(
    ("findings", "says", "never"),
    [
        ([SERVED], "a page that Exchange does not ship answered", "session"),
        ([RAN], "code of an attacker may have run", "attacker ran"),
        ([PROOF], "code of the attacker ran", "may have"),
        ([PROOF, RAN], "code of the attacker ran", "may have"),
        ([PROOF, TASK], "code of the attacker ran", "work after the break-in was seen"),
        ([FILE], "has to be explained lies on the disk", "was changed"),
        ([SHELL], "a file or a setting was changed", "may have"),
        ([found(decisive=True, cves=("CVE-2021-26855",))], "an intermediate step of an attack worked", "may have"),
        (
            [found("tool.detection", {"tool": "msert", "target": "C:\\x"})],
            "something was seen that has to be explained",
            "session",
        ),
    ],
)
def test_how_far(findings, says, never):
    text = asked(*findings).since_how_far.text
    assert says in text
    assert never not in text


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("203.0.113.5", "from 1 address: 203.0.113.5. "),
        ("192.168.7.4", "from 1 address: 192.168.7.4 (an inside address). "),
        ("100.64.1.2", "(an inside address)"),
        ("fd00::5", "(an inside address)"),
        ("203.0.113.5 10.0.0.9", "from 1 address: 203.0.113.5. "),
    ],
)
def test_an_inside_address_is_called_so(address, says):
    assert says in asked(found(fields=ROW | {"c-ip": address})).attacked.text


def test_inside_and_outside_addresses_together_and_the_servers_own():
    near, own = found(fields=ROW | {"c-ip": "10.0.0.7"}, n=2), found(fields=ROW | {"c-ip": "10.0.0.1"}, n=3)
    text = asked(SERVED, near, own).attacked.text
    assert "from 2 addresses: 10.0.0.7 and 203.0.113.5 (inside: 10.0.0.7)." in text


def test_what_only_lies_on_the_disk_and_has_to_be_explained_is_no_attack():
    module = found("iis.config", {"section": "globalModules", "name": "m"}, Outcome.WRITE, n=9)
    told = asked(module)
    assert told.attacked.answer == Reply.CANNOT_TELL
    assert "1 finding on the disk has to be explained" in told.attacked.text
    assert told.clean_now.answer == Reply.CANNOT_TELL
    assert asked(SHELL).attacked.answer == Reply.YES
    assert asked(SHELL).clean_now.answer == Reply.NO


def test_parties_got_in_only_where_that_is_proven():
    assert "1 party may have got in" in asked(RAN, intrusions=[intrusion(RAN)]).since_how_far.text
    both = asked(PROOF, RAN, intrusions=[intrusion(PROOF, web_shells=("/a.aspx",)), intrusion(RAN)]).since_how_far.text
    assert "1 party got in, 1 more may have; known of what they touched: 1 page." in both


def test_after_a_break_in_the_pages_that_only_logs_know_are_named():
    page = Planted("/aspnet_client/x.aspx", (1,), None, AT, AT, Fate.CANNOT_TELL, None, "", ())
    gone = Planted("/aspnet_client/y.aspx", (1,), None, AT, AT, Fate.GONE, AT.date(), "Microsoft Defender", ())
    text = asked(PROOF, pages=(page, gone)).clean_now.text
    assert "/aspnet_client/x.aspx" in text
    assert "/aspnet_client/y.aspx" not in text, "a tool says that it removed it"
