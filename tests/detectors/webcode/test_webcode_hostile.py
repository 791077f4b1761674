"""Pages made to break the analysis: slow, deep, torn, random. Always an answer, and a Gap where not all was looked at."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_pages import EV, EX, PROC, REQ, look, record

from exhume.detectors.webcode import Limits, WebCode
from exhume.model import Cause, Finding, Gap, Record, Source

N = 30_000
CS = '<%@ Page Language="C#"%><% ' + PROC + ".Start("
DEEP = {
    "brackets": (f"<%{EV} " + "(" * N, "asp"),
    "squares": (CS + "[" * N, "aspx"),
    "braces": (CS + "{" * N, "aspx"),
    "conditions": (CS + "a?b:" * N, "aspx"),
    "casts": (CS + "(a)" * N, "aspx"),
    "functions": (f'<%@ Page Language="JScript"%><% {EV}(' + "function(){" * N, "aspx"),
    "patterns": (CS + "=/[a" * N, "aspx"),
    "assignments": (CS + "x);" + "a=" * N + "1; %>", "aspx"),
}
LONG = {
    "joined": (f'<%{EV} "a"' + '&"b"' * N + "%>", "asp"),
    "dots": (CS + "x" + ".y" * N + "); %>", "aspx"),
    "signs": (CS + "-" * N + "1); %>", "aspx"),
    "less": (CS + "a<" * N + "x); %>", "aspx"),
    "marks": ("<%" * N, "asp"),
    "tags": (f"<%{EV} x%>" + "<a runat=server id=b " * N, "asp"),
    "quotes": (f"<%{EV} " + '"' * N + "%>", "asp"),
    "growing": (f"<%{EV} x\n" + 'x = x & "aaaa" & x\n' * 500 + "%>", "asp"),
    "number": (f"<%{EV} " + "9" * N + "%>", "asp"),
    "zeros": ("\0" * N, "asp"),
    "razor": ("@{" * N, "cshtml"),
    "escapes": (CS + '"' + '\\"' * N + "\\", "aspx"),
    "letters": (CS + "'" + "\\'" * N + "\\", "aspx"),
    "marks apart": (f"<%{EV} x%>" + "runat=server " * N, "asp"),
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_nested_too_deeply_is_told(name):
    page, ending = DEEP[name]
    start = time.thread_time()
    gaps = [r for r in look(page, f"a.{ending}") if isinstance(r, Gap)]
    assert time.thread_time() - start < Limits().seconds  # reading it letter by letter is not stopped by the limit
    assert [(g.cause, "nested" in g.detail) for g in gaps] == [(Cause.LIMIT, True)]


@pytest.mark.parametrize("name", LONG)
def test_long_pages_are_followed_to_the_end(name):
    page, ending = LONG[name]
    start = time.thread_time()
    assert [r for r in look(page, f"a.{ending}") if isinstance(r, Gap)] == []
    assert time.thread_time() - start < Limits().seconds  # as above


def test_a_page_that_takes_too_long_is_a_gap_and_what_was_found_before_is_told():
    slow = f'<%{EX} {REQ}("a")\n' + "".join(f"a{i} = f(a{i + 1}, b) & a{i * 7 % 3000}\n" for i in range(3000)) + "%>"
    results = look(slow, "a.asp", Limits(seconds=0))
    assert [(r.cause, r.kind) for r in results if isinstance(r, Gap)] == [(Cause.LIMIT, "web.file")]


def test_a_page_that_is_too_large_is_a_gap():
    page = f'<%{EX} {REQ}("a")%>' + "x" * 1000
    results = look(page, "a.asp", Limits(bytes=200))
    assert [r.rule for r in results if isinstance(r, Finding)] == ["webcode.runs-code"]
    assert [r.detail for r in results if isinstance(r, Gap)] == [
        "only the first 0.000190735 MiB of this page's code were analysed"
    ]


def test_a_page_that_cannot_be_read_is_a_gap():
    def refused():
        raise PermissionError(13, "Permission denied")

    known = record("", "a.asp")
    unreadable = Record(known.kind, None, known.fields, Source("e", "a.asp", "file"), opener=refused)
    assert [(r.cause, r.detail) for r in WebCode().detect(unreadable) if isinstance(r, Gap)] == [
        (Cause.UNREADABLE, "the code of this page cannot be read (Permission denied)")
    ]


def test_only_pages_and_served_code_are_looked_at():
    page = f'class A {{ void B() {{ {PROC}.Start("x", {REQ}["c"]); }} }}'
    assert [f.rule for f in WebCode().detect(record(page, "a.cs", "file.entry")) if isinstance(f, Finding)] == [
        "webcode.runs-command"
    ]
    assert list(WebCode().detect(record(page, "a.cs", "file.entry", served=False))) == []
    assert list(WebCode().detect(record(f'<%{EX} {REQ}("a")%>', "a.bin", "file.entry"))) == []
    assert list(WebCode().detect(record(f"{EV}({REQ}.x)", "a.js", "file.entry"))) == []  # for browsers


PIECES = st.sampled_from(
    ["<%", "%>", "<%@ ", "Language=", "JScript", "VB", '"', "'", "(", ")", "[", "]", "{", "}", ";", "\n", ":", ",", ".", "=", "&", "+", "<", ">", "=>", "?", "new ", "function ", "Sub ", "End ", "If ", "Then ", "With ", "For ", "Each ", "In ", "return ", "x", "y", "9", "\\u0065", '$"', "@", REQ, EV, EX, PROC, ".Start", "CreateObject", "Chr", "Replace", "runat=server", "<script ", "</script>", "#@~^", "+AD", "\x00", "é", "“", "\u200b"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PIECES, max_size=60).map("".join), st.sampled_from(["asp", "aspx", "ashx", "cshtml", "cs", "vb", "svc", "txt", ""])
)
def test_any_pieces_give_an_answer(page, ending):
    for result in look(page, f"a.{ending}"):
        assert isinstance(result, Finding | Gap)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["asp", "aspx", "ashx"]))
def test_any_bytes_give_an_answer(data, ending):
    for result in look(f"<% {EV}(".encode() + data, f"a.{ending}"):
        assert isinstance(result, Finding | Gap)
