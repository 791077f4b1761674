"""An event log that several processes read in slices says what it says when one reads all of it, damaged in whatever way."""

from __future__ import annotations

import hashlib
import io
import pickle
import random
import struct

import pytest

from exhume.assess import tasks as division
from exhume.assess.run import Options, assess_opened
from exhume.assess.scan import Scanner
from exhume.assess.tally import Tally
from exhume.assess.tasks import Pieces, Task, bounds, tasks
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import from_memory, open_evidence
from exhume.model import File, Host
from exhume.packs import shipped
from exhume.readers import EVERY_FILE, READERS
from readers.evtx_bytes import CHUNK, event_xml, evtx

PATH = "C/Windows/System32/winevt/Logs/Security.evtx"
DETECTED = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)


def event(number: int) -> tuple[int, str]:
    """Logons, and now and then a page's shell, a cleared log and an update; two channels of two servers."""
    time = f"2021-03-{number // 60 % 28 + 1:02}T{number % 24:02}:{number % 60:02}:01.5Z"
    kind = number % 37
    if kind == 5:
        named = {
            "ParentProcessName": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
            "NewProcessName": "C:\\Windows\\System32\\cmd.exe",
        }
        return number, event_xml(number, time, event_id=4688, channel="Security", provider="S", named=named)
    if kind == 9:
        return number, event_xml(number, time, event_id=1102, channel="Security", provider="Microsoft-Windows-Eventlog")
    if kind == 20:
        named = {"updateTitle": f"Security Update For Exchange Server 2019 CU8 (KB50008{number % 10}1)"}
        provider = "Microsoft-Windows-WindowsUpdateClient"
        return number, event_xml(number, time, event_id=19, channel="System", provider=provider, computer="EX02", named=named)
    return number, event_xml(number, time, event_id=4624, channel="Security", provider="S", named={"IpAddress": "203.0.113.9"})


def chunk(first: int, count: int = 12) -> list[tuple[int, str]]:
    return [event(number) for number in range(first, first + count)]


def sound(chunks: int = 9) -> bytes:
    return evtx(*(chunk(1 + 12 * number) for number in range(chunks)))


def zeroed(data: bytes, *numbers: int) -> bytes:
    out = bytearray(data)
    for number in numbers:
        out[4096 + number * CHUNK : 4096 + (number + 1) * CHUNK] = bytes(CHUNK)
    return bytes(out)


def changed(data: bytes, *places: int) -> bytes:
    out = bytearray(data)
    for place in places:
        out[place] ^= 0x55
    return bytes(out)


def spliced(data: bytes, number: int, more: bytes) -> bytes:
    """With bytes put in amid a chunk: all that follows lies off the grid."""
    at = 4096 + number * CHUNK + 40_000
    return data[:at] + more + data[at:]


LOGS = {
    "sound": sound(),
    "one chunk": sound(1),
    "rotated": evtx(*(chunk(1 + 12 * number) for number in (5, 6, 7, 0, 1, 2, 3, 4))),
    "rotated and part of it gone": evtx(*(chunk(1 + 12 * number) for number in (5, 6, 0, 1, 3, 4))),
    "numbers that come twice": evtx(chunk(1), chunk(13), chunk(1), chunk(13), chunk(40)),
    "many holes": evtx(*(chunk(1 + 20 * number) for number in range(15))),
    "zeroed amid": zeroed(sound(), 3, 4),
    "zeroed at the start": zeroed(sound(), 0, 1, 2, 3),
    "zeroed at the end": zeroed(sound(), 6, 7, 8),
    "all zeroed": zeroed(sound(4), 0, 1, 2, 3),
    "checksums": changed(sound(), 4096 + 700, 4096 + 4 * CHUNK + 20, 4096 + 8 * CHUNK + 52),
    "a record's size": changed(sound(), 4096 + 5 * CHUNK + 516),
    "magic": changed(sound(), 4096, 4096 + 3 * CHUNK + 2),
    "cut in a chunk": sound()[: 4096 + 6 * CHUNK + 5000],
    "cut between chunks": sound()[: 4096 + 5 * CHUNK],
    "header gone": sound()[4096:],
    "header zeroed": bytes(4096) + sound()[4096:],
    "start torn off": sound()[10_000:],
    "off the grid": spliced(sound(), 2, b"x" * 777),
    "off the grid and back": spliced(spliced(sound(), 1, b"\0" * 30_000), 6, b"y" * (CHUNK - 30_000)),
    "off the grid, zeroed and cut": zeroed(spliced(sound(), 1, bytes(100_000)), 5)[:-30_000],
    "a shorter log than its header says": sound(9)[:42] + struct.pack("<H", 3) + sound(9)[44:],
    "header only": sound()[:4096],
    "no events": evtx([]),
    "nothing": b"ElfFile\0",
}


def scanner(data: bytes, use_sieve: bool = True) -> Scanner:
    return Scanner(from_memory({PATH: data}), READERS, EVERY_FILE, DETECTED, is_product, use_sieve=use_sieve)


def whole(data: bytes, use_sieve: bool = True):
    tally = Tally()
    tally.add(scanner(data, use_sieve).scan(PATH))
    return said(tally.part())


def together(data: bytes, of: int, use_sieve: bool = True):
    """Each slice as it comes from its process, in any order."""
    pieces = Pieces()
    order = list(range(of))
    random.Random(of).shuffle(order)
    for number in order:
        part = pickle.loads(pickle.dumps(scanner(data, use_sieve).work(Task(PATH, number, of))))
        joined = pieces.add(Task(PATH, number, of), part)
    return said(joined)


def said(part):
    return {f.key: f for f in part.findings}, part.readings, part.coverage, part.unjoined


@pytest.mark.parametrize("of", [2, 3, 4, 9])
@pytest.mark.parametrize("name", LOGS)
def test_slices_together_say_what_the_log_says(name, of):
    assert together(LOGS[name], of) == whole(LOGS[name])


@pytest.mark.parametrize("name", ["sound", "rotated and part of it gone", "off the grid, zeroed and cut"])
def test_the_same_without_the_sieve(name):
    assert together(LOGS[name], 3, use_sieve=False) == whole(LOGS[name], use_sieve=False)


def test_slices_of_a_log_that_is_hashed_as_well_say_the_same():
    """The first slice hashes the whole."""
    data = LOGS["many holes"]
    alone, cut = scanner(data), scanner(data)
    alone.manifest = cut.manifest = True
    parts = [cut.work(Task(PATH, number, 3)) for number in range(3)]
    assert [bool(part.files) for part in parts] == [True, False, False]
    put_together, read_whole = division.joined(parts), alone.scan(PATH)
    assert said(put_together) == said(read_whole)
    assert put_together.files == read_whole.files
    assert read_whole.files[0].sha256 == hashlib.sha256(data).hexdigest()


def test_a_log_that_is_not_cut_loses_nothing(monkeypatch):
    """Where the first slice reads it whole: two readers want it."""
    data = LOGS["many holes"]
    alone, cut = scanner(data), scanner(data)
    monkeypatch.setattr(type(cut), "readers_for", _with_files)
    parts = [cut.work(Task(PATH, number, 3)) for number in range(3)]
    assert parts[1:] == [division.Part(), division.Part()]
    assert said(division.joined(parts)) == said(alone.scan(PATH))


def _with_files(scanner, head, file):
    return (*(r for r in scanner.readers if r.recognises(head, file) or r.expects(file)), scanner.every_file)


def test_the_logs_say_what_they_were_made_for():
    """Else nothing would be compared: findings in several slices, readings, holes and damage."""
    findings, readings, coverage, _ = whole(LOGS["rotated and part of it gone"])
    assert len(findings) > 3
    assert len(readings) > 1
    assert len(coverage.spans) == 3
    assert any("records are missing" in gap.detail for gap in coverage.gaps)
    parts = [scanner(LOGS["sound"]).work(Task(PATH, number, 3)) for number in range(3)]
    assert all(part.findings and part.unjoined for part in parts), "each slice reads some of it"
    assert sum(f.count for part in parts for f in part.findings) == sum(f.count for f in whole(LOGS["sound"])[0].values())


@pytest.mark.parametrize("seed", range(40))
def test_changed_logs_say_the_same(seed):
    draw = random.Random(seed)
    data = bytearray(sound(6))
    for _ in range(draw.choice([1, 3, 20])):
        kind, at = draw.randrange(5), draw.randrange(len(data))
        if kind == 0:
            data[at : at + draw.choice([1, 8, 600, 70_000])] = bytes(draw.choice([1, 8, 600, 70_000]))
        elif kind == 1:
            data[at] = draw.randrange(256)
        elif kind == 2:
            block = 4096 + draw.randrange(6) * CHUNK
            data[block : block + 8] = draw.choice([bytes(8), b"ElfChnk\0", b"ElfFile\0"])
        elif kind == 3:
            del data[at : at + draw.choice([1, 512, 65_536])]
        else:
            data[at:at] = draw.choice([b"ElfChnk\0", b"**\0\0", bytes(200)])
    of = draw.choice([2, 3, 5])
    assert together(bytes(data), of) == whole(bytes(data))


def test_when_a_slice_is_missing_nothing_is_said_of_what_it_may_hold():
    """A worker died: that the numbers in its slice are not there is its doing and not an intruder's."""
    found = scanner(sound())
    for gone in range(3):
        parts = [found.work(Task(PATH, number, 3)) if number != gone else division.Part() for number in range(3)]
        part = division.joined(parts)
        assert part.coverage.spans
        assert part.coverage.gaps == ()


def test_what_lies_before_a_slice_is_not_read():
    data = sound(20)
    read = 0

    class Counting(io.BytesIO):
        def read(self, size=-1):
            nonlocal read
            got = super().read(size)
            read += len(got)
            return got

    (evtx_reader,) = (r for r in READERS if r.name == "evtx")
    file = File("e", PATH, size=len(data))
    begin, end = bounds(io.BytesIO(data), len(data), Task(PATH, 3, 4), lined=False)
    list(evtx_reader.read_slice(Counting(data), file, None, begin, end))
    assert read < 6 * CHUNK


def test_an_assessment_in_slices_is_the_same(tmp_path, monkeypatch):
    """Through processes, the second look included."""
    place = tmp_path / "Security.evtx"
    place.write_bytes(LOGS["rotated and part of it gone"])
    alone = assess_opened(open_evidence([place]), (), Options(jobs=1))
    monkeypatch.setattr(division, "WORTH", 1 << 16)
    monkeypatch.setattr(division, "WORTH_OF_EVENTS", 1 << 16)
    cut = tasks([(PATH,)], {PATH: File("e", PATH, size=place.stat().st_size)}, 3)
    assert {task.of for portion in cut for task in portion} == {3}
    together = assess_opened(open_evidence([place]), (), Options(jobs=3))
    assert together.findings == alone.findings
    assert together.coverage == alone.coverage
    assert together.intrusions == alone.intrusions
    assert together.readings == alone.readings


def test_record_numbers_that_jump_everywhere_are_not_all_remembered(monkeypatch):
    from exhume.readers import evtxlog

    monkeypatch.setattr(evtxlog, "MOST_RUNS", 10)
    data = LOGS["many holes"]
    expected = whole(data)
    assert any("jump at more than 10 places" in gap.detail for gap in expected[2].gaps)
    assert together(data, 3) == expected


def test_a_byte_of_events_counts_for_more_than_one_of_rows():
    """Else the workers would end long before the one that reads the event log."""
    sizes = {"Security.EVTX": 40, "System.evtx": 2, **{f"W3SVC1/{n}.log": 100 for n in range(3)}}
    files = {path: File("e", path, size=size << 20) for path, size in sizes.items()}
    planned = tasks([(path,) for path in files], files, 2)
    assert [task for portion in planned for task in portion][:2] == [Task("Security.EVTX", n, 2) for n in range(2)]
    assert Task("System.evtx") in [task for portion in planned for task in portion]
