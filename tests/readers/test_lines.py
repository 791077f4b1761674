"""Damaged logs: no row is lost, every defect is told, and neither the sieve nor the block size changes what is said."""

import io

import pytest

from dirty_logs import CASES, EVIL, iis
from exhume.model import Cause, File, Gap, Reading, Record
from exhume.readers.exchange import Exchange
from exhume.readers.iis import Iis
from exhume.readers.lines import Defects, Lines
from exhume.readers.rows import LOST


class Trivial:
    """Names the lines that hold the marker."""

    brief = False

    def candidates(self, block, kind, delimiter=""):
        found, at = [], block.find(EVIL)
        while at >= 0:
            found.append(at)
            at = block.find(EVIL, at + 1)
        return found


def reader_of(data):
    return Exchange if b"H\0t\0t" in data[:3000] or b"HttpProxy" in data[:3000] else Iis


def read(reader, data, sieve=None, path="W3SVC1/u_ex240101.log"):
    generator, out = reader.read(io.BytesIO(data), File("e", path), sieve), []
    while True:
        try:
            out.append(next(generator))
        except StopIteration as end:
            return out, end.value


def split(out):
    records = [x for x in out if isinstance(x, Record)]
    return records, [x for x in out if isinstance(x, Gap)], [x for x in out if isinstance(x, Reading)]


@pytest.mark.parametrize("name", CASES)
def test_no_row_is_lost_and_every_defect_is_told(name):
    data, rows, defects = CASES[name]
    records, gaps, _ = split(read(reader_of(data)(), data)[0])
    spans = read(reader_of(data)(), data)[1]
    assert len(records) == rows
    assert any("marker.aspx" in str(r.fields) for r in records) or "cut off" in name
    assert sum(s.records for s in spans) == rows
    told = {g.detail for g in gaps}
    assert told == {d.replace("{count}", "255" if d == LOST else "1") for d in defects}
    assert all(g.cause is Cause.DAMAGED for g in gaps)
    assert {t for r in records if (t := r.time)} >= {s.first for s in spans} | {s.last for s in spans}
    assert frozenset().union(*(s.hours for s in spans)) == {int(r.time.timestamp()) // 3600 for r in records if r.time}


@pytest.mark.parametrize("name", [n for n in CASES if "30,000" not in n])
def test_neither_sieve_nor_block_size_changes_spans_gaps_or_readings(name):
    data = CASES[name][0]
    out, spans = read(reader_of(data)(), data)
    records, gaps, readings = split(out)
    marked = [(r.source.at, dict(r.fields), r.time) for r in records if EVIL.decode() in str(r.fields)]
    for block in (4096, 65537, 1 << 20, 4 << 20):
        if block == 4096 and name == "long line":
            continue  # 730 reads of one line: the next size shows the same
        for sieve in (None, Trivial()):
            again, spans_again = read(reader_of(data)(block), data, sieve)
            found, gaps_again, readings_again = split(again)
            assert (spans_again, gaps_again, readings_again) == (spans, gaps, readings)
            if sieve is None:
                assert found == records
            else:
                assert [(r.source.at, dict(r.fields), r.time) for r in found if EVIL.decode() in str(r.fields)] == marked


@pytest.mark.parametrize("block", [1, 4096, 65537, 1 << 20])
def test_nul_bytes_with_text_behind_them_are_lost_text_but_space_not_yet_written_is_not(block):
    nuls = b"\0" * 10_000
    for data, lost in ((b"a\n" + nuls + b"b\n" + nuls + b"c" + nuls, 2), (b"a\n" + nuls, 0), (nuls + b"a\n", 1)):
        lines = Lines(io.BytesIO(data), Defects(), block, 1 << 20)
        assert b"".join(b.data for b in lines).replace(b"\0" * 16, b"").replace(b"\n", b"") == data.replace(b"\0", b"").replace(
            b"\n", b""
        )
        assert lines.nuls == lost * (10_000 - 16)


def test_a_line_beyond_the_limit_is_told_and_the_rest_is_numbered_on():
    defects = Defects()
    lines = Lines(io.BytesIO(b"a\n" + b"x" * 50_000 + b"\nb\n"), defects, 4096, 16384)
    assert [(b.number, b.data) for b in lines] == [(1, b"a\n"), (3, b"b\n")]
    (gap,) = defects.gaps("file", File("e", "x"))
    assert gap.cause is Cause.LIMIT
    assert gap.source.at == "line 2"


def test_a_stream_that_breaks_off_is_told_and_what_came_before_is_read():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 8000:
                raise OSError("locked")
            return super().read(4096)

    out = list(Iis().read(Broken(iis()), File("e", "u_ex240101.log"), None))
    records, gaps, _ = split(out)
    assert len(records) > 50
    assert {g.cause for g in gaps} == {Cause.UNREADABLE, Cause.DAMAGED}


@pytest.mark.parametrize("reader", [Iis, Exchange])
@pytest.mark.parametrize("data", [b"", b"\0" * 100_000, bytes(range(256)) * 400, b'"' * 5000, b"#\n" * 99, b"#Fields:\n \n"])
def test_garbage_is_never_an_exception_and_never_covers_a_day(reader, data):
    out, spans = read(reader(), data)
    assert spans == []
    assert split(out)[1] or data.startswith(b"#")
