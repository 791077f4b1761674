"""Picks the entries that matter out of an IIS configuration file, in document order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exhume.model import Value
from exhume.readers.iisprotection import Protection
from exhume.readers.iisrewrite import RewriteRule

MOST = 50_000
"""Entries kept of one file."""
DEEPEST = 128
"""Levels followed: IIS nests about ten deep, a hostile file a million."""

_ADDED = {
    "globalmodules": ("globalModules", ""), "modules": ("modules", ""), "httpmodules": ("modules", "httpModules"),
    "handlers": ("handlers", ""), "httphandlers": ("handlers", "httpHandlers"), "isapifilters": ("isapiFilters", ""),
    "applicationpools": ("applicationPool", ""), "moduleproviders": ("modules", "moduleProviders"),
    "buildproviders": ("handlers", "buildProviders"),
}  # fmt: skip
"""Parent element → section, and the element's own name where it is not the section's."""
_TAKEN_AWAY = ("globalmodules", "modules", "httpmodules", "handlers", "httphandlers", "isapifilters")
_SETTINGS = {"httplogging": "httpLogging", "machinekey": "machineKey"}
_RULES = {"rules": "rules", "globalrules": "globalRules", "outboundrules": "outboundRules"}
_SECRETS = {"password": "present", "validationkey": "fixed", "decryptionkey": "fixed"}


@dataclass(slots=True)
class Entry:
    """One entry of the configuration with everything known of it but whether it is a default."""

    section: str
    line: int
    fields: dict[str, Value]
    location: str = ""
    site: str = ""
    application: str = ""
    removes: str = ""
    """``remove`` or ``clear`` for entries that take an inherited one away."""
    rule: RewriteRule | None = None


@dataclass(slots=True)
class Sections:
    """Listener (``configxml.Listener``) that collects the entries of one file."""

    entries: list[Entry] = field(default_factory=list)
    is_host: bool = False
    """The file has ``system.applicationHost``: it configures the whole server."""
    left_out: int = 0
    """Entries beyond ``MOST``."""
    protection: Protection = field(default_factory=Protection)
    _stack: list[str] = field(default_factory=list)
    _location: str = ""
    _site: Entry | None = None
    _application: str = ""
    _pool: Entry | None = None
    _rule: RewriteRule | None = None

    def start(self, tag: str, attributes: Mapping[str, str], line: int) -> None:
        parent = self._stack[-1] if self._stack else ""
        if len(self._stack) < DEEPEST:
            self._stack.append(tag)
        if self._rule is not None:
            self._rule.take(tag, attributes)
        elif tag == "location":
            self._location = attributes.get("path", "")
            self.protection.start(tag, attributes, self._stack, self._location, line)
        elif tag in ("extendedprotection", "ipsecurity"):
            self.protection.start(tag, attributes, self._stack, self._location, line)
        elif tag == "rule" and parent in _RULES and "rewrite" in self._stack:
            self._rule = RewriteRule(_RULES[parent], dict(attributes))
            self._keep("rewriteRule", line, {}).rule = self._rule
        elif parent in _ADDED and tag in ("add", "filter"):
            section, element = _ADDED[parent]
            entry = self._keep(section, line, attributes, element)
            self._pool = entry if section == "applicationPool" else None
        elif parent in _TAKEN_AWAY and tag in ("remove", "clear"):
            section, element = _ADDED[parent]
            self._keep(section, line, attributes, element or section).removes = tag
        elif tag in _SETTINGS:
            self._keep(_SETTINGS[tag], line, attributes)
        elif tag == "logfile" and parent in ("site", "sitedefaults"):
            self._keep("logFile", line, attributes)
        elif tag == "error" and parent == "httperrors":
            self._keep("httpErrors", line, attributes)
        else:
            self._server(tag, parent, attributes, line)

    def _server(self, tag: str, parent: str, attributes: Mapping[str, str], line: int) -> None:
        """Elements of ``system.applicationHost``."""
        if tag == "system.applicationhost":
            self.is_host = True
        elif tag == "site" and parent == "sites":
            self._site = self._keep("site", line, attributes)
            self._application = ""
        elif tag == "binding" and self._site is not None:
            text = f"{attributes.get('protocol', '')} {attributes.get('bindingInformation', '')}".strip()
            known = self._site.fields.get("bindings")
            self._site.fields["bindings"] = (*known, text) if isinstance(known, tuple) else (text,)
        elif tag == "application":
            self._application = attributes.get("path", "")
        elif tag == "virtualdirectory":
            self._keep("virtualDirectory", line, attributes).application = self._application
        elif tag == "processmodel" and self._pool is not None:
            self._pool.fields |= {n: v for n, v in safe(attributes).items() if n in ("identityType", "userName")}

    def end(self, tag: str) -> None:
        if tag not in self._stack:
            return
        while self._stack and self._stack.pop() != tag:
            pass
        if tag == "location":
            self._location = ""
        elif tag == "rule":
            self._rule = None
        elif tag == "site":
            self._site = None
        elif tag in ("add", "applicationpools") and self._rule is None:
            self._pool = None

    def _keep(self, section: str, line: int, attributes: Mapping[str, str], element: str = "") -> Entry:
        entry = Entry(section, line, dict(safe(attributes)), self._location)
        if element:
            entry.fields["element"] = element
        entry.site = str(self._site.fields.get("name", "")) if self._site else self._location.partition("/")[0]
        if len(self.entries) < MOST:
            self.entries.append(entry)
        else:
            self.left_out += 1
        return entry


def safe(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes without secrets: of a key only ``fixed`` or ``AutoGenerate``, of a password that there is one."""
    kept: dict[str, str] = {}
    for name, value in attributes.items():
        word = _SECRETS.get(name.lower())
        if word == "fixed" and value.lower().startswith("autogenerate"):
            word = "AutoGenerate"
        kept[name] = word if word and value else value
    return kept
