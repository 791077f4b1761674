"""Real event logs: all read without a gap, and no change of a byte ever raises, hangs, or widens what they cover."""

import io
import random

from exhume.model import File, Gap, Record
from exhume.readers.evtx import Evtx


def read(data, name="x.evtx"):
    reading = Evtx().read(io.BytesIO(data), File("e", name), None)
    out = []
    while True:
        try:
            out.append(next(reading))
        except StopIteration as done:
            return out, done.value


def test_all_real_event_logs_are_read_whole(real_data):
    files = sorted([*(real_data / "evtx").glob("*.evtx"), *(real_data / "sigma-regression" / "evtx").glob("*.evtx")])
    assert len(files) == 123
    for path in files:
        out, spans = read(path.read_bytes(), path.name)
        records = [x for x in out if isinstance(x, Record)]
        assert records, path.name
        assert all(r.time and r.server and r.fields["EventID"] and r.fields["Provider_Name"] for r in records), path.name
        assert sum(s.records for s in spans) == len(records), path.name
        assert [x for x in out if isinstance(x, Gap)] == [], path.name


def test_the_children_of_a_web_shell_are_there(real_data):
    out, _ = read((real_data / "evtx" / "LM_typical_IIS_webshell_sysmon_1_10_traces.evtx").read_bytes())
    children = [x.fields for x in out if isinstance(x, Record) and x.fields["EventID"] == 1]
    assert any(str(f["ParentImage"]).lower().endswith("w3wp.exe") for f in children)


def test_changed_bytes_never_raise_and_never_widen_the_span(real_data):
    chance = random.Random(7)
    files = sorted((real_data / "evtx").glob("*.evtx"))
    for turn in range(300):
        data = bytearray(chance.choice(files).read_bytes())
        _, before = read(bytes(data))
        for _ in range(chance.choice([1, 5, 50, 1000])):
            data[chance.randrange(min(len(data), chance.choice([4096, 4608, 69632, 1 << 30])))] = chance.choice(
                [0, 255, chance.randrange(256)]
            )
        if turn % 4 == 0:
            data = data[: chance.randrange(len(data))]
        _, after = read(bytes(data))
        first, last = min(s.first for s in before), max(s.last for s in before)
        assert all(s.first >= first and s.last <= last for s in after)
