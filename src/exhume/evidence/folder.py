"""A folder on disk, or a single file. Links, junctions, devices and pipes are never opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from exhume.evidence.limits import EvidenceError
from exhume.evidence.member import Listed, Lost, Member
from exhume.model.vocabulary import Cause

_REPARSE = 0x400
"""FILE_ATTRIBUTE_REPARSE_POINT: junctions and mount points on Windows."""


class Folder:
    """The plug for a folder; keys are paths on disk."""

    sequential = False

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)

    def members(self) -> Iterator[Member | Listed | Lost]:
        stack: list[tuple[str, str]] = [(self._root, "")]
        while stack:
            folder, prefix = stack.pop()
            try:
                with os.scandir(_long(folder)) as listing:
                    entries = sorted(listing, key=lambda e: e.name)
            except OSError as error:
                yield Lost(prefix.rstrip("/"), Cause.UNREADABLE, f"folder cannot be listed: {error.strerror or 'system error'}")
                continue
            if prefix:
                yield Listed(prefix.rstrip("/"))
            below: list[tuple[str, str]] = []
            for entry in entries:
                path = prefix + _safe(entry.name)
                try:
                    info = entry.stat(follow_symlinks=False)
                except OSError as error:
                    yield Lost(path, Cause.UNREADABLE, f"cannot be looked at: {error.strerror or 'system error'}")
                    continue
                linked = stat.S_ISLNK(info.st_mode) or bool(getattr(info, "st_file_attributes", 0) & _REPARSE)
                if not linked and stat.S_ISDIR(info.st_mode):
                    below.append((entry.path, path + "/"))
                elif not linked and stat.S_ISREG(info.st_mode):
                    yield described(info, path, entry.path)
                else:
                    yield Lost(path, Cause.SKIPPED, "a link, junction, device or pipe; it is not followed")
            stack.extend(reversed(below))

    def open(self, key: int | str) -> BinaryIO:
        return opened(str(key))


def described(info: os.stat_result, path: str, key: str) -> Member:
    """A file on disk as a member, with the times the system gives."""
    born = getattr(info, "st_birthtime", None) or (info.st_ctime if os.name == "nt" else None)
    return Member(path, key, info.st_size, _time(info.st_mtime), _time(born) if born else None)


def opened(path: str) -> BinaryIO:
    """A regular file; anything else (it may have been swapped since the listing) raises ``EvidenceError`` and never blocks."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(_long(path), flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise EvidenceError("not a regular file any more")
    return os.fdopen(handle, "rb")


def _safe(name: str) -> str:
    """A name that holds backslashes or ends in ``!`` must not look like our own separators."""
    return f"{name}_" if name.endswith("!") else name


def _long(path: str) -> str:
    """Windows opens paths beyond 260 characters only with this prefix."""
    if os.name != "nt" or path.startswith("\\\\?\\"):
        return path
    return "\\\\?\\UNC\\" + path[2:] if path.startswith("\\\\") else "\\\\?\\" + path


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 253_402_300_800 else None
