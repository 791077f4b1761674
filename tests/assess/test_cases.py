"""Strangers' cases (tests/cases): each must be right in verdict, outcome, naming and number of findings."""

import json
from datetime import date

import pytest

from exhume.cli import main
from pretend_case import Case, cases, judged

ALL = cases()


def document_of(case, tmp_path):
    evidence = case.write(tmp_path / "evidence")
    assert main(["assess", str(evidence), f"--out={tmp_path / 'out'}", "--jobs=1", *case.arguments()]) == 0
    return json.loads((tmp_path / "out/assessment.json").read_bytes())


@pytest.mark.parametrize("case", ALL, ids=[f"{case.kind}-{case.name}" for case in ALL])
def test_a_strangers_case_is_right(case, tmp_path):
    score = judged(case, document_of(case, tmp_path))
    assert score.all_right, "; ".join(text for part in score.wrong.values() for text in part)


def test_the_quiet_background_covers_every_campaign(tmp_path):
    """Otherwise a case could never show no_trace or attempted."""
    quiet = Case(
        "quiet", "benign", "Nothing", ("-",), {}, {"verdict": "no_trace"}, (date(2021, 3, 1), date(2021, 3, 3)), covered=True
    )
    document = document_of(quiet, tmp_path)
    assert {a["campaign"]: (a["verdict"], a["limits"]) for a in document["answers"] if a["verdict"] != "no_trace"} == {}
    assert judged(quiet, document).all_right


def test_the_judge_tells_what_is_wrong():
    """A judge that calls everything right would make every case worthless."""
    expect = {"verdict": "compromised", "outcome": "exec", "web_shells": ["/a.aspx"], "named": ["svc9"], "findings_at_most": 0,
              "campaigns": {"webshell": "compromised"}, "accounts": ["eve"], "first_seen": "2021-03-03T04:38:09Z"}  # fmt: skip
    finding = {"outcome": "write", "title": "t", "because": [], "record": {}}
    document = {"verdict": "no_trace", "answers": [{"campaign": "webshell", "verdict": "no_trace", "outcome": None, "first_seen": None}],
                "findings": [finding], "plan": [], "planted": [{"page": "/b.aspx"}], "questions": {"attacked": {"answer": "no"}},
                "intrusions": [{"web_shells": [], "accounts": [], "mailboxes": [], "addresses": []}]}  # fmt: skip
    score = judged(Case("x", "bad", "t", ("-",), {}, expect), document)
    assert {part: len(texts) for part, texts in score.wrong.items()} == {"verdict": 2, "outcome": 2, "naming": 4, "findings": 1}
