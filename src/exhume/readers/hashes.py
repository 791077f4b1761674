"""What every reader of files on disk says of a file: where it lay, its size, times and hashes, and the folder it proves listed.

The hashes are computed in one pass over the stream, in pieces, so that memory does not grow with the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Span, Value
from exhume.model.kinds import ending
from exhume.model.windows import windows_path

HASH_LIMIT = 2 * 1024**3
"""Bytes: larger files are listed without hashes, and a Gap says so."""
PIECE = 1024 * 1024
"""Bytes read at a time."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Hashes of a whole file (lower-case hexadecimal), or none where it could not be read to its end."""

    size: int
    """Bytes read."""
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    gap: Gap | None = None
    """Why the hashes are missing."""


def digest(stream: BinaryIO, file: File, kind: str, limit: int, watch: Callable[[bytes], None] | None = None) -> Digests:
    """Hash the stream to its end; ``watch`` gets every piece. Stops at ``limit`` bytes. Never raises ``OSError``."""
    sha256 = hashlib.sha256()
    sha1 = hashlib.sha1(usedforsecurity=False)
    md5 = hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        while piece := stream.read(PIECE):
            size += len(piece)
            if watch:
                watch(piece)
            if size > limit:
                return Digests(size, gap=too_large(file, kind, limit))
            sha256.update(piece)
            sha1.update(piece)
            md5.update(piece)
    except OSError:
        detail = f"The file could be read only up to byte {size}; it has no hashes and the rest was not looked at."
        return Digests(size, gap=Gap(kind, Cause.UNREADABLE, detail, file.source(f"byte {size}")))
    return Digests(size, sha256.hexdigest(), sha1.hexdigest(), md5.hexdigest())


def too_large(file: File, kind: str, limit: int) -> Gap:
    """The gap for a file above the limit (bytes)."""
    detail = f"The file is larger than {limit:,} bytes: it was listed without hashes and not looked at as a whole."
    return Gap(kind, Cause.LIMIT, detail, file.source("file"))


def place(file: File) -> tuple[str, str]:
    """Windows path (empty when nothing tells) and served URL (empty when IIS serves it nowhere) of the file."""
    windows = file.windows or windows_path(file.path)
    return windows, file.sites.url(windows or file.path)


def extension(name: str) -> str:
    """Lower case, without dot, as Windows and IIS take it: ``model.kinds.ending``."""
    return ending(name)


def entry_fields(file: File, digests: Digests) -> dict[str, Value]:
    """The fields of ``file.entry`` (docs/reference/records.md)."""
    windows, url = place(file)
    fields: dict[str, Value] = {
        "path": file.path,
        "windows_path": windows,
        "name": file.name,
        "extension": extension(file.name),
        "url": url,
        "served": bool(url),
        "size": file.size if file.size is not None else digests.size,
    }
    if site := file.sites.site(windows or file.path):
        fields |= {"site": site, "other_product": file.sites.foreign(windows or file.path)}
    if digests.sha256:
        fields |= {"sha256": digests.sha256, "sha1": digests.sha1, "md5": digests.md5}
    for name, time in (("modified", file.modified), ("created", file.created)):
        if time is not None:
            fields[name] = iso(time)
    return fields


def iso(time: datetime) -> str:
    """ISO 8601 in UTC with Z and whole seconds: ``2021-03-03T06:49:53Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(file: File) -> list[Span]:
    """The span that says that the file's served folder was really listed; empty when IIS does not serve it."""
    _, url = place(file)
    if not url:
        return []
    return [Span("web.folder", url.rpartition("/")[0] or "/", "", file.folder, records=1)]
