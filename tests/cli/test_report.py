"""``exhume report``: formats, redaction and marks from the command line."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from cli.test_commands import refused, run
from exhume.cli.report import FORMATS, TLP
from exhume.model import Tlp
from exhume.reports import REPORTS, Document, load
from reports import owner


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "assessment.json").write_bytes(Document().render(owner.assessment()))
    return folder


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_the_formats_of_the_command_are_those_of_the_program() -> None:
    assert sorted(FORMATS) == sorted(r.name for r in REPORTS)
    assert [f"TLP:{t.upper()}" for t in TLP] == list(Tlp)
    assert len({r.filename for r in REPORTS}) == len(REPORTS)


def test_the_usual_formats(stored: Path, tmp_path: Path) -> None:
    assert run("report", stored, "--out", tmp_path / "out") == 0
    assert names(tmp_path / "out") == {"assessment.json", "report.html", "timeline.csv", "findings.csv"}


@pytest.mark.parametrize("words", [["--format", "stix,misp"], ["--format", "stix", "--format", "MISP"]])
def test_chosen_formats(stored: Path, tmp_path: Path, words: list[str]) -> None:
    assert run("report", stored, *words, "--out", tmp_path / "out") == 0
    assert names(tmp_path / "out") == {"stix.json", "misp.json"}


def test_all_formats(stored: Path, tmp_path: Path) -> None:
    assert run("report", stored, "--format", "all", "--out", tmp_path / "out") == 0
    assert names(tmp_path / "out") == {r.filename for r in REPORTS}


def test_an_unknown_format_is_refused(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", stored, "--format", "docx") == 2
    assert "'docx' is no format; there are html" in capsys.readouterr().err
    assert names(stored) == {"assessment.json"}


def test_redacted_goes_to_its_own_folder(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = hashlib.sha256((stored / "assessment.json").read_bytes()).digest()
    assert run("report", stored, "--redact", "--tlp", "amber+strict", "--format", "all") == 0
    assert hashlib.sha256((stored / "assessment.json").read_bytes()).digest() == before
    assert names(stored) == {"assessment.json", "redacted"}
    done = load((stored / "redacted" / "assessment.json").read_bytes())
    assert (done.tlp, done.redacted[:9]) == (Tlp.AMBER_STRICT, "Redacted:")
    out = capsys.readouterr().out
    assert out.startswith("TLP:AMBER+STRICT\nhost-")
    for path in (stored / "redacted").iterdir():
        text = path.read_bytes().decode("utf-8", "replace").lower()
        assert not [s for s in owner.SECRETS if s.lower() in text], path.name
    assert not [s for s in owner.SECRETS if s.lower() in out.lower()]


def test_redacted_is_not_written_over_the_full_one(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "not written over" in refused(capsys, "report", stored, "--redact", "--out", stored)[0]
    assert names(stored) == {"assessment.json"}


def test_redact_all_replaces_the_attacker_too(stored: Path, tmp_path: Path) -> None:
    assert run("report", stored, "--redact", "--format", "json,stix", "--out", tmp_path / "a") == 0
    assert run("report", stored, "--redact-all", "--format", "json,stix", "--out", tmp_path / "b") == 0
    assert owner.ATTACKER in (tmp_path / "a" / "stix.json").read_text()
    for name in ("stix.json", "assessment.json"):
        assert owner.ATTACKER not in (tmp_path / "b" / name).read_text()


def test_the_file_that_was_read_is_never_changed(stored: Path) -> None:
    data = (stored / "assessment.json").read_bytes()
    assert run("report", stored, "--tlp", "red") == 0
    assert (stored / "assessment.json").read_bytes() == data
    assert "TLP:RED" in (stored / "report.html").read_text()


def test_an_unknown_label_is_refused(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", stored, "--tlp", "white") == 2
    assert "amber+strict" in capsys.readouterr().err


def test_without_typst_the_pdf_is_refused_in_one_line(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.delitem(sys.modules, "exhume.reports.pdf.page", raising=False)
    lines = refused(capsys, "report", stored, "--format", "pdf", "--out", tmp_path / "out")
    assert lines == ["exhume: report.pdf needs the package typst: pip install 'exhume[pdf]'"]
    assert not (tmp_path / "out").exists()
    assert run("report", stored, "--format", "all", "--out", tmp_path / "out") == 0
    assert names(tmp_path / "out") == {r.filename for r in REPORTS} - {"report.pdf"}
    assert capsys.readouterr().err == lines[0] + "\n"


def test_a_marked_assessment_stays_marked(stored: Path, tmp_path: Path) -> None:
    run("report", stored, "--tlp", "green", "--format", "json", "--out", tmp_path / "a")
    run("report", tmp_path / "a", "--format", "misp", "--out", tmp_path / "b")
    tags = [t["name"] for t in json.loads((tmp_path / "b" / "misp.json").read_bytes())["Event"]["Tag"]]
    assert "tlp:green" in tags
