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
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.eventfields import KIND, Reach, instant, record_of
from exhume.readers.eventreadings import readings_of
from exhume.readers.evtxchunk import FILE_MAGIC, FIRST, HEADER, MAGIC, SIZE, Chunk, file_header, inspect, starts
from exhume.readers.evtxsift import Sift
from exhume.readers.evtxtext import event_of_json

_ZEROS = bytes(SIZE)
HOLES_TOLD = 10
"""Missing stretches that get a gap of their own; the others are added up in one."""
CHUNKS = 1 << 16
"""The file header counts chunks in 16 bits: a log is never larger than 4 GiB."""
BARREN = 1024
"""Zeroed places (64 MiB) at the start of a larger file after which it is given up."""
ERRORS_BORNE = 4096
"""Errors in one chunk before it is given up: no chunk holds so many records."""

_WATCHED = frozenset(
    (
        "application", "security", "system", "setup", "windows powershell", "msexchange management",
        "microsoft-windows-powershell/operational", "microsoft-windows-sysmon/operational",
        "microsoft-windows-windows defender/operational", "microsoft-windows-taskscheduler/operational",
        "microsoft-windows-iis-configuration/operational", "microsoft-windows-wmi-activity/operational",
        "microsoft-windows-terminalservices-localsessionmanager/operational",
        "microsoft-windows-terminalservices-remoteconnectionmanager/operational",
    )
)  # fmt: skip


@dataclass(slots=True)
class _State:
    """What is known of the file so far."""

    reach: Reach
    size: int = 0
    runs: list[tuple[int, int, datetime | None, datetime | None]] = field(default_factory=list)
    """First and last record number of a stretch without holes, with their times."""
    promised: int = 0
    """Chunks that the file header speaks of."""
    dirty: bool = False
    headless: bool = False
    seen: int = 0
    """64 KiB places that were looked at."""
    zeroed: int = 0
    blank: int = 0
    """Zeroed chunks of which it is not known yet whether anything follows."""
    altered: int = 0
    unread: int = 0
    """Chunks in which nothing could be made out."""
    lost: int = 0
    """Records that could not be decoded."""
    cut: bool = False
    stopped: str = ""
    beyond: bool = False
    """It is larger than a log can be, and was not read to its end."""


class _Damaged(Protocol):
    """Makes a gap of cause DAMAGED for the file at hand."""

    def __call__(self, detail: str, count: int = 1, since: datetime | None = None, until: datetime | None = None) -> Gap: ...


class Evtx:
    """Reads EVTX files whole or torn; what is damaged is told, the rest is read."""

    name = "evtx"
    kinds = frozenset((KIND,))
    streams = True

    def recognises(self, head: bytes, file: File) -> bool:
        return head.startswith((FILE_MAGIC, MAGIC))

    def expects(self, file: File) -> bool:
        return file.name.lower().endswith(".evtx")

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        """With a sieve, records that cannot match are counted by the head of their text."""
        state = _State(Reach(file), file.size or 0)
        sift = Sift(file, state.reach, sieve) if sieve else None
        for block in _blocks(stream, state):
            chunk = inspect(block)
            if not chunk.copy and not chunk.header_sound:
                state.unread += len(block) >= FIRST
                continue
            if sift and sieve and sieve.brief:
                yield from sift.records(_decoded(chunk.copy))
                continue
            state.altered += not chunk.sound
            yield from _events(chunk, file, state, sift)
        if not (sieve and sieve.brief):
            yield from _gaps(file, state)
        return state.reach.spans()


def _blocks(stream: BinaryIO, state: _State) -> Iterator[bytes]:
    """The chunks of the file, in its order. Zeroed places are counted, and where a chunk starts off the grid it is found."""
    ahead = _file_header(_fill(stream, b"", HEADER, state), state)
    while True:
        block = _fill(stream, ahead, SIZE, state)
        ahead = b""
        if not block:
            return
        state.seen += 1
        barren = state.blank == BARREN and state.seen == BARREN + 1 and state.size > CHUNKS * SIZE
        if state.seen > CHUNKS or barren:
            state.beyond = True
            return
        if block[:8] != MAGIC:
            if block == _ZEROS[: len(block)]:
                state.blank += 1
                state.cut = state.cut or (len(block) < SIZE and state.promised >= state.seen)
                continue
            start = -1 if starts(block) else block.find(MAGIC, 1)
            if start > 0:
                state.unread += 1
                ahead = block[start:]
                continue
        state.zeroed += state.blank
        state.blank = 0
        state.cut = state.cut or len(block) < SIZE
        yield block


def _file_header(head: bytes, state: _State) -> bytes:
    """Reads the header; returns what of ``head`` belongs to the first chunk already (a file without a header)."""
    if head.startswith(MAGIC):
        state.headless = True
        return head
    crc = len(head) >= 128 and struct.unpack_from("<I", head, 124)[0] == zlib.crc32(head[:120])
    if not head.startswith(FILE_MAGIC) or not crc:
        state.headless = bool(head)
        return b""
    state.promised = struct.unpack_from("<H", head, 42)[0]
    state.dirty = bool(head[120] & 1)
    return b""


def _fill(stream: BinaryIO, start: bytes, size: int, state: _State) -> bytes:
    """``size`` bytes, fewer only at the end of the file or where it cannot be read on."""
    parts, have = [start], len(start)
    while have < size and not state.stopped:
        try:
            more = stream.read(size - have)
        except OSError as error:
            state.stopped = type(error).__name__
            break
        if not more:
            break
        parts.append(more)
        have += len(more)
    return b"".join(parts)


def _events(chunk: Chunk, file: File, state: _State, sift: Sift | None) -> Iterator[Record | Reading]:
    """The records of a chunk; notes their numbers and how many were lost."""
    times: dict[int, datetime | str | None] = {}
    got = 0
    decoded = _decoded(chunk.copy) if chunk.copy else iter(())
    if sift:
        got = yield from sift.events(decoded, chunk.sound, times)
    else:
        for number, text in decoded:
            event = event_of_json(text, number)
            if event is None:
                continue
            got += 1
            times[number] = event.time
            record = record_of(event, file)
            state.reach.add(record, chunk.sound)
            yield record
            yield from readings_of(event, record.source)
    _note(chunk, got, times, state)


def _note(chunk: Chunk, got: int, times: Mapping[int, datetime | str | None], state: _State) -> None:
    """Which numbers the chunk holds without a hole, and how many of its records were lost."""

    def time(number: int) -> datetime | None:
        told = times.get(number)
        return instant(told)[0] if isinstance(told, str) else told

    state.lost += max(0, chunk.expected - got)
    numbers = chunk.numbers
    if numbers and chunk.sound and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        state.runs.append((numbers[0], numbers[-1], time(numbers[0]), time(numbers[-1])))
        return
    numbers = sorted(set(numbers))
    if not chunk.sound and numbers:
        middle = numbers[len(numbers) // 2]
        numbers = [n for n in numbers if abs(n - middle) < SIZE // 24]
    if chunk.named and not chunk.records_sound:
        # The header is sound and says which numbers lay here: those that are torn are counted as lost, not as missing.
        numbers = sorted({*numbers, *chunk.named}) if numbers else list(chunk.named)
        state.runs.append((numbers[0], numbers[-1], time(numbers[0]), time(numbers[-1])))
        return
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            first, last = numbers[start], numbers[place - 1]
            state.runs.append((first, last, time(first), time(last)))
            start = place


def _decoded(copy: bytes) -> Iterator[tuple[int, str]]:
    """Record number and JSON text of each record that the library can decode."""
    from evtx import PyEvtxParser

    errors = 0
    try:
        records = PyEvtxParser(io.BytesIO(file_header() + copy), number_of_threads=1).records_json()
    except RuntimeError:
        return
    while errors < ERRORS_BORNE:
        try:
            item = next(records)
        except StopIteration:
            return
        except (RuntimeError, ValueError):
            errors += 1
            continue
        except BaseException as panic:
            # A panic of the Rust code: its class cannot be imported, and it is not an ``Exception``.
            if type(panic).__name__ != "PanicException":
                raise
            return
        if item:
            yield item["event_record_id"], item["data"]


def _gaps(file: File, state: _State) -> Iterator[Gap]:
    channel, server = state.reach.main()
    place = file.source("file")

    def damaged(detail: str, count: int = 1, since: datetime | None = None, until: datetime | None = None) -> Gap:
        return Gap(KIND, Cause.DAMAGED, detail, place, since, until, channel, server, count)

    if state.stopped:
        yield Gap(
            KIND, Cause.UNREADABLE, f"it could not be read to its end ({state.stopped})", place, None, None, channel, server
        )
    if state.beyond:
        yield Gap(KIND, Cause.LIMIT, "larger than an event log can be (4 GiB): it was not read to its end", place)
    if not state.seen and not state.promised:
        if not state.stopped:
            yield damaged("the file is empty or too short for an event log")
        return
    if state.headless:
        rest = "the chunks behind it were read" if state.reach.any else "no event could be made out behind it"
        yield damaged(f"the file header is damaged or missing; {rest}")
    if state.zeroed or state.unread:
        yield damaged(
            "chunks (64 KiB of events each) are zeroed or overwritten; what they held is lost", state.zeroed + state.unread
        )
    missing = state.promised - (state.seen - state.blank)
    if state.cut or missing > 0:
        words = "the file is cut off" if state.cut or state.seen < state.promised else "chunks at its end are zeroed"
        yield damaged(f"{words}: chunks that its header speaks of are missing or incomplete", max(1, missing))
    if state.altered:
        yield damaged("chunks do not match their checksum; what could be decoded in them was read", state.altered)
    if state.lost:
        yield damaged("records could not be decoded", state.lost)
    yield from _holes(state, damaged)
    hurt = state.headless or state.altered or state.unread or state.zeroed or state.lost or missing > 0
    if not state.reach.any and not hurt and not state.stopped:
        yield from _empty(file)


def _holes(state: _State, damaged: _Damaged) -> Iterator[Gap]:
    """Stretches of record numbers that are nowhere in the file: Windows numbers without leaving any out."""
    holes: list[tuple[int, datetime | None, datetime | None]] = []
    end: int | None = None
    end_time: datetime | None = None
    for first, last, since, until in sorted(state.runs, key=lambda run: run[:2]):
        if end is not None and first > end + 1:
            holes.append((first - end - 1, end_time, since))
        if end is None or last >= end:
            end, end_time = last, until
    holes.sort(key=lambda hole: -hole[0])
    words = "records are missing: their numbers do not follow on each other (overwritten, damaged or removed)"
    for count, since, until in holes[:HOLES_TOLD]:
        yield damaged(words, count, since, until)
    if holes[HOLES_TOLD:]:
        yield damaged(f"{words}, at {len(holes) - HOLES_TOLD} more places", sum(hole[0] for hole in holes[HOLES_TOLD:]))


def _empty(file: File) -> Iterator[Gap]:
    """An empty log covers nothing. Most logs of a Windows are empty, so only those that count are told."""
    channel = file.name[: -len(".evtx")] if file.name.lower().endswith(".evtx") else file.name
    for escape in ("%254", "%4"):
        channel = channel.replace(escape, "/")
    if channel.lower() in _WATCHED:
        yield Gap(KIND, Cause.TOO_SHORT, "the log holds no events", file.source("file"), channel=channel)
