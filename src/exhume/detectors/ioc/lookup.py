"""Indicators by value: fifty thousand of them cost a record no more than a few dictionary look-ups."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from exhume.detectors.ioc.indicator import SHORTEST_STRING, Indicator, plain_agent

_RUN = re.compile(r"[A-Za-z0-9_.-]+")
_HOSTLIKE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,63}\.)+[A-Za-z0-9][A-Za-z0-9-]*")
"""Searched in a run, never in a whole text: a label has at most 63 letters, and without that bound each long word of a
script (Base64) would be read once for every letter in it."""
_SPLIT = re.compile(r"""[\s"'<>|;,=&^()]+""")
_HEX = re.compile(r"[0-9a-fA-F]{32,64}")
_V4_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d+")
TOKENS_LOOKED_AT = 4000
"""Words of one command line or script that are looked up."""


class Lookup:
    """Indicators of several types, found by the values that records hold."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        self._by_value: dict[tuple[str, str], list[Indicator]] = {}
        self._networks: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Indicator]] = []
        self._paths: dict[str, list[Indicator]] = {}
        self._texts: list[Indicator] = []
        self._urls: list[Indicator] = []
        self.indicators = tuple(dict.fromkeys(indicators))
        types: set[str] = set()
        for one in self.indicators:
            types.add(one.type)
            if one.type == "ip" and "/" in one.value:
                self._networks.append((ipaddress.ip_network(one.value), one))
            elif one.type == "path":
                self._paths.setdefault(one.value.rstrip("\\").rsplit("\\", 1)[-1], []).append(one)
            elif one.type == "string":
                self._texts.append(one)
            elif one.type == "url":
                self._urls.append(one)
            else:
                self._by_value.setdefault((one.type, one.value), []).append(one)
        self.types = frozenset(types)
        self._values = tuple(one.value for one in self._texts)

    def value(self, kind: str, text: str) -> list[Indicator]:
        """Indicators of a type whose value is exactly this one."""
        return self._by_value.get((kind, text), [])

    def addresses(self, text: str) -> Iterator[Indicator]:
        """Addresses in a field that holds one or several of them, with or without a port."""
        for address in addresses_in(text):
            yield from self.value("ip", address)
            if self._networks:
                parsed = ipaddress.ip_address(address)
                yield from (one for network, one in self._networks if parsed in network)

    def hosts(self, text: str) -> Iterator[Indicator]:
        """Domains, their sub-domains and addresses, as whole words of a text."""
        if "domain" not in self.types and "ip" not in self.types:
            return
        for word in _hosts_in(text):
            name = word.lower()
            if name[-1].isdigit():
                yield from self.addresses(name)
                continue
            labels = name.split(".")
            for start in range(max(0, len(labels) - 8), len(labels) - 1):
                yield from self.value("domain", ".".join(labels[start:]))

    def urls(self, text: str) -> Iterator[Indicator]:
        """Whole URLs inside a text."""
        if self._urls:
            lowered = text.lower()
            yield from (one for one in self._urls if one.value in lowered)

    def path(self, text: str) -> Iterator[Indicator]:
        """A Windows path: its end, a folder above it, or its file name."""
        lowered = text.replace("/", "\\").lower()
        parts = [part for part in lowered.split("\\") if part]
        if not parts:
            return
        yield from self.value("filename", parts[-1])
        if not self._paths:
            return
        whole = "\\" + "\\".join(parts) + "\\"
        for part in set(parts):
            for one in self._paths.get(part, ()):
                if one.value.endswith("\\"):
                    if one.value in whole:
                        yield one
                elif whole[:-1].endswith(one.value):
                    yield one

    def words(self, text: str) -> Iterator[Indicator]:
        """Paths and file names among the words of a command line."""
        if "path" not in self.types and "filename" not in self.types:
            return
        for count, word in enumerate(_SPLIT.split(text)):
            if count == TOKENS_LOOKED_AT:
                return
            if "." in word or "\\" in word:
                yield from self.path(word)

    def hashes(self, text: str) -> Iterator[Indicator]:
        """Hashes in a field that holds one or several of them (``MD5=…,SHA256=…``)."""
        for word in _HEX.findall(text):
            digest = word.lower()
            for kind in ("sha256", "sha1", "md5"):
                yield from self.value(kind, digest)

    def url(self, text: str) -> Iterator[Indicator]:
        """A URL's path, the names in it, and the names of the parameters in its query."""
        path, _, query = text.lower().partition("?")
        yield from self.value("url_path", path.rstrip("/"))
        if "filename" in self.types:
            for part in path.split("/"):
                if "." in part:
                    yield from self.value("filename", part)
        if query and "webshell_parameter" in self.types:
            for pair in re.split(r"[&?;]", query):
                yield from self.value("webshell_parameter", pair.partition("=")[0])

    def agent(self, text: str) -> list[Indicator]:
        return self.value("user_agent", plain_agent(text))

    def holds_text(self, text: str) -> bool:
        """Would ``texts`` name any? Asked once of all fields together: hardly any record holds one."""
        lowered = text.lower()
        return any(one in lowered for one in self._values)

    def texts(self, text: str) -> Iterator[Indicator]:
        """Texts that stand anywhere in a value."""
        if self._texts and len(text) >= SHORTEST_STRING:
            lowered = text.lower()
            yield from (one for one in self._texts if one.value in lowered)


def _hosts_in(text: str) -> Iterator[str]:
    count = 0
    for run in _RUN.findall(text) if "." in text else ():
        if "." in run:
            for word in _HOSTLIKE.findall(run):
                if count == TOKENS_LOOKED_AT:
                    return
                count += 1
                yield word


@lru_cache(maxsize=65_536)
def addresses_in(text: str) -> tuple[str, ...]:
    """The addresses in a field, each in its one normal spelling; what is no address is left out."""
    found: list[str] = []
    for word in re.split(r"[\s,;+]+", text[:4096].strip()):  # IIS writes a blank as +
        bare = word.strip('"').partition("%")[0]
        port = _V4_PORT.fullmatch(bare)
        if port:
            bare = port.group(1)
        elif bare.startswith("["):
            bare = bare[1:].partition("]")[0]
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            continue
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        found.append(str(mapped or address))
    return tuple(dict.fromkeys(found))
