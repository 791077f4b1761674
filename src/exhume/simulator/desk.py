"""The pretend server's writing desk: rows go in with their time, files come out as a collector would bring them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from exhume.simulator import rows

INETPUB = "C/inetpub"
DEFAULT_ROOT = "C/Program Files/Microsoft/Exchange Server/V15"
PAGE = 10 << 20
"""Bytes after which Exchange begins the next file of the same hour."""


@dataclass(slots=True)
class Desk:
    """One server. ``keep`` says of each log from which to which day it is in the evidence; logs not named are whole."""

    server: str
    build: str
    chance: random.Random
    root: str = DEFAULT_ROOT
    keep: Mapping[str, tuple[date, date] | None] = field(default_factory=dict)
    logs: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    number: int = 0
    """Record number of the newest Windows event."""

    def guid(self) -> str:
        value = f"{self.chance.getrandbits(128):032x}"
        return f"{value[:8]}-{value[8:12]}-4{value[13:16]}-a{value[17:20]}-{value[20:]}"

    def write(self, log: str, moment: datetime, text: str) -> None:
        kept = self.keep.get(log, self.keep.get(log.split("/", maxsplit=1)[0], (date.min, date.max)))
        if kept is not None and kept[0] <= moment.date() <= kept[1]:
            self.logs.setdefault(log, []).append((moment, text))

    @property
    def versions(self) -> dict[str, object]:
        major, minor, build, revision = self.build.split(".")
        return {"MajorVersion": major, "MinorVersion": minor, "BuildVersion": build, "RevisionVersion": revision}

    @property
    def padded(self) -> str:
        """``15.01.2176.002``, as log headers write a version."""
        major, minor, build, revision = (int(p) for p in self.build.split("."))
        return f"{major:02d}.{minor:02d}.{build:04d}.{revision:03d}"

    # -- rows ------------------------------------------------------------------------------------------------------------

    def iis(self, site: int, moment: datetime, cells: Mapping[str, object]) -> None:
        self.write(f"iis/W3SVC{site}", moment, rows.iis_row(moment, cells))

    def httpproxy(self, protocol: str, moment: datetime, cells: Mapping[str, object]) -> None:
        whole = {"DateTime": rows.stamp(moment), **self.versions, "Protocol": protocol, "ServerHostName": self.server, **cells}
        self.write(f"httpproxy/{protocol}", moment, rows.csv_row(rows.HTTPPROXY_FIELDS, whole))

    def ecp(self, moment: datetime, pairs: list[tuple[str, str]], activity: bool = False) -> None:
        cells = {
            "TimeStamp": rows.stamp(moment),
            "ServerName": self.server,
            "EventId": "Request" if activity else "ECP.Request",
            "EventData": rows.event_data(pairs),
        }
        self.write("ecp/Activity" if activity else "ecp/Server", moment, rows.csv_row(rows.ECP_FIELDS, cells))

    def ews(self, moment: datetime, cells: Mapping[str, object]) -> None:
        whole = {"DateTime": rows.stamp(moment), **self.versions, "ServerHostName": self.server, **cells}
        self.write("ews", moment, rows.csv_row(rows.EWS_FIELDS, whole))

    def rps(self, moment: datetime, cells: Mapping[str, object]) -> None:
        whole = {"DateTime": rows.stamp(moment), **self.versions, "ServerHostName": self.server, **cells}
        self.write("rps", moment, rows.csv_row(rows.RPS_FIELDS, whole))

    def event(
        self, channel: str, provider: str, event_id: int, moment: datetime, data: list[str] | dict[str, str], level: int = 4
    ) -> None:
        self.number += 1
        computer = f"{self.server}.contoso.test"
        text = rows.event_xml(moment, channel, provider, event_id, self.number, computer, data, level)
        self.write(f"events/{channel}", moment, text)

    def request(
        self,
        protocol: str,
        moment: datetime,
        *,
        method: str = "GET",
        stem: str,
        query: str = "",
        user: str = "",
        address: str,
        agent: str,
        status: int = 200,
        back: str = "",
        proxy: Mapping[str, object] | None = None,
        host: str = "mail.contoso.test",
    ) -> str:
        """One front-end request in every log that shows it; ``back`` is the stem of the back-end row. Returns its id."""
        request_id = self.guid()
        taken = self.chance.randint(3, 900)
        suffix = f"&CorrelationID=<empty>;&cafeReqId={request_id};&encoding=;"
        front = {
            "s-ip": "192.0.2.10", "cs-method": method, "cs-uri-stem": stem, "cs-uri-query": query + suffix, "s-port": 443,
            "cs-username": user, "c-ip": address, "cs(User-Agent)": agent, "sc-status": status, "sc-substatus": 0,
            "sc-win32-status": 0, "time-taken": taken,
        }  # fmt: skip
        self.iis(1, moment, front)
        end = moment + timedelta(milliseconds=taken)
        cells: dict[str, object] = {
            "RequestId": request_id, "UrlHost": host, "UrlStem": stem, "UrlQuery": f"?{query}" if query else "",
            "AuthenticationType": "Negotiate" if user else "", "IsAuthenticated": "true" if user else "false",
            "AuthenticatedUser": user, "UserAgent": agent.replace(",", " "), "ClientIpAddress": address, "HttpStatus": status,
            "BackEndStatus": status if back else "", "Method": method, "ProxyAction": "Proxy" if back else "",
            "TargetServer": f"{self.server.lower()}.contoso.test" if back else "", "RequestBytes": 900, "ResponseBytes": 3200,
            "TotalRequestTime": taken, "GenericInfo": "BeginRequest=1;FEAuth=BEVersion-1941996624;EndRequest=1",
        }  # fmt: skip
        self.httpproxy(protocol, end, {**cells, **(proxy or {})})
        if back:
            behind = {**front, "s-port": 444, "cs-uri-stem": back, "c-ip": "192.0.2.10"}
            self.iis(2, moment + timedelta(milliseconds=taken // 2), behind)
        return request_id

    # -- files -----------------------------------------------------------------------------------------------------------

    def save(self, out: Path) -> None:
        """Writes everything below ``out``."""
        for path, content in sorted(self.files.items()):
            _put(out / path, content)
        for log, written in sorted(self.logs.items()):
            for path, text in self._pages(log, sorted(written, key=lambda row: row[0])):
                _put(out / path, text)

    def _pages(self, log: str, written: list[tuple[datetime, str]]) -> Iterator[tuple[str, bytes]]:
        pages: dict[str, list[str]] = {}
        for moment, text in written:
            name = self.file_of(log, moment)
            if name not in pages:
                pages[name] = [self.header_of(log, moment)]
            pages[name].append(text)
        for name, texts in pages.items():
            bom = b"" if log.startswith(("iis/", "events/")) else b"\xef\xbb\xbf"
            yield name, bom + "".join(texts).encode()

    def file_of(self, log: str, moment: datetime) -> str:
        """Path of the file that a row of this time stands in."""
        kind, _, channel = log.partition("/")
        day, hour = f"{moment:%Y%m%d}", f"{moment:%Y%m%d%H}"
        logging = f"{self.root}/Logging"
        names = {
            "iis": f"{INETPUB}/logs/LogFiles/{channel}/u_ex{moment:%y%m%d}.log",
            "httpproxy": f"{logging}/HttpProxy/{channel}/HttpProxy_{hour}-1.LOG",
            "ecp": f"{logging}/ECP/{channel}/ECP{'Activity_4242_' if channel == 'Activity' else 'Server'}{day}-1.LOG",
            "ews": f"{logging}/Ews/Ews_{hour}-1.LOG",
            "rps": f"{logging}/CmdletInfra/Powershell-Proxy/Http/Rps_Http_{hour}-1.LOG",
            "oab": f"{logging}/OABGeneratorLog/OABGenerator_{day}-1.LOG",
            "events": f"C/Windows/System32/winevt/Logs/{channel.replace('/', '%4')}.xml",
        }
        return names[kind]

    def header_of(self, log: str, moment: datetime) -> str:
        kind, _, channel = log.partition("/")
        if kind == "iis":
            return rows.iis_header(moment)
        known = {
            "httpproxy": ("HttpProxy Logs", self.padded, rows.HTTPPROXY_FIELDS),
            "ews": ("EWS Logs", self.padded, rows.EWS_FIELDS),
            "rps": ("Rps Http Logs", self.padded, rows.RPS_FIELDS),
            "ecp": (
                "ECP Activity Context Log" if channel == "Activity" else "ECP Server Log",
                "15.0.0.0",
                rows.ECP_FIELDS,
            ),
        }
        if kind not in known:
            return ""
        name, version, fields = known[kind]
        return rows.exchange_header(moment, name, version, fields, plain=kind != "ecp")


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
