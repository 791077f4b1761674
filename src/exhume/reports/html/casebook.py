"""``case.html``: the overview of several servers, for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from exhume.model import Casebook, Kept, Server, Shared, Verdict, anew
from exhume.reports import wording
from exhume.reports.html.page import filled
from exhume.reports.html.view import TONE

MOST_SHARED = 300
"""Shared values listed; all are in case.json."""
KINDS = {
    "address": "address",
    "file": "file (SHA-256)",
    "page": "page",
    "account": "account",
    "server": "account of another server of this case",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One server in the table."""

    name: str
    link: str
    tone: str
    word: str
    product: str
    worst: str
    when: str
    attacked: str
    exposed: str
    missing: tuple[str, ...]
    next_step: str


@dataclass(frozen=True, slots=True)
class View:
    """What the template shows."""

    book: Casebook
    tone: str
    word: str
    sentence: str
    counts: str
    lines: tuple[Line, ...]
    shared: tuple[tuple[Shared, str, str], ...]
    left_out: int


def casebook_page(book: Casebook, kept: Kept = anew) -> bytes:
    """UTF-8 HTML under the same rules as ``report.html``; links lead to the servers' reports beside it."""
    numbers = Counter(s.assessment.verdict for s in book.servers)
    view = View(
        book=book,
        tone=TONE[book.verdict],
        word=wording.VERDICT[book.verdict],
        sentence=f"The worst of {wording.counted(len(book.servers), 'server')}.",
        counts=", ".join(f"{numbers[v]} {wording.VERDICT[v]}" for v in reversed(Verdict) if numbers[v]),
        lines=tuple(_line(s) for s in book.servers),
        shared=tuple((s, KINDS[s.kind], wording.between(s.first_seen, s.last_seen)) for s in book.shared[:MOST_SHARED]),
        left_out=max(0, len(book.shared) - MOST_SHARED),
    )
    return filled("casebook.html.j2", kept=kept, v=view)


def _line(server: Server) -> Line:
    a = server.assessment
    hit = [x for x in a.answers if x.verdict is a.verdict and x.verdict >= Verdict.SUSPECTED]
    firsts = [x.first_seen for x in hit if x.first_seen]
    lasts = [x.last_seen for x in hit if x.last_seen]
    steps = sorted(a.plan, key=lambda s: s.order)
    return Line(
        name=server.name,
        link=f"{quote(server.folder)}/report.html",
        tone=TONE[a.verdict],
        word=wording.VERDICT[a.verdict],
        product=wording.product(a),
        worst=", ".join(x.title or x.campaign for x in hit),
        when=wording.between(min(firsts, default=None), max(lasts, default=None)) if firsts else "",
        attacked=wording.REPLY[a.questions.attacked.answer],
        exposed=wording.REPLY[a.questions.exposed.answer],
        missing=tuple(wording.missing(a)),
        next_step=steps[0].title if steps else "",
    )
