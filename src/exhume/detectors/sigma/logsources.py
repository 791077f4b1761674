"""``content/logsources.yml``: which records a Sigma log source means, and under which names its fields stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from exhume.detectors.sigma.view import Computed, Table

EXHUME, EXCHANGE = "exhume", "exchange"
"""Products of our own: a kind of record, and the logs of Exchange."""


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of record with conditions, and names of fields where they differ from Sigma's."""

    kind: str
    channels: tuple[str, ...] = ()
    events: tuple[int, ...] = ()
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    has: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Texts of which a field holds one wherever the fields that rules read are there: the sieve needs something to look for."""


@dataclass(frozen=True, slots=True)
class LogSources:
    """The whole table. ``places`` answers for one rule."""

    table: Mapping[str, Any]
    computed: Mapping[str, Computed]

    def places(self, product: str, category: str, service: str) -> tuple[Place, ...]:
        """Where the events of a log source are found; empty when it is not this kind of evidence."""
        if product == EXHUME and category:
            return self._of(self.table["artefacts"].get(category, ()), service)
        if product == EXHUME:
            return (Place(service),) if service else ()
        if product == EXCHANGE and service:
            return (Place(f"exchange.{service}", fields=_names(self.table["exchange_services"].get(service, {}))),)
        if category in self.table["any_categories"] and product in ("", "windows"):
            return self._of(self.table["any_categories"][category], "")
        if category in self.table["web"] and product in ("", "windows", "iis", EXCHANGE) and service in ("", "iis"):
            return self._of(self.table["web"][category], "")
        if product == "windows":
            return self._windows(category, service)
        return ()

    def nothing(self, kind: str) -> str:
        """What the log writes for an empty cell."""
        return str(self.table["kinds"].get(kind, {}).get("nothing", ""))

    def empties(self, kind: str) -> bool:
        """Can a field of such a record be there and be empty? Elsewhere empty cells are left out."""
        return bool(self.table["kinds"].get(kind, {}).get("empties"))

    @property
    def table_of_fields(self) -> Table:
        """What is done with values before rules see them."""
        return Table(self.computed, frozenset(self.table["padded"]))

    def by_lines(self, kind: str) -> bool:
        """Is a record of this kind one raw line that holds its fields?"""
        return bool(self.table["kinds"].get(kind, {}).get("lines"))

    def as_logged(self, kind: str) -> frozenset[str]:
        """Of the derived fields, those that are the raw line itself in this kind."""
        entry = self.table["kinds"].get(kind, {})
        return frozenset(entry.get("logged", ())) | (frozenset(("Message",)) if entry.get("message") else frozenset())

    @property
    def derived(self) -> frozenset[str]:
        """Fields that do not stand in the raw line, or not as they are."""
        return frozenset(self.table["derived"])

    def _windows(self, category: str, service: str) -> tuple[Place, ...]:
        if category:
            return self._of(self.table["windows_categories"].get(category, ()), service)
        if not service:
            return (Place("windows.event"),)
        known = self.table["windows_services"].get(service)
        return self._of(({"service": service},), "") if known else ()

    def _of(self, entries: Any, service: str) -> tuple[Place, ...]:
        """The places of the entries; with a service, only those in it."""
        services = self.table["windows_services"]
        out = []
        for entry in entries:
            if service and entry.get("service") != service:
                continue
            of_service = services.get(entry.get("service"), {})
            out.append(
                Place(
                    kind=entry.get("kind", "windows.event"),
                    channels=tuple(entry.get("channels", of_service.get("channels", ()))),
                    events=tuple(entry.get("event", ())),
                    only=_names(entry.get("only", {})),
                    fields=_names({**of_service.get("fields", {}), **entry.get("fields", {})}),
                    has=_names(entry.get("has", {})),
                )
            )
        return tuple(out)


def _names(mapping: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(values)) for name, values in mapping.items())


@lru_cache(maxsize=1)
def shipped() -> LogSources:
    """The table that comes with exhume."""
    import yaml

    text = files("exhume").joinpath("content", "logsources.yml").read_text("utf-8")
    table = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    computed = {
        name: Computed(
            tuple(entry["join"]),
            entry.get("by", "\\"),
            tuple(entry.get("prefixes", {}).items()),
            tuple(entry.get("values", {}).items()),
        )
        for name, entry in table["computed"].items()
    }
    return LogSources(table, computed)
