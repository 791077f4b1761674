"""Slices of real event logs, put together into one file and damaged, say what the file says."""

import random

import pytest

from assess.test_event_slices import together, whole
from readers.evtx_bytes import CHUNK


@pytest.fixture(scope="module")
def logs(real_data) -> bytes:
    """The chunks of all logs behind the header of the first."""
    files = sorted((real_data / "evtx").glob("*.evtx")) + sorted((real_data / "sigma-regression" / "evtx").glob("*.evtx"))
    data = [path.read_bytes() for path in files]
    return data[0][:4096] + b"".join(one[4096:] for one in data)


@pytest.mark.parametrize("of", [2, 3, 4])
def test_the_logs_as_they_are(logs, of):
    assert together(logs, of) == whole(logs)


@pytest.mark.parametrize("seed", range(4))
def test_the_logs_damaged(logs, seed):
    draw = random.Random(seed)
    chunks = [logs[at : at + CHUNK] for at in range(4096, len(logs), CHUNK)]
    draw.shuffle(chunks)
    data = bytearray(logs[:4096] + b"".join(chunks[:50]))
    for _ in range(30):
        at = draw.randrange(len(data))
        kind = draw.randrange(4)
        if kind == 0:
            data[at] = draw.randrange(256)
        elif kind == 1:
            data[at : at + 100_000] = bytes(len(data[at : at + 100_000]))
        elif kind == 2:
            del data[at : at + draw.choice([1, 4096, CHUNK])]
        else:
            data[at:at] = draw.choice([b"ElfChnk\0", bytes(900)])
    assert together(bytes(data), 3) == whole(bytes(data))
