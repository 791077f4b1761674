"""What a page's code is read into: expressions, statements and functions. Deliberately poor: only what flow needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(slots=True, eq=False)
class Node:
    """One expression.

    ``kind``: ``literal`` (``value``), ``name`` (``value``), ``chain`` (``kids[0]`` and ``links``), ``operators`` (``kids`` with
    ``words`` between them), ``assign`` (target, value; ``value`` the operator), ``new`` (``value`` the type, ``kids`` the
    arguments, ``links`` none, ``more`` the initialiser), ``array`` (kids), ``group`` (kids; the last is its value), ``either``
    (condition, this, that), ``return`` (kid).
    """

    kind: str
    at: int
    value: str | int | float | None = None
    kids: Sequence[Node] = ()
    links: Sequence[Link] = ()
    words: Sequence[str] = ()
    more: Sequence[Node] = ()


@dataclass(slots=True, eq=False)
class Link:
    """One step of a chain: ``.name`` or a call or index with its arguments."""

    kind: str
    """``.``, ``(`` or ``[``."""
    at: int
    name: str = ""
    args: Sequence[Node] = ()


@dataclass(slots=True, eq=False)
class Statement:
    scope: str
    """Name of the function it stands in; empty at the page's own level."""
    node: Node
    declares: str = ""
    """Variable that it declares as local, and of which type."""
    type: str = ""


@dataclass(slots=True)
class Function:
    name: str
    params: tuple[str, ...]
    at: int
    open: bool = False
    """Called from outside with arguments that the caller chooses: a method of a web service."""


class TimeUpError(Exception):
    """The page took longer than it may."""


@dataclass(slots=True)
class Program:
    deadline: float = float("inf")
    """``time.thread_time()`` at which the work on the page is given up."""
    statements: list[Statement] = field(default_factory=list)
    functions: dict[str, list[Function]] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    """The page's own classes, modules and the like, lower case."""
    names: set[str] = field(default_factory=set)
    """Every identifier that occurs, lower case."""
    texts: list[str] = field(default_factory=list)
    """Every text constant that occurs."""
    deep: bool = False
    """Some expression was nested too deeply to be followed."""
    _bodies: dict[str, list[Node]] = field(default_factory=dict)
    _counted: int = 0

    def body(self, name: str) -> list[Node]:
        """The expressions of a function, in order."""
        for statement in self.statements[self._counted :]:
            self._bodies.setdefault(statement.scope, []).append(statement.node)
        self._counted = len(self.statements)
        return self._bodies.get(name, [])


Constant: TypeAlias = str | int | float | tuple["Constant", ...]


def listed(text: str) -> frozenset[str]:
    """A set of names, written as one text."""
    return frozenset(text.split())
