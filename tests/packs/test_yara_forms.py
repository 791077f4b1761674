"""The YARA rules of the shipped packs tell what a page does: letter case and encoding of the page change nothing."""

from __future__ import annotations

import contextlib
import io
from functools import cache

import pytest

from exhume.detectors.yara import Yara
from exhume.model import Case, Finding, Host, Record, Source
from exhume.packs import cases, shipped

ANCHORED = (
    "WS-y-picture",
    "WS-y-pst",
    "WS-y-csr",
    "WS-y-compiled",
    "WS-y-encoded",
    "WS-y-name",
    "RW-y-dearcry-file",
    "RW-y-dearcry",
)
"""Told by bytes at a place, by a program's own letters or by words in several code pages: neither holds for them."""
FORMS = [
    case
    for pack in shipped()
    for case in cases(pack)
    if case.content is not None and case.must_hit and case.rule not in ANCHORED
]


@cache
def detector() -> Yara:
    return Yara.from_packs(shipped(), Host())


def traces(case: Case, content: bytes) -> set[str]:
    record = Record(
        case.kind, None, {"extension": "aspx", **case.fields}, Source("e", "x.aspx", "file"), "web",
        opener=lambda: contextlib.closing(io.BytesIO(content)),
    )  # fmt: skip
    return {found.trace for found in detector().detect(record) if isinstance(found, Finding)}


def name(case: Case) -> str:
    return f"{case.rule}: {case.why}"


def test_the_rules_compile() -> None:
    assert detector().problems == ()
    assert len(FORMS) > 40


@pytest.mark.parametrize("case", FORMS, ids=name)
def test_letter_case_changes_nothing(case: Case) -> None:
    assert case.content is not None
    assert case.rule in traces(case, case.content.replace(rb"\u", rb"\x00").lower().replace(rb"\x00", rb"\u"))


@pytest.mark.parametrize("case", FORMS, ids=name)
def test_a_page_in_utf_16_is_told_as_well(case: Case) -> None:
    assert case.content is not None
    assert case.rule in traces(case, b"\xff\xfe" + case.content.decode("latin-1").encode("utf-16-le"))


@pytest.mark.parametrize("case", FORMS, ids=name)
def test_the_same_words_without_server_side_code_say_nothing(case: Case) -> None:
    """A text about web shells, a log line, a signature of another tool: no page."""
    assert case.content is not None
    if b"<%" in case.content:
        words = case.content
        for mark in (b"<%", b"runat", b"<script"):
            words = words.replace(mark, b"..")
        assert case.rule not in traces(case, words)


@pytest.mark.parametrize("ending", ["yar", "yml", "ps1", "log", "json"])
def test_the_rules_of_a_responder_and_the_logs_of_a_tool_are_no_web_shells(ending: str) -> None:
    """Whoever looks for web shells on the server leaves files with the same words there."""
    content = b"\n".join(case.content or b"" for case in FORMS)
    path = rf"C:\Tools\rules.{ending}"
    record = Record(
        "file.entry", None, {"extension": ending, "windows_path": path}, Source("e", f"C/Tools/rules.{ending}", "file"), "files",
        opener=lambda: contextlib.closing(io.BytesIO(content)),
    )  # fmt: skip
    assert list(detector().detect(record)) == []


@pytest.mark.parametrize("ending", ["html", "htm", "mht", "eml"])
def test_a_saved_page_or_mail_that_describes_a_web_shell_is_none(ending: str) -> None:
    """A blog kept on the server's desktop: nothing runs files of these endings as pages."""
    (case,) = (c for c in FORMS if c.rule == "WS-y-oab")
    assert case.content is not None

    def told(path: str) -> set[str]:
        record = Record(
            "file.entry", None, {"extension": path.rpartition(".")[2]}, Source("e", path, "file"), "files",
            opener=lambda: contextlib.closing(io.BytesIO(case.content or b"")),
        )  # fmt: skip
        return {found.trace for found in detector().detect(record) if isinstance(found, Finding)}

    assert told("C/Users/anna/Desktop/note.txt")
    assert not told(f"C/Users/anna/Desktop/note.{ending}")
