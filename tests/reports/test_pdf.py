"""The PDF: one first page, nothing of evidence becomes markup, a clear word when the extra is not installed."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import typst
from hypothesis import HealthCheck, given, settings

from exhume.model import Assessment, Question, Reply, Tlp
from exhume.reports import Pdf
from exhume.reports.pdf import page
from exhume.reports.pdf.content import content
from exhume.reports.pdf.page import pictures
from exhume.reports.plain import bait, json_text
from reports import owner, sample
from reports.assessments import assessments, strings
from reports.test_all_formats import ACTS

TYPST = ("#panic(1)", "*bold*", "$x$", '#include "x"', "= Heading", "@ref", "<label>", "\\", "`", "//x", "/*", "#sys.inputs")


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_samples_make_a_document(name: str) -> None:
    assessment = replace(sample.SAMPLES[name](), tlp=Tlp.GREEN)
    data = Pdf().render(assessment)
    assert data.startswith(b"%PDF-")
    assert data == Pdf().render(assessment)


def test_what_typst_reads_as_code_is_only_shown() -> None:
    hostile = " ".join(TYPST)
    base = sample.compromised()
    changed = tuple(replace(f, title=hostile, falsepositives=TYPST) for f in base.findings)
    plain = tuple(replace(f, title="x" * len(hostile), falsepositives=()) for f in base.findings)
    steps = tuple(replace(s, title=hostile, why=hostile, how=f"{hostile}\n    {hostile}") for s in base.plan)
    host = replace(base.host, name="#panic(2)")
    assert len(pictures(replace(base, findings=changed, plan=steps, host=host), 20)) >= len(
        pictures(replace(base, findings=plain), 20)
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(assessments)
def test_any_assessment_makes_a_document(assessment: Assessment) -> None:
    assert Pdf().render(assessment).startswith(b"%PDF-")
    shown = content(assessment)
    text = "\n".join(strings(shown))
    assert ACTS.search(text.replace("\n", "")) is None
    assert bait().search(json_text(shown)) is None


def ends(assessment: Assessment) -> int:
    """The page on which the first page's content ends."""
    found = typst.query(page._template(), "<first-page-ends>", field="value", one=True, sys_inputs=page._inputs(assessment))
    return int(found)


def test_the_first_page_is_one_page_however_long_the_answers() -> None:
    long = Question(Reply.CANNOT_TELL, "A word or two. " * 400, tuple("A limit of some kind. " * 90 for _ in range(9)))
    base = replace(sample.compromised(), redacted="Redacted: " + "names " * 30)
    every = dict.fromkeys(("exposed", "attacked", "broken_into", "since_how_far", "clean_now"), long)
    steps = tuple(replace(s, title="A rather long title of a step " * 6) for s in base.plan)
    spread = replace(base, questions=replace(base.questions, **every), plan=steps, host=replace(base.host, name="mail" * 30))
    assert ends(spread) == 1
    assert ends(sample.quiet()) == 1


def test_what_is_cut_is_counted() -> None:
    shown = content(sample.many(400))
    assert shown["all_findings"] == "400"
    assert sum(g["more"] + len(g["places"]) for g in shown["findings"]) >= 9
    assert {q["title"] for q in shown["answers"]} == {q["title"] for q in shown["five"] if q["cut"]}


def test_a_redacted_document_holds_no_name() -> None:
    from exhume.reports.redact import redact

    text = "\n".join(strings(content(redact(owner.assessment())))).lower()
    assert not [s for s in owner.SECRETS if s.lower() in text]


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.delitem(sys.modules, "exhume.reports.pdf.page", raising=False)
    with pytest.raises(ImportError):
        Pdf().render(sample.quiet())
