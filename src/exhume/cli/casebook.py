"""The overview page of a case: written anew whenever a server is added to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exhume.model import Assessment


def folder_of(case: Path, name: str, digests: frozenset[str] = frozenset()) -> Path:
    """Where the reports of a server of this name go. The name comes from evidence, so only harmless characters are kept.

    A folder that holds another evidence's assessment is never taken: then the name gets a number. ``digests``: of the evidence.
    """
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60].strip("_") or "server"
    number = 1
    while True:
        folder = case / (stem if number == 1 else f"{stem}-{number}")
        if not (folder / "assessment.json").exists() or _digests_in(folder) & digests:
            return folder
        number += 1


def digests_of(result: Assessment) -> frozenset[str]:
    """The digests of the evidence that an assessment was made from, as far as anything in it names a place."""
    places = [s for f in (*result.findings, *(x.finding for x in result.allowed)) for s in f.sources]
    places += [g.source for g in result.coverage.gaps if g.source] + [r.source for r in result.readings]
    return frozenset(place.evidence for place in places) or frozenset(result.evidence)


def _digests_in(folder: Path) -> frozenset[str]:
    from exhume.reports import load

    try:
        return digests_of(load((folder / "assessment.json").read_bytes()))
    except (OSError, ValueError):
        return frozenset()


def overview(case: Path) -> Path:
    """Writes ``case.html`` and ``case.json`` from all ``*/assessment.json`` below the folder. Raises ``Refused``."""
    from exhume.assess.kept import kept
    from exhume.cli.place import put
    from exhume.cli.refused import Refused
    from exhume.judge.casebook import casebook
    from exhume.model import Server
    from exhume.reports import load
    from exhume.reports.document import casebook as document
    from exhume.reports.html.casebook import casebook_page

    servers: list[Server] = []
    try:
        for path in sorted(case.glob("*/assessment.json")):
            try:
                servers.append(Server(path.parent.name, load(path.read_bytes())))
            except ValueError as error:
                raise Refused(f"{path} is not an assessment: {error}") from None
        book = casebook(servers)
        put((("case.json", document(book)), ("case.html", casebook_page(book, kept))), case)
    except OSError as error:
        raise Refused(f"cannot write the case in {case}: {error.strerror or type(error).__name__}") from None
    return case / "case.html"
