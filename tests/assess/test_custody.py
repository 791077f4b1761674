"""``--manifest``: the digest of every file and of what was given, the same however it was packed, sliced or read."""

import hashlib
import json
import tarfile
import zipfile

import pytest

from exhume.assess import tasks
from exhume.assess.run import Options, assess
from exhume.cli import main
from exhume.reports import Document, Markdown, load
from exhume.reports.html import Html
from exhume.reports.redact import redact
from pretend_server import CLIENT, NOON, Server, shell

MANIFEST = Options(jobs=1, manifest=True)


@pytest.fixture
def server():
    return (
        Server()
        .file(CLIENT + "abcdefgh.aspx", shell())
        .file("C/empty.bin", b"")
        .iis(NOON, "GET", "/aspnet_client/a.aspx")
        .content()
    )


def laid(content, folder):
    for path, data in content.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def digests(content, prefix=""):
    return {prefix + path: hashlib.sha256(data).hexdigest() for path, data in content.items()}


def test_every_file_of_a_folder_has_its_digest(server, tmp_path):
    result = assess(laid(server, tmp_path / "e"), options=MANIFEST)
    told = {f.path: f.sha256 for f in result.custody.files}
    assert told == digests(server)
    assert {f.path: f.size for f in result.custody.files} == {path: len(data) for path, data in server.items()}
    (given,) = result.custody.inputs
    lines = "".join(f"{told[path]}  {path}\n" for path in sorted(told))
    assert (given.name, given.kind, given.files) == ("e", "folder", len(server))
    assert given.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_it_changes_nothing_else_and_is_absent_without_it(server, tmp_path):
    place = laid(server, tmp_path / "e")
    plain, with_it = assess(place, options=Options(jobs=1)), assess(place, options=MANIFEST)
    assert plain.custody is None
    assert (plain.verdict, plain.findings) == (with_it.verdict, with_it.findings)
    assert plain.coverage.gaps == with_it.coverage.gaps


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_and_what_lies_in_it(kind, server, tmp_path):
    place = tmp_path / f"e.{kind}"
    folder = laid(server, tmp_path / "e")
    if kind == "zip":
        with zipfile.ZipFile(place, "w") as archive:
            for path in server:
                archive.write(folder / path, path)
    else:
        with tarfile.open(place, "w:gz") as archive:
            for path in server:
                archive.add(folder / path, path)
    result = assess(place, options=MANIFEST)
    whole = hashlib.sha256(place.read_bytes()).hexdigest()
    assert {f.path: f.sha256 for f in result.custody.files} == {place.name: whole, **digests(server, f"{place.name}!/")}
    assert [(x.name, x.kind, x.sha256) for x in result.custody.inputs] == [(place.name, "file", whole)]


def test_a_log_in_slices_has_the_digest_of_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "WORTH", 20_000)
    server = Server()
    for minute in range(3000):
        server.iis(NOON.replace(minute=minute % 60, second=minute % 59), "GET", f"/owa/{minute}")
    log = {path: data for path, data in server.content().items() if "u_ex210303" in path}
    result = assess(laid(log, tmp_path / "e"), options=Options(jobs=2, manifest=True))
    assert {f.path: f.sha256 for f in result.custody.files} == digests(log)


def test_several_inputs_each_have_theirs(server, tmp_path):
    one = laid({"a/x.txt": b"1"}, tmp_path / "one")
    two = laid({"b/y.txt": b"2"}, tmp_path / "two")
    result = assess([one, two], options=MANIFEST)
    assert [(x.name, x.files) for x in result.custody.inputs] == [("one", 1), ("two", 1)]
    assert len({x.sha256 for x in result.custody.inputs}) == 2


def test_the_command_line_and_the_reports(server, tmp_path, capsys):
    place = laid(server, tmp_path / "e")
    assert main(["assess", str(place), "--out", str(tmp_path / "out"), "--manifest", "--jobs", "1"]) == 0
    stored = json.loads((tmp_path / "out/assessment.json").read_bytes())
    assert stored["custody"]["by"]
    assert stored["custody"]["begun"] <= stored["custody"]["ended"]
    result = load((tmp_path / "out/assessment.json").read_bytes())
    assert load(Document().render(result)) == result
    (given,) = result.custody.inputs
    for text in (
        (tmp_path / "out/report.html").read_text(),
        Html().render(result).decode(),
        Markdown().render(result).decode(),
    ):
        assert given.sha256 in text
    hidden = redact(result)
    assert hidden.custody is None
    assert given.sha256 not in Document().render(hidden).decode()
