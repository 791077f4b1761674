"""Builds and updates from registry hives: whole, not written back, damaged."""

import io
import random
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest

from exhume.model import Cause, File, Gap, Reading
from exhume.readers.hive import Hives
from exhume.readers.statements import installed_on
from hive_bytes import WRITTEN, hive, log, old_log

DAY = WRITTEN.date()
PATH = "C/Windows/System32/config/SOFTWARE"
SETUP = {
    "MsiProductMajor": 15, "MsiProductMinor": 1, "MsiBuildMajor": 2176, "MsiBuildMinor": 2,
    "OwaVersion": "15.1.2176.9", "MsiInstallPath": "D:\\Exchange\\V15\\",
}  # fmt: skip
UPDATE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"


def software(setup=SETUP, **below):
    return {"Microsoft": {"ExchangeServer": {"v15": {"Setup": setup}}, **below}}


def read(data, path=PATH, near=None):
    @contextmanager
    def beside(name):
        if name not in (near or {}):
            raise FileNotFoundError(name)
        yield io.BytesIO(near[name])

    file = File("e", path, size=len(data), beside=beside)
    out = list(Hives().read(io.BytesIO(data), file, None))
    return [(r.what, r.value, r.day, r.trust) for r in out if isinstance(r, Reading)], [g for g in out if isinstance(g, Gap)]


@pytest.mark.parametrize("listed", [b"lf", b"lh", b"li", b"ri"])
def test_the_setup_key_tells_the_cumulative_update(listed):
    readings, gaps = read(hive(software(), listed=listed))
    assert readings == [
        ("build", "15.1.2176.2", DAY, "cu"),
        ("build", "15.1.2176.2", None, "cu"),
        ("build", "15.1.2176.9", DAY, "cu"),
        ("build", "15.1.2176.9", None, "cu"),
        ("install", "D:\\Exchange\\V15\\", None, "hint"),
    ]
    assert gaps == []


def test_updates_of_exchange_with_their_days():
    tree = software(
        {},
        Updates={
            "Exchange 2016": {"KB5000871": {"PackageName": UPDATE, "InstalledDate": "3/9/2021"}},
            "Exchange 2013": {
                "SP1": {"KB5001779": {"PackageName": "Security Update (KB5001779)", "InstalledDate": "9.3.2021"}}
            },
            "Windows": {"KB1234567": {"PackageName": "Security Update (KB1234567)"}},
        },
    )
    assert read(hive(tree))[0] == [("update", "KB5000871", DAY, "exact"), ("update", "KB5001779", DAY, "exact")]


def test_installed_programs_and_patches():
    newer = "Security Update for Exchange Server 2019 Cumulative Update 12 (KB5019758) 15.2.1118.20"
    entries = {
        "{A}.KB5000871": {"DisplayName": UPDATE, "InstallDate": "20210310"},
        "Exchange": {"DisplayName": "Microsoft Exchange Server 2016 Cumulative Update 19", "DisplayVersion": "15.1.2176.2"},
        "{B}": {"DisplayName": "Microsoft Exchange Server Language Pack - German", "DisplayVersion": "15.1.2176.2"},
        "{C}": {"DisplayName": "Backup for Exchange Server", "DisplayVersion": "15.1.1.1"},
        "{D}": {"DisplayName": "Something", "DisplayVersion": "15.1.1.1"},
    }
    patches = {
        "Products": {"AE1D439464EB1B8488741FFA028E291C": {"Patches": {"X": {"DisplayName": newer, "Installed": "20210309"}}}}
    }
    current = {"Uninstall": entries, "Installer": {"UserData": {"S-1-5-18": patches}}}
    assert read(hive(software({}, Windows={"CurrentVersion": current})))[0] == [
        ("update", "KB5000871", DAY, "exact"),
        ("build", "15.1.2176.2", DAY, "cu"),
        ("update", "KB5019758", DAY, "exact"),
        ("build", "15.2.1118.20", DAY, "exact"),
    ]


def test_windows_and_the_name_and_clock_of_the_server():
    version = {"ProductName": "Windows Server 2016 Standard", "CurrentBuild": "14393", "UBR": 4225}
    tree = {"Microsoft": {"Windows NT": {"CurrentVersion": version}}}
    assert read(hive(tree))[0] == [("windows", "Windows Server 2016 Standard (14393.4225)", None, "exact")]
    control = {
        "ComputerName": {"ComputerName": {"ComputerName": "EX01"}},
        "TimeZoneInformation": {"TimeZoneKeyName": "W. Europe Standard Time"},
    }
    system = {"Select": {"Current": 2}, "ControlSet001": {}, "ControlSet002": {"Control": control}}
    assert read(hive(system, name="SYSTEM"), "SYSTEM")[0] == [
        ("host", "EX01", None, "exact"),
        ("time_zone", "W. Europe Standard Time", None, "exact"),
    ]


@pytest.mark.parametrize(
    ("text", "written", "day"),
    [
        ("3/9/2021", date(2021, 3, 9), date(2021, 3, 9)),
        ("09.03.2021", date(2021, 3, 10), date(2021, 3, 10)),
        ("20210309", date(2023, 1, 1), date(2021, 3, 9)),
        ("2021-03-09", None, date(2021, 3, 9)),
        ("3/19/2021", date(2023, 1, 1), date(2021, 3, 19)),
        ("3/9/2021", date(2023, 1, 1), None),
        ("", date(2021, 3, 9), date(2021, 3, 9)),
        ("soon", date(2021, 3, 9), None),
        ("", None, None),
    ],
)
def test_the_day_of_an_installation(text, written, day):
    assert installed_on(text, written) == day


def test_what_a_backup_of_the_hive_says_is_said_of_its_day_only():
    readings, _ = read(hive(software()), "C/Windows/System32/config/RegBack/SOFTWARE")
    assert {day for _, _, day, _ in readings} == {DAY}


@pytest.mark.parametrize("kind", [log, old_log])
def test_changes_in_the_transaction_log_count(kind):
    newer = {**SETUP, "MsiBuildMajor": 2242, "MsiBuildMinor": 4, "OwaVersion": "15.1.2242.4"}
    old = hive(software(), primary=6, secondary=5)
    new = hive(software(newer), primary=6, secondary=5)
    readings, gaps = read(old, near={"SOFTWARE.LOG1": kind(old, new, 5)})
    assert ("build", "15.1.2242.4", None, "cu") in readings
    assert ("build", "15.1.2176.2", None, "cu") not in readings
    assert gaps == []


@pytest.mark.parametrize("stale", ["absent", "older", "torn", "clean"])
def test_a_log_that_does_not_go_on_from_the_hive_is_not_applied(stale):
    newer = {**SETUP, "MsiBuildMajor": 2242}
    old = hive(software(), primary=5 if stale == "clean" else 6, secondary=5)
    new = hive(software(newer), primary=6, secondary=5)
    data = log(old, new, 4 if stale == "older" else 5)
    if stale == "torn":
        data = data[:700] + b"\xee" * 100 + data[800:]
    readings, gaps = read(old, near={} if stale == "absent" else {"SOFTWARE.LOG1": data})
    assert ("build", "15.1.2176.2", None, "cu") in readings
    assert ("build", "15.1.2242.2", None, "cu") not in readings
    assert [g.cause for g in gaps] == ([] if stale == "clean" else [Cause.DAMAGED])


def test_a_damaged_hive_is_a_gap():
    whole = hive(software())
    for data in (b"regf", b"regf" + bytes(8000), whole[:4096], whole[:36] + b"\xff\xff\xff\x7f" + whole[40:]):
        readings, gaps = read(data)
        assert readings == []
        assert Cause.DAMAGED in [g.cause for g in gaps]


def test_one_damaged_key_costs_only_itself():
    tree = software({}, Updates={"Exchange 2016": {f"KB500087{n}": {"PackageName": UPDATE} for n in range(5)}})
    data = bytearray(hive(tree))
    place = data.index(b"KB5000872")
    data[place - 76 : place - 74] = b"xx"
    readings, gaps = read(bytes(data))
    assert len(readings) == 4
    assert [(g.cause, g.count) for g in gaps] == [(Cause.DAMAGED, 1)]


def test_no_damage_raises():
    whole = hive(
        software(SETUP, Updates={"Exchange 2016": {"KB5000871": {"PackageName": UPDATE, "InstalledDate": "x"}}}), primary=6
    )
    near = {"SOFTWARE.LOG1": log(whole, whole, 5)}
    rnd = random.Random(8)
    for _ in range(1500):
        data = bytearray(whole[: rnd.randrange(len(whole) + 1)] if rnd.random() < 0.3 else whole)
        for _ in range(rnd.randrange(30) if data else 0):
            data[rnd.randrange(len(data))] = rnd.choice((0, 1, 0x7F, 0x80, 0xFF, rnd.randrange(256)))
        read(b"regf" + bytes(data[4:]), near=near)


def test_keys_that_list_themselves_end():
    data = bytearray(hive({"A": {"B": {}}}))
    place = data.index(b"lh")
    root = int.from_bytes(data[36:40], "little")
    data[place + 4 : place + 8] = root.to_bytes(4, "little")
    read(bytes(data))


@pytest.mark.parametrize(
    ("path", "own", "taken"),
    [
        (PATH, "", True),
        ("x/HKLM_SOFTWARE", "", True),
        ("x/SOFTWARE.hiv", "", True),
        ("x/hive1", "emRoot\\System32\\Config\\SYSTEM", True),
        ("x/NTUSER.DAT", "??\\C:\\Users\\x\\ntuser.dat", False),
        ("x/SAM", "\\SystemRoot\\System32\\Config\\SAM", False),
    ],
)
def test_which_hives_are_taken(path, own, taken):
    assert Hives().recognises(hive({}, name=own)[:4096], File("e", path)) is taken


def test_a_transaction_log_alone_says_nothing():
    assert read(hive(software()), PATH + ".LOG1") == ([], [])


def test_impossible_times_are_no_days():
    assert read(hive(software(), written=datetime(1701, 1, 1, tzinfo=UTC)))[0][0] == ("build", "15.1.2176.2", None, "cu")
