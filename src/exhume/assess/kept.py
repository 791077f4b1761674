"""Compiled rules and patterns kept between runs, in the user's own cache folder: a second run starts without compiling them.

The files are never trusted more than that folder is: it must belong to the user alone, a file must carry the digest of its
content, and its name is the digest of everything that went into it. What does not fit is made anew. No pickles.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

KEPT = 256
"""Files beyond which the oldest is deleted; most are some hundred kilobytes."""
_DIGEST = 32


def kept(what: Sequence[bytes], make: Callable[[], bytes]) -> bytes:
    """The content that ``make`` gave for the same ``what`` in an earlier run, else now. Never raises ``OSError``."""
    name = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in what)).hexdigest()
    folder = _folder()
    if folder is None:
        return make()
    try:
        with (folder / name).open("rb") as file:
            digest, data = file.read(_DIGEST), file.read()
        if hashlib.sha256(data).digest() == digest:
            with suppress(OSError):
                os.utime(folder / name)  # the oldest are those that were not used for long
            return data
    except OSError:
        pass  # not there yet
    content = make()
    with suppress(OSError):  # no room, or no right to write: then every run compiles
        _write(folder, name, hashlib.sha256(content).digest() + content)
    return content


def _folder() -> Path | None:
    """The cache folder, made if need be; ``None`` when others could write to it."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(base):
        return None
    folder = Path(base, "exhume", "compiled")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(info.st_mode):
        return None
    if os.name != "nt" and (info.st_uid != os.geteuid() or info.st_mode & 0o022):
        return None
    return folder


def _write(folder: Path, name: str, data: bytes) -> None:
    import tempfile

    handle, draft = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(draft, folder / name)
    except OSError:
        os.unlink(draft)
        raise
    files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in files[:-KEPT]:
        old.unlink(missing_ok=True)
