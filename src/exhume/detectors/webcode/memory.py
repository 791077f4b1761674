"""What is known while a page's code is followed: variables, functions, and what has been found so far."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from exhume.detectors.webcode import sources
from exhume.detectors.webcode.page import Page
from exhume.detectors.webcode.tree import Constant, Program, TimeUpError
from exhume.detectors.webcode.values import NOTHING, Value, Way, join, signature

RETURN = "<return>"
STORES = frozenset(("session", "application", "viewstate", "cache", "items", "contents", "staticobjects"))
"""Collections that outlive a request or a statement: followed by key."""

_LINE_ENDS = {
    "vbcrlf": "\r\n",
    "vblf": "\n",
    "vbcr": "\r",
    "vbtab": "\t",
    "vbnewline": "\r\n",
    "vbnullstring": "",
    "vbnullchar": "\0",
}
_READS_REQUEST = re.compile(r"request\s*(?:\.\s*\w+\s*)?[\[(]|eval\s*\(|execute\s*\(", re.IGNORECASE)


@lru_cache(maxsize=4096)
def _unknown(name: str) -> Value:
    return Value(path=name)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a page does which a page should not do."""

    effect: str
    at: int
    words: str
    way: Way
    sure: bool = True


def nothing_run(code: str, scope: str, at: int) -> Value:
    """Follows no code within text."""
    return NOTHING


@dataclass(slots=True)
class Memory:
    page: Page
    program: Program
    deadline: float
    variables: dict[str, Value] = field(default_factory=dict)
    locals: set[str] = field(default_factory=set)
    hits: dict[tuple[str, int], Hit] = field(default_factory=dict)
    operations: dict[str, Hit] = field(default_factory=dict)
    """File operations at places that a visitor chooses; one of them alone is no shell, several are a file manager."""
    read: set[str] = field(default_factory=set)
    """Variables that the statement being followed has asked for."""
    changed: set[str] = field(default_factory=set)
    vb: bool = False
    run_code: Callable[[str, str, int], Value] = nothing_run
    steps: int = 0

    def tick(self) -> None:
        """Counts work. Raises ``TimeUpError`` after the deadline."""
        self.steps += 1
        if self.steps % 512 == 0 and time.thread_time() > self.deadline:
            raise TimeUpError

    def key(self, scope: str, name: str) -> str:
        if scope:
            local = f"{scope}.{name}"
            if local in self.locals:
                return local
        return name

    def look(self, scope: str, name: str) -> Value:
        """The value of a name. A name of a function stands for the function and for its result."""
        key = self.key(scope, name)
        self.read.add(key)
        if key != name:
            return self.variables.get(key, NOTHING)
        value = self.variables.get(name, NOTHING)
        if name == "request":
            return sources.REQUEST
        if name in self.program.functions:
            back = f"{name}.{RETURN}"
            self.read.add(back)
            return join(value, self.variables.get(back, NOTHING))._replace(path=name)
        if name in self.page.controls:
            return join(value, sources.input_control(self.page.controls[name], name))
        if name in self.page.objects:
            return join(value, Value(path=name, types=frozenset({self.page.objects[name]})))
        if value is NOTHING and name in _LINE_ENDS:
            return Value(constants=(_LINE_ENDS[name],), tail=_LINE_ENDS[name])
        if value is NOTHING:
            return _unknown(name)
        return value if value.path else value._replace(path=name)

    def set(self, key: str, value: Value) -> None:
        """Join a value into a variable."""
        known = self.variables.get(key, NOTHING)
        joined = join(known, value)
        if joined is not known and signature(joined) != signature(known):
            self.variables[key] = joined
            self.changed.add(key)

    def found(self, effect: str, at: int, words: str, way: Way, *, sure: bool = True) -> None:
        known = self.hits.get((effect, at))
        if known is None or (sure and not known.sure):
            self.hits[(effect, at)] = Hit(effect, at, words, way, sure)

    def hidden_text(self, name: str, known: tuple[Constant, ...], at: int) -> None:
        """Text that comes out of an encoding and reads the request is script that was hidden."""
        if name in ("frombase64string", "unescape", "strreverse", "fromhexstring", "atob"):
            for text in known:
                if isinstance(text, str) and _READS_REQUEST.search(text[:20000]):
                    self.found("hidden", at, f"{name} gives script that reads what a visitor sends", (), sure=False)

    def operation(self, effect: str, at: int, words: str, way: Way) -> None:
        self.operations.setdefault(effect, Hit(effect, at, words, way))
