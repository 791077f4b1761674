"""From files to the sentence on exposure: each source that dates the March 2021 update ends the window by itself."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from exhume.assess.run import Options, assess_opened
from exhume.evidence import from_memory
from hive_bytes import hive

LOGGING = "C/Program Files/Microsoft/Exchange Server/V15/Logging/HttpProxy/Ecp/"
HEAD = (
    "#Software: Microsoft Exchange Server\r\n#Version: 15.01.{0}.00{1}\r\n#Log-type: HttpProxy Logs\r\n"
    "#Date: {2}T00:00:00.100Z\r\n#Fields: DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,ServerHostName\r\n"
)
UPDATE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
CONFIG = "C/Windows/System32/config/SOFTWARE"


def logs(change=None):
    """A row an hour from 2021-01-01 to 2021-03-20; the cumulative update changes on the day ``change``."""
    files = {}
    for n in range(79):
        day = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=n)
        build = (2242, 4) if change and f"{day:%Y-%m-%d}" >= change else (2176, 2)
        rows = (f"{day:%Y-%m-%d}T{h:02}:10:00.000Z,id{h},15,1,{build[0]},{build[1]},Ecp,/ecp/,EX01\r\n" for h in range(24))
        files[f"{LOGGING}HttpProxy_{day:%Y%m%d}00-1.LOG"] = (HEAD.format(*build, f"{day:%Y-%m-%d}") + "".join(rows)).encode()
    return files


def event(provider, number, **said):
    system = {
        "Provider": {"#attributes": {"Name": provider}},
        "EventID": number,
        "Channel": "Application",
        "Computer": "EX01.contoso.test",
    }
    system["TimeCreated"] = {"#attributes": {"SystemTime": "2021-03-09T20:00:00.000Z"}}
    return json.dumps({"Event": {"System": system, "EventData": said}}).encode() + b"\n"


def software():
    key = {"PackageName": UPDATE, "InstalledDate": "3/9/2021"}
    return hive({"Microsoft": {"Updates": {"Exchange 2016": {"KB5000871": key}}}}, written=datetime(2021, 3, 9, 20, tzinfo=UTC))


def installer():
    line = f"MSI (s) (B4:20) [15:56:08:409]: Windows Installer installed an update. Product Name: Microsoft Exchange Server. Product Version: 15.1.2176.2. Product Language: 1033. Manufacturer: Microsoft Corporation. Update Name: {UPDATE}. Installation success or error status: 0.\r\n"
    return line.encode("utf-16")


def states(files):
    result = assess_opened(from_memory(files), options=Options(jobs=1))
    return [(str(e.state), str(e.since), str(e.until)) for e in result.exposure if e.cve == "CVE-2021-26855"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("events.jsonl", event("Microsoft-Windows-WindowsUpdateClient", 19, updateTitle=UPDATE)),
        (CONFIG, software()),
        ("C/Program Files/Microsoft/Exchange Server/V15/Logging/Update/msi/ExchangeUpdate_2021-03-09-195000.log", installer()),
    ],
    ids=["event", "hive", "installer"],
)
def test_an_update_that_is_dated_ends_the_window(path, content):
    assert states(logs() | {path: content}) == [
        ("vulnerable", "2021-01-03", "2021-03-08"),
        ("fixed", "2021-03-09", "None"),
    ]


def test_without_it_the_end_is_unknown():
    assert [s[0] for s in states(logs())] == ["vulnerable", "unknown"]


def test_a_new_cumulative_update_in_the_rows_ends_it_by_itself():
    found = states(logs("2021-03-16"))
    assert found[-1] == ("fixed", "2021-03-16", "None")
    assert found[0][0] == "vulnerable"
