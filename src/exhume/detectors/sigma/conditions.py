"""A compiled Sigma condition: plain frozen dataclasses that decide about a record without pySigma.

Every node answers two questions of a ``View``: does it hold, and, if it does, because of which fields. Letter case is
ignored by ``fold`` unless the rule says ``cased``; a field that is missing makes a test false, and ``not`` turns the whole
around (Sigma specification 2.1, "Detection" and appendix "Modifiers").
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeAlias

from exhume.detectors.sigma.automaton import Automaton
from exhume.detectors.sigma.values import Part, address_in, date_part, number_of
from exhume.detectors.sigma.view import View
from exhume.model import Because

Place: TypeAlias = Literal["equals", "contains", "startswith", "endswith"]
Operator: TypeAlias = Literal["<", "<=", ">", ">=", "="]
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip
WORDS = {"equals": "equals", "contains": "contains", "startswith": "starts with", "endswith": "ends with"}
_FITS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "equals": lambda text, values: text in values,
    "contains": lambda text, values: any(map(text.__contains__, values)),
    "startswith": lambda text, values: text.startswith(values),
    "endswith": lambda text, values: text.endswith(values),
}


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]

    def holds(self, view: View) -> bool:
        return all(part.holds(view) for part in self.parts)

    def reasons(self, view: View) -> Iterator[Because]:
        for part in self.parts:
            yield from part.reasons(view)


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds; the first that does is the reason."""

    parts: tuple[Node, ...]

    def holds(self, view: View) -> bool:
        return any(part.holds(view) for part in self.parts)

    def reasons(self, view: View) -> Iterator[Because]:
        for part in self.parts:
            if part.holds(view):
                yield from part.reasons(view)
                return


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold. What is absent is no reason to show."""

    part: Node

    def holds(self, view: View) -> bool:
        return not self.part.holds(view)

    def reasons(self, view: View) -> Iterator[Because]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Text:
    """One of the values stands at the given place in one of the fields."""

    fields: tuple[str, ...]
    place: Place
    values: tuple[str, ...]
    """Folded unless ``cased``."""
    shown: tuple[str, ...]
    """The values as the rule has them."""
    cased: bool = False
    _ascii: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The values that may stand in a text of ASCII: some rules list hundreds of others (emoji, letters that look alike)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ascii", tuple(filter(str.isascii, self.values)))

    def holds(self, view: View) -> bool:
        fits = _FITS[self.place]
        for name in self.fields:
            for _, text, folded in view.values(name):
                if fits(text if self.cased else folded, self._ascii if text.isascii() else self.values):
                    return True
        return False

    def reasons(self, view: View) -> Iterator[Because]:
        fits = _FITS[self.place]
        for real, text, folded in view.candidates(self.fields):
            for value, shown in zip(self.values, self.shown, strict=True):
                if fits(text if self.cased else folded, (value,)):
                    yield Because(real, text, f"{WORDS[self.place]} '{shown}'")
                    return


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A pattern with ``*`` or ``?`` inside, matched over the whole value in time that grows only with its length."""

    fields: tuple[str, ...]
    pattern: str
    """A regular expression from ``wildcard_pattern``."""
    segments: tuple[str, ...]
    """The plain pieces between the wildcards, folded unless ``cased``."""
    shown: str
    cased: bool = False

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text, folded in view.candidates(self.fields):
            subject = text if self.cased else folded
            if all(segment in subject for segment in self.segments) and self.fits(subject):
                yield Because(real, text, f"matches '{self.shown}'")
                return

    def fits(self, subject: str) -> bool:
        """Does the whole of a value match? Folded unless ``cased``."""
        return _compiled(self.pattern, re.DOTALL).match(subject) is not None


@dataclass(frozen=True, slots=True)
class Number:
    """The field equals a number, written in any way (``200``, ``"200"``, ``200.0``)."""

    fields: tuple[str, ...]
    number: float

    def holds(self, view: View) -> bool:
        return any(number_of(text) == self.number for name in self.fields for _, text, _ in view.values(name))

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text, _ in view.candidates(self.fields):
            if number_of(text) == self.number:
                yield Because(real, text, f"equals {self.number:g}" if self.number < 1e6 else f"equals {self.number:.0f}")
                return


@dataclass(frozen=True, slots=True)
class Compare:
    """The field is a number that is less or greater."""

    fields: tuple[str, ...]
    operator: Operator
    number: float

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text, _ in view.candidates(self.fields):
            value = number_of(text)
            if value is not None and _COMPARED[self.operator](value, self.number):
                yield Because(real, text, f"{self.operator} {self.number:g}")
                return


@dataclass(frozen=True, slots=True)
class DatePart:
    """A part of the date that the field writes, as it stands there: no time zone is converted."""

    fields: tuple[str, ...]
    part: Part
    operator: Operator
    number: float

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text in (*((real, text) for real, text, _ in view.candidates(self.fields)), *view.times(self.fields)):
            value = date_part(text, self.part)
            if value is not None and _COMPARED[self.operator](value, self.number):
                yield Because(real, text, f"{self.part} {self.operator} {self.number:g}")
                return


@dataclass(frozen=True, slots=True)
class Network:
    """The field is an address inside a network. Never a substring: ``1.2.3.4`` is not in ``1.2.3.40``."""

    fields: tuple[str, ...]
    network: ipaddress.IPv4Network | ipaddress.IPv6Network

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text, _ in view.candidates(self.fields):
            address = address_in(text)
            if address is not None and address.version == self.network.version and address in self.network:
                yield Because(real, text, f"in network {self.network}")
                return


@dataclass(frozen=True, slots=True)
class Empty:
    """The field is absent, null or empty text, or the text its log writes for "nothing"."""

    fields: tuple[str, ...]
    nothing: str = ""

    def holds(self, view: View) -> bool:
        return all(text in ("", self.nothing) for _, text, _ in view.candidates(self.fields))

    def reasons(self, view: View) -> Iterator[Because]:
        yield Because(self.fields[0], "", "is empty")


@dataclass(frozen=True, slots=True)
class Null:
    """The record lacks the field, or it is null. A field that is there and empty is another thing."""

    fields: tuple[str, ...]

    def holds(self, view: View) -> bool:
        return next(view.candidates(self.fields), None) is None

    def reasons(self, view: View) -> Iterator[Because]:
        yield Because(self.fields[0], "", "is null")


@dataclass(frozen=True, slots=True)
class Exists:
    """The record has one of the fields, whatever its value."""

    fields: tuple[str, ...]
    null: bool = True
    """Also with the value null."""

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text, _ in view.candidates(self.fields):
            yield Because(real, text, "exists")
            return
        if self.null:
            yield from (Because(name, "", "exists") for name in self.fields if name in view.record.fields)


@dataclass(frozen=True, slots=True)
class SameAs:
    """The field equals, or starts, ends with or contains, another field of the same record."""

    fields: tuple[str, ...]
    place: Place
    others: tuple[str, ...]

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        others = [(name, folded) for name, _, folded in view.candidates(self.others) if folded or self.place == "equals"]
        for real, text, folded in view.candidates(self.fields):
            for name, value in others:
                if _FITS[self.place](folded, (value,)):
                    yield Because(real, text, f"{WORDS[self.place]} the field {name}")
                    return


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression, searched for anywhere in the value, case-sensitive unless it says otherwise.

    ``needs``: sets of folded texts; of each set one must occur, which is quick to test first.
    """

    fields: tuple[str, ...]
    search: Search | Automaton
    needs: tuple[frozenset[str], ...]
    shown: str

    def holds(self, view: View) -> bool:
        return next(self.reasons(view), None) is not None

    def reasons(self, view: View) -> Iterator[Because]:
        for real, text, folded in view.candidates(self.fields):
            if all(any(piece in folded for piece in need) for need in self.needs) and self.search.found(text):
                yield Because(real, text, f"matches the regular expression '{self.shown}'")
                return


@dataclass(frozen=True, slots=True)
class Search:
    """A regular expression with a limit on how much text is given to it at once.

    Python's engine goes back and forth; with several open repetitions its time grows with a power of the length. So a
    longer value is tested in windows that overlap by half: what spans no more than half a window is always found.
    """

    pattern: str
    flags: int
    window: int
    """Characters given to the engine at once."""
    to_end: bool
    """It has an end anchor, so only the last window is meaningful."""
    windows: int = 256
    """At most so many windows; of a yet longer value the middle is left out."""

    def found(self, text: str) -> bool:
        pattern = _compiled(self.pattern, self.flags)
        size = len(text)
        if size <= self.window:
            return pattern.search(text) is not None
        last = size - self.window
        if self.to_end:
            return pattern.search(text, last) is not None
        starts = list(range(0, last, max(1, self.window // 2)))
        if len(starts) > self.windows:
            half = self.windows // 2
            starts = starts[:half] + starts[-half:]
        starts.append(last)
        return any(pattern.search(text, start, start + self.window) for start in starts)


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    """Compiled when it is first searched with: of the rules of a large collection few ever are."""
    return re.compile(pattern, flags)


Test: TypeAlias = Text | Wildcard | Number | Compare | DatePart | Network | Empty | Null | Exists | SameAs | Regex
Node: TypeAlias = All | Either | Negation | Test
