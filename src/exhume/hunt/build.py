"""Evidence → tables. The readers are those of an assessment: whatever they survive this survives, and their gaps are a table.

A piece of a log that is proven regular goes to the store as it is; all other rows come as records. Each file's rows are counted
twice, by its reader and by the store, and a difference is a gap.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import exhume
from exhume.assess.scan import Scanner
from exhume.evidence import open_evidence
from exhume.hunt.store import At, Store
from exhume.hunt.writer import SCRATCH, StoreError
from exhume.model import Cause, Detector, Evidence, File, Finding, Gap, Reader, Record, Source, Span, Value
from exhume.readers import EVERY_FILE, READERS
from exhume.readers.dialect import Dialect, Layout
from exhume.readers.exchange import Exchange
from exhume.readers.httperr import HttpErr
from exhume.readers.iis import Iis
from exhume.readers.parts import bare
from exhume.readers.rows import SMALL

SCHEMA = "exhume.hunt/1"
MANIFEST = "hunt.json"
PAGE = "questions.html"
"""Where the answers to the ready questions go, unless told otherwise."""
GAPS = "gaps"
_SPLIT = frozenset({"exchange.ecp-server", "exchange.ecp-activity", "exchange.oabgenerator"})
"""Kinds of which a record tells more than the row's cells."""
_URL = frozenset({"iis.access", "exchange.httpproxy", "exchange.rps-http"})
"""Kinds of which a record has a decoded ``url`` besides the row's cells: a column of it would be empty in all but odd rows."""


@dataclass(frozen=True, slots=True)
class Built:
    """What was made."""

    tables: dict[str, int]
    """Table → rows."""
    gaps: int
    files: int
    seconds: float


class _Taker:
    """Gets every record and every proven piece (a detector that finds nothing)."""

    literals: frozenset[str] = frozenset()

    def __init__(self, store: Store) -> None:
        self._store = store
        self.wants = frozenset(kind for reader in (*READERS, EVERY_FILE) for kind in reader.kinds)
        self.path = ""
        self.given: Counter[str] = Counter()
        """Rows of the file by kind."""
        self.open_quotes: dict[str, tuple[int, Source]] = {}
        """Kind → rows of the file with a quote that is never closed, and the first of them."""
        self.failed: StoreError | None = None

    def begin(self, path: str) -> None:
        self.path = path
        self.given.clear()
        self.open_quotes.clear()

    def whole(self, data: bytes, line: int, rows: int, dialect: Dialect) -> bool:
        kind, channel, server = dialect.identity(b"")
        if dialect.layout is None or kind in _SPLIT:
            return False
        self._part(data, line, rows, dialect, dialect.layout, At(self.path, line, server, channel))
        return True

    def _part(self, data: bytes, line: int, rows: int, dialect: Dialect, layout: Layout, at: At) -> None:
        """A piece that the store does not take is halved, and halved again; what is left comes as records."""
        if self._stored(data, rows, layout, dialect.kind, replace(at, line=line)):
            self.given[dialect.kind] += rows
            return
        cut = data.find(b"\n", len(data) // 2) + 1 if len(data) > SMALL else 0
        if 0 < cut < len(data):
            above = data.count(b"\n", 0, cut)
            self._part(data[:cut], line, above, dialect, layout, at)
            self._part(data[cut:], line + above, rows - above, dialect, layout, at)
            return
        for number, row in enumerate(data.removesuffix(b"\n").split(b"\n"), line):
            for _ in self.detect(dialect.record(bare(row), number)):
                pass

    def _stored(self, data: bytes, rows: int, layout: Layout, kind: str, at: At) -> bool:
        try:
            return bool(self.failed) or self._store.whole(
                kind, layout.names, layout.delimiter.decode(), layout.quoted, data, at, rows
            )
        except StoreError as error:
            self.failed = error
            return True

    def detect(self, record: Record) -> Iterator[Finding | Gap]:
        word, _, number = record.source.at.partition(" ")
        line = int(number) if word in ("line", "record") and number.isdigit() else None
        time = record.time.replace(tzinfo=None).isoformat(" ") if record.time else ""
        fields = dict(record.fields)
        if record.kind in _URL:
            fields.pop("url", None)
        if line is None:
            fields["place"] = record.source.at
        try:
            if not self.failed:
                self._store.record(record.kind, fields, At(self.path, line, record.server, record.channel), time)
        except StoreError as error:
            self.failed = error
        self.given[record.kind] += 1
        if record.kind.startswith("exchange.") and any(_open_quote(cell) for cell in record.fields.values()):
            count, first = self.open_quotes.get(record.kind, (0, record.source))
            self.open_quotes[record.kind] = (count + 1, first)
        return iter(())

    def odd(self) -> Iterator[Gap]:
        """What was odd about the file that its reader puts up with."""
        for kind, (count, first) in self.open_quotes.items():
            words = f"Rows with a quote that is never closed: {count:,}; their cells were cut at the commas"
            yield Gap(kind, Cause.DAMAGED, words, first, count=count)


def build(evidence: Sequence[Path], out: Path, progress: Callable[[int, int, str], None] | None = None) -> Built:
    """Writes the tables of one server's evidence below ``out``, which must be empty, absent or an earlier hunt's.

    Raises ``OSError`` (evidence or folder), ``StoreError``.
    """
    opened = open_evidence(evidence)
    begun = datetime.now(UTC)
    prepare(out)
    said = {"schema": SCHEMA, "tool": exhume.__version__, "evidence": opened.name, "generated": begun.isoformat()}
    _write(out, said | {"tables": {}})
    with Store(out) as store:
        gaps, files = _scanned(opened, store, progress)
        for gap in gaps:
            path, place = (gap.source.path, gap.source.at) if gap.source else ("", "")
            fields = {"kind": gap.kind, "cause": str(gap.cause), "detail": gap.detail, "place": place, "count": str(gap.count)}
            store.record(GAPS, fields, At(path, None, gap.server, gap.channel), "")
        store.finish()
    tables = {table.name: table.rows for table in store.tables.values() if table.rows}
    _write(out, said | {"tables": tables})
    return Built(tables, len(gaps), files, (datetime.now(UTC) - begun).total_seconds())


def _scanned(opened: Evidence, store: Store, progress: Callable[[int, int, str], None] | None) -> tuple[list[Gap], int]:
    """Reads every file into the store. What was not seen, and how many files there are."""
    taker = _Taker(store)
    scanner = Scanner(opened, _readers(taker), EVERY_FILE, (cast(Detector, taker),), _never, use_sieve=False)
    items = list(opened.files())
    listed = {item.path: item for item in items if isinstance(item, File)}
    gaps: list[Gap] = [item for item in items if isinstance(item, Gap)]
    total, done = sum(file.size or 0 for file in listed.values()), 0
    for path in (path for batch in opened.batches() for path in batch):
        taker.begin(path)
        part = scanner.scan(path)
        if taker.failed:
            raise taker.failed
        gaps += [*part.coverage.gaps, *taker.odd(), *_lost(taker.given, part.coverage.spans, listed[path])]
        done += listed[path].size or 0
        if progress:
            progress(done, total, path)
    return gaps, len(listed)


def _write(out: Path, manifest: Mapping[str, object]) -> None:
    """Without tables: the hunt is not finished."""
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _open_quote(cell: Value) -> bool:
    return isinstance(cell, str) and cell.startswith('"') and cell.count('"') == 1


def _never(digest: str) -> bool:
    """No file is left out because Exchange ships it."""
    return False


def prepare(out: Path) -> None:
    """An empty folder. Only what an earlier hunt made is taken away. Raises ``StoreError``, ``OSError``."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / MANIFEST
    there = list(out.iterdir())
    if there and not manifest.is_file():
        raise StoreError(f"{out} holds other files; give an empty folder")
    for entry in there:
        if entry.is_dir() and not entry.is_symlink() and all(p.suffix == ".parquet" for p in entry.iterdir()):
            shutil.rmtree(entry)
    for made in (manifest, out / PAGE, *out.glob(SCRATCH)):
        made.unlink(missing_ok=True)


def _readers(taker: _Taker) -> tuple[Reader, ...]:
    """The shipped readers; those of line logs hand proven pieces on."""
    own: dict[type[Reader], Reader] = {
        Iis: Iis(whole=taker.whole), HttpErr: HttpErr(whole=taker.whole), Exchange: Exchange(whole=taker.whole)
    }  # fmt: skip
    return tuple(own.get(type(reader), reader) for reader in READERS)


def _lost(given: Mapping[str, int], spans: Iterable[Span], file: File) -> Iterator[Gap]:
    """Rows that the reader counted and the store did not get."""
    counted: Counter[str] = Counter()
    for span in spans:
        if not span.state:
            counted[span.kind] += span.records
    for kind, rows in sorted(counted.items()):
        if given.get(kind, 0) < rows:
            words = f"The reader counted {rows:,} rows and the table got {given.get(kind, 0):,}"
            yield Gap(kind, Cause.DAMAGED, words, file.source("file"), count=rows - given.get(kind, 0))
