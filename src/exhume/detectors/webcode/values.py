"""What is known of a value: who chose it, what it may be, which object it is."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from exhume.detectors.webcode.tree import Constant

KEPT = 4
"""Constants kept for one variable; after that it may hold anything."""
LENGTH = 400_000
"""Characters of the longest constant that is kept."""
STEPS = 8
"""Steps of a way that are told."""


class Step(NamedTuple):
    at: int
    words: str


Way: TypeAlias = tuple[Step, ...]


class Value(NamedTuple):
    """Immutable; ``join`` makes the value of a variable that is set in several places.

    A tuple, since pages make very many: it is made in a third of the time that a frozen dataclass takes.
    """

    way: Way = ()
    """How what a visitor chooses got here, first its source; empty when no visitor chooses it."""
    whole: bool = False
    """The visitor chooses all of it, not a part between constants."""
    kind: str = ""
    """Of a visitor's value: ``text``, ``file`` (an upload's content), ``filename`` (an upload's own name), ``remote`` (fetched
    from another machine), ``number``."""
    constants: tuple[Constant, ...] = ()
    path: str = ""
    """Dotted name of what it stands for: ``request.form``, ``process.start``."""
    types: frozenset[str] = frozenset()
    """Classes of the object, last part, lower case: ``process``, ``adodb/stream``."""
    built: bool = False
    """Put together at run time by functions that work letter by letter."""
    carried: int = 0
    """Letters of the longest constant text that it was put together from."""
    place: tuple[Value, ...] = ()
    """Of an object that writes a file: the value that names the file."""
    fixed: bool = False
    """It begins with a constant folder, so that the visitor chooses only what follows."""
    head: str = ""
    """Constant text that it begins with."""
    tail: str = ""
    """Constant text that it ends with, lower case."""

    def __bool__(self) -> bool:
        return bool(self.way)

    @property
    def text(self) -> str:
        """Its constant, if it is exactly one text; else empty."""
        return self.constants[0] if len(self.constants) == 1 and isinstance(self.constants[0], str) else ""

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(c for c in self.constants if isinstance(c, str))

    def via(self, at: int, words: str) -> Value:
        """The same value, one step further on its way."""
        if not self.way or len(self.way) >= STEPS or self.way[-1].words == words:
            return self
        return self._replace(way=(*self.way, Step(at, words)))


NOTHING = Value()


def join(one: Value, other: Value) -> Value:
    """Either of the two."""
    if one is other or other is NOTHING:
        return one
    if one is NOTHING:
        return other
    visitor = one if one.way else other
    constants = one.constants
    if other.constants and other.constants != constants:
        constants = tuple(dict.fromkeys((*one.constants, *other.constants)))[:KEPT]
    places = one.place if one.place == other.place else (*one.place, *(p for p in other.place if p not in one.place))[:KEPT]
    return Value(
        way=visitor.way,
        whole=one.whole or other.whole,
        kind=visitor.kind,
        constants=constants,
        path=one.path or other.path,
        types=one.types | other.types,
        built=one.built or other.built,
        carried=max(one.carried, other.carried),
        place=places,
        fixed=visitor.fixed and (other.fixed or not other.way or not one.way),
        head=one.head or other.head,
        tail=one.tail or other.tail,
    )


def signature(value: Value) -> tuple[object, ...]:
    """What has to stay the same for a value to count as unchanged."""
    return (
        bool(value.way),
        value.whole,
        value.kind,
        value.constants,
        value.path,
        value.types,
        value.built,
        value.carried,
        len(value.place),
        value.tail,
    )


def constant(value: Constant) -> Value:
    return Value(constants=(value,)) if not isinstance(value, str) or len(value) <= LENGTH else NOTHING
