"""What the evidence room refuses to do, and the error it says so with."""

from __future__ import annotations

from dataclasses import dataclass

from exhume.model.vocabulary import Cause

MIB = 1 << 20
GIB = 1 << 30


class EvidenceError(OSError):
    """A file of the evidence cannot be read (further). ``cause`` is UNREADABLE, DAMAGED or LIMIT."""

    def __init__(self, message: str, cause: Cause = Cause.UNREADABLE) -> None:
        super().__init__(message)
        self.cause = cause

    def __reduce__(self) -> tuple[type[EvidenceError], tuple[str, Cause]]:
        return type(self), (str(self), self.cause)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep a hostile archive from filling disk, memory or time."""

    max_file_bytes: int = 64 * GIB
    """Uncompressed bytes of one archive member."""
    max_total_bytes: int = 1024 * GIB
    """Declared uncompressed bytes of all archive members together."""
    max_ratio: int = 1200
    """Uncompressed by compressed bytes of one member; real logs reach about 40, zeros about 1,030."""
    ratio_from_bytes: int = 64 * MIB
    """The ratio is not looked at before this many uncompressed bytes."""
    max_members: int = 2_000_000
    """Entries of the whole tree."""
    max_depth: int = 4
    """Archives entered one inside another."""
    spool_bytes: int = 8 * GIB
    """Bytes of one inner archive that are copied to an unnamed temporary file."""
