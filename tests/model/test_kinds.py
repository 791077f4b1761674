"""One table of endings that a web server runs."""

import re
from pathlib import Path

import pytest

import exhume
from exhume.model.kinds import SERVER_SIDE, WEB_FILES, ending, server_side

SOURCE = Path(exhume.__file__).parent


@pytest.mark.parametrize(
    ("name", "is_"),
    [
        ("x.aspx", "aspx"), ("X.ASPX", "aspx"), ("x.aspx. ", "aspx"), ("x.aspx::$DATA", "aspx"), ("x", ""), (".config", "config"),
        ("x.aspx.req", "aspx"), ("x.cshtm.REQ", "cshtm"), ("x.req", "req"), ("mail.txt.req", "req"), ("x.aspx.txt", "txt"),
    ],
)  # fmt: skip
def test_the_ending_as_windows_takes_it(name, is_):
    assert ending(name) == is_


def test_pages_are_told_by_path_and_url():
    assert server_side("C:\\inetpub\\wwwroot\\a.VBHTML")
    assert server_side("/owa/auth/a.aspx")
    assert not server_side("/owa/a.aspx/b.js")
    assert not server_side("/web.config")


def test_settings_are_read_as_web_files_and_are_no_pages():
    assert {"config"} == WEB_FILES - SERVER_SIDE


def test_there_is_no_second_table():
    """Whoever needs the endings takes them from here: two lists drift apart."""
    named = re.compile(r"frozenset\(\s*\(?\{?\s*[\"']aspx[\"']")
    found = [p.name for p in SOURCE.rglob("*.py") if named.search(p.read_text(encoding="utf-8"))]
    assert sorted(found) == ["kinds.py", "names.py"]  # the other one tells names of files from names of hosts
