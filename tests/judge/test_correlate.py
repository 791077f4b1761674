"""Sigma correlation rules over findings: counts, together, in order, by group, and never without their records."""

from datetime import UTC, datetime, timedelta

import pytest

from exhume.judge.chain import together
from exhume.model import Because, Confidence, Correlation, Finding, Outcome, Record, Rule, Severity, Source
from exhume.packs import correlations

START = datetime(2021, 3, 3, 6, 49, tzinfo=UTC)
SHOWN = Rule("shown", "p", "Both", Outcome.POST, Severity.HIGH, Confidence.HIGH)


def fired(trace, seconds, address="203.0.113.5", page="/x.aspx", outcome=Outcome.ATTEMPT, decisive=False):
    rule = Rule(f"id-{trace}", "p", f"Rule {trace}", outcome, Severity.LOW, trace=trace, decisive=decisive)
    fields = {"c-ip": address, "cs-uri-stem": page, "cs-method": "GET", "sc-status": "404"}
    record = Record(
        "iis.access", START + timedelta(seconds=seconds), fields, Source("e", "u.log", f"line {seconds + 1}"), "W3SVC1"
    )
    return Finding.of(rule, record, [Because("x", "y", "z")])


def rule(kind, rules=("A", "B"), by=("address",), seconds=60, field=(), condition=(("gte", 1),)):
    return Correlation(SHOWN, kind, rules, by, timedelta(seconds=seconds), field, condition)


@pytest.mark.parametrize(("kind", "a", "b", "hits"), [
    ("temporal", 0, 30, 1), ("temporal", 30, 0, 1), ("temporal", 0, 200, 0),
    ("temporal_ordered", 0, 30, 1), ("temporal_ordered", 30, 0, 0), ("temporal_ordered", 0, 200, 0),
])  # fmt: skip
def test_two_rules_together_or_in_order(kind, a, b, hits):
    assert len(together([fired("A", a), fired("B", b)], [rule(kind)])) == hits


def test_groups_are_kept_apart():
    findings = [fired("A", 0, "203.0.113.5"), fired("B", 10, "203.0.113.6")]
    assert together(findings, [rule("temporal")]) == ()
    assert len(together(findings, [rule("temporal", by=())])) == 1


def test_within_one_intrusion():
    inside = [fired("A", 0, outcome=Outcome.STEP, decisive=True), fired("B", 10)]
    outside = [fired("A", 0, outcome=Outcome.STEP, decisive=True), fired("B", 10, "203.0.113.6")]
    assert len(together(inside, [rule("temporal", by=("intrusion",))])) == 1
    assert together(outside, [rule("temporal", by=("intrusion",))]) == ()


def test_rows_are_counted_within_the_timespan():
    rows = [fired("A", n * 10) for n in range(6)]
    folded = rows[0]
    for row in rows[1:]:
        folded = folded + row
    count = lambda least: together([folded], [rule("event_count", ("A",), condition=(("gte", least),))])  # noqa: E731
    assert len(count(6)) == 1
    assert count(7) == ()


def test_different_values_are_counted():
    pages = [fired("A", n, page=f"/aspnet_client/{n}.aspx") for n in range(4)]
    value = rule("value_count", ("A",), field=("shell",), condition=(("gte", 4),))
    assert len(together(pages, [value])) == 1
    assert together(pages[:3], [value]) == ()


def test_the_finding_names_every_record_it_stands_on():
    (found,) = together([fired("A", 0), fired("B", 30)], [rule("temporal")])
    assert [str(s) for s in found.sources] == ["u.log (line 1)", "u.log (line 31)"]
    assert (found.rule, found.outcome, found.count) == ("shown", Outcome.POST, 2)
    assert [b.field for b in found.because] == ["Rule A", "Rule B"]


def test_the_order_of_findings_does_not_matter():
    findings = [fired("A", 0), fired("B", 30), fired("A", 5), fired("B", 20)]
    assert together(findings, [rule("temporal")]) == together(findings[::-1], [rule("temporal")])


def test_ours_are_read_and_name_traces_that_exist():
    from importlib.resources import files

    from exhume.packs import shipped

    ours = correlations()
    written = files("exhume").joinpath("content/correlations.yml").read_text(encoding="utf-8")
    traces = {
        line.strip().removeprefix("trace: ")
        for p in shipped()
        for f in p.of("sigma")
        for line in f.text().splitlines()
        if "trace:" in line
    }
    assert len(ours) == len([line for line in written.splitlines() if line == "correlation:"])
    assert len({one.rule.id for one in ours}) == len(ours)
    assert all(name in traces for one in ours for name in one.rules)
