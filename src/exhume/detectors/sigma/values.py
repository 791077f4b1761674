"""What texts of records mean as numbers, addresses and dates, and what a pattern of a rule means as a regular expression."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Literal, TypeAlias

from exhume.detectors.sigma.view import fold

Part: TypeAlias = Literal["minute", "hour", "day", "week", "month", "year"]
"""Parts of a date, as Sigma's modifiers name them."""
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d))?")
_CLOCK = re.compile(r"(\d\d):(\d\d)(?::\d\d)?")


def number_of(text: str) -> float | None:
    """The number that a text writes in decimal or ``0x`` hexadecimal, else ``None``."""
    if not text or len(text) > 40 or not text.isascii():
        return None
    try:
        return float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text)
    except (ValueError, OverflowError):
        return None


def address_in(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a field holds: zone (``%3``), brackets and an IPv4-mapped form undone."""
    if len(text) > 80:
        return None
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def wildcard_pattern(parts: list[str | bool | None], cased: bool) -> str:
    """A regular expression over the whole value, for ``re.DOTALL``.

    In ``parts`` text stands for itself, ``None`` for ``*``, ``True`` for ``?``.
    Each piece after a ``*`` is taken at its first place and never given back (atomic groups, as in ``fnmatch``), so that
    a hostile value cannot make the search slow.
    """
    groups: list[str] = [""]
    for part in parts:
        if part is None:
            groups.append("")
        else:
            groups[-1] += "." if isinstance(part, bool) else re.escape(part if cased else fold(part))
    head, *middle = groups
    if not middle:
        return rf"\A{head}\Z"
    tail = middle.pop()
    inner = "".join(f"(?>.*?{group})" for group in middle if group)
    return rf"\A{head}{inner}.*{tail}\Z"


def date_part(text: str, part: Part) -> int | None:
    """The number that a date or a time of day has at this place, as it is written there: no zone is converted.

    Weeks are those of ISO 8601. ``None`` when the text is no date (``YYYY-MM-DD``, with or without a time behind it, or
    ``HH:MM``) or does not say this part.
    """
    found = _DATE.match(text.strip()) if len(text) < 80 else None
    if not found:
        clock = _CLOCK.match(text.strip()) if len(text) < 80 else None
        return int(clock[1 if part == "hour" else 2]) if clock and part in ("hour", "minute") else None
    year, month, day, hour, minute = (int(number) if number else None for number in found.groups())
    if part == "week":
        try:
            return date(year or 0, month or 0, day or 0).isocalendar().week
        except ValueError:
            return None
    return {"minute": minute, "hour": hour, "day": day, "month": month, "year": year}[part]
