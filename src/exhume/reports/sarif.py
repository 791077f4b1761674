"""``report.sarif``: findings as SARIF 2.1.0, for dashboards and editors that read analysis results.

A finding is a result, a rule is a rule, a gap is a notification of the one invocation, so that what was not seen travels
along. Places are paths inside the evidence, relative to ``EVIDENCE``, percent-encoded; none leads out of it.

References: OASIS SARIF Version 2.1.0 (3.4.4 uriBaseId, 3.11.6 embedded links, 3.20 invocation, 3.27 result, 3.49 rules).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from exhume.model import Assessment, Finding, Gap, Severity, Source
from exhume.reports import wording
from exhume.reports.plain import defang, json_text, shorten, shown

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_GAPS = 2000
_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_RANK = {Severity.CRITICAL: 95.0, Severity.HIGH: 75.0, Severity.MEDIUM: 50.0, Severity.LOW: 25.0, Severity.INFO: 5.0}
_LINK = re.compile(r"https?://[\w.-]+(?:/[\w./?&=%#~:+,@!-]*)?", re.ASCII)
_PLACE = re.compile(r"(line|byte) (\d{1,15})")


class Sarif:
    """One log with one run."""

    name = "sarif"
    filename = "report.sarif"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 JSON, one result a line."""
        rules: dict[tuple[str, str], int] = {}
        described: list[dict[str, object]] = []
        for found in assessment.findings:
            if (found.pack, found.rule) not in rules:
                rules[(found.pack, found.rule)] = len(rules)
                described.append(_rule(found))
        results = [_result(f, rules[(f.pack, f.rule)]) for f in assessment.findings]
        head = {
            "tool": {
                "driver": {
                    "name": "exhume",
                    "version": shown(assessment.tool.version) or "unknown",
                    "fullName": "exhume, compromise assessment for Microsoft Exchange",
                    "rules": described,
                }
            },
            "invocations": [_invocation(assessment)],
            "originalUriBaseIds": {"EVIDENCE": {"description": {"text": "The evidence as it was given to exhume."}}},
            "columnKind": "unicodeCodePoints",
            "properties": _properties(assessment),
        }
        start = f'{{"$schema": {json_text(SCHEMA)}, "version": "2.1.0", "runs": [\n{json_text(head)[:-1]}, "results": ['
        return (start + ",".join("\n" + json_text(r) for r in results) + "\n]}\n]}\n").encode("utf-8")


def _properties(a: Assessment) -> dict[str, object]:
    out: dict[str, object] = {
        "verdict": str(a.verdict),
        "verdictText": wording.SENTENCE[a.verdict],
        "answers": {asked.key: f"{asked.word}. {shown(asked.question.text)}" for asked in wording.five(a)},
    }
    if a.tlp:
        out |= {"tlp": str(a.tlp), "tags": [str(a.tlp)]}
    if a.redacted:
        out["redacted"] = shown(a.redacted)
    return out


def _rule(found: Finding) -> dict[str, object]:
    out: dict[str, object] = {
        "id": _identifier(found),
        "shortDescription": {"text": _message(found.title)},
        "properties": {
            "tags": [shown(t) for t in dict.fromkeys((*found.techniques, *found.cves))],
            "campaign": shown(found.pack),
        },
    }
    link = next((r for r in found.references if _LINK.fullmatch(r)), "")
    if link:
        out["helpUri"] = link
    if found.falsepositives:
        out["help"] = {"text": _message("Harmless reasons: " + " ".join(found.falsepositives))}
    return out


def _identifier(found: Finding) -> str:
    return shown(f"{found.pack}/{found.rule}") if found.rule else "unnamed"


def _result(found: Finding, index: int) -> dict[str, object]:
    times = f", {found.count:,} times" if found.count > 1 else ""
    when = wording.between(found.first_seen, found.last_seen)
    because = "".join(f" {b.field} = {shorten(b.value, 200)}." for b in found.because[:3])
    return {
        "ruleId": _identifier(found),
        "ruleIndex": index,
        "level": _LEVEL[found.severity],
        "kind": "fail",
        "rank": _RANK[found.severity],
        "message": {"text": _message(f"{found.title}. {wording.OUTCOME[found.outcome][1]} {when}{times}.{because}")},
        "locations": [_location(found.source)],
        "relatedLocations": [_location(s) for s in found.sources[1:]],
        "partialFingerprints": {"exhumeFinding/v1": found.id},
        "occurrenceCount": max(1, found.count),
        "properties": {
            "outcome": str(found.outcome),
            "severity": str(found.severity),
            "confidence": str(found.confidence),
            "decisive": found.decisive,
            "firstSeen": _time(found, first=True),
            "lastSeen": _time(found, first=False),
        },
    }


def _time(found: Finding, first: bool) -> str | None:
    value = found.first_seen if first else found.last_seen
    return value.isoformat().replace("+00:00", "Z") if value else None


def _location(source: Source) -> dict[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": _uri(source.path), "uriBaseId": "EVIDENCE"}}
    match = _PLACE.fullmatch(source.at)
    if match and match[1] == "line" and int(match[2]) > 0:
        place["region"] = {"startLine": int(match[2])}
    elif match and match[1] == "byte":
        place["region"] = {"byteOffset": int(match[2])}
    return {"physicalLocation": place, "message": {"text": _message(source.at)}}


def _uri(path: str) -> str:
    """A relative reference that stays below its base, whatever the path says. A middle dot breaks what an antivirus acts on."""
    parts = [f"_{part}" if part in (".", "..") else part for part in defang(path).replace("\\", "/").split("/") if part]
    return quote("/".join(parts).encode("utf-8", "replace"), safe="/") or "_"


def _invocation(a: Assessment) -> dict[str, object]:
    time = a.generated.isoformat().replace("+00:00", "Z")
    gaps = [_notification(g) for g in a.coverage.gaps[:MOST_GAPS]]
    left = len(a.coverage.gaps) - MOST_GAPS
    if left > 0:
        gaps.append({"level": "note", "message": {"text": f"{left:,} more gaps are in assessment.json."}})
    return {"executionSuccessful": True, "endTimeUtc": time, "toolExecutionNotifications": gaps}


def _notification(gap: Gap) -> dict[str, object]:
    title = wording.CAUSE[gap.cause][0]
    out: dict[str, object] = {
        "level": "warning",
        "message": {"text": _message(f"{title}: {wording.kind(gap.kind)}: {gap.detail} ({gap.count:,})")},
    }
    if gap.source:
        out["locations"] = [_location(gap.source)]
    return out


def _message(text: str) -> str:
    """Plain text of a message: ``[words](address)`` would be taken for a link, braces for a place to fill in."""
    return shown(text).replace("](", "] (").replace("{", "{{").replace("}", "}}") or "(no text)"
