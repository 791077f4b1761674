"""Scripts of the log-on page that hand the password on: what key loggers of 2024 and 2025 added to ``clkLgn()`` in flogon.js.

Exchange's own log-on page sends the password by submitting its form, and its scripts touch the field only to look whether it is
empty or to show what was typed. So a script there that puts the field's value into a request, a picture's address, a header or
a cookie is none of Microsoft's. Followed are names, not the language: what is set from the field, and what is set from that.

References: Positive Technologies, "Positive Technologies detects a series of attacks via Microsoft Exchange Server" (May 2024)
and "Exchange mutations" (June 2025): handlers that send by XHR to a page of the same server, or keep in a cookie or a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

PLACES = ("/owa/auth/", "/ecp/auth/")
"""Folders of the log-on pages, as URL paths."""
WINDOW = 400
"""Letters of a call's arguments, or of what is set, that are looked at."""
NAMES = 200
"""Names that are followed."""
CALLS = 20_000
"""Calls of one kind that are looked at."""
LARGEST = 1_000_000
"""Letters of a script that are looked at; Exchange's own has fewer than 20,000."""
_FIELD = re.compile(
    r"(?:getelementbyid|getelementsbyname|queryselector(?:all)?|gbid|\$|jquery)\s{0,4}\(\s{0,4}[\"'][#.]?[\w-]{0,20}(?:password|passwd|pwd)\w{0,10}[\"']"
    r"|input\[(?:type|name|id)\s{0,2}=\s{0,2}\\?[\"']?pass(?:word|wd)|\bpassword\w{0,8}\s{0,2}\.\s{0,2}value\b"
    r"|\[\s{0,2}[\"']password[\"']\s{0,2}\]|\bforms?(?:\[\d\])?\s{0,2}\.\s{0,2}password\b|\.password\s{0,2}\.\s{0,2}value\b",
    re.IGNORECASE,
)
_FORM = re.compile(r"new\s{1,4}FormData\s{0,4}\(|\.serialize(?:Array)?\s{0,4}\(", re.IGNORECASE)
_SET = re.compile(
    r"(?:^|[;{}\n,(]|\b(?:var|let|const)\s)\s{0,40}([A-Za-z_$][\w$]{0,60}(?:\.[\w$]{1,60}){0,3})\s{0,8}\+?=(?![=>])",
    re.MULTILINE,
)
_SENDS = re.compile(
    r"(\.\s{0,2}send|\bfetch|sendBeacon|(?:\$|jQuery)\s{0,2}\.\s{0,2}(?:post|get|ajax|getJSON)|axios(?:\.\w{1,9})?|setRequestHeader"
    r"|\.\s{0,2}open|importScripts|new\s{1,4}WebSocket)\s{0,4}\(",
    re.IGNORECASE,
)
_LEADS = re.compile(r"(\.\s{0,2}src|\blocation(?:\s{0,2}\.\s{0,2}href)?|\.\s{0,2}action)\s{0,4}=(?!=)", re.IGNORECASE)
_KEEPS = re.compile(
    r"(document\s{0,2}\.\s{0,2}cookie)\s{0,4}\+?=(?!=)|((?:local|session)Storage(?:\s{0,2}\.\s{0,2}setItem)?)\s{0,4}[(.\[]",
    re.IGNORECASE,
)
_KEYS = re.compile(
    r"(?:addEventListener\s{0,4}\(\s{0,4}[\"']key(?:down|up|press)|document\s{0,2}\.\s{0,2}onkey(?:down|up|press)\s{0,4}=)",
    re.IGNORECASE,
)
_WHICH = re.compile(r"\.\s{0,2}(?:key|keyCode|which|charCode)\b")
_REQUEST = re.compile(
    r"XMLHttpRequest|\bfetch\s{0,4}\(|sendBeacon|new\s{1,4}Image\b|WebSocket|(?:\$|jQuery)\s{0,2}\.\s{0,2}(?:post|ajax)",
    re.IGNORECASE,
)


class Handed(NamedTuple):
    """A place where the password is handed on."""

    at: int
    """Letters before it."""
    words: str
    sends: bool
    """It leaves the browser at once; else it is kept there, for instance in a cookie."""


def handed_on(text: str) -> Iterator[Handed]:
    """The first place of each kind. Linear in the length of the text."""
    text = text[:LARGEST]
    if _FIELD.search(text):
        names = _followed(text)
        for pattern, words, sends in (
            (_SENDS, "puts the password field into a request ({})", True),
            (_LEADS, "puts the password field into an address ({})", True),
            (_KEEPS, "keeps the password field in {}", False),
        ):
            for match in islice(pattern.finditer(text), CALLS):
                if _holds(text[match.end() : match.end() + WINDOW], names):
                    yield Handed(match.start(), words.format(re.sub(r"\s", "", next(g for g in match.groups() if g))), sends)
                    break
    keys = _KEYS.search(text)
    if keys and _WHICH.search(text) and _REQUEST.search(text):
        yield Handed(keys.start(), "listens to each key and makes requests", False)


def _followed(text: str) -> re.Pattern[str] | None:
    """The names that hold the field or what was made of it."""
    names: dict[str, None] = {}
    sets = [(m[1], _statement(text[m.end() : m.end() + WINDOW])) for m in _SET.finditer(text)]
    for _ in range(4):
        known = _pattern(names)
        before = len(names)
        for name, value in sets:
            if name not in names and len(names) < NAMES and _taken(value, known):
                names[name] = None
        if len(names) == before:
            break
    return _pattern(names)


def _taken(value: str, known: re.Pattern[str] | None) -> bool:
    """Is this the field, the form or a name that holds it, and no mere question about it?"""
    if re.match(r"\s*(?:!|typeof\b|function\b)", value) or re.search(
        r"\.\s{0,2}(?:length|checked|style|focus)\b|[!=]==?", value
    ):
        return False
    return bool(_FIELD.search(value) or _FORM.search(value) or (known and known.search(value)))


def _holds(window: str, names: re.Pattern[str] | None) -> bool:
    if not _named(window, names):
        return False
    return _named(_statement(window), names)


def _named(text: str, names: re.Pattern[str] | None) -> bool:
    return bool((names and names.search(text)) or _FIELD.search(text))


def _statement(window: str) -> str:
    """Up to the end of the statement: a semicolon, or a line end where no bracket is open."""
    opened = 0
    for place, letter in enumerate(window):
        if letter in "([{":
            opened += 1
        elif letter in ")]}":
            opened -= 1
            if opened < 0 and letter == "}":
                return window[:place]
        elif letter == ";" or (letter == "\n" and opened <= 0):
            return window[:place]
    return window


def _pattern(names: dict[str, None]) -> re.Pattern[str] | None:
    if not names:
        return None
    return re.compile(r"(?<![\w$.])(?:" + "|".join(re.escape(n) for n in names) + r")(?![\w$])")
