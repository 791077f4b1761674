"""How tests are joined, what a keyword is, and what a finding gives as its reasons."""

from __future__ import annotations

from typing import Any

import pytest
from sigma_rule import findings, fires, pack_of, record, rule

from exhume.model import Because

PARTS: dict[str, Any] = {"sel_a": {"a": 1}, "sel_b": {"b": 1}, "filter": {"c": 1}}


@pytest.mark.parametrize(
    ("condition", "hits", "misses"),
    [
        ("sel_a and sel_b", ["ab", "abc"], ["a", "b"]),
        ("sel_a or sel_b", ["a", "b"], ["c", ""]),
        ("1 of sel_*", ["a", "b"], ["c"]),
        ("any of sel_*", ["a"], ["c"]),
        ("all of sel_*", ["ab"], ["a", "b"]),
        ("all of them", ["abc"], ["ab"]),
        ("1 of them", ["c"], [""]),
        ("sel_a and not filter", ["a", "ab"], ["ac", ""]),
        ("not sel_a and not 1 of fil*", ["b", ""], ["a", "c"]),
        ("sel_a and not (sel_b or filter)", ["a"], ["ab", "ac"]),
        ("sel_a or sel_b and filter", ["a", "bc"], ["b", "c"]),
        ("(sel_a or sel_b) and filter", ["ac", "bc"], ["a", "b", "c"]),
        ("not (not (sel_a and not (sel_b)))", ["a", "ac"], ["ab"]),
        (["sel_a and sel_b", "filter"], ["ab", "c"], ["a"]),
    ],
)
def test_condition(condition: str | list[str], hits: list[str], misses: list[str]) -> None:
    for word in hits:
        assert findings({**PARTS, "condition": condition}, dict.fromkeys(word, "1")), word
    for word in misses:
        assert not findings({**PARTS, "condition": condition}, dict.fromkeys(word, "1")), word


def test_a_list_of_maps_is_alternatives_and_a_map_is_all() -> None:
    detection = {"s": [{"a": 1, "b": 1}, {"c": 1}], "condition": "s"}
    assert findings(detection, {"c": "1"})
    assert findings(detection, {"a": "1", "b": "1"})
    assert not findings(detection, {"a": "1"})


@pytest.mark.parametrize("fields", [{"x": "an Evil word"}, {"Data": ("a", "evil")}, {"Message": "EVIL"}])
def test_a_keyword_is_looked_for_in_every_value(fields: dict[str, Any]) -> None:
    assert findings({"keywords": ["evil", "bad"], "condition": "keywords"}, fields)


def test_keywords_joined_by_all_may_stand_in_different_fields_and_across_insertion_strings() -> None:
    detection = {"k": {"|all": ["Set-OabVirtualDirectory", " -ExternalUrl "]}, "condition": "k"}
    assert findings(detection, {"Data": ("Set-OabVirtualDirectory", '-ExternalUrl "http://f/"')})
    assert not findings(detection, {"Data": ("Set-OabVirtualDirectory", '-InternalUrl "http://f/"')})


def test_keywords_take_numbers_wildcards_and_expressions() -> None:
    assert findings({"k": [4624], "condition": "k"}, {"x": "id 4624."})
    assert findings({"k": ["a*z"], "condition": "k"}, {"x": "-a..z-"})
    assert findings({"k": {"|re": "^a.z$"}, "condition": "k"}, {"x": "abz"})
    assert not findings({"k": {"|re": "^a.z$"}, "condition": "k"}, {"x": "abzz"})


def test_because_names_the_fields_of_the_record_and_only_what_made_it_true() -> None:
    detection = {
        "path": {"cs-uri-query|contains": ["/nothere", "/ecp/"], "cs-method": "POST"},
        "other": {"sc-status": 200},
        "filter": {"cs-user-agent|contains": "probe"},
        "condition": "path and 1 of o* and not filter",
    }
    [finding] = findings(
        detection, {"cs-uri-stem": "/ecp/x.js", "cs-method": "post", "sc-status": "200", "cs(User-Agent)": "curl"}
    )
    assert finding.because == (
        Because("cs-uri-stem", "/ecp/x.js", "contains '/ecp/'"),
        Because("cs-method", "post", "equals 'POST'"),
        Because("sc-status", "200", "equals 200"),
    )


@pytest.mark.parametrize(
    ("test", "fields", "because"),
    [
        ({"f|startswith": "A\\b"}, {"f": "a\\bc"}, ("f", "a\\bc", "starts with 'A\\b'")),
        ({"f": "a*b"}, {"f": "axb"}, ("f", "axb", "matches 'a*b'")),
        ({"f|re": "a.b"}, {"f": "axb"}, ("f", "axb", "matches the regular expression 'a.b'")),
        ({"f|cidr": "10.0.0.0/8"}, {"f": "10.1.1.1"}, ("f", "10.1.1.1", "in network 10.0.0.0/8")),
        ({"f|gte": 5}, {"f": "7"}, ("f", "7", ">= 5")),
        ({"f": None}, {"g": "7"}, ("f", "", "is empty")),
        ({"f|fieldref": "g"}, {"f": "A", "g": "a"}, ("f", "A", "equals the field g")),
        ({"channel": "w3svc1"}, {"f": "A"}, ("channel", "W3SVC1", "equals 'w3svc1'")),
        ({"server|startswith": "EX"}, {"f": "A"}, ("server", "EX01", "starts with 'EX'")),
        (["second"], {"Data": ("first", "a second")}, ("Data", "a second", "contains 'second'")),
    ],
)
def test_because_words(test: Any, fields: dict[str, Any], because: tuple[str, str, str]) -> None:
    [finding] = findings({"s": test, "condition": "s"}, fields)
    assert finding.because == (Because(*because),)


def test_a_rule_that_only_excludes_still_says_why() -> None:
    [finding] = findings({"s": {"f": "x"}, "condition": "not s"}, {"f": "y"})
    assert finding.because == (Because("kind", "iis.access", "nothing that the rule excludes"),)


def test_a_finding_folds_by_address_and_by_what_the_rule_names() -> None:
    own = rule({"s": {"f": "x"}, "condition": "s"}, exhume={"outcome": "step", "fold": ["url"]})
    sigma = pack_of(own, own=True)
    [one] = sigma.detect(record({"f": "x", "c-ip": "1.2.3.4", "url": "/a"}))
    [two] = sigma.detect(record({"f": "x", "c-ip": "1.2.3.4", "url": "/a"}))
    [three] = sigma.detect(record({"f": "x", "c-ip": "1.2.3.4", "url": "/b"}))
    assert (one + two).count == 2
    assert one.key != three.key


@pytest.mark.parametrize("place", ["contains", "startswith", "endswith"])
def test_values_that_are_not_ascii_are_found_where_they_may_stand(place: str) -> None:
    """Letters that look alike, among others that are plain."""
    hits = ["\u0430", "\u0410", "plain", "\U0001f600", "PLAIN"]
    misses = ["a", "", "pla", "K\u212a"]
    test = {f"cs-uri-stem|{place}": ["\u0430", "plain", "\U0001f600"]}
    assert [text for text in hits if not fires(test, {"cs-uri-stem": text})] == []
    assert [text for text in misses if fires(test, {"cs-uri-stem": text})] == []
