"""What a container says of one thing inside it, and how its name is made safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

from exhume.evidence.limits import Limits
from exhume.model.vocabulary import Cause

Origin: TypeAlias = Callable[[], BinaryIO]
"""Opens the container's own bytes from the start."""


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file. ``key`` is what its container opens it by."""

    path: str
    key: int | str
    size: int | None = None
    modified: datetime | None = None
    created: datetime | None = None
    packed: int | None = None
    """Bytes it takes in the container."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder all of whose entries are given, even if there are none."""

    path: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Something in the container that cannot be had."""

    path: str
    cause: Cause
    detail: str
    whole: bool = False
    """An archive, or the rest of one: nobody knows what was in it."""


@runtime_checkable
class Container(Protocol):
    """A plug of this room."""

    sequential: bool
    """Members are cheap only in order."""

    @staticmethod
    def detect(head: bytes, inner: bytes) -> bool:
        """By content: do the first 512 bytes look like mine? ``inner``: the same, decompressed if they were compressed."""
        ...

    def __init__(self, origin: Origin, name: str, limits: Limits) -> None: ...

    def members(self) -> Iterator[Member | Listed | Lost]: ...

    def open(self, key: int | str) -> BinaryIO:
        """The member's bytes, unguarded. Raises ``OSError`` or the library's own errors."""
        ...


def clean(name: str) -> str:
    """A member's name as a relative path: ``/`` between parts, no ``..``, no empty part, no part that ends in ``!``
    (that mark means "an archive is entered"). It is text and is never used as a path on disk."""
    parts = [p for p in name.replace("\\", "/").split("/") if p not in {"", ".", ".."}]
    return "/".join(f"{p}_" if p.endswith("!") else p for p in parts) or "unnamed"


def plain(name: str) -> str:
    """The name with every byte (or half of a character) that is no Unicode text written as ``%FF`` or ``%uD800``: libraries
    in other rooms refuse such names, and a web shell must not hide behind one."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "".join(_written(c) for c in name)
    return name


def _written(letter: str) -> str:
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # how Python holds a byte that it could not decode
        return f"%{number - 0xDC00:02X}"
    return f"%u{number:04X}" if 0xD800 <= number <= 0xDFFF else letter
