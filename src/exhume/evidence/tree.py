"""The one tree that the rest of exhume sees. It lists once, enters archives, and opens handles only when asked."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from exhume.evidence.folder import Folder, described, opened
from exhume.evidence.kinds import HEAD, document, foreign, kind_of, likely, named, worth_a_look
from exhume.evidence.limits import EvidenceError, Limits
from exhume.evidence.member import Container, Listed, Lost, Member, Origin, plain
from exhume.evidence.memory import Memory
from exhume.evidence.stream import GuardedStream, Meter, errors, spool, told
from exhume.evidence.window import Window
from exhume.model.flow import File, Gap, Source
from exhume.model.vocabulary import Cause
from exhume.model.windows import windows_path


class Opens(Protocol):
    """What every place of files has, on disk, in memory or in an archive."""

    def open(self, key: int | str) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed file: its member, the archive (path) it lies in, and the portion it is read with."""

    member: Member
    inside: str
    portion: str
    entered: bool = False
    """An archive in an archive that can only be read in order."""


@dataclass(frozen=True, slots=True)
class _Entered:
    """A place of files that is open, and how to get at its own bytes."""

    place: Opens
    origin: Origin


KEPT_OPEN = 8
"""Containers that stay open."""


class Tree:
    """The ``Evidence`` of one server."""

    def __init__(
        self,
        name: str,
        roots: Sequence[Path],
        limits: Limits,
        containers: Sequence[type[Container]],
        memory: Mapping[str, bytes] | None = None,
    ) -> None:
        self.name = name
        self._roots, self._limits, self._containers = tuple(roots), limits, tuple(containers)
        self._memory = dict(memory) if memory is not None else None
        self._entries: dict[str, Entry] | None = None
        self._lost: list[tuple[int, Lost]] = []
        self._folders: dict[str, None] = {}
        self._digest = ""
        self._bytes = 0
        """Declared bytes of archive members."""
        self._given: dict[str, int] = {}
        """Bytes that each member whose archive declares no size has given so far in this process."""
        self._undeclared = 0
        """Their sum."""
        self._copies: dict[str, int] = {}
        """How often a path was met."""
        self._open: dict[str, _Entered] = {}
        """The last few containers that were used, the latest one last."""
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        self._listed()
        return {**self.__dict__, "_open": {}, "_given": {}, "_undeclared": 0}

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

    def folders(self) -> Iterator[str]:
        """Every folder that was listed, empty ones as well; those of an archive as far as it names them or a file in them."""
        seen = set(self._folders)
        yield from self._folders
        for path in self._listed():
            while (path := path.rpartition("/")[0]) and path not in seen:
                seen.add(path)
                yield path

    def _gap(self, lost: Lost) -> Gap:
        kind = "archive" if lost.whole else "file"
        return Gap(kind, lost.cause, lost.detail, Source(self._digest, lost.path.rstrip("/!") or self.name, "file"))

    def batches(self) -> list[tuple[str, ...]]:
        portions: dict[str, list[str]] = {}
        for path, entry in self._listed().items():
            portions.setdefault(entry.portion or path, []).append(path)
        return [tuple(paths) for paths in portions.values()]

    def open(self, path: str) -> GuardedStream:
        entry = self._listed().get(path)
        if entry is None:
            raise EvidenceError("no such file in the evidence")
        if entry.entered:
            # it lies in an archive that can only be read in order, and is copied anyway for what lies in itself
            return GuardedStream(self._place(path).origin(), self._limits)
        return self._stream(path, entry)

    def _stream(self, path: str, entry: Entry, buffer: int = 1 << 16) -> GuardedStream:
        member = entry.member
        if entry.inside and member.size is not None and member.size > self._limits.max_file_bytes:
            raise EvidenceError("limit: larger than the allowed size of one file", Cause.LIMIT)
        try:
            raw = self._place(entry.inside).place.open(member.key)
        except errors() as error:
            raise told(error) from error
        meter = self._meter(path) if entry.inside and member.size is None else None
        return GuardedStream(raw, self._limits, member.size, member.packed, meter, bool(entry.portion), buffer)

    def _meter(self, path: str) -> Meter:
        """Counts the bytes of a member whose archive does not declare them towards the limit of the whole evidence."""

        def count(given: int) -> None:
            self._undeclared += max(0, given - self._given.get(path, 0))
            self._given[path] = max(given, self._given.get(path, 0))
            if self._bytes + self._undeclared > self._limits.max_total_bytes:
                raise EvidenceError("limit: too many bytes in archives", Cause.LIMIT)

        return count

    def _place(self, path: str) -> _Entered:
        """The container at that path of the tree; empty text is the disk or the memory."""
        if self._process != os.getpid():
            # A forked process shares the place in every open file with its parent: both would read from wherever the
            # other one has just been. So handles are never taken over.
            self._open, self._process = {}, os.getpid()
        found = self._open.pop(path, None)
        if found is None:
            if path:
                entered = self._enter((self._entries or {})[path], path, False)
                if entered is None:
                    raise EvidenceError("the archive is no archive any more", Cause.DAMAGED)
                found = entered
            else:
                found = _Entered(Memory(self._memory) if self._memory is not None else Disk(), _nowhere)
        self._open[path] = found
        while len(self._open) > KEPT_OPEN:
            self._open.pop(next(iter(self._open)))
        return found

    def _enter(self, entry: Entry, path: str, strict: bool) -> _Entered | None:
        """The archive that a file is, or ``None`` where it is none. ``strict``: its name promises no archive, and a document
        is none, either. Opens the file once: in a compressed tar, twice would mean to start again from the beginning."""
        origin: Origin
        with self._stream(path, entry, HEAD) as stream:
            try:
                head = stream.read(HEAD)
            except errors():
                if strict:
                    return None  # whoever reads it will tell
                raise
            if not self._promising(head, path, strict):
                return None
            if isinstance(entry.member.key, str) and self._memory is None:
                origin = functools.partial(opened, entry.member.key)
            else:
                origin = functools.partial(Window, spool(stream, self._limits, head))
        with origin() as source:
            container = kind_of(source, self._containers)
        if container is None:
            raise EvidenceError("it begins like an archive but is none", Cause.DAMAGED)
        return _Entered(container(origin, path.rsplit("/", 1)[-1], self._limits), origin)

    def _promising(self, head: bytes, path: str, strict: bool) -> bool:
        if kind := foreign(head):
            raise EvidenceError(f"{kind} cannot be read here: unpack it first", Cause.UNREADABLE)
        if likely(head, self._containers) and not (strict and document(head)):
            return True
        if named(path) and not _texty(head):
            raise EvidenceError("named like an archive but is none", Cause.DAMAGED)
        return False

    def _listed(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = {}
            for prefix, place in self._tops():
                self._add_all(place, prefix, "", "", 0)
            total = hashlib.sha256()
            for path in sorted(self._entries):
                m = self._entries[path].member
                time = m.modified.isoformat() if m.modified else ""
                total.update(f"{path}\0{m.size}\0{time}\n".encode())
            self._digest = total.hexdigest()
        return self._entries

    def _tops(self) -> Iterator[tuple[str, Any]]:
        if self._memory is not None:
            yield "", Memory(self._memory)
        names = Counter[str]()
        for root in self._roots:
            name = plain(root.resolve().name or "root")
            names[name] += 1
            if not root.is_dir():
                yield "", Disk((root, name))
            elif len(self._roots) == 1:
                yield "", Folder(root)
            else:
                yield f"{name}/" if names[name] == 1 else f"{name} ({names[name]})/", Folder(root)

    def _add_all(self, place: Any, prefix: str, inside: str, portion: str, depth: int) -> None:
        """Every member of a place, and what lies in the archives among them."""
        assert self._entries is not None
        try:
            for member in place.members():
                path = prefix + plain(member.path)
                if isinstance(member, Listed):
                    self._folders[path] = None
                    continue
                if isinstance(member, Lost):
                    self._lost.append((len(self._entries), replace(member, path=path)))
                    continue
                if len(self._entries) + len(self._folders) >= self._limits.max_members:
                    self._lose(prefix, Cause.LIMIT, "limit: too many files; the rest is not listed")
                    return
                self._bytes += (member.size or 0) if inside else 0
                if self._bytes > self._limits.max_total_bytes:
                    self._lose(prefix, Cause.LIMIT, "limit: too many bytes in archives; the rest is not listed")
                    return
                path = self._unique(path)
                self._entries[path] = Entry(member, inside, portion)
                given = depth == 0 and isinstance(place, Disk)
                if worth_a_look(path, member.size, given):
                    self._descend(path, portion, depth, given)
        except errors() as error:
            reason = told(error)
            self._lose(prefix, reason.cause, str(reason))

    def _descend(self, path: str, portion: str, depth: int, given: bool) -> None:
        """Lists what lies in the file, if it is an archive."""
        assert self._entries is not None
        if depth >= self._limits.max_depth:
            if named(path):
                self._lose(path, Cause.LIMIT, "limit: archives are nested too deeply; this one is not entered")
            return
        try:
            entered = self._enter(self._entries[path], path, not given and not named(path))
        except errors() as error:
            reason = told(error)
            self._lose(path, reason.cause, f"archive cannot be entered: {reason}")
            return
        if entered is None:
            return
        container = entered.place
        assert isinstance(container, Container)
        self._open[path] = entered
        own = portion or (f"{path}!" if container.sequential else "")
        self._entries[path] = replace(self._entries[path], entered=bool(portion))
        self._add_all(container, f"{path}!/", path, own, depth + 1)

    def _lose(self, path: str, cause: Cause, detail: str) -> None:
        """Nobody knows what would have been in it."""
        self._lost.append((len(self._entries or ()), Lost(path, cause, detail, whole=True)))

    def _unique(self, path: str) -> str:
        """The path, or ``path (2)`` and so on where it is taken already."""
        taken = self._entries or {}
        while path in taken:
            number = self._copies[path] = self._copies.get(path, 1) + 1
            if f"{path} ({number})" not in taken:
                return f"{path} ({number})"
        return path


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


def _nowhere() -> BinaryIO:
    raise EvidenceError("a folder has no bytes of its own")


def _texty(head: bytes) -> bool:
    """Plain text, such as a log that somebody unpacked without renaming it: the readers see to it."""
    return bool(head) and b"\0" not in head and not head.startswith((b"PK", b"\x1f\x8b"))


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
