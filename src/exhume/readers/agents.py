"""Registered transport agents: code that handles every mail, and so a place for back doors (T1505.002).

Sample: ``<agent name="Transport Rule Agent" baseType="Microsoft.Exchange.Data.Transport.Routing.RoutingAgent" classFactory="…"
assemblyPath="C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\agents\\Rule\\….dll" enabled="true" />``

References: learn.microsoft.com, transport agents: agent element; logs.md 11 of the project's notes;
content/transport_agents.csv.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span, Value
from exhume.readers.configxml import walk
from exhume.readers.content import rows
from exhume.readers.lines import lowered
from exhume.readers.vendors import recognised

LIMIT = 4 * 1024 * 1024
"""Bytes read of one file; a real one has a few kilobytes."""
MOST = 5_000
"""Agents kept of one file."""

_KEPT = ("name", "baseType", "classFactory", "assemblyPath", "enabled")
_ASSEMBLY = re.compile(r"^[a-z]:\\(?!.*\\\.\.?\\).*transportroles\\agents\\(.+)$")
_OWN_NAME = re.compile(r"(?:^|\\)microsoft\.exchange\.[^\\]+\.dll$")


@dataclass(slots=True)
class _Agents:
    """Listener that collects the ``agent`` elements."""

    found: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    left_out: int = 0

    def start(self, tag: str, attributes: Mapping[str, str], line: int) -> None:
        if tag != "agent":
            return
        if len(self.found) < MOST:
            self.found.append((line, dict(attributes)))
        else:
            self.left_out += 1

    def end(self, tag: str) -> None:
        """Nothing hangs on where an element ends."""


class Agents:
    """Record ``exchange.transport-agent`` for each agent of agents.config and fetagents.config."""

    name = "agents"
    kinds = frozenset({"exchange.transport-agent"})
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        return b"<mexruntime" in lowered(head)

    def expects(self, file: File) -> bool:
        return file.name.lower() in ("agents.config", "fetagents.config", "agents.config.old")

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        kind = "exchange.transport-agent"
        try:
            data = stream.read(LIMIT + 1)
        except OSError:
            yield Gap(kind, Cause.UNREADABLE, "The list of transport agents could not be read.", file.source("file"))
            return []
        if len(data) > LIMIT:
            yield Gap(kind, Cause.LIMIT, f"Only the first {LIMIT:,} bytes of the list were read.", file.source("file"))
            data = data[:LIMIT]
        agents, trouble = walk(data, _Agents)
        for line, attributes in agents.found:
            fields: dict[str, Value] = {name: attributes[name] for name in _KEPT if attributes.get(name)}
            fields["default"] = is_built_in(attributes.get("name", ""), attributes.get("assemblyPath", ""))
            if not fields["default"]:
                fields |= _told(attributes.get("name", ""), attributes.get("assemblyPath", ""))
            yield Record(kind, None, fields, file.source(f"line {line}"), "agents", "", file.opener)
        if trouble:
            yield Gap(kind, Cause.DAMAGED, trouble, file.source("file"), channel="agents")
        if agents.left_out:
            detail = f"{agents.left_out} agents beyond the first {MOST} were left out."
            yield Gap(kind, Cause.LIMIT, detail, file.source("file"), channel="agents", count=agents.left_out)
        return [Span(kind, "agents", "", file.folder, records=len(agents.found))]


def _told(name: str, assembly_path: str) -> dict[str, Value]:
    """Of an agent that is none of Exchange's own: whose it is, or whose name it bears."""
    if any(row["name"] == name.strip().lower() for row in rows("transport_agents.csv")):
        return {"claims": "an agent of Exchange's own"}
    return recognised("agent", name, assembly_path)


def is_built_in(name: str, assembly_path: str) -> bool:
    """One of Exchange's own agents: by its name, and an assembly of Exchange's below ``TransportRoles\\agents``."""
    match = _ASSEMBLY.match(assembly_path.strip().replace("/", "\\").lower())
    if not match:
        return False
    for row in rows("transport_agents.csv"):
        if row["name"] == name.strip().lower():
            return match.group(1) == row["assembly"] if row["assembly"] else bool(_OWN_NAME.search(match.group(1)))
    return False
