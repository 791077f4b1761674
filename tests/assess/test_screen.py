"""The sieve lets a line through only when it holds all that a clue asks for, in the forms that rows have."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exhume.assess import sieve
from exhume.assess.sieve import screen
from exhume.assess.sieve.screen import LOOKALIKES, NEEDLESS
from exhume.model import Clue

CLUE = Clue((frozenset({".asmx"}), frozenset({"mozilla", "python"})))
ROWS = {
    "IIS": b"2021-03-02 12:01:02 10.0.0.5 POST /EWS/Exchange.asmx - 443 - 198.51.100.9 %s 200 0 0 15\n",
    "HttpProxy": b"2021-03-02T12:01:02.585Z,951d3a20,15,1,2176,2,,Ews,mail.contoso.test,/EWS/Exchange.asmx,,,,%s,,200\n",
    "quoted": b'"2021-03-02T12:01:02.585Z","Ews","/EWS/Exchange.asmx","%s","200"\n',
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_that_lacks_the_rest_is_not_parsed(row: bytes) -> None:
    screen = sieve.build({CLUE})
    assert screen.candidates(row % b"MacOutlook/16.46") == []
    assert len(screen.candidates(row % b"Mozilla/5.0")) == 1


def test_a_line_that_goes_on_a_row_is_parsed_whatever_it_lacks() -> None:
    """Half of the row may stand in the line before."""
    assert len(sieve.build({CLUE}).candidates(b"and so on, /x.asmx\n")) == 1


STRANGE = st.lists(
    st.sampled_from([*"%25edcABF4179bz &", "%25", "%c5", "%e2", "\xc5", "\xbf", "\xc4", "\xb1", "\xe2", "\x84", "\xaa"])
)


@given(STRANGE)
@example(["%", "25", "25", "4", "1"])
@example(["\xc5", "%25", "b", "f"])
@example(["\xe2", "%84", "\xaa"])
@pytest.mark.parametrize("engine", sieve.ENGINES)
def test_a_row_that_hides_letters_is_parsed(engine: str, pieces: list[str]) -> None:
    """It is searched for in another form than it is told by: what the search does not name would be lost."""
    line = "".join(pieces).encode("latin-1") + b"\n"
    hidden = re.search(NEEDLESS + b"|" + LOOKALIKES, line, re.IGNORECASE)
    assert bool(_screen(engine).candidates(line)) == bool(hidden)


@cache
def _screen(engine: str) -> sieve.Screen:
    return sieve.build({CLUE}, engine)


def test_a_line_is_looked_at_once_for_each_text_however_often_it_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    complete = screen._complete
    monkeypatch.setattr(screen, "_complete", lambda needs, line: looked.append(1) or complete(needs, line))
    assert sieve.build({CLUE}).candidates(b"2021-03-02 12:00:00 " + b".asmx" * 10_000 + b"\n") == []
    assert len(looked) == 1
