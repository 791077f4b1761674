"""Microsoft's own clean Exchange 2016 configuration: every entry is known, none is damaged."""

import pytest

from exhume.model import File, Gap, Record
from exhume.readers.iisconfig import IisConfig


@pytest.fixture(scope="module")
def read(real_data):
    out = {}
    for path in sorted((real_data / "iisconfig-exchange2016").glob("*.config")):
        with path.open("rb") as stream:
            out[path.name] = list(IisConfig().read(stream, File("e", path.name), None))
    return out


def test_all_of_it_parses(read):
    assert len(read) == 23
    gaps = [o for told in read.values() for o in told if isinstance(o, Gap)]
    assert gaps == []


def test_every_entry_is_a_default(read):
    records = [o for told in read.values() for o in told if isinstance(o, Record)]
    assert [r.fields for r in records if not r.fields["default"]] == []
    counts = {
        s: sum(r.fields["section"] == s for r in records) for s in ("globalModules", "virtualDirectory", "isapiFilters", "site")
    }
    assert counts == {"globalModules": 33, "virtualDirectory": 34, "isapiFilters": 7, "site": 2}
