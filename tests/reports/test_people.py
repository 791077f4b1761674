"""The reports that people look at: page, terminal, spreadsheet. Nothing hostile reaches them raw, nothing is left out silently."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exhume.model import Assessment
from exhume.reports import REPORTS, Html, Text, Timeline
from exhume.reports.plain import bait, cell, defang, shown, visible
from exhume.reports.timeline import COLUMNS
from reports import sample
from reports.assessments import assessments

VOID = {"meta", "br", "hr", "img", "input", "link"}
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
LAX = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class Page(HTMLParser):
    """Elements, attributes and text of a page; complains about tags that do not match."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[int] = []
        self.faults: list[str] = []
        self.style = ""
        self.feed(data.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data

    def all(self, name: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs in self.tags if tag == name]


def _check(assessment: Assessment) -> Page:
    data = Html().render(assessment)
    text = data.decode("utf-8")
    page = Page(data)
    assert page.faults == []
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "form", "base", "link", "use", "image", "foreignobject"}
    attributes = {key for _, attrs in page.tags for key in attrs}
    assert not {a for a in attributes if a.startswith("on") or a in ("style", "src", "srcset", "xlink:href")}
    assert all(re.match(r"#|https?://", a["href"]) for a in page.all("a"))
    assert ACTS.search(text) is None
    assert bait().search(text) is None
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:")
    assert "http" not in page.style
    assert "@import" not in page.style
    assert page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    return page


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_samples_make_a_sound_page(name: str) -> None:
    page = _check(sample.SAMPLES[name]())
    identifiers = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(identifiers)
    assert {a for _, attrs in page.tags for a in attrs.get("aria-labelledby", "").split()} <= set(identifiers)
    assert all(a.get("rel", "").startswith("noreferrer") for a in page.all("a") if not a["href"].startswith("#"))
    assert all(th.get("scope") in ("col", "row") for th in page.all("th"))


@LAX
@given(assessments)
def test_any_assessment_makes_a_sound_page(assessment: Assessment) -> None:
    _check(assessment)


def test_the_page_says_what_the_assessment_says() -> None:
    assessment = sample.compromised()
    text = Html().render(assessment).decode()
    assert text.index("This server was broken into.") < text.index("Was it open to attack?") < text.index("What to do first")
    for found in assessment.findings:
        assert f'id="{found.id}"' in text
    assert text.count('class="limit"><b>Limit:</b>') == 3
    assert "Logo page of the town, checked by J. Doe" in text
    assert "uses the modifier |expand" in text
    assert "1,204,882 times" in text


def test_the_drawings_count_what_there_is() -> None:
    assessment = sample.compromised()
    page = _check(assessment)
    whole = next(s for s in page.all("svg") if "t-whole" in s.get("aria-labelledby", ""))
    assert int(whole["data-moments"]) == len(assessment.timeline)
    bars = [int(r["data-days"]) for r in page.all("rect") if "data-days" in r]
    logs = {(s.kind, s.channel) for s in assessment.coverage.spans if not s.state}
    assert sum(bars) % len(logs) == 0
    assert sum(bars) // len(logs) == 241  # 2021-01-03 to 2021-08-31
    assert sum(int(p["data-count"]) for p in page.all("path") if p.get("class") == "found") == 7


def test_holes_are_visible() -> None:
    assert 'class="c-hole"' in Html().render(sample.SAMPLES["compromised"]()).decode()


def test_many_findings_are_cut_and_counted() -> None:
    text = Html().render(sample.many()).decode()
    assert text.count('<article class="finding') == 500
    assert "The other 4,500 are in" in text


@pytest.mark.parametrize("report", REPORTS, ids=lambda r: r.name)
@pytest.mark.parametrize("name", sample.SAMPLES)
def test_equal_input_gives_equal_output(report: object, name: str) -> None:
    assert report.render(sample.SAMPLES[name]()) == report.render(sample.SAMPLES[name]())


@LAX
@given(assessments, st.integers(20, 200), st.booleans())
def test_nothing_acts_on_a_terminal(assessment: Assessment, width: int, colour: bool) -> None:
    text = Text(width=width, colour=colour).render(assessment).decode("utf-8")
    bare = re.sub(r"\x1b\[[0-9;]+m", "", text) if colour else text
    assert ACTS.search(bare.replace("\n", "")) is None
    assert bait().search(bare) is None
    assert max(map(len, bare.split("\n"))) <= max(40, width)


def test_the_summary_is_short_and_says_what_matters() -> None:
    text = Text(place="out/report.html").render(sample.compromised()).decode()
    assert text.startswith("MAIL01: COMPROMISED\n")
    assert text.count("\n") <= 75
    for piece in (
        "Was it broken into? YES",
        "Limit: HttpProxy logs start",
        "because",
        "What was not seen",
        "1. Take the server",
        "out/report.html",
    ):
        assert piece in text


@LAX
@given(assessments)
def test_no_cell_is_a_formula(assessment: Assessment) -> None:
    text = Timeline().render(assessment).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    marks = 1 if assessment.tlp or assessment.redacted else 0
    assert len(rows) == len(assessment.timeline) + 1 + marks == text.count("\r\n")
    assert ACTS.search(text.replace("\r\n", "")) is None
    for value in (value for row in rows for value in row):
        assert (
            not re.match(r"""[\s"']*[=+\-@]""", value)
            or value.lstrip(" \"'").startswith("'")
            or re.match(r"""[\s"']*'[=+\-@]""", value)
        )


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("@x", "'@x"),
        ('"=x', "\"'=x"),
        ("  =x", "  '=x"),
        ("a;=x", "a;'=x"),
        ("a=b-c", "a=b-c"),
    ],
)
def test_formulas_are_disarmed(text: str, safe: str) -> None:
    assert cell(text) == safe


def test_the_spreadsheet_opens_as_utf_8() -> None:
    assert Timeline().render(sample.compromised()).startswith(b"\xef\xbb\xbftime,kind,what,finding,path,at\r\n")


@given(st.text() | st.sampled_from(sample.HOSTILE))
def test_plain_text_stays_harmless(text: str) -> None:
    once = shown(text)
    assert bait().search(once) is None
    assert defang(once) == once
    assert ACTS.search(once) is None
    assert visible(visible(text)) == visible(text)
    assert "\n" not in once


def test_the_note_stands_only_where_a_word_was_broken() -> None:
    assert "A middle dot" in Html().render(sample.compromised()).decode()
    assert "A middle dot" not in Html().render(sample.quiet()).decode()


def test_a_log_that_lacks_a_column_is_named_with_what_it_lacks():
    from exhume.model import Cause, Gap, Source
    from exhume.reports.wording import absence

    assert absence(Gap("iis.access", Cause.ABSENT, "no column: cs-method", source=Source("e", "a.log", "line 4"))) == (
        "IIS web log: no column: cs-method"
    )
    assert (
        absence(Gap("iis.access", Cause.ABSENT, "nothing of this kind is in the evidence: IIS log W3SVC1")) == "IIS log W3SVC1"
    )
