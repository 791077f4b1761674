"""Assessment → bytes. A report adds nothing and judges nothing.

One more report is one file (or folder) here and one line in ``REPORTS``. Plugs do not import each other; what they share
is ``plain`` (making hostile text harmless) and ``wording`` (the words for verdicts, outcomes and causes).
"""

from exhume.model import Report
from exhume.reports.document import Document, load
from exhume.reports.html import Html
from exhume.reports.markdown import Markdown
from exhume.reports.misp import Misp
from exhume.reports.pdf import Pdf
from exhume.reports.rows import Rows
from exhume.reports.sarif import Sarif
from exhume.reports.stix import Stix
from exhume.reports.text import Text
from exhume.reports.timeline import Timeline
from exhume.reports.timesketch import Timesketch

REPORTS: tuple[Report, ...] = (
    *(Document(), Html(), Timeline(), Rows(), Text(), Markdown()),
    *(Stix(), Misp(), Sarif(), Timesketch(), Pdf()),
)

__all__ = [
    "REPORTS",
    "Document",
    "Html",
    "Markdown",
    "Misp",
    "Pdf",
    "Rows",
    "Sarif",
    "Stix",
    "Text",
    "Timeline",
    "Timesketch",
    "load",
]
