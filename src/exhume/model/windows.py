"""Where a file lay on the server: collectors' folder names undone, and Exchange's own folders recognised.

Collectors store a drive as ``C/``, ``C%3A/``, ``uploads/auto/C%3A/`` (Velociraptor), ``C_/``, or not at all; Exchange can be
installed on any drive and under any root. So nothing here depends on a drive or on letter case.

References: logs.md 10 and 12 of the project's notes: Exchange's default virtual directories, read from Microsoft's clean
``applicationHost.config`` of Exchange 2016 and 2019.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_ESCAPED = re.compile(r"(?:%5c)+(?:[.?]%5c)?(?:[a-z]%3a|globalroot)(?:%5c|$)|[a-z]%3a$", re.IGNORECASE)
"""A folder of Velociraptor's: ``C%3A``, ``%5C%5C.%5CC%3A``, a shadow copy. Only below one is a name percent-decoded: in names
of Windows itself a ``%`` is plain text (``…%4Admin.evtx``)."""
_MARKED = re.compile(r"(?:^|(?<=/))([A-Za-z])(?::|%3[Aa]|_|\$)/")
_BARE = re.compile(r"(?:^|(?<=/))([A-Za-z])/")
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

DEFAULT_ROOT = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"

_SHIPPED = re.compile(
    r"/(owa|ecp)/[^/]+\.aspx|/owa/auth/((15|14)(\.\d+){2,3}/)?(error|error2|errorfe|expiredpassword|frowny|logoff|logon|outlookcn"
    r"|redirsuiteserviceproxy|signout|svmfeedback)\.aspx|/ecp/auth/(timeoutlogout|timeoutlogoff)\.aspx|/ews/exchange\.asmx"
    r"|/autodiscover/autodiscover\.svc|/ecp/(?!auth/).*\.svc|.*/global\.asax|.*/web\.config"
)


def ships(url: str) -> bool:
    """Does Exchange itself answer at this URL path (lower case)? Then a call of it, or a command that names it, says nothing of
    a page that somebody placed. From the same list as the filters of the web-shell rules."""
    return bool(_SHIPPED.fullmatch(url))


def windows_path(path: str) -> str:
    """The Windows path that a path inside the evidence stands for, or empty text when nothing tells.

    ``kape/C/inetpub/wwwroot/x.aspx`` → ``C:\\inetpub\\wwwroot\\x.aspx``; ``inetpub/wwwroot/x.aspx`` →
    ``inetpub\\wwwroot\\x.aspx`` (no drive known). ``!/`` (an archive is entered) starts anew.
    """
    outer, _, inner = path.rpartition("!/")
    if outer and "/" not in inner and _same_name(outer, inner):
        return windows_path(f"{outer.rpartition('/')[0]}/{inner}")  # one compressed file: it lay where its archive lies
    inner = _decoded(inner).replace("\\", "/").lstrip("/")
    found = [(f"/{inner.lower()}".find(f"/{anchor}"), anchor in _ANCHORS) for anchor in (*_ANCHORS, *_EXCHANGE_ANCHORS)]
    place, top = min((pair for pair in found if pair[0] >= 0), default=(-1, False))
    drive = _drive(inner, place, top)
    if drive:
        return f"{drive.group(1).upper()}:\\" + inner[drive.end() :].replace("/", "\\")
    return inner[place:].replace("/", "\\") if place >= 0 else ""


def _drive(inner: str, place: int, top: bool) -> re.Match[str] | None:
    """The folder that stands for a drive. It lies before the first folder that is known (at ``place``; ``top``: right on a
    drive): what comes after may be named by an attacker."""
    before = inner if place < 0 else inner[:place]
    if marked := _MARKED.search(before):
        return marked
    bare = list(_BARE.finditer(before))
    if place < 0:
        return bare[0] if bare and bare[0].start() == 0 and bare[0].group(1).isupper() else None
    if top:
        return bare[-1] if bare and bare[-1].end() == place else None
    return bare[0] if bare else None


def _same_name(outer: str, inner: str) -> bool:
    name = outer.rsplit("/", 1)[-1].lower()
    return name.startswith(f"{inner.lower()}.") and "." not in name[len(inner) + 1 :]


def _decoded(inner: str) -> str:
    """Velociraptor's escapes undone; the folders of its own before the drive are left out."""
    parts = inner.split("/")
    for number, part in enumerate(parts[:-1]):
        if f"{part.lower()}/" in (*_ANCHORS, "frontend/", *_EXCHANGE_ANCHORS):
            break  # from here on names are the server's own
        if "%" in part and _ESCAPED.match(part):
            drive = re.search(r"([a-z]):\\*$", unquote(part), re.IGNORECASE)
            below = "/".join(unquote(p, errors="replace") for p in parts[number + 1 :])
            return f"{drive.group(1)}:/{below}" if drive else below
    return inner


def in_exchange(path: str) -> str:
    """The part below Exchange's install root, lower case with ``/``: ``frontend/httpproxy/owa/auth/x.aspx``; else empty."""
    lowered = f"/{path}".replace("\\", "/").lower()
    places = []
    for anchor in _EXCHANGE_ANCHORS:
        place = lowered.find(f"/{anchor}")
        if place >= 0 and (anchor != "bin/" or "exchange" in lowered[:place]):
            places.append(place)
    return lowered[min(places) + 1 :] if places else ""


def served_url(path: str) -> str:
    """The URL path (lower case) under which IIS serves a file at this Windows path on an Exchange server with default
    virtual directories; empty text when it serves none. Every folder below wwwroot and below Exchange's own web trees counts as
    served. Where the server's configuration is at hand, ``model.sites`` knows more."""
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
            return f"/{rest}"
    return ""


def path_of(url: str, install_root: str = "") -> str:
    """Where the file of a served URL path lies on an Exchange server with default virtual directories: the front end's.
    ``install_root``: Exchange's own folder; without it the default one."""
    root = (install_root or DEFAULT_ROOT).rstrip("\\")
    for folder, prefix in sorted(_FRONT.items(), key=lambda pair: -len(pair[1])):
        if url.startswith(prefix + "/"):
            inside = f"{folder}{url[len(prefix) :]}".replace("/", "\\")
            return f"{root}\\FrontEnd\\HttpProxy\\{inside}"
    return "C:\\inetpub\\wwwroot" + url.replace("/", "\\")
