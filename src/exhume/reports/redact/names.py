"""The owner's names in an assessment: gathered from the fields that hold them, so that they are found everywhere else.

Which fields name an account, a host, a domain or an organisation is read off their names, since every log has its own. A
name of an attacker's making gets in as well (a ``Host:`` header, a user name that was tried): it is replaced too, which does
no harm.

References: field names of IIS, HttpProxy, EWS, ECP, PowerShell and Windows event logs (logs.md 1 to 9 of the project's notes).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from urllib.parse import unquote

from exhume.model import Assessment, Finding, Record, Value
from exhume.model.windows import windows_path

USER_FIELD = re.compile(
    r"(?:user|account|member|caller|principal|sender|recipient|recipients|owner|trustee|alias|mailbox|logon)(?:name|email|address)?$|"
    r"^(?:display|given|sur|logon)name$|upn$",
    re.IGNORECASE,
)
HOST_FIELD = re.compile(
    r"(?:server|computer|workstation|machine|device)(?:host)?(?:name)?$|hostname$|^s-computername$", re.IGNORECASE
)
FOREIGN_FIELD = re.compile(
    r"^(?:urlhost|cs-host|internalurl|targetserver|routinghint|anchormailbox|organization)$", re.IGNORECASE
)
"""Fields that a client can fill: only names with a dot are taken from them."""
DOMAIN_FIELD = re.compile(r"domain(?:name)?$", re.IGNORECASE)
UNIT_FIELD = re.compile(r"organi[sz]ation(?:name|unit)?$|department$", re.IGNORECASE)
_IN_TEXT = (
    ("user", re.compile(r"[\\/](?:users|documents and settings)[\\/]+([^\\/:*?\"<>|%\r\n]{2,64})[\\/]", re.IGNORECASE)),
    ("user", re.compile(r"\bnet1?(?:\.exe)?[ +]+user[ +]+\"?([^\s\"/+]{2,64})", re.IGNORECASE)),
    ("user", re.compile(
        r"(?:(?<!\w)[-/](?:u|user|username|member|mailbox|trustee|samaccountname|alias|userprincipalname|displayname|owner)"
        r"(?::|=|[ +]+)|[?&;](?:user|username|mailbox|email)=)"
        r"(?:\"([^\"]{2,64})\"|'([^']{2,64})'|([^\s\"'/;,&|+]{2,64}))", re.IGNORECASE)),
    ("user", re.compile(r"/cn=recipients/cn=(?:[0-9a-f]{32}-)?([\w .$-]{2,64})", re.IGNORECASE)),
    ("organisation", re.compile(r"/o=([\w .&'-]{2,64})/ou=", re.IGNORECASE)),
    ("host", re.compile(r"(?<![\\\w])(?:\\{2}|\\{4})([\w-]{2,63})\\", re.IGNORECASE)),
)  # fmt: skip
_ARCHIVE = re.compile(r"(?:\.(?:zip|7z|tar|tgz|gz|xz|zst|bz2|vhdx?|e01|vmdk|img|dd|raw))+$", re.IGNORECASE)
_DN = re.compile(r"(?:(?:CN|OU)=[^,=]{1,64},)+DC=", re.IGNORECASE)
_DOTTED = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+", re.IGNORECASE)
_LABEL = re.compile(r"[\w-]{1,63}")
_NAME = re.compile(r"[^\W\d_][\w .$'&-]{0,63}|\d[\w .-]{1,63}")
_QUAD = re.compile(r"[\d.]+")
_SECOND_LEVEL = frozenset((
    "ac", "co", "com", "edu", "gob", "gouv", "gov", "govt", "go", "ltd", "mil", "ne", "net", "nhs", "nom", "or", "org",
))  # fmt: skip
_USUAL_SITES = ("", "default web site", "exchange back end")
_PUBLIC = frozenset((
    "microsoft.com", "windows.com", "windowsupdate.com", "office365.com", "office.com", "outlook.com", "live.com", "github.com",
    "githubusercontent.com", "mitre.org", "google.com", "mozilla.org", "volexity.com", "xmlsoap.org", "w3.org",
))  # fmt: skip
_FILES = frozenset((
    "aspx", "asp", "ashx", "asmx", "dll", "exe", "js", "json", "xml", "txt", "log", "html", "htm", "css", "png", "svc",
    "config", "dmp", "pst", "zip", "ecp", "cs", "vb", "ps1", "bat",
))  # fmt: skip


@cache
def kept() -> frozenset[str]:
    """Words that are never replaced by themselves, lower case; a hyphen stands for a blank as well."""
    text = (resources.files(__package__) / "kept.txt").read_text("utf-8")
    words = [w for line in text.splitlines() if not line.startswith("#") for w in line.lower().split()]
    return frozenset([*words, *(w.replace("-", " ") for w in words)])


@cache
def known_builds() -> frozenset[str]:
    """Builds of Exchange; some of them look like addresses."""
    text = (resources.files("exhume") / "content" / "builds.csv").read_text("utf-8")
    return frozenset(row["build"] for row in csv.DictReader(text.splitlines()))


@dataclass
class Names:
    """What to look for, lower case: kind of each name, and the owner's domains."""

    kinds: dict[str, str] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)

    def add(self, kind: str, name: str) -> None:
        """One name, unless it identifies nobody."""
        name = name.strip().strip("\"'").rstrip("$").strip()
        if not _NAME.fullmatch(name) or name.isdigit() or name.lower() in kept() or _QUAD.fullmatch(name):
            return
        if name.lower().startswith(("healthmailbox", "systemmailbox", "dwm-", "umfd-", "iis apppool")):
            return
        self.kinds.setdefault(name.lower(), kind)

    def user(self, value: str) -> None:
        """An account as logs write it: ``DOMAIN\\name``, ``name@domain``, ``domain/unit/name``, a list of them."""
        for one in re.split(r"[;,]", value):
            text = one.strip()
            if "@" in text:
                local, _, domain = text.rpartition("@")
                self.host(domain, foreign=True)
                if re.fullmatch(r"[\w.'+-]{1,64}", local):
                    self.add("user", local)
            elif "\\" in text:
                domain, _, name = text.rpartition("\\")
                self.add("domain", domain)
                self.add("user", name)
            elif "/" in text and _DOTTED.match(text):
                domain, *units, name = text.split("/")
                self.host(domain, foreign=True)
                self.domain(domain)
                for unit in units:
                    self.add("unit", unit)
                self.add("user", name)
            elif text.endswith("$"):
                self.add("host", text)
            elif not text.upper().startswith("S-1-") and "=" not in text and "~" not in text:
                self.add("user", text)

    def host(self, value: str, foreign: bool = False) -> None:
        """A server's name, with or without its domain."""
        found = [m.group().lower() for m in _DOTTED.finditer(value)]
        for name in found:
            label, _, rest = name.partition(".")
            if _QUAD.fullmatch(name) or rest.rpartition(".")[2].isdigit() or name.rpartition(".")[2] in _FILES:
                continue
            self.domain(rest if "." in rest and not _is_public(rest) else name)
            if not foreign:
                self.add("host", label)
        if not found and not foreign and _LABEL.fullmatch(value.strip()):
            self.add("host", value)

    def domain(self, name: str) -> None:
        """A domain of the owner, with every domain above it that is not everybody's."""
        labels = name.lower().strip(".").split(".")
        for first in range(len(labels) - 1):
            above = ".".join(labels[first:])
            if not _is_public(above) and above not in _PUBLIC and _DOTTED.fullmatch(above):
                self.domains.add(above)
                if len(labels[first]) > 3:
                    self.add("domain", labels[first])

    def folders(self, path: str) -> None:
        """What a collector or a person put before the server's own folders: ``Townhall/EX01-triage.zip!/uploads/``."""
        inside = windows_path(path)
        tail = inside.partition(":\\")[2] or inside
        if not inside or not path.lower().endswith(tail.replace("\\", "/").lower()):
            return
        for part in re.split(r"!?/", path[: len(path) - len(tail)]):
            name = _ARCHIVE.sub("", unquote(part))
            if len(name) > 2:
                self.add("folder", name)

    def text(self, text: str) -> None:
        """Names that give themselves away inside a text: profile folders, commands, distinguished names, shares."""
        for kind, pattern in _IN_TEXT:
            for match in pattern.finditer(text):
                value = next(filter(None, match.groups()))
                if kind == "user":
                    self.user(value)
                else:
                    self.add(kind, value)
        for match in _DN.finditer(text):
            self._distinguished(match.group())

    def _distinguished(self, name: str) -> None:
        parts = [p.partition("=")[::2] for p in name.split(",") if "=" in p]
        inside = any(value.lower() == "configuration" for _, value in parts)
        for number, (kind, value) in enumerate(parts):
            above = parts[number + 1][1].lower() if number + 1 < len(parts) else ""
            if inside:
                if above == "microsoft exchange":
                    self.add("organisation", value)
                elif above == "servers":
                    self.add("host", value)
            elif kind.upper() == "OU":
                self.add("unit", value)
            elif number == 0:
                self.add("user", value)


def _is_public(name: str) -> bool:
    """``uk``, ``gov.uk``: everybody's."""
    labels = name.split(".")
    return len(labels) == 1 or (len(labels) == 2 and labels[0] in _SECOND_LEVEL and len(labels[1]) == 2)


def gathered(assessment: Assessment, texts: Iterable[str]) -> Names:
    """The names of one assessment; ``texts`` are all its texts, decoded."""
    names = Names()
    host = assessment.host
    for name in (
        host.name,
        *host.servers,
        *(s.server for s in assessment.coverage.spans),
        *(g.server for g in assessment.coverage.gaps),
    ):
        names.host(name)
    for mount in host.sites.mounts:
        if mount.site.lower() not in _USUAL_SITES:
            names.add("site", mount.site)
    for intrusion in assessment.intrusions:
        for account in (*intrusion.accounts, *intrusion.mailboxes):
            names.user(account)
    for found in (*assessment.singles, *(a.finding for a in assessment.allowed)):
        _of_finding(names, found)
    for name in assessment.evidence:
        names.add("evidence", _ARCHIVE.sub("", name.replace("\\", "/").rstrip("/").rpartition("/")[2]))
    for path in _paths(assessment):
        names.folders(path)
    for text in texts:
        names.text(text)
    return names


def _paths(assessment: Assessment) -> Iterator[str]:
    found = (*assessment.singles, *(a.finding for a in assessment.allowed))
    paths = {source.path for f in found for source in f.sources} | {s.path for s in assessment.coverage.spans}
    paths |= {g.source.path for g in assessment.coverage.gaps if g.source}
    yield from sorted(paths)


def _of_finding(names: Names, found: Finding) -> None:
    names.host(found.record.server)
    for name, value in _cells(found.record):
        if DOMAIN_FIELD.search(name):
            names.host(value) if "." in value else names.add("domain", value)
        elif HOST_FIELD.search(name) and not FOREIGN_FIELD.search(name):
            names.host(value)
        elif UNIT_FIELD.search(name) and "." not in value:
            names.add("organisation", value)
        elif FOREIGN_FIELD.search(name):
            names.host(re.sub(r"[/?#].*", "", value.partition("://")[2] or value), foreign=True)
        elif USER_FIELD.search(name):
            names.user(value)


def _cells(record: Record) -> Iterator[tuple[str, str]]:
    for name, value in record.fields.items():
        for text in _texts(value):
            if 0 < len(text) <= 400:
                yield name.strip(), unquote(text)


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
