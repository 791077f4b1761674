"""Make a baseline of one's own: the files of a clean Exchange, as a folder that is used like any other pack."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exhume.model.kinds import SERVER_SIDE, WEB_FILES
from exhume.model.windows import in_exchange

LIST, PAGES = "baseline.csv", "pages.zip"
HEADER = ("path", "sha256", "releases")
LARGEST_PAGE = 1 << 20
"""Bytes of a page of which the text is kept."""
LARGEST_FILE = 256 << 20
"""Bytes of a file that is taken at all."""
_TAKEN = WEB_FILES | {"dll", "exe"}
_NOTE = """# Baseline of Exchange's files

Made by `exhume baseline add`. Use it with `exhume assess EVIDENCE --pack THIS-FOLDER`: files in it count as Exchange's own.
`pages.zip` holds Microsoft's pages as they were found: keep it inside your organisation.
"""


@dataclass(frozen=True, slots=True)
class Added:
    """What came of it."""

    files: int
    """Files of Exchange's folders that were found."""
    new: int
    """Of these, hashes that the baseline did not have at their place."""
    elsewhere: int
    """Files that lie in no folder of Exchange's and were left out."""
    unread: tuple[str, ...]
    """Files that could not be read, or are too large."""


def add_baseline(source: Path, release: str, target: Path) -> Added:
    """Adds the files below ``source``, a clean server's install folder or an unpacked installation, to the baseline in
    ``target``, which is made if need be. Raises ``OSError`` when the source cannot be listed or the target not be written, and
    ``ValueError`` when the target holds something else under these names."""
    rows = _known(target / LIST)
    if (target / PAGES).exists() and not zipfile.is_zipfile(target / PAGES):
        raise ValueError(f"{PAGES} is there and is no zip archive")
    pages: dict[str, bytes] = {}
    files = new = elsewhere = 0
    unread: list[str] = []
    for path in _walk(source):
        inside = in_exchange("/" + path.relative_to(source.parent).as_posix())
        if not inside:
            elsewhere += 1
            continue
        try:
            data = _content(path)
        except (OSError, ValueError):
            unread.append(path.relative_to(source).as_posix())
            continue
        files += 1
        digest = hashlib.sha256(data).hexdigest()
        new += (inside, digest) not in rows
        rows.setdefault((inside, digest), set()).add(release)
        if path.suffix[1:].lower() in SERVER_SIDE and len(data) <= LARGEST_PAGE:
            pages[digest] = data
    if files:
        target.mkdir(parents=True, exist_ok=True)
        (target / LIST).write_text(_listed(rows), encoding="utf-8")
        (target / "README.md").write_text(_NOTE, encoding="utf-8")
        _keep(target / PAGES, pages)
    return Added(files, new, elsewhere, tuple(unread))


def _walk(source: Path) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(source, onerror=refused):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix[1:].lower() in _TAKEN and not path.is_symlink():
                yield path


def _content(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(path.name)
    return path.read_bytes()


def _known(file: Path) -> dict[tuple[str, str], set[str]]:
    """The rows of a baseline that is there already. Raises ``ValueError`` when the file is something else."""
    if not file.exists():
        return {}
    rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))
    if tuple(rows.fieldnames or ()) != HEADER:
        raise ValueError(f"{file.name} is there and is no baseline")
    return {(row["path"], row["sha256"]): set((row["releases"] or "").split()) for row in rows}


def _listed(rows: dict[tuple[str, str], set[str]]) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEADER)
    table.writerows((path, digest, " ".join(sorted(names))) for (path, digest), names in sorted(rows.items()))
    return out.getvalue()


def _keep(file: Path, pages: dict[str, bytes]) -> None:
    """Adds the pages that the archive lacks."""
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        there = set(archive.namelist())
        for digest, data in sorted(pages.items()):
            if digest not in there:
                archive.writestr(zipfile.ZipInfo(digest), data, zipfile.ZIP_DEFLATED)
