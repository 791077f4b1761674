"""What somebody who knows the server has to explain, for every report, and the sentence that says so on top."""

from __future__ import annotations

from dataclasses import dataclass

from exhume.model import Assessment, Finding, Verdict, allow_line, thing_of, to_confirm
from exhume.reports import wording

MOST = 200
"""Things that are told one by one; all of them are in assessment.json."""
HEAD = (
    "Work of administrators and products of others that an intruder leaves as well. No verdict comes of it alone. Ask who did"
    " it or installed it; what nobody can explain is treated as an attacker's. A name proves nothing: look at the signer or"
    " the hash."
)


@dataclass(frozen=True, slots=True)
class Explained:
    """One thing."""

    found: Finding
    name: str
    runs: str
    """File, .NET type or command."""
    sha256: str
    product: str
    """The product whose name and folder it has."""
    line: str
    """For an allow file; empty where it cannot be named, and in redacted reports."""


def explained(a: Assessment) -> tuple[Explained, ...]:
    """All that is to be confirmed, the worst first."""
    return tuple(_one(f, bool(a.redacted)) for f in a.findings if to_confirm(f))


def _one(found: Finding, redacted: bool) -> Explained:
    thing = thing_of(found)
    line = "" if redacted else allow_line(found)
    return Explained(found, thing.name, thing.dll or thing.path, thing.sha256, found.record.text("product"), line)


def sentence(a: Assessment) -> str:
    """The verdict in one sentence, and that something has to be explained where that may change it."""
    said = wording.SENTENCE[a.verdict]
    number = sum(to_confirm(f) for f in a.findings)
    if not number or a.verdict >= Verdict.SUSPECTED:
        return said
    return f"{said} {wording.counted(number, 'thing')} {'has' if number == 1 else 'have'} to be explained."
