"""Any file: hashes in one pass, the size limit, served folders."""

import hashlib
import io
from datetime import UTC, datetime

from exhume.model import Cause, File, Gap, Record, Span
from exhume.readers.files import Files


def run(reader, data, file):
    generator = reader.read(io.BytesIO(data), file, None)
    out = []
    while True:
        try:
            out.append(next(generator))
        except StopIteration as stop:
            return [o for o in out if isinstance(o, Record)], [o for o in out if isinstance(o, Gap)], stop.value


def test_a_served_file_is_hashed_and_its_folder_counts_as_listed():
    data = b"x" * 3_000_001
    file = File(
        "e", "kape/C/inetpub/wwwroot/aspnet_client/A.JS", size=len(data), modified=datetime(2021, 3, 3, 6, 49, 53, tzinfo=UTC)
    )
    (record,), gaps, spans = run(Files(), data, file)
    assert record.kind == "file.entry"
    assert record.time is None
    assert record.fields == {
        "path": file.path,
        "windows_path": "C:\\inetpub\\wwwroot\\aspnet_client\\A.JS",
        "name": "A.JS",
        "extension": "js",
        "url": "/aspnet_client/a.js",
        "served": True,
        "size": 3_000_001,
        "sha256": hashlib.sha256(data).hexdigest(),
        "sha1": hashlib.sha1(data).hexdigest(),
        "md5": hashlib.md5(data).hexdigest(),
        "modified": "2021-03-03T06:49:53Z",
    }
    assert spans == [Span("web.folder", "/aspnet_client", "", "kape/C/inetpub/wwwroot/aspnet_client", records=1)]
    assert gaps == []


def test_a_file_in_the_root_of_the_site_stands_for_the_root_folder():
    _, gaps, spans = run(Files(), b"", File("e", "C/inetpub/wwwroot/iisstart.htm"))
    assert [s.channel for s in spans] == ["/"]
    assert gaps == []


def test_a_file_that_is_served_nowhere_gives_no_span():
    (record,), gaps, spans = run(Files(), b"", File("e", "C/Windows/Temp/x.dmp"))
    assert record.fields["served"] is False
    assert record.fields["url"] == ""
    assert spans == []
    assert gaps == []


def test_a_file_above_the_limit_is_listed_without_hashes_and_the_gap_says_so():
    for size in (11, None):
        (record,), gaps, _ = run(Files(hash_limit=10), b"x" * 11, File("e", "C/a.bin", size=size))
        assert "sha256" not in record.fields
        assert record.fields["size"] == 11
        assert [(g.cause, g.kind) for g in gaps] == [(Cause.LIMIT, "file.entry")]


def test_a_file_of_exactly_the_limit_is_hashed():
    (record,), gaps, _ = run(Files(hash_limit=10), b"x" * 10, File("e", "C/a.bin", size=10))
    assert record.fields["md5"] == hashlib.md5(b"x" * 10).hexdigest()
    assert gaps == []


class Torn(io.BytesIO):
    def read(self, size=-1):
        if self.tell() >= 4:
            raise OSError("truncated member")
        return super().read(4)


def test_a_torn_archive_member_is_listed_without_hashes():
    reader, file = Files(), File("e", "C/a.bin", size=100)
    out = list(reader.read(Torn(b"x" * 100), file, None))
    assert "sha256" not in out[0].fields
    assert out[0].fields["size"] == 100
    assert [(g.cause, g.source.at) for g in out[1:]] == [(Cause.UNREADABLE, "byte 4")]


def test_the_opener_is_passed_on():
    def opener():
        raise OSError

    (record,), gaps, _ = run(Files(), b"", File("e", "C/a.bin", opener=opener))
    assert record.opener is opener
    assert gaps == []
