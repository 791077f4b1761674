"""``assessment.json``: the whole assessment for other programs, and the way back.

The keys are the contract of the design (section 5); the JSON Schema is ``content/assessment.schema.json``. One line an item,
so that two assessments can be compared with ``diff`` and one finding be looked for with ``grep``. Keys that the contract
does not name (``subject``, ``trace``, ``hours``, ``evidence``, …) carry what the round trip needs.
"""

from exhume.reports.document.attestation import attestation
from exhume.reports.document.casebook import casebook
from exhume.reports.document.read import load
from exhume.reports.document.write import Document

__all__ = ["Document", "attestation", "casebook", "load"]
