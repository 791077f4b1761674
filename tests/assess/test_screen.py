"""The sieve lets a line through only when it holds all that a clue asks for, in the forms that rows have."""

from __future__ import annotations

import pytest

from exhume.assess import sieve
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
