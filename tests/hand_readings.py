"""Readings made by hand, and what the judge makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache

from exhume.judge import Patching, patching
from exhume.model import Exposure, Pack, Reading, Source
from exhume.packs import build_tables, shipped

PROXYLOGON, PROXYSHELL = "CVE-2021-26855", "CVE-2021-34473"


TODAY = date(2026, 11, 24)


@cache
def packs() -> tuple[Pack, ...]:
    return shipped()


def reading(what: str, value: str, day: str | None = None, trust: str = "cu", path: str = "x.log") -> Reading:
    return Reading(what, value, date.fromisoformat(day) if day else None, trust, Source("e", path, "line 1"))


def daily(value: str, first: str, last: str, trust: str = "cu") -> list[Reading]:
    return [reading("build", value, day, trust, "HttpProxy.LOG") for day in days(first, last)]


def days(first: str, last: str) -> Iterator[str]:
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += timedelta(days=1)


def told(readings: Sequence[Reading], end: str, first_row: str | None = None) -> Patching:
    """``end``: last day of the evidence. ``first_row``: first row of Exchange's own logs."""
    row = date.fromisoformat(first_row) if first_row else None
    found = patching(readings, build_tables(), packs(), date.fromisoformat(end), row, TODAY)
    assert found is not None
    return found


def of(cve: str, found: Patching) -> list[tuple[str, str, str | None]]:
    """State, since and until of one flaw, in order of time."""
    return [(str(e.state), str(e.since), str(e.until) if e.until else None) for e in entries(cve, found)]


def entries(cve: str, found: Patching) -> list[Exposure]:
    return [e for e in found.entries if e.cve == cve]
