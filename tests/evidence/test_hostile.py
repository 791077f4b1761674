"""What a tree says of broken and hostile archives: the right cause, and all the rest."""

import bz2
import gzip
import lzma
import tarfile
import time
import zipfile

import pytest
import zstandard

from exhume.evidence import EvidenceError, Limits, from_memory, open_evidence
from exhume.model import Cause, File, Gap
from hostile import endless_name, nested, overlapping, patched, special, tarred, v7, zipped

ROW = b"2021-03-03 06:00:00 row\r\n"


def split(evidence):
    listed = list(evidence.files())
    return {f.path: f for f in listed if isinstance(f, File)}, [g for g in listed if isinstance(g, Gap)]


def read(evidence, path):
    with evidence.open(path) as stream:
        return stream.read()


def causes(gaps):
    return [(str(g.cause), g.source.path) for g in gaps]


INNER = zipped([("a.log", ROW)])
ARCHIVES = {
    "zip": zipped([("d/a.log", ROW * 300)]),
    "tar": tarred([("d/a.log", ROW * 300)], tarfile.USTAR_FORMAT),
    "tar v7": v7([("d/a.log", ROW * 300)]),
    "tar pax": tarred([("d/" + "ü" * 120 + "/a.log", ROW * 300)]),
    "tar.gz": tarred([("d/a.log", ROW * 300)], mode="w:gz") + bytes(4096),
    "tar.xz": tarred([("d/a.log", ROW * 300)], mode="w:xz") + bytes(4096),
    "tar.bz2": tarred([("d/a.log", ROW * 300)], mode="w:bz2") + bytes(0),
    "tar.zst": zstandard.compress(tarred([("d/a.log", ROW * 300)])),
}


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize("name", ["evidence", "evidence.bin", "evidence.log", "evidence.gz"])
def test_an_archive_given_directly_is_entered_whatever_its_name(tmp_path, kind, name):
    (tmp_path / name).write_bytes(ARCHIVES[kind])
    evidence = open_evidence([tmp_path / name])
    files, gaps = split(evidence)
    inner = [p for p in files if p.startswith(f"{name}!/d/") and p.endswith("/a.log")]
    assert [len(read(evidence, p)) for p in inner] == [len(ROW) * 300], gaps


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zst"])
def test_one_compressed_file_given_directly_is_entered_whatever_its_name(tmp_path, kind):
    pack = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstandard.compress}[kind]
    (tmp_path / "u_ex210303.log").write_bytes(pack(ROW))
    evidence = open_evidence([tmp_path / "u_ex210303.log"])
    assert [read(evidence, p) for p in split(evidence)[0] if "!/" in p] == [ROW]


def test_archives_without_their_ending_are_entered_in_folders_too_and_documents_are_not():
    big = zipped([("a.log", ROW * 400)], zipfile.ZIP_STORED)
    office = zipped([("[Content_Types].xml", b"<x/>" * 2000), ("word/document.xml", b"<y/>")], zipfile.ZIP_STORED)
    content = {
        "upload-4711": big, "x.bak": big, "y.old": v7([("b.log", ROW * 200)]), "z.gz": gzip.compress(ROW),
        "report.docx": big, "app.jar": big, "nameless-document": office, "page.aspx": big, "tiny": INNER,
    }  # fmt: skip
    files, gaps = split(from_memory(content))
    assert gaps == []
    assert {p for p in files if "!/" in p} == {"upload-4711!/a.log", "x.bak!/a.log", "y.old!/b.log", "z.gz!/z"}


def test_a_log_that_only_its_name_calls_an_archive_is_a_log():
    files, gaps = split(from_memory({"u_ex210303.log.gz": ROW * 10, "zeros.zip": bytes(5000), "empty.tar": b""}))
    assert causes(gaps) == [("DAMAGED", "empty.tar"), ("DAMAGED", "zeros.zip")]
    assert len(files) == 3


def test_foreign_archives_are_named():
    _files, gaps = split(
        from_memory({"a.7z": b"7z\xbc\xaf\x27\x1c" + bytes(9000), "b.rar": b"Rar!\x1a\x07\x01\x00" + bytes(9000)})
    )
    assert [g.cause for g in gaps] == [Cause.UNREADABLE] * 2
    assert "7-Zip cannot be read here: unpack it first" in gaps[0].detail


def test_zip64_by_number_and_by_size(monkeypatch):
    many = zipped([(f"{n}.log", b"") for n in range(66_000)], zipfile.ZIP_STORED)
    assert b"PK\x06\x06" in many
    assert len(split(from_memory({"many.zip": many}))[0]) == 66_001
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # every size and place goes to the zip64 fields
    sized = zipped([("a.log", ROW * 100), ("b.log", ROW * 50)])
    monkeypatch.undo()
    evidence = from_memory({"sized.zip": sized})
    _files, gaps = split(evidence)
    assert gaps == []
    assert [len(read(evidence, f"sized.zip!/{n}.log")) for n in "ab"] == [len(ROW) * 100, len(ROW) * 50]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": 98}, "not supported"),
        ({"flags": 1}, "encrypted"),
        ({"method": 99, "flags": 1}, "encrypted"),
        ({"method": 95}, "not supported"),
    ],
    ids=["ppmd", "zipcrypto", "aes", "xz in zip"],
)
def test_members_that_cannot_be_decoded_are_unreadable_and_the_others_are_read(change, words):
    evidence = from_memory({"z.zip": patched(zipped([("big.log", ROW * 9), ("a.log", ROW)]), "big.log", **change)})
    _files, gaps = split(evidence)
    assert causes(gaps) == [("UNREADABLE", "z.zip!/big.log")]
    assert words in gaps[0].detail
    assert read(evidence, "z.zip!/a.log") == ROW


@pytest.mark.parametrize("kind", [k for k in ARCHIVES if k != "zip"])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_cut_archive_is_told(kind, share):
    data = ARCHIVES[kind].rstrip(b"\0")
    evidence = from_memory({f"t.{kind.split()[0]}": data[: int(len(data) * share)]})
    files, gaps = split(evidence)
    broken = [g.cause for g in gaps]
    for path in files:
        try:
            read(evidence, path)
        except EvidenceError as error:
            broken.append(error.cause)
    assert Cause.DAMAGED in broken


def test_a_tar_that_ends_between_two_members_is_told():
    whole = tarred([("a.log", ROW * 300), ("b.log", ROW)], tarfile.USTAR_FORMAT)
    evidence = from_memory({"t.tar": whole[: 512 + len(ROW) * 300 + -len(ROW) * 300 % 512]})
    _files, gaps = split(evidence)
    assert causes(gaps) == [("DAMAGED", "t.tar")]
    assert len(read(evidence, "t.tar!/a.log")) == len(ROW) * 300


def test_a_damaged_header_in_a_tar_is_told():
    data = bytearray(tarred([("a.log", ROW), ("b.log", ROW), ("c.log", ROW)], tarfile.USTAR_FORMAT))
    data[1024 + 10] ^= 1
    evidence = from_memory({"t.tar": bytes(data)})
    _files, gaps = split(evidence)
    assert causes(gaps) == [("DAMAGED", "t.tar")]
    assert read(evidence, "t.tar!/a.log") == ROW


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w:", "w:gz"])
def test_odd_names_in_tars(kind, mode):
    names = ["d" * 90 + "/" + "e" * 300 + ".log", "\udcff\udcfe.log", "../../up.log", "/etc/abs.log", "C:/inetpub/wwwroot/x.aspx", "con",
             "same.log", "same.log", "Same.LOG", "new\nline.log", "ends!/x.log"]  # fmt: skip
    evidence = from_memory({"t.tar": tarred([(name, str(n).encode()) for n, name in enumerate(names)], kind, mode)})
    files, gaps = split(evidence)
    assert gaps == []
    inner = [p for p in files if "!/" in p]
    assert [read(evidence, p) for p in inner] == [str(n).encode() for n in range(len(names))]
    assert [p.removeprefix("t.tar!/") for p in inner if "same" in p.lower()] == ["same.log", "same.log (2)", "Same.LOG"]
    assert all(".." not in p.split("/") and p.count("!/") == 1 for p in inner)
    assert files["t.tar!/C:/inetpub/wwwroot/x.aspx"].windows == "C:\\inetpub\\wwwroot\\x.aspx"


@pytest.mark.parametrize("mode", ["w:", "w:gz"])
def test_links_and_devices_in_tars_are_skipped_and_told(mode):
    kinds = {"s": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE, "f": tarfile.FIFOTYPE}
    entries = [(special(name, kind, "/etc/passwd"), b"") for name, kind in kinds.items()]
    evidence = from_memory({"t.tar": tarred([*entries, ("a.log", ROW)], mode=mode)})
    _files, gaps = split(evidence)
    assert {(g.cause, g.source.path) for g in gaps} == {(Cause.SKIPPED, f"t.tar!/{name}") for name in kinds}
    assert read(evidence, "t.tar!/a.log") == ROW


def test_equal_names_by_the_ten_thousand_take_no_time():
    started = time.process_time()
    files, _gaps = split(from_memory({"z.zip": zipped([("same.log", b"")] * 20_000, zipfile.ZIP_STORED)}))
    assert time.process_time() - started < 20
    assert len(files) == 20_001


def test_members_that_share_their_bytes_are_refused():
    data = overlapping(5000, 10 << 20)
    evidence = from_memory({"bomb.zip": data})
    files, gaps = split(evidence)
    assert [g.cause for g in gaps] == [Cause.LIMIT] * 4999
    assert len(files) == 2


def test_archives_in_archives_end_at_a_depth():
    _files, gaps = split(from_memory({"n.zip": nested(4, 6)}))
    assert {g.cause for g in gaps} == {Cause.LIMIT}
    assert len(gaps) == 4**4
    assert "nested too deeply" in gaps[0].detail


@pytest.mark.parametrize("mode", ["", "gz"])
def test_a_tar_that_asks_for_all_memory_is_damaged(mode):
    started = time.process_time()
    _, gaps = split(from_memory({"t.tar": endless_name(mode)}))
    assert causes(gaps) == [("DAMAGED", "t.tar")]
    assert time.process_time() - started < 10


def test_a_sparse_member_cannot_be_a_bomb():
    info = special("hole.log", tarfile.REGTYPE)
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "hole.log", "GNU.sparse.size": str(8 << 30), "GNU.sparse.map": f"{(8 << 30) - 512},512"}  # fmt: skip
    evidence = from_memory({"t.tar": tarred([(info, b"x" * 512), ("a.log", ROW)])})
    files, _gaps = split(evidence)
    assert files["t.tar!/hole.log"].size == 8 << 30
    with evidence.open("t.tar!/hole.log") as stream, pytest.raises(EvidenceError) as caught:
        list(iter(lambda: stream.read(1 << 20), b""))
    assert caught.value.cause == Cause.LIMIT
    assert read(evidence, "t.tar!/a.log") == ROW


@pytest.mark.parametrize("pack", [lzma.compress, bz2.compress, zstandard.compress], ids=["xz", "bz2", "zst"])
def test_a_compressed_tar_cannot_expand_without_end(pack):
    zeros = tarred([("zeros.log", bytes(90 << 20)), ("a.log", ROW)])
    _, gaps = split(from_memory({"t.tar": pack(zeros), "u.tar": tarred([("a.log", ROW)])}))
    assert causes(gaps) == [("LIMIT", "t.tar")]


def test_single_compressed_files_count_towards_the_limit_of_all():
    content = {f"{n}.log.gz": gzip.compress(ROW * 1000) for n in range(4)}
    evidence = from_memory(content, limits=Limits(max_total_bytes=len(ROW) * 2500))
    assert len(read(evidence, "0.log.gz!/0.log")) == len(ROW) * 1000
    assert len(read(evidence, "0.log.gz!/0.log")) == len(ROW) * 1000, "read again, it is not counted again"
    assert len(read(evidence, "1.log.gz!/1.log")) == len(ROW) * 1000
    with pytest.raises(EvidenceError) as caught:
        read(evidence, "2.log.gz!/2.log")
    assert caught.value.cause == Cause.LIMIT


def test_gzip_by_both_libraries(monkeypatch):
    import zlib

    from exhume.evidence import gz

    data = ROW * 100_000
    packed = gzip.compress(data[:1_000_000]) + gzip.compress(data[1_000_000:], 0) + bytes(700)
    broken = bytearray(packed)
    broken[len(gzip.compress(data[:1_000_000])) // 2] ^= 0xFF
    for _ in range(2):
        evidence = from_memory({"a.gz": packed, "b.gz": bytes(broken), "c.gz": packed[:-900], "d.gz": packed + b"and more"})
        assert read(evidence, "a.gz!/a") == data
        for name in "bcd":
            with pytest.raises(EvidenceError) as caught:
                read(evidence, f"{name}.gz!/{name}")
            assert caught.value.cause == Cause.DAMAGED
        monkeypatch.setattr(gz, "_engine", lambda: (zlib, zlib.error))


def test_a_compressed_tar_is_unpacked_once_however_many_archives_it_holds(monkeypatch):
    from exhume.evidence import gz

    begun = []
    real = gz.GzipStream.__init__
    monkeypatch.setattr(gz.GzipStream, "__init__", lambda self, source: (begun.append(1), real(self, source))[1])
    inner = [(f"{n}.zip", zipped([(f"{n}.log", str(n).encode())])) for n in range(40)]
    evidence = from_memory({"t.tar.gz": tarred(inner, mode="w:gz")})
    _, gaps = split(evidence)
    assert gaps == []
    listing = len(begun)
    (_, portion) = evidence.batches()
    texts = [read(evidence, path) for path in portion]
    assert [text for text in texts if len(text) < 3] == [str(n).encode() for n in range(40)]
    assert (listing, len(begun) - listing) == (2, 1), "to recognise it, to list it, to read it"


def test_a_zip_whose_directory_would_fill_the_memory_is_refused(monkeypatch):
    from exhume.evidence import zipped as room

    data = zipped([(f"{n}.log", b"") for n in range(100)])
    assert len(split(from_memory({"z.zip": data}))[0]) == 101
    monkeypatch.setattr(room, "_DIRECTORY", 4000)
    files, gaps = split(from_memory({"z.zip": data, "y.zip": zipped([("a.log", ROW)])}))
    assert causes(gaps) == [("LIMIT", "z.zip")]
    assert "y.zip!/a.log" in files
