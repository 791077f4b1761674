"""``directive-NAME.html``: a directive's obligations, each with what the evidence shows and what a person has to attest."""

from __future__ import annotations

from dataclasses import dataclass

from exhume.model import Assessment, Directive, DirectivePart, FilledIn, Kept, Obligation, Statement, anew
from exhume.reports import wording
from exhume.reports.html.page import filled


@dataclass(frozen=True, slots=True)
class Duty:
    """One obligation as the page tells it."""

    duty: Obligation
    tone: str
    word: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What the template shows."""

    a: Assessment
    directive: Directive
    server: str
    product: str
    generated: str
    verdict: str
    claim: str
    parts: tuple[tuple[DirectivePart, tuple[Duty, ...]], ...]
    counts: str


def directive_page(f: FilledIn, kept: Kept = anew) -> bytes:
    """UTF-8 HTML under the same rules as ``report.html``."""
    duties = {o.id: Duty(o, *wording.shown_of(s), s) for o, s in f.statements}
    words = [d.word for d in duties.values()]
    view = View(
        a=f.assessment,
        directive=f.directive,
        server=wording.server(f.assessment),
        product=wording.product(f.assessment),
        generated=wording.stamp(f.assessment.generated),
        verdict=wording.VERDICT[f.assessment.verdict],
        claim=wording.NO_CLAIM,
        parts=tuple((part, tuple(duties[o.id] for o in part.obligations)) for part in f.directive.parts),
        counts=", ".join(f"{words.count(word)} {word}" for _, word in wording.SHOWN.values() if word in words),
    )
    return filled("directive.html.j2", kept=kept, v=view)
