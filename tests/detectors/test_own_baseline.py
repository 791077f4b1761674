"""A baseline of one's own: made from a clean install folder, used as a pack; changed pages are told line by line."""

import io
import json
import pickle
import zipfile
from contextlib import closing

import pytest

from exhume.assess.recheck import recheck
from exhume.cli import main
from exhume.detectors import products
from exhume.detectors.baseline import Baseline
from exhume.model import Host, Record, Severity, Source
from exhume.packs import load
from pretend_server import AUTH, V15, assessed, shell

LOGON = (
    b"\r\n".join([b'<%@ Page Language="C#" %>', b"<html>", b'<img src="logo.png" />', b"<form>", b"</form>", b"</html>"])
    + b"\r\n"
)
OTHER = LOGON.replace(b"<html>", b'<html lang="en">').replace(b"</form>", b"<hr />\r\n<hr />\r\n</form>")
BRANDED = LOGON.replace(b"logo.png", b"town-hall.png").replace(b"<form>", b'<form>\r\n  <div id="captcha"></div>')
PAGE = "FrontEnd/HttpProxy/owa/auth/logon.aspx"


def install(folder, page=LOGON, **more):
    files = {
        PAGE: page,
        "FrontEnd/HttpProxy/owa/web.config": b"<configuration />",
        "Bin/tool.dll": b"MZ",
        "Readme.aspx": b"x",
    } | more
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def own(tmp_path, capsys):
    """The folder of a baseline with two releases."""
    out = tmp_path / "own"
    for release, page in (("2019-CU14", LOGON), ("2019-CU15", OTHER)):
        folder = install(tmp_path / "Exchange" / release, page)
        assert main(["baseline", "add", str(folder), "--release", release, "--to", str(out)]) == 0
    assert "files of other folders were left out" in capsys.readouterr().out
    return out


def look(own, page, path=PAGE):
    detector = Baseline.from_packs([load(own)], Host())
    detector = pickle.loads(pickle.dumps(detector))
    place = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\" + path.replace("/", "\\")
    fields = {"windows_path": place, "extension": "aspx", "sha256": "f" * 64, "url": "/owa/auth/" + path.rpartition("/")[2]}
    record = Record("web.file", None, fields, Source("e", path, "file"), opener=lambda: closing(io.BytesIO(page)))
    return list(detector.detect(record))


def test_a_changed_page_is_told_line_by_line_against_the_nearest_release(own):
    (found,) = look(own, BRANDED)
    assert (found.rule, found.severity) == ("baseline.modified", Severity.LOW)
    told = {(b.field, b.value, b.test) for b in found.because}
    assert ("line 3", '<img src="town-hall.png" />', "not in the page of 2019-CU14") in told
    assert ("line 5", '<div id="captcha"></div>', "not in the page of 2019-CU14") in told
    assert ("content", '<img src="logo.png" />', "a line of the page of 2019-CU14 that is gone") in told
    assert not any("2019-CU15" in b.test for b in found.because)


def test_other_line_ends_alone_are_told_as_that(own):
    (found,) = look(own, LOGON.replace(b"\r\n", b"\n").replace(b"<form>", b"   <form>"))
    assert any(b.value.startswith("only spaces") for b in found.because)


def test_many_changes_are_counted(own):
    (found,) = look(own, LOGON + b"".join(b"<p>%d</p>\n" % n for n in range(500)))
    assert any(b.value == "494 more lines" for b in found.because)
    assert len(found.because) < 20


def test_a_page_made_to_be_slow_to_compare_is_not_slow(own):
    page = b"a\nb\n" * 200_000
    (found,) = look(own, page)
    assert any("more lines" in b.value for b in found.because)
    (found,) = look(own, page * 8)
    assert not any("more lines" in b.value for b in found.because), "too large to compare"


def test_files_of_the_baseline_are_exchanges_own_in_a_whole_assessment(own):
    content = {V15 + PAGE: LOGON, AUTH + "other.aspx": OTHER}
    before = {f.rule for f in assessed(content).singles}
    assert before >= {"baseline.unknown-page", "baseline.modified"}
    result = assessed(content, packs=(load(own),))
    assert not result.findings
    assert any(pack.name == "own" for pack in result.tool.packs), "the report names the baseline"
    assert not any(answer.campaign == "own" for answer in result.answers), "it is no campaign"


def test_a_branded_page_is_modified_and_a_shell_in_it_is_still_a_shell(own):
    branded = assessed({V15 + PAGE: BRANDED}, packs=(load(own),))
    assert {(f.rule, f.severity) for f in branded.singles} == {("baseline.modified", Severity.LOW)}
    planted = assessed({V15 + PAGE: LOGON + shell()}, packs=(load(own),))
    assert {f.rule for f in planted.singles} > {"baseline.modified"}
    assert any(f.severity == Severity.CRITICAL for f in planted.findings)


def test_adding_again_adds_nothing_and_keeps_what_was_there(own, tmp_path, capsys):
    before = (own / "baseline.csv").read_text("utf-8")
    assert main(["baseline", "add", str(tmp_path / "Exchange" / "2019-CU14"), "--release", "2019-CU14", "--to", str(own)]) == 0
    assert "0 of them new" in capsys.readouterr().out
    assert (own / "baseline.csv").read_text("utf-8") == before
    with zipfile.ZipFile(own / "pages.zip") as archive:
        assert len(archive.namelist()) == len(set(archive.namelist())) == 2


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        ({"setup.exe": b"MZ"}, ["--release", "x"], "media must be unpacked"),
        ({PAGE: LOGON}, [], "--release"),
        ({PAGE: LOGON}, ["--release", "a b"], "named with letters"),
        (None, ["--release", "x"], "is no folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path, capsys, files, options, words):
    for path, data in (files or {}).items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(data)
    assert main(["baseline", "add", str(tmp_path / "in"), *options, "--to", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["baseline.csv", "pages.zip"])
def test_something_else_under_its_name_is_left_alone(tmp_path, capsys, name):
    folder, out = install(tmp_path / "Exchange"), tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine\n", "utf-8")
    assert main(["baseline", "add", str(folder), "--release", "x", "--to", str(out)]) == 2
    assert (out / name).read_text("utf-8") == "mine\n"
    assert "is there and is no" in capsys.readouterr().err


def test_the_release_is_read_from_exsetup_when_it_is_there(tmp_path, capsys, monkeypatch):
    folder = install(tmp_path / "Exchange", **{"Bin/ExSetup.exe": b"MZ"})
    monkeypatch.setattr("exhume.readers.pe.file_version", lambda stream: (15, 2, 1544, 9))
    assert main(["baseline", "add", str(folder), "--to", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("15.2.1544.9: ")
    rows = (tmp_path / "out/baseline.csv").read_text("utf-8").splitlines()
    assert all(row.endswith(",15.2.1544.9") for row in rows[1:])


@pytest.mark.parametrize("damage", [lambda data: data[:-30], lambda data: b"", lambda data: b"x" * 500])
def test_damaged_page_texts_cost_only_the_lines(own, damage):
    (own / "pages.zip").write_bytes(damage((own / "pages.zip").read_bytes()))
    (found,) = look(own, BRANDED)
    assert found.rule == "baseline.modified"


def test_a_page_that_claims_more_than_the_archive_holds_costs_only_the_lines(own):
    with zipfile.ZipFile(own / "pages.zip") as archive:
        pages = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(own / "pages.zip", "w", zipfile.ZIP_STORED) as archive:
        for name, page in pages.items():
            archive.writestr(name, page)
    data = bytearray((own / "pages.zip").read_bytes())
    place = data.find(b"PK\x01\x02")
    while place >= 0:
        data[place + 20 : place + 28] = (500_000).to_bytes(4, "little") * 2
        place = data.find(b"PK\x01\x02", place + 4)
    (own / "pages.zip").write_bytes(data)
    (found,) = look(own, BRANDED)
    assert found.rule == "baseline.modified"


def test_a_list_that_is_no_list_is_no_harm(own):
    rows = (own / "baseline.csv").read_text("utf-8")
    (own / "baseline.csv").write_text(rows + "a\n,,\nx,y,z\n" + '"', "utf-8")
    assert not products([load(own)])("y")
    assert json.dumps(sorted(load(own).of("baseline")[0].name))


def test_a_recheck_with_the_baseline_withdraws_what_was_said_of_its_files(own):
    before = assessed({AUTH + "other.aspx": OTHER})
    assert before.findings
    result = recheck(before, "ab", (load(own),))
    assert not result.findings
    assert {w.finding.id for w in result.recheck.withdrawn} == {f.id for f in before.singles}
