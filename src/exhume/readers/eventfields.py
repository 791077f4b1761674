"""Shapes one Windows event into the record ``windows.event``, whatever it was stored or exported as.

The common form in between is the one the JSON of EVTX parsers has: ``{"System": {…}, "EventData": {…}, "UserData": {…}}`` with
an element's attributes under ``#attributes`` and its text under ``#text``.

References: docs/reference/records.md; Microsoft, "Event Schema Elements"; the order of the insertion strings of MSExchange
Management was read from a real Exchange 2016 event (2021).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from exhume.model import File, Reading, Record, Span, Value, hour_of

KIND = "windows.event"
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Windows NT is younger than anything dated before: such a time (often 1601, FILETIME zero) says nothing."""
DEEPEST = 24
"""Levels of nested elements that are followed in ``UserData``."""

_INTEGERS = ("EventID", "EventRecordID", "Level", "Task", "Opcode", "Version")
_CMDLETS = {"Cmdlet": 0, "Parameters": 1, "Caller": 2, "CallerSid": 3, "HostApplication": 5, "Process": 6, "Exception": 11}
_ACTIVITY = "ActivityId: "
_RENDERED = re.compile(r"\ACmdlet (?:suc+eeded|failed)\. Cmdlet ([^,\s]{1,200}), parameters (.*)\Z", re.DOTALL | re.IGNORECASE)
_EXCHANGE_UPDATE = re.compile(r"\bExchange Server\b.{0,200}?\b(KB\d{6,8})\b", re.IGNORECASE | re.DOTALL)
_VERSION = re.compile(r"\d{2}\.\d{1,2}\.\d{1,5}\.\d{1,5}")


def integer(value: object) -> int | None:
    """A whole number given as number, decimal or ``0x`` text; ``None`` for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if -(2**64) < value < 2**64 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**64 else None
    if isinstance(value, str) and len(value) < 30:
        text = value.strip()
        try:
            return int(text, 16) if text[:2].lower() == "0x" else int(text)
        except ValueError:
            return None
    return None


def instant(value: object) -> datetime | None:
    """The moment (UTC) that ISO text (without zone: UTC) or seconds since 1970 stand for; ``None`` when it is none."""
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value.strip())
            time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            time = datetime.fromtimestamp(value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return time if time >= EARLIEST else None


@lru_cache(maxsize=4096)
def server_of(computer: str) -> str:
    """The computer's name without domain, upper case."""
    return computer.split(".", 1)[0].strip().upper()[:64]


def to_record(event: Mapping[str, Any], file: File, number: int | None = None, at: str = "") -> Record | None:
    """The record of one event, or ``None`` when it has no event id. ``number``: the record number in the file, for events that
    do not name theirs; ``at``: the place, where it is not ``record N``."""
    system = event.get("System")
    if not isinstance(system, dict):
        return None
    fields: dict[str, Value] = {}
    time = _system(system, fields)
    if "EventID" not in fields:
        return None
    unnamed: list[str] = []
    for part in ("EventData", "UserData"):
        body = event.get(part)
        if isinstance(body, dict):
            _body(body, part, fields, unnamed)
    if unnamed:
        fields["Data"] = tuple(unnamed)
    rendered = event.get("RenderingInfo")
    if isinstance(rendered, dict) and isinstance(rendered.get("Message"), str):
        fields.setdefault("Message", rendered["Message"])
    if number is not None and "EventRecordID" not in fields:
        fields["EventRecordID"] = number
    return finish(fields, time, file, at)


def finish(fields: dict[str, Value], time: datetime | None, file: File, at: str = "") -> Record:
    """The record of an event whose fields are already flat. Adds the derived fields of Exchange's cmdlet events."""
    if str(fields.get("Provider_Name", "")).lower() == "msexchange cmdletlogs":
        _cmdlet(fields)
    place = at or f"record {fields.get('EventRecordID', 0)}"
    channel, computer = fields.get("Channel"), fields.get("Computer")
    return Record(
        KIND,
        time,
        fields,
        file.source(place),
        channel if isinstance(channel, str) else "",
        server_of(computer) if isinstance(computer, str) else "",
    )


def _system(system: Mapping[str, Any], fields: dict[str, Value]) -> datetime | None:
    """Everything of ``System`` that says something of the event; returns its time."""
    time: datetime | None = None
    for name, value in system.items():
        attributes: Mapping[str, Any] = {}
        if isinstance(value, dict):
            attributes, value = value.get("#attributes") or {}, value.get("#text")  # noqa: PLW2901
            if not isinstance(attributes, dict):
                attributes = {}
        if name in _INTEGERS:
            whole = integer(value)
            if whole is not None:
                fields[name] = whole
        elif name == "Provider":
            _put_attributes(attributes, {"Name": "Provider_Name", "EventSourceName": "EventSourceName"}, fields)
        elif name == "TimeCreated":
            time = instant(attributes.get("SystemTime", value))
        elif name == "Security":
            _put_attributes(attributes, {"UserID": "UserID"}, fields)
        elif name == "Execution":
            _put_attributes(attributes, {"ProcessID": "Execution_ProcessID", "ThreadID": "Execution_ThreadID"}, fields)
        elif name == "Correlation":
            _put_attributes(attributes, {"ActivityID": "Correlation_ActivityID"}, fields)
        elif name != "#attributes":
            cell = scalar(value)
            if cell not in (None, ""):
                fields[name] = cell
    return time


def _put_attributes(attributes: Mapping[str, Any], names: Mapping[str, str], fields: dict[str, Value]) -> None:
    for name, ours in names.items():
        cell = scalar(attributes.get(name))
        if cell not in (None, ""):
            fields[ours] = cell


def scalar(value: object) -> Value:
    """A value as records hold it: text, number, truth, or a tuple of texts."""
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**64) < value < 2**64 else str(value)[:40]
    if isinstance(value, list | tuple):
        return tuple(_texts(value))
    if isinstance(value, dict):
        return scalar(value.get("#text"))
    return str(value)


def _texts(values: object, depth: int = 0) -> Iterator[str]:
    """The texts of an unnamed ``Data`` element, in order; empty ones keep their place."""
    if isinstance(values, list | tuple):
        for value in values:
            if depth < DEEPEST:
                yield from _texts(value, depth + 1)
    elif isinstance(values, dict):
        for name, value in values.items():
            if name != "#attributes" and depth < DEEPEST:
                yield from _texts(value, depth + 1)
    else:
        yield "" if values is None else str(values)


def _body(body: Mapping[str, Any], part: str, fields: dict[str, Value], unnamed: list[str]) -> None:
    for name, value in body.items():
        kind = type(value)
        if name == "Data" and part == "EventData":
            unnamed.extend(_texts(value))
        elif kind is str or kind is int:
            put(fields, name, value, part)
        elif kind is dict:
            _element(fields, name, value, part)
        elif value is not None:
            put(fields, name, scalar(value), part)


def _element(fields: dict[str, Value], name: str, value: Mapping[str, Any], parent: str, depth: int = 0) -> None:
    """An element with elements or attributes of its own, such as ``UserData/LogFileCleared``."""
    if name == "#attributes":
        for key, text in value.items():
            if not key.startswith("xmlns") and key != "Name":
                put(fields, key, scalar(text), parent)
        return
    for key, inner in value.items():
        if key == "#text":
            put(fields, name, scalar(inner), parent)
        elif isinstance(inner, dict):
            if depth < DEEPEST:
                _element(fields, key, inner, name, depth + 1)
        elif inner is not None:
            put(fields, key, _listed(inner), name)


def _listed(value: object) -> Value:
    return tuple(_texts(value)) if isinstance(value, list) else scalar(value)


def put(fields: dict[str, Value], name: str, value: Value, parent: str) -> None:
    """Sets a field; where the name is taken (``Channel`` of event 104), its parent's name goes before it."""
    if value is None:
        return
    if name in fields:
        name, tries = f"{parent}_{name}", 1
        stem = name
        while name in fields:
            tries += 1
            name = f"{stem}_{tries}"
            if tries > 50:
                return
    fields[name] = value


def _cmdlet(fields: dict[str, Value]) -> None:
    """What an event of MSExchange Management says: from its insertion strings, else from its English message."""
    data = fields.get("Data")
    if isinstance(data, tuple) and data:
        for name, index in _CMDLETS.items():
            if index < len(data) and data[index]:
                fields.setdefault(name, data[index])
        for text in data[12:]:
            if text.startswith(_ACTIVITY):
                fields.setdefault("ActivityId", text[len(_ACTIVITY) :].strip())
                break
        return
    message = fields.get("Message")
    found = _RENDERED.match(message.strip()) if isinstance(message, str) else None
    if found:
        fields.setdefault("Cmdlet", found.group(1))
        fields.setdefault("Parameters", found.group(2).strip().removesuffix(".").strip("{}"))


def installed(record: Record) -> Iterator[Reading]:
    """Updates of Exchange that the event says were installed, and the version that an installation of Exchange left.

    Windows Update writes event 19 (installed; title in ``updateTitle``), Windows Installer 1022 (update installed), 1036
    (update installed with a status, 0 is success) and 1033 (product installed: name, version, language, status). Titles are
    translated, but "Exchange Server" and the KB number stand in all of them.
    """
    fields = record.fields
    provider, event = fields.get("Provider_Name"), fields.get("EventID")
    day = record.time.date() if record.time else None
    data = fields.get("Data")
    strings = data if isinstance(data, tuple) else ()
    if provider == "Microsoft-Windows-WindowsUpdateClient" and event == 19:
        text = str(fields.get("updateTitle", "")) or "\n".join(strings)
    elif provider == "MsiInstaller" and event in (1022, 1033, 1036):
        status = {1033: 3, 1036: 4}.get(int(event))
        if status is not None and (len(strings) <= status or strings[status].strip() != "0"):
            return
        text = "\n".join(strings)
        if event == 1033:
            if strings[0].strip() == "Microsoft Exchange Server" and _VERSION.fullmatch(strings[1].strip()):
                yield Reading("build", strings[1].strip(), day, "cu", record.source)
            return
    else:
        return
    for line in dict.fromkeys(m.group(1).upper() for m in _EXCHANGE_UPDATE.finditer(text[:4096])):
        yield Reading("update", line, day, "exact", record.source)


@dataclass(slots=True)
class _Log:
    records: int = 0
    first: datetime | None = None
    last: datetime | None = None
    hours: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Logs:
    """Adds up the spans of one file, one for each event channel and server."""

    seen: dict[tuple[str, str], _Log] = field(default_factory=dict)

    def add(self, record: Record, trusted: bool = True) -> None:
        """Counts a record. The time of one from a damaged place (``trusted`` false) proves no coverage."""
        log = self.seen.get((record.channel, record.server))
        if log is None:
            log = self.seen[(record.channel, record.server)] = _Log()
        log.records += 1
        time = record.time
        if time is None or not trusted:
            return
        if log.first is None or time < log.first:
            log.first = time
        if log.last is None or time > log.last:
            log.last = time
        log.hours.add(hour_of(time))

    def spans(self, file: File) -> list[Span]:
        """A log without any sound time gets no span: one without ``first`` would count as a state and cover all days."""
        return [
            Span(KIND, channel, server, file.folder, log.records, log.first, log.last, frozenset(log.hours))
            for (channel, server), log in self.seen.items()
            if log.first is not None
        ]

    def main(self) -> tuple[str, str]:
        """Channel and server with the most records; empty texts when there are none."""
        return max(self.seen, key=lambda key: self.seen[key].records, default=("", ""))
