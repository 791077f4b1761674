"""One file of the evidence in, one ``Part`` out: the unit of work, the same in a process or on another continent.

The only place of exhume with ``except Exception``: whatever a reader or a detector does on hostile bytes becomes a ``Gap``,
and what was found before stays.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, cast

from exhume.assess.sieve import Sieves
from exhume.assess.streams import HEAD, Hashing, Spool, Trapped
from exhume.assess.tally import Tally
from exhume.assess.tasks import Task, bounds
from exhume.model import (
    Cause,
    Detector,
    Evidence,
    File,
    Finding,
    Gap,
    Hashed,
    Part,
    Reader,
    Reading,
    Record,
    Sieve,
    SlicedReader,
    Span,
    Unjoined,
)

STATE_KINDS = frozenset({"web.file", "file.entry"})
PICKLED = ("evidence", "readers", "every_file", "detectors", "is_product", "engine", "use_sieve", "manifest")
"""What a scanner is made of; the rest it finds out by itself."""


@dataclass(slots=True)
class Scanner:
    """Everything that is needed to scan any file of one evidence. Pickles (for processes that start afresh)."""

    evidence: Evidence
    readers: Sequence[Reader]
    every_file: Reader
    """The reader of files as such (name, hash): for all that is not a recognised log."""
    detectors: Sequence[Detector]
    is_product: Callable[[str], bool]
    """Is this SHA-256 a file that Exchange ships? Nothing is held against those."""
    engine: str = ""
    use_sieve: bool = True
    manifest: bool = False
    sieves: Sieve | None = None
    """Made from the detectors when it is first needed."""
    _files: Mapping[str, File] | None = None
    _folders: Mapping[str, Sequence[File]] | None = None
    _entered: frozenset[str] = frozenset()
    """Archives whose members are listed as files of their own."""

    def __getstate__(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in PICKLED)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(PICKLED, state, strict=True):
            setattr(self, name, value)
        self._files = None
        self._folders = None
        self._entered = frozenset()
        self.sieves = None

    def scan(self, path: str) -> Part:
        """All there is to say of one file. Never raises on bad content."""
        return self.work(Task(path))

    def work(self, task: Task) -> Part:
        """The same of a file or a slice of it."""
        tally = Tally()
        file = self._file(task.path)
        try:
            with self.evidence.open(task.path) as stream:
                if task.of == 1 or not self._sliced(stream, file, task, tally):
                    self._read(stream, file, tally)
        except Exception as error:  # noqa: BLE001 (the one place, see above)
            tally.missed(gap_of(error, file))
        if self.manifest and task.number == 0 and not tally.files:
            self._hash(file, tally, partial(self.evidence.open, file.path))
        return tally.part()

    def _hash(self, file: File, tally: Tally, opened: Callable[[], AbstractContextManager[BinaryIO]]) -> None:
        """A pass of its own over what could not be hashed while it was read: slices, and readers that jump."""
        digest, size = hashlib.sha256(), 0
        try:
            with opened() as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
                    size += len(block)
        except OSError as error:
            tally.missed(gap_of(error, file))
            tally.hashed(Hashed(file.path, size, ""))
            return
        self._log_hashed(file, Hashed(file.path, size, digest.hexdigest()), tally)

    def _log_hashed(self, file: File, hashed: Hashed, tally: Tally) -> None:
        """A recognised log as a file: hashes of indicators are looked for in it as well."""
        from exhume.readers.hashes import Digests, entry_fields

        tally.hashed(hashed)
        fields = entry_fields(file, Digests(hashed.size, hashed.sha256))
        self._take(Record("file.entry", None, fields, file.source("file"), "files", "", file.opener), tally)

    def readers_for(self, head: bytes, file: File) -> tuple[Reader, ...]:
        """By content first, by path second; and the reader of files as such where it is no recognised log."""
        logs = [r for r in self.readers if r.streams]
        chosen = [r for r in logs if r.recognises(head, file)] or [r for r in logs if r.expects(file)]
        chosen += [r for r in self.readers if not r.streams and (r.recognises(head, file) or r.expects(file))]
        log = any(r.streams for r in chosen)
        listed = any(self.every_file.kinds <= r.kinds for r in chosen)
        if not listed and not log:
            chosen.append(self.every_file)
        return tuple(chosen)

    def _file(self, path: str) -> File:
        if self._files is None:
            self._files = {f.path: f for f in self.evidence.files() if isinstance(f, File)}
            self._entered = frozenset(p.rpartition("!/")[0] for p in self._files if "!/" in p)
        return self._files[path]

    def _read(self, stream: BinaryIO, file: File, tally: Tally) -> None:
        head = stream.read(HEAD)
        if file.path in self._entered:
            # what is in it is read and searched member by member: its own bytes would say it twice, in the wrong place
            self._run(self.every_file, Trapped(stream, head), replace(file, opener=nothing), tally)
            return
        readers = self.readers_for(head, file)
        if readers == (self.every_file,):
            tally.missed(unread(file, bool(head)))
        if len(readers) == 1 and readers[0].streams:
            trapped = Hashing(stream, head) if self.manifest else Trapped(stream, head)
            self._run(readers[0], trapped, file, tally)
            if isinstance(trapped, Hashing) and (hashed := trapped.finished()):
                self._log_hashed(file, Hashed(file.path, *hashed), tally)
            return
        if stream.seekable() and file.opener is not None:
            near = self._placed(file)
            for reader in readers:
                stream.seek(0)
                self._run(reader, Trapped(stream), near, tally)
            return
        trapped = Trapped(stream, head)
        spool = Spool(cast(BinaryIO, trapped))
        kept = File(file.evidence, file.path, file.windows, file.size, file.modified, file.created, spool.open)
        kept = self._placed(kept)
        try:
            for reader in readers:
                with spool.open() as again:
                    self._run(reader, Trapped(again), kept, tally)
            if self.manifest and not tally.files and not trapped.error:
                self._hash(kept, tally, spool.open)
        finally:
            spool.close()
        if trapped.error:
            tally.missed(gap_of(trapped.error, file))

    def _sliced(self, stream: BinaryIO, file: File, task: Task, tally: Tally) -> bool:
        """Reads a slice. False for the first slice of a file that has to be read whole; the others say nothing then."""
        from exhume.readers.lines import encoding_of, lone_returns

        if not stream.seekable():
            return task.number > 0
        head = stream.read(HEAD)
        readers = self.readers_for(head, file) if file.path not in self._entered else ()
        reader = readers[0] if len(readers) == 1 else None
        size = file.size or 0
        if not size or not isinstance(reader, SlicedReader):
            stream.seek(0)
            return task.number > 0
        if reader.lined and (encoding_of(head) != "utf-8" or lone_returns(head)):
            stream.seek(0)
            return task.number > 0
        begin, end = bounds(stream, size, task, lined=reader.lined)
        stream.seek(0)
        if begin < end or not reader.lined:
            trapped = Trapped(stream)
            self._follow(
                reader.read_slice(cast(BinaryIO, trapped), file, self._sieve(reader), begin, end), trapped, file, tally
            )
        return True

    def _run(self, reader: Reader, stream: Trapped, file: File, tally: Tally) -> None:
        self._follow(reader.read(cast(BinaryIO, stream), file, self._sieve(reader)), stream, file, tally)

    def _follow(
        self,
        reading: Generator[Record | Gap | Reading, None, list[Span] | Unjoined],
        stream: Trapped,
        file: File,
        tally: Tally,
    ) -> None:
        try:
            while True:
                self._take(next(reading), tally)
        except StopIteration as done:
            if isinstance(done.value, list):
                tally.spanned(done.value)
            else:
                tally.unjoined = done.value
        except Exception as error:  # noqa: BLE001 (the one place, see above)
            tally.missed(gap_of(error, file))
        if stream.error:
            tally.missed(gap_of(stream.error, file))

    def _take(self, item: Record | Gap | Reading, tally: Tally) -> None:
        if isinstance(item, Gap):
            tally.missed(item)
        elif isinstance(item, Reading):
            tally.read(item)
        else:
            if self.manifest and item.kind in STATE_KINDS and item.source.at == "file":
                size = item.fields.get("size")
                tally.hashed(Hashed(item.source.path, size if isinstance(size, int) else 0, item.text("sha256")))
            for found in self._detect(item):
                if isinstance(found, Finding):
                    tally.found(found)
                else:
                    tally.missed(found)

    def _detect(self, record: Record) -> Iterable[Finding | Gap]:
        if record.kind in STATE_KINDS and self.is_product(record.text("sha256")):
            return
        for detector in self.detectors:
            if record.kind in detector.wants:
                try:
                    yield from detector.detect(record)
                except Exception as error:  # noqa: BLE001 (the one place, see above)
                    yield Gap(
                        record.kind,
                        Cause.LIMIT,
                        f"the {type(detector).__name__} detector gave up on a record ({type(error).__name__})",
                        record.source,
                        server=record.server,
                        channel=record.channel,
                    )

    def _placed(self, file: File) -> File:
        """The file, with what a reader may ask of its folder."""
        folder = file.folder
        return replace(file, beside=partial(self._beside, folder), neighbours=partial(self._neighbours, folder))

    def _neighbours(self, folder: str) -> Sequence[File]:
        if self._folders is None:
            folders: dict[str, list[File]] = {}
            for file in (self._files or {}).values():
                folders.setdefault(file.folder, []).append(file)
            self._folders = folders
        return self._folders.get(folder, ())

    def _beside(self, folder: str, name: str) -> AbstractContextManager[BinaryIO]:
        wanted = f"{folder}/{name}".lower().lstrip("/")
        path = next((p for p in self._files or () if p.lower() == wanted), None)
        if path is None:
            raise FileNotFoundError(name)
        return self.evidence.open(path)

    def _sieve(self, reader: Reader) -> Sieve | None:
        if not self.use_sieve or not reader.streams:
            return None
        if self.sieves is None:
            self.sieves = Sieves(self.detectors, self.engine)
        return self.sieves


@contextmanager
def nothing() -> Iterator[BinaryIO]:
    """Opens no bytes: for an archive whose members are searched instead."""
    yield io.BytesIO()


def gap_of(error: BaseException, file: File) -> Gap:
    """What an error says in plain words. Its own text is not repeated: it may hold what an attacker wrote."""
    cause = getattr(error, "cause", None)
    if isinstance(error, MemoryError):
        return Gap("file", Cause.LIMIT, "more memory would be needed than is there", file.source("file"))
    if isinstance(cause, Cause):
        words = {
            Cause.LIMIT: "a limit was hit while reading it; the rest of the file was not seen",
            Cause.DAMAGED: "it is damaged or ends early; what came before the damage was read",
        }
        return Gap(
            "file", cause, words.get(cause, "it could not be opened (encrypted, locked or no permission)"), file.source("file")
        )
    if isinstance(error, OSError):
        return Gap("file", Cause.UNREADABLE, f"it could not be read ({type(error).__name__})", file.source("file"))
    return Gap("file", Cause.DAMAGED, f"a reader gave up on it ({type(error).__name__})", file.source("file"))


def unread(file: File, filled: bool) -> Gap:
    """A file that no reader understands: looked at by name, hash and file rules only."""
    if not filled:
        return Gap("file", Cause.SKIPPED, "empty file", file.source("file"))
    stem, dot, extension = file.name.rpartition(".")
    shown = extension.lower() if dot and stem and extension.isalnum() and len(extension) <= 8 else "no or odd extension"
    words = f"not a log or setting that exhume reads; looked at by name, hash and file rules only ({shown})"
    return Gap("file", Cause.SKIPPED, words, file.source("file"))
