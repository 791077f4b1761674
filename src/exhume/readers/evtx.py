"""Windows event logs (.evtx), every channel. The only door to the ``evtx`` library.

One event, as the library gives it::

    {"Event": {"System": {"EventID": 1, "Channel": "MSExchange Management", …}, "EventData": {"Data": {"#text": ["New-…", …]}}}}

The library passes over zeroed, missing and altered chunks without a word, so the file's own bookkeeping is checked here: chunk
count, chunk magic, checksums, and the sequence of record numbers.

References: file and chunk layout: libyal/libevtx, documentation "Windows XML Event Log (EVTX) format".
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.eventfields import KIND, Event, Reach, flat, instant, number_of, record_of, text_of, update_of

MAGIC = b"ElfFile\0"
CHUNK_MAGIC = b"ElfChnk\0"
HEADER = 4096
CHUNK = 65536
LARGEST = 4 << 30
"""Bytes of the largest event log that is read; Windows keeps them below this."""
ERRORS = 100_000
"""Damaged records after which a file is given up."""
_SPOOL = 32 << 20


@dataclass(slots=True)
class _Look:
    """What the file's own bookkeeping says."""

    headless: bool = False
    torn: bool = False
    empty: int = 0
    """Chunks that should hold events and hold none."""
    altered: int = 0
    """Chunks whose checksum does not fit."""
    chunks: int = 0
    numbers: list[int] = field(default_factory=list)


class Evtx:
    """Reads ``*.evtx``; rendered messages are never needed."""

    name = "evtx"
    kinds = frozenset({KIND})
    streams = True

    def recognises(self, head: bytes, file: File) -> bool:
        return head.startswith(MAGIC)

    def expects(self, file: File) -> bool:
        return file.name.lower().endswith(".evtx")

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        """All events; the sieve is not used. Damage is a Gap, the rest is read."""
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as body:
            size = 0
            while block := stream.read(1 << 20):
                size += len(block)
                if size > LARGEST:
                    yield Gap(KIND, Cause.LIMIT, "event log larger than 4 GiB: not read", file.source("file"))
                    return []
                body.write(block)
            look = _inspect(body, size)
            if look.chunks == 0:
                if size >= HEADER and not look.headless and not look.torn:
                    yield Gap(KIND, Cause.TOO_SHORT, "the event log holds no events", file.source("file"))
                else:
                    yield Gap(KIND, Cause.DAMAGED, "no readable part of an event log", file.source("file"))
                return []
            if look.headless:
                body.seek(0)
                body.write(_header(look.chunks))
            reach = Reach(file)
            wrong: Counter[str] = Counter()
            body.seek(0)
            for event in _events(body, wrong):
                record = record_of(event, file)
                look.numbers.append(event.number)
                reach.add(record)
                yield record
                update = update_of(event, record.source)
                if update:
                    yield update
            yield from _gaps(look, wrong, file)
            return reach.spans()


def _inspect(body: Any, size: int) -> _Look:
    look = _Look()
    body.seek(0)
    header = body.read(HEADER)
    look.headless = not header.startswith(MAGIC)
    told, dirty = 0, False
    if not look.headless and len(header) >= 128:
        told = struct.unpack_from("<H", header, 42)[0]
        dirty = bool(struct.unpack_from("<I", header, 120)[0] & 1)
    look.torn = size > HEADER and (size - HEADER) % CHUNK != 0
    states: list[str] = []
    for place in range(HEADER, size, CHUNK):
        body.seek(place)
        chunk = body.read(CHUNK)
        if chunk.startswith(CHUNK_MAGIC) and len(chunk) >= 512:
            states.append("good" if _sums_fit(chunk) else "altered")
        else:
            states.append("empty")
    filled = [n for n, state in enumerate(states) if state != "empty"]
    look.chunks = len(filled)
    if filled:
        expected = max(filled[-1] + 1, told if not dirty else 0)
        look.empty = sum(1 for n in range(expected) if n >= len(states) or states[n] == "empty")
        # the newest chunk of a log that was copied while Windows wrote it has no final checksum yet
        look.altered = sum(1 for n in filled if states[n] == "altered" and not (dirty and n == filled[-1]))
    elif told > 1:
        look.torn = True
    return look


def _sums_fit(chunk: bytes) -> bool:
    free, data_sum = struct.unpack_from("<II", chunk, 48)
    header_sum = struct.unpack_from("<I", chunk, 124)[0]
    if not 512 <= free <= len(chunk):
        return False
    return zlib.crc32(chunk[512:free]) == data_sum and zlib.crc32(chunk[128:512], zlib.crc32(chunk[:120])) == header_sum


def _header(chunks: int) -> bytes:
    """A fresh file header, for a body whose own is lost."""
    fresh = bytearray(HEADER)
    struct.pack_into("<8sQQQIHHHH", fresh, 0, MAGIC, 0, max(0, chunks - 1), 1, 128, 1, 3, HEADER, min(chunks, 0xFFFF))
    struct.pack_into("<I", fresh, 124, zlib.crc32(bytes(fresh[:120])))
    return bytes(fresh)


def _events(body: Any, wrong: Counter[str]) -> Iterator[Event]:
    import evtx
    import orjson

    try:
        rows = iter(evtx.PyEvtxParser(body).records_json())
    except (RuntimeError, OSError, ValueError):
        wrong["file"] += 1
        return
    while wrong["record"] < ERRORS:
        try:
            row = next(rows)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError):
            wrong["record"] += 1
            continue
        except BaseException as error:
            # a panic of the native library is no Exception; nothing else may be swallowed here
            if type(error).__name__ != "PanicException":
                raise
            wrong["file"] += 1
            return
        try:
            if row is not None:
                yield _event(orjson.loads(row["data"])["Event"], row)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            wrong["record"] += 1


def _event(tree: dict[str, Any], row: dict[str, Any]) -> Event:
    system = tree["System"]
    attributes = {name: (value or {}).get("#attributes", {}) for name, value in system.items() if isinstance(value, dict)}
    time, _ = instant(text_of(attributes.get("TimeCreated", {}).get("SystemTime")) or text_of(row.get("timestamp")))
    named: dict[str, Any] = {}
    unnamed: tuple[str, ...] = ()
    for part in ("EventData", "UserData", "ProcessingErrorData"):
        unnamed += flat(tree.get(part), named)
    number = number_of(system.get("EventRecordID"))
    return Event(
        event_id=number_of(system.get("EventID")),
        channel=text_of(system.get("Channel")),
        provider=text_of(attributes.get("Provider", {}).get("Name")),
        computer=text_of(system.get("Computer")),
        number=number if number >= 0 else number_of(row.get("event_record_id")),
        level=number_of(system.get("Level")),
        time=time,
        system={
            "Keywords": text_of(system.get("Keywords")),
            "UserID": text_of(attributes.get("Security", {}).get("UserID")),
            "EventSourceName": text_of(attributes.get("Provider", {}).get("EventSourceName")),
        },
        named=named,
        unnamed=unnamed,
    )


def _gaps(look: _Look, wrong: Counter[str], file: File) -> Iterator[Gap]:
    distinct = set(look.numbers)
    missing = (max(distinct) - min(distinct) + 1 - len(distinct)) if distinct else 0
    for count, words in (
        (int(look.headless), "the header of the event log is lost; its events were read without it"),
        (int(look.torn), "the event log ends in the middle of a chunk"),
        (look.empty, "chunks of the event log hold no events where there should be some"),
        (look.altered, "chunks of the event log do not fit their checksum"),
        (wrong["record"], "events that cannot be read"),
        (wrong["file"], "the event log could not be read to its end"),
        (missing, "record numbers are missing: the log was filtered at export, or events were removed"),
    ):
        if count:
            yield Gap(KIND, Cause.DAMAGED, words, file.source("file"), count=count)
