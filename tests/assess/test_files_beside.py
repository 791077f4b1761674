"""What the evidence says of the server's build comes through the whole scan, whatever the evidence lies in."""

import io
import tarfile
import zipfile
from datetime import date

import pytest

from exhume.assess.run import Options, assess
from hive_bytes import hive, log

CONFIG = "C/Windows/System32/config/"


def setup(build):
    values = {"MsiProductMajor": 15, "MsiProductMinor": 1, "MsiBuildMajor": build, "MsiBuildMinor": 2}
    return hive({"Microsoft": {"ExchangeServer": {"v15": {"Setup": values}}}}, primary=6, secondary=5)


def hives():
    old, new = setup(2176), setup(2242)
    return {CONFIG + "SOFTWARE": old, CONFIG + "software.log1": log(old, new, 5), "C/other.txt": b"x"}


def folder(place, files):
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def zipped(place, files):
    with zipfile.ZipFile(place / "e.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return place / "e.zip"


def tarred(place, files):
    with tarfile.open(place / "e.tar.gz", "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return place / "e.tar.gz"


@pytest.mark.parametrize(("pack", "jobs"), [(folder, 2), (zipped, 1), (tarred, 1)])
def test_the_transaction_log_beside_a_hive_is_found(tmp_path, pack, jobs):
    result = assess(pack(tmp_path, hives()), options=Options(jobs=jobs))
    builds = {(r.value, r.day) for r in result.readings if r.what == "build"}
    assert builds == {("15.1.2242.2", None), ("15.1.2242.2", date(2021, 3, 9))}
    assert not [g for g in result.coverage.gaps if "registry" in g.detail]


def test_without_its_transaction_log_a_hive_is_read_with_a_gap(tmp_path):
    files = {name: data for name, data in hives().items() if not name.endswith("log1")}
    result = assess(folder(tmp_path, files), options=Options(jobs=1))
    assert {r.value for r in result.readings if r.what == "build"} == {"15.1.2176.2"}
    assert [g.detail for g in result.coverage.gaps if "registry" in g.detail]


def test_the_name_and_clock_of_the_server_come_from_its_registry(tmp_path):
    control = {"ComputerName": {"ComputerName": {"ComputerName": "ex01"}}, "TimeZoneInformation": {"TimeZoneKeyName": "UTC"}}
    system = hive({"Select": {"Current": 1}, "ControlSet001": {"Control": control}}, name="SYSTEM")
    host = assess(folder(tmp_path, {CONFIG + "SYSTEM": system}), options=Options(jobs=1)).host
    assert (host.name, host.time_zone) == ("EX01", "UTC")
