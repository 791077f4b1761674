"""Public registry hives: read, and never a crash, whatever state they are in."""

import io
import lzma
import random

import pytest

from exhume.model import Cause, File, Gap, Reading
from exhume.readers.hive import Hives
from exhume.readers.hive.keys import Hive
from exhume.readers.hive.pages import HiveError, Pages


def unpacked(folder, name):
    return lzma.decompress((folder / "hives" / f"{name}.xz").read_bytes())


def read(data, name):
    return list(Hives().read(io.BytesIO(data), File("e", name), None))


def count(key):
    return 1 + sum(count(below) for below in key.subkeys())


@pytest.mark.parametrize(("name", "keys"), [("NTUSER.DAT", 1812), ("SAM", 65), ("SYSTEM", 30756)])
def test_every_key_of_a_whole_hive_is_there(real_data, name, keys):
    hive = Hive(Pages(io.BytesIO(unpacked(real_data, name))))
    assert (count(hive.root), hive.broken) == (keys, 0)


def test_name_and_clock_of_a_real_system(real_data):
    readings = {r.what for r in read(unpacked(real_data, "SYSTEM"), "SYSTEM") if isinstance(r, Reading)}
    assert readings == {"host", "time_zone"}


def test_a_hive_that_another_reader_refuses(real_data):
    out = read(unpacked(real_data, "corrupted_system_hive"), "SYSTEM")
    assert [g.cause for g in out if isinstance(g, Gap)] == [Cause.DAMAGED]


@pytest.mark.parametrize("name", ["NTUSER.DAT", "SAM", "corrupted_system_hive"])
def test_no_damage_raises(real_data, name):
    whole = unpacked(real_data, name)
    rnd = random.Random(4)
    for _ in range(60):
        data = bytearray(whole[: rnd.randrange(len(whole))] if rnd.random() < 0.5 else whole)
        for _ in range(rnd.choice((1, 50, 5000)) if data else 0):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        read(bytes(data), "SOFTWARE")
        read(bytes(data), "SYSTEM")
        try:
            Hive(Pages(io.BytesIO(bytes(data))))
        except HiveError:
            continue
