"""Directives: what the evidence shows beside each obligation, what a person has to attest, and never a claim that it was met."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings

from exhume.cli import main
from exhume.judge.directive import _SHOWN, fill_in
from exhume.model import Exposure, Reading, Source, Span, State, Tlp
from exhume.packs import directive, directives
from exhume.reports import wording
from exhume.reports.document import Document
from exhume.reports.html.directive import directive_page
from exhume.reports.markdown.directive import directive_markdown
from reports import sample
from reports.assessments import assessments

ED = directive("ed-21-02")
CLAIMS = re.compile(r"compl(?:y|ied|iant|iance)|fulfil|satisf|obligation was met(?! is for)", re.IGNORECASE)


def said(assessment, name):
    return next(found for duty, found in fill_in(ED, assessment).statements if duty.id == name)


def exposed(*states):
    entries = tuple(Exposure("CVE-2021-28480", state, "why", since, until) for state, since, until in states)
    return replace(sample.compromised(), exposure=entries)


def tool(value, day):
    return Reading("tool", value, day, "hint", Source("e", "C/Windows/debug/msert.log", "line 3"))


def test_the_three_parts_and_their_deadlines_are_there():
    assert directives() == ("ed-21-02",)
    assert [(p.title, p.issued, len(p.obligations)) for p in ED.parts] == [
        ("Emergency Directive 21-02", date(2021, 3, 3), 6),
        ("Supplemental Direction v1", date(2021, 3, 31), 11),
        ("Supplemental Direction v2", date(2021, 4, 13), 4),
    ]
    duties = [o for p in ED.parts for o in p.obligations]
    assert len({o.id for o in duties}) == 21
    assert all(o.attest and o.text and o.deadline for o in duties)
    assert all(shows.what in _SHOWN for o in duties for shows in o.shows)
    assert {o.id: o.due for o in duties if o.due and o.id in ("ED-6", "S1-2", "S2-1")} == {
        "ED-6": date(2021, 3, 5), "S1-2": date(2021, 4, 5), "S2-1": date(2021, 4, 15),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("states", "weight", "words"),
    [
        ([(State.VULNERABLE, date(2021, 3, 2), date(2021, 4, 13)), (State.FIXED, date(2021, 4, 14), None)], "for", "2021-04-14"),
        ([(State.VULNERABLE, date(2021, 3, 2), date(2021, 4, 19)), (State.FIXED, date(2021, 4, 20), None)], "against", "open before"),
        ([(State.UNKNOWN, date(2021, 3, 2), date(2021, 4, 19)), (State.FIXED, date(2021, 4, 20), None)], "open", "not known"),
        ([(State.UNKNOWN, date(2021, 3, 2), None)], "open", "not known"),
        ([(State.NOT_APPLICABLE, None, None)], "for", "does not touch"),
        ([(State.MITIGATED, date(2021, 4, 14), None)], "open", "not fixed"),
        ([], "open", "does not tell"),
    ],
)  # fmt: skip
def test_an_update_in_time_too_late_or_not_known(states, weight, words):
    first = said(exposed(*states), "S2-1")[0]
    assert first.weight == weight
    assert words in first.text


@pytest.mark.parametrize(("end", "weight"), [("2021-04-10", "open"), ("2021-05-10", "against")])
def test_an_open_flaw_speaks_against_it_only_when_the_evidence_reaches_the_deadline(end, weight):
    last = datetime.fromisoformat(end).replace(tzinfo=UTC)
    base = exposed((State.VULNERABLE, date(2021, 3, 2), None))
    span = Span("iis.access", "W3SVC1", "", "logs", 5, last, last)
    assert said(replace(base, coverage=replace(base.coverage, spans=(span,))), "S2-1")[0].weight == weight


def test_scans_count_in_their_days_only():
    runs = tuple(tool("Microsoft Safety Scanner 1.335: nothing found", date(2021, 4, d)) for d in (2, 9, 16, 23, 30))
    a = replace(sample.compromised(), readings=runs)
    (one,) = said(a, "S1-2")
    assert (one.weight, one.source) == ("for", runs[0].source)
    assert said(a, "S1-4")[-1].weight == "for"
    less = replace(a, readings=runs[:3])
    assert said(less, "S1-4")[-1].text.startswith("Runs in 2 of 4 weeks")
    assert said(less, "S1-4")[-1].weight == "open"
    late = said(replace(a, readings=runs[1:2]), "S1-2")
    assert {s.weight for s in late} == {"open"}
    assert "outside these days" in late[-1].text


def test_a_break_in_shows_that_a_report_is_due_not_that_it_was_sent():
    for name in ("ED-5", "S1-5"):
        found = said(sample.compromised(), name)
        assert "break-in" in found[0].text
        assert wording.shown_of(found)[1] == "not shown, to be attested"
    assert wording.shown_of(said(sample.compromised(), "ED-6"))[1] == "not shown, to be attested"


def test_every_obligation_has_a_place_to_sign_on_both_pages():
    filled = fill_in(ED, replace(sample.compromised(), tlp=Tlp.AMBER))
    page, text = directive_page(filled).decode(), directive_markdown(filled).decode()
    assert page.count("To be attested:") == text.count("To be attested:") == page.count('class="sign"') == 21
    for content in (page, text):
        assert "TLP:AMBER" in content
        assert wording.NO_CLAIM in content
    assert "<script" not in page.lower()


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_it_never_claims_that_it_was_met(name):
    filled = fill_in(ED, sample.SAMPLES[name]())
    for content in (directive_page(filled), directive_markdown(filled)):
        body = re.sub(r"<style>.*?</style>", "", content.decode(), flags=re.DOTALL)
        assert CLAIMS.findall(body) == []


@settings(max_examples=60, deadline=None)
@given(assessments)
def test_any_assessment_can_be_set_beside_it(assessment):
    filled = fill_in(ED, assessment)
    page = directive_page(filled).decode("utf-8")
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()
    directive_markdown(filled).decode("utf-8")


def test_the_command(tmp_path, capsys):
    (tmp_path / "assessment.json").write_bytes(Document().render(sample.compromised()))
    assert main(["report", str(tmp_path), "--directive", "ed-21-02"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["assessment.json", "directive-ed-21-02.html", "directive-ed-21-02.md"]
    assert main(["report", str(tmp_path), "--directive", "ed-21-02", "--redact", "--format", "text"]) == 0
    assert sorted(p.name for p in (tmp_path / "redacted").iterdir()) == [
        "directive-ed-21-02.html",
        "directive-ed-21-02.md",
        "summary.txt",
    ]
    capsys.readouterr()
    for wrong in ("ed-99", "../x"):
        assert main(["report", str(tmp_path), "--directive", wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
