"""The answers to the ready questions as one HTML page: small drawings (inline SVG), tables, and the SQL to go on from.

No script, nothing is fetched; all that comes from the evidence is escaped, and shown so that nothing acts on it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

from exhume.hunt.questions import Asked
from exhume.reports.plain import NOTE, shown

_WIDE, _HIGH, _LABEL, _MOST = 358, 18, 125, 31
"""Pixels of a drawing, of a bar, of its label; most bars drawn, the last ones."""
_LONGEST = 200
"""Characters shown of a cell."""
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c22; --soft: #5b5b66; --line: #dcdce2; --bar: #4d86b8; --paper: #fbfaf8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ec; --soft: #a3a3ae; --line: #3a3a42; --bar: #6fa3d0; --paper: #17171b; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
body { margin: 0 auto; max-width: 1100px; padding: 16px; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 42px 0 4px; } p { margin: 4px 0 10px; max-width: 70ch; }
.soft { color: var(--soft); font-size: .9rem; }
svg { display: block; margin: 8px 0; }
svg text { font-size: 12px; fill: var(--ink); } svg rect { fill: var(--bar); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { white-space: nowrap; } td:first-child { white-space: normal; min-width: 18ch; max-width: 60ch; overflow-wrap: anywhere; }
 pre { white-space: pre-wrap; font-size: .82rem; }
"""


def page(evidence: str, tables: dict[str, int], answers: Sequence[Asked]) -> bytes:
    """UTF-8."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    rows = ", ".join(f"{name} {count:,}" for name, count in sorted(tables.items(), key=lambda pair: -pair[1]) if count)
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Hunt: {_safe(evidence)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Five questions: {_safe(evidence)}</h1>",
        "<p>What is odd or new stands here. It is no finding: much of it is harmless, and what is not here is not clean.</p>",
        f'<p class="soft">Rows: {escape(rows)}. {escape(NOTE)}</p>',
        *(line for answer in answers for line in _answer(answer)),
        "</body></html>\n",
    ]
    return "\n".join(parts).encode("utf-8", "replace")


def _answer(answer: Asked) -> Iterator[str]:
    yield f'<h2>{escape(answer.title)}</h2><p class="soft">{escape(answer.why)}</p>'
    if answer.missing:
        yield f"<p>{_safe(answer.missing)}</p>"
        return
    if not answer.rows and not answer.bars:
        yield "<p>Nothing.</p>"
    if answer.bars:
        yield from _bars(answer)
    if answer.rows:
        head = "".join(f'<th scope="col">{_safe(name)}</th>' for name in answer.columns)
        yield f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>'
        for row in answer.rows:
            yield "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>"
        yield "</tbody></table></div>"
    yield f"<details><summary>As SQL</summary><pre>{escape(answer.query)}</pre></details>"


def _bars(answer: Asked) -> Iterator[str]:
    bars = answer.bars[-_MOST:]
    most = max(number for _, number in bars) or 1
    left = f" (the last {_MOST} of {len(answer.bars)})" if len(answer.bars) > _MOST else ""
    high = _HIGH * len(bars) + 4
    yield f'<p class="soft">{escape(answer.drawn)}{left}</p>'
    size = f'viewBox="0 0 {_WIDE} {high}" width="{_WIDE}" height="{high}"'
    yield f'<div class="scroll"><svg role="img" aria-label="{escape(answer.drawn)}" {size}>'
    for i, (label, number) in enumerate(bars):
        width = round(max(1.0 if number else 0.0, (_WIDE - _LABEL - 85) * number / most), 1)
        y = _HIGH * i
        yield (
            f'<text x="0" y="{y + 13}">{_safe(label)}</text>'
            f'<rect x="{_LABEL}" y="{y + 3}" width="{width}" height="{_HIGH - 6}"/>'
            f'<text x="{_LABEL + width + 6}" y="{y + 13}">{number:,}</text>'
        )
    yield "</svg></div>"


def _safe(text: str) -> str:
    """Text from evidence, for a page."""
    return escape(shown(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"))
