"""What a line log's reader knows of its format, as ``rows.LineLog`` asks for it: the state of one file being read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from exhume.model import Gap, Reading, Record
from exhume.readers.stamps import Mask

Identity: TypeAlias = tuple[str, str, str]
"""Kind, channel and server of a row."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows look under the header in force."""

    names: tuple[str, ...]
    delimiter: bytes
    quoted: bool
    """Cells may be quoted as in RFC 4180."""
    lacks: tuple[str, ...] = ()
    """Columns that it has not, and without which no rule can see an attack: its rows cover no day."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one line said."""

    time: datetime | None = None
    torn: bool = False
    ends: int = 0
    """How many lines after the first belong to the row."""
    more: bool = False
    """It may go on in lines that are not here yet."""
    timeless: bool = False
    """It need not have a time (free text that goes on)."""


def without(names: Sequence[str], *needed: str) -> tuple[str, ...]:
    """Which of the needed columns are not there. ``a|b``: either will do."""
    have = {name.lower() for name in names}
    return tuple(n.partition("|")[0] for n in needed if have.isdisjoint(n.lower().split("|")))


class Dialect(Protocol):
    """The state of one file being read."""

    layout: Layout | None
    mask: Mask | None
    """Shape of the start of a row; None when every line must be looked at singly."""
    heads: tuple[bytes, ...]
    """How lines begin that may be headers or comments."""
    tokens: tuple[bytes, ...]
    """What stands in every row of the file's own server and channel."""
    loose: bool
    """True when the identity of every row must be asked for."""

    @property
    def kind(self) -> str:
        """Kind of the records."""
        ...

    def head(self, line: bytes, number: int) -> bool:
        """Takes a header or comment; False when the line is a row after all."""
        ...

    def learn(self, lines: Sequence[bytes]) -> None:
        """Sets ``mask`` from the first of these lines that is a good row. It makes things fast, and changes no result."""
        ...

    def look(self, lines: Sequence[bytes], at: int, stop: int) -> Look:
        """What the line ``lines[at]`` is; a row may go on up to ``stop``."""
        ...

    def begin(self, row: bytes, number: int, time: datetime | None) -> Iterator[Reading]:
        """The first good row under a header."""
        ...

    def identity(self, row: bytes) -> Identity: ...

    def record(self, row: bytes, number: int) -> Record: ...

    def end(self) -> Iterator[Gap | Reading]:
        """What is left to say when the file has ended."""
        ...
