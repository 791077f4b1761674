"""Compiled patterns kept between runs: used again when nothing changed, made anew when anything is not as it should be."""

import os

import pytest

from exhume.assess.kept import KEPT, kept


@pytest.fixture
def folder(tmp_path, monkeypatch):
    if os.name == "nt":
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "exhume" / "compiled"


def refuse():
    raise AssertionError("it was made again")


def test_what_was_made_once_is_used_again(folder):
    assert kept([b"a", b"b"], lambda: b"made") == b"made"
    assert kept([b"a", b"b"], refuse) == b"made"
    assert kept([b"ab"], lambda: b"other") == b"other", "the same bytes cut otherwise are something else"


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + b"X" + data[41:]])
def test_a_spoilt_file_is_made_anew(folder, spoil):
    content = bytes(range(100))
    kept([b"a"], lambda: content)
    (file,) = folder.iterdir()
    file.write_bytes(spoil(file.read_bytes()))
    assert kept([b"a"], lambda: content) == content
    assert kept([b"a"], refuse) == content


def test_few_files_are_kept(folder):
    for number in range(KEPT + 9):
        kept([b"%d" % number], lambda: b"x")
    assert len(list(folder.iterdir())) == KEPT


def test_what_is_used_is_not_among_the_oldest(folder):
    kept([b"a"], lambda: b"made")
    kept([b"b"], lambda: b"made")
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    assert kept([b"a"], refuse) == b"made"
    for number in range(KEPT - 1):
        kept([b"%d" % number], lambda: b"x")
    assert kept([b"a"], refuse) == b"made"
    assert kept([b"b"], lambda: b"again") == b"again"


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
def test_a_folder_that_others_may_write_to_is_not_used(folder):
    kept([b"a"], lambda: b"mine")
    folder.chmod(0o777)
    assert kept([b"a"], lambda: b"made") == b"made"


def test_a_folder_that_cannot_be_made_is_no_harm(folder):
    folder.parent.parent.joinpath("exhume").write_text("a file")
    assert kept([b"a"], lambda: b"made") == b"made"
