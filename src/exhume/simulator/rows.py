"""How Exchange and IIS write a row: field lists, header blocks, quoting. Formats as in docs/reference/records.md.

Written from the formats alone; nothing here is shared with the readers, so that a misunderstanding on one side is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

IIS_FIELDS = [
    "date",
    "time",
    "s-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "s-port",
    "cs-username",
    "c-ip",
    "cs(User-Agent)",
    "cs(Referer)",
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "time-taken",
]
HTTPPROXY_FIELDS = [
    "DateTime",
    "RequestId",
    "MajorVersion",
    "MinorVersion",
    "BuildVersion",
    "RevisionVersion",
    "ClientRequestId",
    "Protocol",
    "UrlHost",
    "UrlStem",
    "ProtocolAction",
    "AuthenticationType",
    "IsAuthenticated",
    "AuthenticatedUser",
    "Organization",
    "AnchorMailbox",
    "UserAgent",
    "ClientIpAddress",
    "ServerHostName",
    "HttpStatus",
    "BackEndStatus",
    "ErrorCode",
    "Method",
    "ProxyAction",
    "TargetServer",
    "TargetServerVersion",
    "RoutingType",
    "RoutingHint",
    "BackEndCookie",
    "ServerLocatorHost",
    "ServerLocatorLatency",
    "RequestBytes",
    "ResponseBytes",
    "TargetOutstandingRequests",
    "AuthModulePerfContext",
    "HttpPipelineLatency",
    "CalculateTargetBackEndLatency",
    "GlsLatencyBreakup",
    "TotalGlsLatency",
    "AccountForestLatencyBreakup",
    "TotalAccountForestLatency",
    "ResourceForestLatencyBreakup",
    "TotalResourceForestLatency",
    "ADLatency",
    "SharedCacheLatencyBreakup",
    "TotalSharedCacheLatency",
    "ActivityContextLifeTime",
    "ModuleToHandlerSwitchingLatency",
    "ClientReqStreamLatency",
    "BackendReqInitLatency",
    "BackendReqStreamLatency",
    "BackendProcessingLatency",
    "BackendRespInitLatency",
    "BackendRespStreamLatency",
    "ClientRespStreamLatency",
    "KerberosAuthHeaderLatency",
    "HandlerCompletionLatency",
    "RequestHandlerLatency",
    "HandlerToModuleSwitchingLatency",
    "ProxyTime",
    "CoreLatency",
    "RoutingLatency",
    "HttpProxyOverhead",
    "TotalRequestTime",
    "RouteRefresherLatency",
    "UrlQuery",
    "BackEndGenericInfo",
    "GenericInfo",
    "GenericErrors",
    "EdgeTraceId",
    "DatabaseGuid",
    "UserADObjectGuid",
    "PartitionEndpointLookupLatency",
    "RoutingStatus",
]
ECP_FIELDS = ["TimeStamp", "ServerName", "EventId", "EventData"]
EWS_FIELDS = [
    "DateTime",
    "RequestId",
    "MajorVersion",
    "MinorVersion",
    "BuildVersion",
    "RevisionVersion",
    "Ring",
    "ClientRequestId",
    "AuthenticationType",
    "IsAuthenticated",
    "AuthenticatedUser",
    "Organization",
    "UserAgent",
    "VersionInfo",
    "ClientIpAddress",
    "ServerHostName",
    "FrontEndServer",
    "SoapAction",
    "HttpStatus",
    "RequestSize",
    "ResponseSize",
    "ErrorCode",
    "ImpersonatedUser",
    "ProxyAsUser",
    "ActAsUser",
    "Cookie",
    "CorrelationGuid",
    "TotalRequestTime",
    "GenericInfo",
    "GenericErrors",
]
RPS_FIELDS = [
    "DateTime",
    "StartTime",
    "RequestId",
    "MajorVersion",
    "MinorVersion",
    "BuildVersion",
    "RevisionVersion",
    "ClientRequestId",
    "UrlHost",
    "UrlStem",
    "AuthenticationType",
    "IsAuthenticated",
    "AuthenticatedUser",
    "Organization",
    "ManagedOrganization",
    "ClientIpAddress",
    "ServerHostName",
    "FrontEndServer",
    "HttpStatus",
    "SubStatus",
    "ErrorCode",
    "Action",
    "CommandId",
    "CommandName",
    "SessionId",
    "ShellId",
    "FailFast",
    "ContributeToFailFast",
    "RequestBytes",
    "ClientInfo",
    "CPU",
    "Memory",
    "ActivityContextLifeTime",
    "TotalTime",
    "UrlQuery",
    "GenericLatency",
    "GenericInfo",
    "GenericErrors",
]
EVENT_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def stamp(moment: datetime) -> str:
    """``2021-03-03T06:49:51.543Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def iis_header(moment: datetime) -> str:
    day = f"{moment:%Y-%m-%d %H:%M:%S}"
    software = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0"
    return f"{software}\r\n#Date: {day}\r\n#Fields: {' '.join(IIS_FIELDS)}\r\n"


def iis_row(moment: datetime, cells: Mapping[str, object]) -> str:
    """Blanks in values become ``+``, empty ones ``-``."""
    values = [f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}"]
    values += [str(cells.get(name, "")).replace(" ", "+") or "-" for name in IIS_FIELDS[2:]]
    return " ".join(values) + "\r\n"


def exchange_header(moment: datetime, log_type: str, version: str, fields: Sequence[str], plain: bool = True) -> str:
    """The comment block, and (as newer builds write it) the field list once more without ``#``."""
    block = (
        f"#Software: Microsoft Exchange Server\r\n#Version: {version}\r\n#Log-type: {log_type}\r\n#Date: {stamp(moment)}\r\n"
    )
    listed = ",".join(fields)
    return f"{block}#Fields: {listed}\r\n" + (f"{listed}\r\n" if plain else "")


def csv_row(fields: Sequence[str], cells: Mapping[str, object]) -> str:
    return ",".join(csv_cell(str(cells.get(name, ""))) for name in fields) + "\r\n"


def csv_cell(text: str) -> str:
    """RFC 4180: quoted only where it must be."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def event_data(pairs: Sequence[tuple[str, str]]) -> str:
    """ECP's ``S:NAME=value;…``: a pair with ``;``, ``'`` or ``"`` in it is wrapped in single quotes, inner ones doubled."""
    out = []
    for name, value in pairs:
        text = f"{name}={value}"
        out.append("'" + text.replace("'", "''") + "'" if any(c in value for c in ";'\"") else text)
    return ";".join(out)


def event_xml(
    moment: datetime,
    channel: str,
    provider: str,
    event_id: int,
    number: int,
    computer: str,
    data: Sequence[str] | Mapping[str, str],
    level: int = 4,
) -> str:
    """One event as ``wevtutil qe /f:xml`` prints it: unnamed strings for classic events, named values for others."""
    if isinstance(data, Mapping):
        body = "".join(f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in data.items())
    else:
        body = "".join(f"<Data>{escape(value)}</Data>" for value in data)
    system = (
        f"<Provider Name={quoteattr(provider)}/><EventID>{event_id}</EventID><Level>{level}</Level>"
        f"<TimeCreated SystemTime='{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z'/>"
        f"<EventRecordID>{number}</EventRecordID><Channel>{escape(channel)}</Channel><Computer>{escape(computer)}</Computer>"
    )
    return f"<Event xmlns='{EVENT_NAMESPACE}'><System>{system}</System><EventData>{body}</EventData></Event>\r\n"
