"""Where a file lay on the server: collectors' folder names undone, and Exchange's own folders recognised.

Collectors store a drive as ``C/``, ``C%3A/``, ``uploads/auto/C%3A/`` (Velociraptor), ``C_/``, or not at all; Exchange can be
installed on any drive and under any root. So nothing here depends on a drive or on letter case.

References: logs.md 10 and 12 of the project's notes: Exchange's default virtual directories, read from Microsoft's clean
``applicationHost.config`` of Exchange 2016 and 2019.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_DRIVE = re.compile(r"(?:^|/)(?:\{[^/]*\}|)([A-Za-z])(?::|%3[Aa]|_|\$)?/(?=.)")
_ANCHORS = (
    "windows/", "inetpub/", "program files/", "program files (x86)/", "programdata/", "users/",
    "exchangesetuplogs/", "perflogs/",
)  # fmt: skip
_EXCHANGE_ANCHORS = ("frontend/httpproxy/", "clientaccess/", "logging/", "transportroles/", "bin/")

_FRONT = {
    "owa": "/owa", "ecp": "/ecp", "ews": "/ews", "oab": "/oab", "autodiscover": "/autodiscover",
    "powershell": "/powershell",
    "mapi": "/mapi", "rpc": "/rpc", "rest": "/api", "sync": "/microsoft-server-activesync",
    "pushnotifications": "/pushnotifications", "owa/calendar": "/owa/calendar",
}  # fmt: skip
_BACK = {
    "owa": "/owa", "ecp": "/ecp", "exchweb/ews": "/ews", "oab": "/oab", "autodiscover": "/autodiscover",
    "powershell-proxy": "/powershell", "powershell": "/powershell", "mapi/emsmdb": "/mapi/emsmdb", "mapi/nspi": "/mapi/nspi",
    "sync": "/microsoft-server-activesync",
    "rest": "/api", "pushnotifications": "/pushnotifications",
}  # fmt: skip

SERVER_SIDE = frozenset({"aspx", "ashx", "asmx", "asax", "asp", "svc", "soap", "cer", "asa", "cshtml", "cdx"})
"""Extensions (lower case, without dot) that IIS or ASP.NET hands to a script engine: such files become ``web.file``.
``cer`` and ``cdx`` are mapped to asp.dll in IIS's own default handlers; attackers use them for that."""


def windows_path(path: str) -> str:
    """The Windows path that a path inside the evidence stands for, or empty text when nothing tells.

    ``kape/C/inetpub/wwwroot/x.aspx`` → ``C:\\inetpub\\wwwroot\\x.aspx``; ``inetpub/wwwroot/x.aspx`` →
    ``inetpub\\wwwroot\\x.aspx`` (no drive known). ``!/`` (an archive is entered) starts anew.
    """
    inner = path.rsplit("!/", 1)[-1].replace("\\", "/")
    if "%" in inner:
        inner = unquote(inner)
    inner = inner.lstrip("/")
    lowered = inner.lower()
    drive = None
    for match in _DRIVE.finditer(inner):
        rest = lowered[match.end() :]
        marked = inner[match.end(1)] != "/"
        if marked or rest.startswith(_ANCHORS) or "exchange" in rest or any(a in rest for a in _EXCHANGE_ANCHORS[:2]):
            drive = match
    if drive:
        return f"{drive.group(1).upper()}:\\" + inner[drive.end() :].replace("/", "\\")
    for anchor in (*_ANCHORS, *_EXCHANGE_ANCHORS):
        place = f"/{lowered}".find(f"/{anchor}")
        if place >= 0:
            return inner[place:].replace("/", "\\")
    return ""


def in_exchange(path: str) -> str:
    """The part below Exchange's install root, lower case with ``/``: ``frontend/httpproxy/owa/auth/x.aspx``; else empty."""
    lowered = f"/{path}".replace("\\", "/").lower()
    for anchor in _EXCHANGE_ANCHORS:
        place = lowered.find(f"/{anchor}")
        if place >= 0 and (anchor != "bin/" or "exchange" in lowered[:place]):
            return lowered[place + 1 :]
    return ""


def served_url(path: str) -> str:
    """The URL path (lower case) under which IIS serves a file at this Windows path on an Exchange server with default
    virtual directories; empty text when it serves none."""
    lowered = path.replace("\\", "/").lower()
    place = lowered.find("inetpub/wwwroot/")
    if place >= 0:
        return "/" + lowered[place + len("inetpub/wwwroot/") :]
    inside = in_exchange(path)
    for anchor, table in (("frontend/httpproxy/", _FRONT), ("clientaccess/", _BACK)):
        if inside.startswith(anchor):
            rest = inside[len(anchor) :]
            for folder in sorted(table, key=len, reverse=True):
                if rest.startswith(folder + "/"):
                    return table[folder] + rest[len(folder) :]
    return ""
