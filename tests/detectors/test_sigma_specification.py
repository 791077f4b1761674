"""Tables of cases of the Sigma specification: every modifier, condition and kind of correlation, as it says or refused with a reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from specification.run import CORRELATIONS, RULES, START, fired, of_correlation, of_rule, rows_of, rule_fires

from exhume.detectors.sigma import Sigma
from exhume.model import Finding, Host, Record, Sighting, Source
from exhume.packs import cases, load, shipped


@pytest.mark.parametrize("case", RULES, ids=[case["what"] for case in RULES])
def test_rule(case: dict[str, Any]) -> None:
    sigma = of_rule(case)
    reasons = " / ".join(problem.reason for problem in sigma.problems)
    assert bool(reasons) == ("refused" in case), reasons
    assert case.get("refused", "") in reasons
    assert "refused" in case or (case["hits"] and case["misses"])
    for fields in case.get("hits", ()):
        assert rule_fires(sigma, fields), f"should hit {fields}"
    for fields in case.get("misses", ()):
        assert not rule_fires(sigma, fields), f"should miss {fields}"


@pytest.mark.parametrize("case", CORRELATIONS["cases"], ids=[case["what"] for case in CORRELATIONS["cases"]])
def test_correlation(case: dict[str, Any]) -> None:
    sigma = of_correlation(case)
    reasons = " / ".join(problem.reason for problem in sigma.problems)
    assert bool(reasons) == ("refused" in case), reasons
    assert case.get("refused", "") in reasons
    if "refused" in case:
        assert "c" not in {one.rule.id for one in sigma.correlations}
    else:
        rows = rows_of(case)
        shown = case.get("all", False)
        assert fired(sigma, rows, every_rule=shown) == case["fires"]
        assert fired(sigma, rows[::-1], every_rule=shown) == case["fires"], "whatever the order of the rows"


def test_every_modifier_of_the_specification_is_in_the_table() -> None:
    used: Counter[str] = Counter()
    for case in RULES:
        parts = [part for part in case["detection"].values() if isinstance(part, dict)]
        parts += [
            item for part in case["detection"].values() if isinstance(part, list) for item in part if isinstance(item, dict)
        ]
        if case.get("hits") and case.get("misses"):
            used.update(word for part in parts for key in part for word in key.split("|")[1:])
    wanted = "all startswith endswith contains exists cased neq windash re i m s base64 base64offset utf16le utf16be utf16 wide lt lte"
    wanted += " gt gte minute hour day week month year cidr expand fieldref"
    assert set(wanted.split()) <= set(used)


def test_a_correlation_is_told_with_its_rows() -> None:
    case = CORRELATIONS["cases"][0]
    sigma = of_correlation(case)
    rows = [one for row in rows_of(case) for one in sigma.detect(row)]
    assert all(isinstance(one, Sighting) for one in rows), "its rule is silent"


def test_neither_filter_nor_correlation_of_others_silences_our_rules(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "x.yml").write_text(
        "title: F\nlogsource: {product: exchange}\nfilter: {rules: [PL-855-c], x: {Method: POST}, condition: not x}\n---\n"
        "title: C\nname: c\n"
        "correlation: {type: event_count, rules: [PL-855-c], group-by: [address], timespan: 1h, condition: {gte: 2}}\n",
        "utf-8",
    )
    ours = next(pack for pack in shipped() if pack.name == "proxylogon")
    alone, both = Sigma.from_packs([ours], Host()), Sigma.from_packs([ours, load(others)], Host())
    assert ["no filter touches" in problem.reason for problem in both.problems] == [True]
    case = next(one for one in cases(ours) if one.rule == "PL-855-c" and one.must_hit)
    row = Record(case.kind, START, {**case.fields, "ClientIpAddress": "203.0.113.9"}, Source("e", "x", "line 7"), case.channel)
    found = list(both.detect(row))
    assert [one for one in found if isinstance(one, Finding)] == list(alone.detect(row))
    (sighting,) = [one for one in found if isinstance(one, Sighting)]
    assert sighting.values == (("address", "203.0.113.9"),)
