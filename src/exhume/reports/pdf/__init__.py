"""``report.pdf``: the report for a desk, a board or a court, made by Typst (the extra ``pdf``; no system package is needed).

``content`` works out what is shown, ``report.typ`` how. The template gets plain data and never code: text from evidence cannot
become markup, since Typst does not read it as such.
"""

from __future__ import annotations

from exhume.model import Assessment


class Pdf:
    """A4, first page: the verdict and the five answers. Tagged, so that a screen reader can read it out."""

    name = "pdf"
    filename = "report.pdf"

    def render(self, assessment: Assessment) -> bytes:
        """The PDF. Raises ``ImportError`` when the package ``typst`` is not installed.

        At most ``content.MOST_FINDINGS`` findings are shown in full, the worst ones; the rest is counted.
        """
        from exhume.reports.pdf.page import page

        return page(assessment)
