"""Versions of Exchange's programs: read from the resource and nowhere else, whatever state the file is in."""

import io
import random
import struct

import pytest

from exhume.model import Cause, File, Gap, Reading
from exhume.readers.pe import Pe, VersionError, file_version

BIN = "C/Program Files/Microsoft/Exchange Server/V15/Bin"


def program(version=(15, 1, 2176, 9), *, plus=True, rva=0x3000, raw=0x400, key=16):
    """A small but whole PE file with one section, which holds the version resource."""
    fixed = struct.pack("<IIII", 0xFEEF04BD, 0x10000, version[0] << 16 | version[1], version[2] << 16 | version[3])
    info = struct.pack("<HHH", 92, 52, 0) + "VS_VERSION_INFO\0".encode("utf-16-le") + b"\0\0" + fixed + bytes(36)
    below = 0x80000000
    tree = b"".join(
        bytes(12) + struct.pack("<HH", 0, 1) + struct.pack("<II", name, target)
        for name, target in ((key, below | 24), (1, below | 48), (1033, 72))
    )
    resources = tree + struct.pack("<IIII", rva + 88, len(info), 0, 0) + info
    optional = struct.pack("<H", 0x20B if plus else 0x10B).ljust(128 if plus else 112, b"\0")
    optional += struct.pack("<II", rva, len(resources))
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0x5F000000, 0, 0, len(optional), 2)
    section = b".rsrc\0\0\0" + struct.pack("<IIII", len(resources), rva, len(resources), raw) + bytes(16)
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return (head + header + optional + section).ljust(raw, b"\0") + resources


def read(data, path=f"{BIN}/ExSetup.exe"):
    return list(Pe().read(io.BytesIO(data), File("e", path, size=len(data)), None))


@pytest.mark.parametrize("plus", [True, False])
def test_the_version_of_exsetup_is_the_build(plus):
    (reading,) = read(program(plus=plus))
    assert isinstance(reading, Reading)
    assert (reading.what, reading.value, reading.day, reading.trust) == ("build", "15.1.2176.9", None, "exact")


def test_other_libraries_of_exchange_are_hints_only():
    (reading,) = read(program((15, 2, 1118, 7)), f"{BIN}/Microsoft.Exchange.Data.dll")
    assert (reading.value, reading.trust) == ("15.2.1118.7", "hint")


def test_a_version_that_is_not_exchange_s_says_nothing():
    assert read(program((6, 1, 7601, 1)), f"{BIN}/Microsoft.Exchange.Data.dll") == []


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        (f"{BIN}/ExSetup.exe", True),
        ("D/E2016/bin/exsetup.EXE", True),
        ("ExSetup.exe", True),
        (f"{BIN}/Microsoft.Exchange.Data.dll", True),
        (f"{BIN}/Newtonsoft.Json.dll", False),
        ("C/Windows/System32/Microsoft.Exchange.Data.dll", False),
        ("C/Windows/Installer/$PatchCache$/Managed/15.1.2176/ExSetup.exe", False),
        ("D/Setup/ServerRoles/Common/ExSetup.exe", False),
    ],
)
def test_which_files_are_taken(path, taken):
    assert Pe().recognises(program()[:4096], File("e", path)) is taken


@pytest.mark.parametrize("damage", [lambda d: d[:200], lambda d: b"MZ" + bytes(500), lambda d: b"", lambda d: d[:-60]])
def test_a_damaged_exsetup_is_a_gap(damage):
    (gap,) = read(damage(program()))
    assert isinstance(gap, Gap)
    assert gap.cause is Cause.DAMAGED


def test_a_file_without_a_version_resource_is_a_gap_for_exsetup_and_nothing_for_others():
    assert isinstance(read(program(key=3))[0], Gap)
    assert read(program(key=3), f"{BIN}/Microsoft.Exchange.Data.dll") == []


def test_no_damage_raises_anything_else():
    rnd, whole = random.Random(3), program()
    for _ in range(3000):
        data = bytearray(whole[: rnd.randrange(len(whole) + 1)] if rnd.random() < 0.3 else whole)
        for _ in range(rnd.randrange(12) if data else 0):
            data[rnd.randrange(len(data))] = rnd.choice((0, 1, 0x10, 0x80, 0xFF, rnd.randrange(256)))
        try:
            file_version(io.BytesIO(bytes(data)))
        except VersionError:
            continue


def test_directories_that_point_at_themselves_end():
    data = bytearray(program())
    raw = 0x400
    data[raw : raw + 24] = bytes(12) + struct.pack("<HH", 0xFFFF, 0xFFFF) + struct.pack("<II", 16, 0x80000000)
    with pytest.raises(VersionError):
        file_version(io.BytesIO(bytes(data)))
