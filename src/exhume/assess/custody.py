"""``--manifest``: the digests of all that was read, and who read it when."""

from __future__ import annotations

import getpass
import hashlib
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from exhume.model import Custody, Hashed, Input


def custody(
    files: Iterable[Hashed], paths: Sequence[Path | str], names: Sequence[str], begun: datetime, command: Sequence[str]
) -> Custody:
    """``paths`` as the user gave them, ``names`` of the same in the report."""
    every = tuple(sorted(files, key=lambda f: f.path))
    inputs = tuple(_input(name, Path(path), every, len(paths) > 1) for name, path in zip(names, paths, strict=True))
    ended = datetime.now(UTC).replace(microsecond=0)
    return Custody(_who(), begun, ended, tuple(command), inputs, every)


def _input(name: str, path: Path, files: Sequence[Hashed], several: bool) -> Input:
    """Of several folders the listing does not say which file came from which, so each is read by its own names."""
    if not path.is_dir():
        own = [f for f in files if f.path == name or f.path.startswith(f"{name}!/")]
        exact = next((f for f in own if f.path == name), None)
        return Input(name, "file", max(1, len(own)), exact.sha256 if exact else "")
    mine = [f for f in files if not several or (path / f.path.partition("!/")[0]).is_file()]
    if not all(f.sha256 for f in mine):
        return Input(name, "folder", len(mine), "")
    digest = hashlib.sha256()
    for file in mine:
        digest.update(f"{file.sha256}  {file.path}\n".encode("utf-8", "replace"))
    return Input(name, "folder", len(mine), digest.hexdigest())


def _who() -> str:
    """``account on machine``; whichever is known."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such account in the system's list: a container
        account = ""
    return " on ".join(filter(None, (account, platform.node()))) or "unknown"
