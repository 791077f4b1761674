"""What a finding's rows have in common with other rows: the values by which an intrusion is put together.

A finding folds a day's rows of one rule; several actors can stand in it. So it keeps its rows by minute and by the values
that name an actor or a thing (address, session canary, page, account): its *visits*. They add up in any order.

References: the join keys are general rules 2 to 6 of the project's traces.md (``msExchEcpCanary``, ``RequestId`` =
``cafeReqId``, OAB id, shell path, address, cmdlet ``ActivityId``, process).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from exhume.model import names
from exhume.model.address import chain_of, connected, forwarded, sender
from exhume.model.flow import Record, Source
from exhume.model.kinds import server_side
from exhume.model.sites import Sites
from exhume.model.windows import served_url

VISITS_KEPT = 48
"""Visits kept of each finding: the earliest; the finding's count goes on."""
IDS_KEPT = 4
"""Ids of single requests kept of each visit: the smallest ones, so that two logs of the same requests keep the same."""
VALUE_KEPT = 256
"""Characters kept of a key's value."""
BACK_END_PORTS = ("444", "81")
_CANARY = re.compile(r"msExchEcpCanary=([\w.~%/+-]{8,})", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_REQUEST = re.compile(r"cafeReqId=([0-9a-fA-F-]{36})")
_ANCHOR = re.compile(r"ServerInfo~[^/]*(/[^?#]*)", re.IGNORECASE)
_FILE = re.compile(
    r"-(?:FilePath|RequestFile)(?::\s*|\s+)[\"']?(?:\\\\[^\\\"']{1,64}\\)?([A-Za-z])[$:]\\([^\"'\r\n]{1,240}?)(?=[\"'\r\n]|\s+-|\s*$)",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[+, ]+")
"""IIS writes a blank as ``+``, HttpProxy a comma as a blank: a program has one name in both."""
_POOL = re.compile(r"-ap\s+\"([\w .-]+)\"")
_ACCOUNT_EVENTS = ("4720", "4722", "4724", "4738", "4624", "4625", "1149", "4697", "7045")
_MEMBER_EVENTS = ("4728", "4732", "4756")
_COMMANDS = ("CommandLine", "ScriptBlockText", "ImagePath", "Command", "Arguments", "TaskContent")
_ACTED_AS = ("ImpersonatedUser", "ActAsUser", "ProxyAsUser")
"""Fields of the log of Exchange's web services: whose mailbox the request was for. A forged request comes in the name of the
server's own account, so that only these name the mailbox."""
_RUN_EVENTS = ("1", "4688")
_MACHINES = ("system", "local service", "network service", "anonymous logon", "-")
_MADE_UP = ("nt authority", "nt-autorit", "autorite nt", "nt service", "iis apppool", "window manager", "font driver host")
"""Domains of accounts that are nobody's: Windows' own, also in German and French, those of services and application pools."""
_WORKERS = ("w3wp.exe", "umworkerprocess.exe", "services.exe", "svchost.exe", "msexchangemailboxreplication.exe")
"""Programs that start or write for everybody: their process number joins nothing."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Rows of one minute that share their keys."""

    keys: tuple[str, ...]
    """``address:203.0.113.50``, ``canary:…``, ``shell:/owa/auth/x.aspx``, …, sorted."""
    minute: int
    """Minutes since 1970-01-01 UTC; -1 for a state."""
    first: datetime | None
    last: datetime | None
    source: Source
    """Place of the first row."""
    count: int = 1
    size: int = 0
    """Bytes that were answered, where the log says so."""
    ids: tuple[str, ...] = ()
    """Ids of single requests and cmdlets."""

    @property
    def place(self) -> tuple[int, tuple[str, ...]]:
        """Visits of one finding with the same place are one."""
        return (self.minute, self.keys)

    def __add__(self, other: Visit) -> Visit:
        if other.count == 1 and self.last and other.first and self.last < other.first:
            ids = self.ids if not other.ids or other.ids <= self.ids[-1:] else self.ids + other.ids
            ids = tuple(sorted(set(ids))[:IDS_KEPT]) if ids is not self.ids else self.ids
            return replace(self, last=other.last, count=self.count + 1, size=self.size + other.size, ids=ids)
        early = min(self, other, key=lambda v: (str(v.first or ""), str(v.source)))
        lasts = [t for t in (self.last, other.last) if t]
        return replace(
            early,
            last=max(lasts, default=None),
            count=self.count + other.count,
            size=self.size + other.size,
            ids=tuple(sorted({*self.ids, *other.ids})[:IDS_KEPT]),
        )


def visit_of(record: Record) -> Visit:
    """The record as a visit of its own."""
    keys, ids = keys_of(record)
    minute = int(record.time.timestamp()) // 60 if record.time else -1
    return Visit(keys, minute, record.time, record.time, record.source, 1, _size(record), ids)


def merge_visits(early: tuple[Visit, ...], late: tuple[Visit, ...]) -> tuple[Visit, ...]:
    """Both, those of the same minute and keys added up, in order; the first ``VISITS_KEPT``. Gives the same in any order."""
    if len(late) == 1 and early:
        one, last = late[0], early[-1]
        if one.place == last.place:
            return (*early[:-1], last + one)
        if one.place > last.place:  # the common case: the next row of a log
            return early if len(early) == VISITS_KEPT else (*early, one)
    merged = {visit.place: visit for visit in early}
    for visit in late:
        known = merged.get(visit.place)
        merged[visit.place] = known + visit if known else visit
    return tuple(merged[place] for place in heapq.nsmallest(VISITS_KEPT, merged))


def keys_of(record: Record) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of a record, sorted, and the ids of the single request or cmdlet it tells of."""
    keys = {f"{name}:{value[:VALUE_KEPT]}" for name, value in _keys(record) if value}
    ids = {v.strip("{}").lower() for v in _ids(record) if v}
    return tuple(sorted(keys)), tuple(sorted(ids)[:IDS_KEPT])


def _ids(record: Record) -> Iterator[str]:
    for name in ("RequestId", "ActivityId", "S:ACTID", "ProcessGuid"):
        yield record.text(name)
    found = _REQUEST.search(record.text("cs-uri-query"))
    if found:
        yield found[1]


def _keys(record: Record) -> Iterator[tuple[str, str]]:
    kind = record.kind
    if kind in ("iis.access", "iis.httperr", "exchange.httpproxy", "exchange.ews", "exchange.rps-http", "exchange.mapihttp"):
        yield from _web(record)
    elif kind in ("exchange.ecp-server", "exchange.ecp-activity"):
        yield from _admin_centre(record)
    elif kind in ("windows.event", "exchange.rps-cmdlet"):
        yield from _event(record)
    else:
        yield from _state(record)


def _web(record: Record) -> Iterator[tuple[str, str]]:
    stem = (record.text("cs-uri-stem") or record.text("UrlStem")).lower()
    anchor = record.text("AnchorMailbox")
    behind = record.kind == "iis.access" and (record.channel == "W3SVC2" or record.text("s-port") in BACK_END_PORTS)
    if behind:
        yield "target", stem.rstrip("/")
    else:
        yield from _senders(record)
    yield "agent", _BLANKS.sub(" ", record.text("cs(User-Agent)") or record.text("UserAgent"))
    aimed = _ANCHOR.search(anchor)
    if aimed:
        yield "target", aimed[1].lower().rstrip("/")
    elif not behind:
        yield "shell", names.page_of(record.text("url") or stem)
    if record.kind == "exchange.ews":
        yield "target", "/ews/exchange.asmx"
    yield "method", (record.text("cs-method") or record.text("Method")).upper()
    yield "status", record.text("sc-status") or record.text("HttpStatus")
    for text in (anchor, record.text("cs-uri-query"), record.text("UrlQuery"), record.text("cs(Cookie)")):
        yield from _session(text)
    yield from (("mailbox", name) for name in names.mailbox_of(anchor))
    yield from (("mailbox", names.acted_as(record.text(field))) for field in _ACTED_AS)
    whole = record.text("url") or f"{stem}?{record.text('cs-uri-query') or record.text('UrlQuery')}"
    yield from (("mailbox", name) for name in names.mailboxes_in(whole))
    yield "named", names.token_account(whole)
    yield "account", account_name(record.text("cs-username") or record.text("AuthenticatedUser"))


def _senders(record: Record) -> Iterator[tuple[str, str]]:
    """The client, and the rest of the chain of a load balancer's header: its first part can be forged."""
    address = client(record)
    yield "address", address
    passed = forwarded(record.fields)
    if passed:
        yield from (("via", other) for other in (*passed, *chain_of(connected(record.fields))[:1]) if other != address)


def _session(text: str) -> Iterator[tuple[str, str]]:
    if not text:
        return
    found = _CANARY.search(text)
    if found:
        yield "canary", found[1].lower()
    yield from (("mailbox", name) for name in names.mailboxes_in(text))


def _admin_centre(record: Record) -> Iterator[tuple[str, str]]:
    url, command = record.text("S:URL"), record.text("S:CMD")
    path = re.sub(r"^https?://[^/]*", "", url.lower())
    yield "target", path.partition("?")[0].rstrip("/")
    yield from _session(path)
    yield from _cmdlet(command.partition(".")[0], command)
    yield "account", account_name(re.sub(r"</?PII>", "", record.text("S:PSA")))
    yield from _named_pages(record, "shell", command)


def _cmdlet(cmdlet: str, text: str) -> Iterator[tuple[str, str]]:
    yield from (("mailbox", name) for name in names.mailboxes_of(cmdlet, text))
    yield from (("named", name) for name in names.accounts_of(cmdlet, text))
    if "oabvirtualdirectory" in cmdlet.lower():
        yield from (("oab", guid) for guid in _GUID.findall(text.lower()))


def _event(record: Record) -> Iterator[tuple[str, str]]:
    parameters = record.text("Parameters")
    command = record.text("Cmdlet")
    if command or parameters:
        yield "cmdlet", command.lower()
        yield from _cmdlet(command, parameters)
        for drive, rest in _FILE.findall(parameters):
            yield from _file(f"{drive.upper()}:\\{rest}")
        yield from _named_pages(record, "shell", parameters)
        return
    for path in (record.text("TargetFilename"), *_shared(record)):
        yield from _file(path)
    yield from _senders(record)
    event = record.text("EventID")
    if event in _ACCOUNT_EVENTS:
        yield "account", account_name(record.text("TargetUserName"))
        yield "service", record.text("ServiceName").lower()
    elif event in _MEMBER_EVENTS:
        yield "named", _member(record)
    yield from (("process", number) for number in _processes(record, event))
    pool = _POOL.search(record.text("ParentCommandLine"))
    yield "pool", pool[1].lower() if pool else ""
    for field in _COMMANDS:
        text = record.text(field)
        if text:
            yield from _named_pages(record, "page", text)
            yield from (("account" if verb == "made" and not group else "named", account_name(name))
                        for verb, name, group in names.accounts_in(text))  # fmt: skip
            yield from (("mailbox", name) for name in names.mailboxes_in_script(text))
    if event in _RUN_EVENTS:
        yield from (("named", _person(record.text(field))) for field in ("SubjectUserName", "TargetUserName", "User"))
    yield from _named_pages(record, "shell", record.text("Path") if record.text("Threat Name") else "")


def _shared(record: Record) -> Iterator[str]:
    """The file of an access to a share or an audited object (events 5145, 4656, 4663)."""
    share, rest = record.text("ShareName"), record.text("RelativeTargetName")
    drive = re.search(r"\\([A-Za-z])\$\Z", share)
    if drive and rest:
        yield f"{drive[1].upper()}:\\{rest.lstrip(chr(92))}"
    if record.text("EventID") in ("4656", "4663") and re.match(r"[A-Za-z]:\\", record.text("ObjectName")):
        yield record.text("ObjectName")


def _member(record: Record) -> str:
    """Who was put into a group: the name in ``CN=jane,OU=…``, else the SID."""
    name = record.text("MemberName")
    found = re.match(r"CN=((?:\\.|[^,\\]){1,128})", name, re.IGNORECASE)
    return (found[1] if found else name if name not in ("", "-") else record.text("MemberSid")).lower()


def _named_pages(record: Record, key: str, text: str) -> Iterator[tuple[str, str]]:
    """Pages that a text names by their place on this server; ``page``: a command names it, ``shell``: a log says it is so."""
    own = frozenset({record.server.lower(), record.text("Computer").lower().partition(".")[0]} - {""})
    for path in names.pages_in(text, own):
        yield key, served_url(path)


def _processes(record: Record, event: str) -> Iterator[str]:
    own, parent, parent_image = ("NewProcessId", "ProcessId", "ParentProcessName")
    if event != "4688":
        own, parent, parent_image = ("ProcessId", "ParentProcessId", "ParentImage")
    if event not in ("4688", "1"):
        return
    yield _number(record.text(own))
    if record.text(parent_image).lower().rpartition("\\")[2] not in _WORKERS:
        yield _number(record.text(parent))


def _number(text: str) -> str:
    try:
        return str(int(text, 0)) if len(text) < 20 else ""
    except ValueError:
        return ""


def _state(record: Record) -> Iterator[tuple[str, str]]:
    url = record.text("virtualPath").lower() or record.text("url").lower()
    if record.kind == "aspnet.compiled":
        yield "shell", url
    elif record.kind == "tool.detection":
        yield from _named_pages(record, "shell", record.text("target"))
        yield from _file(record.text("target"))
    else:
        yield from _file(record.text("windows_path"))
        if record.kind in ("web.file", "file.entry"):
            yield "shell", names.page_of(url) or page_of(record)
        yield "sha256", record.text("sha256").lower()
    for field in _COMMANDS:
        yield from _named_pages(record, "page", record.text(field))
        yield from (("named", account_name(name)) for _, name, _ in names.accounts_in(record.text(field)))
        yield from (("mailbox", name) for name in names.mailboxes_in_script(record.text(field)))
    yield from _named_pages(record, "shell", record.text("Message"))
    yield "oab", record.text("Guid").lower() if record.fields.get("oab_dump") else ""
    if record.kind in ("iis.config", "exchange.transport-agent"):
        yield "setting", (record.text("name") or record.text("path")).lower()


def _file(path: str) -> Iterator[tuple[str, str]]:
    if not path:
        return
    url = served_url(path)
    if url and server_side(url):
        yield "shell", url
    yield "file", path.lower()


def page_of(record: Record) -> str:
    """The URL path of the page that a file is; empty for a file that IIS does not serve, or only hands out. A page is known by
    its ending, and by script inside where it was served under another name or none."""
    if record.kind not in ("web.file", "file.entry"):
        return ""
    url = record.text("url").lower()
    return url if url and (server_side(url) or record.fields.get("script") is True) else ""


def on_sites(seen: tuple[Visit, ...], sites: Sites) -> tuple[Visit, ...]:
    """The visits; those to files that only the server's own configuration shows to be pages are named as such."""
    if not sites.mounts or not any(_unserved(v) for v in seen):
        return seen
    out: list[Visit] = []
    for visit in seen:
        pages = {f"shell:{url}"[:VALUE_KEPT] for path in values(visit.keys, "file") if server_side(url := sites.url(path))}
        out.append(replace(visit, keys=tuple(sorted({*visit.keys, *pages}))) if _unserved(visit) and pages else visit)
    return tuple(out)


def _unserved(visit: Visit) -> bool:
    return any(key.startswith("file:") for key in visit.keys) and not any(key.startswith("shell:") for key in visit.keys)


def client(record: Record) -> str:
    """The address of the client, empty for the server itself; behind a load balancer that of whom it passed on."""
    value = next(iter(chain_of(sender(record.fields))), "")
    local = value in ("::1", record.text("s-ip").lower()) or value.startswith(("127.", "fe80:"))
    return "" if local else value


def account_name(name: str) -> str:
    """The account in lower case; empty for machine accounts and the system's own, which are nobody in particular."""
    name = name.strip().lower()
    bare = name.rpartition("\\")[2]
    if not bare or bare in _MACHINES or bare.endswith("$") or bare.startswith(("healthmailbox", "dwm-", "umfd-")):
        return ""
    return name


def _person(name: str) -> str:
    """The account that ran a program, lower case; empty for machine accounts and those that Windows and IIS make up."""
    domain = name.strip().lower().rpartition("\\")[0]
    return "" if domain.startswith(_MADE_UP) else account_name(name)


def _size(record: Record) -> int:
    for name in ("sc-bytes", "ResponseBytes", "ResponseSize"):
        text = record.text(name)
        if text.isascii() and text.isdigit() and len(text) < 16:
            return int(text)
    return 0


def values(keys: Iterable[str], name: str) -> Iterator[str]:
    """The values of the keys of this name."""
    return (key[len(name) + 1 :] for key in keys if key.startswith(f"{name}:"))
