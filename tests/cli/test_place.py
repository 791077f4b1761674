"""Where reports go: never over a stranger's files, never into the evidence, never through a link."""

import json

import pytest

from exhume.cli import main
from exhume.cli.place import claim, put
from exhume.cli.refused import Refused


def run(*words):
    try:
        return main([str(w) for w in words])
    except SystemExit as stop:
        return stop.code


@pytest.fixture
def evidence(tmp_path):
    folder = tmp_path / "collected"
    folder.mkdir()
    (folder / "note.txt").write_text("a file")
    return folder


def refused(capsys, *words):
    assert run(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["report.html", "timeline.csv", "letter.txt"])
@pytest.mark.parametrize("command", ["assess", "verify", "recheck", "report"])
def test_a_strangers_folder_is_refused(command, name, evidence, tmp_path, capsys):
    assert run("assess", evidence, "--out", tmp_path / "first", "--jobs", 1) == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / name).write_text("mine")
    capsys.readouterr()
    words = {
        "assess": [evidence, "--jobs", 1],
        "verify": [tmp_path / "first", evidence, "--jobs", 1],
        "recheck": [tmp_path / "first"],
        "report": [tmp_path / "first"],
    }[command]
    if command == "report" and name == "letter.txt":
        assert run(command, *words, "--out", other) == 0, "nothing would be written over"
        return
    assert str(other) in refused(capsys, command, *words, "--out", other)
    assert {p.name for p in other.iterdir()} == {name}
    assert run(command, *words, "--out", other, "--force") == 0
    assert (other / "report.html").read_bytes().startswith(b"<!")


def test_an_earlier_output_an_empty_folder_and_none_are_taken(evidence, tmp_path):
    for out in (tmp_path / "a/b/c", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        for _ in range(2):
            assert run("assess", evidence, "--out", out, "--jobs", 1) == 0
        assert {p.name for p in out.iterdir()} == {"assessment.json", "report.html", "timeline.csv"}


def test_what_a_killed_run_left_does_not_count(evidence, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.report.html.ab_3x9z1.part").write_text("half")
    claim(tmp_path / "out", [evidence])


def test_another_programs_assessment_is_not_ours(evidence, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/assessment.json").write_text('{"schema": "something else"}')
    assert "--force" in refused(capsys, "assess", evidence, "--out", tmp_path / "out", "--jobs", 1)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_nothing_is_written_into_the_evidence(force, evidence, capsys, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(evidence, target_is_directory=True)
    for out in (evidence, evidence / "out", evidence / "deep/out", link, link / "out"):
        assert "evidence" in refused(capsys, "assess", evidence, "--out", out, "--jobs", 1, *force)
    assert [p.name for p in evidence.iterdir()] == ["note.txt"]


def test_evidence_is_never_written_over(tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    page = out / "report.html"
    page.write_text("a page that was collected")
    assert "written over" in refused(capsys, "assess", page, "--out", out, "--jobs", 1, "--force")
    assert page.read_text() == "a page that was collected"


def test_links_are_replaced_not_followed(evidence, tmp_path):
    out, precious = tmp_path / "out", tmp_path / "precious"
    precious.write_text("kept")
    assert run("assess", evidence, "--out", out, "--jobs", 1) == 0
    for name in ("report.html", "timeline.csv"):
        (out / name).unlink()
        (out / name).symlink_to(precious)
        (out / f"{name}.part").symlink_to(precious)
    assert run("assess", evidence, "--out", out, "--jobs", 1) == 0
    assert precious.read_text() == "kept"
    assert not (out / "report.html").is_symlink()


def test_a_linked_assessment_does_not_open_the_folder(evidence, tmp_path, capsys):
    assert run("assess", evidence, "--out", tmp_path / "first", "--jobs", 1) == 0
    (tmp_path / "out").mkdir()
    (tmp_path / "out/assessment.json").symlink_to(tmp_path / "first/assessment.json")
    (tmp_path / "out/report.html").write_text("mine")
    capsys.readouterr()
    refused(capsys, "assess", evidence, "--out", tmp_path / "out", "--jobs", 1)


def test_verify_does_not_write_over_the_first_assessment(evidence, tmp_path, capsys):
    out = tmp_path / "first"
    assert run("assess", evidence, "--out", out, "--jobs", 1) == 0
    before = content(out)
    capsys.readouterr()
    assert "first assessment" in refused(capsys, "verify", out, evidence, "--out", out, "--jobs", 1)
    assert content(out) == before


def test_a_case_folder_with_another_page_is_refused(evidence, tmp_path, capsys):
    case = tmp_path / "case"
    for _ in range(2):
        assert run("assess", evidence, "--case", case, "--jobs", 1) == 0
    assert json.loads((case / "case.json").read_bytes())["schema"].startswith("exhume.case/")
    (case / "case.json").write_text("{}")
    (case / "case.html").write_text("mine")
    capsys.readouterr()
    assert "case" in refused(capsys, "assess", evidence, "--case", case, "--jobs", 1)
    assert (case / "case.html").read_text() == "mine"


def test_new_files_are_as_readable_as_others(tmp_path):
    (tmp_path / "other").write_text("")
    put([("a", b"1")], tmp_path)
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    def files():
        yield "a", b"1"
        raise OSError(28, "No space left")

    with pytest.raises(OSError, match="No space"):
        put(files(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_loop_of_links_is_one_line(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(Refused):
        claim(tmp_path / "a", [])
