"""``timesketch.jsonl``: the timeline as JSON Lines that Timesketch imports as it is.

Each line has the three columns that Timesketch asks for (``message``, ``datetime``, ``timestamp_desc``); the others have fixed
names, so nothing from evidence becomes a key. Text is made harmless as for people, since an analyst reads it in a browser.

References: Timesketch documentation, "Import from JSON/JSONL" (required columns; ``tag`` is a list).
"""

from __future__ import annotations

from datetime import UTC, datetime

from exhume.model import Assessment, Finding, Moment
from exhume.reports import wording
from exhume.reports.plain import json_text, shorten, shown

LONG = 2000
"""Characters of the record's fields in one line."""
_WHAT = {
    "attack": "Attacker activity",
    "context": "Context",
    "patch": "Update",
    "tool": "Clean-up tool",
    "log": "Log start or end",
}


class Timesketch:
    """One line a moment, in the order of the assessment, and first of all one with the mark and the verdict."""

    name = "timesketch"
    filename = "timesketch.jsonl"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8, one JSON object a line. Times are ISO 8601 UTC with microseconds."""
        marks = {"tlp": str(assessment.tlp)} if assessment.tlp else {}
        marks |= {"redacted": shown(assessment.redacted)} if assessment.redacted else {}
        found = {f.id: f for f in assessment.findings}
        lines = [json_text({**_verdict(assessment), **marks})]
        lines += [json_text({**_moment(m, found.get(m.finding)), **marks}) for m in assessment.timeline]
        return ("\n".join(lines) + "\n").encode("utf-8")


def _verdict(a: Assessment) -> dict[str, object]:
    verdict = f"{wording.server(a)}: {wording.VERDICT[a.verdict]}. {wording.SENTENCE[a.verdict]}"
    mark = ". ".join(filter(None, (a.tlp, a.redacted)))
    return {
        "message": shown(" ".join(filter(None, (f"{mark.rstrip('.')}." if mark else "", verdict)))),
        "datetime": _time(a.generated),
        "timestamp_desc": "Assessment made",
        "data_type": "exhume:assessment",
        "verdict": str(a.verdict),
    }


def _moment(m: Moment, found: Finding | None) -> dict[str, object]:
    out: dict[str, object] = {
        "message": shown(m.what),
        "datetime": _time(m.time),
        "timestamp_desc": _WHAT.get(m.kind, "Event"),
        "data_type": f"exhume:{m.kind if m.kind in _WHAT else 'event'}",
    }
    if m.source:
        out |= {"source_file": shown(m.source.path), "source_place": shown(m.source.at)}
    return out | _finding(found) if found else out


def _finding(found: Finding) -> dict[str, object]:
    record = found.record
    fields = "; ".join(f"{name}={record.text(name)}" for name in sorted(record.fields))
    return {
        "finding": found.id,
        "rule": shown(found.rule),
        "campaign": shown(found.pack),
        "outcome": str(found.outcome),
        "severity": str(found.severity),
        "confidence": str(found.confidence),
        "count": found.count,
        "tag": [shown(t) for t in (*found.techniques, *found.cves)],
        "server": shown(record.server),
        "src_ip": shown(found.address),
        "evidence_kind": shown(record.kind),
        "evidence": shown(shorten(fields, LONG)),
        "because": shown(shorten("; ".join(f"{b.field}={b.value} ({b.test})" for b in found.because), LONG)),
    }


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
