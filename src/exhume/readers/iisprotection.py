"""Extended Protection of Exchange's virtual directories, as applicationHost.config has it.

Sample: ``<location path="Default Web Site/EWS">…<windowsAuthentication …><extendedProtection tokenChecking="Allow" />``

A directory without a value of its own has that of the nearest location above it; without any it is ``None``. Only directories
that the file has a location for are judged, so a server without one of them (Exchange 2013 has no API) is not blamed for it.

References: content/extended_protection.csv; learn.microsoft.com, IIS: extendedProtection, ipSecurity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exhume.readers.content import rows

_LEVELS = {"none": 0, "allow": 1, "require": 2}
_MOST = 5_000
"""Locations kept; a real file has about 60."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the file says of the directories that it has."""

    directories: tuple[str, ...]
    lacking: tuple[str, ...]
    """Those with less than they need."""

    @property
    def value(self) -> str:
        """The value of the reading ``setting``."""
        if not self.lacking:
            return "ExtendedProtection=on"
        more = f" and {len(self.lacking) - 2} more" if len(self.lacking) > 2 else ""
        return f"ExtendedProtection=off (not for {', '.join(self.lacking[:2])}{more})"


@dataclass(slots=True)
class Protection:
    """Collects what ``location`` elements say, element by element."""

    _levels: dict[str, int | None] = field(default_factory=dict)
    """Location, lower case → level, or ``None`` without one of its own."""
    _lines: dict[str, int] = field(default_factory=dict)
    _filtered: set[str] = field(default_factory=set)

    def start(self, tag: str, attributes: Mapping[str, str], stack: Sequence[str], location: str, line: int) -> None:
        """An element inside the elements of ``stack``; ``location`` is the path of the one it stands in."""
        key = location.strip("/").lower()
        if not key or (key not in self._levels and len(self._levels) >= _MOST):
            return
        if tag == "location":
            self._levels.setdefault(key, None)
            self._lines.setdefault(key, line)
        elif tag == "extendedprotection" and "windowsauthentication" in stack:
            level = _LEVELS.get(attributes.get("tokenChecking", "").strip().lower())
            if level is not None:
                self._levels[key] = level
        elif tag == "ipsecurity" and attributes.get("allowUnlisted", "").lower() == "false":
            self._filtered.add(key)

    def judged(self) -> Judged:
        """Without ``directories`` when the file has none of Exchange's."""
        found: list[str] = []
        lacking: list[str] = []
        for row in rows("extended_protection.csv"):
            key = row["directory"].lower()
            if key not in self._levels:
                continue
            found.append(row["directory"])
            enough = self._level(key) >= _LEVELS[row["least"].lower()]
            if not enough and not (row["filtered"] and key in self._filtered):
                lacking.append(row["directory"])
        return Judged(tuple(found), tuple(lacking))

    def line(self, judged: Judged) -> int:
        """Where the first directory that decides stands."""
        return min(self._lines[d.lower()] for d in judged.lacking or judged.directories)

    def _level(self, key: str) -> int:
        while key:
            level = self._levels.get(key)
            if level is not None:
                return level
            key = key.rpartition("/")[0]
        return 0
