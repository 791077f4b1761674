"""What is other in a page of Exchange's: the lines that the page of no release has, and those that are gone.

Lines are compared without their indentation and without their order: an administrator's logo is two other lines, and a page
made to be slow to compare costs no more than any other. The texts come from packs (``exhume baseline add``); none comes with
exhume.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from exhume.model import Because, Pack

LARGEST = 1 << 20
"""Bytes of a page beyond which it is not compared."""
TOLD = 6
"""Lines that a finding shows of each sort."""


@dataclass(frozen=True, slots=True)
class Change:
    """How a page differs from one that a release ships."""

    sha256: str
    """Of the page it was compared with."""
    added: tuple[tuple[int, str], ...]
    """Line number and text."""
    gone: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.added) + len(self.gone)


class Pages:
    """The texts of pages that packs bring, by SHA-256."""

    def __init__(self, archives: Iterable[Path]) -> None:
        self._archives = tuple(archives)

    @classmethod
    def of_packs(cls, packs: Iterable[Pack]) -> Pages:
        return cls(file.path for pack in packs for file in pack.of("pages"))

    def __bool__(self) -> bool:
        return bool(self._archives)

    def text(self, sha256: str) -> str | None:
        """The page; ``None`` when no pack has it, or not whole."""
        import zipfile
        import zlib

        # not there, damaged or cut off; the last two: packed in another way, encrypted
        unreadable = (KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
        for path in self._archives:
            try:
                with zipfile.ZipFile(path) as archive, archive.open(sha256) as entry:
                    data = entry.read(LARGEST + 1)
            except unreadable:
                continue
            if len(data) <= LARGEST:
                return decoded(data)
        return None

    def nearest(self, page: bytes, digests: Iterable[str]) -> Change | None:
        """The smallest change that makes one of these pages this one; ``None`` when none of them is here."""
        if len(page) > LARGEST:
            return None
        text = decoded(page)
        known = ((digest, self.text(digest)) for digest in sorted(digests))
        return min((_change(text, d, other) for d, other in known if other is not None), key=lambda c: c.size, default=None)


def _change(text: str, digest: str, other: str) -> Change:
    left = Counter(line.strip() for line in other.splitlines())
    added: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if left[bare] > 0:
            left[bare] -= 1
        elif bare:
            added.append((number, bare))
    return Change(digest, tuple(added), tuple(line for line, count in left.items() for _ in range(count) if line))


def told(change: Change, releases: tuple[str, ...]) -> Iterator[Because]:
    """The change in words."""
    of = ", ".join(releases[:3]) or "a known release"
    if not change.size:
        yield Because("content", "only spaces, line ends or their order", f"otherwise the page of {of}")
    for number, line in change.added[:TOLD]:
        yield Because(f"line {number}", line, f"not in the page of {of}")
    if len(change.added) > TOLD:
        yield Because("content", f"{len(change.added) - TOLD} more lines", f"not in the page of {of}")
    for line in change.gone[:TOLD]:
        yield Because("content", line, f"a line of the page of {of} that is gone")
    if len(change.gone) > TOLD:
        yield Because("content", f"{len(change.gone) - TOLD} more lines", f"of the page of {of} that are gone")


def decoded(data: bytes) -> str:
    """A page as text; bytes that are none are replaced."""
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
