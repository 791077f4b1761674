"""Which fields of a record hold an address, a host, a command, a URL, a path, a hash or a user agent.

Names are those of docs/reference/records.md and of Windows' own events, in lower case.
"""

from __future__ import annotations

from functools import lru_cache

_FIELDS = {
    "address": (
        "c-ip", "clientipaddress", "clientip", "client-ip", "original-client-ip", "original-server-ip", "ipaddress", "sourceip",
        "destinationip", "sourceaddress", "destaddress", "remoteaddress", "remoteipaddress", "x-forwarded-for",
        "cs(x-forwarded-for)", "remote-endpoint", "remoteendpoint", "server-ip", "clientaddress", "connecting-ip", "enteredip",
    ),
    "host": (
        "cs-host", "host", "urlhost", "destinationhostname", "sourcehostname", "queryname", "queryresults", "client-hostname",
        "cs(referer)", "referer",
    ),
    "command": (
        "commandline", "parentcommandline", "processcommandline", "scriptblocktext", "payload", "contextinfo", "s:cmd",
        "parameters", "cmdlet-parameters", "message", "data", "details", "servicefilename", "imagepath", "actionname",
        "taskcontent", "filepathname",
    ),
    "url": ("url", "cs-uri-stem", "urlstem", "s:url", "virtualpath"),
    "path": (
        "windows_path", "targetfilename", "image", "parentimage", "imageloaded", "newprocessname", "parentprocessname",
        "processname", "sourceimage", "targetimage", "target", "assemblypath", "physicalpath", "scriptprocessor", "objectname",
        "directory", "application", "process",
    ),
    "hash": ("sha256", "sha1", "md5", "hashes", "hash", "filehash"),
    "agent": ("cs(user-agent)", "useragent", "user-agent", "s:ua"),
}  # fmt: skip
_ROLES = {name: role for role, names in _FIELDS.items() for name in names}


@lru_cache(maxsize=4096)
def role_of(field: str) -> str:
    """``address``, ``host``, ``command``, ``url``, ``path``, ``hash``, ``agent``, or empty text."""
    return _ROLES.get(field.lower(), "")


WEB_KINDS = frozenset({"iis.access", "iis.httperr"})
EXCHANGE_KINDS = frozenset(
    f"exchange.{name}"
    for name in (
        "httpproxy", "ecp-server", "ecp-activity", "oabgenerator", "ews", "rps-http", "rps-cmdlet", "mapihttp", "rca", "audit",
        "messagetracking", "agentlog", "protocol", "other",
    )
)  # fmt: skip
FILE_KINDS = frozenset({"web.file", "file.entry"})
STATE_KINDS = FILE_KINDS | {"aspnet.compiled", "iis.config", "exchange.transport-agent", "tool.detection"}
"""Kinds that are not read line by line through a sieve."""

_COMMAND_KINDS = frozenset(
    {"exchange.ecp-server", "exchange.oabgenerator", "exchange.rps-cmdlet", "exchange.audit", "exchange.other"}
)
"""Exchange's logs whose rows may name a file by its Windows path."""
_LOG = frozenset({"ip", "domain", "url", "filename", "path", "url_path", "user_agent", "webshell_parameter", "string"})
TYPES_OF_KIND: dict[str, frozenset[str]] = {
    **dict.fromkeys(WEB_KINDS | EXCHANGE_KINDS, _LOG - {"path"}),
    **dict.fromkeys(_COMMAND_KINDS, _LOG),
    "windows.event": frozenset({"ip", "domain", "url", "filename", "path", "string", "sha256", "sha1", "md5"}),
    **{kind: frozenset({"filename", "path", "url_path", "sha256", "sha1", "md5"}) for kind in FILE_KINDS},
    "aspnet.compiled": frozenset({"filename", "path", "url_path"}),
    "iis.config": frozenset({"filename", "path"}),
    "exchange.transport-agent": frozenset({"filename", "path"}),
    "tool.detection": frozenset({"filename", "path"}),
}
"""Which types of indicator are looked for in which kind of record."""
