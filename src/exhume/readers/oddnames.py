"""What is odd about a page's name or place: not an alarm, but a reason to trust what else is found there, or not.

References: traces.md (WS; ProxyLogon's pages of eight letters at random, ProxyShell's folders with device names) of the
project's notes; learn.microsoft.com, "Naming Files, Paths, and Namespaces" (reserved names, streams, trailing dots).
"""

from __future__ import annotations

import re

_DEVICE = re.compile(r"^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])$")
_VOWELS = re.compile(r"[aeiouy]", re.IGNORECASE)
_NUMBER_FIRST, _NUMBER_WITHIN = re.compile(r"\d[A-Za-z]"), re.compile(r"\d[A-Za-z]+\d[A-Za-z]")
_CAPITALS = re.compile("[A-Z]")
RANDOM = 8
"""Letters of the names that tools of 2021 gave their pages."""


def odd_name(path: str) -> str:
    """What is odd about the last part of a path, or about a folder in it, in words; empty when nothing is."""
    parts = [p for p in path.replace("\\", "/").split("/") if p]
    if not parts:
        return ""
    name, folders = parts[-1], parts[:-1]
    stem = name.partition(".")[0]
    if any(_DEVICE.match(part.partition(".")[0].rstrip(" ").lower()) for part in parts):
        return "a device name, which Windows Explorer cannot open"
    if ":" in name:
        return "an alternate data stream, which a listing does not show"
    if any(part != part.rstrip(". ") and part.strip(".") for part in (name, *folders)):
        return "a dot or blank at its end, which Windows Explorer cannot open"
    return "eight letters and digits at random" if at_random(stem) else ""


def at_random(stem: str) -> bool:
    """Do eight letters and digits look as if they were drawn, not chosen?"""
    if len(stem) != RANDOM or not (stem.isascii() and stem.isalnum()):
        return False
    if stem.isalpha():
        return not _VOWELS.search(stem) or (not stem.isupper() and len(_CAPITALS.findall(stem)) >= 4)
    mixed = not stem.islower() and not stem.isupper()
    return bool((mixed and _NUMBER_FIRST.search(stem)) or _NUMBER_WITHIN.search(stem))
