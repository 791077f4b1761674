"""Several servers of one organisation, side by side: ``exhume.case/1``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from exhume.model.assessment import Assessment
from exhume.model.vocabulary import Verdict

CASE_SCHEMA = "exhume.case/1"


@dataclass(frozen=True, slots=True)
class Server:
    """One assessed server and the folder, below the case's, in which its reports lie."""

    folder: str
    assessment: Assessment
    label: str = ""
    """What tells it apart from others of its name; empty: its name does."""

    @property
    def host(self) -> str:
        return self.assessment.host.name or self.folder

    @property
    def name(self) -> str:
        return self.label or self.host


@dataclass(frozen=True, slots=True)
class Shared:
    """A value that findings on several servers name."""

    kind: str
    """``address``, ``file`` (SHA-256), ``page`` (URL path), ``account``, ``server`` (account of another server of the case)."""
    value: str
    servers: tuple[str, ...]
    findings: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Casebook:
    """The servers, worst first, and what they have in common."""

    servers: tuple[Server, ...]
    shared: tuple[Shared, ...]
    verdict: Verdict
    """Of the worst server."""
    schema: str = field(default=CASE_SCHEMA)
