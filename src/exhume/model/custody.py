"""Who assessed what, when, with which command: for the record of who had the evidence in hands (``--manifest``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file of the evidence and its digest."""

    path: str
    """Inside the evidence; ``!/`` where an archive is entered."""
    size: int
    """Bytes that were read."""
    sha256: str
    """Lower-case hexadecimal; empty where it could not be read to its end (a gap says why)."""


@dataclass(frozen=True, slots=True)
class Input:
    """One EVIDENCE as it was given."""

    name: str
    kind: str
    """``file`` or ``folder``."""
    files: int
    """Files that were listed in it; archives count with what lies in them."""
    sha256: str
    """Of a file: of its bytes. Of a folder: of the lines ``sha256  path`` of its files in order of paths, each with a line
    feed, as ``sha256sum`` writes them; paths as in ``Hashed``. Empty where a file could not be read."""


@dataclass(frozen=True, slots=True)
class Custody:
    """All there is to say of one run."""

    by: str
    """Account and machine on which it ran."""
    begun: datetime
    ended: datetime
    command: tuple[str, ...]
    """The command line, word by word; empty where exhume was called as a library."""
    inputs: tuple[Input, ...]
    files: tuple[Hashed, ...] = ()
    """Every file that was listed, in order of paths."""
