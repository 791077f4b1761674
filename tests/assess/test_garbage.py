"""Hostile and broken evidence: no traceback, no hang, no "no trace"; what else was readable is still assessed."""

import io
import os
import random
import tarfile
import time
import zipfile

import pytest

from exhume.assess.run import Options, assess
from exhume.evidence.limits import EvidenceError
from exhume.model import Cause, Verdict
from pretend_server import AUTH, CLIENT, NOON, PERIOD, SESSION, V15, Server, assessed, on, shell, traces

LOG = "C/inetpub/logs/LogFiles/W3SVC1/u_ex210305.log"
NAMES = (
    LOG,
    V15 + "Logging/HttpProxy/Ecp/HttpProxy_2021030500-1.LOG",
    V15 + "Logging/ECP/Server/ECPServer20210305-1.LOG",
    "C/Windows/System32/winevt/Logs/MSExchange Management.evtx",
    "C/Windows/System32/inetsrv/config/applicationHost.config",
    V15 + "TransportRoles/Shared/agents.config",
    CLIENT + "x.aspx",
    "C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/owa/a/b/x.aspx.f5dba9b9.compiled",
    "C/Windows/debug/msert.log",
    "C/a.zip",
    "C/a.tar.gz",
    "C/a.zst",
    "noise.bin",
)
HEADS = {
    "random": b"",
    "iis": b"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time c-ip cs-method\r\n",
    "exchange": b"#Software: Microsoft Exchange Server\r\n#Log-type: HttpProxy Logs\r\n#Fields: DateTime,RequestId\r\n",
    "evtx": b"ElfFile\0",
    "zip": b"PK\x03\x04",
    "gzip": b"\x1f\x8b\x08\0",
    "xml": b"<?xml version='1.0'?><configuration>",
}


def attacked():
    return Server().proxy(NOON, SESSION, 241)


def nothing_worse_than_a_gap(extra):
    result = assessed(attacked().content() | extra)
    assert "PL-855-d" in traces(result), "what else was readable is still assessed"
    alone = assessed(extra)
    assert alone.verdict >= Verdict.CANNOT_TELL
    assert Verdict.NO_TRACE not in {on(c, alone).verdict for c in ("proxylogon", "webshell", "post-exploitation")}
    return alone


@pytest.mark.parametrize("head", sorted(HEADS))
def test_random_bytes_under_every_name(head):
    noise = random.Random(head)
    alone = nothing_worse_than_a_gap({name: HEADS[head] + noise.randbytes(40_000) for name in NAMES})
    assert len([g for g in alone.coverage.gaps if g.cause != Cause.ABSENT]) >= 10


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b"#", b"<", b"," * 5000, b"\0" * 100_000, b"A" * 1_000_000]
)
def test_small_and_monotonous_content_under_every_name(content):
    nothing_worse_than_a_gap(dict.fromkeys(NAMES, content))


def test_names_that_try_to_be_something_else():
    names = (
        "../../etc/passwd",
        "C:/x\x1b[31m.log",
        "a\nb.log",
        "=cmd.aspx",
        "con",
        "x" * 400 + ".aspx",
        "%00.log",
        "\u202egpj.aspx",
    )
    nothing_worse_than_a_gap(dict.fromkeys(names, b"2021-03-03 06:00:00 x\n"))


def test_one_endless_line(monkeypatch):
    head = HEADS["iis"]
    started = time.monotonic()
    nothing_worse_than_a_gap({LOG: head + b"2021-03-03 06:00:00 " + b"A" * 30_000_000})
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("zeros.bin", 5 << 30),
        (CLIENT + "x.aspx", 5 << 30),
        ("C/Windows/System32/winevt/Logs/Security.evtx", 300 << 20),
        (LOG, 300 << 20),
    ],
)
def test_a_huge_sparse_file_ends_soon_with_a_gap(tmp_path, name, size):
    """5 GB of zeros: 1 s as a page or nameless file, about 12 to 20 s as a log on a laptop (so the log is smaller here)."""
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        file.truncate(size)
    for path, data in attacked().content().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    started = time.monotonic()
    result = assess(tmp_path, options=Options(period=PERIOD, jobs=2))
    assert time.monotonic() - started < 60
    assert "PL-855-d" in traces(result)
    assert [
        g for g in result.coverage.gaps if g.source and g.source.path.endswith(name) and g.cause in (Cause.LIMIT, Cause.DAMAGED)
    ]


def bomb(kind):
    out = io.BytesIO()
    if kind == "zip":
        with (
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
            packed.open(LOG, "w", force_zip64=True) as inner,
        ):
            for _ in range(200):
                inner.write(bytes(1 << 20))
        return out.getvalue()
    if kind == "nested":
        data = bomb("zip")
        for level in range(8):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
                packed.writestr(f"{level}.zip", data)
            data = out.getvalue()
        return data
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for n in range(20):
            info = tarfile.TarInfo(f"{n}.log")
            info.size = 10 << 20
            packed.addfile(info, io.BytesIO(bytes(info.size)))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["zip", "nested", "tar"])
def test_archives_that_explode(kind):
    started = time.monotonic()
    alone = nothing_worse_than_a_gap({f"C/bomb.{'tar.gz' if kind == 'tar' else 'zip'}": bomb(kind)})
    assert time.monotonic() - started < 60
    if kind == "nested":
        assert [g for g in alone.coverage.gaps if g.cause == Cause.LIMIT and "nested" in g.detail]


@pytest.mark.parametrize("cut", [10, 0.5, 0.9])
def test_an_archive_that_ends_early(cut):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for path, data in Server().content().items():
            packed.writestr(path, data)
    data = out.getvalue()
    alone = nothing_worse_than_a_gap({"C/ex01.zip": data[: int(cut if cut > 1 else len(data) * cut)]})
    assert [g for g in alone.coverage.gaps if g.cause in (Cause.DAMAGED, Cause.UNREADABLE)]


def test_a_folder_without_permission(tmp_path, monkeypatch):
    """The tests may run as root, who reads everything: so the system call is what refuses."""
    for path, data in attacked().file(AUTH + "abcdefgh.aspx", shell()).content().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    real = os.scandir

    def scandir(place):
        if str(place).endswith("aspnet_client"):
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    result = assess(tmp_path, options=Options(period=PERIOD, jobs=1))
    assert {"PL-855-d", "WS-y-eval"} <= traces(result)
    (gap,) = (g for g in result.coverage.gaps if g.cause == Cause.UNREADABLE)
    assert "aspnet_client" in gap.source.path
    assert "Permission denied" in gap.detail


def test_an_unreadable_folder_blocks_no_trace(tmp_path, monkeypatch):
    for path, data in Server().content().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / V15 / "FrontEnd/HttpProxy/owa/auth/15.1.1").mkdir()
    real = os.scandir

    def scandir(place):
        if str(place).endswith("15.1.1"):
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    assert on("webshell", assess(tmp_path, options=Options(period=PERIOD, jobs=1))).verdict == Verdict.CANNOT_TELL


@pytest.mark.skipif(os.name == "nt", reason="links, pipes, rights and names as only POSIX has them")
def test_links_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    (tmp_path / "evidence").mkdir()
    outside.mkdir()
    (outside / "abcdefgh.aspx").write_bytes(shell())
    try:
        (tmp_path / "evidence" / "aspnet_client").symlink_to(outside, target_is_directory=True)
        (tmp_path / "evidence" / "loop").symlink_to(tmp_path / "evidence", target_is_directory=True)
    except OSError:
        pytest.skip("this system lets no links be made")
    result = assess(tmp_path / "evidence", options=Options(jobs=1))
    assert result.findings == ()
    assert len([g for g in result.coverage.gaps if g.cause == Cause.SKIPPED and "link" in g.detail]) == 2


def test_nothing_there_is_an_error_of_one_line(tmp_path):
    with pytest.raises(EvidenceError) as refused:
        assess(tmp_path / "nothing")
    assert "\n" not in str(refused.value)


def test_gaps_tell_nothing_that_the_evidence_says():
    mark = "SECRETMARK"
    noise = {name: HEADS["iis"] + f"2021-03-03 {mark} \x1b[31m{mark}\n".encode() * 5 for name in NAMES}
    result = assessed(noise)
    assert [g.detail for g in result.coverage.gaps if mark in g.detail or not g.detail.isprintable()] == []


def test_a_stretch_of_zeros_inside_a_log_blocks_no_trace_and_space_not_yet_written_does_not():
    content = Server().content()
    (path,) = [p for p in content if "HttpProxy/Ecp" in p][:1]
    middle = content[path].index(b"\n", len(content[path]) // 2) + 1
    ended = assessed(content | {path: content[path] + b"\0" * 65536})
    assert on("proxylogon", ended).verdict == Verdict.NO_TRACE
    broken = assessed(content | {path: content[path][:middle] + b"\0" * 65536 + b"\r\n" + content[path][middle:]})
    assert on("proxylogon", broken).verdict == Verdict.CANNOT_TELL
    assert any(g.cause is Cause.DAMAGED and g.count > 200 for g in broken.coverage.gaps)
