"""What rules said of one record is said again of a record that is alike in all they read, and of no other."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma_rule import pack_of, record, rule

from exhume.detectors.sigma import Sigma, index
from exhume.model import Value

RULES = (
    rule({"a": {"cs-uri-stem|endswith": ".aspx"}, "b": {"sc-status": 200}, "condition": "a and not b"}),
    rule({"a": {"cs-method": "POST", "c-ip|cidr": "10.0.0.0/8"}, "condition": "a"}, id="22222222-2222-4333-8444-555555555555"),
    rule(
        {"a": {"cs-username": None, "cs-uri-query|contains": "zz"}, "condition": "a"}, id="32222222-2222-4333-8444-555555555555"
    ),
)
VALUES = {
    "cs-uri-stem": ["/a.aspx", "/b.aspx", "/c", None],
    "sc-status": ["200", "404", None],
    "cs-method": ["GET", "POST"],
    "c-ip": ["10.0.0.1", "192.0.2.1"],
    "cs-username": ["-", "", "a", None],
    "cs-uri-query": ["zz=1", "y"],
    "time-taken": ["1", "2"],
}


def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one each time the rules are really asked."""
    times: list[int] = []
    real = index.Index.candidates
    monkeypatch.setattr(index.Index, "candidates", lambda self, view: times.append(1) or real(self, view))
    return times


def told(sigma: Sigma, fields: dict[str, Value], **more: Any) -> list[tuple[str, Any]]:
    return [(finding.rule, finding.because) for finding in sigma.detect(record(fields, **more))]


def test_the_same_request_at_another_time_asks_no_rule(monkeypatch):
    sigma = pack_of(*RULES)
    times = asked(monkeypatch)
    first = told(sigma, {"cs-uri-stem": "/a.aspx", "sc-status": "404", "time-taken": "1"})
    assert first
    assert told(sigma, {"cs-uri-stem": "/a.aspx", "sc-status": "404", "time-taken": "2"}) == first
    assert len(times) == 1
    assert not told(sigma, {"cs-uri-stem": "/a.aspx", "sc-status": "200", "time-taken": "1"})
    assert len(times) == 2
    told(sigma, {"cs-uri-stem": "/a.aspx", "sc-status": "404"}, channel="W3SVC2")
    assert len(times) == 3, "the log it is from may be asked for as well"


def test_rules_about_any_field_are_asked_each_time(monkeypatch):
    sigma = pack_of(rule({"keywords": ["evil"], "condition": "keywords"}))
    times = asked(monkeypatch)
    assert told(sigma, {"cs-uri-stem": "/evil"})
    assert not told(sigma, {"cs-uri-stem": "/good"})
    assert told(sigma, {"cs-uri-stem": "/evil"})
    assert len(times) == 3


def test_it_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(index, "REMEMBERED", 10)
    sigma = pack_of(*RULES)
    for number in range(1000):
        assert told(sigma, {"cs-uri-stem": f"/{number}.aspx"})
    (held,) = (memory._held for book in sigma._books.values() for _, memory in book._indexes.values())
    assert len(held) <= 10


@settings(deadline=None)  # making detectors takes what the machine allows
@given(st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}), max_size=12))
def test_in_any_order_of_records_it_says_what_a_fresh_detector_says(rows):
    sigma = pack_of(*RULES)
    for row in rows:
        assert told(sigma, row) == told(pack_of(*RULES), row)


def test_of_all_records_it_says_what_a_fresh_detector_says():
    sigma = pack_of(*RULES)
    rows = [dict(zip(VALUES, row, strict=True)) for row in product(*VALUES.values())]
    first = [told(sigma, row) for row in rows]
    assert [told(sigma, row) for row in reversed(rows)] == first[::-1]
    assert [told(pack_of(*RULES), row) for row in rows[::37]] == first[::37]
