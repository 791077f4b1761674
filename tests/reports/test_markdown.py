"""Markdown, read back by a parser of GitHub's flavour with links made of bare addresses: only what exhume wrote itself acts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from exhume.model import Assessment
from exhume.reports import Markdown
from exhume.reports.markdown import _table, code, prose
from reports import owner, sample
from reports.assessments import assessments

READ = MarkdownIt("gfm-like")
BLOCKS = {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item", "strong", "em"}
PLAIN = {"inline", "text", "code_inline", "softbreak", "fence", "html_inline"}
ODD = [*"[]()!<>`*_~#-+=|\\&@:/.1 \n\tab", "http://x.y", "www.x.com", "a@b.com", "```", "<br>", "&amp;", "**", "1. ", "- "]
pieces = st.lists(st.sampled_from(ODD), max_size=12).map("".join)


def tokens(text: str) -> list[Token]:
    found = READ.parse(text)
    return [*found, *(child for token in found for child in token.children or ())]


def check(text: str) -> None:
    for token in tokens(text):
        assert token.type.removesuffix("_open").removesuffix("_close") in BLOCKS | PLAIN, (token.type, token.content)
        assert token.type != "html_inline" or token.content == "<br>"


def test_the_check_can_fail() -> None:
    for text in ("<b>x</b>", "[a](http://x)", "![a](b)", "see www.x.com", "> quote"):
        with pytest.raises(AssertionError):
            check(text)


@pytest.mark.parametrize("name", [*sample.SAMPLES, "owner"])
def test_samples_hold_only_our_own_markup(name: str) -> None:
    check(Markdown().render({**sample.SAMPLES, "owner": owner.assessment}[name]()).decode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(assessments)
def test_any_assessment_holds_only_our_own_markup(assessment: Assessment) -> None:
    check(Markdown().render(assessment).decode())


@settings(max_examples=1000, deadline=None)
@given(pieces, pieces)
def test_a_sentence_is_a_sentence_and_a_cell_is_a_cell(sentence: str, value: str) -> None:
    for line in (prose(sentence), f"- {prose(sentence)}", f"# {prose(sentence)}"):
        found = tokens(line + "\n")
        assert {t.type for t in found if not t.type.endswith(("_open", "_close"))} <= {"inline", "text", "code_inline"}
        assert sum(t.type.endswith("_open") for t in found) <= 3
    row = tokens("\n".join(_table(("a", "b"), [(prose(sentence), code(value))])) + "\n")
    assert sum(t.type == "td_open" for t in row) == 2
