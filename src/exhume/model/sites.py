"""Which folders IIS serves under which URL, as the server's own ``applicationHost.config`` says.

What it does not name is looked up by the places that Exchange's set-up uses (``model.windows.served_url``): a configuration
that was tampered with, or is of another day, hides no folder.

References: learn.microsoft.com, "Site <site>", "Application <application>", "Virtual Directory <virtualDirectory>" of IIS:
URL = path of the application + path of the virtual directory, at the site's bindings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from exhume.model.windows import served_url

MOST = 5_000
"""Folders kept of one server; IIS itself is slow long before that."""
LONGEST = 400
"""Letters of a path, in a configuration or in the evidence, that are looked at; Windows itself takes 260 by default."""
DEEPEST = 64
"""Folders of a path that are looked at."""
_VARIABLES = (
    ("%systemdrive%", ""), ("%windir%", "\\windows"), ("%systemroot%", "\\windows"), ("%programfiles%", "\\program files"),
    ("%programfiles(x86)%", "\\program files (x86)"), ("%programdata%", "\\programdata"), ("%public%", "\\users\\public"),
)  # fmt: skip
_OWN_SHARE = re.compile(r"\\\\(?:localhost|127\.0\.0\.1|\[?::1\]?|\.)\\([a-z])\$(?=\\|$)")
_DRIVE = re.compile(r"([a-z]):(?=\\|$)")
_EXCHANGE = frozenset((
    "owa", "ecp", "ews", "oab", "autodiscover", "powershell", "mapi", "rpc", "rpcwithcert", "api", "pushnotifications",
    "microsoft-server-activesync", "exchange", "exchweb", "public", "exadmin", "aspnet_client",
))  # fmt: skip
"""First parts of the URLs of Exchange's own applications and virtual directories."""
_FEWEST = 3
"""Folders of Exchange that a site serves, if it is one of Exchange's sites."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder that IIS serves."""

    folder: str
    """As the configuration writes it."""
    url: str
    """Path at the site, lower case, without a slash at its end: ``/owa``; empty for the root of the site."""
    site: str = ""
    """Name of the site."""
    number: str = ""
    """Id of the site: its logs lie in ``W3SVC`` and this number."""


@dataclass(frozen=True)
class Sites:
    """The folders that IIS serves. Without any it answers by Exchange's usual places alone."""

    mounts: tuple[Mount, ...] = ()

    def url(self, path: str) -> str:
        """The URL path (lower case) under which a file at this Windows path, or path in the evidence, is served; empty text
        when it is served nowhere."""
        found = self._find(path)
        return found[0] if found else served_url(path)

    def site(self, path: str) -> str:
        """The name of the site that serves the file; empty where the configuration does not say."""
        found = self._find(path)
        return found[1].site if found else ""

    def foreign(self, path: str) -> bool:
        """Does the configuration say that the file is served by another product: at a site that is none of Exchange's, or in an
        application or virtual directory of its own?"""
        found = self._find(path)
        return found is not None and self._foreign(found[1])

    def foreign_url(self, url: str, number: str = "") -> bool:
        """The same of a URL path, at the site with this id: as rows of a log name it."""
        lowered = url.lower()
        if number and self._exchange_sites and number not in self._numbers:
            return True
        mine = [m for m in self._by_length if m.number == number or not number]
        mount = next((m for m in mine if lowered.startswith(f"{m.url}/")), None)
        return mount is not None and self._foreign(mount)

    def _foreign(self, mount: Mount) -> bool:
        if not self._exchange_sites:
            return False  # nothing to tell Exchange's sites by
        first = mount.url.strip("/").partition("/")[0]
        return mount.site not in self._exchange_sites or bool(first and first not in _EXCHANGE)

    @cached_property
    def _exchange_sites(self) -> frozenset[str]:
        counted: dict[str, set[str]] = {}
        for mount in self.mounts:
            first = mount.url.strip("/").partition("/")[0]
            if first in _EXCHANGE and served_url(f"{mount.folder}\\any"):
                counted.setdefault(mount.site, set()).add(first)
        return frozenset(site for site, urls in counted.items() if len(urls) >= _FEWEST)

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(m.number for m in self.mounts if m.site in self._exchange_sites)

    @cached_property
    def _by_length(self) -> tuple[Mount, ...]:
        return tuple(sorted(self.mounts, key=lambda m: (-len(m.url), m.site)))

    @cached_property
    def _index(self) -> dict[tuple[str, ...], list[tuple[str, Mount]]]:
        """Parts of the folder's path without its drive → the drives and what is served there, Exchange's own first."""
        index: dict[tuple[str, ...], list[tuple[str, Mount]]] = {}
        for mount in self.mounts:
            place = _plain(mount.folder)
            if place is not None:
                index.setdefault(place[1], []).append((place[0], mount))
        for places in index.values():
            places.sort(key=lambda one: (one[1].site not in self._exchange_sites, len(one[1].url), one[1].number, one[1].url))
        return index

    def _find(self, path: str) -> tuple[str, Mount] | None:
        """The URL, and the folder of those that are served which lies nearest above the file."""
        place = _plain(path) if self.mounts else None
        if place is None:
            return None
        drive, parts = place
        starts = (0,) if drive else range(min(len(parts), DEEPEST))
        for start in starts:
            for end in range(len(parts) - 1, start - 1 if drive else start, -1):
                if start and end - start < 2:
                    break  # a folder called "web" somewhere in a collection is not a drive's
                for known, mount in self._index.get(parts[start:end], ()):
                    if known == drive or not known or not drive:
                        return f"{mount.url}/{'/'.join(parts[end:])}", mount
        return None


def sites(mounts: Iterable[Mount]) -> Sites:
    """At most ``MOST`` folders, each once, of those whose path says something."""
    kept = dict.fromkeys(m for m in mounts if len(m.folder) <= LONGEST and len(m.url) <= LONGEST and _plain(m.folder))
    return Sites(tuple(list(kept)[:MOST]))


def unreachable(folder: str) -> bool:
    """Does the folder lie on another machine (a UNC path), so that it is in no collection of this one?"""
    place = _plain(folder)
    return place is not None and place[0] == "\\\\"


def _plain(path: str) -> tuple[str, tuple[str, ...]] | None:
    """The drive (``c:``, ``\\\\`` for another machine, empty when not known) and the folders, lower case; ``None`` for what
    names no place."""
    text = path[: LONGEST + 1].strip().strip('"').replace("/", "\\").lower().removeprefix("\\\\?\\").removeprefix("\\??\\")
    if len(text) > LONGEST:
        return None
    for variable, words in _VARIABLES:
        if text.startswith(variable):
            text = words + text[len(variable) :]
            break
    if "%" in text.partition("\\")[0]:
        return None
    text = _OWN_SHARE.sub(lambda match: f"{match[1]}:", text)
    drive = ""
    if match := _DRIVE.match(text):
        drive, text = f"{match[1]}:", text[match.end() :]
    elif text.startswith("\\\\"):
        drive = "\\\\"
    parts: list[str] = []
    for part in text.split("\\")[: DEEPEST + 4]:
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part.rstrip(". ") or part)
    return (drive, tuple(parts[:DEEPEST])) if parts or drive else None
