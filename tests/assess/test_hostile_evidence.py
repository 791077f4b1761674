"""Evidence that is broken, changes while it is read, or was built to mislead: through the whole pipeline, to the reports."""

import io
import os
import socket
import tarfile
import zipfile
from pathlib import Path

import pytest

from exhume.assess.run import Options, assess, assess_opened
from exhume.evidence import open_evidence
from exhume.model import Cause, Verdict
from exhume.reports import REPORTS
from hostile import nested, overlapping, patched, special, tarred, zipped
from pretend_server import AUTH, CLIENT, NOON, PERIOD, SESSION, V15, Server, assessed, on, shell, traces

ECP = V15 + "Logging/HttpProxy/Ecp/"


def written(folder, content):
    for path, data in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def attacked():
    return Server().proxy(NOON, SESSION, 241).content()


def quiet_and(result, cause, part):
    """The attack is still found; the gap has its cause; every report can be written."""
    assert "PL-855-d" in traces(result)
    assert [g for g in result.coverage.gaps if g.cause == cause and g.source and part in g.source.path], result.coverage.gaps
    for report in REPORTS:
        assert report.render(result)


TROUBLES = {
    "ppmd": (Cause.UNREADABLE, patched(zipped([("a.log", b"x" * 99), ("b.log", b"y")]), "a.log", method=98)),
    "zipcrypto": (Cause.UNREADABLE, patched(zipped([("a.log", b"x" * 99), ("b.log", b"y")]), "a.log", flags=1)),
    "aes": (Cause.UNREADABLE, patched(zipped([("a.log", b"x" * 99), ("b.log", b"y")]), "a.log", method=99, flags=1)),
    "cut zip": (Cause.DAMAGED, zipped([("a.log", os.urandom(9999))])[:5000]),
    "cut gz": (Cause.DAMAGED, tarred([("a.log", os.urandom(9999))], mode="w:gz")[:5000]),
    "cut xz": (Cause.DAMAGED, tarred([("a.log", os.urandom(9999))], mode="w:xz")[:5000]),
    "cut bz2": (Cause.DAMAGED, tarred([("a.log", os.urandom(9999))], mode="w:bz2")[:5000]),
    "cut tar": (Cause.DAMAGED, tarred([("a.log", os.urandom(9999))])[:5000]),
    "shared bytes": (Cause.LIMIT, overlapping(300, 10 << 20)),
    "nested": (Cause.LIMIT, nested(3, 6)),
    "link": (Cause.SKIPPED, tarred([(special("l", tarfile.SYMTYPE, "/etc/passwd"), b"")])),
    "device": (Cause.SKIPPED, tarred([(special("l", tarfile.CHRTYPE), b"")])),
    "7-zip": (Cause.UNREADABLE, b"7z\xbc\xaf\x27\x1c" + bytes(9000)),
}


def test_archives_in_trouble_beside_good_logs():
    troubles = {f"C/{name}.zip": data for name, (_, data) in TROUBLES.items()}
    result = assessed(attacked() | troubles)
    for name, (cause, _) in TROUBLES.items():
        quiet_and(result, cause, f"C/{name}.zip")
    alone = assessed(troubles)
    assert alone.verdict == Verdict.CANNOT_TELL
    assert {g.cause for g in alone.coverage.gaps} >= {Cause.UNREADABLE, Cause.DAMAGED, Cause.LIMIT, Cause.SKIPPED}


@pytest.mark.parametrize("name", ["aes", "cut zip", "cut bz2", "cut tar"])
def test_nobody_knows_what_was_in_an_archive_that_cannot_be_read_whatever_its_name(name):
    server = Server().content()
    data = TROUBLES[name][1]
    given = assessed(server | {"upload": data + (bytes(5000) if name == "aes" else b"")})
    assert on("proxylogon", given).verdict == Verdict.CANNOT_TELL


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_pipes_sockets_and_loops_never_block(tmp_path):
    written(tmp_path, attacked())
    os.mkfifo(tmp_path / "C/inetpub/logs/LogFiles/W3SVC1/u_ex210399.log")
    os.mkfifo(tmp_path / "pipe.zip")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tmp_path)  # such a name may have 100 characters only
    try:
        listener.bind("socket.evtx")
    finally:
        os.chdir(here)
    (tmp_path / "C/round").symlink_to(tmp_path / "C", target_is_directory=True)
    (tmp_path / "C/nowhere.log").symlink_to(tmp_path / "nowhere")
    result = assess(tmp_path, options=Options(period=PERIOD, jobs=1))
    listener.close()
    for part in ("u_ex210399.log", "pipe.zip", "socket.evtx", "C/round", "C/nowhere.log"):
        quiet_and(result, Cause.SKIPPED, part)


def test_files_that_vanish_or_shrink_or_become_something_else_while_they_are_read(tmp_path):
    written(tmp_path, attacked() | {"C/old.zip": zipped([("a.log", b"x" * 5000)])})
    evidence = open_evidence([tmp_path])
    assert list(evidence.files())
    (tmp_path / ECP / "HttpProxy_2021030100-1.LOG").unlink()
    shrunk = tmp_path / ECP / "HttpProxy_2021030200-1.LOG"
    os.truncate(shrunk, shrunk.stat().st_size // 2)
    (tmp_path / "C/old.zip").write_bytes(b"")
    swapped = tmp_path / "C/inetpub/logs/LogFiles/W3SVC1/u_ex210301.log"
    swapped.unlink()
    if os.name != "nt":
        os.mkfifo(swapped)
    result = assess_opened(evidence, options=Options(period=PERIOD, jobs=2))
    quiet_and(result, Cause.UNREADABLE, "HttpProxy_2021030100")
    quiet_and(result, Cause.DAMAGED, "HttpProxy_2021030200")
    quiet_and(result, Cause.UNREADABLE, "u_ex210301")
    quiet_and(result, Cause.DAMAGED, "C/old.zip")


@pytest.mark.parametrize("wrap", [zipped, tarred], ids=["zip", "tar"])
def test_names_that_collide_or_mislead(wrap):
    content = attacked()
    log = next(path for path in content if "HttpProxy_2021030300" in path)
    names = (
        f"../../{log}", f"/{log}", f"C:\\{log[2:]}".replace("/", "\\"), log, log, log.upper(), "con", "nul.log", "a\x00b.log", "\udcff.log",
        "d/" * 150 + "x.log", CLIENT.upper() + "X.ASPX", "C:/inetpub/wwwroot/aspnet_client/y.aspx", "=1+1.log", "\x1b[31m.log",
    )  # fmt: skip
    if wrap is zipped:
        names = tuple(n for n in names if "\udcff" not in n)
    files = [(name, shell() if name.lower().endswith("aspx") else content[log]) for name in names]
    result = assessed({"e.zip": wrap(files)})
    assert {"PL-855-d", "WS-y-eval"} <= traces(result)
    assert not [g for g in result.coverage.gaps if g.cause in (Cause.DAMAGED, Cause.UNREADABLE, Cause.LIMIT)]
    assert sum(s.records for s in result.coverage.spans if s.kind == "exchange.httpproxy") >= 25 * 12
    for report in REPORTS:
        assert report.render(result)


@pytest.mark.skipif(os.name == "nt", reason="links, pipes, rights and names as only POSIX has them")
def test_a_name_that_is_not_unicode_goes_through_to_the_reports(tmp_path):
    folder = written(tmp_path, attacked())
    try:
        with open(os.fsencode(folder / CLIENT) + b"/\xff\xfe.aspx", "wb") as odd:
            odd.write(shell())
    except OSError:
        pytest.skip("this file system wants names in Unicode")
    result = assess(folder, options=Options(period=PERIOD, jobs=1))
    assert {"PL-855-d", "WS-y-eval"} <= traces(result)
    for report in REPORTS:
        assert report.render(result)


def test_a_tar_with_very_many_members_ends():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
        for n in range(3000):
            archive.addfile(tarfile.TarInfo(f"C/Users/x/{n}"))
        for path, data in attacked().items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    result = assessed({"t.tgz": out.getvalue()})
    assert "PL-855-d" in traces(result)


def test_empty_web_folders_were_looked_at_and_folders_that_did_not_come_were_not(tmp_path):
    content = Server(folders=False).content()
    written(tmp_path, content)
    for folder in (AUTH, CLIENT + "system_web/4_0_30319"):
        (tmp_path / folder).mkdir(parents=True)
    assert on("webshell", assess(tmp_path, options=Options(period=PERIOD, jobs=1))).verdict == Verdict.NO_TRACE
    assert on("webshell", assessed(content)).verdict == Verdict.CANNOT_TELL
    deeper = content | {AUTH + "x.png": b"x", CLIENT + "system_web/4_0_30319/x.js": b"//"}
    assert on("webshell", assessed(deeper)).verdict == Verdict.NO_TRACE, "a file below shows that the folder above was listed"


def test_a_document_is_no_archive_and_is_looked_at_as_a_file():
    office = zipped([("[Content_Types].xml", b"<x/>"), ("word/document.xml", shell())], zipfile.ZIP_STORED)
    result = assessed(attacked() | {"C/Users/x/letter.docx": office})
    assert not [p for s in result.coverage.spans if "letter.docx!" in (p := s.path)]
    quiet_and(result, Cause.SKIPPED, "letter.docx")


def test_of_a_collection_whose_upload_broke_off_the_attack_is_found_and_nothing_is_cleared():
    content = dict(sorted(attacked().items(), key=lambda item: "HttpProxy" not in item[0]))
    whole = zipped(content.items())
    torn = assessed({"ex01.zip": whole[: whole.index(b"PK\x01\x02") - 20]})
    quiet_and(torn, Cause.DAMAGED, "ex01.zip")
    calm = zipped(Server().content().items())
    assert on("proxylogon", assessed({"ex01.zip": calm})).verdict == Verdict.NO_TRACE
    upload = assessed({"ex01.zip": calm[: calm.index(b"PK\x01\x02") - 20]})
    of_the_time = ("cve-2020-0688", "proxylogon", "webshell")
    assert {on(campaign, upload).verdict for campaign in of_the_time} == {Verdict.CANNOT_TELL}
