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
from urllib.parse import unquote

from exhume.model.flow import Record, Source
from exhume.model.windows import SERVER_SIDE, served_url

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
_MAILBOX = re.compile(
    r"(?:-Mailbox\s+\"?|\.Mailbox='|Mailbox(?:Id|)=)([\w.+-]+@[\w.-]+\w)|^SMTP:([\w.+-]+@[\w.-]+\w)", re.IGNORECASE
)
_FILE = re.compile(r"-(?:FilePath|RequestFile)\s+\"?(?:\\\\[^\\\"]+\\)?([A-Za-z])[$:]\\([^\"]+)", re.IGNORECASE)
_BLANKS = re.compile(r"[+, ]+")
"""IIS writes a blank as ``+``, HttpProxy a comma as a blank: a program has one name in both."""
_POOL = re.compile(r"-ap\s+\"([\w .-]+)\"")
_MACHINES = ("system", "local service", "network service", "anonymous logon", "-")
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
    address = client(record)
    if behind:
        yield "target", stem.rstrip("/")
    elif address:
        yield "address", address
    yield "agent", _BLANKS.sub(" ", record.text("cs(User-Agent)") or record.text("UserAgent"))
    aimed = _ANCHOR.search(anchor)
    if aimed:
        yield "target", aimed[1].lower().rstrip("/")
    elif stem.rpartition(".")[2] in SERVER_SIDE and not behind:
        yield "shell", stem
    if record.kind == "exchange.ews":
        yield "target", "/ews/exchange.asmx"
    yield "method", (record.text("cs-method") or record.text("Method")).upper()
    yield "status", record.text("sc-status") or record.text("HttpStatus")
    for text in (anchor, record.text("cs-uri-query"), record.text("UrlQuery")):
        yield from _session(text)
    yield "account", account_name(record.text("cs-username") or record.text("AuthenticatedUser"))


def _session(text: str) -> Iterator[tuple[str, str]]:
    if not text:
        return
    found = _CANARY.search(text)
    if found:
        yield "canary", found[1].lower()
    for match in _MAILBOX.finditer(unquote(text)):
        yield "mailbox", (match[1] or match[2]).lower()


def _admin_centre(record: Record) -> Iterator[tuple[str, str]]:
    url, command = record.text("S:URL"), record.text("S:CMD")
    path = re.sub(r"^https?://[^/]*", "", url.lower())
    yield "target", path.partition("?")[0].rstrip("/")
    yield from _session(url)
    yield from _session(command)
    if "oabvirtualdirectory" in command.lower():
        yield from (("oab", guid) for guid in _GUID.findall(command.lower()))


def _event(record: Record) -> Iterator[tuple[str, str]]:
    parameters = record.text("Parameters")
    command = record.text("Cmdlet")
    if command or parameters:
        yield "cmdlet", command.lower()
        yield from _session(parameters)
        for drive, rest in _FILE.findall(parameters):
            yield from _file(f"{drive.upper()}:\\{rest}")
        if "oabvirtualdirectory" in command.lower():
            yield from (("oab", guid) for guid in _GUID.findall(parameters.lower()))
        return
    yield from _file(record.text("TargetFilename"))
    yield "address", client(record)
    event = record.text("EventID")
    if event in ("4720", "4722", "4724", "4738", "4624", "4625", "1149", "4697", "7045"):
        yield "account", account_name(record.text("TargetUserName"))
        yield "service", record.text("ServiceName").lower()
    yield from (("process", number) for number in _processes(record, event))
    pool = _POOL.search(record.text("ParentCommandLine"))
    yield "pool", pool[1].lower() if pool else ""


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
    else:
        yield from _file(record.text("windows_path") or record.text("target"))
        yield "sha256", record.text("sha256").lower()
    yield "oab", record.text("Guid").lower() if record.fields.get("oab_dump") else ""
    if record.kind in ("iis.config", "exchange.transport-agent"):
        yield "setting", (record.text("name") or record.text("path")).lower()


def _file(path: str) -> Iterator[tuple[str, str]]:
    if not path:
        return
    url = served_url(path)
    if url and url.rpartition(".")[2] in SERVER_SIDE:
        yield "shell", url
    yield "file", path.lower()


def client(record: Record) -> str:
    """The address of the client, empty for the server itself. Some logs name the whole way: the first is the client."""
    for name in ("c-ip", "ClientIpAddress", "ClientIP", "client-ip", "IpAddress", "SourceIp", "original-client-ip"):
        value = record.text(name).split(" ")[0].partition("%")[0].lower()
        if value and value != "-":
            local = value in ("::1", record.text("s-ip").lower()) or value.startswith(("127.", "fe80:", "::ffff:127."))
            return "" if local else value.removeprefix("::ffff:")
    return ""


def account_name(name: str) -> str:
    """The account in lower case; empty for machine accounts and the system's own, which are nobody in particular."""
    name = name.strip().lower()
    bare = name.rpartition("\\")[2]
    if not bare or bare in _MACHINES or bare.endswith("$") or bare.startswith(("healthmailbox", "dwm-", "umfd-")):
        return ""
    return name


def _size(record: Record) -> int:
    for name in ("sc-bytes", "ResponseBytes", "ResponseSize"):
        text = record.text(name)
        if text.isascii() and text.isdigit() and len(text) < 16:
            return int(text)
    return 0


def values(keys: Iterable[str], name: str) -> Iterator[str]:
    """The values of the keys of this name."""
    return (key[len(name) + 1 :] for key in keys if key.startswith(f"{name}:"))
