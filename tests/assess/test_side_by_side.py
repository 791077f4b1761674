"""Marks that decide only because they stand side by side: the same ones apart must not."""

import json

import pytest

from exhume.cli import main
from pretend_case import CASES, load


def answer(name, campaign, tmp_path, change):
    """What is said of the campaign when ``change`` (path, bytes → bytes) was done to the evidence of a case."""
    (path,) = (CASES / "bad").glob(f"{name}.yml*")
    for place, data in load(path).content().items():
        target = tmp_path / "evidence" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(change(place, data))
    assert main(["assess", str(tmp_path / "evidence"), f"--out={tmp_path / 'out'}", "--jobs=1"]) == 0
    document = json.loads((tmp_path / "out/assessment.json").read_bytes())
    (one,) = (a for a in document["answers"] if a["campaign"] == campaign)
    return one["verdict"], one["outcome"]


def as_it_is(place, data):
    return data


def an_hour_later(place, data):
    return data.replace(b"T12:01:09", b"T13:01:09") if "Security" in place else data


def another_session(place, data):
    return data.replace(b"uH7fQk3.", b"zzzzzzzz") if "/ECP/" in place else data


@pytest.mark.parametrize(
    ("change", "expected"), [(as_it_is, "compromised"), (an_hour_later, "suspected")], ids=["the same second", "an hour apart"]
)
def test_a_view_state_and_a_program(tmp_path, change, expected):
    name = "cve-2020-0688-viewstate-then-a-command"
    assert answer(name, "cve-2020-0688", tmp_path, change)[0] == expected


@pytest.mark.parametrize(
    ("change", "expected"), [(as_it_is, "post"), (another_session, "write")], ids=["the same canary", "another canary"]
)
def test_a_request_without_a_log_on_and_a_rule_that_forwards(tmp_path, change, expected):
    name = "proxytoken-forwarding-rule-set-without-a-log-on"
    assert answer(name, "proxytoken", tmp_path, change) == ("compromised", expected)
