"""Regular expressions over decoded values, rewritten to find the raw rows in which such a value stands.

The rewritten pattern finds more and never less: what a URL may encode is allowed in every spelling, anchors are left out.
Letters that nobody needs to encode are taken to stand as they are; the sieve passes every row in which they do not. Only
patterns that both sieve engines understand come out, and only for what lies within one cell.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

from exhume.detectors.sigma.automaton import parse
from exhume.detectors.sigma.conditions import All, Either, Node, Regex

_FREE = frozenset(string.ascii_letters + string.digits + "-._~")
_BETWEEN = "?"
"""Stands between path and query in ``url``, which are two cells of the row."""
_FIELDS = frozenset({"url", "cs-uri-stem", "cs-uri-query", "UrlStem", "UrlQuery"})
_AS_LOGGED = frozenset(
    {
        *("AnchorMailbox", "AuthenticatedUser", "BackEndCookie", "ClientIpAddress", "ClientInfo", "UserAgent", "UrlHost"),
        *("c-ip", "cs-username", "cs(User-Agent)", "cs(Referer)", "cs-method", "Method"),
    }
)
"""Cells that tests see as they stand in the row."""
_LONGEST = 4000
_MOST = 20
"""A part that is asked for more often is asked for any number of times: engines write bounded repeats out."""


def raw_regex(node: Node, cost: Callable[[str], float]) -> str | None:
    """The cheapest pattern that is found in every raw row in which the node holds; ``None`` when it cannot be told."""
    match node:
        case All(parts):
            return min((found for part in parts if (found := raw_regex(part, cost))), key=cost, default=None)
        case Either(parts):
            each = [raw_regex(part, cost) for part in parts]
            return "|".join(found for found in each if found) if all(each) else None
        case Regex(fields=fields, search=search) if _FIELDS.issuperset(fields):
            return rewritten(search.pattern, re.compile(search.pattern, search.flags).flags)
        case Regex(fields=fields, search=search) if _AS_LOGGED.issuperset(fields):
            return loosened(search.pattern, re.compile(search.pattern, search.flags).flags)
    return None


def rewritten(pattern: str, flags: int = 0) -> str | None:
    """One pattern; ``None`` when something in it could reach over the end of a cell or has no counterpart."""
    items = list(parse(pattern, flags))
    while items and _open(items[0]):
        items.pop(0)
    while items and _open(items[-1]):
        items.pop()
    try:
        out = "".join(map(_item, items))
    except ValueError:
        return None
    return out if out and len(out) < _LONGEST else None


def loosened(pattern: str, flags: int = 0) -> str | None:
    """A pattern over a cell that stands in the row as it is, for the whole row: what cannot be said to both engines is left
    open, so it finds more and never less. ``None`` when nothing of it is left, or it asks for what only Python knows."""
    try:
        out = "".join(map(_loose, parse(pattern, flags)))
    except ValueError:
        return None
    return out if len(out) < _LONGEST and not re.compile(out).search("") else None


def _loose(item: Any) -> str:
    operation, argument = str(item[0]), item[1]
    match operation:
        case "LITERAL":
            return _one(chr(argument))
        case "NOT_LITERAL" | "IN" | "ANY":
            return _some(item, "+")  # more than one: a letter may be several bytes
        case "SUBPATTERN":
            return "(?:" + "".join(map(_loose, argument[3])) + ")"
        case "BRANCH":
            return "(?:" + "|".join("".join(map(_loose, branch)) for branch in argument[1]) + ")"
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most = min(int(argument[0]), _MOST), int(argument[1])
            if len(argument[2]) == 1 and str(argument[2][0][0]) in ("NOT_LITERAL", "IN", "ANY"):
                return _some(argument[2][0], f"{{{least},}}")
            often = f"{{{least},{most if most <= _MOST else ''}}}"
            return "(?:" + "".join(map(_loose, argument[2])) + ")" + often
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return ""
    raise ValueError


def _some(item: Any, often: str) -> str:
    """Characters of a set; one that holds a class or is told by letters that have another case stands for any character."""
    operation, argument = str(item[0]), item[1]
    members: list[tuple[Any, Any]] = argument
    if operation == "NOT_LITERAL":
        members = [("NEGATE", None), ("LITERAL", argument)]
    elif operation == "ANY":
        members = [("CATEGORY", None)]
    negated, out = False, ""
    for kind, value in members:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL" if chr(value).isascii() and not (negated and chr(value).isalpha()):
                out += _one(chr(value))
            case "RANGE" if not negated and f"{chr(value[0])}{chr(value[1])}".isalnum() and value[1] - value[0] < 26:
                out += f"{_one(chr(value[0]))}-{_one(chr(value[1]))}"
            case _:
                return rf"[^\r\n]{often}"
    return rf"[^{out}\r\n]{often}" if negated else f"[{out}]{often}"


def _one(letter: str) -> str:
    if not letter.isascii() or not letter.isprintable():
        raise ValueError
    return re.escape(letter.lower())


def _open(item: Any) -> bool:
    """May it be left out at the beginning or the end of a pattern? Any single part may; these must be."""
    operation, argument = str(item[0]), item[1]
    if operation in ("AT", "ANY", "NOT_LITERAL"):
        return True
    if operation == "LITERAL":
        return chr(argument) == _BETWEEN
    if operation == "IN":
        return not _members(argument)
    if operation in ("MAX_REPEAT", "MIN_REPEAT"):
        return len(argument[2]) == 1 and _open(argument[2][0])
    return False


def _item(item: Any) -> str:
    operation, argument = str(item[0]), item[1]
    match operation:
        case "LITERAL":
            return _letter(chr(argument))
        case "IN":
            letters = _members(argument)
            if not letters:
                raise ValueError
            return "(?:" + "|".join(map(_letter, sorted(letters))) + ")"
        case "SUBPATTERN":
            return "(?:" + "".join(map(_item, argument[3])) + ")"
        case "BRANCH":
            return "(?:" + "|".join("".join(map(_item, branch)) for branch in argument[1]) + ")"
        case "AT":
            return ""
        case "MAX_REPEAT" | "MIN_REPEAT" if tuple(map(str, argument[:2])) in (("0", "1"), ("1", "1")):
            return "(?:" + "".join(map(_item, argument[2])) + ")?"
    raise ValueError


def _members(argument: Any) -> frozenset[str]:
    """The characters of a set; none when it is negated, holds a class, or reaches over the end of a cell."""
    letters: set[str] = set()
    for kind, value in argument:
        if str(kind) == "LITERAL":
            letters.add(chr(value))
        elif str(kind) == "RANGE" and value[1] - value[0] < 64:
            letters |= {chr(code) for code in range(value[0], value[1] + 1)}
        else:
            return frozenset()
    return frozenset() if _BETWEEN in letters else frozenset(letters)


def _letter(letter: str) -> str:
    """A character in every spelling: as it is, or percent-encoded, once or more often; a blank as ``+`` too."""
    if letter in _FREE:
        return re.escape(letter.lower())
    if letter == _BETWEEN or not letter.isascii() or not letter.isprintable():
        raise ValueError
    blank = "|\\+" if letter == " " else ""
    return f"(?:{re.escape(letter)}{blank}|%(?:25)*{ord(letter):02x})"
