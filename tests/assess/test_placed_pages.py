"""A page that only an event names: it was placed, with time, program and account, though no file came."""

from __future__ import annotations

import json

import pytest

from exhume.model import Verdict
from pretend_server import assessed, on

V15 = "Program Files\\Microsoft\\Exchange Server\\V15\\"
PAGE = "inetpub\\wwwroot\\aspnet_client\\zqa4.aspx"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
SHARE = {
    "EventID": 5145,
    "ShareName": "\\\\*\\C$",
    "ShareLocalPath": "\\??\\C:\\",
    "RelativeTargetName": PAGE,
    "AccessMask": "0x2",
    "ObjectType": "File",
    "Keywords": "0x8020000000000000",
    "SubjectUserName": "EX01$",
    "IpAddress": "127.0.0.1",
}
REPLICATION = {"EventID": 11, "Image": f"C:\\{V15}Bin\\MSExchangeMailboxReplication.exe", "TargetFilename": f"C:\\{PAGE}"}


def told(*events):
    lines = [
        json.dumps(
            {"Channel": SYSMON if event["EventID"] < 100 else "Security", "Computer": "ex01.contoso.test",
             "TimeCreated": "2021-03-03T05:06:07Z", "EventRecordID": n, **event}
        )
        for n, event in enumerate(events, 1)
    ]  # fmt: skip
    return assessed({"events.json": "\n".join(lines).encode()})


@pytest.mark.parametrize("event", [SHARE, REPLICATION, SHARE | {"IpAddress": "::1", "AccessMask": "0x120116"}])
def test_a_page_that_exchange_itself_wrote_is_a_break_in_and_is_named(event):
    result = told(event)
    assert on("webshell", result).verdict == Verdict.COMPROMISED
    assert [page.page for page in result.planted] == ["/aspnet_client/zqa4.aspx"]
    assert str(result.planted[0].placed) == "2021-03-03 05:06:07+00:00"


@pytest.mark.parametrize(
    "event",
    [
        {"EventID": 11, "Image": "System", "TargetFilename": f"C:\\{PAGE}"},
        {"EventID": 4663, "ProcessName": "C:\\Windows\\System32\\cmd.exe", "ObjectName": f"C:\\{PAGE}", "ObjectType": "File",
         "AccessMask": "0x2"},
        {"EventID": 4688, "NewProcessName": "C:\\Windows\\System32\\cmd.exe", "CommandLine": f"cmd /c copy C:\\a.txt C:\\{PAGE}"},
        SHARE | {"SubjectUserName": "admin", "IpAddress": "10.0.0.5"},
    ],
)  # fmt: skip
def test_a_page_that_somebody_wrote_is_as_suspicious_as_one_on_disk(event):
    result = told(event)
    assert on("webshell", result).verdict == Verdict.SUSPECTED
    assert [f.trace for f in result.findings] == ["WS-r-other"]


@pytest.mark.parametrize(
    "event",
    [
        SHARE | {"AccessMask": "0x80"},
        SHARE | {"Keywords": "0x8010000000000000"},
        SHARE | {"RelativeTargetName": f"{V15}FrontEnd\\HttpProxy\\owa\\auth\\logon.aspx"},
        SHARE | {"RelativeTargetName": "inetpub\\wwwroot\\aspnet_client\\a.png"},
        REPLICATION | {"TargetFilename": "C:\\pst\\a.pst"},
        {"EventID": 11, "Image": "C:\\Windows\\System32\\msiexec.exe", "TargetFilename": f"C:\\{V15}FrontEnd\\HttpProxy\\owa\\auth\\n.aspx"},
        {"EventID": 11, "Image": "C:\\Windows\\explorer.exe", "TargetFilename": f"C:\\{V15}FrontEnd\\HttpProxy\\owa\\auth\\errorFE.aspx"},
    ],
)  # fmt: skip
def test_ordinary_work_in_the_web_folders_says_nothing(event):
    assert told(event).findings == ()
