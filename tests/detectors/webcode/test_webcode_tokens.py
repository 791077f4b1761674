"""Tokens know where they stand, and code that breaks off anywhere is read to its end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_samples import SHELLS

from exhume.detectors.webcode.expressions import BEYOND, Expressions
from exhume.detectors.webcode.lexer import Token, c_tokens, vb_tokens
from exhume.detectors.webcode.page import read_page
from exhume.detectors.webcode.statements_c import CStatements
from exhume.detectors.webcode.statements_vb import VbStatements
from exhume.detectors.webcode.tree import Program

PIECES = [
    *"ab_9²Ⅷé０ \t\n\r\x0b\x85\u00a0\u3000\u200b\"'“”″‘\\/*$@#[](){}<>!-=+&|?:;,.%^~`",
    "\\u0065", "rem", "//", "/*", "*/", "<!--", "-->", '"""', '$"', '@"', '$@"', "#region", "&h1F", "(&17", "#1/2/2003#",
    "0x1f", "1e5", ":=", "::", "??=", "?.",
]  # fmt: skip


@pytest.mark.parametrize("read", [c_tokens, vb_tokens])
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_a_token_stands_where_it_says(read, code):
    tokens = read(code, 5)
    places = [t.at - 5 for t in tokens]
    assert places == sorted(places)
    for token, at in zip(tokens, places, strict=True):
        # what stands for the holes of a text is made, and is where the text begins
        if token.kind in ("number", "line", "op") and code[at] not in "$@":
            assert code.startswith(token.value, at)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("a²b Ⅷ é_1", ["a2b", "viii", "é_1"]),
        ("$a @b c$d e\\u0066g", ["$a", "b", "c$d", "efg"]),
        ("x\u200by", ["xy"]),
    ],
)
def test_names_of_unusual_letters(code, words):
    assert [t.value for t in c_tokens(code) if t.kind == "name"] == words


def test_operators_numbers_and_what_is_none():
    tokens = [(t.kind, t.value) for t in c_tokens("a-=-1;b/=0x1F<!--c-->#region d\n#e /*f*/ (/[/]g/i) ?? 1.5e3m")]
    assert tokens == [
        ("name", "a"), ("op", "-="), ("op", "-"), ("number", "1"), ("op", ";"), ("name", "b"), ("op", "/="), ("number", "0x1F"),
        ("name", "c"), ("op", "#"), ("name", "e"), ("op", "("), ("op", ")"), ("op", "??"), ("number", "1.5e3m"),
    ]  # fmt: skip
    tokens = [
        (t.kind, t.value) for t in vb_tokens('a$ = &H1F& + [b c] : d:=e \'f\nremove = #1/2/2003# rem g\nh _\n-1 <> "i""j"c')
    ]
    assert tokens == [
        ("name", "a"), ("op", "="), ("number", "&H1F&"), ("op", "+"), ("name", "b c"), ("line", ":"), ("name", "d"),
        ("op", ":="), ("name", "e"), ("line", "\n"), ("name", "remove"), ("op", "="), ("line", "\n"), ("name", "h"),
        ("op", "-"), ("number", "1"), ("op", "<>"), ("text", 'i"j'),
    ]  # fmt: skip


@pytest.mark.parametrize("name", SHELLS)
def test_code_that_breaks_off_anywhere_is_read(name):
    ending, _, text = SHELLS[name]
    for run in read_page(text, ending).runs:
        tokens = c_tokens(run.code) if not run.vb else vb_tokens(run.code)
        for end in range(1, len(tokens) + 1):
            for start in range(max(0, end - 8), end):
                CStatements(tokens[start:end], Program()).run()
                VbStatements(tokens[start:end], Program()).run()


@pytest.mark.parametrize(
    "word", ["class", "exit", "function", "new", "for", "public", "case", "get", "<", "(", "[", "{", "?", "."]
)
def test_a_last_word_never_leads_far_beyond_the_end(word):
    kind = "name" if word.isalpha() else "op"
    for statements, vb in ((CStatements, False), (VbStatements, True)):
        read = statements([Token(kind, word, 0)], Program()).read
        assert isinstance(read, Expressions)
        assert len(read.tokens) == 1 + BEYOND
        statement = statements([Token(kind, word, 0)] * 3, Program())
        statement.run()
        assert statement.read.place <= 3 + 8, (word, vb)
