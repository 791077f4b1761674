"""Builds that somebody noted or captured: ``Get-ExchangeServer`` as text or CSV, and answers with an ``X-OWA-Version`` header.

Samples::

    EX01   Default-First-Site-Name   Mailbox   Standard   Version 15.1 (Build 2176.2)
    X-OWA-Version: 15.1.2176.9                                       (a saved answer)
    {"name":"X-OWA-Version","value":"15.1.2176.9"}                   (a HAR file)

Several servers with different builds in one file are not mixed: which one the evidence is of is not known.

References: reading-a-build.md of the project's notes.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.statements import build_of, display_builds
from exhume.readers.toollines import PIECE, encoding_of, numbered

KIND = "file"
_ENDINGS = (".txt", ".csv", ".har", ".http", ".headers")
"""Not logs: whoever sends a request can write the words into one, and HttpProxy rows hold versions of other servers."""
_LISTING = re.compile(r"\bAdminDisplayV", re.ASCII)
_HEADER = re.compile(
    r"X-OWA-Version\"?\s*(?::|,\s*\"value\"\s*:)\s*\"?(1[45]\.\d{1,2}\.\d{1,5}\.\d{1,5})\b", re.IGNORECASE | re.ASCII
)
_HEADER_NAME = re.compile(r"X-OWA-Version", re.IGNORECASE)
_BUILDS_KEPT = 100


class Inventory:
    """Readings ``build``: ``cu`` from AdminDisplayVersion, ``hint`` from captured headers; undated."""

    name = "inventory"
    kinds: frozenset[str] = frozenset()
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        if not file.name.lower().endswith(_ENDINGS):
            return False
        text = head.decode(encoding_of(head), "replace")
        return bool(_LISTING.search(text) or _HEADER_NAME.search(text))

    def expects(self, file: File) -> bool:
        """A HAR file is recognised by its name: the header may stand anywhere."""
        return file.name.lower().endswith(".har")

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        shown: dict[str, int] = {}
        captured: dict[str, int] = {}
        try:
            for number, line in numbered(stream.read(PIECE), stream):
                for build in display_builds(line) if "Version 1" in line else ():
                    shown.setdefault(build, number)
                for match in _HEADER.findall(line):
                    captured.setdefault(build_of(match), number)
                if len(shown) + len(captured) > _BUILDS_KEPT:
                    break
        except OSError:
            words = "a list of servers or a captured answer could be read only in part"
            yield Gap(KIND, Cause.UNREADABLE, words, file.source("file"))
        for found, trust in ((shown, "cu"), (captured, "hint")):
            if len(found) > 1:
                words = "it names several builds of Exchange, and not which one is of the server that this evidence is of"
                yield Gap(KIND, Cause.SKIPPED, words, file.source("file"))
            for build, number in found.items() if len(found) == 1 else ():
                yield Reading("build", build, None, trust, file.source(f"line {number}"))
        return []
