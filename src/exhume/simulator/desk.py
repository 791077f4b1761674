"""The pretend server's writing desk: rows go in with their time and are kept for the log that shows them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from exhume.simulator import rows

DOMAIN = "contoso.test"
OWN_ADDRESS = "192.0.2.10"
"""The server's own; documentation range (RFC 5737), as every address here."""
Kept = tuple[date, date] | None
"""First and last day of a log that are in the evidence; ``None``: the log is not there at all."""


@dataclass(slots=True)
class Desk:
    """One server. ``keep`` says of each log from which to which day it is in the evidence; logs not named are whole.

    Logs are named ``iis/W3SVC1``, ``httpproxy/Ecp``, ``ecp/Server``, ``events/Security``, …; ``keep`` may name a whole kind
    (``httpproxy``).
    """

    server: str
    build: str
    chance: random.Random
    keep: Mapping[str, Kept] = field(default_factory=dict)
    logs: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    files: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    """Path in the evidence → content and time of last change."""
    balancer: str = ""
    """Every request from outside seems to come from here."""
    told: list[str] | None = None
    """Where the rows of the actor whose step is played are noted as well."""
    number: int = 4_000
    """Record number of the newest Windows event."""

    @property
    def host(self) -> str:
        return f"{self.server.lower()}.{DOMAIN}"

    @property
    def machine(self) -> str:
        """The computer's own account."""
        return f"CONTOSO\\{self.server}$"

    def guid(self) -> str:
        value = f"{self.chance.getrandbits(128):032x}"
        return f"{value[:8]}-{value[8:12]}-4{value[13:16]}-a{value[17:20]}-{value[20:]}"

    def write(self, log: str, moment: datetime, text: str) -> None:
        """Keeps a row unless the log, or this day of it, is not in the evidence."""
        kept = kept_days(self.keep, log)
        if kept is not None and kept[0] <= moment.date() <= kept[1]:
            self.logs.setdefault(log, []).append((moment, text))
            if self.told is not None:
                self.told.append(text.rstrip("\r\n"))

    @property
    def versions(self) -> dict[str, str]:
        major, minor, build, revision = self.build.split(".")
        return {"MajorVersion": major, "MinorVersion": minor, "BuildVersion": build, "RevisionVersion": revision}

    @property
    def padded(self) -> str:
        """``15.01.2176.002``, as log headers write a version."""
        major, minor, build, revision = (int(p) for p in self.build.split("."))
        return f"{major:02d}.{minor:02d}.{build:04d}.{revision:03d}"

    # -- rows ------------------------------------------------------------------------------------------------------------

    def iis(self, site: int, moment: datetime, cells: Mapping[str, object]) -> None:
        whole = {"s-ip": OWN_ADDRESS, "sc-substatus": 0, "sc-win32-status": 0, "time-taken": 15, **cells}
        self.write(f"iis/W3SVC{site}", moment, rows.w3c_row("iis", moment, whole))

    def w3c(self, log: str, columns: str, moment: datetime, cells: Mapping[str, object]) -> None:
        self.write(log, moment, rows.w3c_row(columns, moment, cells))

    def tracking(self, moment: datetime, cells: Mapping[str, object]) -> None:
        whole = {"date-time": rows.stamp(moment), **cells}
        self.write("tracking", moment, rows.csv_row(rows.fields("tracking"), whole))

    def csv(self, log: str, columns: str, moment: datetime, cells: Mapping[str, object]) -> None:
        """A row of one of Exchange's logs that begin with ``DateTime`` and carry the version in columns."""
        whole = {"DateTime": rows.stamp(moment), "ServerHostName": self.server, **self.versions, **cells}
        self.write(log, moment, rows.csv_row(rows.fields(columns), whole))

    def ecp(self, moment: datetime, pairs: list[tuple[str, str]], activity: bool = False) -> None:
        cells = {
            "TimeStamp": rows.stamp(moment),
            "ServerName": self.server,
            "EventId": "Request" if activity else "ECP.Request",
            "EventData": rows.event_data(pairs),
        }
        self.write("ecp/Activity" if activity else "ecp/Server", moment, rows.csv_row(rows.fields("ecp"), cells))

    def event(
        self,
        channel: str,
        provider: str,
        event_id: int,
        moment: datetime,
        data: list[str] | dict[str, str],
        level: int = 4,
    ) -> None:
        self.number += 1
        text = rows.event_xml(moment, channel, provider, event_id, self.number, self.host, data, level)
        self.write(f"events/{channel}", moment, text)

    def file(self, path: str, content: bytes, moment: datetime) -> None:
        """A file on drive C, such as ``inetpub/wwwroot/iisstart.htm``."""
        self.files[f"C/{path}"] = (content, moment)

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
        back_user: str = "",
        proxy: Mapping[str, object] | None = None,
    ) -> str:
        """One front-end request in every log that shows it. ``back`` is the stem of the back-end row, ``back_user`` who is
        named there (else ``user``). Without ``protocol`` IIS serves it alone. Returns the request's id."""
        if self.balancer and not address.startswith(("127.", "::1", "fe80:")):
            address = self.balancer
        request_id = self.guid()
        taken = self.chance.randint(3, 900)
        sub, win32 = _SUB.get(status, (0, 0))
        suffix = f"&CorrelationID=<empty>;&cafeReqId={request_id};&encoding=;" if protocol else ""
        front: dict[str, object] = {
            "cs-method": method, "cs-uri-stem": stem, "cs-uri-query": query + suffix, "s-port": 443, "cs-username": user,
            "c-ip": address, "cs(User-Agent)": agent, "sc-status": status, "sc-substatus": sub, "sc-win32-status": win32,
            "time-taken": taken,
        }  # fmt: skip
        self.iis(1, moment, front)
        if back:
            behind = front | {
                "s-port": 444, "cs-uri-stem": back, "cs-uri-query": query, "c-ip": OWN_ADDRESS,
                "cs-username": back_user or user, "time-taken": taken // 2,
            }  # fmt: skip
            self.iis(2, moment + timedelta(milliseconds=taken // 2), behind)
        if protocol:
            cells = {"RequestId": request_id, "Protocol": protocol, "UrlQuery": f"?{query}" if query else ""}
            self._proxied(moment, front, cells | dict(proxy or {}), bool(back))
        return request_id

    def _proxied(self, begin: datetime, front: Mapping[str, object], cells: dict[str, object], passed: bool) -> None:
        """The HttpProxy row of a request, which is written when the request ends."""
        user, taken, status = str(front["cs-username"]), int(str(front["time-taken"])), front["sc-status"]
        end = begin + timedelta(milliseconds=taken)
        whole: dict[str, object] = {
            "UrlHost": f"mail.{DOMAIN}", "UrlStem": front["cs-uri-stem"], "AuthenticationType": "Negotiate" if user else "",
            "IsAuthenticated": "true" if user else "false", "AuthenticatedUser": user,
            "UserAgent": str(front["cs(User-Agent)"]).replace(",", " "), "ClientIpAddress": front["c-ip"],
            "HttpStatus": status, "Method": front["cs-method"], "RequestBytes": 900, "HttpPipelineLatency": 0,
            "ActivityContextLifeTime": taken, "HandlerToModuleSwitchingLatency": 0, "CoreLatency": 1, "RoutingLatency": 0,
            "HttpProxyOverhead": 1, "TotalRequestTime": taken,
        }  # fmt: skip
        run = ""
        if passed:
            whole |= {
                "BackEndStatus": status, "ProxyAction": "Proxy", "TargetServer": self.host,
                "TargetServerVersion": self.padded[:11] + "000", "RoutingType": "IntraForest", "ResponseBytes": 3200,
                "CalculateTargetBackEndLatency": 0, "BackendProcessingLatency": taken // 2, "ProxyTime": taken // 2,
            }  # fmt: skip
            run = f"FEAuth=BEVersion-1942063431;BeginGetResponse={rows.stamp(begin)};OnResponseReady={rows.stamp(end)};"
        whole["GenericInfo"] = (
            f"BeginRequest={rows.stamp(begin)};CorrelationID=<empty>;ProxyState-Run=None;{run}SharedCacheGuard=0;"
            f"EndRequest={rows.stamp(end)};"
        )
        self.csv(f"httpproxy/{cells['Protocol']}", "httpproxy", end, whole | cells)


_SUB = {401: (1, 2148074254), 404: (0, 2), 403: (4, 5)}
"""Sub-status and Windows status that usually stand beside an HTTP status."""


def kept_days(keep: Mapping[str, Kept], log: str) -> Kept:
    """The days of this log that are in the evidence."""
    if log in keep:
        return keep[log]
    return keep.get(log.partition("/")[0], (date.min, date.max))
