"""The literals for the sieve: whatever a rule can match contains one of them; and the two engines behind it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma_rule import pack_of, record, rule

from exhume.assess.sieve import build
from exhume.assess.sieve.screen import LOOKALIKES
from exhume.detectors.sigma.automaton import Automaton, UnsupportedError
from exhume.detectors.sigma.rawregex import loosened, rewritten
from exhume.detectors.sigma.regexes import compile_search
from exhume.detectors.sigma.view import fold
from exhume.model import Clue, searched
from exhume.readers.urls import decoded_url


def clues_of(test: Any, source: dict[str, str] | None = None, condition: str = "s") -> frozenset[Clue] | None:
    sigma = pack_of(
        rule({"s": test, "n": {"z": "never"}, "condition": condition}, logsource=source or {"category": "webserver"})
    )
    assert sigma.problems == ()
    [kind] = sigma.wants
    return sigma.clues(kind)


def literals_of(test: Any, source: dict[str, str] | None = None, condition: str = "s") -> frozenset[str] | None:
    clues = clues_of(test, source, condition)
    return None if clues is None else searched(clues)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"f|contains": "ServerInfo~a]@host"}, {"serverinfo~a"}),
        ({"f|contains": ["alpha", "beta"]}, {"alpha", "beta"}),
        ({"f|contains": ["alpha", "b"]}, None),
        ({"f|contains": "alpha", "g": 200}, {"alpha"}),
        ({"f|contains": ["alpha", "beta"], "g": "longest-of-all"}, {"longest-of-all"}),
        ({"f|contains|all": ["aspx", "evil"]}, {"evil"}),
        ({"f|endswith": ".aspx"}, {".aspx"}),
        ({"f|contains": "say 'hello world'"}, {"hello"}),
        ({"f|contains": "Übername"}, {"bername"}),
        ({"f": "*abc?defgh*"}, {"defgh"}),
        ({"f|re": r"foo\d+(?:alpha|beta)x?end1"}, {"end1"}),
        ({"f|re": r"^(?:alpha|beta)\d*$"}, {"alpha", "beta"}),
        ({"f|re": r"(?:alpha)?\d"}, None),
        ({"f|re": r"[Pp]owe[rR]sh.*x"}, {"powersh"}),
        ({"f|cidr": "10.0.0.0/8"}, None),
        ({"f": 500}, None),
        ({"f|exists": True}, None),
        ({"channel": "W3SVC1"}, None),
        ({"Message|contains": "something"}, None),
        (["keyword"], {"keyword"}),
        ([{"f": "alpha"}, {"g": "beta"}], {"alpha", "beta"}),
        ([{"f": "alpha"}, {"g": 1}], None),
    ],
)
def test_literals(test: Any, expected: set[str] | None) -> None:
    assert literals_of(test) == expected
    assert literals_of(test, condition="s and not n") == expected, "what is negated says nothing"


def test_the_whole_line_of_an_oab_log_may_be_sieved() -> None:
    source = {"product": "exchange", "service": "oabgenerator"}
    assert literals_of({"Message|contains": "Download failed and temporary"}, source) == {"temporary"}


def test_rules_without_a_literal_are_named() -> None:
    sigma = pack_of(
        rule({"s": {"f": 1}, "condition": "s"}, id="weak"), rule({"s": {"f": "strong"}, "condition": "s"}, id="strong")
    )
    assert sigma.clues("iis.access") is None
    assert sigma.unsieved("iis.access") == ("weak",)
    assert sigma.clues("exchange.ews") == frozenset()
    assert sigma.unsieved("exchange.ews") == ()


def test_records_that_are_no_lines_are_not_sieved() -> None:
    assert literals_of({"name": "evil.aspx"}, {"product": "exhume", "service": "web.file"}) is None


WORDS = st.text(alphabet="abAB.~/ +'\"%;,éK\u212a\\", min_size=1, max_size=9)
MODIFIERS = st.sampled_from(
    ["", "|contains", "|startswith", "|endswith", "|cased", "|contains|all", "|base64offset|contains", "|windash|contains"]
)
FIELDS = st.sampled_from(["cs-uri-stem", "cs-uri-query", "url", "cs(User-Agent)", ""])


@st.composite
def selection_maps(draw: st.DrawFn) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for _ in range(draw(st.integers(1, 2))):
        name = draw(FIELDS)
        modifier = draw(MODIFIERS)
        if not name and not modifier:
            modifier = "|contains"
        values = [value.replace("\\", "\\\\") for value in draw(st.lists(WORDS, min_size=1, max_size=2))]
        out[name + modifier] = values
    return out


def encoded(text: str, spare: str) -> str:
    """As a log has it: reserved characters percent-encoded but for those in ``spare``."""
    return "".join(
        c if re.match(r"[A-Za-z0-9._~-]", c) or c in spare else "".join(f"%{b:02X}" for b in c.encode()) for c in text
    )


@settings(max_examples=300, deadline=None)
@given(
    selections=st.lists(selection_maps(), min_size=1, max_size=3),
    condition=st.sampled_from(["1 of s*", "all of s*", "s0 and not n", "s0 or s0"]),
    filler=WORDS, take=st.lists(st.booleans(), min_size=12, max_size=12),
    escape=st.tuples(st.sampled_from(["", "/", "/'", "/'\"%;,"]), st.booleans()),
)  # fmt: skip
def test_every_row_that_a_rule_matches_contains_a_literal(
    selections: list[dict[str, Any]], condition: str, filler: str, take: list[bool], escape: tuple[str, bool]
) -> None:
    spare, twice = escape
    detection = {f"s{n}": test for n, test in enumerate(selections)} | {"n": {"url": "never"}, "condition": condition}
    sigma = pack_of(rule(detection))
    assert sigma.problems == ()
    values = [v.replace("\\\\", "\\") for test in selections for values in test.values() for v in values]
    text = "".join(value if take[n % 12] else filler for n, value in enumerate(values)).swapcase()
    stem, agent = encoded(text, spare), "+".join(text.split())
    if twice:
        stem = encoded(stem, spare.replace("%", ""))
    row = f"2021-03-03 04:05:06 {stem} {agent} 200"
    fields = {"cs-uri-stem": stem, "cs(User-Agent)": agent, "url": unquote(unquote(stem))}
    clues = sigma.clues("iis.access")
    if clues is not None and list(sigma.detect(record(fields))):
        complete = [c for c in clues if all(any(text in row.lower() for text in texts) for texts in c.texts)]
        assert complete, (row, clues)
        if row.count(" ") == 4:  # then blanks are between cells only
            assert build(clues, "re2", " ").candidates(row.encode()), (row, clues)


URL_ATOMS = st.sampled_from(
    [
        "a",
        "B",
        "=",
        "/",
        "&",
        "[ab]",
        "[+ ]",
        "['=]",
        "(?:cmd|b=)",
        "(?:a/)?",
        "\\?",
        "[&?]",
        "^",
        "$",
        "\\b",
        "[^&]+",
        ".",
        "%",
    ]
)


@settings(max_examples=1000, deadline=None)
@given(
    pattern=st.lists(URL_ATOMS, min_size=1, max_size=5).map("".join), path=st.text(alphabet="aBsı=/ +'&%", max_size=9),
    query=st.text(alphabet="aBsſkK=/ +'&?%cmd", max_size=9), spare=st.sampled_from(["", "/", "/='&"]), twice=st.booleans(),
)  # fmt: skip
def test_a_rewritten_pattern_is_found_in_every_row_whose_url_matches(
    pattern: str, path: str, query: str, spare: str, twice: bool
) -> None:
    raw = rewritten(pattern, re.IGNORECASE)
    stem, asked = encoded(path, spare), encoded(query, spare)
    if twice:
        stem, asked = encoded(stem, ""), encoded(asked, "")
    url = decoded_url(stem, asked)
    if raw and re.search(pattern, url, re.IGNORECASE):
        row = f"- {stem} {asked} -".lower().encode()
        assert re.search(raw.encode(), row) or re.search(LOOKALIKES, row), (raw, url)


CELL_ATOMS = [
    *"aK~/.",
    "[^~]*",
    "[^A]",
    "[a-f0-9]{2,3}",
    ".",
    "é",
    "(b|cd)",
    r"\d",
    r"\S+",
    "^",
    "$",
    "(?=a)",
    "x?",
    r"[A-z]",
    "[^/~]{2}",
]


@settings(max_examples=1500, deadline=None)
@given(
    pattern=st.lists(st.sampled_from(CELL_ATOMS), min_size=1, max_size=5).map("".join),
    cell=st.text(alphabet="aAbcdKk~/.0fé_x", max_size=8), flags=st.sampled_from([0, re.IGNORECASE]),
)  # fmt: skip
def test_a_loosened_pattern_is_found_in_every_row_whose_cell_matches(pattern: str, cell: str, flags: int) -> None:
    raw = loosened(pattern, flags)
    if raw and re.search(pattern, cell, flags):
        row = f"x,{cell},y".lower().encode()
        assert re.search(raw.encode(), row) or re.search(LOOKALIKES, row), (raw, cell)


def test_a_cell_that_holds_a_path_where_none_belongs_is_told_from_an_ordinary_one() -> None:
    raw = loosened("Server~[^~]*/[^~]*~")
    assert raw
    assert re.search(raw, "server~ex01/ecp/default.aspx~1942~")
    assert not re.search(raw, "server~ex01.domain.test~1942063431~2023-02-08t18:59:59,/x~")
    assert loosened(r"\S*") is None


@pytest.mark.parametrize(
    ("pattern", "raw"),
    [
        ("whoami", "whoami"),
        (r"^/owa.x", None),
        (r"[?&]cmd=[^&]+", r"cmd(?:=|%(?:25)*3d)"),
        (r"a[^b]c", None),
        (r"a?b", "(?:a)?b"),
        (r"a*b", None),
        (r"(?=a)b", None),
    ],
)
def test_what_cannot_be_told_of_the_raw_row_is_not_rewritten(pattern: str, raw: str | None) -> None:
    assert rewritten(pattern) == raw


def test_a_colon_belongs_to_what_is_looked_for_in_events_only() -> None:
    """Rows of web servers may encode it."""
    test = {"f|contains": ["privilege::debug", "a:b:c"]}
    assert literals_of(test, {"product": "windows", "service": "security"}) == {"privilege::debug", "a:b:c"}
    assert literals_of({"f|contains": "privilege::debug"}) == {"privilege"}


ATOMS = st.sampled_from(["a", "B", ".", "\\d", "[ab]", "[^a]", "\\b", "^", "$", "\\s", "\\w", "1", "\\n", "(?i:b)", "_"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)
FLAGS = st.sampled_from([0, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.IGNORECASE | re.MULTILINE | re.DOTALL])


@settings(max_examples=500, deadline=None)
@given(pattern=PATTERNS, text=st.text(alphabet="abAB1 \n_", max_size=12), flags=FLAGS)
def test_the_automaton_finds_what_python_finds(pattern: str, text: str, flags: int) -> None:
    expected = re.search(pattern, text, flags) is not None
    automaton = Automaton(pattern, flags)
    assert automaton.found(text) is expected
    assert automaton.found(text) is expected, "and again, from memory"


@settings(max_examples=300, deadline=None)
@given(pattern=PATTERNS, text=st.text(alphabet="abAB1 \n_", max_size=12))
def test_what_a_pattern_needs_stands_in_every_match(pattern: str, text: str) -> None:
    if re.search(pattern, text):
        _, needs = compile_search(pattern, "")
        assert all(any(piece in fold(text) for piece in need) for need in needs), needs


@pytest.mark.parametrize("pattern", ["(?=a)", "(a)\\1", "(?<!a)b", "a{1,9999}"])
def test_the_automaton_refuses_what_it_cannot_do(pattern: str) -> None:
    with pytest.raises(UnsupportedError):
        Automaton(pattern)
