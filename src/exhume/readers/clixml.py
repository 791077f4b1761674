"""Objects that PowerShell saved with ``Export-Clixml``, one by one as they end, in bounded memory.

::

    <Obj N="ExchangeSetup" RefId="7"><MS><S N="FileVersion">15.01.2375.007</S><B N="FailedGetExSetup">false</B></MS></Obj>

References: [MS-PSRP] 2.2.5, serialization of objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from exhume.readers.configxml import XmlListener, feed

_TRANSPARENT = frozenset({"Props", "MS", "LST", "DCT", "En", "IE", "STK", "QUE", "Objs"})
"""Elements that only hold others."""
_DEEPEST = 100
_LONGEST = 4096
"""Characters kept of one value."""
_PROPERTIES = 500
"""Values kept of one object."""


@dataclass(slots=True)
class Thing:
    """One object: its name within its parents, its simple values, and the texts of a list."""

    path: tuple[str, ...]
    """Names from the outermost object to this one; empty text for members of lists."""
    line: int
    values: dict[str, str] = field(default_factory=dict)
    """By name; the object's own text under the empty name."""
    items: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else ""


def things(stream: BinaryIO, trouble: list[str]) -> Iterator[Thing]:
    """Every object after the objects inside it. What is wrong with the file goes, in plain words, into ``trouble``.
    Raises ``OSError`` when the stream does."""
    reader = _Objects()
    for _ in feed(stream, reader, trouble):
        yield from reader.ended
        reader.ended.clear()


class _Objects(XmlListener):
    """Collects what the parser hears."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[Thing] = []
        self._open: list[Thing] = []
        self._name = ""
        self._text: list[str] | None = None
        self._room = 0

    def begin(self, tag: str, name: str, line: int) -> None:
        if tag == "Obj":
            path = (*self._open[-1].path, name) if self._open else (name,)
            if len(self._open) < _DEEPEST:
                self._open.append(Thing(path, line))
            else:
                self._open.append(Thing(("",), line))
        elif tag not in _TRANSPARENT and tag not in ("TN", "TNRef", "T", "Nil", "Ref"):
            self._name = "" if tag == "ToString" else name
            self._text, self._room = [], _LONGEST

    def text(self, data: str) -> None:
        if self._text is not None and self._room > 0:
            self._text.append(data[: self._room])
            self._room -= len(data)

    def finish(self, tag: str) -> None:
        if tag == "Obj":
            if self._open:
                self.ended.append(self._open.pop())
        elif self._text is not None and tag not in _TRANSPARENT:
            said, self._text = "".join(self._text), None
            if not self._open:
                return
            thing = self._open[-1]
            if (self._name or tag == "ToString") and len(thing.values) < _PROPERTIES:
                thing.values.setdefault(self._name, said)
            elif not self._name and len(thing.items) < _PROPERTIES:
                thing.items.append(said)
