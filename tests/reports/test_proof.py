"""Which indicators are exported: those of findings that call for ``compromised``, and no others. One decision, in the model."""

from dataclasses import replace

import pytest

from exhume.model import Confidence, Outcome, Verdict, raised
from exhume.reports import proof
from reports import sample

HASH = "ioc:sha256:" + sample.DIGEST
CASES = (
    ({}, True),
    ({"confidence": Confidence.MEDIUM}, False),
    ({"outcome": Outcome.STEP}, False),
    ({"outcome": Outcome.STEP, "decisive": True}, True),
    ({"own": False}, False),
    ({"own": False, "rule": HASH}, True),
    ({"own": False, "rule": HASH, "served": False}, True),
    ({"rule": HASH, "outcome": Outcome.PROBE, "confidence": Confidence.LOW}, False),
    ({"served": False}, False),
    ({"served": False, "outcome": Outcome.STEP, "decisive": True}, False),
)


@pytest.mark.parametrize(("change", "exported"), CASES)
def test_a_file_is_exported_when_its_finding_proves_a_break_in(change, exported):
    base = sample.compromised()
    (page,) = (f for f in base.findings if f.record.kind == "web.file" and raised(f) is Verdict.COMPROMISED)
    change = dict(change)
    fields = {**page.record.fields, "served": change.pop("served", True), "sha256": sample.DIGEST}
    page = replace(page, record=replace(page.record, fields=fields), **change)
    answers = tuple(replace(x, findings=(page.id,)) for x in base.answers)
    alone = replace(base, findings=(page,), answers=answers, intrusions=())
    assert [s.hashes["sha256"] for s in proof.shells(alone)] == [sample.DIGEST] * exported
    assert (raised(page) is Verdict.COMPROMISED) is exported


def test_nothing_is_exported_of_a_campaign_that_is_not_proven():
    base = sample.compromised()
    unsure = replace(base, answers=tuple(replace(a, verdict=Verdict.SUSPECTED) for a in base.answers))
    assert proof.proven(unsure) == ()
    assert proof.attackers(unsure) == ()
