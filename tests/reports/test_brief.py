"""Paper: one entry for each rule, proof in a few lines, and what is left out is counted."""

import re
from dataclasses import replace

from exhume.reports.html.brief import MOST_PLACES, MOST_REASONS, briefs
from exhume.reports.html.page import page
from reports import sample


def test_each_rule_is_one_entry_and_no_finding_is_lost():
    a = sample.compromised()
    told = briefs(a.findings)
    assert len(told) == len({(f.pack, f.rule, f.title) for f in a.findings})
    twice = briefs((*a.findings, replace(a.findings[0], subject="another", count=5)))
    assert len(twice) == len(told)
    assert f"2 findings, {a.findings[0].count + 5:,} times" in twice[0].when


def test_places_and_reasons_are_cut_and_counted():
    many = sample.many(50)
    (one, *_) = briefs(many.findings)
    places = {(s.path, s.at) for f in many.findings if f.title == one.title for s in f.sources}
    assert len(one.places) == min(MOST_PLACES, len(places))
    assert one.more == len(places) - len(one.places)
    assert len(one.because) <= MOST_REASONS
    text = page(many).decode()
    assert f"and {one.more:,} more in assessment.json" in text


def test_only_one_of_both_forms_is_seen():
    style = re.search(r"<style>(.*?)</style>", page(sample.compromised()).decode(), re.DOTALL)[1]
    screen, _, paper = style.partition("@media print {")
    assert ".brief, .paper { display: none; }" in screen
    assert ".brief { display: table; }" in paper
    assert re.search(r"\.whole, \.screen \{ display: none; \}", paper)
