"""``attestation.json``: what became of each finding, for other programs. Schema ``exhume.attestation/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exhume.reports.document import write

if TYPE_CHECKING:
    from exhume.model import Assessment, Attestation, Check, StepCheck
    from exhume.reports.document.write import Json


def attestation(a: Attestation) -> bytes:
    """UTF-8 JSON, escaped as ``assessment.json`` is."""
    return write.encoded(
        {
            "schema": a.schema,
            "generated": write.time(a.generated),
            "clean": str(a.clean),
            "text": a.text,
            "limits": list(a.limits),
            "before": {"sha256": a.before_sha256, **_side(a.before)},
            "after": _side(a.after),
            "checks": [_check(x) for x in a.checks],
            "steps": [_step(x) for x in a.steps],
        }
    )


def _side(a: Assessment) -> dict[str, Json]:
    return {
        "generated": write.time(a.generated),
        "verdict": str(a.verdict),
        "host": a.host.name,
        "evidence": list(a.evidence),
        "evidence_end": write.time(a.coverage.end),
        "tool": write.tool(a.tool),
    }


def _check(check: Check) -> Json:
    found = check.finding
    return {
        "finding": found.id,
        "rule": found.rule,
        "pack": found.pack,
        "title": found.title,
        "outcome": str(found.outcome),
        "severity": str(found.severity),
        "place": found.record.text("windows_path") or str(found.source),
        "sha256": found.record.text("sha256") or None,
        "fate": str(check.fate),
        "why": check.why,
        "now": [write.place(source) for source in check.now],
    }


def _step(check: StepCheck) -> Json:
    return {"order": check.step.order, "title": check.step.title, "done": str(check.done), "why": check.why}
