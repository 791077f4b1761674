"""The native proof against the plain one, row by row, on rows made of what quotes, delimiters and line ends can go wrong with."""

import random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exhume.readers.dialect import Layout
from exhume.readers.shape import bits, prove, quoted_well
from exhume.readers.shape.tokens import everywhere
from exhume.readers.stamps import Mask

NAMES = ("time", "a", "b", "c")
LAYOUT = Layout(NAMES, b",", quoted=True)
START = b"2021-03-03T06:49:51.543Z,"
MASK = Mask.of(START + b"x,y,z", 0, b",")


def good(row):
    return quoted_well(row, b",", len(NAMES) - 1) if b'"' in row else row.count(b",") == len(NAMES) - 1


@pytest.mark.parametrize("seed", range(40))
def test_a_block_is_proven_exactly_when_all_its_rows_are_good(seed):
    draw = random.Random(seed)
    pieces = [b'"', b'""', b",", b"x", b"y" * 61, b'"a,b"', b'"",', b',"', b"\r", b"z,", b'"q"']
    proven = 0
    for _ in range(300):
        rows = []
        while len(rows) < 5:
            row = START + b"".join(draw.choices(pieces, k=draw.randint(2, 7)))
            if good(row) or draw.random() < 0.02:
                rows.append(row)
        block = b"".join(row + draw.choice((b"\r\n", b"\n")) for row in rows)
        lines = block.split(b"\n")[:-1]
        shape = prove(block, LAYOUT, MASK, ())
        if b"\r\r\n" in block:  # proven line by line
            assert shape is None or all(map(good, lines))
            continue
        assert (shape is not None) is all(map(good, lines)), block
        if shape:
            proven += 1
            assert shape.quoted == tuple(i for i, line in enumerate(lines) if b'"' in line)
            assert [shape.row(block, i) for i in range(len(lines))] == lines
    assert proven > 20


@pytest.mark.parametrize("width", [0, 1])
@pytest.mark.parametrize("place", range(24))
@pytest.mark.parametrize("byte", b'\x00/019:6";-TZ.\x7f\x80\xb5\xff')
def test_a_byte_of_a_time_may_be_what_the_plain_check_lets_through(width, place, byte):
    quote = b'"' * width
    start = quote + b"2021-03-03T06:49:51.543Z" + quote + b","
    mask = Mask.of(start, width, quote + b",")
    changed = bytearray(start)
    changed[place + width] = byte
    rows = [start + b"x,y,z", bytes(changed) + b"x,y,z"]
    shape = prove(b"\n".join([*rows, b""]), LAYOUT, mask, ())
    assert (shape is not None) is (mask.misfits(rows)[1] == [])


def test_hours_first_and_last_are_those_of_the_rows_in_any_order():
    draw = random.Random(7)
    times = [f"2021-{m:02}-{d:02}T{h:02}:{n:02}:{s:02}.{s:03}Z" for m, d, h, n, s in
             ((draw.randint(1, 3), draw.randint(1, 28), draw.randint(0, 23), draw.randint(0, 59), draw.randint(0, 59)) for _ in range(500))]  # fmt: skip
    shape = prove("".join(f"{time},x,y,z\n" for time in times).encode(), LAYOUT, MASK, ())
    assert shape.hours == {time[:13].encode() for time in times}
    assert (shape.first, shape.last) == (min(times).encode(), max(times).encode())


@pytest.mark.parametrize("rows", [1, 64, 3000])
def test_a_token_must_stand_in_every_row(rows):
    row = START + b"x,EX01,%d\n"
    block = b"".join(row % n for n in range(rows))
    assert prove(block, LAYOUT, MASK, (b",EX01,",))
    assert prove(block + START + b"x,EX02,1\n", LAYOUT, MASK, (b",EX01,",)) is None
    assert prove(START + b"E,EX0,EX01\n" + block, LAYOUT, MASK, (b",EX01,",)) is None
    assert prove(block + START + b"x,EX01,,EX01,\n", LAYOUT, MASK, (b",EX01,",)) is None, "one cell too many"


@pytest.mark.parametrize("size", [1, 63, 64, 65, bits.CHUNK - 1, bits.CHUNK + 1, 3 * bits.CHUNK + 5])
def test_marks_are_where_the_bytes_are(size):
    data = np.random.default_rng(size).integers(0, 3, size, np.uint8)
    first, second = bits.marks(data, b"\x01\x02")
    where = np.flatnonzero(data == 1)
    assert np.array_equal(bits.places(first), where)
    assert np.array_equal(bits.places(second), np.flatnonzero(data == 2))
    assert np.array_equal(bits.below(second, where), [np.count_nonzero(data[:w] == 2) for w in where[:50]] if size < 99 else
                          np.cumsum(data == 2)[where])  # fmt: skip
    assert np.array_equal(bits.places(bits.behind(first)), where[where + 1 < -(-size // 64) * 64] + 1)
    assert np.array_equal(bits.places(bits.ahead(first)), where[where > 0] - 1)
    parity = np.cumsum(data == 1) % 2 == 1
    assert np.array_equal(bits.places(bits.odd(first))[: np.count_nonzero(parity)], np.flatnonzero(parity))


ROW = st.text(alphabet="EX01,ab", min_size=0, max_size=24)


@given(st.lists(ROW, min_size=1, max_size=12), st.sampled_from([b",EX01,", b",E,", b",,,", b",EX01,EX01,a"]))
@example(["x,EX01,b", "xx,EX01,b", "xxx,EX01,b", "xxxx,EX01,b", "xxxxx,EX01,b", "xxxxxx,EX01,b"], b",EX01,")
@example(["a,EX01,", ",,b", "a,EX01,"], b",EX01,")
def test_a_token_is_told_to_be_everywhere_only_when_it_is(texts: list[str], token: bytes) -> None:
    rows = [START + text.encode() + b",1" for text in texts]
    data = b"\n".join([*rows, b""])
    cells = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(cells == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    assert everywhere(token, data, cells, starts, ends, {}) == all(token in row for row in rows)
