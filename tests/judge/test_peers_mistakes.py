"""Mistakes that other tools made on Exchange evidence, each as a test of ours. The sources stand in the notes on peers:
Test-ProxyLogon, EOMT, HealthChecker, CompareExchangeHashes, CHIRP, Loki and signature-base, plaso, hayabusa, small scripts."""

import csv
import io
import os
import subprocess
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from exhume.assess import sieve
from exhume.assess.run import Options, assess
from exhume.assess.survey import product_of
from exhume.detectors import Sigma
from exhume.evidence import Limits
from exhume.judge import raised
from exhume.model import Cause, Finding, Host, Outcome, Record, Reply, Severity, Source, State, Verdict, anew
from exhume.packs import shipped
from exhume.reports import REPORTS
from pretend_server import (
    AUTH,
    CLIENT,
    MAIL,
    NOON,
    PERIOD,
    SESSION,
    UNTIL,
    V15,
    Server,
    assessed,
    oab_dump,
    on,
    shell,
    tag,
    traces,
)

OAB_LOG = V15 + "Logging/OABGeneratorLog/OABGenerator20210303-1.LOG"


def rendered(name, result):
    return next(r for r in REPORTS if r.name == name).render(result).decode()


@pytest.mark.parametrize(
    "content", [{}, {"readme.txt": b"hello"}, {"empty.log": b""}, {V15 + "Logging/HttpProxy/Ecp/x.LOG": b""}]
)
def test_no_green_result_with_nothing_tested(content):
    """Test-ProxyLogon: "Nothing suspicious detected" without an install directory; Loki: "SYSTEM SEEMS TO BE CLEAN"."""
    result = assessed(content)
    assert result.verdict == Verdict.CANNOT_TELL
    assert on("proxylogon", result).verdict == Verdict.CANNOT_TELL
    assert result.questions.broken_into.answer == Reply.CANNOT_TELL
    assert on("proxylogon", result).limits


def test_one_refused_row_hides_no_other_row_of_the_same_file():
    """A YARA rule for IIS logs: one 401 anywhere in the file suppressed a true hit."""
    server = Server()
    for minute, status in enumerate((401, 404, 444, 500)):
        server.proxy(NOON + timedelta(minutes=minute), SESSION, status)
        server.iis(NOON + timedelta(minutes=minute), "POST", "/aspnet_client/abcdefgh.aspx", status)
    server.proxy(NOON + timedelta(minutes=9), SESSION, 241).iis(
        NOON + timedelta(minutes=9), "POST", "/aspnet_client/abcdefgh.aspx"
    )
    result = assessed(server)
    assert {"PL-855-d", "PL-855-a-attempt", "WS-a"} <= traces(result)


@pytest.mark.parametrize(
    "place", [CLIENT + "poc.aspx", CLIENT + "system_web/poc.aspx", AUTH + "errorFE.aspx", AUTH + "logon.aspx"]
)
def test_no_place_makes_a_shell_known_good(place):
    """CompareExchangeHashes allowed ``aspnet_client\\poc.aspx`` by its path; a product's name proves nothing either."""
    assert on("webshell", assessed(Server().file(place, shell()))).verdict == Verdict.COMPROMISED


@pytest.mark.parametrize("where", ["x?a=/autodiscover", "ecp/about.aspx?y=/autodiscover/autodiscover.xml"])
def test_the_word_autodiscover_hides_nothing(where):
    """Test-ProxyLogon left out every row with ``/autodiscover`` in it."""
    result = assessed(Server().proxy(NOON, f"ServerInfo~a]@ex01.contoso.test:444/{where}#", 200))
    assert "PL-855-a" in traces(result)
    assert on("proxylogon", result).verdict == Verdict.SUSPECTED


def test_the_first_step_of_the_chain_is_told():
    anchor = "ServerInfo~a]@ex01.contoso.test:444/autodiscover/autodiscover.xml?a=~1942062522#"
    answer = on("proxylogon", assessed(Server().proxy(NOON, anchor, 200)))
    assert (answer.verdict, answer.outcome) == (Verdict.ATTEMPTED, Outcome.ATTEMPT)


def download_failed(path):
    head = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.1713.005\r\n#Log-type: OABGeneratorLog\r\n#Date: 2021-03-03T00:00:00.000Z\r\n"
    return f"{head}2021-03-03T12:00:00.000Z,1,OAB,Download failed and temporary file '{path}' needs to be removed\r\n".encode()


@pytest.mark.parametrize(
    ("path", "hit"),
    [
        (
            "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\ClientAccess\\OAB\\..\\..\\FrontEnd\\HttpProxy\\owa\\auth\\x.tmp",
            True,
        ),
        ("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\ClientAccess\\OAB/../../x.tmp", True),
        ("E:\\inetpub\\wwwroot\\aspnet_client\\x.tmp", True),
        ("E:\\EXCH\\ClientAccess\\OAB\\Temp\\7f2c.tmp", False),
    ],
)
def test_the_oab_folder_is_no_prefix_that_dots_can_leave(path, hit):
    """Test-ProxyLogon compared the beginning of the path as text, and knew one drive only."""
    result = assessed(Server().file(OAB_LOG, download_failed(path)))
    assert ("PL-858-a" in traces(result)) is hit


@pytest.mark.parametrize(("drive", "other"), [("C/", "E/"), ("C/", "uploads/auto/E%3A/"), ("C/", "")])
def test_nothing_depends_on_drive_c(drive, other):
    """KAPE's targets, CERT-LV's script and others look below ``C:`` only."""
    server = Server().proxy(NOON, SESSION, 241).file(CLIENT + "abcdefgh.aspx", oab_dump(tag()))
    moved = {other + path.removeprefix(drive): data for path, data in server.content().items()}
    result = assessed(moved)
    assert {"PL-855-d", "PL-065-i"} <= traces(result)
    assert (
        on("proxylogon", assessed({other + p.removeprefix(drive): d for p, d in Server().content().items()})).verdict
        == Verdict.NO_TRACE
    )


def test_letter_case_of_folders_does_not_matter():
    content = {path.upper(): data for path, data in Server().proxy(NOON, SESSION, 241).content().items()}
    assert on("proxylogon", assessed(content)).verdict == Verdict.COMPROMISED


def test_a_high_kb_number_fixes_nothing():
    """EOMT took the highest number of any security update for a patch state."""
    names = {
        f"C/ExchangeSetupLogs/KB{n}.msp.log": b"Security Update for Exchange Server KB5009999 installed"
        for n in (5000871, 9999999)
    }
    result = assessed(Server().content() | names)
    assert [r for r in result.readings if r.trust == "exact"] == []
    assert {e.state for e in result.exposure if e.cve == "CVE-2021-26855" and e.until is None} == {State.VULNERABLE}


def test_a_build_is_four_numbers_and_no_fraction():
    """HealthChecker read build 1913.10 as 1913.1."""
    row = "2021-03-03T06:49:51.543Z,id1,15,1,1913,{},Ecp,/ecp/,,Mozilla/5.0,EX01,200,\r\n"
    head = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,AnchorMailbox,UserAgent,ServerHostName,HttpStatus,UrlQuery\r\n"
    text = head + row.format(10)
    result = assessed({V15 + "Logging/HttpProxy/Ecp/HttpProxy_2021030306-1.LOG": text.encode()})
    assert result.host.build == "15.1.1913.10"
    assert [
        product_of(b) for b in ("15.1.1913.10", "15.2.858.5", "15.2.2562.17", "15.0.1497.2", "14.3.513.0", "15.1", "x")
    ] == [*("2016", "2019", "SE", "2013", "2010", "", "")]


def test_times_of_files_are_no_proof_either_way(tmp_path):
    """CompareExchangeHashes let pages pass that looked older than the campaign; attackers set that time."""
    for path, data in Server().file(CLIENT + "abcdefgh.aspx", oab_dump(tag())).content().items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        os.utime(place, (1262304000, 1262304000))
    result = assess(tmp_path, options=Options(period=PERIOD, jobs=1))
    answer = on("proxylogon", result)
    assert answer.verdict == Verdict.COMPROMISED
    assert (answer.first_seen, answer.last_seen) == (None, None)
    assert all(s.first is None or s.first.year == 2021 for s in result.coverage.spans), (
        "coverage comes from rows, not from file times"
    )


def test_events_need_no_rendered_message():
    """Test-ProxyLogon searched the rendered message, which does not exist on another machine and is localised."""
    parameters = f'-ExternalUrl "{tag()}" -Identity "EX01\\OAB (Default Web Site)"'
    fields = {
        "EventID": 1,
        "Channel": "MSExchange Management",
        "Provider_Name": "MSExchange CmdletLogs",
        "Cmdlet": "Set-OabVirtualDirectory",
        "Parameters": parameters,
        "Data": ("Set-OabVirtualDirectory", parameters),
    }
    record = Record("windows.event", NOON, fields, Source("e", "m.evtx", "record 1"), "MSExchange Management", "EX01")
    found = [f for f in Sigma.from_packs(shipped(), Host()).detect(record) if isinstance(f, Finding)]
    assert "PL-065-d" in {f.trace for f in found}


def test_a_large_log_is_read_to_its_end():
    """Loki leaves out files above 5,000 KB without a word."""
    server = Server().proxy(UNTIL, SESSION, 241)
    content = server.content()
    path = next(p for p in content if "HttpProxy_20210304" in p)
    head, _, last = content[path].rstrip(b"\r\n").rpartition(b"\r\n")
    row = head.rsplit(b"\r\n", 1)[1] + b"\r\n"
    content[path] = head + b"\r\n" + row * (6_000_000 // len(row)) + last + b"\r\n"
    assert len(content[path]) > 6_000_000
    assert "PL-855-d" in traces(assessed(content))


def test_a_size_limit_is_told_and_blocks_the_verdict(tmp_path):
    with zipfile.ZipFile(tmp_path / "ex01.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path, data in Server().content().items():
            packed.writestr(path, data)
        packed.writestr(V15 + "Logging/HttpProxy/Ecp/HttpProxy_2021030212-9.LOG", b"2021-03-02T12:00:00.000Z,x\r\n" * 90_000)
    options = Options(period=PERIOD, jobs=1, evidence_limits=Limits(max_file_bytes=1_000_000))
    result = assess(tmp_path / "ex01.zip", options=options)
    assert [g.source.path.rsplit("/", 1)[1] for g in result.coverage.gaps if g.cause == Cause.LIMIT] == [
        "HttpProxy_2021030212-9.LOG"
    ]
    assert on("proxylogon", result).verdict == Verdict.CANNOT_TELL


@pytest.mark.parametrize("byte", [b"\xff", b"\x80", b"\x00", b"\x1a"])
def test_one_bad_byte_drops_no_file(byte):
    """plaso drops a whole IIS log for one byte that is no UTF-8."""
    server = Server().iis(NOON, "GET", "/owa/BADBYTE").iis(NOON + timedelta(minutes=1), "POST", "/aspnet_client/abcdefgh.aspx")
    content = {p: d.replace(b"BADBYTE", byte) for p, d in server.content().items()}
    result = assessed(content)
    assert "WS-a" in traces(result)
    (span,) = (s for s in result.coverage.spans if s.kind == "iis.access" and s.channel == "W3SVC1")
    assert span.records >= 97


CRAWLERS = (
    "Mozilla/5.0+(compatible;+Googlebot/2.1;++http://www.google.com/bot.html)",
    "Mozilla/5.0+(compatible;+bingbot/2.0;++http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0+(compatible;+YandexBot/3.0;++http://yandex.com/bots)",
    "DuckDuckBot/1.0;+(+http://duckduckgo.com/duckduckbot.html)",
    "facebookexternalhit/1.1+(+http://www.facebook.com/externalhit_uatext.php)",
)


def test_crawlers_are_no_attackers():
    """CHIRP's user-agent rule matched the ordinary text of Googlebot."""
    server = Server()
    for minute, agent in enumerate(CRAWLERS):
        server.iis(NOON + timedelta(minutes=minute), "GET", "/owa/auth/logon.aspx", agent=agent, query="url=x")
        server.iis(NOON + timedelta(minutes=minute), "GET", "/robots.txt", 404, agent=agent)
    result = assessed(server)
    assert [f.title for f in result.findings if f.severity > Severity.LOW or f.outcome > Outcome.PROBE] == []
    assert on("proxylogon", result).verdict == Verdict.NO_TRACE


def test_our_own_reports_are_no_evidence():
    """CHIRP, cert-lv's script and others found themselves."""
    first = assessed(Server().proxy(NOON, SESSION, 241).proxy(NOON, MAIL, 200).file(CLIENT + "abcdefgh.aspx", oab_dump(tag())))
    assert first.verdict == Verdict.COMPROMISED
    written = {f"exhume-EX01/{r.filename}": r.render(first) for r in REPORTS}
    result = assessed(Server().content() | written)
    assert [(f.title, f.source.path) for f in result.findings] == []
    assert on("proxylogon", result).verdict == Verdict.NO_TRACE


def test_the_administrators_own_search_is_no_attack():
    """CHIRP looked for the SSRF in the PowerShell log, where it finds Microsoft's one-liner."""
    line = "Import-Csv -Path (Get-ChildItem -Recurse HttpProxy).FullName | Where-Object { $_.AnchorMailbox -like 'ServerInfo~*/*' }"
    fields = {"EventID": 4104, "Channel": "Microsoft-Windows-PowerShell/Operational", "ScriptBlockText": line}
    record = Record(
        "windows.event", NOON, fields, Source("e", "p.evtx", "record 1"), "Microsoft-Windows-PowerShell/Operational"
    )
    found = [f for f in Sigma.from_packs(shipped(), Host()).detect(record) if isinstance(f, Finding)]
    assert [f.title for f in found if raised(f) is not None] == []


HOSTILE = "<script>alert(1)</script><img/src=x/onerror=alert(2)>"


def test_attackers_text_is_text_in_the_report():
    """hayabusa #1806."""
    result = assessed(Server().iis(NOON, "POST", "/aspnet_client/abcdefgh.aspx", agent=HOSTILE, query=HOSTILE))
    page = rendered("html", result)
    assert "alert(1)" in page, "it is shown"
    assert "<script>alert" not in page
    assert "<img/src" not in page


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_of_a_table_is_a_formula(start):
    file = f"{CLIENT}x/{start}cmd|' /C calc'!A0.aspx"
    result = assessed(
        Server().file(file, shell()).iis(NOON, "POST", f"/aspnet_client/{start}cmd.aspx", agent=f"{start}cmd|'calc'!A0")
    )
    rows = list(csv.reader(io.StringIO(table(result))))
    assert len(rows) > 3
    assert [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell] == []


def table(result):
    return next(r for r in REPORTS if r.filename == "timeline.csv").render(result).decode("utf-8-sig")


@pytest.mark.parametrize(
    ("address", "hit"),
    [
        ("103.77.192.219", True),
        ("103.77.192.21", False),
        ("3.77.192.219", False),
        ("103.77.192.2190", False),
        ("103a77b192c219", False),
    ],
)
def test_an_address_is_compared_whole(address, hit):
    """A small checker matched addresses as substrings and as patterns with dots."""
    result = assessed(Server().iis(NOON, "GET", "/owa/", ip=address))
    assert any(f.rule.startswith("ioc:ip:") for f in result.findings) is hit


@pytest.mark.parametrize("code", [-4, 1, 132])
def test_the_exit_code_of_a_child_is_looked_at(monkeypatch, code):
    """NCC's batch file never saw that its helper had failed. Ours tries the engine in a child that may die."""
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, code))
    monkeypatch.setattr(sieve, "kept", anew)
    sieve.default_engine.cache_clear()
    try:
        assert sieve.default_engine() == "re2"
    finally:
        sieve.default_engine.cache_clear()


def test_a_log_of_one_day_is_not_taken_for_its_files_date():
    """Test-ProxyLogon printed the creation time of the oldest file as the age of the logs."""
    content = Server(first=datetime(2021, 3, 4, tzinfo=UTC)).content()
    renamed = {p.replace("210304", "210101").replace("20210304", "20210101"): d for p, d in content.items()}
    answer = on("proxylogon", assessed(renamed))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert any(date(2021, 3, 3).isoformat() in limit for limit in answer.limits)
