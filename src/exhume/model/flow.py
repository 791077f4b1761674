"""What readers produce: places, files, records, gaps, readings and spans. Standard library only."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import BinaryIO, TypeAlias

from exhume.model.sites import Sites
from exhume.model.vocabulary import Cause

Opener: TypeAlias = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens a file of the evidence from its first byte; raises ``OSError`` when it cannot."""
Value: TypeAlias = str | int | float | bool | tuple[str, ...] | None
HOUR = 3600
"""Seconds in an hour: the grain in which spans remember when a log had rows."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the evidence that anybody can look up again."""

    evidence: str
    """Digest of the evidence's listing."""
    path: str
    """Path inside the evidence, ``/`` between folders, ``!/`` where an archive is entered."""
    at: str
    """``line 12``, ``record 345``, ``byte 4096`` or ``file``."""

    def __post_init__(self) -> None:
        if not self.path or not self.at:
            raise ValueError("a source needs a path and a place in it")

    def __str__(self) -> str:
        return f"{self.path} ({self.at})"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the evidence, as readers get it (they never see a real path)."""

    evidence: str
    path: str
    windows: str = ""
    """Where it lay on the server, best guess, e.g. ``C:\\inetpub\\wwwroot\\x.aspx``; see ``model.windows``."""
    size: int | None = None
    """Bytes, uncompressed; ``None`` when the container does not say."""
    modified: datetime | None = None
    created: datetime | None = None
    opener: Opener | None = field(default=None, compare=False, repr=False)
    """Opens the bytes again from the start, for detectors that need the whole file (YARA)."""
    beside: Callable[[str], AbstractContextManager[BinaryIO]] | None = field(default=None, compare=False, repr=False)
    """Opens another file of the same folder by its name, in any letter case; raises ``OSError`` when there is none."""
    neighbours: Callable[[], Sequence[File]] | None = field(default=None, compare=False, repr=False)
    """The files of the same folder, this one among them; ``None`` where they are not known."""
    sites: Sites = field(default=Sites(), compare=False, repr=False)
    """What IIS serves on the server that the file is of."""
    logs_hashed: bool = False
    """``--manifest``: hash recognised logs as well."""

    def source(self, at: str) -> Source:
        return Source(self.evidence, self.path, at)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Record:
    """One thing the evidence says: a log row, an event, a file, a configuration entry."""

    kind: str
    """``iis.access``, ``exchange.httpproxy``, ``windows.event``, ``web.file`` …: docs/reference/records.md."""
    time: datetime | None
    """Aware UTC, or ``None`` for a state (a file, a setting)."""
    fields: Mapping[str, Value]
    """The source's own names; cells that the log leaves empty are absent or empty text."""
    source: Source
    channel: str = ""
    """IIS site (``W3SVC1``), HttpProxy protocol (``Ecp``), event channel, … as in ``Span.channel``."""
    server: str = ""
    """The server the record names, upper case, without domain; empty when it names none."""
    opener: Opener | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.time is not None and self.time.utcoffset() != timedelta(0):
            raise ValueError("a record's time is aware UTC")

    def text(self, name: str) -> str:
        """The field as text; empty when absent."""
        value = self.fields.get(name)
        if value is None:
            return ""
        return "\n".join(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not seen, and why. A gap is as much a result as a finding."""

    kind: str
    """Kind of record that was lost, ``file`` when that is not known, ``archive`` when it may be any number of files."""
    cause: Cause
    detail: str
    """Plain words for the person who reads the report; never text from the evidence unescaped."""
    source: Source | None = None
    since: datetime | None = None
    until: datetime | None = None
    channel: str = ""
    server: str = ""
    count: int = 1
    """How many of the same defect this gap stands for (rows, records, files)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the evidence says of the host on a day."""

    what: str
    """``build``, ``update``, ``install``, ``mitigation``, ``setting``, ``tool`` …: docs/reference/records.md."""
    value: str
    day: date | None
    trust: str
    """``exact`` (moves with every security update), ``cu`` (tells the cumulative update only), ``hint``."""
    source: Source
    server: str = ""
    """The server that it names as its own, upper case without a domain; empty where it names none. Not kept in reports: what
    is said of another server is left out before it is judged."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What it says, wherever it says so; of equal ones the first place in order of paths is kept."""
        return (self.what, self.value, str(self.day or ""), self.trust, self.server)


def merge_readings(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Each thing that is said once, with the place that comes first, in order of what is said."""
    merged: dict[tuple[str, str, str, str, str], Reading] = {}
    for reading in readings:
        known = merged.setdefault(reading.key, reading)
        if (reading.source.path, reading.source.at) < (known.source.path, known.source.at):
            merged[reading.key] = reading
    return tuple(merged[key] for key in sorted(merged))


def hour_of(time: datetime) -> int:
    """Whole hours since 1970-01-01 UTC."""
    return int(time.timestamp()) // HOUR


def day_of(hour: int) -> date:
    """The UTC day an hour number lies in."""
    return datetime.fromtimestamp(hour * HOUR, UTC).date()


@dataclass(frozen=True, slots=True)
class Span:
    """When one kind of evidence really had rows: merged per folder, added up over files.

    A span without ``first`` is a *state* (a folder that was listed, a configuration file): it covers all days.
    """

    kind: str
    channel: str
    server: str
    path: str
    """Folder in the evidence."""
    records: int = 0
    first: datetime | None = None
    last: datetime | None = None
    hours: frozenset[int] = frozenset()
    """Hours (see ``hour_of``) in which at least one row stands."""
    busy: bool = False
    """True for logs that are written around the clock (IIS, HttpProxy): silence there is a hole.
    Logs that are quiet by nature cover everything between their first and last row."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.kind, self.channel, self.server, self.path)

    @property
    def state(self) -> bool:
        return self.first is None

    @property
    def days(self) -> tuple[date, ...]:
        """UTC days with at least one row."""
        return tuple(sorted({day_of(h) for h in self.hours}))

    def holes(self, least_hours: int = 6) -> tuple[tuple[datetime, datetime], ...]:
        """Times without a single row, at least ``least_hours`` long, between the first and the last row."""
        found: list[tuple[datetime, datetime]] = []
        ordered = sorted(self.hours)
        for before, after in itertools.pairwise(ordered):
            if after - before - 1 >= least_hours:
                found.append(
                    (
                        datetime.fromtimestamp((before + 1) * HOUR, UTC),
                        datetime.fromtimestamp(after * HOUR, UTC),
                    )
                )
        return tuple(found)

    def __add__(self, other: Span) -> Span:
        if self.key != other.key:
            raise ValueError(f"spans of different logs do not add up: {self.key} and {other.key}")
        firsts = [t for t in (self.first, other.first) if t]
        lasts = [t for t in (self.last, other.last) if t]
        return replace(
            self,
            records=self.records + other.records,
            first=min(firsts, default=None),
            last=max(lasts, default=None),
            hours=self.hours | other.hours,
            busy=self.busy or other.busy,
        )


def merge_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of the same log (``Span.key``) added up, in order of their key."""
    merged: dict[tuple[str, str, str, str], Span] = {}
    for span in spans:
        known = merged.get(span.key)
        merged[span.key] = known + span if known else span
    return tuple(merged[key] for key in sorted(merged))
