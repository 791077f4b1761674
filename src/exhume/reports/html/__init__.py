"""``report.html``: one file that a mayor and an analyst can both read, without network, without script.

``page`` renders the templates, ``view`` prepares what they show, ``heatmap`` and ``picture`` work out the two drawings.
The template engine is loaded on the first rendering, not at start-up.
"""

from __future__ import annotations

from dataclasses import dataclass

from exhume.model import Assessment, Kept, anew


@dataclass(frozen=True)
class Html:
    """A self-contained page: style inside (allowed by its hash alone), no script, nothing fetched."""

    kept: Kept = anew
    """What spares to compile the templates again."""

    name = "html"
    filename = "report.html"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 HTML. At most ``view.MOST_FINDINGS`` findings are shown in full, the worst ones; the rest is counted."""
        from exhume.reports.html.page import page

        return page(assessment, self.kept)
