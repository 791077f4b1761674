"""An authority's directive as data, and what an assessment has to say to each obligation. Never a claim that it was met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from exhume.model.assessment import Assessment
from exhume.model.flow import Source


@dataclass(frozen=True, slots=True)
class Shows:
    """What of an assessment has to do with an obligation."""

    what: str
    """``host``, ``logs``, ``hives``, ``verdict``, ``campaign``, ``techniques``, ``fixed``, ``after``, ``clients``, ``tool``,
    ``updates`` or ``kept``: docs/how-to/fill-in-a-directive.md."""
    name: str = ""
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    times: int = 1
    """How often, or how many of them."""
    context: bool = False
    """It has to be known, and shows nothing of what was asked for."""


@dataclass(frozen=True, slots=True)
class Obligation:
    id: str
    text: str
    deadline: str
    """In words, with hour and zone."""
    due: date | None
    """The last whole day before which it had to be done, where there is one."""
    shows: tuple[Shows, ...]
    attest: str
    """What no evidence of a server can show, so that a person has to."""
    unsure: str = ""
    """What of the obligation itself is not certain."""


@dataclass(frozen=True, slots=True)
class DirectivePart:
    title: str
    issued: date
    scope: str
    sources: tuple[str, ...]
    obligations: tuple[Obligation, ...]


@dataclass(frozen=True, slots=True)
class Directive:
    id: str
    title: str
    who: str
    parts: tuple[DirectivePart, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the evidence says."""

    text: str
    weight: str
    """``for``: it shows something of what was asked; ``against``: it speaks against it; ``open``: it does not tell;
    ``context``: to be known."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class FilledIn:
    """A directive, with what the assessment says to each obligation."""

    directive: Directive
    assessment: Assessment
    statements: tuple[tuple[Obligation, tuple[Statement, ...]], ...]
    """In the order of the directive."""
