"""Which folders IIS serves is read from the server's own configuration; what lies in them, and what was asked there, follows."""

import io
from datetime import timedelta

import pytest

from exhume.assess.recheck import recheck
from exhume.assess.run import Options, assess
from exhume.judge import raised
from exhume.model import Cause, Fate, Verdict
from exhume.model.kinds import SERVER_SIDE
from exhume.reports import load
from exhume.reports.document import Document
from pretend_server import CLIENT, NOON, PERIOD, V15, Server, assessed, shell

CONFIG = "C/Windows/System32/inetsrv/config/applicationHost.config"
EXCHANGE = V15.replace("C/", "C:\\", 1).replace("/", "\\")
OWN = [
    ("/", "/", "%SystemDrive%\\inetpub\\wwwroot"),
    ("/owa", "/", EXCHANGE + "FrontEnd\\HttpProxy\\owa"),
    ("/ecp", "/", EXCHANGE + "FrontEnd\\HttpProxy\\ecp"),
    ("/EWS", "/", EXCHANGE + "FrontEnd\\HttpProxy\\EWS"),
    ("/OAB", "/", EXCHANGE + "FrontEnd\\HttpProxy\\OAB"),
]


def site(name, number, applications):
    folders = "".join(
        f'<application path="{app}"><virtualDirectory path="{path}" physicalPath="{folder}" /></application>'
        for app, path, folder in applications
    )
    return f'<site name="{name}" id="{number}">{folders}</site>'


def config(*sites, own=OWN):
    text = "".join([site("Default Web Site", 1, own), *sites])
    return f"<configuration><system.applicationHost><sites>{text}</sites></system.applicationHost></configuration>".encode()


def of(assessment, trace):
    return [f for f in assessment.singles if trace in (f.trace, f.rule)]


@pytest.mark.parametrize("ending", sorted(SERVER_SIDE))
def test_a_shell_of_any_ending_is_named_and_has_its_step(ending):
    page = f"/aspnet_client/x1y2.{ending}"
    text = shell() if ending not in ("cshtml", "cshtm", "vbhtml", "vbhtm") else b"@{ " + b"ev" + b'al(Request["x"]); }'
    told = assessed(Server().file(f"{CLIENT}x1y2.{ending}", text).iis(NOON, "POST", page))
    assert told.verdict == Verdict.COMPROMISED
    assert [p for one in told.intrusions for p in one.web_shells] == [page]
    assert [(p.page, p.fate) for p in told.planted] == [(page, Fate.STILL_THERE)]
    step = next(s for s in told.plan if s.title == "Move web shells into quarantine")
    assert f"aspnet_client\\x1y2.{ending}" in step.how


def test_a_certificate_request_is_the_page_it_was_meant_to_be():
    told = assessed(Server().file(f"{CLIENT}cert.aspx.req", shell()))
    assert told.verdict == Verdict.COMPROMISED
    assert [p.page for p in told.planted] == ["/aspnet_client/cert.aspx.req"]


def test_a_page_lies_where_the_configuration_says():
    server = (
        Server()
        .file(CONFIG, config(own=[*OWN[1:], ("/", "/", "E:\\web\\front")]))
        .file("E/web/front/aspnet_client/a.aspx", shell())
    )
    told = assessed(server.iis(NOON, "POST", "/aspnet_client/a.aspx"))
    assert [(p.page, p.fate) for p in told.planted] == [("/aspnet_client/a.aspx", Fate.STILL_THERE)]
    found = next(f for f in told.findings if f.record.kind == "web.file")
    assert (found.record.text("url"), found.record.text("site")) == ("/aspnet_client/a.aspx", "Default Web Site")
    assert any(
        s.kind == "web.folder" and s.channel == "/aspnet_client" and s.path.startswith("E/") for s in told.coverage.spans
    )


def test_an_event_names_the_page_by_the_configuration():
    event = (
        '{"EventID": 11, "Channel": "Microsoft-Windows-Sysmon/Operational", "Provider_Name": "Microsoft-Windows-Sysmon",'
        ' "Computer": "ex01.contoso.test", "EventRecordID": 5, "TimeCreated": "2021-03-03T12:00:00Z",'
        ' "Image": "C:\\\\Windows\\\\System32\\\\inetsrv\\\\w3wp.exe", "UtcTime": "2021-03-03 12:00:00.000",'
        ' "TargetFilename": "E:\\\\Ex\\\\FrontEnd\\\\HttpProxy\\\\own\\\\a.aspx"}\n'
    )
    own = [*OWN, ("/portal", "/", "E:\\Ex\\FrontEnd\\HttpProxy\\own")]
    told = assessed(Server().file(CONFIG, config(own=own)).file("sysmon.jsonl", event.encode()))
    shells = {key for f in told.findings for v in f.visits for key in v.keys if key.startswith("shell:")}
    assert shells <= {"shell:/portal/a.aspx", "shell:/own/a.aspx"}


@pytest.mark.parametrize("own", [True, False])
def test_pages_of_a_second_site_are_no_alarm(own):
    """WSUS beside Exchange: its own site, its own port, its own pages."""
    server = Server()
    if own:
        wsus = site("WSUS Administration", 1234567, [("/", "/", "C:\\Program Files\\Update Services\\WebServices\\Root")])
        server.file(CONFIG, config(wsus))
    page = b"<" + b'%@ Page Language="C#" %' + b"><html><body>Reports</body></html>"
    for name in ("a", "b", "index"):
        server.file(f"C/Program Files/Update Services/WebServices/Root/{name}.aspx", page)
        for hour in range(3):
            server.iis(NOON + timedelta(hours=hour), "POST", f"/Inventory/{name}.aspx", site="W3SVC1234567", port=8530)
    told = assessed(server)
    assert not [f.title for f in told.findings if raised(f) is not None and f.outcome.name != "PROBE"]


def test_an_unknown_page_of_the_site_is_suspected_and_an_application_of_many_is_not():
    few = assessed(Server().iis(NOON, "POST", "/helpdesk/new.aspx"))
    assert [raised(f) for f in of(few, "WS-a-elsewhere")] == [Verdict.SUSPECTED]
    server = Server()
    for number in range(8):
        server.iis(NOON + timedelta(minutes=number), "POST", "/helpdesk/new.aspx", ip=f"10.0.1.{number}")
    many = assessed(server)
    found = of(many, "WS-a-elsewhere")
    assert [raised(f) for f in found] == [None]
    assert found[0].count == 8
    assert "8 different addresses" in found[0].because[-1].test
    again = recheck(load(Document().render(many)), "ab")
    assert [(f.id, raised(f)) for f in again.findings] == [(f.id, raised(f)) for f in many.findings]
    assert few.verdict == Verdict.SUSPECTED
    looked = assessed(Server().iis(NOON, "GET", "/x/a.aspx"))
    assert [raised(f) for f in of(looked, "WS-b-elsewhere")] == [None]


def test_a_page_elsewhere_that_something_else_shows_too_is_a_shell():
    server = Server().file("C/inetpub/wwwroot/helpdesk/new.aspx", shell()).iis(NOON, "POST", "/helpdesk/new.aspx")
    assert assessed(server).verdict == Verdict.COMPROMISED
    commands = Server().iis(NOON, "POST", "/helpdesk/new.aspx", query="c=whoami")
    assert assessed(commands).verdict == Verdict.COMPROMISED


def test_an_application_of_its_own_by_the_configuration_is_another_products():
    server = Server().file(CONFIG, config(own=[*OWN, ("/helpdesk", "/", "D:\\apps\\helpdesk")]))
    told = assessed(server.iis(NOON, "POST", "/helpdesk/new.aspx"))
    assert [raised(f) for f in of(told, "WS-a-elsewhere")] == [None]
    assert "configuration of IIS" in of(told, "WS-a-elsewhere")[0].because[-1].test
    again = recheck(load(Document().render(told)), "ab")
    assert again.host.sites == told.host.sites
    assert [raised(f) for f in of(again, "WS-a-elsewhere")] == [None]


def test_a_page_alone_in_a_new_folder_is_listed_and_an_application_is_not():
    page = b"<" + b'%@ Page Language="C#" %' + b"><html><body>hello</body></html>"
    told = assessed(Server().file("C/inetpub/wwwroot/new/a.aspx", page))
    assert [raised(f) for f in of(told, "baseline.new-folder")] == [None]
    imitated = assessed(Server().file("C/inetpub/wwwroot/aspnet/a.aspx", page))
    assert Verdict.SUSPECTED in [raised(f) for f in of(imitated, "baseline.unknown-page")]
    server = Server()
    for number in range(6):
        server.file(f"C/inetpub/wwwroot/new/a{number}.aspx", page)
    assert of(assessed(server), "baseline.new-folder") == []


def test_slices_and_workers_agree_on_what_is_served(tmp_path):
    server = Server().file(CONFIG, config(own=[*OWN, ("/other", "/", "E:\\web")])).file("E/web/a.aspx", shell())
    for path, data in server.iis(NOON, "POST", "/other/a.aspx").content().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    one, two = (assess(tmp_path, options=Options(jobs=jobs, period=PERIOD)) for jobs in (1, 3))
    assert [(f.id, f.because, f.visits) for f in one.findings] == [(f.id, f.because, f.visits) for f in two.findings]
    assert one.planted == two.planted
    assert [p.page for p in one.planted] == ["/other/a.aspx"]


@pytest.mark.parametrize(
    "bad",
    [
        b"<configuration><system.applicationHost><sites><site",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><configuration><system.applicationHost/></configuration>",
        config(own=[*OWN, ("/a" * 9000, "/", "C:\\x" * 9000)]),
        config(own=[*OWN, ("/a", "/", "..\\..\\..\\.."), ("/b", "/", "%nothing%\\x"), ("/c", "/", "C:\\a\\..\\..\\b")]),
        config(own=[*OWN, *((f"/v{n}", "/", f"C:\\many\\v{n}\\..\\v{n}") for n in range(6000))]),
        config(*(site(f"s{n}", n + 2, [("/", "/", "C:\\inetpub\\wwwroot")]) for n in range(500))),
        b"\xff\xfe" + config().decode().encode("utf-16-le"),
    ],
)
def test_a_hostile_configuration_hides_nothing(bad):
    told = assessed(Server().file(CONFIG, bad).file(f"{CLIENT}x1.aspx", shell()).iis(NOON, "POST", "/aspnet_client/x1.aspx"))
    assert told.verdict == Verdict.COMPROMISED
    assert [p.page for p in told.planted] == ["/aspnet_client/x1.aspx"]


def test_a_folder_of_another_machine_is_told_as_not_seen():
    told = assessed(Server().file(CONFIG, config(own=[*OWN, ("/share", "/", "\\\\files01\\web")])))
    assert [g.cause for g in told.coverage.gaps if "another machine" in g.detail] == [Cause.ABSENT]
    near = assessed(Server().file(CONFIG, config(own=[*OWN, ("/share", "/", "\\\\localhost\\c$\\web")])))
    assert not [g for g in near.coverage.gaps if "another machine" in g.detail]


def test_it_is_read_from_an_archive_that_flows(tmp_path):
    import tarfile

    server = Server().file("E/web/a.aspx", shell()).file(CONFIG, config(own=[*OWN, ("/other", "/", "E:\\web")]))
    path = tmp_path / "c.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in server.content().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    told = assess(path, options=Options(jobs=1, period=PERIOD))
    assert [f.record.text("url") for f in told.findings if f.record.kind == "web.file"][:1] == ["/other/a.aspx"]
