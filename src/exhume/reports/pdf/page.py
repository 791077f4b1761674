"""Hands the content to Typst."""

from __future__ import annotations

from importlib import resources

import typst

from exhume.model import Assessment
from exhume.reports.pdf.content import content
from exhume.reports.plain import json_text


def page(assessment: Assessment) -> bytes:
    """The PDF, dated like the assessment so that it is the same in every run."""
    return typst.compile(
        _template(), format="pdf", sys_inputs=_inputs(assessment), timestamp=int(assessment.generated.timestamp())
    )


def pictures(assessment: Assessment, ppi: float = 80.0) -> list[bytes]:
    """Every page as a PNG, to look at."""
    made: object = typst.compile(_template(), format="png", ppi=ppi, sys_inputs=_inputs(assessment))
    return [page for page in (made if isinstance(made, list) else [made]) if isinstance(page, bytes)]


def _template() -> bytes:
    return (resources.files(__package__) / "report.typ").read_bytes()


def _inputs(assessment: Assessment) -> dict[str, str]:
    return {"content": json_text(content(assessment))}
