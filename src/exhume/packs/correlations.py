"""``content/correlations.yml``: Sigma correlation rules over the findings of our packs. Those in packs: ``detectors.sigma``."""

from __future__ import annotations

import re
from pathlib import Path

from exhume.model.correlation import Correlation, correlation_of
from exhume.model.protocols import Kept, anew
from exhume.packs.manifest import kept_yaml

_FILE = Path(__file__).resolve().parent.parent / "content" / "correlations.yml"


def correlations(kept: Kept = anew) -> tuple[Correlation, ...]:
    """All of them. Raises ``ValueError`` or ``KeyError`` when the file that comes with exhume is damaged."""
    documents = [kept_yaml(_FILE.name, part, kept) for part in re.split(r"(?m)^---\s*$", _FILE.read_text(encoding="utf-8"))]
    return tuple(correlation_of(document, str(document["exhume"]["pack"]), own=True) for document in documents if document)
