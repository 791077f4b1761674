"""One Windows event, whatever it was exported with, as the ``windows.event`` record.

References: [MS-EVEN6] for the System section; the order of the insertion strings of provider ``MSExchange CmdletLogs`` was read
from a real Exchange 2016 event (docs/reference/records.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from exhume.model import File, Reading, Record, Source, Span, Value, hour_of

KIND = "windows.event"
CMDLET_PROVIDER = "msexchange cmdletlogs"
_CMDLET = {
    0: "Cmdlet", 1: "Parameters", 2: "Caller", 3: "CallerSid", 5: "HostApplication", 6: "Process", 11: "Exception",
    23: "ActivityId",
}  # fmt: skip
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|UTC|[+-]\d\d:?\d\d)?")
_RENDERED = re.compile(r"^Cmdlet (?:suc+eeded|failed)\. Cmdlet ([\w-]+), parameters ?(.*)", re.IGNORECASE | re.DOTALL)
_UPDATE = re.compile(r"Security Update (?:\d+ )?for (?:Microsoft )?Exchange Server.{0,80}?\(?(KB\d{7})\)?", re.IGNORECASE)
_INSTALLED = {
    ("microsoft-windows-windowsupdateclient", 19),
    ("msiinstaller", 1022),
    ("msiinstaller", 1036),
    ("msiinstaller", 1033),
}


@dataclass(slots=True)
class Event:
    """The parts of an event before they become a record."""

    event_id: int
    channel: str
    provider: str
    computer: str
    number: int
    level: int
    time: datetime | None
    zoned: bool = True
    system: dict[str, Value] = field(default_factory=dict)
    named: dict[str, Value] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()


def instant(text: str) -> tuple[datetime | None, bool]:
    """A time and whether it says its zone; one without is taken as UTC. ``(None, True)`` for anything else."""
    match = _TIME.match(text.strip())
    if not match:
        return None, True
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
        moment += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
        if zone and zone not in ("Z", "UTC"):
            sign = -1 if zone[0] == "-" else 1
            moment -= sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    except (ValueError, OverflowError):
        return None, True
    return moment, zone is not None


def server_of(computer: str) -> str:
    return computer.strip().split(".", 1)[0].upper()


def flat(data: object, into: dict[str, Value], prefix: str = "") -> tuple[str, ...]:
    """Named values of nested event data into ``into``; the unnamed ones, in order, as the result."""
    unnamed: list[str] = []
    if isinstance(data, Mapping):
        for name, value in data.items():
            key = str(name)
            if key == "#attributes":
                continue
            if key in ("Data", "#text", "string"):
                unnamed += _unnamed(value, into, prefix)
            elif isinstance(value, Mapping):
                unnamed += flat(value, into, key)
            elif isinstance(value, list):
                into[_free(key, into, prefix)] = tuple(text_of(v) for v in value)
            else:
                into[_free(key, into, prefix)] = value if isinstance(value, (bool, int, float)) else text_of(value)
    return tuple(unnamed)


def _unnamed(value: object, into: dict[str, Value], prefix: str) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _unnamed(item, into, prefix)]
    if isinstance(value, Mapping):
        return list(flat(value, into, prefix))
    return [text_of(value)]


def _free(key: str, into: Mapping[str, Value], prefix: str) -> str:
    return f"{prefix}_{key}" if key in into and prefix else key


def text_of(value: object) -> str:
    """A value as the text that an event shows."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def number_of(value: object) -> int:
    """A whole number from an int, decimal text or ``{"#text": 7045}``; -1 when there is none."""
    if isinstance(value, Mapping):
        value = value.get("#text", value.get("Value"))
    if isinstance(value, bool):
        return -1
    if isinstance(value, (int, float)):
        return int(value)
    text = text_of(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1


def record_of(event: Event, file: File) -> Record:
    """The record; ``at`` is the event's own number."""
    fields: dict[str, Value] = {
        "EventID": event.event_id,
        "Channel": event.channel,
        "Provider_Name": event.provider,
        "Computer": event.computer,
        "EventRecordID": event.number,
        "Level": event.level,
    }
    for name, value in (event.system | event.named).items():
        if value not in ("", None) and name not in fields:
            fields[name] = value
    strings = event.unnamed
    if strings:
        fields["Data"] = strings
    if event.provider.lower() == CMDLET_PROVIDER:
        for index, name in _CMDLET.items():
            if index < len(strings) and strings[index]:
                fields.setdefault(name, strings[index])
        rendered = _RENDERED.match(text_of(fields.get("Message")).lstrip()) if not strings else None
        if rendered:
            fields.setdefault("Cmdlet", rendered[1])
            fields.setdefault("Parameters", rendered[2].strip())
    at = f"record {event.number}" if event.number >= 0 else "record without number"
    source = file.source(at)
    return Record(KIND, event.time, fields, source, event.channel, server_of(event.computer), None)


def update_of(event: Event, source: Source) -> Reading | None:
    """An Exchange security update that the event says was installed."""
    if (event.provider.lower(), event.event_id) not in _INSTALLED:
        return None
    text = " ".join([*event.unnamed, *(text_of(v) for v in event.named.values())])
    match = _UPDATE.search(text)
    day: date | None = event.time.date() if event.time else None
    return Reading("update", match[1].upper(), day, "exact", source) if match else None


class Reach:
    """Adds up when each channel of a file had events."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._seen: dict[tuple[str, str], list[datetime]] = {}
        self._hours: dict[tuple[str, str], set[int]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, record: Record) -> None:
        key = (record.channel, record.server)
        self._counts[key] = self._counts.get(key, 0) + 1
        if record.time is None:
            return
        self._hours.setdefault(key, set()).add(hour_of(record.time))
        ends = self._seen.setdefault(key, [record.time, record.time])
        ends[0], ends[1] = min(ends[0], record.time), max(ends[1], record.time)

    def spans(self) -> list[Span]:
        return [
            Span(KIND, channel, server, self._file.folder, self._counts[channel, server], first, last, frozenset(hours))
            for (channel, server), (first, last) in sorted(self._seen.items())
            for hours in (self._hours[channel, server],)
        ]
