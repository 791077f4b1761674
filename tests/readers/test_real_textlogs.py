"""Real public logs: all read, nothing called damaged."""

import io

from exhume.model import File, Gap, Record
from exhume.readers.exchange import Exchange
from exhume.readers.httperr import HttpErr
from exhume.readers.iis import Iis

READERS = (Iis(), HttpErr(), Exchange())


def read_all(folder):
    records, gaps = [], []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        file = File("e", path.relative_to(folder).as_posix())
        (reader,) = (r for r in READERS if r.recognises(data[:4096], file))
        out = list(reader.read(io.BytesIO(data), file, None))
        records += [x for x in out if isinstance(x, Record)]
        gaps += [x for x in out if isinstance(x, Gap)]
    return records, gaps


def test_real_exchange_2016_logs(real_data):
    records, gaps = read_all(real_data / "exchange2016-real-benign")
    assert {r.kind for r in records} == {
        "exchange.httpproxy",
        "exchange.ecp-activity",
        "exchange.ews",
        "exchange.audit",
        "exchange.messagetracking",
    }
    assert {r.channel for r in records if r.kind == "exchange.httpproxy"} == {"Autodiscover", "Eas", "Ews", "Mapi", "RpcHttp"}
    assert all(r.time for r in records)
    assert gaps == []


def test_real_iis_logs(real_data):
    records, gaps = read_all(real_data / "iis-plaso")
    assert len(records) == 47
    assert all(r.time and r.fields["sc-status"].isdigit() for r in records)
    assert gaps == []
