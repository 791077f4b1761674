"""Files whose hash tells the release, and those whose hash tells nothing."""

import pytest

from exhume.model import File
from exhume.readers.content import rows
from exhume.readers.releases import release_readings

ROOT = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"


def told(path, sha256):
    return [(r.what, r.value, r.day, r.trust) for r in release_readings(File("e", "x"), ROOT + path, sha256)]


def hash_of(path, release):
    return next(r["sha256"] for r in rows("baseline.csv") if r["path"] == path and release in r["releases"].split())


@pytest.mark.parametrize(
    ("release", "build"),
    [("2016-CU12", "15.1.1713"), ("2016-CU19", "15.1.2176"), ("2019-RTM", "15.2.221"), ("2019-CU8", "15.2.792")],
)
def test_a_numbered_file_tells_the_release(release, build):
    path = "clientaccess/ecp/web.config"
    assert told("ClientAccess\\ecp\\web.config", hash_of(path, release)) == [("build", build, None, "hint")]


def test_other_hashes_and_other_files_tell_nothing():
    assert told("ClientAccess\\ecp\\web.config", "0" * 64) == []
    assert told("ClientAccess\\ecp\\web.config", "") == []
    assert told("FrontEnd\\HttpProxy\\owa\\web.config", hash_of("clientaccess/ecp/web.config", "2016-CU19")) == []
