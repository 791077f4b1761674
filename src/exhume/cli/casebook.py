"""The overview page of a case: written anew whenever a server is added to it."""

from __future__ import annotations

import re
from pathlib import Path


def folder_of(case: Path, name: str) -> Path:
    """Where the reports of a server of this name go. The name comes from evidence, so only harmless characters are kept."""
    return case / (re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60].strip("_") or "server")


def overview(case: Path) -> Path:
    """Writes ``case.html`` and ``case.json`` from all ``*/assessment.json`` below the folder. Raises ``Refused``."""
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
        (case / "case.json").write_bytes(document(book))
        (case / "case.html").write_bytes(casebook_page(book))
    except OSError as error:
        raise Refused(f"cannot write the case in {case}: {error.strerror or type(error).__name__}") from None
    return case / "case.html"
