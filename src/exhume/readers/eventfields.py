"""One Windows event, whatever it was exported with, as the ``windows.event`` record.

References: [MS-EVEN6] for the System section; the order of the insertion strings of provider ``MSExchange CmdletLogs`` was read
from a real Exchange 2016 event (docs/reference/records.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from exhume.model import File, Record, Span, Value, hour_of
from exhume.readers.artefacts import derived

KIND = "windows.event"
STARTED = 4688
"""A program started: Windows writes it into the Security log only where it was told to, which by default it is not."""
STARTS = "Security (program starts)"
"""These events count as a log of their own as well, so that a Security log without them covers no day for who needs them."""
CMDLET_PROVIDER = "msexchange cmdletlogs"
_CMDLET = {
    0: "Cmdlet", 1: "Parameters", 2: "Caller", 3: "CallerSid", 5: "HostApplication", 6: "Process", 11: "Exception",
}  # fmt: skip
_ACTIVITY = "ActivityId: "
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Windows NT is younger than anything dated before: such a time (often 1601, FILETIME zero) says nothing."""
DEEPEST = 32
"""Levels of nested elements that are followed."""
LARGEST = 2**64
"""Record numbers and ids are smaller."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|UTC|[+-]\d\d:?\d\d)?")
_HOUR = len("2021-03-03T06")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_RENDERED = re.compile(r"^Cmdlet (?:suc+eeded|failed)\. Cmdlet ([\w-]+), parameters ?(.*)", re.IGNORECASE | re.DOTALL)


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
    try:
        if text.endswith("Z"):
            moment, zoned = datetime.fromisoformat(text).astimezone(UTC), True
            return (moment if moment >= EARLIEST else None), zoned
    except (ValueError, OverflowError):
        pass
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
    return (moment if moment >= EARLIEST else None), zone is not None


def server_of(computer: str) -> str:
    return computer.strip().split(".", 1)[0].upper()


def flat(data: object, into: dict[str, Value], prefix: str = "", depth: int = 0) -> tuple[str, ...]:
    """Named values of nested event data into ``into``; the unnamed ones, in order, as the result."""
    unnamed: list[str] = []
    if not isinstance(data, Mapping) or depth > DEEPEST:
        return ()
    for key, value in data.items():
        kind = type(value)
        if key == "#attributes":
            _attributes(value, into, prefix)
        elif key == "#text" and prefix:
            into[_free(prefix, into, prefix)] = text_of(value)
        elif key in ("Data", "#text") or (key == "string" and depth and not prefix):
            unnamed += _unnamed(value, into, depth)
        elif kind is str or kind is int or kind is float:
            into[key if key not in into else _free(key, into, prefix)] = value
        elif kind is dict:
            unnamed += flat(value, into, key, depth + 1)
        elif kind is list:
            into[_free(key, into, prefix)] = tuple(_unnamed(value, into, depth))
        else:
            into[_free(key, into, prefix)] = None if value is None else text_of(value)
    return tuple(unnamed)


def _attributes(attributes: object, into: dict[str, Value], prefix: str) -> None:
    """What elements of ``UserData`` say in attributes; their name spaces say nothing."""
    if isinstance(attributes, Mapping):
        for name, value in attributes.items():
            if name != "Name" and not name.startswith("xmlns"):
                into[_free(name, into, prefix)] = text_of(value)


def _unnamed(value: object, into: dict[str, Value], depth: int) -> list[str]:
    if depth > DEEPEST:
        return []
    if isinstance(value, list):
        return [text for item in value for text in _unnamed(item, into, depth + 1)]
    if isinstance(value, Mapping):
        return list(flat(value, into, "", depth + 1))
    return [text_of(value)]


def _free(key: str, into: Mapping[str, Value], prefix: str) -> str:
    """The name, with its parent's before it where it is taken."""
    return f"{prefix}_{key}" if key in into and prefix else key


def text_of(value: object) -> str:
    """A value as the text that an event shows."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def number_of(value: object) -> int:
    """A whole number from an int, decimal text or ``{"#text": 7045}``; -1 when there is none."""
    if type(value) is int:
        return value if 0 <= value < LARGEST else -1
    if isinstance(value, Mapping):
        value = value.get("#text", value.get("Value"))
    if isinstance(value, bool):
        return -1
    if isinstance(value, int | float):
        return int(value) if 0 <= value < LARGEST else -1
    text = text_of(value).strip()
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    return int(text, 16) if _HEX.fullmatch(text) else -1


def record_of(event: Event, file: File, at: str = "") -> Record:
    """The record; ``at`` is the event's own number where no place is given."""
    fields: dict[str, Value] = {"EventID": event.event_id}
    for key, said in (("Channel", event.channel), ("Provider_Name", event.provider), ("Computer", event.computer)):
        if said:
            fields[key] = said
    for key, whole in (("EventRecordID", event.number), ("Level", event.level)):
        if whole >= 0:
            fields[key] = whole
    for name, value in event.system.items():
        if value not in ("", None):
            fields.setdefault(name, value)
    for name, value in event.named.items():
        fields[name if name not in fields else f"EventData_{name}"] = value
    strings = event.unnamed
    if strings:
        fields["Data"] = strings
    if event.provider.lower() == CMDLET_PROVIDER:
        _cmdlet(fields, strings)
    fields |= derived(event.channel, event.event_id, fields)
    source = file.source(at or (f"record {event.number}" if event.number >= 0 else "record without number"))
    return Record(KIND, event.time, fields, source, event.channel, server_of(event.computer), None)


def _cmdlet(fields: dict[str, Value], strings: tuple[str, ...]) -> None:
    """What an event of MSExchange Management says: from its insertion strings, else from its English message."""
    for index, name in _CMDLET.items():
        if index < len(strings) and strings[index]:
            fields.setdefault(name, strings[index])
    activity = next((text for text in strings[12:] if text.startswith(_ACTIVITY)), "")
    if activity:
        fields.setdefault("ActivityId", activity[len(_ACTIVITY) :].strip())
    rendered = _RENDERED.match(text_of(fields.get("Message")).lstrip()) if not strings else None
    if rendered:
        fields.setdefault("Cmdlet", rendered[1])
        fields.setdefault("Parameters", rendered[2].strip())


@lru_cache(maxsize=4096)
def _hour(text: str) -> int | None:
    """The number of an hour such as ``2021-03-03T06``; ``None`` when there is no such hour."""
    time, _ = instant(f"{text}:00:00Z")
    return hour_of(time) if time else None


class Reach:
    """Adds up when each channel of a file had events."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._seen: dict[tuple[str, str], list[datetime]] = {}
        self._hours: dict[tuple[str, str], set[int]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, record: Record, trusted: bool = True) -> None:
        """Counts a record. The time of one from a damaged place (``trusted`` false) proves no coverage."""
        self._add(record, (record.channel, record.server), trusted)
        if record.channel == "Security" and record.fields["EventID"] == STARTED:
            self._add(record, (STARTS, record.server), trusted)

    def _add(self, record: Record, key: tuple[str, str], trusted: bool) -> None:
        self._counts[key] = self._counts.get(key, 0) + 1
        if record.time is None or not trusted:
            return
        self._hours.setdefault(key, set()).add(hour_of(record.time))
        self._reaches(key, record.time, record.time)

    def count(self, channel: str, computer: str, times: Sequence[str], trusted: bool = True) -> None:
        """The same for events that are not decoded, with their times: ``2021-03-03T06:12:45.123Z``, with true minutes and
        seconds."""
        key = (channel, server_of(computer))
        self._counts[key] = self._counts.get(key, 0) + len(times)
        if not trusted:
            return
        hours = {text: _hour(text) for text in {time[:_HOUR] for time in times}}
        if None in hours.values():
            times = [time for time in times if hours[time[:_HOUR]] is not None]
        if not times:
            return
        self._hours.setdefault(key, set()).update(hour for hour in hours.values() if hour is not None)
        alike = len(set(map(len, times))) == 1  # then they sort like their texts
        moments = [time for text in ((min(times), max(times)) if alike else times) if (time := instant(text)[0])]
        self._reaches(key, min(moments), max(moments))

    def __add__(self, other: Reach) -> Reach:
        """Both together; the logs of this one come first."""
        both = Reach(self._file)
        for one in (self, other):
            for key, count in one._counts.items():
                both._counts[key] = both._counts.get(key, 0) + count
            for key, hours in one._hours.items():
                both._hours.setdefault(key, set()).update(hours)
            for key, ends in one._seen.items():
                both._reaches(key, *ends)
        return both

    def _reaches(self, key: tuple[str, str], first: datetime, last: datetime) -> None:
        ends = self._seen.setdefault(key, [first, last])
        ends[0], ends[1] = min(ends[0], first), max(ends[1], last)

    @property
    def any(self) -> bool:
        """Was there any record?"""
        return bool(self._counts)

    def main(self) -> tuple[str, str]:
        """Channel and server with the most records; empty texts when there are none."""
        return max(self._counts, key=lambda key: self._counts[key], default=("", ""))

    def spans(self) -> list[Span]:
        """A log without any sound time gets no span: one without ``first`` would count as a state and cover all days."""
        return [
            Span(KIND, channel, server, self._file.folder, self._counts[channel, server], first, last, frozenset(hours))
            for (channel, server), (first, last) in sorted(self._seen.items())
            for hours in (self._hours[channel, server],)
        ]
