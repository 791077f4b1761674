"""Where reports are written: never over a stranger's files, never into the evidence, never through a link."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

WRITTEN = frozenset({"assessment.json", "report.html", "timeline.csv", "attestation.json", "attestation.html"})
"""Names of what is written into the folder of one server."""
CASE = frozenset({"case.json", "case.html"})
"""Names of what is written into the folder of a case, beside the servers' folders."""
MARKS = {"assessment.json": b'"schema": "exhume.assessment/', "case.json": b'"schema": "exhume.case/'}
"""What stands at the beginning of a file that an earlier run left."""
_HEAD = 4096
_PART = re.compile(r"\.[a-z.]+\.[a-z0-9_]+\.part")
"""What a run that was killed leaves."""


def claim(out: Path, evidence: Sequence[Path | str], *, force: bool = False, beside: Sequence[str] = ()) -> None:
    """May reports go into that folder? Asked before the work, and again before anything is written.

    It is not there, or empty, or holds an earlier assessment; with ``force`` any folder. ``beside``: names that may lie in it
    as well. Raises ``Refused`` for what is none of these, for a folder inside the evidence, and for evidence that would be
    written over (both with ``force`` as well: evidence is only read).
    """
    from exhume.cli.refused import Refused

    place = Path(os.path.realpath(out))
    for one in map(Path, evidence):
        given = Path(os.path.realpath(one))  # a loop of links does not stop it
        if given == place or (given in place.parents and given.is_dir()):
            raise Refused(f"{out} lies inside the evidence, which is only read; give another --out")
        if given.parent == place and given.name in WRITTEN:
            raise Refused(f"{one} is evidence and would be written over; give another --out")
    try:
        if os.path.lexists(out) and not out.exists():
            raise Refused(f"cannot write to {out}: it is a link that leads nowhere")
        if force or not out.exists():
            return
        if not out.is_dir():
            raise Refused(f"cannot write to {out}: it is no folder")
        strange = next((name for name in os.listdir(out) if name not in beside and not _PART.fullmatch(name)), None)
        if strange is not None and not _ours(out / "assessment.json"):
            raise Refused(f"{out} holds other files and no earlier assessment; give another --out, or --force")
    except OSError as error:
        raise Refused(f"cannot write to {out}: {error.strerror or type(error).__name__}") from None


def claim_case(case: Path) -> None:
    """May the overview of a case go there? Unless it would take the place of a page that is no overview. Raises ``Refused``."""
    from exhume.cli.refused import Refused

    try:
        there = any((case / name).exists() for name in CASE)
        if there and not _ours(case / "case.json"):
            raise Refused(f"{case} holds a case.html or case.json that exhume did not write; give another --case")
    except OSError as error:
        raise Refused(f"cannot write to {case}: {error.strerror or type(error).__name__}") from None


def spare(out: Path, names: Iterable[str], *, force: bool = False) -> None:
    """Refuses (``Refused``) to write over a file in a folder without an earlier assessment, unless forced."""
    from exhume.cli.refused import Refused

    taken = sorted(name for name in names if os.path.lexists(out / name))
    if taken and not force and not _ours(out / "assessment.json"):
        raise Refused(f"{out} holds {taken[0]} and no assessment; give another --out, or --force")


def _ours(path: Path) -> bool:
    """Did an earlier run write it? A link proves nothing of the folder that it lies in."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return MARKS[path.name] in stream.read(_HEAD)


def put(files: Iterable[tuple[str, bytes]], out: Path) -> None:
    """All of the files, or those that were there stay as they are. Raises ``OSError``.

    Each is written under a new name that nothing had before (no link is followed) and then takes its place in one step.
    """
    out.mkdir(parents=True, exist_ok=True)
    parts: dict[Path, Path] = {}
    try:
        for name, data in files:
            handle, part = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=out)
            parts[Path(part)] = out / name
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            os.chmod(part, 0o666 & ~_mask())
        for part_, place in parts.items():
            part_.replace(place)
    finally:
        for part_ in parts:
            with suppress(OSError):
                part_.unlink(missing_ok=True)


def _mask() -> int:
    """The umask: a new file is as readable as others that the user makes."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
