"""Reports of Microsoft's HealthChecker script, and servers that ``Get-ExchangeServer | Export-Clixml`` wrote down.

Samples: ``HealthChecker-EX01-20240304101112.xml`` (objects, see ``clixml``) and
``HealthChecker-VulnerabilityReport-20240304101112.json``::

    {"Servers": [{"Name": "EX01", "BuildVersion": "15.1.2507.35", "Online": true}]}

Only the build of ExSetup.exe in them moves with security updates. What the script thinks of the build (name, newest update) is
as old as the script and is not used.

References: CSS-Exchange, Diagnostics/HealthChecker; reading-a-build.md of the project's notes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.lines import single
from exhume.readers.statements import KB, build_of, display_builds, installed_on, mitigation_of

if TYPE_CHECKING:
    from exhume.readers.clixml import Thing

KIND = "file"
JSON_LIMIT = 16 << 20
"""Bytes of a JSON report that are read; one server takes about 1 KiB."""
_NAME = re.compile(r"healthchecker-.*\.(xml|json)$", re.IGNORECASE)
_STAMP = re.compile(r"-(20\d{6})\d{4,6}\.(?:xml|json)$", re.IGNORECASE | re.ASCII)
_OF = re.compile(r"healthchecker-(.+)-20\d{10,12}\.xml$", re.IGNORECASE | re.ASCII)
"""The name of a report says of which server it is: the script writes one for each server, all into one folder."""
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", re.ASCII)
_MARKS = (b"HealthCheckerExchangeServer", b"Directory.Management.ExchangeServer")
_TRUE, _FALSE = "true", "false"


@dataclass(slots=True)
class _Told:
    """What one file says, before its day is known: what, value, trust and line; and the values that depend on others."""

    facts: list[tuple[str, str, date | None, str, int]] = field(default_factory=list)
    servers: dict[str, set[str]] = field(default_factory=dict)
    """Name → builds of the cumulative update."""
    lines: dict[str, int] = field(default_factory=dict)
    """Build → first line."""
    written: date | None = None
    named: set[str] = field(default_factory=set)
    """Servers that the whole report is of (``HealthCheckerExchangeServer.ServerName``), without domain."""
    protected: list[bool] = field(default_factory=list)
    """Of each virtual directory: is Extended Protection as it has to be?"""
    supported: bool | None = None
    protection_line: int = 0

    def add(self, what: str, value: str, trust: str, line: int, day: date | None = None) -> None:
        self.facts.append((what, value, day, trust, line))


class HealthChecker:
    """Readings ``build``, ``update``, ``setting`` and ``mitigation``."""

    name = "healthchecker"
    kinds: frozenset[str] = frozenset()
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        plain = single(head)
        return b"<Objs" in plain and any(mark in plain for mark in _MARKS)

    def expects(self, file: File) -> bool:
        return bool(_NAME.match(file.name))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        told, trouble = _Told(), list[str]()
        try:
            if file.name.lower().endswith(".json"):
                _report(stream.read(JSON_LIMIT + 1), told, trouble)
            else:
                from exhume.readers.clixml import things

                for thing in things(stream, trouble):
                    _look(thing, told)
        except OSError as error:
            trouble.append(f"it could be read only in part ({type(error).__name__})")
        server = _server_of(told, file)
        yield from (replace(reading, server=server) for reading in _readings(told, file))
        if len({build for builds in told.servers.values() for build in builds}) > 1:
            words = "it holds several servers with different builds, and does not say which one this evidence is of"
            yield Gap(KIND, Cause.SKIPPED, words, file.source("file"))
        for words in trouble:
            yield Gap(KIND, Cause.DAMAGED, f"report on a server: {words}", file.source("file"))
        return []


def _server_of(told: _Told, file: File) -> str:
    """Of which server it tells; empty where it does not say, or tells of several."""
    named = _OF.match(file.name)
    names = [named[1]] if named else list(told.servers) if file.name.lower().endswith(".json") else list(told.named)
    name = names[0].partition(".")[0] if len(names) == 1 else ""
    return name.upper() if _HOST.fullmatch(name) else ""


def _readings(told: _Told, file: File) -> Iterator[Reading]:
    stamp = _STAMP.search(file.name)
    day = (installed_on(stamp[1]) if stamp else None) or told.written
    builds = {build for builds in told.servers.values() for build in builds}
    if len(builds) == 1:
        build = builds.pop()
        yield Reading("build", build, day, "cu", file.source(f"line {told.lines[build]}"))
    for what, value, own, trust, line in told.facts:
        yield Reading(what, value, own if what == "update" else day, trust, file.source(f"line {line}"))
    state = ""
    if told.supported is False or False in told.protected:
        state = "off"
    elif told.protected and told.supported:
        state = "on"
    if state:
        yield Reading("setting", f"ExtendedProtection={state}", day, "exact", file.source(f"line {told.protection_line}"))


def _look(thing: Thing, told: _Told) -> None:
    """Takes from one object what it says of the server."""
    values, parent = thing.values, thing.path[-2] if len(thing.path) > 1 else ""
    if thing.name == "ExchangeSetup" and build_of(values.get("FileVersion", "")):
        # a failed look-up puts AdminDisplayVersion here
        trust = "cu" if values.get("FailedGetExSetup", "").lower() == _TRUE else "exact"
        told.add("build", build_of(values["FileVersion"]), trust, thing.line)
    elif parent == "KBsInstalledInfo" or thing.name == "KBsInstalledInfo":
        found = KB.search(values.get("PackageName", ""))
        if found:
            told.add("update", found[1].upper(), "exact", thing.line, installed_on(values.get("InstalledDate", "")))
    elif thing.name == "MitigationsApplied":
        for item in (*thing.items, values.get("", "")):
            if mitigation_of(item):
                told.add("mitigation", mitigation_of(item), "exact", thing.line)
    elif parent == "ExtendedProtectionConfiguration" and values.get("ProperlySecuredConfiguration"):
        told.protected.append(values["ProperlySecuredConfiguration"].lower() == _TRUE)
    elif values.get("SupportedVersionForExtendedProtection", "").lower() in (_TRUE, _FALSE):
        told.supported = values["SupportedVersionForExtendedProtection"].lower() == _TRUE
        told.protection_line = thing.line
    if thing.name == "HealthCheckerExchangeServer" and values.get("ServerName"):
        told.named.add(values["ServerName"].partition(".")[0].upper())
    if thing.name == "AdminDisplayVersion":
        _server("/".join(thing.path[:-1]), values.get("", ""), thing.line, told)
    elif "AdminDisplayVersion" in values:
        _server(values.get("Fqdn") or values.get("Name", ""), values["AdminDisplayVersion"], thing.line, told)
    if not told.written and len(values.get("GenerationTime", "")) >= 10:
        told.written = installed_on(values["GenerationTime"][:10])


def _server(name: str, text: str, line: int, told: _Told) -> None:
    for build in display_builds(text):
        told.servers.setdefault(name, set()).add(build)
        told.lines.setdefault(build, line)


def _report(data: bytes, told: _Told, trouble: list[str]) -> None:
    """The JSON report. Its build is that of ExSetup.exe or, silently, of AdminDisplayVersion."""
    if len(data) > JSON_LIMIT:
        trouble.append(f"it is larger than {JSON_LIMIT:,} bytes and was not read")
        return
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        trouble.append("it is no whole JSON")
        return
    servers = tree.get("Servers") if isinstance(tree, dict) else None
    for server in servers if isinstance(servers, list) else [servers]:
        if isinstance(server, dict):
            build = build_of(str(server.get("BuildVersion", "")))
            if build:
                told.servers.setdefault(str(server.get("Name", "")), set()).add(build)
                told.lines.setdefault(build, 1)
