"""How marks add up. The table is the one of docs/explanation/verdicts.md: each of its rows is a test."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hand_findings import NOON, found

from exhume.judge.chain import chain
from exhume.judge.shown import pages_shown
from exhume.judge.weigh import weigh
from exhume.model import Confidence, Coverage, Finding, Outcome, Record, Source, Verdict, held, raised, to_confirm
from exhume.model.visit import visit_of

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "verdicts.md"
_MARK = re.compile(
    r"`(probe|attempt|step|write|exec|post)`(?:, (low|medium|high))?(?:, (ambiguous|decisive))?(?:, fact `([a-z-]+)`)?"
)
_SHARED = {
    "the page": {"page": "/aspnet_client/x.aspx"},
    "the address": {"address": "203.0.113.9"},
    "the account": {"who": "contoso.test/Users/adm.berg"},
    "the session": {"canary": "abcdefghij"},
    "nothing": {},
}


def rows() -> list[tuple[str, str, str, str]]:
    """The table's rows: first mark, second mark, what they share, verdict."""
    text = PAGE.read_text("utf-8")
    table = text[text.index("| first mark |") :].partition("\n\n")[0].splitlines()[2:]
    out = []
    for line in table:
        first, second, shared, verdict = (cell.strip() for cell in line.strip("|").split("|")[:4])
        out.append((first, second, shared, verdict))
    return out


def mark(words: str, number: int, shared: str) -> Finding:
    match = _MARK.match(words)
    assert match, words
    what, _, apart = shared.partition(", ")
    hours = float(apart.removesuffix(" hours apart")) if apart else 0
    return found(
        f"X{number}-a",
        Outcome.parse(match[1]),
        confidence=Confidence.parse(match[2] or "medium"),
        ambiguous=match[3] == "ambiguous",
        decisive=match[3] == "decisive",
        shows=match[4] or "",
        at=NOON + timedelta(hours=hours) * (number - 1),
        **_SHARED[what],
    )


@pytest.mark.parametrize(("first", "second", "shared", "verdict"), rows())
def test_two_marks_call_for_what_the_page_says(first: str, second: str, shared: str, verdict: str) -> None:
    marks = [mark(first, 1, shared)] + ([mark(second, 2, shared)] if second != "none" else [])
    for order in permutations(marks):
        called = max((v for f in weigh(order) if (v := raised(f)) is not None), default=None)
        assert str(called or "nothing") == verdict.strip("`")


def test_the_table_is_there() -> None:
    assert len(rows()) >= 14


def test_weighing_twice_gives_the_same_and_names_the_others() -> None:
    one = found("X1-a", Outcome.POST, ambiguous=True, who="contoso.test/Users/adm")
    two = found("X2-a", Outcome.WRITE, ambiguous=True, who="contoso.test/Users/adm")
    once = weigh([one, two])
    assert weigh(once) == once
    assert [(f.weighed, f.beside) for f in once] == [(Verdict.SUSPECTED, (two.id,)), (Verdict.SUSPECTED, (one.id,))]
    assert weigh(once[:1])[0].weighed is None  # the other was allowed since


def test_other_accounts_and_crowded_addresses_join_nothing() -> None:
    one = found("X1-a", Outcome.POST, ambiguous=True, who="CONTOSO\\adm.berg")
    two = found("X2-a", Outcome.POST, ambiguous=True, who="CONTOSO\\adm.thal")
    assert [raised(f) for f in weigh([one, two])] == [None, None]
    one = found("X1-a", Outcome.POST, ambiguous=True, address="203.0.113.9", at=NOON)
    two = found("X2-a", Outcome.POST, ambiguous=True, address="203.0.113.9", at=NOON + timedelta(hours=2))
    assert raised(weigh([one, two])[0]) == Verdict.SUSPECTED
    assert raised(weigh([one, two], mixed=frozenset({"203.0.113.9"}))[0]) is None


def test_many_marks_are_weighed_in_linear_time() -> None:
    many = [
        found(f"X{n % 40}-a", Outcome.POST, ambiguous=True, at=NOON + timedelta(seconds=n), page=f"/p{n}.aspx")
        for n in range(20_000)
    ]
    assert all(f.weighed == Verdict.SUSPECTED for f in weigh(many))


def test_others_rules_never_prove_a_break_in_together() -> None:
    one = found("X1-a", Outcome.STEP, own=False, page="/aspnet_client/x.aspx")
    two = found("X2-a", Outcome.EXEC, own=False, page="/aspnet_client/x.aspx")
    assert [raised(f) for f in weigh([one, two])] == [Verdict.SUSPECTED] * 2


def page_file(page: str, content: bool = False, script: bool = True) -> Finding:
    """What is said of a page's file that came with the evidence."""
    one = found("X9-a", Outcome.STEP, shows="odd-page/content" if content else "odd-page", page=page)
    fields = {
        "url": page,
        "windows_path": f"C:\\inetpub\\wwwroot{page.replace('/', chr(92))}",
        "sha256": "a" * 64,
        "script": script,
    }
    record = Record("web.file", None, fields, Source("e", "x.aspx", "file"))
    return replace(one, record=record, first_seen=None, visits=(visit_of(record),), subject="x.aspx")


@pytest.mark.parametrize(
    ("people", "content", "verdict"), [(6, False, "suspected"), (2, False, "compromised"), (6, True, "compromised")]
)
def test_a_harmless_page_that_many_use_is_no_proof_of_a_break_in(people: int, content: bool, verdict: str) -> None:
    page = "/aspnet_client/ask.aspx"
    posts = [
        found("WS-a", Outcome.EXEC, confidence=Confidence.HIGH, page=page, address=f"203.0.113.{n}") for n in range(people)
    ]
    weighed = weigh([*posts, page_file(page, content)])
    assert str(max(v for f in weighed if (v := raised(f)) is not None)) == verdict


@pytest.mark.parametrize(("people", "named"), [(6, False), (2, True)])
def test_a_page_whose_use_was_held_as_harmless_is_not_named(people: int, named: bool) -> None:
    """Only what is unsure or held speaks for it: then it is no planted page. One mark that stands names it."""
    page = "/aspnet_client/ask.aspx"
    posts = [
        found("WS-a", Outcome.EXEC, confidence=Confidence.HIGH, page=page, address=f"203.0.113.{n}") for n in range(people)
    ]
    answered = [replace(one, visits=tuple(replace(v, keys=(*v.keys, "status:200")) for v in one.visits)) for one in posts]
    unsure = replace(page_file(page), ambiguous=True)
    weighed = [*(f for f in weigh([*answered, page_file(page)]) if f.record.kind != "web.file"), unsure]
    assert sum(held(f) for f in weighed) == (0 if named else people)
    pages = {p for f in weighed for v in f.visits for p in pages_shown(f, v)}
    assert pages == ({page} if named else set())
    assert {p for one in chain(weighed, Coverage(), {}) for p in one.web_shells} == pages
    sure = page_file(page)
    assert {p for v in sure.visits for p in pages_shown(sure, v)} == {page}
    assert not to_confirm(sure)
    assert not {p for v in unsure.visits for p in pages_shown(unsure, v)}


def test_two_rules_that_hold_for_one_row_have_seen_one_thing() -> None:
    one = found("X1-a", Outcome.POST, ambiguous=True, who="CONTOSO\\svc")
    two = found("X2-a", Outcome.POST, ambiguous=True, who="CONTOSO\\svc")
    two = replace(two, sources=one.sources)
    assert [raised(f) for f in weigh([one, two])] == [None, None]


def test_scanners_and_an_emptied_file_make_no_harmless_page() -> None:
    page = "/aspnet_client/ask.aspx"
    posts = [found("WS-a", Outcome.EXEC, confidence=Confidence.HIGH, page=page, address=f"203.0.113.{n}") for n in range(6)]
    scans = [found("WS-c", Outcome.PROBE, confidence=Confidence.HIGH, page=page, address=f"198.51.100.{n}") for n in range(9)]
    for evidence in ([posts[0], *scans, page_file(page)], [*posts, page_file(page, script=False)]):
        assert Verdict.COMPROMISED in [raised(f) for f in weigh(evidence)]
