"""Templates are compiled once; what was kept gives the same pages."""

import marshal

import jinja2
import pytest

from exhume.judge.casebook import casebook
from exhume.model import Server
from exhume.reports.html import Html
from exhume.reports.html.casebook import casebook_page
from reports import sample


class Shelf:
    """A ``Kept`` in memory; every copy forgets what was made of templates before."""

    def __init__(self, held=None):
        self.held = {} if held is None else held

    def __call__(self, what, make):
        key = tuple(what)
        if key not in self.held:
            self.held[key] = make()
        return self.held[key]


@pytest.fixture
def no_compiler(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a template was compiled again")

    return lambda: monkeypatch.setattr(jinja2.Environment, "compile", refuse)


def test_a_second_start_compiles_no_template(no_compiler):
    first = Shelf()
    pages = Html(first).render(sample.compromised()), casebook_page(casebook([Server("a", sample.quiet())]), first)
    assert len(first.held) == 1
    assert pages[0] == Html().render(sample.compromised())
    no_compiler()
    again = Shelf(first.held)
    assert (Html(again).render(sample.compromised()), casebook_page(casebook([Server("a", sample.quiet())]), again)) == pages


def test_what_was_made_of_other_templates_is_not_used():
    shelf = Shelf()
    Html(shelf).render(sample.quiet())
    (key,) = shelf.held
    texts = [part for part in key if b"{%" in part]
    assert len(texts) > 10, "the templates themselves are what it is kept by"
    codes = marshal.loads(shelf.held[key])
    assert "report.html.j2" in codes
    other = Shelf({key[:-1]: b"nothing that could be read"})
    assert Html(other).render(sample.quiet()) == Html(shelf).render(sample.quiet())
