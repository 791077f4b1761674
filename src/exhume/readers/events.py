"""Windows events that another program exported: JSON lines, JSON arrays, and the XML of ``wevtutil``.

One line, as winlogbeat writes it::

    {"@timestamp":"2021-03-03T06:12:45.123Z","winlog":{"channel":"Security","event_id":4688,"event_data":{"NewProcessName":"…"}}}

and one event of ``wevtutil qe Security /f:xml``::

    <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>…</System><EventData>…</EventData></Event>

Shapes: ``eventshapes``. The text output of ``wevtutil`` and CSV of Event Viewer are not read: they carry no names.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span, hour_of
from exhume.model.coverage import HOLE_HOURS
from exhume.model.flow import HOUR
from exhume.readers.configxml import element_of
from exhume.readers.eventfields import KIND, Event, Reach, record_of
from exhume.readers.eventreadings import readings_of
from exhume.readers.eventshapes import NAMESPACE, event_of, event_of_xml, objects_in
from exhume.readers.eventsieve import EventQueue

BLOCK = 1 << 18
"""Bytes read at a time."""
PIECE = 1 << 20
"""Characters from which on a line is taken in pieces."""
LONGEST = 4 << 20
"""Characters of the longest event; Windows itself allows 64 KiB of content."""

BUSY = frozenset({"Security", "Microsoft-Windows-Sysmon/Operational"})
"""Logs to which an Exchange server writes around the clock: the health probes log on every few minutes."""
LOST = 10
"""Record numbers that must be left out in a silence before it counts as one that somebody made."""
LEFT_OUT = (
    "hours without a record, although the numbers of the records went on: an export through a filter, or records were removed"
)

_ID = re.compile(r'"(?:EventID|EventId|event_id|winlog\.event_id)"\s*:')
_PLACE = re.compile(
    r'"(?:Channel|SourceName|Provider_Name|ProviderName|Provider|TimeCreated|EventTime|log_name|winlog|winlog\.channel|event_data)"\s*:'
)
_POWERSHELL = (re.compile(r'"Id"\s*:'), re.compile(r'"LogName"\s*:'), re.compile(r'"ProviderName"\s*:'))
_XML_START = re.compile(r"<Event[\s>]")
_XML_END = "</Event>"
_QUOTE_OR_BRACE = re.compile(r'["{}]|\\.', re.DOTALL)


@dataclass(slots=True)
class _Trouble:
    """What could not be used, by kind."""

    torn: int = 0
    """Events or lines that are no whole JSON or XML."""
    strange: int = 0
    """Well-formed objects that are no event."""
    long: int = 0
    zoneless: int = 0
    doctype: bool = False
    stopped: str = ""
    numbers: dict[tuple[str, str], dict[int, tuple[int, int]]] = field(default_factory=dict)
    """Of each busy channel and server: hour → lowest and highest record number."""

    def number(self, record: Record) -> None:
        number = record.fields.get("EventRecordID")
        if isinstance(number, int) and record.time and record.channel in BUSY:
            hours = self.numbers.setdefault((record.channel, record.server), {})
            low, high = hours.setdefault(hour_of(record.time), (number, number))
            hours[hour_of(record.time)] = (min(low, number), max(high, number))


class Events:
    """Reads exported events of the usual shapes, one by one; a broken one is counted and the rest is read."""

    name = "events"
    kinds = frozenset({KIND})
    streams = True

    def recognises(self, head: bytes, file: File) -> bool:
        """Only where the first events clearly are Windows events: other programs write JSON too."""
        text = _encoding(head)[1].decode(head, final=False).lstrip("\ufeff \t\r\n")
        if text.startswith("<"):
            return bool(_XML_START.search(text)) and (NAMESPACE in text or "<System>" in text)
        if not text.startswith(("{", "[")):
            return False
        return bool(_ID.search(text) and _PLACE.search(text)) or all(key.search(text) for key in _POWERSHELL)

    def expects(self, file: File) -> bool:
        return False

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        """Every event that the sieve lets through. ``at`` is the line on which the event starts."""
        trouble, reach = _Trouble(), Reach(file)
        texts = _texts(stream, trouble)
        first = next(texts, "").lstrip("\ufeff")
        parts = _xml_events(first, texts, trouble) if first.lstrip().startswith("<") else _json_events(first, texts, trouble)
        queue = EventQueue(sieve) if sieve else None
        for line, event, text in parts:
            if event.time and not event.zoned:
                trouble.zoneless += 1
            record = record_of(event, file, f"line {line}")
            reach.add(record)
            trouble.number(record)
            if queue and text:
                yield from queue.add(record, text)
            else:
                yield record
            yield from readings_of(event, record.source)
        if queue:
            yield from queue.rest()
        yield from _gaps(trouble, reach, file)
        return reach.spans()


def _encoding(head: bytes) -> tuple[str, Any]:
    """Name and incremental decoder for bytes that start like ``head``."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16"
    elif head[1:2] == b"\0" and head[:1] in b"{[<":
        name = "utf-16-le"
    else:
        name = "utf-8"
    return name, codecs.getincrementaldecoder(name)("replace")


def _texts(stream: BinaryIO, trouble: _Trouble) -> Iterator[str]:
    decoder: Any = None
    while True:
        try:
            block = stream.read(BLOCK)
        except OSError as error:
            trouble.stopped = type(error).__name__
            return
        if decoder is None:
            decoder = _encoding(block)[1]
        text = decoder.decode(block, final=not block)
        if text:
            yield text
        if not block:
            return


def _lines(first: str, texts: Iterator[str]) -> Iterator[tuple[int, str, bool]]:
    """Numbered lines with their ends, and whether each is whole; very long ones come in pieces."""
    number, rest, pieces = 1, first, False
    while True:
        *whole, rest = rest.split("\n")
        for line in whole:
            yield number, line + "\n", not pieces
            number, pieces = number + 1, False
        if len(rest) > PIECE:
            # a backslash stays with the character that it escapes
            cut = len(rest.rstrip("\\"))
            yield number, rest[:cut], False
            rest, pieces = rest[cut:], True
        more = next(texts, None)
        if more is None:
            break
        rest += more
    if rest.strip():
        yield number, rest, not pieces


def _json_events(first: str, texts: Iterator[str], trouble: _Trouble) -> Iterator[tuple[int, Event, str]]:
    """One object a line, or objects over several lines or many on one (arrays, ``evtx_dump -o json``). With the text of each
    event that has one of its own."""
    pending = _Pending()
    for number, line, whole in _lines(first, texts):
        events = _of_line(line) if whole and line[:1] in "{[," else []
        if events:
            trouble.torn += pending.open
            pending = _Pending()
            for event in events:
                yield number, event, line if len(events) == 1 else ""
            continue
        for start, text in pending.feed(number, line):
            value = _loaded(text)
            if value is None:
                trouble.torn += 1
                continue
            inside = _events_in(value)
            trouble.strange += not inside
            for event in inside:
                yield start, event, text if len(inside) == 1 else ""
        if pending.size > LONGEST:
            trouble.long += 1
            pending = _Pending()
    trouble.torn += pending.open


def _of_line(line: str) -> list[Event]:
    """The events of a line that is complete in itself: ``{…}``, ``{…},``, ``[{…},`` or ``[{…}, {…}]``."""
    bare = line.strip()
    listed = bare.startswith("[") and bare.endswith("]")
    value = _loaded(bare if listed else bare.strip("[], \t"))
    return _events_in(value)


def _events_in(value: object) -> list[Event]:
    return [event for item in objects_in(value) if (event := event_of(item))]


def _loaded(text: str) -> Any:
    from orjson import JSONDecodeError, loads

    try:
        return loads(text)
    except (JSONDecodeError, UnicodeEncodeError):
        return None


class _Pending:
    """Collects an object that goes over several lines; braces inside of texts do not count."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = self.depth = self.start = 0
        self.quoted = False

    @property
    def open(self) -> bool:
        return self.depth > 0

    def feed(self, number: int, line: str) -> Iterator[tuple[int, str]]:
        """The objects that end on this line, each with the line on which it starts."""
        begin = 0
        for found in _QUOTE_OR_BRACE.finditer(line):
            mark = found.group()
            if mark == '"':
                self.quoted = not self.quoted and self.depth > 0
            elif self.quoted or len(mark) > 1:
                continue
            elif mark == "{":
                if self.depth == 0:
                    begin, self.start = found.start(), number
                self.depth += 1
            elif self.depth:
                self.depth -= 1
                if self.depth == 0:
                    text = "".join([*self.parts, line[begin : found.end()]])
                    self.parts, self.size, begin = [], 0, found.end()
                    yield self.start, text
        if self.depth:
            self.parts.append(line[begin:])
            self.size += len(line) - begin


def _xml_events(first: str, texts: Iterator[str], trouble: _Trouble) -> Iterator[tuple[int, Event, str]]:
    """Each ``<Event>…</Event>`` is parsed for itself, so there may be a root or none, and a torn one costs only itself.

    What stands before an event, a document type with its entities too, never reaches the parser.
    """
    rest, line = first, 1
    while True:
        place = 0
        while (end := rest.find(_XML_END, place)) >= 0:
            piece = rest[place : end + len(_XML_END)]
            starts = [m.start() for m in _XML_START.finditer(piece)]
            trouble.doctype = trouble.doctype or "<!DOCTYPE" in piece or "<!ENTITY" in piece
            if starts:
                event = _parsed(piece[starts[0] :])
                if event is None:
                    trouble.torn += 1
                    event = _parsed(piece[starts[-1] :]) if len(starts) > 1 else None
                    starts = starts[-1:]
                if event:
                    yield line + piece.count("\n", 0, starts[0]), event, piece
            line += piece.count("\n")
            place = end + len(_XML_END)
        rest = rest[place:]
        if len(rest) > LONGEST:
            trouble.long += 1
            line += rest.count("\n", 0, len(rest) - len(_XML_END))
            rest = rest[-len(_XML_END) :]
        more = next(texts, None)
        if more is None:
            break
        rest += more
    trouble.torn += bool(_XML_START.search(rest))


def _parsed(text: str) -> Event | None:
    element = element_of(text)
    try:
        return None if element is None else event_of_xml(element)
    except ValueError:
        return None


def _gaps(trouble: _Trouble, reach: Reach, file: File) -> Iterator[Gap]:
    channel, server = reach.main()
    place = file.source("file")
    for count, cause, words in (
        (trouble.torn, Cause.DAMAGED, "exported events are torn or malformed"),
        (trouble.strange, Cause.SKIPPED, "objects between the exported events are no Windows events"),
        (trouble.long, Cause.LIMIT, f"events are longer than {LONGEST} characters and were left out"),
        (int(trouble.doctype), Cause.DAMAGED, "it declares a document type or entities, which are refused"),
        (trouble.zoneless, Cause.LIMIT, "times of exported events carry no zone; they were read as UTC"),
        (int(bool(trouble.stopped)), Cause.UNREADABLE, f"it could not be read to its end ({trouble.stopped})"),
    ):
        if count:
            yield Gap(KIND, cause, words, place, channel=channel, server=server, count=count)
    for (channel, server), hours in sorted(trouble.numbers.items()):
        for before, after in pairwise(sorted(hours)):
            lost = hours[after][0] - hours[before][1] - 1
            if after - before > HOLE_HOURS and lost >= LOST:
                since, until = (datetime.fromtimestamp(hour * HOUR, UTC) for hour in (before + 1, after))
                yield Gap(KIND, Cause.DAMAGED, LEFT_OUT, place, since, until, channel, server, lost)
