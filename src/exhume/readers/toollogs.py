"""What security tools themselves say they found: Microsoft Safety Scanner, EOMT, Microsoft Defender.

Sample: ``Threat Detected: Virus:DOS/EICAR_Test_File, not removed.`` (more in ``msertlog``, ``eomtlog`` and ``defenderlog``).

These files are often the only place that still names a web shell after a tool deleted it.

References: logs.md 8 and 10, peers.md 2.2 of the project's notes.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.toollines import KIND, PIECE, encoding_of, numbered

_NAMES = (
    (re.compile(r"^(?:msert|mrt)(?:\.old)?\.log(?:\.bak)?$"), "msert"),
    (re.compile(r"^eomt(?:v2)?(?:summary)?\.(?:log|txt)$"), "eomt"),
    (re.compile(r"^mp(?:log|detection)-[\w-]+\.log$"), "defender"),
)
_HEADS = (
    ("Microsoft ", re.compile(r"Microsoft (?:Safety Scanner|Windows Malicious Software Removal Tool) v\d"), "msert"),
    ("CVE-", re.compile(r"^\s*(?:Microsoft Safety Scanner and )?CVE-\d{4}-\d+ mitigation summary"), "eomt"),
    (" DETECTION", re.compile(r"\dZ? DETECTION(?:EVENT|_ADD|_CLEANEVENT)?(?:#\d+)? (?:MPSOURCE_|[A-Z][A-Za-z]+:)"), "defender"),
)
"""What stands in every such text, quick to look for; what it looks like; whose log it is."""
_HISTORY = re.compile(r"/detectionhistory/(?:[0-9a-f]{2}/)?\{?[0-9a-f-]{36}\}?$")


class ToolLogs:
    """Record ``tool.detection`` for each detection and resource; readings ``tool`` for each run."""

    name = "toollogs"
    kinds = frozenset({KIND})
    streams = True

    def recognises(self, head: bytes, file: File) -> bool:
        return bool(_by_content(head))

    def expects(self, file: File) -> bool:
        return bool(_by_name(file))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        try:
            return (yield from self._read(stream, file))
        except OSError:
            detail = "The security tool's log could be read only in part."
            yield Gap(KIND, Cause.UNREADABLE, detail, file.source("file"))
            return []

    def _read(self, stream: BinaryIO, file: File) -> Generator[Record | Gap | Reading, None, list[Span]]:
        tool = _by_name(file)
        if tool == "history":
            from exhume.readers.defenderlog import HISTORY_LIMIT, read_history

            yield from read_history(stream.read(HISTORY_LIMIT), file)
            return []
        head = stream.read(PIECE)
        tool = tool or _by_content(head[:4096])
        lines = numbered(head, stream)
        if tool == "defender":
            from exhume.readers.defenderlog import read_defender

            return (yield from read_defender(lines, file))
        if tool == "eomt":
            from exhume.readers.eomtlog import read_eomt

            yield from read_eomt(lines, file)
        else:
            from exhume.readers.msertlog import read_msert

            yield from read_msert(lines, file)
        return []


def _by_name(file: File) -> str:
    if _HISTORY.search(f"/{file.path}".replace("\\", "/").lower()):
        return "history"
    lowered = file.name.lower()
    return next((tool for pattern, tool in _NAMES if pattern.match(lowered)), "")


def _by_content(head: bytes) -> str:
    text = head.decode(encoding_of(head), "replace").lstrip("\ufeff")
    return next((tool for text_in_it, pattern, tool in _HEADS if text_in_it in text and pattern.search(text)), "")
