"""One indicator: its types, how its value is brought into the form that is looked up, and which values are refused."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

TYPES = (
    "ip", "domain", "url", "sha256", "sha1", "md5", "filename", "path", "url_path", "user_agent",
    "webshell_parameter", "string",
)  # fmt: skip
HASH_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
SHORTEST_STRING = 8
"""Characters; shorter texts stand in rows by chance."""

_EMPTY_FILE = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)
_CRAWLERS = (
    "googlebot", "bingbot", "bingpreview", "msnbot", "baiduspider", "yandexbot", "yandex.com/bots", "slurp", "duckduckbot",
    "facebookexternalhit", "exabot", "applebot", "ahrefsbot", "semrushbot", "mj12bot", "petalbot", "twitterbot", "linkedinbot",
)  # fmt: skip
_PRODUCT_AGENTS = (
    "exchangeservicesclient/",
    "microsoft office/",
    "microsoft wininet",
    "amprobe/",
    "ews/",
    "exchangewebservicesproxy/",
)
_BROWSER = re.compile(
    r"mozilla/\d\.\d \([^()]*\)(?: (?:(?:applewebkit|gecko|chrome|crios|fxios|version|mobile|safari|firefox|edge?|opr)/[\w.]+"
    r"|like gecko|\(khtml, like gecko\)))*",
)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z]{2,24}|xn--[a-z0-9-]{2,59})")
_ORDINARY_DOMAINS = frozenset(
    {
        "microsoft.com", "windows.com", "office.com", "office365.com", "outlook.com", "live.com", "google.com", "github.com",
        "githubusercontent.com", "amazonaws.com", "cloudflare.com", "akamai.net", "apple.com", "example.com", "localhost",
        "pastebin.com", "dropbox.com", "bit.ly", "t.me", "discord.com", "windowsupdate.com",
    }
)  # fmt: skip
_ORDINARY_NAMES = frozenset(
    {
    "w3wp.exe", "cmd.exe", "powershell.exe", "csc.exe", "cvtres.exe", "svchost.exe", "lsass.exe", "explorer.exe",
    "rundll32.exe", "regsvr32.exe", "certutil.exe", "net.exe", "net1.exe", "wmic.exe", "msiexec.exe", "conhost.exe",
    "services.exe", "winlogon.exe", "redirsuiteserviceproxy.aspx", "errorfe.aspx", "logon.aspx", "logoff.aspx",
    "signout.aspx", "expiredpassword.aspx", "default.aspx", "web.config", "global.asax", "iisstart.htm", "index.html",
    "desktop.ini", "ntdll.dll", "kernel32.dll",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Indicator:
    """A value known from an attack, in the form in which records are looked up, and where it is known from."""

    type: str
    value: str
    pack: str
    own: bool
    campaign: str = ""
    cluster: str = ""
    first_seen: str = ""
    source: str = ""


def read(data: bytes) -> Iterator[Indicator]:
    """What ``feeds.contents`` wrote down."""
    return (Indicator(*cells) for cells in json.loads(data))


def refang(text: str) -> str:
    """Undo the ways in which reports make addresses unclickable: ``hxxp``, ``[.]``, ``(dot)``."""
    plain = text.strip().strip("\u200e\u200f\ufeff").strip()
    plain = re.sub(r"\[(\.|:|:/*)\]|\((\.)\)", lambda m: m.group(1) or m.group(2), plain)
    plain = re.sub(r"[\[(]dot[\])]", ".", plain, flags=re.IGNORECASE)
    return re.sub(r"^hxxp", "http", plain, flags=re.IGNORECASE)


def normal(kind: str, text: str) -> tuple[str, str]:
    """Type and value in the form that is looked up. Raises ``ValueError`` with the reason why it cannot be used."""
    value = refang(text) if kind in {"ip", "domain", "url", "url_path"} else text.strip()
    if not value:
        raise ValueError("it is empty")
    match kind:
        case "ip":
            return kind, _address(value)
        case "domain":
            return kind, _domain(value)
        case "url":
            return _url(value)
        case "md5" | "sha1" | "sha256":
            return kind, _hash(kind, value)
        case "filename":
            return kind, _filename(value)
        case "path":
            return kind, _path(value)
        case "url_path":
            return (kind, _url_path(value)) if value.startswith("/") else _url(value)
        case "user_agent":
            return kind, _agent(value)
        case "webshell_parameter":
            if len(value) < 4:
                raise ValueError("a parameter name of fewer than 4 characters says nothing")
            return kind, value.lower()
        case "string":
            if len(value) < SHORTEST_STRING:
                raise ValueError(f"a text of fewer than {SHORTEST_STRING} characters says nothing")
            return kind, value.lower()
    raise ValueError(f"indicators of the type {kind[:40]!r} are not supported")


def _address(value: str) -> str:
    if "/" in value:
        network = ipaddress.ip_network(value, strict=False)
        if network.num_addresses > 1:
            if network.prefixlen < (8 if network.version == 4 else 24):
                raise ValueError("the network is too large to say anything")
            _refuse_private(network.network_address)
            return str(network)
        value = str(network.network_address)
    address = ipaddress.ip_address(re.sub(r"^(\d+\.\d+\.\d+\.\d+):\d+$", r"\1", value).strip("[]"))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    _refuse_private(mapped or address)
    return str(mapped or address)


def _refuse_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        # Python counts the documentation networks as private; the tests of packs use those, attackers never do.
        documentation = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
        if not str(address).startswith(documentation):
            raise ValueError("a private, local or reserved address says nothing")


def _domain(value: str) -> str:
    name = re.sub(r":\d+$", "", value.lower().rstrip("./"))
    name = name.removeprefix("*.")
    if not _DOMAIN.fullmatch(name) or len(name) > 253:
        raise ValueError("it is not a domain name")
    if name.removeprefix("www.") in _ORDINARY_DOMAINS:
        raise ValueError("the domain is an ordinary one that everybody uses")
    return name


def _url(value: str) -> tuple[str, str]:
    rest = re.sub(r"^[a-z][a-z0-9+.-]*://", "", value, flags=re.IGNORECASE)
    host, slash, path = rest.partition("/")
    if not slash or not path:
        try:
            return "ip", _address(host)
        except ValueError:
            return "domain", _domain(host)
    if not re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d+)?", host):
        raise ValueError("it is not a URL")
    text = f"{host}/{path}".lower()
    if len(text) < SHORTEST_STRING:
        raise ValueError("the URL is too short to say anything")
    return "url", text


def _hash(kind: str, value: str) -> str:
    digest = value.lower()
    if len(digest) != HASH_LENGTHS[kind] or not re.fullmatch(r"[0-9a-f]+", digest):
        raise ValueError(f"it is not a {kind.upper()}")
    if digest in _EMPTY_FILE:
        raise ValueError("it is the hash of an empty file")
    return digest


def _filename(value: str) -> str:
    name = value.replace("/", "\\").rsplit("\\", 1)[-1].lower()
    if len(name) < 4 or "*" in name or "?" in name:
        raise ValueError("the name is too short, or a pattern")
    if name in _ORDINARY_NAMES:
        raise ValueError("files of this name belong to Windows or Exchange; give the path")
    return name


def _path(value: str) -> str:
    """Drive letters and the place of the Exchange installation differ from server to server: both are cut away."""
    path = re.sub(r"\\+", r"\\", value.replace("/", "\\")).lower()
    path = re.sub(r"^(?:[a-z]:|%systemdrive%|\\\?\?)", "", path)
    path = re.sub(r"^%(?:systemroot|windir)%", r"\\windows", path)
    path = re.sub(r"^%(?:programdata|allusersprofile)%", r"\\programdata", path)
    path = re.sub(r"^%public%", r"\\users\\public", path)
    for anchor in ("\\frontend\\httpproxy\\", "\\clientaccess\\"):
        place = path.find(anchor)
        if place > 0:
            path = path[place:]
    if any(sign in path for sign in "*?%"):
        raise ValueError("paths with patterns or variables are not supported")
    path = "\\" + path.lstrip("\\")
    if len(path.strip("\\")) < 5 or "\\" not in path.strip("\\"):
        raise ValueError("the path is too short to say anything")
    return path


def _url_path(value: str) -> str:
    path = value.split("?", 1)[0].lower().rstrip("/")
    if len(path) < 4:
        raise ValueError("the URL path is too short to say anything")
    return path


def _agent(value: str) -> str:
    agent = plain_agent(value)
    ordinary = any(crawler in agent for crawler in _CRAWLERS) or agent.startswith(_PRODUCT_AGENTS)
    if ordinary or _BROWSER.fullmatch(agent):
        raise ValueError("it is the user agent of an ordinary crawler, browser or Microsoft client")
    if len(agent) < 4:
        raise ValueError("a user agent of fewer than 4 characters says nothing")
    return agent


def plain_agent(value: str) -> str:
    """A user agent in lower case, with blanks where IIS writes ``+``."""
    return " ".join(value.replace("+", " ").lower().split())
