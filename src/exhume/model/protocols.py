"""What the rooms promise each other. A plug needs no base class: it only has to fit one of these."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from exhume.model.assessment import Assessment
    from exhume.model.clue import Clue
    from exhume.model.correlation import Sighting
    from exhume.model.coverage import Unjoined
    from exhume.model.finding import Finding
    from exhume.model.flow import File, Gap, Reading, Record, Span
    from exhume.model.host import Host
    from exhume.model.pack import Pack, Problem


class Sieve(Protocol):
    """Finds, at native speed, the lines of a block that some rule could match."""

    @property
    def brief(self) -> bool:
        """Only records are wanted: the reader need not find out what else it would say of the file."""
        ...

    def candidates(self, block: bytes, kind: str, delimiter: str = "") -> Sequence[int] | None:
        """Ascending offsets into ``block``, whose rows are of this kind: at least one inside every row that any rule could
        match. ``None``: any row could. With ``delimiter`` it is certain that each row is one line and begins with its time,
        and that what stands between delimiters are its cells; then fewer rows need be named.

        It may name lines that turn out not to match; it never leaves one out that would.
        """
        ...

    def events(self, texts: Sequence[bytes], kinds: Sequence[str]) -> Sequence[int]:
        """Ascending numbers of the texts, each a whole record as its log writes it, that some rule could match. ``kinds``: of
        each, narrowed by ``event_kind`` where its channel and id are known. Letters and digits stand in the texts as they
        are, not as escapes."""
        ...


class Evidence(Protocol):
    """A read-only tree of files, whatever it lies in. Implementations: ``exhume.evidence``."""

    @property
    def name(self) -> str:
        """A short name for reports: the last part of the path that the user gave."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted listing (path, size, modified) of ``files()``; goes into every ``Source``."""
        ...

    def files(self) -> Iterator[File | Gap]:
        """Every file once, in the order in which it can be read best; what cannot be listed is a Gap."""
        ...

    def folders(self) -> Iterator[str]:
        """The path of every folder that was listed, also of empty ones."""
        ...

    def batches(self) -> list[tuple[str, ...]]:
        """The paths of ``files()`` in portions that can be read independently of each other. A file that can be
        opened at random is a portion of its own; members of a sequential archive (tar.gz) form one portion, in order."""
        ...

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """The bytes of one file. Raises ``OSError`` (also for encrypted, truncated or oversized members, and for
        a read beyond the limits). Members of a sequential archive are cheap only in the order of their portion."""
        ...


class Reader(Protocol):
    """Turns the bytes of one kind of file into records. One file or folder, one line in ``READERS``.

    Instances hold no state between files.
    """

    name: str
    kinds: frozenset[str]
    """Kinds of record it can yield."""
    streams: bool
    """True for logs of any size that are read block by block; false for files that are read whole."""

    def recognises(self, head: bytes, file: File) -> bool:
        """By content: do the first 4 KiB look like mine?"""
        ...

    def expects(self, file: File) -> bool:
        """By path: should this be mine even though the content does not say so (torn or empty header)?"""
        ...

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        """All records that the sieve lets through (every record without one), the gaps, and at the end the spans.

        Spans, gaps and readings must be the same with and without a sieve. Never raises on bad content.
        """
        ...


@runtime_checkable
class SlicedReader(Reader, Protocol):
    """A reader of logs that may be read from the middle of a file: big ones by several processes."""

    lined: bool
    """Its rows are lines of UTF-8, and a slice begins and ends where a line begins; else at any offset."""

    def read_slice(
        self, stream: BinaryIO, file: File, sieve: Sieve | None, begin: int, end: int
    ) -> Generator[Record | Gap | Reading, None, list[Span] | Unjoined]:
        """What ``read`` says of what begins between two offsets; of the last slice ``end`` is the size of the file.

        The stream stands at the file's first byte: what comes before ``begin`` tells the headers and the line's number.
        """
        ...


Kept: TypeAlias = Callable[[Sequence[bytes], Callable[[], bytes]], bytes]
"""Gives what an earlier run made of the same parts, else calls the function: for what is slow to compile or read."""


def anew(_: Sequence[bytes], make: Callable[[], bytes]) -> bytes:
    """A ``Kept`` that keeps nothing."""
    return make()


class Detector(Protocol):
    """Turns records into findings. Keeps no state between records."""

    wants: frozenset[str]
    """Kinds of record it looks at."""
    problems: tuple[Problem, ...]
    """Rules that could not be used, each with file and reason."""

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self: ...

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """For every raw line of ``kind`` that a rule could match, at least one of these clues is complete.
        ``None`` when a rule has no clue: then every line is parsed. Empty: no rule wants this kind. A kind that was narrowed
        by ``event_kind`` asks for the events of one channel and id only."""
        ...

    def detect(self, record: Record) -> Iterator[Finding | Gap | Sighting]:
        """The findings that the record raises; a Sighting where a correlation looks at it; a Gap where a rule could not look
        at all of it (a file that is too large, a scan that ran out of time)."""
        ...


class Report(Protocol):
    """Writes an assessment down. It adds nothing and judges nothing."""

    name: str
    filename: str

    def render(self, assessment: Assessment) -> bytes: ...
