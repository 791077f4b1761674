"""Tables of cases of the Sigma specification: every modifier, condition and kind of correlation, as it says or refused with a reason."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from specification.run import CORRELATIONS, RULES, fired, of_correlation, of_rule, rows_of, rule_fires

from exhume.model import Sighting


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
