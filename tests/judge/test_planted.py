"""Who removed a web shell: said only where a record names the file, else unknown, with what is possible."""

from datetime import date, datetime, timedelta

import pytest

from exhume.model import Fate
from pretend_server import ATTACKER, CLIENT, NOON, SESSION, Server, assessed, shell

PAGE = "/aspnet_client/x1y2z3.aspx"
PATH = "C:\\inetpub\\wwwroot\\aspnet_client\\x1y2z3.aspx"
MSERT = """Microsoft Safety Scanner v1.333, (build 1.333.163.0)
Started On {at:%a %b %d %H:%M:%S %Y}
Threat Detected: Backdoor:ASP/Webshell!MSR, {said}.
    Action: {action}, Result: 0x00000000
        file://{path}
Results Summary:
Found Backdoor:ASP/Webshell!MSR, {said}.
Microsoft Safety Scanner Finished On {at:%a %b %d %H:%M:%S %Y}
Return code: 6 (0x6)
"""
EVENT = (
    '{{"EventID": {number}, "Channel": "Microsoft-Windows-Windows Defender/Operational",'
    ' "Provider_Name": "Microsoft-Windows-Windows Defender", "Computer": "EX01", "EventRecordID": {number},'
    ' "TimeCreated": "{at:%Y-%m-%dT%H:%M:%S}Z", "Threat Name": "Backdoor:ASP/Webshell!MSR", "Path": "file:_{path}",'
    ' "Action Name": "{action}"}}'
)
DEBUG = "C/Windows/debug/msert.log"


def used(*missed, page=PAGE):
    server = Server().proxy(NOON, SESSION, 241).iis(NOON + timedelta(minutes=1), "POST", page, 200)
    for at in missed:
        server.iis(at, "GET", page, 404, ip="198.51.100.9")
    return server.file(CLIENT + "system_web/web.txt", b"text")


def life(server):
    (one,) = [p for p in assessed(server).planted if p.page == PAGE]
    return one


def msert(at=NOON, said="and Removed", action="Remove", path=PATH):
    return MSERT.format(at=at, said=said, action=action, path=path).encode()


def test_a_page_on_the_disk_is_still_there():
    one = life(used().file(CLIENT + "x1y2z3.aspx", shell()))
    assert (one.fate, one.by, one.gone_by) == (Fate.STILL_THERE, "", None)
    assert one.first_used == one.last_used == NOON + timedelta(minutes=1)
    assert one.placed is None, "the file's own time is no proof"


def test_gone_and_nobody_says_who():
    one = life(used(NOON + timedelta(days=2)))
    assert (one.fate, one.by) == (Fate.GONE, "")
    assert one.gone_by == (NOON + timedelta(days=2)).date()
    assert one.why[0] == "Gone; by whom is unknown."


def test_without_its_folder_nothing_is_gone():
    server = used()
    server.files.clear()
    one = life({k: v for k, v in server.content().items() if "wwwroot" not in k})
    assert one.fate is Fate.CANNOT_TELL


def test_the_safety_scanner_says_that_it_removed_it():
    one = life(used().file(DEBUG, msert(NOON + timedelta(days=1))))
    assert (one.fate, one.by, one.gone_by) == (Fate.GONE, "Microsoft Safety Scanner", (NOON + timedelta(days=1)).date())
    assert one.source.path.endswith("msert.log")
    assert one.why[0].startswith(f"Removed on or before {one.gone_by}, by Microsoft Safety Scanner, because")


@pytest.mark.parametrize(
    "log",
    [
        msert(said="not removed", action="NoAction"),
        msert(path="C:\\inetpub\\wwwroot\\aspnet_client\\other.aspx"),
        msert(path="D:\\backup\\x1y2z3.aspx"),
    ],
)
def test_found_and_not_removed_or_another_file_proves_nothing(log):
    one = life(used().file(DEBUG, log))
    assert one.by == ""
    assert "by whom is unknown" in one.why[0]


def test_a_tool_that_removed_it_while_it_is_on_the_disk_again():
    one = life(used().file(DEBUG, msert()).file(CLIENT + "x1y2z3.aspx", shell()))
    assert one.fate is Fate.STILL_THERE
    assert "still there" in one.why[0]


def events(*pairs):
    lines = (EVENT.format(number=n, at=NOON + timedelta(hours=3), path=PATH.replace("\\", "\\\\"), action=a) for n, a in pairs)
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("pairs", "by"),
    [
        ([(1116, "Not Applicable"), (1117, "Quarantine")], "Microsoft Defender"),
        ([(1116, "Not Applicable")], ""),
        ([(1116, "Not Applicable"), (1117, "Allow")], ""),
        ([(1116, "Not Applicable"), (1119, "Quarantine")], ""),
    ],
)
def test_defender_removed_it_only_when_it_says_so(pairs, by):
    one = life(used().file("C/logs/defender.json", events(*pairs)))
    assert (one.fate, one.by) == (Fate.GONE, by)
    if by:
        assert one.gone_by == NOON.date()


EOMT = "{day} 10:00:00 Info: Starting EOMT.ps1\r\n{day} 10:20:11 Notice: THREATS DETECTED!\r\n"


@pytest.mark.parametrize(("day", "always"), [("2021-03-16", True), ("2021-03-20", False)])
def test_a_scan_that_names_no_file_is_only_possible(day, always):
    server = used(datetime.fromisoformat("2021-03-25T00:00:00+00:00")).file("C/EOMT/EOMT.log", EOMT.format(day=day).encode())
    one = life(server)
    assert one.by == ""
    (said,) = [w for w in one.why if "EOMT" in w]
    assert said.startswith("Possible:")
    assert ("always removed" in said) is always


@pytest.mark.parametrize(("end", "told"), [("2021-05-01", True), ("2021-03-20", False)])
def test_the_fbi_is_possible_only_when_its_days_lie_between(end, told):
    one = life(used(datetime.fromisoformat(f"{end}T00:00:00+00:00")))
    assert any("FBI" in w for w in one.why) is told
    assert one.by == ""
    assert one.gone_by == date.fromisoformat(end)


def test_no_intrusion_no_page():
    assert assessed(Server().iis(NOON, "GET", PAGE, 404, ip=ATTACKER)).planted == ()


@pytest.mark.parametrize(("also", "told"), [("POST", True), ("GET", False)])
def test_a_page_that_is_only_posted_to_is_told(also, told):
    server = used().file(CLIENT + "x1y2z3.aspx", shell())
    for minute in range(2, 6):
        server.iis(NOON + timedelta(minutes=minute), "POST", PAGE, 200)
    server.iis(NOON + timedelta(minutes=9), also, PAGE, 200)
    assert [w for w in life(server).why if "POST" in w] == (
        ["All 6 of the first rows of it in the IIS log are POST: a page that people look at is opened with GET."]
        if told
        else []
    )


def test_a_page_that_only_answered_is_named_after_a_proven_write():
    """Of a real victim: three requests answered 200 to a page that Exchange does not ship led to "Find the page"."""
    server = Server().proxy(NOON, SESSION, 241)
    for hour in (1, 2, 30):
        server.iis(NOON + timedelta(hours=hour), "GET", PAGE, 200)
    server.iis(NOON + timedelta(hours=31), "GET", PAGE, 404).iis(
        NOON + timedelta(hours=3), "GET", "/aspnet_client/other.aspx", 404
    )
    result = assessed(server)
    (one,) = result.intrusions
    assert one.web_shells == (PAGE,)
    (page,) = result.planted
    assert (page.page, page.actors, page.first_used) == (PAGE, (1,), None)
    assert (page.first_seen, page.last_served) == (NOON + timedelta(hours=1), NOON + timedelta(hours=30))
    assert page.gone_by == (NOON + timedelta(hours=31)).date()
    titles = [step.title for step in result.plan]
    assert "Find the page that was written" not in titles
    quarantine = next(step for step in result.plan if "quarantine" in step.title.lower())
    assert "C:\\inetpub\\wwwroot\\aspnet_client\\x1y2z3.aspx" in quarantine.how


def test_a_page_that_was_only_asked_for_is_not_named():
    server = Server().proxy(NOON, SESSION, 241)
    for number, status in enumerate((404, 302, 401, 403)):
        server.iis(NOON + timedelta(minutes=number), "GET", PAGE, status)
    result = assessed(server)
    assert [one.web_shells for one in result.intrusions] == [()]
    assert result.planted == ()


def test_an_owners_own_page_that_answers_is_no_planted_page_to_remove():
    """Log-on pages with a captcha follow published advice: they answer 200, to everybody."""
    server = Server().iis(NOON, "GET", "/owa/auth/recaptcha.aspx", 200)
    server.iis(NOON + timedelta(minutes=1), "POST", "/owa/auth/logon.aspx", 200)
    result = assessed(server)
    assert not [step for step in result.plan if "quarantine" in step.title.lower()]
