"""The result of ``exhume verify``: what became of each finding and each step after the clean-up. ``exhume.attestation/1``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from exhume.model.assessment import Assessment, Step
from exhume.model.finding import Finding
from exhume.model.flow import Source
from exhume.model.vocabulary import Fate, Reply

ATTESTATION_SCHEMA = "exhume.attestation/1"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding, looked for again."""

    finding: Finding
    """Of the first assessment; of the second one when it is new."""
    fate: Fate
    why: str
    now: tuple[Source, ...] = ()
    """Where it stands in the second collection."""


@dataclass(frozen=True, slots=True)
class StepCheck:
    """One step of the first assessment's plan. ``PARTLY``: some of what it was due for is still there."""

    step: Step
    done: Reply
    why: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """What was checked, on which coverage, with which packs, and what came out. The first verdict stands for ever."""

    before: Assessment
    after: Assessment
    before_sha256: str
    """SHA-256 of the file that held the first assessment."""
    clean: Reply
    """``NO``: something is still there or new. ``CANNOT_TELL``: something could not be looked at.
    ``YES``: all that was found is gone and nothing new was found, as far as was looked at."""
    text: str
    checks: tuple[Check, ...]
    steps: tuple[StepCheck, ...]
    limits: tuple[str, ...]
    schema: str = field(default=ATTESTATION_SCHEMA)

    @property
    def generated(self) -> datetime:
        return self.after.generated
