"""Regular expressions of rules: compiled, guarded, and the texts that must stand in whatever they match."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from exhume.detectors.sigma.automaton import Automaton, UnsupportedError, parse
from exhume.detectors.sigma.conditions import Search
from exhume.detectors.sigma.view import fold

Needs = tuple[frozenset[str], ...]
"""Sets of folded texts; of each set one must stand in every match."""
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
PLAIN_WINDOW = 65_536
TIGHT_WINDOW = 2_048


def compile_search(pattern: str, flags: str) -> tuple[Search | Automaton, Needs]:
    """The pattern ready to search, and what a match needs. Raises ``ValueError`` with the reason in words."""
    bits = 0
    for flag in flags:
        bits |= int(_FLAGS[flag])
    try:
        re.compile(pattern, bits)
        parsed = parse(pattern, bits)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"bad regular expression: {error}") from None
    needs = tuple(needed(parsed))
    open_ended, nested = _openness(parsed)
    if open_ended <= 1 and not nested and not _starts_open(parsed):
        return Search(pattern, bits, PLAIN_WINDOW, _has_end(parsed)), needs
    try:
        return Automaton(pattern, bits), needs
    except UnsupportedError as reason:
        if nested or open_ended > 3:
            raise ValueError(f"regular expression that could take for ever ({reason} beside open repetitions)") from None
        return Search(pattern, bits, TIGHT_WINDOW, _has_end(parsed)), needs


def _openness(items: Any) -> tuple[int, bool]:
    """How many open repetitions there are, and whether one stands inside another."""
    count, nested = 0, False
    for operation, argument in items:
        open_here = str(operation) in _REPEATS and (str(argument[1]) == "MAXREPEAT" or int(argument[1]) > 100)
        for inner in inner_sequences(str(operation), argument):
            inner_count, inner_nested = _openness(inner)
            count += inner_count
            nested = nested or inner_nested or (open_here and inner_count > 0)
        count += open_here
    return count, nested


def _starts_open(items: Any) -> bool:
    for operation, argument in items:
        if str(operation) in _REPEATS:
            return str(argument[1]) == "MAXREPEAT" or int(argument[1]) > 100
        if str(operation) != "AT":
            return any(_starts_open(inner) for inner in inner_sequences(str(operation), argument))
    return False


def _has_end(items: Any) -> bool:
    return any(
        (str(operation) == "AT" and "END" in str(argument))
        or any(_has_end(inner) for inner in inner_sequences(str(operation), argument))
        for operation, argument in items
    )


def inner_sequences(operation: str, argument: Any) -> Iterator[Any]:
    """The sequences inside one part of a parsed pattern."""
    if operation == "SUBPATTERN":
        yield argument[3]
    elif operation == "BRANCH":
        yield from argument[1]
    elif operation in _REPEATS:
        yield argument[2]
    elif operation in ("ASSERT", "ASSERT_NOT"):
        yield argument[1]
    elif operation == "ATOMIC_GROUP":
        yield argument
    elif operation == "GROUPREF_EXISTS":
        yield from (sequence for sequence in argument[1:] if sequence)


def needed(items: Any) -> list[frozenset[str]]:
    """What every match of the sequence contains. Careful: when in doubt it asks for less."""
    out: list[frozenset[str]] = []
    run = _collect(items, "", out)
    _flush(run, out)
    return out


def _flush(run: str, out: list[frozenset[str]]) -> str:
    if run:
        out.append(frozenset((run,)))
    return ""


def _collect(items: Any, run: str, out: list[frozenset[str]]) -> str:
    for operation, argument in items:
        name = str(operation)
        letter = _letter(name, argument)
        if letter:
            run += letter
        elif name == "SUBPATTERN":
            run = _collect(argument[3], run, out)
        elif name == "AT":
            continue
        else:
            run = _flush(run, out)
            if name in _REPEATS and int(argument[0]) >= 1:
                out.extend(needed(argument[2]))
            elif name == "ATOMIC_GROUP":
                out.extend(needed(argument))
            elif name == "BRANCH":
                choices = [best_need(needed(branch)) for branch in argument[1]]
                if all(choices):
                    out.append(frozenset().union(*choices))
    return run


def _letter(name: str, argument: Any) -> str:
    """The one folded character that a part stands for, in whatever letter case; else empty text."""
    if name == "LITERAL":
        return _folded(argument)
    if name == "IN":
        letters = {_folded(value) if str(kind) == "LITERAL" else "" for kind, value in argument}
        return letters.pop() if len(letters) == 1 else ""
    return ""


def _folded(code: int) -> str:
    folded = fold(chr(code))
    return folded if len(folded) == 1 and folded != "\ufffd" else ""


def best_need(needs: Iterable[frozenset[str]]) -> frozenset[str]:
    """The set whose shortest text is longest; empty when there is none."""
    return max(needs, key=lambda need: (min(map(len, need)), -len(need)), default=frozenset())
