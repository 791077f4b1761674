"""What an intrusion left on the server: pages, files, accounts, tasks, settings, each named once, for the plan to undo.

References: guidance.md E and F of the project's notes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exhume.judge.shown import pages_shown
from exhume.judge.verdict import raised
from exhume.model import Finding, Host, Intrusion, Outcome, Planted, Verdict
from exhume.model.kinds import server_side
from exhume.model.names import accounts_in, pages_in, parameters_of
from exhume.model.visit import page_of, values
from exhume.model.windows import path_of, served_url, ships, windows_path

Found = tuple[str, Mapping[str, str]]
"""The kind of thing, and what it is known by."""
_WORD = r"(?:\"([^\"]{1,120})\"|([^\s\"&|]{1,120}))"
_TASK = re.compile(rf"schtasks(?:\.exe)?\b.*?/create\b.*?/tn\s+{_WORD}", re.IGNORECASE)
_IDENTITY = re.compile(r"(?:\.Identity='|-Identity\s+\")([^'\"\\]+\\OAB[^'\"]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that was planted, changed or taken away."""

    kind: str
    """``page``, ``file``, ``oab``, ``vdir``, ``module``, ``agent``, ``account``, ``member``, ``removed``, ``task``,
    ``service``, ``rule``, ``export``, ``role`` or ``login``."""
    values: Mapping[str, str]
    findings: tuple[str, ...]


def things(
    findings: Sequence[Finding], intrusions: Sequence[Intrusion], host: Host, pages: Iterable[Planted] = ()
) -> tuple[Thing, ...]:
    """Every thing once, in the order of kind and name. ``pages``: the planted ones; logs name some by their URL only."""
    inside = {name for intrusion in intrusions for name in intrusion.findings}
    known: dict[tuple[str, str], tuple[Mapping[str, str], list[str]]] = {}
    for finding in findings:
        if raised(finding) is None and finding.id not in inside:
            continue
        for kind, named in _of(finding, host):
            key = (kind, named[next(iter(named))].lower())
            old = known.get(key)
            known[key] = (
                {**named, **{k: v for k, v in old[0].items() if v}} if old else named,
                [*(old[1] if old else ()), finding.id],
            )
    for page, why in _by_url(
        pages, findings, intrusions, {served_url(v["path"]) for (k, _), (v, _) in known.items() if k == "page"}
    ):
        path = path_of(page, host.install_root)
        known["page", path.lower()] = ({"path": path}, why)
    images = {v["image"].lower() for (kind, _), (v, _) in known.items() if kind == "module" and v.get("image")}
    return tuple(
        Thing(kind, named, tuple(dict.fromkeys(why)))
        for (kind, name), (named, why) in sorted(known.items(), key=lambda item: item[0])
        if not (kind == "file" and name in images)
    )


def _by_url(
    pages: Iterable[Planted], findings: Sequence[Finding], intrusions: Sequence[Intrusion], named: set[str]
) -> Iterator[tuple[str, list[str]]]:
    """Pages that no path names, with the findings that show them. That a page answered is enough only where its intrusion is
    proven: alone it may be the owner's own page."""
    proofs = {f.id for f in findings if raised(f) is Verdict.COMPROMISED}
    shows: dict[str, dict[str, Finding]] = defaultdict(dict)
    for finding in findings:
        if raised(finding) is not None:
            for visit in finding.visits:
                for url in pages_shown(finding, visit):
                    shows[url][finding.id] = finding
    for page in pages:
        shown = list(shows[page.page].values())
        proven = any(proofs & set(intrusions[number - 1].findings) for number in page.actors)
        if page.page not in named and shown and (proven or any(f.outcome > Outcome.STEP for f in shown)):
            yield page.page, [f.id for f in shown]


def _of(finding: Finding, host: Host) -> Iterator[Found]:
    record = finding.record
    if record.kind in ("web.file", "file.entry"):
        path = record.text("windows_path") or windows_path(record.source.path) or record.source.path
        yield from [("page", {"path": path})] if page_of(record) else _path(path)
    elif record.kind == "iis.config":
        yield from _setting(finding)
    elif record.kind == "exchange.transport-agent":
        yield "agent", {"name": record.text("name"), "assembly": record.text("assemblyPath")}
    elif record.kind in ("windows.event", "exchange.rps-cmdlet", "exchange.ecp-server"):
        yield from _event(finding, host)
    if record.kind in ("iis.access", "exchange.httpproxy", "exchange.rps-http") and finding.outcome >= Outcome.STEP:
        for name in {v for visit in finding.visits for v in values(visit.keys, "account")}:
            yield "login", {"name": name}
    if finding.trace.startswith(("PL-855-f", "PL-855-g", "PL-065-")) and finding.outcome >= Outcome.WRITE:
        yield "oab", {"identity": _oab(finding, host)}


def _path(path: str) -> Iterator[Found]:
    if path:
        page = server_side(path) and served_url(path)
        yield ("page" if page else "file"), {"path": path}


def _setting(finding: Finding) -> Iterator[Found]:
    record = finding.record
    section = record.text("section")
    if section in ("globalModules", "modules", "isapiFilters", "handlers"):
        yield "module", {"name": record.text("name"), "image": record.text("image") or record.text("type")}
    elif section == "virtualDirectory":
        place = "/".join(
            p.strip("/") for p in (record.text("site"), record.text("application"), record.text("path")) if p.strip("/")
        )
        yield "vdir", {"path": place or record.text("path"), "folder": record.text("physicalPath")}


def _event(finding: Finding, host: Host) -> Iterator[Found]:
    record = finding.record
    event = record.text("EventID")
    if event == "11" and finding.outcome >= Outcome.WRITE:
        named = record.text("TargetFilename")
        page = named and any(True for visit in finding.visits for _ in values(visit.keys, "shell"))
        yield from [("page", {"path": named})] if page else _path(named)
    if event == "4720":
        yield "account", {"name": record.text("TargetUserName")}
    if event in ("4728", "4732", "4756"):
        member = record.text("MemberName")
        yield (
            "member",
            {"member": member if member not in ("", "-") else record.text("MemberSid"), "group": record.text("TargetUserName")},
        )
    if event in ("7045", "4697"):
        yield "service", {"name": record.text("ServiceName")}
    yield from _command(record.text("CommandLine"))
    cmdlet = (record.text("Cmdlet") or record.text("S:CMD").partition(".")[0]).lower()
    if cmdlet:
        yield from _cmdlet(cmdlet, record.text("Parameters") or record.text("S:CMD"))


def _command(text: str) -> Iterator[Found]:
    for match in _TASK.finditer(text):
        yield "task", {"name": match[1] or match[2]}
    for act, name, group in accounts_in(text):
        if act == "made":
            yield ("member", {"member": name, "group": group}) if group else ("account", {"name": name})
        elif act == "removed" and group:
            yield "removed", {"group": group, "member": name}
    for path in pages_in(text):
        if not ships(served_url(path)):
            yield from _path(path)


def _cmdlet(cmdlet: str, text: str) -> Iterator[Found]:
    given = {name: values[0] for name, values in parameters_of(text) if values}
    if cmdlet == "new-inboxrule" and given.get("name"):
        yield "rule", {"name": given["name"], "mailbox": given.get("mailbox", "")}
    elif cmdlet == "new-mailboxexportrequest" and given.get("mailbox"):
        yield "export", {"mailbox": given["mailbox"]}
    elif cmdlet == "new-managementroleassignment" and given.get("role"):
        yield "role", {"role": given["role"], "assignee": given.get("user") or given.get("securitygroup", "")}
    for name in ("filepath", "requestfile"):
        match = re.fullmatch(r"(?:\\\\[^\\]+\\)?([A-Za-z])[$:](\\.+)", given.get(name, ""))
        if match:
            yield from _path(f"{match[1].upper()}:{match[2]}")


def _oab(finding: Finding, host: Host) -> str:
    """``SERVER\\OAB (Default Web Site)``, as Exchange names it."""
    record = finding.record
    own = record.text("Identity")
    match = _IDENTITY.search(record.text("S:CMD") or record.text("Parameters"))
    server = (
        record.text("Server") or record.server or record.text("Computer").partition(".")[0].upper() or host.name or "SERVER"
    )
    return own if "\\" in own else match[1] if match else f"{server}\\OAB (Default Web Site)"
