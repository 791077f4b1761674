"""``findings.csv``: every single row that the findings keep, for a spreadsheet.

A report tells what says the same as one finding. Here each finding stands by itself, one line for its rows of one minute with
the same values. Rows that are only counted (more than 48 such lines of one finding, more than 2,000 findings of one rule) are
one line without a place of their own.

UTF-8 with a byte-order mark, CRLF, and no cell that a spreadsheet takes for a formula, as in ``timeline.csv``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from exhume.model import Assessment, Finding
from exhume.reports.plain import cell

KEYS = ("address", "method", "shell", "target", "status", "agent", "account", "mailbox", "canary", "file")
"""What a row names, each in a column of its own."""
COLUMNS = (
    *("told_in", "pack", "rule", "severity", "outcome", "title", "first", "last", "rows"),
    *("address", "method", "page", "target", "status", "agent", "account", "mailbox", "session", "file", "path", "at"),
)


class Rows:
    """All rows of all findings as comma-separated values."""

    name = "rows"
    filename = "findings.csv"

    def render(self, assessment: Assessment) -> bytes:
        """One header line, then the findings in the order of the report; a TLP mark and the word that it was redacted stand
        in a line before them."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        mark = ". ".join(filter(None, (assessment.tlp, assessment.redacted)))
        if mark:
            writer.writerow(["", "", "", "", "", cell(mark), *[""] * (len(COLUMNS) - 6)])
        for told in assessment.findings:
            for single in told.singles:
                for line in _lines(told, single):
                    writer.writerow([cell(value) for value in line])
        return text.getvalue().encode("utf-8-sig", "replace")


def _lines(told: Finding, single: Finding) -> Iterator[tuple[str, ...]]:
    what = (told.id, single.pack, single.trace or single.rule, str(single.severity), str(single.outcome), single.title)
    kept = 0
    for visit in single.visits:
        kept += visit.count
        keyed: dict[str, list[str]] = {}
        for key in visit.keys:
            name, _, value = key.partition(":")
            keyed.setdefault(name, []).append(value)
        named = (" ".join(keyed.get(name, ())) for name in KEYS)
        times = (_time(visit.first), _time(visit.last), str(visit.count))
        yield (*what, *times, *named, visit.source.path, visit.source.at)
    if single.count > kept:
        times = (_time(single.first_seen), _time(single.last_seen), str(single.count - kept))
        yield (
            *what,
            *times,
            single.address if not single.crowd else "",
            *[""] * (len(KEYS) - 1),
            single.source.path,
            "counted only",
        )


def _time(value: datetime | None) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else ""
