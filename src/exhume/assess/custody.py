"""``--manifest``: the digests of all that was read, and who read it when."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from exhume.model import Custody, Hashed, Input


def custody(
    files: Iterable[Hashed], paths: Sequence[Path | str], names: Sequence[str], begun: datetime, command: Sequence[str]
) -> Custody:
    """``paths`` as the user gave them, ``names`` of the same in the report."""
    every = tuple(sorted(files, key=lambda f: f.path))
    met = Counter[str]()
    inputs: list[Input] = []
    for name, path in zip(names, map(Path, paths), strict=True):
        top = os.path.basename(os.path.realpath(path)) or "root"  # as the tree of the evidence names it
        met[top] += 1
        start = top if met[top] == 1 else f"{top} ({met[top]})"
        inputs.append(
            _folder(name, "" if len(paths) == 1 else f"{start}/", every) if path.is_dir() else _file(name, start, every)
        )
    ended = datetime.now(UTC).replace(microsecond=0)
    return Custody(_who(), begun, ended, tuple(command), tuple(inputs), every)


def _file(name: str, path: str, files: Sequence[Hashed]) -> Input:
    own = [f for f in files if f.path == path or f.path.startswith(f"{path}!/")]
    return Input(name, "file", len(own), next((f.sha256 for f in own if f.path == path), ""))


def _folder(name: str, start: str, files: Sequence[Hashed]) -> Input:
    """Paths are those inside the folder, so that the digest is the same whatever was given beside it."""
    mine = [f for f in files if f.path.startswith(start)]
    if not all(f.sha256 for f in mine):
        return Input(name, "folder", len(mine), "")
    digest = hashlib.sha256()
    for file in mine:
        digest.update(f"{file.sha256}  {file.path[len(start) :]}\n".encode("utf-8", "replace"))
    return Input(name, "folder", len(mine), digest.hexdigest())


def _who() -> str:
    """``account on machine``; whichever is known."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such account in the system's list: a container
        account = ""
    return " on ".join(filter(None, (account, platform.node()))) or "unknown"
