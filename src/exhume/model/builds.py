"""Builds of Exchange, the updates that made them, and the flaws that they fix. Builds are text or numbers, never a float.

References: Microsoft's build table and CVE records; content/builds.csv and fixes.csv; docs/how-to/update-builds.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

Parts = tuple[int, ...]
"""``(15, 1, 2176, 9)``; three parts where the fourth is not known."""
_PLAIN = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,5})(?:\.(\d{1,5}))?", re.ASCII)
_DISPLAY = re.compile(r"Version (\d{1,3})\.(\d{1,3}) \(Build (\d{1,5})\.(\d{1,5})\)", re.ASCII | re.IGNORECASE)
_RAISED = 30000
"""Active Directory's ``serialNumber`` holds the third part raised by this (a Microsoft setup log: 31531.3 for 1531.3)."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version as somebody wrote it down."""

    parts: Parts
    display: bool = False
    """``AdminDisplayVersion`` or ``serialNumber``: it moves with the cumulative update only."""

    def __str__(self) -> str:
        return dotted(self.parts)


def read_version(text: str) -> Version | None:
    """``15.1.2176.9``, ``15.01.2176.009``, ``15.1.2176`` or ``Version 15.1 (Build 2176.2)``; ``None`` for all else.

    ``15.1`` is refused: it is a build that a spreadsheet cut to a number.
    """
    text = text.strip()
    display = _DISPLAY.fullmatch(text)
    match = display or _PLAIN.fullmatch(text)
    if not match:
        return None
    parts = tuple(int(p) for p in match.groups() if p is not None)
    raised = parts[2] > _RAISED
    if raised:
        parts = (*parts[:2], parts[2] - _RAISED, *parts[3:])
    return Version(parts, display is not None or raised)


def dotted(parts: Parts) -> str:
    return ".".join(map(str, parts))


@dataclass(frozen=True, slots=True)
class Build:
    """One released build: a row of builds.csv."""

    product: str
    """``2010``, ``2013``, ``2016``, ``2019`` or ``SE``."""
    cu: str
    """``RTM``, ``SP1``, ``CU19``, ``Preview``."""
    update: str
    """``RTM`` for the cumulative update itself, else ``Mar21SU``, ``RU32``, ``Apr24HU`` …"""
    parts: Parts
    released: date
    kb: str
    end_of_support: date
    """Of the product."""
    carries: frozenset[str] = frozenset()
    """An update that holds these fixes only; empty for the usual one, which holds all earlier ones too."""

    def __str__(self) -> str:
        return dotted(self.parts)

    @property
    def label(self) -> str:
        """``2016 CU19 Mar21SU``."""
        return f"{self.product} {self.cu}" + ("" if self.update in ("RTM", "Preview") else f" {self.update}")


@dataclass(frozen=True, slots=True)
class Fix:
    """From which build of one cumulative update on a flaw is fixed: a row of fixes.csv."""

    cve: str
    nickname: str
    released: date
    """Day on which Microsoft published the flaw."""
    known_exploited: date | None
    """Day on which it was added to CISA's list of known exploited vulnerabilities."""
    product: str
    cu: str
    first_fixed: Parts
    disputed_from: Parts | None
    """From this build on sources say that it is fixed, and others do not."""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What has to be set beside the build, lest a flaw stays open: a row of settings.csv."""

    cve: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Untold:
    """A flaw whose use does not show in what exhume reads: a row of untold.csv."""

    cve: str
    why: str
    instead: str
    """What to look at in its place."""
    source: str


@dataclass(frozen=True, slots=True)
class BuildTables:
    """What exhume knows of builds and fixes."""

    builds: tuple[Build, ...]
    fixes: tuple[Fix, ...]
    settings: tuple[Setting, ...]
