"""``verify``: a second collection is assessed, with the first one's files as indicators, and both are compared."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from exhume import packs as packroom
from exhume.assess.allow import accepted
from exhume.assess.run import Options, Progress, assess_opened
from exhume.assess.survey import survey
from exhume.evidence import open_evidence
from exhume.judge import raised
from exhume.judge.verify import Listing
from exhume.judge.verify import verify as compare
from exhume.model import Assessment, Attestation, Pack

NAME = "before"
"""Name of the throw-away pack that holds the hashes of what was found the first time."""


def verify(
    before: Assessment,
    before_sha256: str,
    evidence: Sequence[Path | str],
    packs: Sequence[Pack] = (),
    options: Options | None = None,
    progress: Progress | None = None,
) -> Attestation:
    """What became of everything that ``before`` found. What was accepted stays
    accepted, of a file only while its bytes are the same. Raises ``OSError`` when nothing of the evidence can be opened."""
    options = options or Options()
    options = replace(options, allow=(*options.allow, *accepted(before)))
    opened = open_evidence(list(evidence), options.evidence_limits)
    names = tuple(Path(p).name or str(p) for p in evidence)
    seen = survey(opened)
    listed = [file.windows.lower() for file in seen.files.values() if file.windows]
    listing = Listing(frozenset(listed), frozenset(path.rpartition("\\")[0] for path in listed), seen.host.sites)
    with tempfile.TemporaryDirectory() as scratch:
        known = _hashes(before, Path(scratch))
        after = assess_opened(opened, (*packs, *known), options, progress, names)
    plans = [entry for pack in (*packroom.shipped(), *packs) if pack.own for entry in packroom.plan(pack)]
    return compare(before, after, listing, plans, before_sha256)


def _hashes(before: Assessment, scratch: Path) -> tuple[Pack, ...]:
    """The files that called for a verdict, as indicators: a renamed web shell is still the same file."""
    found = {f.record.text("sha256"): f for f in before.singles if f.record.text("sha256") and raised(f) is not None}
    if not found:
        return ()
    folder = scratch / NAME
    (folder / "ioc").mkdir(parents=True)
    with (folder / "ioc" / "files.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("type", "value", "note"))
        writer.writerows(("sha256", digest, "found by the first assessment") for digest in sorted(found))
    return (packroom.load(folder),)
