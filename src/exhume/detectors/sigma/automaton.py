"""Searching with a regular expression in time that grows only with the length of the text.

Python's ``re`` tries one way after the other; a pattern like ``(a.*)+"`` or ``\\^.*\\^.*\\^`` on a text made for it takes
hours, and evidence is written by attackers. This engine follows all ways at once: a Thompson automaton whose states are
made when they are first needed and then remembered. It answers only whether a match exists, exactly as ``re.search`` would.

Not for look-around, back references, atomic groups and conditions: ``UnsupportedError`` is raised for those.

References: K. Thompson, "Regular Expression Search Algorithm", CACM 11/6 (1968).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

STATES = 1500
"""Places of an automaton; bounded repeats are written out, so ``{1,9999}`` is refused."""
REMEMBERED = 4000
"""Steps remembered before all are forgotten, so that odd texts cannot fill the memory."""

Test = Callable[[str], bool]
_BEFORE, _LINE, _WORD, _OTHER, _LAST_LINE, _AFTER = range(6)
"""What stands beside a place: the start, a line feed, a word character, another one, the final line feed, the end."""


class UnsupportedError(ValueError):
    """The pattern uses something that this engine lacks."""


class Step(dict[str, "Step | None"]):
    """A set of places that the search is in, with the next set for each character met so far; ``None``: matched."""

    __slots__ = ("before", "places")

    def __init__(self, places: frozenset[int], before: int) -> None:
        super().__init__()
        self.places = places
        self.before = before


class Automaton:
    """A pattern, ready to search. Can be pickled: it is built again from its pattern."""

    def __init__(self, pattern: str, flags: int = 0, *, proven: bool = False) -> None:
        """Raises ``UnsupportedError`` or ``re.error``. ``proven``: it was built before, so it need not be until it is used."""
        self.pattern = pattern
        self.flags = flags
        self._tests: list[tuple[Test | None, Any]] = []
        if not proven:
            self._build()

    def _build(self) -> None:
        parsed = parse(self.pattern, self.flags)
        self._accept = self._add(None, None)
        self._start = self._sequence(parsed, int(parsed.state.flags), self._accept)
        self._steps: dict[tuple[frozenset[int], int], Step] = {}
        self._made = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Automaton) and (self.pattern, self.flags) == (other.pattern, other.flags)

    def __hash__(self) -> int:
        return hash((self.pattern, self.flags))

    def __reduce__(self) -> tuple[Callable[[str, int], Automaton], tuple[str, int]]:
        return (proven, (self.pattern, self.flags))

    def found(self, text: str) -> bool:
        """Does the pattern match anywhere in the text?"""
        if not self._tests:
            self._build()
        step = self._step(frozenset((self._start,)), _BEFORE)
        final = text.endswith("\n")
        for character in text[:-1] if final else text:
            after = step.get(character, step)
            if after is step and character not in step:
                after = self._advance(step, character, _beside(character))
            if after is None:
                return True
            step = after
        if final:
            last = self._advance(step, "\n", _LAST_LINE)
            if last is None:
                return True
            step = last
        return self._accept in self._closure(step.places, step.before, _AFTER)

    # the run

    def _step(self, places: frozenset[int], before: int) -> Step:
        key = (places, before)
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = Step(places, before)
        return step

    def _advance(self, step: Step, character: str, beside: int) -> Step | None:
        now = self._closure(step.places, step.before, beside)
        after: Step | None = None
        if self._accept not in now:
            there = {self._start}
            for place in now:
                test, target = self._tests[place]
                if test is not None and test(character):
                    there.add(target)
            if self._made > REMEMBERED:
                self._steps.clear()
                self._made = 0
            after = self._step(frozenset(there), _LINE if beside == _LAST_LINE else beside)
        if beside != _LAST_LINE:
            step[character] = after
            self._made += 1
        return after

    def _closure(self, places: frozenset[int], before: int, beside: int) -> set[int]:
        """All places that can be reached without a character, given what stands on both sides."""
        reached: set[int] = set()
        todo = list(places)
        while todo:
            place = todo.pop()
            if place in reached:
                continue
            reached.add(place)
            test, target = self._tests[place]
            if test is None and target is not None:
                condition, targets = target
                if condition is None or condition(before, beside):
                    todo.extend(targets)
        return reached

    # the construction, from the end to the start

    def _add(self, test: Test | None, target: Any) -> int:
        if len(self._tests) >= STATES:
            raise UnsupportedError("too many repeats")
        self._tests.append((test, target))
        return len(self._tests) - 1

    def _sequence(self, items: Any, flags: int, then: int) -> int:
        for operation, argument in reversed(list(items)):
            then = self._item(str(operation), argument, flags, then)
        return then

    def _item(self, operation: str, argument: Any, flags: int, then: int) -> int:
        if operation in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            return self._add(character_test(operation, argument, flags), then)
        if operation == "SUBPATTERN":
            _, add, remove, items = argument
            return self._sequence(items, (flags | add) & ~remove, then)
        if operation == "BRANCH":
            return self._add(None, (None, [self._sequence(items, flags, then) for items in argument[1]]))
        if operation in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeat(argument, flags, then)
        if operation == "AT":
            return self._add(None, (_place_test(str(argument), flags), [then]))
        raise UnsupportedError(operation.lower().replace("_", " "))

    def _repeat(self, argument: Any, flags: int, then: int) -> int:
        least, most, items = int(argument[0]), argument[1], argument[2]
        if str(most) == "MAXREPEAT":
            loop = self._add(None, None)
            body = self._sequence(items, flags, loop)
            self._tests[loop] = (None, (None, [body, then]))
            then = loop
        else:
            for _ in range(int(most) - least):
                then = self._add(None, (None, [self._sequence(items, flags, then), then]))
        for _ in range(least):
            then = self._sequence(items, flags, then)
        return then


def proven(pattern: str, flags: int) -> Automaton:
    """An automaton that was built before with success."""
    return Automaton(pattern, flags, proven=True)


_parser: Final[Any] = importlib.import_module("re._parser")


def parse(pattern: str, flags: int = 0) -> Any:
    """The pattern as Python's own parser sees it. Raises ``re.error``."""
    return _parser.parse(pattern, flags & ~int(re.UNICODE))


def _beside(character: str) -> int:
    if character == "\n":
        return _LINE
    return _WORD if character.isalnum() or character == "_" else _OTHER


def _place_test(name: str, flags: int) -> Callable[[int, int], bool]:
    many = flags & re.MULTILINE
    if name == "AT_BEGINNING_STRING" or (name == "AT_BEGINNING" and not many):
        return lambda before, beside: before == _BEFORE
    if name == "AT_BEGINNING":
        return lambda before, beside: before in (_BEFORE, _LINE)
    if name == "AT_END_STRING":
        return lambda before, beside: beside == _AFTER
    if name == "AT_END" and many:
        return lambda before, beside: beside in (_LINE, _LAST_LINE, _AFTER)
    if name == "AT_END":
        return lambda before, beside: beside in (_LAST_LINE, _AFTER)
    if name == "AT_BOUNDARY":
        return lambda before, beside: (before == _WORD) != (beside == _WORD)
    if name == "AT_NON_BOUNDARY":
        return lambda before, beside: (before == _WORD) == (beside == _WORD)
    raise UnsupportedError(name.lower())


def character_test(operation: str, argument: Any, flags: int) -> Test:
    """Does a character fit this part of a pattern? Asked once for each new character, so it need not be quick."""
    if flags & (re.ASCII | re.LOCALE):
        raise UnsupportedError("ASCII or locale flag")
    if operation == "ANY":
        return (lambda _: True) if flags & re.DOTALL else (lambda character: character != "\n")
    members = argument if operation == "IN" else [(operation, argument)]
    spelled = _set_of(members)
    return lambda character: _set(spelled, flags & re.IGNORECASE).match(character) is not None


@cache
def _set(spelled: str, flags: int) -> re.Pattern[str]:
    """Compiled when a text first comes so far: most places of most patterns are never reached."""
    return re.compile(spelled, flags)


def _set_of(members: Any) -> str:
    """The set in the notation of ``re`` with every character escaped, so that case is treated as ``re`` treats it."""
    negated, inner = "", ""
    for kind, value in members:
        match str(kind):
            case "NEGATE":
                negated = "^"
            case "NOT_LITERAL":
                negated = "^"
                inner += _code(value)
            case "LITERAL":
                inner += _code(value)
            case "RANGE":
                inner += f"{_code(value[0])}-{_code(value[1])}"
            case "CATEGORY":
                inner += _CATEGORIES[str(value)]
    return f"[{negated}{inner}]"


def _code(value: int) -> str:
    return f"\\U{value:08x}"


_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s", "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip
