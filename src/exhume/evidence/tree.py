"""The one tree that the rest of exhume sees. It lists once, enters archives, and opens handles only when asked."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from exhume.evidence.folder import Folder, described, opened
from exhume.evidence.limits import EvidenceError, Limits
from exhume.evidence.member import Container, Lost, Member
from exhume.evidence.memory import Memory
from exhume.evidence.packed import Packed, packing, unpack
from exhume.evidence.stream import ERRORS, GuardedStream, spool, told
from exhume.evidence.tarred import Tar
from exhume.evidence.window import Window
from exhume.evidence.zipped import Zip
from exhume.model.flow import File, Gap, Source
from exhume.model.vocabulary import Cause
from exhume.model.windows import windows_path

ARCHIVES: tuple[type[Container], ...] = (Zip, Tar, Packed)
"""Most specific first: a tar.gz is a tar, any other .gz one file."""
ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".xz", ".zst", ".bz2", ".tbz2", ".txz")


class Opens(Protocol):
    """What every place of files has, on disk, in memory or in an archive."""

    def open(self, key: int | str) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed file: its member, the archive (path) it lies in, and the portion it is read with."""

    member: Member
    inside: str
    portion: str


def kind_of(stream: BinaryIO) -> type[Container] | None:
    """The archive plug for the content of a seekable stream, else ``None``. Leaves the stream at its start."""
    head = stream.read(512)
    inner = head
    if packing(head):
        stream.seek(0)
        try:
            inner = unpack(stream).read(512)
        except ERRORS:
            inner = b""
    stream.seek(0)
    return Tar if Tar.detect(inner) else next((a for a in ARCHIVES if a.detect(head)), None)


class Tree:
    """The ``Evidence`` of one server."""

    def __init__(self, name: str, roots: Sequence[Path], limits: Limits, memory: Mapping[str, bytes] | None = None) -> None:
        self.name = name
        self._roots, self._limits = tuple(roots), limits
        self._memory = dict(memory) if memory is not None else None
        self._entries: dict[str, Entry] | None = None
        self._lost: list[tuple[int, Lost]] = []
        self._digest = ""
        self._bytes = 0
        self._open: dict[str, Opens] = {}
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        self._listed()
        return {**self.__dict__, "_open": {}}

    @property
    def digest(self) -> str:
        self._listed()
        return self._digest

    def files(self) -> Iterator[File | Gap]:
        entries = self._listed()
        lost = sorted(self._lost, key=lambda pair: pair[0])
        place = 0
        for number, (path, entry) in enumerate(entries.items()):
            while place < len(lost) and lost[place][0] <= number:
                yield self._gap(lost[place][1])
                place += 1
            m = entry.member
            opener = functools.partial(self.open, path)
            yield File(self._digest, path, windows_path(path), m.size, m.modified, m.created, opener)
        for _, rest in lost[place:]:
            yield self._gap(rest)

    def _gap(self, lost: Lost) -> Gap:
        return Gap("file", lost.cause, lost.detail, Source(self._digest, lost.path or self.name, "file"))

    def batches(self) -> list[tuple[str, ...]]:
        portions: dict[str, list[str]] = {}
        for path, entry in self._listed().items():
            portions.setdefault(entry.portion or path, []).append(path)
        return [tuple(paths) for paths in portions.values()]

    def open(self, path: str) -> GuardedStream:
        entry = self._listed().get(path)
        if entry is None:
            raise EvidenceError("no such file in the evidence")
        return self._stream(entry)

    def _stream(self, entry: Entry) -> GuardedStream:
        try:
            raw = self._place(entry.inside).open(entry.member.key)
        except ERRORS as error:
            raise told(error) from error
        if not entry.inside:
            return GuardedStream(raw, self._limits)
        return GuardedStream(raw, self._limits, entry.member.size, entry.member.packed)

    def _place(self, path: str) -> Opens:
        """The container at that path of the tree; empty text is the disk or the memory."""
        if self._process != os.getpid():
            # A forked process shares the place in every open file with its parent: both would read from wherever the
            # other one has just been. So handles are never taken over.
            self._open, self._process = {}, os.getpid()
        if path not in self._open:
            if len(self._open) > 8:
                self._open.pop(next(iter(self._open)))
            if path:
                entries = self._entries or {}
                self._open[path] = self._enter(entries[path], path)
            else:
                self._open[path] = Memory(self._memory) if self._memory is not None else Disk()
        return self._open[path]

    def _enter(self, entry: Entry, path: str) -> Container:
        if isinstance(entry.member.key, str) and self._memory is None:
            origin = functools.partial(opened, entry.member.key)
            with origin() as stream:
                kind = kind_of(stream)
        else:
            with self._stream(entry) as source:
                kept = spool(source, self._limits)
            kind = kind_of(kept)
            origin = functools.partial(_again, kept)
        if kind is None:
            raise EvidenceError("named like an archive but is none", Cause.DAMAGED)
        return kind(origin, path.rsplit("/", 1)[-1], self._limits)

    def _listed(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = {}
            for prefix, place in self._tops():
                self._add_all(place, prefix, "", "", 0)
            total = hashlib.sha256()
            for path in sorted(self._entries):
                m = self._entries[path].member
                time = m.modified.isoformat() if m.modified else ""
                total.update(f"{path}\0{m.size}\0{time}\n".encode("utf-8", "surrogatepass"))
            self._digest = total.hexdigest()
        return self._entries

    def _tops(self) -> Iterator[tuple[str, Any]]:
        if self._memory is not None:
            yield "", Memory(self._memory)
        names: set[str] = set()
        for root in self._roots:
            name = _unique(root.resolve().name or "root", names)
            names.add(name)
            if root.is_dir():
                yield (f"{name}/" if len(self._roots) > 1 else ""), Folder(root)
            else:
                yield "", Disk((root, name))

    def _add_all(self, place: Any, prefix: str, inside: str, portion: str, depth: int) -> None:
        """Every member of a place, and what lies in the archives among them."""
        assert self._entries is not None
        try:
            for member in place.members():
                if isinstance(member, Lost):
                    self._lose(prefix + member.path, member.cause, member.detail)
                    continue
                if len(self._entries) >= self._limits.max_members:
                    self._lose(prefix.rstrip("/!"), Cause.LIMIT, "limit: too many files; the rest is not listed")
                    return
                self._bytes += (member.size or 0) if inside else 0
                if self._bytes > self._limits.max_total_bytes:
                    self._lose(prefix.rstrip("/!"), Cause.LIMIT, "limit: too many bytes in archives; the rest is not listed")
                    return
                path = _unique(prefix + member.path, self._entries)
                self._entries[path] = Entry(member, inside, portion)
                if path.lower().endswith(ENDINGS):
                    self._descend(path, portion, depth)
        except ERRORS as error:
            reason = told(error)
            self._lose(prefix.rstrip("/!"), reason.cause, str(reason))

    def _descend(self, path: str, portion: str, depth: int) -> None:
        assert self._entries is not None
        if depth >= self._limits.max_depth:
            self._lose(path, Cause.LIMIT, "limit: archives are nested too deeply; this one is not entered")
            return
        try:
            container = self._enter(self._entries[path], path)
        except ERRORS as error:
            reason = told(error)
            self._lose(path, reason.cause, f"archive cannot be entered: {reason}")
            return
        self._open[path] = container
        own = portion or (f"{path}!" if container.sequential else "")
        self._add_all(container, f"{path}!/", path, own, depth + 1)

    def _lose(self, path: str, cause: Cause, detail: str) -> None:
        self._lost.append((len(self._entries or ()), Lost(path, cause, detail)))


class Disk:
    """Files on disk by their path; also the plug for one single file."""

    sequential = False

    def __init__(self, single: tuple[Path, str] | None = None) -> None:
        self._single = single

    def members(self) -> Iterator[Member | Lost]:
        if self._single:
            path, name = self._single
            yield described(path.stat(), name, str(path.resolve()))

    def open(self, key: int | str) -> BinaryIO:
        return opened(str(key))


def _again(kept: BinaryIO) -> BinaryIO:
    return Window(kept)


def _unique(path: str, taken: Any) -> str:
    if path not in taken:
        return path
    number = 2
    while f"{path} ({number})" in taken:
        number += 1
    return f"{path} ({number})"


def check(path: Path) -> None:
    """Raises ``EvidenceError`` unless the path is a folder or a regular file that can be opened."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{str(path)!r} does not exist or cannot be looked at") from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise EvidenceError(f"{str(path)!r} is neither a file nor a folder")
    try:
        if stat.S_ISDIR(mode):
            os.scandir(path).close()
        else:
            opened(str(path.resolve())).close()
    except OSError as error:
        raise EvidenceError(f"{str(path)!r} cannot be opened: {error.strerror or 'system error'}") from error
