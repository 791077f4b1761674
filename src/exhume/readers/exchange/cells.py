"""Cells of a CSV row as Exchange writes them, and as analysts' tools write them again.

Quoting is RFC 4180, but user agents and URLs hold what an attacker likes, and a lone quote must never swallow the rows behind
it. So a cell counts as quoted only when its closing quote is followed by a delimiter or the end; else its quotes are text. A
row goes on in the next line only when that closes the quote and gives exactly the cells that the header names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from exhume.readers.dialect import Look

MOST_LINES = 20
"""Lines that a row may go on for."""
MOST_BYTES = 64 << 10
"""Bytes that a row of several lines may have."""
_TIME_START = re.compile(rb'"?\d{4}-\d\d-\d\d[T ]\d\d:\d\d')


@lru_cache(maxsize=8)
def _pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf'(?:"((?>(?:[^"]++|"")*))"|([^{mark}]*+))({mark}|\Z)', re.DOTALL)


def split(text: str, delimiter: str, expected: int) -> list[str]:
    """The cells of one row. When quotes make another number of cells than the header has and ignoring them makes the right
    number, quotes are ignored."""
    if '"' not in text:
        return text.split(delimiter)
    cells: list[str] = []
    for match in _pattern(delimiter).finditer(text):
        quoted, raw, end = match.groups()
        cells.append(raw if quoted is None else quoted.replace('""', '"'))
        if not end:
            break
    if len(cells) != expected:
        plain = text.split(delimiter)
        if len(plain) == expected:
            return plain
    return cells


def goes_on(lines: Sequence[bytes], at: int, stop: int, delimiter: str, expected: int) -> Look:
    """Does the row that begins in ``lines[at]`` with an open quote go on in the next lines? ``ends`` says how many (or 0).

    A line that begins like a row ends the search: two requests with one quote each would otherwise hide each other.
    """
    text = lines[at].rstrip(b"\r")
    if text.count(b'"') % 2 == 0:
        return Look()
    for ends in range(1, MOST_LINES + 1):
        if at + ends >= stop:
            return Look(more=True)
        following = lines[at + ends]
        if _TIME_START.match(following) or following.startswith(b"#"):
            return Look()
        text += b"\n" + following.rstrip(b"\r")
        if len(text) > MOST_BYTES:
            return Look()
        if text.count(b'"') % 2 == 0 and len(split(text.decode("utf-8", "replace"), delimiter, -1)) == expected:
            return Look(ends=ends)
    return Look()
