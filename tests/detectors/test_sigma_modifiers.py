"""Each modifier of Sigma, what it hits and what it misses."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sigma_rule import findings, fires, pack_of, record, rule

from exhume.model import Value

CASES: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("f", "Abc", ["abc", "ABC"], ["abcd", "xabc", ""]),
    ("f", ["abc", "def"], ["ABC", "Def"], ["abcdef"]),
    ("f|contains", "Info~", ["ServerINFO~x", "info~"], ["info", "inf0~"]),
    ("f|startswith", "/ecp/", ["/ECP/x.js", "/ecp/"], ["x/ecp/", "/ecp"]),
    ("f|endswith", r"\cmd.exe", [r"C:\Windows\CMD.EXE"], [r"C:\cmd.exe ", "cmd.exe"]),
    ("f|contains|all", ["aa", "bb"], ["bbXaa"], ["aa", "bb"]),
    ("f", "a*c", ["ac", "AxxC", "a\nc"], ["acd", "bac"]),
    ("f", "a?c", ["abc", "a.c"], ["ac", "abbc"]),
    ("f", "*a?c*d", ["xxabcyyd", "abcd"], ["abcdx", "acd"]),
    ("f|contains", "a*b?c", ["xxaYYbZcxx"], ["xxbZca"]),
    ("f", r"a\*c", ["A*C"], ["abc", r"a\*c"]),
    ("f", r"a\?c", ["a?c"], ["abc"]),
    ("f", r"c:\\*", [r"C:\x"], ["c:*"]),
    ("f", r"\\\\host\\c$", [r"\\host\c$"], [r"\host\c$"]),
    ("f", "*", ["x", ""], []),
    ("f", 200, [200, "200", "200.0", "0xC8"], ["2000", "x", "", 404, "200 "[:2]]),
    ("f", True, [True, "TRUE"], [False, "1"]),
    ("f|re", r"^a\d+b$", ["a12b"], ["A12b", "xa1b", "a12b "]),
    ("f|re", "b", ["abc"], ["B"]),
    ("f|re|i", "^ABC", ["abcd"], ["xabc"]),
    ("f|re|m", "^b", ["a\nb"], ["ab"]),
    ("f|re|s", "a.b", ["a\nb"], ["ab"]),
    ("f|re", "a.b", ["axb"], ["a\nb"]),
    ("f|re", "(?i)x{2,3}y", ["XXY"], ["xy"]),
    ("f|re", r"\^.*\^.*\^", ["a^b^c^"], ["^^", "^b^"]),
    ("f|re", r"(?:a.*\)){1,}.*\"", ['a) a) x"'], ["a) a) x", '"a)']),
    ("f|re", r"a(?!b)", ["ac"], ["ab"]),
    ("f|cidr", "10.1.0.0/16", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.2.0.1", "110.1.2.3", "10.1.2.3.4", "x", "fe80::1"]),
    ("f|cidr", "fe80::/10", ["fe80::1%3", "[fe80::1]"], ["fc00::1"]),
    ("f|cidr", "192.168.1.4", ["192.168.1.4"], ["192.168.1.40"]),
    ("f|base64", "foobar", [base64.b64encode(b"foobar").decode()], ["foobar"]),
    ("f|base64offset|contains", "foobar", [base64.b64encode(b"x" * n + b"foobar--").decode() for n in range(6)], ["foobar", base64.b64encode(b"fooba").decode()]),
    ("f|wide|base64offset|contains", "ping", [base64.b64encode("ping".encode("utf-16-le")).decode()], ["ping"]),
    ("f|utf16be|base64offset|contains", "ping", [base64.b64encode("a ping".encode("utf-16-be")).decode()], ["ping"]),
    ("f|windash|contains", " -enc", ["x -Enc", "x /enc", "x \u2013enc", "x \u2015enc"], ["x enc", "x_enc"]),
    ("f|exists", True, ["x", "", 0], []),
    ("f|cased", "Abc", ["Abc"], ["abc"]),
    ("f|contains|cased", "aB", ["xaBx"], ["xabx"]),
    ("f|cased|startswith", "aB*c", ["aBxxc1"], ["abxxc"]),
    ("f|lt", 10, ["9", 9, "0x9"], ["10", 11, "x", ""]),
    ("f|lte", 10, ["10", 9], ["11"]),
    ("f|gt", 10, ["11", 10.5], ["10", "x"]),
    ("f|gte", 10, ["10"], [9]),
    ("f|neq", "x", ["y", ""], ["X"]),
    ("f", None, [""], ["x", "0"]),
    ("f", "", [""], ["x"]),
    ("f|fieldref", "g", ["Same"], ["other", ""]),
    ("f|fieldref|contains", "g", ["xsamex"], ["x"]),
    ("f|fieldref|startswith", "g", ["samex"], ["xsame"]),
    ("f|fieldref|endswith", "g", ["xsame"], ["samex"]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "hits", "misses"), CASES, ids=[f"{c[0]}={c[1]}"[:40] for c in CASES])
def test_modifier(key: str, value: Any, hits: list[Value], misses: list[Value]) -> None:
    for text in hits:
        assert fires({key: value}, {"f": text, "g": "same"}), f"should hit {text!r}"
        assert not fires({key: value}, {"f": text, "g": "same"}) or not findings(
            {"s": {key: value}, "condition": "not s"}, {"f": text, "g": "same"}
        ), "not turns it around"
    for text in misses:
        assert not fires({key: value}, {"f": text, "g": "same"}), f"should miss {text!r}"


@pytest.mark.parametrize(
    ("key", "value", "hit"),
    [
        ("f", "x", False), ("f|contains", "x", False), ("f|re", ".*", False), ("f|lt", 5, False), ("f|cidr", "0.0.0.0/0", False),
        ("f", "*", False), ("f|exists", True, False), ("f|exists", False, True), ("f", None, True), ("f", "", True), ("f|neq", "x", True),
    ],
)  # fmt: skip
def test_a_missing_field_is_false_but_for_null_and_negation(key: str, value: Any, hit: bool) -> None:
    assert fires({key: value}, {"other": "x"}) is hit


def test_what_the_log_writes_for_an_empty_cell_matches_its_absence() -> None:
    assert fires({"cs-username": "-"}, {"sc-status": "200"})
    assert not fires({"cs-username": "-"}, {"cs-username": "contoso\\a"})


@pytest.mark.parametrize("value", ["a", "A", ("x", "A"), ("b", "a", "c")])
def test_any_value_of_a_tuple_is_enough(value: Value) -> None:
    assert fires({"f": "a"}, {"f": value})


def test_every_value_of_all_may_stand_in_another_item() -> None:
    assert fires({"f|contains|all": ["aa", "bb"]}, {"f": ("xaa", "bbx")})
    assert not fires({"f|contains|all": ["aa", "bb"]}, {"f": ("xaa", "x")})


def test_case_folding_keeps_to_what_windows_and_the_sieve_do() -> None:
    assert fires({"f": "ΟΔΟΣ"}, {"f": "οδος"})
    assert fires({"f|contains": "É"}, {"f": "café"})
    assert not fires({"f|contains": "kill"}, {"f": "\u212aill"}), "the Kelvin sign is no k"


@pytest.mark.parametrize("pattern", [r"\^.*\^.*\^.*\^.*\^.*x", r"(?:.*\)){1,}.*\"", r"(a+)+$", r".*a.*b.*c", r"(x|x)*y"])
def test_a_value_made_to_stall_a_regular_expression_does_not(pattern: str) -> None:
    for piece in ("^", ")", "a", "ab", "x"):
        fires({"f|re": pattern}, {"f": piece * 30_000 + "!"})


def test_a_match_deep_inside_a_long_value_is_found() -> None:
    text = "-" * 300_000 + "needle7" + "-" * 300_000
    assert fires({"f|re": r"needle\d"}, {"f": text})
    assert fires({"f|re": r"ne.*le\d"}, {"f": text})
    assert fires({"f|re": r"\d-*$"}, {"f": text[: 300_007 + 2000]})
    assert not fires({"f|re": r"needle\d$"}, {"f": text})


def test_the_wildcard_of_a_hostile_pattern_and_value_is_quick() -> None:
    assert not fires({"f": "a*a*a*a*a*a*a*a*b?c"}, {"f": "a" * 60_000})


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ({"f|expand": "%servers%"}, "placeholder %servers%"),
        ({"f|re": "("}, "invalid"),
        ({"f|nosuch": "x"}, "Unknown modifier"),
        ({"f|gte|hour": 3}, "incompatible"),
        ({"f|re": r"(?:(a+)+(?=b))+c"}, "could take for ever"),
    ],
)
def test_what_cannot_be_done_is_named(test: dict[str, Any], reason: str) -> None:
    sigma = pack_of(rule({"s": test, "condition": "s"}))
    assert [reason in p.reason for p in sigma.problems] == [True], sigma.problems
    assert list(sigma.detect(record({"f": "x"}))) == []
