"""Windows event logs (``.evtx``), every channel. The only door to the library ``evtx``.

A file is read chunk by chunk (64 KiB), so it may be of any size, cut off, or without its header; each chunk is checked here,
since the library passes over zeroed, missing and altered chunks without a word. One record, as XML::

    <Event><System><Provider Name="MSExchange CmdletLogs"/><EventID>1</EventID>
    <TimeCreated SystemTime="2021-03-03T06:12:45.123Z"/><EventRecordID>7184</EventRecordID>
    <Channel>MSExchange Management</Channel><Computer>ex01.contoso.test</Computer></System>
    <EventData><Data>Set-OabVirtualDirectory</Data>…</EventData></Event>

References: Joachim Metz, "Windows XML Event Log (EVTX)"; https://github.com/omerbenamram/evtx.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import BinaryIO

from exhume.model import File, Gap, Reading, Record, Sieve, Span, Unjoined
from exhume.readers.eventfields import KIND, instant, record_of
from exhume.readers.eventreadings import readings_of
from exhume.readers.evtxchunk import FILE_MAGIC, FIRST, HEADER, MAGIC, SIZE, Chunk, file_header, inspect, starts
from exhume.readers.evtxlog import EventLog
from exhume.readers.evtxsift import Decoded, Sift
from exhume.readers.evtxtext import event_of_json

_ZEROS = bytes(SIZE)
CHUNKS = 1 << 16
"""The file header counts chunks in 16 bits: a log is never larger than 4 GiB."""
BARREN = 1024
"""Zeroed places (64 MiB) at the start of a larger file after which it is given up."""
MUCH = 4 << 20
"""Characters of records that are looked at together at most; a chunk of ordinary records has a fiftieth of it."""
ERRORS_BORNE = 4096
"""Errors in one chunk before it is given up: no chunk holds so many records."""


class Evtx:
    """Reads EVTX files whole or torn; what is damaged is told, the rest is read."""

    name = "evtx"
    kinds = frozenset((KIND,))
    streams = True
    lined = False

    def recognises(self, head: bytes, file: File) -> bool:
        return head.startswith((FILE_MAGIC, MAGIC))

    def expects(self, file: File) -> bool:
        return file.name.lower().endswith(".evtx")

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        """With a sieve, records that cannot match are counted by the head of their text."""
        log = yield from self._read(stream, file, sieve, 0, None)
        if sieve and sieve.brief:
            return []
        said = log.coverage()
        yield from said.gaps
        return list(said.spans)

    def read_slice(
        self, stream: BinaryIO, file: File, sieve: Sieve | None, begin: int, end: int
    ) -> Generator[Record | Gap | Reading, None, list[Span] | Unjoined]:
        """What lies in the chunks that begin between two offsets; of the others it is only seen that they are there."""
        log = yield from self._read(stream, file, sieve, begin, end if end < (file.size or 0) else None)
        return [] if sieve and sieve.brief else log

    def _read(
        self, stream: BinaryIO, file: File, sieve: Sieve | None, begin: int, end: int | None
    ) -> Generator[Record | Reading, None, EventLog]:
        log = EventLog.of(file)
        sift = Sift(file, log.reach, sieve) if sieve else None
        for block in _blocks(stream, log, begin, end):
            chunk = inspect(block)
            if not chunk.copy and not chunk.header_sound:
                log.unread += len(block) >= FIRST
                continue
            if sift and sieve and sieve.brief:
                yield from sift.records(_decoded(chunk.copy))
                continue
            log.altered += not chunk.sound
            yield from _events(chunk, file, log, sift)
        return log


def _blocks(stream: BinaryIO, log: EventLog, begin: int, end: int | None) -> Iterator[bytes]:
    """The chunks that begin in a part of the file, in its order; ``end`` is ``None`` for the end of the file.

    Zeroed places are counted, and where a chunk starts off the grid it is found. As one such place moves all that follows,
    what comes before the part is gone over in the same way, but for the content of its chunks.
    """
    size = log.file.size or 0
    ahead = _file_header(_fill(stream, b"", HEADER, log), log)
    place = 0 if ahead else HEADER
    while end is None or place < end:
        passed = False
        if place < begin:
            ahead = _fill(stream, ahead, len(MAGIC), log)
            passed = ahead.startswith(MAGIC)
        if passed:
            stream.seek(place + SIZE)
        block, ahead = b"" if passed else _fill(stream, ahead, SIZE, log), b""
        if not block and not passed:
            return
        log.seen += 1
        barren = log.blank == BARREN and log.seen == BARREN + 1 and size > CHUNKS * SIZE
        if log.seen > CHUNKS or barren:
            log.beyond = True
            return
        if not passed and block[:8] != MAGIC:
            if block == _ZEROS[: len(block)]:
                log.blank += 1
                log.cut = log.cut or (len(block) < SIZE and log.promised >= log.seen)
                place += len(block)
                continue
            start = -1 if starts(block) else block.find(MAGIC, 1)
            if start > 0:
                log.shifted += 1
                ahead = block[start:]
                place += start
                continue
        log.zeroed += log.blank
        log.blank = 0
        log.cut = log.cut or (not passed and len(block) < SIZE)
        if place >= begin:
            yield block
        place += SIZE


def _file_header(head: bytes, log: EventLog) -> bytes:
    """Reads the header; returns what of ``head`` belongs to the first chunk already (a file without a header)."""
    if head.startswith(MAGIC):
        log.headless = True
        return head
    crc = len(head) >= 128 and struct.unpack_from("<I", head, 124)[0] == zlib.crc32(head[:120])
    if not head.startswith(FILE_MAGIC) or not crc:
        log.headless = bool(head)
        return b""
    log.promised = struct.unpack_from("<H", head, 42)[0]
    return b""


def _fill(stream: BinaryIO, start: bytes, size: int, log: EventLog) -> bytes:
    """``size`` bytes, fewer only at the end of the file or where it cannot be read on."""
    parts, have = [start], len(start)
    while have < size and not log.stopped:
        try:
            more = stream.read(size - have)
        except OSError as error:
            log.stopped = type(error).__name__
            break
        if not more:
            break
        parts.append(more)
        have += len(more)
    return b"".join(parts)


def _events(chunk: Chunk, file: File, log: EventLog, sift: Sift | None) -> Iterator[Record | Reading]:
    """The records of a chunk; notes their numbers and how many were lost."""
    times: dict[int, datetime | str | None] = {}
    got = 0
    decoded = _decoded(chunk.copy) if chunk.copy else iter(())
    if sift:
        got = yield from sift.events(decoded, chunk.sound, times)
    else:
        for number, text in chain.from_iterable(zip(*one, strict=True) for one in decoded):
            event = event_of_json(text, number)
            if event is None:
                continue
            got += 1
            times[number] = event.time
            record = record_of(event, file)
            log.reach.add(record, chunk.sound)
            yield record
            yield from readings_of(event, record.source)
    _note(chunk, got, times, log)


def _note(chunk: Chunk, got: int, times: Mapping[int, datetime | str | None], log: EventLog) -> None:
    """Which numbers the chunk holds without a hole, and how many of its records were lost."""

    def time(number: int) -> datetime | None:
        told = times.get(number)
        return instant(told)[0] if isinstance(told, str) else told

    log.lost += max(0, chunk.expected - got)
    numbers = chunk.numbers
    if numbers and chunk.sound and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        log.run(numbers[0], numbers[-1], time(numbers[0]), time(numbers[-1]))
        return
    numbers = sorted(set(numbers))
    if not chunk.sound and numbers:
        middle = numbers[len(numbers) // 2]
        numbers = [n for n in numbers if abs(n - middle) < SIZE // 24]
    if chunk.named and not chunk.records_sound:
        # The header is sound and says which numbers lay here: those that are torn are counted as lost, not as missing.
        numbers = sorted({*numbers, *chunk.named}) if numbers else list(chunk.named)
        log.run(numbers[0], numbers[-1], time(numbers[0]), time(numbers[-1]))
        return
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            first, last = numbers[start], numbers[place - 1]
            log.run(first, last, time(first), time(last))
            start = place


def _decoded(copy: bytes) -> Iterator[Decoded]:
    """The records of a chunk that the library can decode: all at once, but for such as were made to be large."""
    from evtx import PyEvtxParser

    try:
        records = PyEvtxParser(io.BytesIO(file_header() + copy), number_of_threads=1).records_json()
    except RuntimeError:
        return
    errors = size = 0
    numbers: list[int] = []
    texts: list[str] = []
    while errors < ERRORS_BORNE:
        try:
            for item in records:
                if item:
                    text = item["data"]
                    numbers.append(item["event_record_id"])
                    texts.append(text)
                    size += len(text)
                    if size > MUCH:
                        yield numbers, texts
                        numbers, texts, size = [], [], 0
            break
        except (RuntimeError, ValueError):
            errors += 1
        except BaseException as panic:
            # A panic of the Rust code: its class cannot be imported, and it is not an ``Exception``.
            if type(panic).__name__ != "PanicException":
                raise
            break
    if texts:
        yield numbers, texts
