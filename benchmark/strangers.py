"""A corpus that the simulator did not make: rows of real logs, repeated with other times, ids and people, to any size.

``python benchmark/strangers.py FOLDER --size 4000 [--data DIR]...`` writes it. Rows of every IIS and Exchange log below DIR are
repeated (public sets: docs/explanation/speed.md names them); without any, the rows are those below, which follow published ones
column by column: Mapi, Ews, Autodiscover, PowerShell, Rps, OWA, ECP and ActiveSync, with both forms of the back-end cookie.
``--worst`` writes rows of which every one holds a text that a rule looks for, ``--storm`` rows that all raise a finding.

About one row in two thousand is odd, as in real logs: quoted cells, other letters than ASCII, a torn row, a header in the
middle of the file with other columns.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

MB = 1_000_000
BLOCK = 8 * MB
"""Bytes of a day's log; further days are the same rows under another date."""
ODD = 2000
DAY = date(2023, 1, 9)
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d)([T ])(\d\d):(\d\d):(\d\d)")
_WHO = re.compile(r"\b(DOMAIN\\|domain\.local)[A-Za-z]\w*")
Rows = tuple[str, str, list[str], list[str]]
"""Folder, stem of the file's name, header lines, rows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=512, metavar="MB")
    parser.add_argument("--data", type=Path, action="append", default=[], metavar="DIR", help="real logs to repeat")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--worst", action="store_true", help="rows that all hold a rule's text")
    kind.add_argument("--storm", action="store_true", help="rows that all raise a finding")
    arguments = parser.parse_args()
    some = worst() if arguments.worst else storm() if arguments.storm else [*real(arguments.data), *written()]
    print(f"{write(arguments.folder, some, arguments.size * MB):,} bytes from {len(some)} kinds of log")


def write(folder: Path, some: Sequence[Rows], size: int) -> int:
    """Writes days of each log in turn until ``size`` bytes are reached; gives back how many were."""
    dice, total = random.Random(17), 0
    room = max(64_000, min(BLOCK, size // len(some)))
    days = [(rows, day_of(rows, room, dice)) for rows in some]
    number = 0
    while total < size:
        for (place, stem, _, _), block in days:
            day = DAY + timedelta(days=number)
            data = block.replace(DAY.isoformat().encode(), day.isoformat().encode())
            name = f"{stem}{day:%y%m%d}.log" if stem == "u_ex" else f"{stem}{day:%Y%m%d}12-1.LOG"
            path = folder / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            total += len(data)
            if total >= size:
                break
        number += 1
    return total


def day_of(rows: Rows, room: int, dice: random.Random) -> bytes:
    """A day's log of about ``room`` bytes."""
    _, _, header, samples = rows
    out = list(header)
    length, number = 0, 0
    count = max(1, room // (sum(map(len, samples)) // len(samples) + 2))
    while length < room:
        row = changed(samples[number % len(samples)], number * 86_000 // count, dice)
        if number % ODD == ODD - 1:
            row = odd(row, number // ODD, header, out)
        out.append(row)
        length += len(row) + 2
        number += 1
    return ("\r\n".join(out) + "\r\n").encode("utf-8")


def changed(row: str, second: int, dice: random.Random) -> str:
    """The row at another time of the day, with other ids and people."""
    at = f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
    row = _CLOCK.sub(lambda m: f"{DAY.isoformat()}{m[2]}{at}", row)
    row = _GUID.sub(lambda _: f"{dice.getrandbits(32):08x}-4f1c-4e22-9d07-{dice.getrandbits(48):012x}", row)
    return _WHO.sub(lambda m: f"{m[1]}user{dice.randrange(4000)}", row)


def odd(row: str, which: int, header: Sequence[str], out: list[str]) -> str:
    """What real logs hold now and then."""
    if which % 4 == 0:
        return row[: len(row) // 2]
    if which % 4 == 1:
        return row.replace("user", "müller-übel", 1)
    if which % 4 == 2 and "," in row:
        return row.replace("Mozilla/5.0 (", '"Mozilla/5.0 (X11, Linux), ', 1).replace("Safari/537.36", 'Safari/537.36"', 1)
    out += header
    return row


def real(folders: Iterable[Path]) -> Iterator[Rows]:
    """The rows of every log below the folders."""
    for folder in folders:
        for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".log")):
            lines = path.read_text("utf-8", "replace").splitlines()
            header = [line for line in lines if line.startswith("#")]
            rows = [line for line in lines if line and not line.startswith("#") and _CLOCK.search(line)]
            fields = next((line for line in header if line.startswith("#Fields: date time")), "")
            if rows and fields:
                yield f"inetpub/logs/LogFiles/W3SVC{number + 1}", "u_ex", header[:4], rows[:20_000]
            elif rows and any("Exchange" in line for line in header):
                where = path.parent.relative_to(folder) if path.parent != folder else Path("Logging")
                yield str(Path("Logging") / where.name / f"s{number}"), f"{where.name}_", header[:5], rows[:20_000]


def columns(kind: str) -> list[str]:
    """The columns of a log as published."""
    from importlib.resources import files

    text = (files("exhume.simulator") / "fields.txt").read_text("utf-8")
    return next(line for line in text.splitlines() if line.startswith(f"{kind}:")).partition(": ")[2].split(",")


def row(kind: str, **cells: str) -> str:
    return ",".join(cells.get(name, "") for name in columns(kind))


AT = "2023-01-09T19:00:00.130Z"
ID = "5e58f5e5-1ddc-48d3-82c6-0199bc121640"
DATABASE = f"Database~{ID}~~2023-02-08T18:59:59~domain.test~1"
SERVER = "Server~EX01.domain.test~1942063431~2023-02-08T18:59:59"
LATENCY = {
    "RequestBytes": "336",
    "ResponseBytes": "327",
    "HttpPipelineLatency": "0",
    "ADLatency": "0",
    "TotalRequestTime": "13",
}
GENERIC = (
    f"BeginRequest={AT};CorrelationID=<empty>;ProxyState-Run=None;FEAuth=BEVersion-1942063431;BeginGetRequestStream={AT};"
    f"OnRequestStreamReady={AT};BeginGetResponse={AT};OnResponseReady={AT};EndGetResponse={AT};"
    f"ProxyState-Complete=ProxyResponseData;SharedCacheGuard=0;EndRequest={AT};"
)


def proxied(protocol: str, stem: str, agent: str, cookie: str, **more: str) -> str:
    """A row of an HttpProxy log in the form of the published ones."""
    cells = {
        "DateTime": AT,
        "RequestId": ID,
        "MajorVersion": "15",
        "MinorVersion": "1",
        "BuildVersion": "2375",
        "RevisionVersion": "7",
        "Protocol": protocol,
        "UrlHost": "mail.domain.test",
        "UrlStem": stem,
        "AuthenticationType": "Negotiate",
        "IsAuthenticated": "true",
        "AuthenticatedUser": "DOMAIN\\username",
        "AnchorMailbox": "Sid~S-1-5-21-123456789-9876543211-123456798-4343",
        "UserAgent": agent,
        "ClientIpAddress": "95.1.2.3",
        "ServerHostName": "EX01",
        "HttpStatus": "200",
        "BackEndStatus": "200",
        "Method": "POST",
        "ProxyAction": "Proxy",
        "TargetServer": "EX01.domain.test",
        "TargetServerVersion": "15.01.2375.000",
        "RoutingType": "IntraForest",
        "RoutingHint": "WindowsIdentity",
        "BackEndCookie": cookie,
        "GenericInfo": GENERIC,
        **LATENCY,
    }
    return row("httpproxy", **(cells | more))


CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML  like Gecko) Chrome/107.0.0.0 Safari/537.36"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.5378; Pro)"
SHELL = "Microsoft WinRM Client"


def header(kind: str, title: str) -> list[str]:
    lines = ["#Software: Microsoft Exchange Server", "#Version: 15.01.2375.007", f"#Log-type: {title}", f"#Date: {AT}"]
    return [*lines, "#Fields: " + ",".join(columns(kind))]


def written() -> list[Rows]:
    """Logs whose rows stand in this file."""
    proxy = header("httpproxy", "HttpProxy Logs")
    mail = f"?mailboxId={ID}@domain.test"
    logs = {
        "Mapi": [proxied("Mapi", "/mapi/emsmdb/", "MapiHttpClient", c, UrlQuery=mail) for c in (DATABASE, "", DATABASE)],
        "Autodiscover": [proxied("Autodiscover", "/autodiscover/autodiscover.xml", OUTLOOK, DATABASE)],
        "Ews": [proxied("Ews", "/EWS/Exchange.asmx", a, DATABASE) for a in (OUTLOOK, "AppleExchangeWebServices/818.120.2")],
        "Powershell": [proxied("RemotePowerShell", "/powershell", SHELL, SERVER, UrlQuery="?clientApplication=ActiveMonitor")],
        "Owa": [proxied("Owa", f"/owa/{x}", CHROME, DATABASE) for x in ("service.svc", "ev.owa2", "sessiondata.ashx")],
        "Ecp": [proxied("Ecp", "/ecp/default.aspx", CHROME, c) for c in (SERVER, DATABASE)],
        "Eas": [proxied("Eas", "/Microsoft-Server-ActiveSync/default.eas", "Outlook-iOS-Android/1.0", DATABASE, Method=m)
                for m in ("POST", "OPTIONS")],
    }  # fmt: skip
    out: list[Rows] = [(f"Logging/HttpProxy/{name}", "HttpProxy_", proxy, rows) for name, rows in logs.items()]
    rps = row("rps-http", DateTime=AT, StartTime=AT, RequestId=ID, UrlHost="ex01", UrlStem="/powershell", HttpStatus="200",
              AuthenticationType="Kerberos", AuthenticatedUser="DOMAIN\\username", ClientIpAddress="10.1.2.3 10.1.2.4",
              ServerHostName="EX01", ClientInfo=SHELL, GenericInfo=GENERIC)  # fmt: skip
    out.append(("Logging/CmdletInfra/Powershell-Proxy/Http", "Rps_Http_", header("rps-http", "Rps Http Logs"), [rps]))
    out.append(("inetpub/logs/LogFiles/W3SVC1", "u_ex", IIS, [web(*line) for line in WEB]))
    return out


IIS = [
    "#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0", "#Date: 2023-01-09 00:00:00",
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status"
    " sc-substatus sc-win32-status time-taken",
]  # fmt: skip
WEB = (
    ("POST", "/mapi/emsmdb/", f"mailboxId={ID}@domain.test&CorrelationID=<empty>;&ClientId={ID}&cafeReqId={ID};", 200, OUTLOOK),
    ("POST", "/EWS/Exchange.asmx", f"&CorrelationID=<empty>;&cafeReqId={ID};", 200, OUTLOOK),
    (
        "POST",
        "/Microsoft-Server-ActiveSync/default.eas",
        f"Cmd=Ping&User=u&DeviceId=APPL1&cafeReqId={ID};",
        200,
        "Apple-iPhone",
    ),
    ("GET", "/owa/auth/logon.aspx", "url=https%3a%2f%2fmail.domain.test%2fowa%2f&reason=0", 200, CHROME),
    ("POST", "/owa/service.svc", f"action=GetItem&EP=1&ID=-33&AC=1&cafeReqId={ID};", 200, CHROME),
    ("POST", "/powershell", "clientApplication=ActiveMonitor;PSVersion=5.1.14393.4467", 200, SHELL),
    ("GET", "/owa/prem/15.1.2375.7/scripts/boot.worldwide.0.mouse.js", "-", 200, CHROME),
    ("POST", "/autodiscover/autodiscover.xml", f"&CorrelationID=<empty>;&cafeReqId={ID};", 401, OUTLOOK),
)


def web(method: str, stem: str, query: str, status: int, agent: str) -> str:
    told = agent.replace(" ", "+")
    return f"2023-01-09 19:00:00 10.1.2.3 {method} {stem} {query} 443 DOMAIN\\username 95.1.2.3 {told} - {status} 0 0 31"


def worst() -> list[Rows]:
    """Rows that all hold a text which a rule looks for, and that mean nothing."""
    proxy = header("httpproxy", "HttpProxy Logs")
    shell = [proxied("RemotePowerShell", "/powershell", SHELL, SERVER)]
    mail = [proxied("Ews", "/ews/exchange.asmx", "ExchangeServicesClient/15.01", SERVER, AuthenticatedUser="DOMAIN\\EX02$")]
    return [
        ("Logging/HttpProxy/Powershell", "HttpProxy_", proxy, shell),
        ("Logging/HttpProxy/Ews", "HttpProxy_", proxy, mail),
        ("inetpub/logs/LogFiles/W3SVC1", "u_ex", IIS, [web(*line) for line in WEB if "powershell" in line[1]]),
    ]


def storm() -> list[Rows]:
    """A flood of requests that all raise findings."""
    posts: list[Callable[[], str]] = [
        lambda: web("POST", "/owa/auth/x.js", "-", 200, "python-requests/2.25.1"),
        lambda: web(
            "GET", "/autodiscover/autodiscover.json", "@evil.test/powershell/?&Email=autodiscover/autodiscover.json", 401, "-"
        ),
        lambda: web("GET", "/aspnet_client/supp0rt.aspx", "-", 404, CHROME),
    ]
    return [("inetpub/logs/LogFiles/W3SVC1", "u_ex", IIS, [make() for make in posts])]


if __name__ == "__main__":
    main()
