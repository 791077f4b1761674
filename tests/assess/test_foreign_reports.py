"""A report on another server, kept beside the evidence of this one, tells nothing of this one."""

import json

import pytest

from exhume.assess.run import Options, assess_opened
from exhume.evidence import from_memory
from exhume.model import Cause

ROW = "2021-03-{day:02}T{hour:02}:00:00.000Z,id{hour},15,1,2176,2,Ecp,/ecp/,,Mozilla/5.0,EX01,200,"
NAMES = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,AnchorMailbox,UserAgent,ServerHostName,HttpStatus,UrlQuery"
LOG = "C/Program Files/Microsoft/Exchange Server/V15/Logging/HttpProxy/Ecp/HttpProxy_2021030100-1.LOG"


def log():
    head = (
        f"#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.002\r\n#Log-type: HttpProxy Logs\r\n#Fields: {NAMES}\r\n"
    )
    return (head + "".join(ROW.format(day=d, hour=h) + "\r\n" for d in range(1, 6) for h in range(24))).encode()


def report(server):
    return json.dumps({"Servers": [{"Name": server, "BuildVersion": "15.1.2176.9", "Online": True}]}).encode()


@pytest.mark.parametrize(("server", "used"), [("EX01.contoso.test", True), ("ex02", False)])
def test_only_the_report_of_a_server_that_has_logs_here_is_used(server, used):
    path = "C/Scripts/HealthChecker-VulnerabilityReport-20210303101112.json"
    told = assess_opened(from_memory({LOG: log(), path: report(server)}), options=Options(jobs=1))
    assert (path in {r.source.path for r in told.readings}) is used
    skipped = [g for g in told.coverage.gaps if g.cause == Cause.SKIPPED and "another server" in g.detail]
    assert [g.source.path for g in skipped] == ([] if used else [path])
    fixed = [e for e in told.exposure if e.cve == "CVE-2021-26855" and str(e.state) == "fixed"]
    assert bool(fixed) is used, "with the other server's patch this one would count as fixed"


def test_without_any_name_in_the_logs_a_report_is_used():
    told = assess_opened(
        from_memory({"C/Scripts/HealthChecker-VulnerabilityReport-20210303101112.json": report("EX02")}),
        options=Options(jobs=1),
    )
    assert [r.value for r in told.readings if r.what == "build"] == ["15.1.2176.9"]


@pytest.mark.parametrize("name", ["HealthChecker-EX01-20210420101112.xml", "saved.xml"])
def test_the_report_of_an_unpatched_server_names_it_and_its_exact_build(name):
    """ExSetup.exe of a cumulative update without any security update: the same number as AdminDisplayVersion."""
    content = (
        '<Objs Version="1.1.0.1"><Obj RefId="0"><MS><Obj N="HealthCheckerExchangeServer" RefId="1"><MS>'
        '<S N="ServerName">ex01.contoso.test</S><DT N="GenerationTime">2021-04-20T10:11:12+00:00</DT>'
        '<Obj N="ExchangeSetup" RefId="2"><MS><S N="FileVersion">15.01.2176.002</S><B N="FailedGetExSetup">false</B></MS></Obj>'
        '<Obj N="GetExchangeServer" RefId="3"><MS><S N="Name">EX01</S><Obj N="AdminDisplayVersion" RefId="4">'
        "<ToString>Version 15.1 (Build 2176.2)</ToString></Obj></MS></Obj></MS></Obj></MS></Obj></Objs>"
    )
    told = assess_opened(from_memory({f"C/Scripts/{name}": content.encode()}), options=Options(jobs=1))
    assert (told.host.name, told.host.build) == ("EX01", "15.1.2176.2")
    open_on = [e for e in told.exposure if e.cve == "CVE-2021-26855" and str(e.state) == "vulnerable"]
    assert [str(e.until) for e in open_on] == ["2021-04-20"]
