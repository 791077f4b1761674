"""Which Exchange log this is: by its ``#Log-type:``, by its columns when the header is gone, by its path.

References: docs/reference/records.md for kinds and channels; logs.md 3 to 7 of the project's notes for log types and columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exhume.readers.lines import tidy

PROTOCOLS = {
    name.lower(): name
    for name in (
        "Autodiscover", "Eas", "Ecp", "Ews", "Mapi", "Oab", "Owa", "OwaCalendar", "PowerShell", "PushNotifications", "Rest",
        "RpcHttp",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Log:
    """One log type."""

    kind: str
    channel: str


OTHER = "exchange.other"
HTTPPROXY = Log("exchange.httpproxy", "")
ECP_SERVER = Log("exchange.ecp-server", "Server")
ECP_ACTIVITY = Log("exchange.ecp-activity", "Activity")
OAB = Log("exchange.oabgenerator", "OABGenerator")
EWS = Log("exchange.ews", "Ews")
RPS_HTTP = Log("exchange.rps-http", "Http")
RPS_CMDLET = Log("exchange.rps-cmdlet", "Cmdlet")
MAPIHTTP = Log("exchange.mapihttp", "MapiHttp")
RCA = Log("exchange.rca", "RCA")
AUDIT = Log("exchange.audit", "audit")
TRACKING = Log("exchange.messagetracking", "MessageTracking")
AGENT = Log("exchange.agentlog", "AgentLog")
PROTOCOL = Log("exchange.protocol", "ProtocolLog")
KNOWN = (
    HTTPPROXY, ECP_SERVER, ECP_ACTIVITY, OAB, EWS, RPS_HTTP, RPS_CMDLET, MAPIHTTP, RCA, AUDIT, TRACKING, AGENT, PROTOCOL,
)  # fmt: skip

_TYPES = (
    (r"http ?proxy( logs?)?", HTTPPROXY),
    (r"ecp server( logs?)?", ECP_SERVER),
    (r"ecp activity( context)?( logs?)?", ECP_ACTIVITY),
    (r".*oab ?generator.*", OAB),
    (r"ews( logs?)?", EWS),
    (r"rps http( logs?)?", RPS_HTTP),
    (r"rps cmdlet( logs?)?", RPS_CMDLET),
    (r"mapi ?http.*|mapi client access.*", MAPIHTTP),
    (r"(rca|rpc client access).*", RCA),
    (r"audit.*", AUDIT),
    (r"message ?tracking.*", TRACKING),
    (r"agent logs?", AGENT),
    (r"smtp (receive|send) protocol.*", PROTOCOL),
)

_PATHS = (
    (r"/oabgenerator(simple)?log/[^/]*$", OAB),
    (r"/httpproxy/[^/]+/[^/]*\.log$|/httpproxy_\d{8,10}-\d+[^/]*\.log$", HTTPPROXY),
    (r"/ecp/server/[^/]*\.log$|/ecpserver\d{8}-\d+\.log$", ECP_SERVER),
    (r"/ecp/activity/[^/]*\.log$|/ecpactivity_\d+_\d{8}-\d+\.log$", ECP_ACTIVITY),
    (r"/logging/ews/[^/]*\.log$|/ews_\d{8,10}-\d+\.log$", EWS),
    (r"/cmdletinfra/.*/cmdlet/[^/]*\.log$|/rps_cmdlet_[^/]*\.log$", RPS_CMDLET),
    (r"/cmdletinfra/.*/http/[^/]*\.log$|/rps_http_[^/]*\.log$", RPS_HTTP),
    (r"/mapi ?http/.*\.log$|/mapi client access/[^/]*\.log$|/mapihttp_[^/]*\.log$", MAPIHTTP),
    (r"/rpc client access/[^/]*\.log$|/rca_\d[^/]*\.log$", RCA),
    (r"/audit/[^/]*\.log$", AUDIT),
    (r"/messagetracking/[^/]*\.log$|/msgtrk[a-z]*\d[^/]*\.log$", TRACKING),
    (r"/agentlog/[^/]*\.log$", AGENT),
    (r"/protocollog/.*\.log$", PROTOCOL),
)
_COLUMNS = (
    ({"datetime", "requestid", "anchormailbox"}, HTTPPROXY),
    ({"datetime", "urlstem", "routinghint"}, HTTPPROXY),
    ({"datetime", "requestid", "urlstem", "protocolaction"}, HTTPPROXY),
    ({"datetime", "commandid", "shellid"}, RPS_HTTP),
    ({"datetime", "cmdlet", "parameters"}, RPS_CMDLET),
    ({"datetime", "requestid", "soapaction"}, EWS),
    ({"datetime", "mapirequestid"}, MAPIHTTP),
    ({"timestamp", "eventid", "eventdata"}, ECP_SERVER),
    ({"timestamp", "eventdata"}, ECP_SERVER),
    ({"timestamp", "recordtype", "userkey", "operation"}, AUDIT),
    ({"date-time", "network-message-id", "event-id"}, TRACKING),
    ({"date-time", "session-id", "sequence-number"}, RCA),
    ({"date-time", "connector-id", "session-id"}, PROTOCOL),
    ({"timestamp", "sessionid", "agent", "event"}, AGENT),
)
_FOLDER = re.compile(r"(?:^|/)httpproxy/([^/]+)/[^/]+$", re.IGNORECASE)


def by_type(text: str) -> Log:
    """The log that a ``#Log-type:`` line names."""
    words = " ".join(text.lower().split())
    for pattern, log in _TYPES:
        if re.fullmatch(pattern, words):
            return log
    return Log(OTHER, tidy(text.strip()))


def by_columns(names: tuple[str, ...]) -> Log | None:
    """The log whose columns these are."""
    have = {name.lower() for name in names}
    return next((log for want, log in _COLUMNS if want <= have), None)


def by_path(path: str) -> Log | None:
    """The log whose place this is."""
    text = "/" + path.replace("\\", "/")
    return next((log for pattern, log in _PATHS if re.search(pattern, text, re.IGNORECASE)), None)


def protocol_of(path: str) -> str:
    """The protocol folder of an HttpProxy log: ``…/HttpProxy/Ecp/HttpProxy_2021030306-1.LOG`` → ``Ecp``; else empty."""
    folder = _FOLDER.search(path.replace("\\", "/"))
    return protocol_name(folder[1]) if folder else ""


def protocol_name(text: str) -> str:
    return PROTOCOLS.get(text.lower(), tidy(text, 30))
