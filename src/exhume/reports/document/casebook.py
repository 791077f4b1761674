"""``case.json``: several servers of one organisation, for other programs. Schema ``exhume.case/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exhume.reports import wording
from exhume.reports.document import write

if TYPE_CHECKING:
    from exhume.model import Casebook, Server
    from exhume.reports.document.write import Json


def casebook(book: Casebook) -> bytes:
    """UTF-8 JSON, escaped as ``assessment.json`` is."""
    return write.encoded(
        {
            "schema": book.schema,
            "verdict": str(book.verdict),
            "servers": [_server(s) for s in book.servers],
            "shared": [
                {
                    "kind": s.kind,
                    "value": s.value,
                    "servers": list(s.servers),
                    "findings": s.findings,
                    "first_seen": write.time(s.first_seen),
                    "last_seen": write.time(s.last_seen),
                }
                for s in book.shared
            ],
        }
    )


def _server(server: Server) -> Json:
    a = server.assessment
    return {
        "name": server.name,
        "folder": server.folder,
        "verdict": str(a.verdict),
        "generated": write.time(a.generated),
        "host": a.host.name,
        "product": a.host.product,
        "build": a.host.build,
        "evidence": list(a.evidence),
        "questions": {
            "exposed": str(a.questions.exposed.answer),
            "attacked": str(a.questions.attacked.answer),
            "broken_into": str(a.questions.broken_into.answer),
            "since_how_far": str(a.questions.since_how_far.answer),
            "clean_now": str(a.questions.clean_now.answer),
        },
        "missing": [*wording.missing(a)],
        "next_step": min(a.plan, key=lambda s: s.order).title if a.plan else None,
        "answers": [
            {
                "campaign": x.campaign,
                "verdict": str(x.verdict),
                "outcome": None if x.outcome is None else str(x.outcome),
                "first_seen": write.time(x.first_seen),
                "last_seen": write.time(x.last_seen),
            }
            for x in a.answers
        ],
    }
