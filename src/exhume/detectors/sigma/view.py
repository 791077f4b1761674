"""A record as rules see it: fields as text, folded once, however many rules ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from exhume.model import Record, Value

EVERYWHERE = "*"
"""Field name of tests that are not bound to a field (Sigma keywords): every value of the record."""
COMPUTED = "="
"""First character of the names of computed fields of ``content/logsources.yml``."""
Candidate: TypeAlias = tuple[str, str, str]
"""Name of the field in the record, its text, its text folded."""

TIMES = frozenset(("TimeCreated", "TimeCreated_SystemTime", "SystemTime", "@timestamp", "timestamp", "EventTime"))
"""Names under which rules ask for the time of an event, which is no field of the record."""
_DEVICE = re.compile(r"\\device\\harddiskvolume\d+(?=\\)", re.IGNORECASE)
_DRIVE = "C:"
"""Stands for every volume: which letter a volume has is not in the event. Nearly all rules that name a drive exclude programs
of Windows by it, so the other choice would raise findings on every program of the system."""
_ODD = {0x212A: 0xFFFD, 0x0130: 0xFFFD, 0x1E9E: 0xFFFD}


def fold(text: str) -> str:
    """The text without letter case, character by character, so that a piece of a text folds to a piece of its fold.

    The Kelvin sign and the dotted capital I would fold to ASCII letters, which neither Windows nor the sieve does; they
    fold to a character that matches nothing. A final sigma folds as any sigma.
    """
    if text.isascii():
        return text.lower()
    return text.translate(_ODD).lower().replace("ς", "σ")


@dataclass(frozen=True, slots=True)
class Computed:
    """A field that is put together from others: values joined, prefixes and whole values put into the usual words."""

    join: tuple[str, ...]
    by: str = "\\"
    prefixes: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    def text(self, fields: Mapping[str, Value]) -> str:
        """The text, or empty text when the first field is absent."""
        pieces = [plain(fields.get(name)) for name in self.join]
        if not pieces[0]:
            return ""
        text = self.by.join(piece for piece in pieces if piece and piece != "-")
        for old, new in self.prefixes:
            if text.lower().startswith(old.lower()):
                text = new + text[len(old) :]
                break
        return dict(self.values).get(text, text)


@dataclass(frozen=True, slots=True)
class Table:
    """What is done with values before rules see them."""

    computed: Mapping[str, Computed]
    padded: frozenset[str] = frozenset()
    """Fields that Windows fills up with blanks."""


def plain(value: Value) -> str:
    """A single value as text; of several, all, with a space between them, as Windows renders an event."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class View:
    """One record while rules look at it."""

    __slots__ = ("_seen", "_table", "_whole", "record")

    def __init__(self, record: Record, table: Table) -> None:
        self.record = record
        self._table = table
        self._seen: dict[str, tuple[Candidate, ...]] = {}
        self._whole: str | None = None

    def values(self, name: str) -> tuple[Candidate, ...]:
        """Every value of the field; none when the record lacks it. A path that begins with the name of a device is also there
        as one of drive C, a value that Windows filled up with blanks also without them."""
        found = self._seen.get(name)
        if found is None:
            value = self.record.fields.get(name) if name != EVERYWHERE else None
            if isinstance(value, str):
                found = ((name, value, fold(value)),)
                if value[:1] == "\\":
                    found = (*found, *_on_drive(name, value))
                elif value[-1:] == " " and name in self._table.padded:
                    found = (*found, (name, value.rstrip(" "), found[0][2].rstrip(" ")))
            elif type(value) is int:
                found = ((name, str(value), str(value)),)
            else:
                found = tuple(self._read(name))
            self._seen[name] = found
        return found

    def candidates(self, names: tuple[str, ...]) -> Iterator[Candidate]:
        """Every value of all the fields that a rule's field stands for."""
        for name in names:
            yield from self.values(name)

    @property
    def whole(self) -> str:
        """All text of the record, folded, for the index; pieces are kept apart by NUL."""
        if self._whole is None:
            parts: list[str] = []
            for value in self.record.fields.values():
                if type(value) is str:
                    parts.append(value)
                elif isinstance(value, tuple):
                    parts += (*value, " ".join(value))
                elif value is not None:
                    parts.append(plain(value))
            whole = fold("\0".join((*parts, self.record.channel, self.record.server)))
            if "\\device\\harddiskvolume" in whole:
                whole = f"{whole}\0{_DEVICE.sub(_DRIVE.lower(), whole)}"
            self._whole = whole
        return self._whole

    def text(self, name: str) -> str:
        """The field as one text, as the record has it; empty when it has none."""
        value = self.record.fields.get(name)
        return plain(value) if value is not None else next((text for _, text, _ in self.values(name)), "")

    def times(self, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """The time of the record, where a rule asks for it by one of ``TIMES`` that is no field: name and text, UTC."""
        time = self.record.time
        if time is not None:
            yield from ((name, time.isoformat(" ")) for name in names if name in TIMES and name not in self.record.fields)

    def _read(self, name: str) -> Iterator[Candidate]:
        record = self.record
        if name == EVERYWHERE:
            for real, value in record.fields.items():
                yield from _candidates(real, value)
                if isinstance(value, tuple) and len(value) > 1:
                    text = " ".join(value)
                    yield real, text, fold(text)
        elif name in record.fields:
            yield from _candidates(name, record.fields[name])
        elif name in {"channel", "server"}:
            text = record.channel if name == "channel" else record.server
            yield name, text, fold(text)
        elif name[:1] == COMPUTED:
            computed = self._table.computed[name]
            text = computed.text(record.fields)
            if text:
                yield computed.join[0], text, fold(text)


def _candidates(name: str, value: Value) -> Iterator[Candidate]:
    if isinstance(value, tuple):
        for item in value:
            yield name, item, fold(item)
            yield from _on_drive(name, item)
    elif value is not None:
        text = plain(value)
        yield name, text, fold(text)
        yield from _on_drive(name, text)


def _on_drive(name: str, value: str) -> Iterator[Candidate]:
    """A path that begins with the name of a device, as one of a drive."""
    device = _DEVICE.match(value) if value[:1] == "\\" else None
    if device:
        text = _DRIVE + value[device.end() :]
        yield name, text, fold(text)
