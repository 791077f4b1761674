"""Zips as the field brings them: torn off, packed into a pipe, larger than 4 GB would be, or by Windows Explorer."""

import io
import random
import struct
import time
import tracemalloc
import zipfile
import zlib

import inflate64
import pytest

from exhume.evidence import EvidenceError, Limits, from_memory
from exhume.model import Cause, File, Gap


class Pipe(io.RawIOBase):
    """Cannot seek, so sizes come behind the members."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def logs(count=6, seed=1, size=20_000):
    dice = random.Random(seed)
    row = "2021-03-03 06:{:02d}:{:02d} 10.0.0.1 GET /owa/ x={} 443 - 192.0.2.{} - 200\r\n"
    return {
        f"C/inetpub/logs/LogFiles/W3SVC1/u_ex21030{n}.log": "".join(
            row.format(dice.randrange(60), dice.randrange(60), dice.random(), dice.randrange(256)) for _ in range(size // 80)
        ).encode()
        for n in range(count)
    }


def packed(files, method=zipfile.ZIP_DEFLATED, piped=False, zip64=False):
    out = Pipe() if piped else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=zip64) as member:
                member.write(data)
    return out.data if piped else out.getvalue()


def explorers(files, torn=0):
    """Method 9, which Python's zipfile cannot write."""
    body, directory = b"", b""
    for name, data in files.items():
        deflater = inflate64.Deflater()
        made = deflater.deflate(data) + deflater.flush()
        common = struct.pack("<5H3I2H", 21, 0, 9, 0, 0x5264, zlib.crc32(data), len(made), len(data), len(name), 0)
        directory += b"PK\x01\x02\x15\x00" + common + struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\x03\x04" + common + name.encode() + made
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return body + directory + end


def read(archive, limits=None):
    """What each file gave before it broke, the files that broke, and the gaps of the listing."""
    evidence = from_memory({"ex01.zip": archive}, limits=limits) if limits else from_memory({"ex01.zip": archive})
    given, broken, gaps, causes = {}, set(), [], set()
    for one in evidence.files():
        if isinstance(one, Gap):
            gaps.append(one)
        elif isinstance(one, File) and "!/" in one.path:
            name, got = one.path.partition("!/")[2], b""
            with evidence.open(one.path) as stream:
                try:
                    while block := stream.read(1000):
                        got += block
                except EvidenceError as error:
                    broken.add(name)
                    causes.add(error.cause)
            given[name] = got
    assert causes <= {Cause.DAMAGED, Cause.LIMIT}
    return given, broken, gaps


SORTS = [
    (packed, {}),
    (packed, {"piped": True}),
    (packed, {"zip64": True}),
    (packed, {"piped": True, "zip64": True}),
    (packed, {"method": zipfile.ZIP_STORED}),
    (packed, {"method": zipfile.ZIP_STORED, "piped": True}),
    (packed, {"method": zipfile.ZIP_BZIP2, "piped": True}),
    (packed, {"method": zipfile.ZIP_LZMA}),
    (explorers, {}),
]


@pytest.mark.parametrize(("make", "how"), SORTS)
def test_a_whole_zip_gives_all_files(make, how):
    files = logs()
    assert read(make(files, **how)) == (files, set(), [])


@pytest.mark.parametrize(("make", "how"), SORTS)
def test_a_torn_zip_gives_what_stands_before_the_break_and_says_so(make, how):
    files = logs()
    whole = make(files, **how)
    begins = [whole.find(b"PK\x03\x04", whole.find(name.encode()) - 60) for name in files]
    directory = whole.find(b"PK\x01\x02")
    for cut in sorted({*range(60, len(whole) - 1, len(whole) // 37), *begins[1:], directory - 1, directory + 20}):
        given, broken, gaps = read(whole[:cut])
        behind = [*begins[1:], directory]
        for (name, data), begin, end in zip(files.items(), begins, behind, strict=True):
            if end <= cut:
                assert given[name] == data
                assert name not in broken
            elif name in given:
                assert data.startswith(given[name][: len(data)])
                assert given[name] == data or name in broken  # it is all of it, or told not to be
            else:
                assert cut < begin + 30 + len(name) + 20
        told = [gap for gap in gaps if gap.kind == "archive" and gap.cause is Cause.DAMAGED]
        assert bool(told) is (cut < directory + 4), cut


def test_a_torn_member_gives_nearly_all_that_stands_before_the_break():
    files = {"u_ex210303.log": logs(1, size=400_000).popitem()[1]}
    whole = packed(files, piped=True)
    given, broken, _ = read(whole[: len(whole) // 2])
    assert broken == {"u_ex210303.log"}
    assert len(given["u_ex210303.log"]) > 0.45 * 400_000


def test_the_end_of_a_zip_within_a_torn_one_is_not_taken_for_its_own():
    inner = packed({"inner.log": b"x" * 100})
    whole = packed({"a.log": b"first" * 100, "inner.zip": inner, "z.log": b"last"}, zipfile.ZIP_STORED)
    given, _, gaps = read(whole[: whole.find(inner) + len(inner)])
    assert given["a.log"] == b"first" * 100
    assert given["inner.zip!/inner.log"] == b"x" * 100
    assert [gap.kind for gap in gaps] == ["archive"]


def test_a_wrong_checksum_is_damage_with_each_method():
    files = {"a.log": logs(1).popitem()[1]}
    for make in (packed, explorers):
        whole = make(files)
        wrong = whole.replace(struct.pack("<I", zlib.crc32(files["a.log"])), b"\1\2\3\4")
        assert wrong != whole
        assert read(wrong)[1] == {"a.log"}


def test_zeros_packed_with_deflate64_stay_within_the_limits():
    whole = explorers({"a.log": bytes(300 << 20)})
    assert len(whole) < 20_000
    gaps = read(whole)[2]
    assert [(gap.kind, gap.cause) for gap in gaps] == [("file", Cause.LIMIT)]
    given, _, _ = read(whole[:9000], Limits(max_file_bytes=10 << 20))  # torn: sizes are those of the header
    assert not given.get("a.log")


def test_notes_that_are_none_do_not_hold_up_the_listing():
    header = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 8, 8, 0, 0, 0, 0, 0, 5, 0) + b"a.log"
    hostile = header + b"PK\x07\x08" * (4 << 20)
    begun = time.process_time()
    _, broken, gaps = read(hostile)
    assert time.process_time() - begun < 5
    assert broken == {"a.log"}
    assert [gap.kind for gap in gaps] == ["archive"]


def test_bytes_changed_anywhere_end_in_gaps_only():
    dice = random.Random(9)
    files = logs(4)
    for make, how in SORTS:
        whole = make(files, **how)
        for _ in range(25):
            changed = bytearray(whole[: dice.randrange(len(whole) // 2, len(whole))])
            for _ in range(dice.randrange(1, 6)):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
            given, _, _ = read(bytes(changed))
            assert all(isinstance(data, bytes) for data in given.values())


def test_unpacking_gives_back_the_memory_that_it_takes():
    noise = random.Random(3).randbytes(2 << 20)
    evidence = from_memory({"ex01.zip": explorers({f"{n}.log": noise for n in range(3)})})
    paths = [one.path for one in evidence.files() if isinstance(one, File) and "!/" in one.path]
    tracemalloc.start()
    try:
        for path in paths:
            with evidence.open(path) as stream:
                while stream.read(1 << 20):
                    pass
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()
