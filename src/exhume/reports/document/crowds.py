"""Who asked for what, and who only tried: the same to and from JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from exhume.model import Prober, Sweep
from exhume.model.crowd import Values
from exhume.reports.document.node import Node


def values(one: Values) -> dict[str, Any]:
    counts = [{"value": value, "count": count} for value, count in one.counts]
    return {"name": one.name, "total": one.total, "exact": one.exact, "counts": counts}


def read_values(n: Node) -> Values:
    counts = n.nodes("counts", lambda c: (c.text("value"), c.number("count")))
    return Values(n.text("name"), counts, n.number("total"), n.truth("exact"))


def sweep(one: Sweep) -> dict[str, Any]:
    return {
        "addresses": one.addresses,
        "exact": one.exact,
        "count": one.count,
        "first_seen": _time(one.first_seen),
        "last_seen": _time(one.last_seen),
        "probers": [
            {
                "address": p.address,
                "count": p.count,
                "first_seen": _time(p.first_seen),
                "last_seen": _time(p.last_seen),
                "asked": list(p.asked),
            }
            for p in one.probers
        ],
    }


def read_sweep(n: Node) -> Sweep:
    return Sweep(
        addresses=n.number("addresses"),
        exact=n.truth("exact"),
        count=n.number("count"),
        first_seen=n.time("first_seen"),
        last_seen=n.time("last_seen"),
        probers=n.nodes("probers", _prober),
    )


def _prober(n: Node) -> Prober:
    return Prober(n.text("address"), n.number("count"), n.time("first_seen"), n.time("last_seen"), n.texts("asked"))


def _time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None
