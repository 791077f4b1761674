"""What flows through exhume, and the protocols between its rooms. Standard library only."""

from importlib import import_module
from typing import TYPE_CHECKING

from exhume.model.allow import AllowEntry, allow_line, allow_lines, entry_of, fits, loose, thing_of
from exhume.model.clue import BORDER, Clue, event_kind, narrowed, searched
from exhume.model.correlation import Correlation, Sighting
from exhume.model.coverage import Coverage, Hidden, Need, Part, Seen, Unjoined, Window
from exhume.model.custody import Custody, Hashed, Input
from exhume.model.finding import (
    HASH_RULES,
    Because,
    Finding,
    Rule,
    address_of,
    alone,
    attacks,
    held,
    raised,
    to_confirm,
    unsure,
)
from exhume.model.flow import (
    File,
    Gap,
    Opener,
    Reading,
    Record,
    Source,
    Span,
    Value,
    day_of,
    hour_of,
    merge_readings,
    merge_spans,
)
from exhume.model.host import Host
from exhume.model.pack import Case, Pack, PackFile, PlanEntry, Problem, Role
from exhume.model.protocols import Detector, Evidence, Kept, Reader, Report, Sieve, SlicedReader, anew
from exhume.model.visit import Visit
from exhume.model.vocabulary import Cause, Confidence, Fate, Outcome, Reply, Severity, State, Tlp, Verdict

if TYPE_CHECKING:
    from exhume.model.assessment import (
        SCHEMA,
        Act,
        Allowed,
        Answer,
        Assessment,
        Exposure,
        Intrusion,
        Moment,
        PackUsed,
        Planted,
        Prober,
        Question,
        Questions,
        Recheck,
        SeenIn,
        Step,
        Sweep,
        Tool,
        Withdrawn,
    )
    from exhume.model.attestation import ATTESTATION_SCHEMA, Attestation, Check, StepCheck
    from exhume.model.builds import Build, BuildTables, Fix, Parts, Setting, Untold, Version, dotted, read_version
    from exhume.model.casebook import CASE_SCHEMA, Casebook, Server, Shared
    from exhume.model.directive import Directive, DirectivePart, FilledIn, Obligation, Shows, Statement

__all__ = [
    "ATTESTATION_SCHEMA",
    "BORDER",
    "CASE_SCHEMA",
    "HASH_RULES",
    "SCHEMA",
    "Act",
    "AllowEntry",
    "Custody",
    "Hashed",
    "Input",
    "allow_line",
    "allow_lines",
    "entry_of",
    "fits",
    "loose",
    "thing_of",
    "Allowed",
    "Answer",
    "Assessment",
    "Attestation",
    "Because",
    "Build",
    "BuildTables",
    "Case",
    "Casebook",
    "Cause",
    "Check",
    "Clue",
    "Confidence",
    "Correlation",
    "Coverage",
    "Detector",
    "Directive",
    "DirectivePart",
    "Evidence",
    "Exposure",
    "Fate",
    "File",
    "FilledIn",
    "Finding",
    "Fix",
    "Gap",
    "Hidden",
    "Host",
    "Kept",
    "Intrusion",
    "Moment",
    "Need",
    "Obligation",
    "Opener",
    "Outcome",
    "Pack",
    "PackFile",
    "PackUsed",
    "Part",
    "Parts",
    "PlanEntry",
    "Planted",
    "Prober",
    "Problem",
    "Question",
    "Questions",
    "Reader",
    "Reading",
    "Recheck",
    "Record",
    "Reply",
    "Report",
    "Role",
    "Rule",
    "Seen",
    "Server",
    "Setting",
    "SeenIn",
    "Severity",
    "Shared",
    "Sighting",
    "Shows",
    "Sieve",
    "SlicedReader",
    "Source",
    "Span",
    "State",
    "Statement",
    "Step",
    "StepCheck",
    "Sweep",
    "Tlp",
    "Tool",
    "Unjoined",
    "Value",
    "Verdict",
    "Untold",
    "Version",
    "Visit",
    "Window",
    "Withdrawn",
    "address_of",
    "day_of",
    "dotted",
    "event_kind",
    "held",
    "hour_of",
    "merge_readings",
    "merge_spans",
    "narrowed",
    "raised",
    "to_confirm",
    "unsure",
    "alone",
    "attacks",
    "read_version",
    "searched",
    "anew",
]

_LATER = {
    name: module
    for module, names in {
        "assessment": "SCHEMA Act Allowed Answer Assessment Exposure Intrusion Moment PackUsed Planted Prober Question "
        "Questions Recheck SeenIn Step Sweep Tool Withdrawn",
        "attestation": "ATTESTATION_SCHEMA Attestation Check StepCheck",
        "builds": "Build BuildTables Fix Parts Setting Untold Version dotted read_version",
        "casebook": "CASE_SCHEMA Casebook Server Shared",
        "directive": "Directive DirectivePart FilledIn Obligation Shows Statement",
    }.items()
    for name in names.split()
}
"""What only the end of an assessment needs: loaded when it is first asked for (PEP 562), not at every start."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found
