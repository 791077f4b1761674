"""The timeline's table: what it can be narrowed down by, and that style alone does it."""

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings

from exhume.model import Intrusion, Moment
from exhume.reports.html.moments import MOST_MOMENTS, table
from exhume.reports.html.page import page
from reports import sample
from reports.assessments import assessments


def hidden(style, unticked=(), chosen=()):
    """The classes (and missing classes) that the style hides, as a browser would work it out."""
    gone = [n for n in unticked if f".moments:has(#c-{n}:not(:checked)) tr.{n}," in style]
    kept = [n for n in chosen if f".moments:has(option[value={n}]:checked) tbody tr:not(.{n})," in style]
    return lambda row: bool(set(gone) & set(row.classes.split())) or any(n not in row.classes.split() for n in kept)


def test_every_kind_severity_actor_log_and_day_can_be_chosen():
    a = sample.compromised()
    shown = table(a, frozenset())
    assert len(shown.rows) == len(a.timeline)
    boxes = {name: {c.label: c.count for c in choices} for name, choices in shown.boxes}
    assert boxes["Kind"]["Attacker"] == sum(m.kind == "attack" for m in a.timeline)
    assert sum(boxes["Severity"].values()) == len(a.timeline)
    lists = {name: choices for name, _, choices in shown.lists}
    assert {c.label for c in lists["Day"]} == {m.time.date().isoformat() for m in a.timeline}
    assert all(c.count for _, choices in shown.boxes for c in choices)


def test_rows_of_one_actor_are_the_rows_of_its_findings():
    a = sample.compromised()
    (mine,) = (i for i in a.intrusions[:1])
    shown = table(a, frozenset())
    unseen = hidden(shown.style, chosen=["a-1"])
    told = [m for m, row in zip(a.timeline, shown.rows, strict=True) if not unseen(row)]
    assert told
    assert {m.finding for m in told} <= set(mine.findings)
    assert {m.finding for m in a.timeline if m.finding in mine.findings} == {m.finding for m in told}


def test_filters_work_together():
    shown = table(sample.compromised(), frozenset())
    unseen = hidden(shown.style, unticked=["k-log", "k-context", "s-high"])
    left = [row for row in shown.rows if not unseen(row)]
    assert left
    assert len(left) < len(shown.rows)
    assert not [row for row in left if "k-log" in row.classes or "k-context" in row.classes or row.severity == "high"]


def test_a_finding_of_two_actors_stands_under_both():
    a = sample.compromised()
    other = Intrusion("i-2", None, None, a.intrusions[0].findings[:1])
    shown = table(replace(a, intrusions=(*a.intrusions[:1], other)), frozenset())
    assert [row.actors for row in shown.rows if "1, 2" in row.actors]


def test_a_thousand_rows_are_shown_and_the_rest_is_counted():
    a = sample.compromised()
    many = tuple(
        Moment(a.generated + timedelta(hours=n), f"row {n}", "attack", log=f"log {n % 9}") for n in range(MOST_MOMENTS + 7)
    )
    shown = table(replace(a, timeline=many), frozenset())
    assert (len(shown.rows), shown.left_out) == (MOST_MOMENTS, 7)
    assert len(next(c for name, _, c in shown.lists if name == "Log")) == 9


@settings(max_examples=60, deadline=None)
@given(assessments)
def test_nothing_of_the_evidence_gets_into_the_style(assessment):
    style = table(assessment, frozenset()).style
    names = r"(?:[kl]-\w+|[as]-\w+|d-\d+-\d\d-\d\d)"
    line = re.compile(
        rf"\.moments:has\((?:#c-{names}:not\(:checked\)\) tr\.{names}|option\[value={names}\]:checked\) tbody tr:not\(\.{names}\)),"
    )
    assert all(line.fullmatch(text) for text in style.splitlines()[:-1])
    assert style.splitlines()[-1] == ".moments tr.never { display: none; }"


def test_the_page_needs_no_script():
    text = page(sample.compromised()).decode()
    assert "<script" not in text.lower()
    assert text.count('type="checkbox"') >= 5
    assert "shown" in text
