"""``timeline.csv``: when what happened, for a spreadsheet or another tool's import.

Columns ``time,kind,what,finding,path,at``; UTF-8 with a byte-order mark (without it Excel reads Cyrillic and umlauts as
Latin-1; other tools open it as ``utf-8-sig``), lines end with CRLF (RFC 4180). Times are ISO 8601 UTC with Z.

Text from evidence is no formula: where a cell, or a piece of a cell that a spreadsheet with another separator would make a
cell of, begins with ``= + - @``, a tab or a carriage return (also behind quotes or spaces), an apostrophe is put before that
character. Control characters are written out (``\\n``, ``\\x1b``), so every moment is one line.

References: peers.md 4 of the project's notes (CSV formula); CWE-1236.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from exhume.model import Assessment
from exhume.reports.plain import cell

COLUMNS = ("time", "kind", "what", "finding", "path", "at")


class Timeline:
    """All moments of the assessment as comma-separated values."""

    name = "csv"
    filename = "timeline.csv"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 with a byte-order mark; one header line, then one line a moment, in the order of the assessment.
        A TLP mark and the word that it was redacted stand in a line before them, of kind ``mark``."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        mark = ". ".join(filter(None, (assessment.tlp, assessment.redacted)))
        if mark:
            writer.writerow([_time(assessment.generated), "mark", cell(mark), "", "", ""])
        for moment in assessment.timeline:
            path, at = (moment.source.path, moment.source.at) if moment.source else ("", "")
            writer.writerow([_time(moment.time), *(cell(v) for v in (moment.kind, moment.what, moment.finding, path, at))])
        return text.getvalue().encode("utf-8-sig")


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
