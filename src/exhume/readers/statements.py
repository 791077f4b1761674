"""How people and programs write down builds, updates, days and mitigations, and what they mean by it. For several readers.

References: reading-a-build.md of the project's notes; content/iis_mitigations.csv.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

KB = re.compile(r"\b(KB\d{6,8})\b", re.IGNORECASE | re.ASCII)
_BUILD = re.compile(r"0*(1[45])\.0*(\d{1,2})\.0*(\d{1,5})\.0*(\d{1,5})", re.ASCII)
_DISPLAY = re.compile(r"Version (1[45])\.(\d{1,2}) \(Build (\d{1,5})\.(\d{1,5})\)", re.ASCII)
_TITLE = re.compile(r"\(KB\d{6,8}\) (1[45](?:\.\d{1,5}){3})\b", re.IGNORECASE | re.ASCII)
_RAISED = 30_000
"""Active Directory's ``serialNumber`` holds the third part raised by this."""
_COMPACT = re.compile(r"(20\d\d)(\d\d)(\d\d)", re.ASCII)
_PARTS = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?!\d)", re.ASCII)
_MITIGATION = re.compile(r"\bM(\d{1,2}(?:\.\d{1,2}){0,2})\b", re.ASCII)
_MITIGATES = {
    "1": "CVE-2022-41040 PowerShell, first form (bypassable)",
    "1.1": "CVE-2022-41040 PowerShell M1.1",
    "2.1.0": "CVE-2026-42897 M2.1.0",
}
"""Number of a mitigation that Microsoft published → CVE and name of its URL Rewrite rule."""


def build_of(text: str) -> str:
    """``15.01.2375.007`` as ``15.1.2375.7``; empty text for what is no build of Exchange 2010 or later."""
    match = _BUILD.fullmatch(text.strip())
    return ".".join(match.groups()) if match else ""


def display_builds(text: str) -> list[str]:
    """The builds in texts like ``Version 15.1 (Build 2176.2)``; tells the cumulative update only."""
    found = []
    for major, minor, build, revision in _DISPLAY.findall(text):
        number = int(build) - _RAISED if int(build) > _RAISED else int(build)
        found.append(f"{major}.{minor}.{number}.{int(revision)}")
    return found


def title_build(title: str) -> str:
    """The build that the title of an update ends with: ``… (KB5019758) 15.2.1118.20``; empty text if it has none."""
    match = _TITLE.search(title)
    return match[1] if match else ""


def mitigation_of(text: str) -> str:
    """CVE and name of the first mitigation that a text names by Microsoft's number; empty text if it names none."""
    return next((_MITIGATES[m] for m in _MITIGATION.findall(text) if m in _MITIGATES), "")


def installed_on(text: str, written: date | None = None) -> date | None:
    """The day that a date without a known order means. ``written``, a day known otherwise, wins if the date can mean it (or
    the day before or after: clocks differ); else the date counts if it can mean one day only (``3/9/2021`` can mean two)."""
    meant = _meanings(text)
    if written and (not text or any(abs(day - written) <= timedelta(days=1) for day in meant)):
        return written
    return next(iter(meant)) if len(meant) == 1 else None


def _meanings(text: str) -> set[date]:
    compact, parts = _COMPACT.fullmatch(text), _PARTS.match(text)
    found: set[date] = set()
    if compact:
        orders = [compact.groups()]
    elif parts and len(parts[1]) == 4:
        orders = [parts.groups()]
    elif parts:
        first, second, year = parts.groups()
        orders = [(year, first, second), (year, second, first)]
    else:
        orders = []
    for year, month, day in orders:
        try:
            found.add(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return found
