"""Trees of every container, built at run time."""

import gzip
import io
import os
import pickle
import random
import tarfile
import warnings
import zipfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from exhume.evidence import EvidenceError, Limits, from_memory, open_evidence
from exhume.model import Cause, File, Gap


def zipped(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1614816000
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def split(evidence):
    listed = list(evidence.files())
    return {f.path: f for f in listed if isinstance(f, File)}, [g for g in listed if isinstance(g, Gap)]


def read(evidence, path):
    with evidence.open(path) as stream:
        return stream.read()


def test_archives_in_archives_are_one_tree():
    inner = tarred([("Ecp/a.LOG", b"alpha"), ("Ecp/b.LOG", b"beta")])
    evidence = from_memory({"outer.zip": zipped([("logs/inner.tar.gz", inner), ("x.docx", zipped([("y", b"1")]))])})
    files, gaps = split(evidence)
    assert list(files) == [
        "outer.zip", "outer.zip!/logs/inner.tar.gz", "outer.zip!/logs/inner.tar.gz!/Ecp/a.LOG",
        "outer.zip!/logs/inner.tar.gz!/Ecp/b.LOG", "outer.zip!/x.docx",
    ]  # fmt: skip
    assert gaps == []
    for _ in range(2):
        assert read(evidence, "outer.zip!/logs/inner.tar.gz!/Ecp/b.LOG") == b"beta"
        assert read(evidence, "outer.zip!/logs/inner.tar.gz!/Ecp/a.LOG") == b"alpha"
    assert tuple(p for p in files if "tar.gz!/" in p) in evidence.batches()
    with files["outer.zip!/logs/inner.tar.gz!/Ecp/a.LOG"].opener() as stream:
        assert stream.read() == b"alpha"


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:xz", "w:bz2"])
def test_tars_survive_pickling(tmp_path, mode):
    name = "t.tar" if mode == "w:" else "t.tar." + mode[2:]
    (tmp_path / name).write_bytes(tarred([(f"f{n}", b"x" * n) for n in range(1, 30)], mode))
    evidence = open_evidence([tmp_path / name])
    again = pickle.loads(pickle.dumps(evidence))
    assert again.digest == evidence.digest
    files, gaps = split(again)
    assert gaps == []
    for n in (1, 2, 29, 3):
        assert len(read(again, f"{name}!/f{n}")) == n
    assert len(files) == 30


def test_truncated_gz_gives_what_is_there_then_raises():
    data = os.urandom(3_000_000)
    evidence = from_memory({"u.log.gz": gzip.compress(data)[:2_000_000]})
    blocks = []
    with evidence.open("u.log.gz!/u.log") as stream, pytest.raises(EvidenceError) as caught:
        blocks.extend(iter(lambda: stream.read(100_000), b""))
    got = b"".join(blocks)
    assert caught.value.cause == Cause.DAMAGED
    assert len(got) > 1_500_000
    assert data.startswith(got)


def test_truncated_tar_gz_keeps_the_members_before_the_break():
    whole = tarred([("a", os.urandom(50_000)), ("b", os.urandom(500_000)), ("c", b"1")])
    evidence = from_memory({"t.tar.gz": whole[:200_000]})
    files, gaps = split(evidence)
    assert [g.cause for g in gaps] == [Cause.DAMAGED]
    assert len(read(evidence, "t.tar.gz!/a")) == 50_000
    assert "t.tar.gz!/c" not in files
    with pytest.raises(EvidenceError):
        read(evidence, "t.tar.gz!/b")


def test_names_are_text_and_duplicates_are_told_apart():
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped([("../../etc/x", b"1"), ("C\\inetpub\\y.aspx", b"2"), ("/abs", b"3"), ("abs", b"4"), ("abs", b"5")])
    evidence = from_memory({"z.zip": data})
    files, gaps = split(evidence)
    assert gaps == []
    assert {p: read(evidence, p) for p in files if "!/" in p} == {
        "z.zip!/etc/x": b"1", "z.zip!/C/inetpub/y.aspx": b"2", "z.zip!/abs": b"3", "z.zip!/abs (2)": b"4", "z.zip!/abs (3)": b"5",
    }  # fmt: skip
    assert files["z.zip!/C/inetpub/y.aspx"].windows == "C:\\inetpub\\y.aspx"


def test_bombs_and_depth_are_limits_and_the_rest_is_listed():
    small = Limits(ratio_from_bytes=1000, max_ratio=50, max_depth=2)
    bomb = bytes(10_000_000)
    nested = zipped([("a.zip", zipped([("b.zip", zipped([("c", b"1")]))]))])
    evidence = from_memory(
        {"b.zip": zipped([("zeros", bomb), ("ok", b"1")]), "n.zip": nested, "g.gz": gzip.compress(bomb)}, limits=small
    )
    files, gaps = split(evidence)
    assert [g.cause for g in gaps] == [Cause.LIMIT, Cause.LIMIT]
    assert "b.zip!/ok" in files
    with pytest.raises(EvidenceError) as caught:
        read(evidence, "g.gz!/g")
    assert caught.value.cause == Cause.LIMIT


def test_encrypted_and_cut_zips_are_gaps():
    data = bytearray(zipped([("secret", b"s" * 50), ("open", b"o")]))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    evidence = from_memory({"e.zip": bytes(data), "cut.zip": bytes(data[:-30])})
    files, gaps = split(evidence)
    assert [(g.cause, g.source.path) for g in gaps] == [(Cause.UNREADABLE, "e.zip!/secret")]  # cut.zip: in its directory
    assert read(evidence, "e.zip!/open") == read(evidence, "cut.zip!/open") == b"o"
    assert {"cut.zip", "cut.zip!/secret"} <= set(files)


@pytest.mark.skipif(os.name == "nt", reason="links, pipes, rights and names as only POSIX has them")
def test_folder_with_links_pipes_and_odd_names(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "d" / "a.log").write_bytes(b"x")
    with open(os.fsencode(tmp_path) + b"/\xff.log", "wb") as odd:
        odd.write(b"odd")
    evidence = open_evidence([tmp_path])
    files, gaps = split(evidence)
    assert sorted(files) == ["%FF.log", "d/a.log"]
    assert {(g.cause, g.source.path) for g in gaps} == {(Cause.SKIPPED, "d/loop"), (Cause.SKIPPED, "pipe")}
    assert read(evidence, "%FF.log") == b"odd"
    assert len(evidence.digest) == 64


def test_several_arguments_do_not_clash(tmp_path):
    for side in ("one", "two"):
        (tmp_path / side / "same").mkdir(parents=True)
        (tmp_path / side / "same" / "f").write_text(side)
    evidence = open_evidence([tmp_path / "one" / "same", tmp_path / "two" / "same"])
    assert {p: read(evidence, p) for p in split(evidence)[0]} == {"same/f": b"one", "same (2)/f": b"two"}
    with pytest.raises(EvidenceError):
        open_evidence([tmp_path / "nowhere"])


MAGICS = {
    ".zip": b"PK\x03\x04",
    ".gz": b"\x1f\x8b\x08",
    ".xz": b"\xfd7zXZ\x00",
    ".zst": b"\x28\xb5\x2f\xfd",
    ".bz2": b"BZh9",
    ".tar": b"x" * 257 + b"ustar",
}


@pytest.mark.parametrize("ending", MAGICS)
def test_garbage_behind_a_magic_raises_only_os_errors(ending):
    dice = random.Random(ending)
    for size in (0, 1, 50, 600, 5000):
        evidence = from_memory({f"g{ending}": MAGICS[ending] + dice.randbytes(size)})
        broken = len(split(evidence)[1])
        for path in split(evidence)[0]:
            try:
                read(evidence, path)
            except OSError:
                broken += 1
        assert broken


def test_zst_streams_frames_and_says_where_it_was_cut():
    data = random.Random(7).randbytes(400_000)
    frame = zstandard.ZstdCompressor().compress(data)
    evidence = from_memory(
        {"a.log.zst": frame + frame, "b.log.zst": frame[:200_000], "c.tar.zst": zstandard.compress(tarred([("m", b"1")], "w:"))}
    )
    assert read(evidence, "a.log.zst!/a.log") == data * 2
    with pytest.raises(EvidenceError) as caught:
        read(evidence, "b.log.zst!/b.log")
    assert caught.value.cause == Cause.DAMAGED
    assert read(evidence, "c.tar.zst!/m") == b"1"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
        min_size=1,
        max_size=8,
    )
)
def test_any_member_name_is_listed_once_and_readable(names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = zipped([(f"n/{name}.log", str(n).encode()) for n, name in enumerate(names)])
    evidence = from_memory({"z.zip": data})
    inner = [p for p in split(evidence)[0] if p.startswith("z.zip!/")]
    assert sorted(read(evidence, p) for p in inner) == sorted(str(n).encode() for n in range(len(names)))
    assert all(".." not in p.split("/") and p.count("!/") == 1 for p in inner)


def test_members_that_overlap_are_refused():
    data = bytearray(zipped([("a", b"1" * 100), ("b", b"2" * 100)], zipfile.ZIP_STORED))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = (0).to_bytes(4, "little")
    _, gaps = split(from_memory({"o.zip": bytes(data)}))
    assert [g.cause for g in gaps] == [Cause.LIMIT]


@pytest.mark.skipif(os.name == "nt", reason="links, pipes, rights and names as only POSIX has them")
def test_a_link_given_by_the_user_is_followed_and_a_folder_that_cannot_be_listed_is_a_gap(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    (tmp_path / "real.log").write_bytes(b"row")
    (tmp_path / "link.log").symlink_to(tmp_path / "real.log")
    linked = open_evidence([tmp_path / "link.log"])
    assert [read(linked, p) for p in split(linked)[0]] == [b"row"]
    plain = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return plain(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files, gaps = split(open_evidence([tmp_path]))
    assert "real.log" in files
    assert (Cause.UNREADABLE, "locked") in {(g.cause, g.source.path) for g in gaps}


def test_a_compressed_tar_and_what_lies_in_it_is_one_portion():
    inner = zipped([("in.log", b"deep")])
    evidence = from_memory({"t.tar.gz": tarred([("a", b"1"), ("n.zip", inner), ("z", b"2")])})
    files, gaps = split(evidence)
    assert gaps == []
    assert evidence.batches() == [("t.tar.gz",), tuple(p for p in files if "!/" in p)]
    assert [read(evidence, p) for p in evidence.batches()[1]] == [b"1", inner, b"deep", b"2"]


def test_folders_are_told_even_when_nothing_lies_in_them(tmp_path):
    (tmp_path / "C/inetpub/wwwroot/aspnet_client/system_web").mkdir(parents=True)
    archive = zipped([("D/empty/", b""), ("D/deep/er/a.log", b"x")])
    (tmp_path / "e.zip").write_bytes(archive)
    evidence = pickle.loads(pickle.dumps(open_evidence([tmp_path])))
    assert set(evidence.folders()) == {
        "C", "C/inetpub", "C/inetpub/wwwroot", "C/inetpub/wwwroot/aspnet_client", "C/inetpub/wwwroot/aspnet_client/system_web",
        "e.zip!", "e.zip!/D", "e.zip!/D/empty", "e.zip!/D/deep", "e.zip!/D/deep/er",
    }  # fmt: skip
    assert len(list(evidence.folders())) == 10
