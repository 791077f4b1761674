"""The shapes in which other programs export Windows events, each turned into an ``Event``.

References: fields of nxlog's im_msvistalog; of Elastic's winlogbeat (version 6, and ``winlog.*`` since 7); rows of
Velociraptor's ``parse_evtx``; output of ``evtx_dump -o jsonl``; objects of PowerShell's ``Get-WinEvent | ConvertTo-Json``;
``wevtutil qe /f:xml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from exhume.model import Value
from exhume.readers.eventfields import EARLIEST, Event, flat, instant, number_of, text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_LEVELS = {
    "critical": 1, "error": 2, "warning": 3, "information": 4, "informational": 4, "info": 4, "verbose": 5,
    "audit_success": 0, "audit_failure": 0,
}  # fmt: skip
_TIMES = ("@timestamp", "TimeCreated", "SystemTime", "EventTime", "EventReceivedTime", "TimeGenerated", "UtcTime")
_IN_UTC = frozenset(("UtcTime", "TimeGenerated"))
"""Times that are UTC by definition, though they do not say so."""
_DATE = re.compile(r"\A/Date\((-?\d{1,17})(?:[+-]\d{4})?\)/\Z")
_PARAMETER = re.compile(r"param(\d{1,4})")
_SOURCES = ("Channel", "SourceName", "Provider_Name", "ProviderName", "LogName", "EventLog")
_FLAT = frozenset(
    (
        *_SOURCES,
        "EventID",
        "EventId",
        "Hostname",
        "Computer",
        "MachineName",
        "RecordNumber",
        "EventRecordID",
        "RecordId",
        "Level",
    )
)
"""Keys of flat events that say what ``System`` says; every other one is a named value."""


def event_of(row: object) -> Event | None:
    """The event that a JSON object holds, in any of the shapes; ``None`` when it is none."""
    if not isinstance(row, dict):
        return None
    inner = row.get("_source")
    if isinstance(inner, dict):
        row = inner
    inner = row.get("Event")
    if isinstance(inner, dict) and isinstance(inner.get("System"), dict):
        return _nested(inner)
    if isinstance(row.get("System"), dict):
        return _nested(row)
    if "winlog.event_id" in row:
        row = _unflattened(row)
    if isinstance(row.get("winlog"), dict):
        return _beat(row["winlog"], row)
    if "event_id" in row and ("log_name" in row or "event_data" in row):
        return _beat(row, row)
    if "Id" in row and "LogName" in row and "ProviderName" in row:
        return _powershell(row)
    if ("EventID" in row or "EventId" in row) and any(name in row for name in _SOURCES):
        return _flat_row(row)
    return None


def moment(value: object) -> tuple[datetime | None, bool]:
    """A time given as text, as seconds since 1970, or as ``/Date(milliseconds)/``; and whether its zone is known."""
    if isinstance(value, dict):
        value = value.get("value") or value.get("DateTime")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch(value), True
    text = text_of(value)
    found = _DATE.match(text)
    return (_epoch(int(found[1]) / 1000), True) if found else instant(text)


def _epoch(seconds: float) -> datetime | None:
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return time if time >= EARLIEST else None


def _best(values: Iterable[tuple[str, object]]) -> tuple[datetime | None, bool]:
    """The first time that tells its zone; else the first one, read as UTC."""
    first: datetime | None = None
    for name, value in values:
        time, zoned = moment(value)
        if time and (zoned or name in _IN_UTC):
            return time, True
        first = first or time
    return first, first is None


def _level(*values: object) -> int:
    for value in values:
        whole = number_of(value)
        if whole < 0:
            whole = _LEVELS.get(text_of(value).strip().lower(), -1)
        if whole >= 0:
            return whole
    return -1


def _inside(system: Mapping[str, Any], element: str, name: str) -> Any:
    """An attribute of an element, in the ways in which exports write one."""
    value = system.get(element)
    if isinstance(value, dict):
        attributes = value.get("#attributes")
        if isinstance(attributes, dict) and name in attributes:
            return attributes[name]
        return value.get(name, value.get(f"@{name}"))
    apart = system.get(f"{element}_attributes")
    return apart.get(name) if isinstance(apart, dict) else None


def _nested(tree: Mapping[str, Any]) -> Event | None:
    """``System``, ``EventData`` and ``UserData`` as in XML: evtx_dump, Velociraptor, chainsaw, xmltodict."""
    system = tree["System"]
    event_id = number_of(system.get("EventID"))
    if event_id < 0:
        return None
    time, zoned = moment(_inside(system, "TimeCreated", "SystemTime"))
    if time is None:
        time, zoned = moment(system.get("TimeCreated"))
    named: dict[str, Value] = {}
    unnamed: tuple[str, ...] = ()
    for part in ("EventData", "UserData"):
        unnamed += flat(_by_name(tree.get(part)), named)
    _say_message(tree.get("Message"), named)
    return Event(
        event_id, text_of(system.get("Channel")), text_of(_inside(system, "Provider", "Name")), text_of(system.get("Computer")),
        number_of(system.get("EventRecordID")), _level(system.get("Level")), time, zoned or time is None,
        {
            "Keywords": text_of(system.get("Keywords")),
            "UserID": text_of(_inside(system, "Security", "UserID")),
            "EventSourceName": text_of(_inside(system, "Provider", "EventSourceName")),
            **{n: whole for n in ("Task", "Opcode", "Version") if (whole := number_of(system.get(n))) >= 0},
        },
        named, unnamed,
    )  # fmt: skip


def _by_name(part: object) -> object:
    """``{"Data": [{"@Name": "Image", "#text": "x"}, …]}`` as ``{"Image": "x", …}``; anything else as it is."""
    rows = part.get("Data") if isinstance(part, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) and ("@Name" in r or "Name" in r) for r in rows):
        return part
    return {text_of(r.get("@Name", r.get("Name"))): r.get("#text", r.get("Value", r.get("text"))) for r in rows}


def _beat(log: Mapping[str, Any], row: Mapping[str, Any]) -> Event | None:
    """winlogbeat: under ``winlog`` since version 7, at the top before."""
    event_id = number_of(log.get("event_id"))
    if event_id < 0:
        return None
    time, zoned = _best([("@timestamp", row.get("@timestamp"))])
    data = log.get("event_data")
    named: dict[str, Value] = {}
    unnamed: tuple[str, ...] = ()
    if isinstance(data, dict):
        numbered = {int(m[1]): text_of(v) for k, v in data.items() if (m := _PARAMETER.fullmatch(k))}
        if numbered:
            # strings without a name; the shipper leaves empty ones out, so their places are kept by the numbers
            unnamed = tuple(numbered.get(place, "") for place in range(1, max(numbered) + 1))
        unnamed += flat({k: v for k, v in data.items() if not _PARAMETER.fullmatch(k)}, named)
    unnamed += flat(log.get("user_data"), named)
    _say_message(row.get("message", row.get("Message")), named)
    user = log.get("user")
    level = row.get("log")
    return Event(
        event_id, text_of(log.get("channel", log.get("log_name"))), text_of(log.get("provider_name", log.get("source_name"))),
        text_of(log.get("computer_name")), number_of(log.get("record_id", log.get("record_number"))),
        _level(level.get("level") if isinstance(level, dict) else row.get("log.level"), log.get("level")), time, zoned,
        {"UserID": text_of(user.get("identifier")) if isinstance(user, dict) else ""}, named, unnamed,
    )  # fmt: skip


def _unflattened(row: Mapping[str, Any]) -> dict[str, Any]:
    """``winlog.event_data.Image`` as ``{"winlog": {"event_data": {"Image": …}}}``; a list of one value as that value."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        single = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not key.startswith("winlog."):
            out[key] = single
            continue
        place = out
        *parents, last = key.split(".", 3)
        for parent in parents:
            below = place.setdefault(parent, {})
            place = below if isinstance(below, dict) else {}
        place[last] = single
    return out


def _powershell(row: Mapping[str, Any]) -> Event | None:
    """``Get-WinEvent | ConvertTo-Json``: the insertion strings are in ``Properties``."""
    event_id = number_of(row.get("Id"))
    if event_id < 0:
        return None
    time, zoned = moment(row.get("TimeCreated"))
    properties = row.get("Properties")
    values = properties if isinstance(properties, list) else []
    unnamed = tuple(text_of(v.get("Value") if isinstance(v, dict) else v) for v in values)
    named: dict[str, Value] = {}
    _say_message(row.get("Message"), named)
    return Event(
        event_id, text_of(row.get("LogName")), text_of(row.get("ProviderName")), text_of(row.get("MachineName")),
        number_of(row.get("RecordId")), _level(row.get("Level")), time, zoned or time is None, {}, named, unnamed,
    )  # fmt: skip


def _flat_row(row: Mapping[str, Any]) -> Event | None:
    """nxlog and others: all on one level."""
    event_id = number_of(row.get("EventID", row.get("EventId")))
    if event_id < 0:
        return None

    def first(*names: str) -> str:
        return next((text_of(row[name]) for name in names if row.get(name) not in (None, "")), "")

    time, zoned = _best((name, row[name]) for name in _TIMES if name in row)
    named: dict[str, Value] = {}
    unnamed = flat({name: value for name, value in row.items() if name not in _FLAT}, named)
    return Event(
        event_id, first("Channel", "LogName", "EventLog"), first("Provider_Name", "ProviderName", "SourceName"),
        first("Hostname", "Computer", "MachineName"), number_of(first("RecordNumber", "EventRecordID", "RecordId")),
        _level(row.get("Level"), row.get("EventType")), time, zoned, {}, named, unnamed,
    )  # fmt: skip


def _say_message(message: object, named: dict[str, Value]) -> None:
    if isinstance(message, str) and message:
        named.setdefault("Message", message)


def event_of_xml(root: Element) -> Event | None:
    """The event of an ``<Event>`` element, with or without its name space."""
    parts = {_tag(child): child for child in root}
    if "System" not in parts:
        return None
    system = {_tag(child): child for child in parts["System"]}

    def text(name: str) -> str:
        return (system[name].text or "").strip() if name in system else ""

    def attribute(element: str, name: str) -> str:
        return system[element].get(name, "") if element in system else ""

    event_id = number_of(text("EventID"))
    if event_id < 0:
        return None
    named: dict[str, Value] = {}
    unnamed: list[str] = []
    if "EventData" in parts:
        for child in parts["EventData"]:
            _datum(child, named, unnamed)
    if "UserData" in parts:
        flat(_tree(parts["UserData"]), named)
    if "RenderingInfo" in parts:
        for child in parts["RenderingInfo"]:
            if _tag(child) == "Message":
                _say_message(child.text, named)
    time, zoned = instant(attribute("TimeCreated", "SystemTime"))
    return Event(
        event_id, text("Channel"), attribute("Provider", "Name"), text("Computer"), number_of(text("EventRecordID")),
        number_of(text("Level")), time, zoned,
        {
            "Keywords": text("Keywords"),
            "UserID": attribute("Security", "UserID"),
            "EventSourceName": attribute("Provider", "EventSourceName"),
            **{n: whole for n in ("Task", "Opcode", "Version") if (whole := number_of(text(n))) >= 0},
        },
        named, tuple(unnamed),
    )  # fmt: skip


def _datum(child: Element, named: dict[str, Value], unnamed: list[str]) -> None:
    tag, name = _tag(child), child.get("Name")
    strings = [text_of(inner.text) for inner in child] if len(child) else [text_of(child.text)]
    if tag != "Data":
        if strings != [""]:
            named.setdefault(tag, "\n".join(strings))
    elif name:
        named[name if name not in named else f"EventData_{name}"] = "\n".join(strings)
    else:
        unnamed.extend(strings)


def _tree(element: Element, depth: int = 0) -> dict[str, Any]:
    """An element's children as nested names, for ``flat``."""
    out: dict[str, Any] = {}
    for child in element:
        value: Any = _tree(child, depth + 1) if len(child) and depth < 30 else text_of(child.text)
        if child.attrib:
            value = {**(value if isinstance(value, dict) else {"#text": value}), "#attributes": dict(child.attrib)}
        name = _tag(child)
        if name in out:
            out[name] = [*(out[name] if isinstance(out[name], list) else [out[name]]), value]
        else:
            out[name] = value
    return out


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def objects_in(value: object) -> Iterator[object]:
    """The events of a JSON value: itself, the items of a list, or the hits of an Elasticsearch answer."""
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict) and isinstance(value.get("hits"), dict) and isinstance(value["hits"].get("hits"), list):
        yield from value["hits"]["hits"]
    else:
        yield value
