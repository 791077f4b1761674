"""What the user accepts as known good: one thing, never the file that lists it beside others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from exhume.model.finding import TEXT_KEPT, Finding
from exhume.model.flow import Record

FILES = frozenset({"web.file", "file.entry", "aspnet.compiled"})
"""Kinds of record that are a file; all others stand in one, beside others."""
LOGS = frozenset({"iis.access", "iis.httperr", "exchange.httpproxy", "exchange.ews", "exchange.rps-http", "exchange.mapihttp"})
_NAME = {
    "exchange.transport-agent": ("name",),
    "iis.config": ("name", "pattern"),
    "windows.task": ("name",),
    "windows.service": ("name",),
    "windows.event": (
        *("TaskName", "ServiceName", "AccountMade", "AccountEnabled", "MemberAdded", "TargetUserName"),
        *("NewValue", "RegistrySet"),
    ),
}
"""Kind → fields that hold the thing's name; the first that is there counts."""
_CODE = {
    "exchange.transport-agent": ("assemblyPath",),
    "iis.config": ("image", "type", "scriptProcessor", "physicalPath", "action_url", "modules"),
    "windows.task": ("Command", "ClassId"),
    "windows.service": ("ServiceDll", "ImagePath"),
    "windows.event": (
        *("TaskRun", "ServiceRun", "ImagePath", "ServiceFileName", "TargetFilename", "CommandLine", "Parameters"),
        "ScriptBlockText",
    ),
}
"""Kind → fields that say what runs: a library, a .NET type, a program, a command."""
_MORE = {"iis.config": "path", "windows.event": "GroupChanged"}
"""Kind → one more field that tells things of the same name and code apart."""
KEYS = ("sha256", "rule", "name", "dll", "detail", "path", "address", "reason", "until")
"""The keys of an entry."""
ASKED = "say here who put it there and why"
"""The reason in a line that a report offers."""
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")


@dataclass(frozen=True, slots=True)
class AllowEntry:
    """One thing; of what the entry gives, all has to fit. ``reason`` is shown in every report."""

    reason: str
    sha256: str = ""
    rule: str = ""
    """Rule id or trace."""
    path: str = ""
    """Shell pattern over the finding's URL, Windows path or path in the evidence, any letter case."""
    until: date | None = None
    """Last day on which the entry counts."""
    name: str = ""
    """Name of the module, agent, handler, task, service, account …: the whole of it, any letter case."""
    dll: str = ""
    """What it runs: library, .NET type, program or command; the whole of it, any letter case."""
    detail: str = ""
    """What tells things of the same name and code apart: the path of a handler, the group of a member."""
    address: str = ""
    """Client address of a row."""
    line: int = 0
    """Number of the entry in its file, from 1."""
    finding: str = ""
    """Id of a finding that was accepted before, of a thing that has no name."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What one finding is about, as an entry names it."""

    name: str = ""
    dll: str = ""
    detail: str = ""
    path: str = ""
    """Of a file or a row: its URL or Windows path. Empty for what stands in a file beside others."""
    sha256: str = ""

    @property
    def named(self) -> bool:
        """Is there enough to tell it from others?"""
        return bool(self.name or self.dll or self.path)


def thing_of(finding: Finding) -> Thing:
    record = finding.record
    kind = record.kind
    sha256 = record.text("sha256").lower()
    if kind in FILES:
        return Thing(path=record.text("windows_path") or record.source.path, sha256=sha256)
    if kind in LOGS:
        return Thing(path=record.text("url"))
    if kind == "iis.config" and record.text("section") == "isapiFilters":
        return Thing(record.text("name"), record.text("path"), sha256=sha256)
    detail = record.text(_MORE[kind]) if kind in _MORE else ""
    code = _first(record, _CODE)
    if kind == "windows.task" and record.text("Arguments"):
        code = f"{code} {record.text('Arguments')}"
    return Thing(_first(record, _NAME), code, detail, sha256=sha256)


def _first(record: Record, fields: Mapping[str, tuple[str, ...]]) -> str:
    return next((text for name in fields.get(record.kind, ()) if (text := record.text(name)) and text != "-"), "")


def fits(entry: AllowEntry, finding: Finding) -> bool:
    """Is the finding what the entry names, or stands in the file that the entry names only (``loose``)?"""
    if entry.sha256 and finding.record.text("sha256").lower() != entry.sha256.lower():
        return False
    if entry.rule and entry.rule not in (finding.rule, finding.trace):
        return False
    if (not entry.sha256 and not entry.rule) or (entry.finding and entry.finding != finding.id):
        return False
    thing = thing_of(finding)
    asked = ((entry.name, thing.name), (entry.dll, thing.dll), (entry.detail, thing.detail), (entry.address, finding.address))
    if any(wanted and _same(wanted) != _same(there) for wanted, there in asked):
        return False
    return not entry.path or any(fnmatchcase(p.lower(), entry.path.lower()) for p in _places(finding))


def loose(entry: AllowEntry, finding: Finding) -> bool:
    """Does an entry that fits name only the file in which the thing stands beside others?"""
    named = (entry.sha256, entry.name, entry.dll, entry.detail, entry.address, entry.finding)
    if any(named) or finding.record.kind in FILES:
        return False
    own = finding.record.text("url")
    return not (own and fnmatchcase(own.lower(), entry.path.lower()))


def _places(finding: Finding) -> Iterator[str]:
    record = finding.record
    yield from (p for p in (record.text("url"), record.text("windows_path"), finding.source.path) if p)


def _same(text: str) -> str:
    return text.strip().lower()


def entry_of(finding: Finding, reason: str, until: date | None = None) -> AllowEntry:
    """The entry that accepts this thing and nothing beside it; by the finding's id where it has no name."""
    thing = thing_of(finding)
    if not thing.named:
        return AllowEntry(reason, rule=finding.rule, until=until, finding=finding.id)
    place = "".join(f"[{c}]" if c in "*?[" else c for c in thing.path)
    address = finding.address if finding.record.kind in LOGS else ""
    return AllowEntry(reason, thing.sha256, finding.rule, place, until, thing.name, thing.dll, thing.detail, address)


def allow_line(finding: Finding) -> str:
    """A line for an allow file that accepts the thing of this finding; empty where it cannot be named in full. Whatever an
    attacker put into a name, it is one line of YAML that holds exactly these characters, all of them plain ASCII."""
    thing = thing_of(finding)
    if not thing.named or finding.record.kind in LOGS:
        return ""
    entry = entry_of(finding, ASKED)
    told = [("rule", finding.trace or finding.rule)]
    told += [(key, getattr(entry, key)) for key in ("name", "dll", "detail", "path", "sha256")]
    if any(_lost(text) for _, text in told):
        return ""
    return "- {" + ", ".join(f"{key}: {_quoted(text)}" for key, text in (*told, ("reason", ASKED)) if text) + "}"


def allow_lines(finding: Finding) -> tuple[str, ...]:
    """The lines that accept all that a finding puts together, as far as it can be named: one for each rule and thing, in the
    order of its parts. Of a single one it is ``allow_line``."""
    return tuple(dict.fromkeys(line for one in finding.singles if (line := allow_line(one))))


def _lost(text: str) -> bool:
    """Not all of it was kept, or some of its bytes are no text."""
    return len(text) > TEXT_KEPT or "\ufffd" in text or any(0xD800 <= ord(c) < 0xE000 for c in text)


def _quoted(text: str) -> str:
    return '"' + _UNSAFE.sub(lambda match: _escape(ord(match[0])), text) + '"'


def _escape(code: int) -> str:
    """References: YAML 1.2.2, 5.7, escaped characters."""
    if code == 0x5C:
        return "\\\\"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
