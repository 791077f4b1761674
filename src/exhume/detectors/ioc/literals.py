"""Text that stands in every raw line in which an indicator could match, whatever the line's way of encoding it."""

from __future__ import annotations

import ipaddress
import re

from exhume.detectors.ioc.indicator import Indicator

SHORTEST = 3
MOST_OTHERS = 4
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]+")
_BETWEEN = r"(?:[\\/]|u00[25][cf])+"
"""What stands between the parts of a path in exported events: JSON doubles a backslash, or writes it by its number."""
_COMMON = frozenset(
    {
        "auth", "owa", "ecp", "ews", "exchange", "microsoft", "windows", "program", "files", "programdata", "users",
        "public", "temp", "system32", "system", "server", "request", "response", "language", "script", "mozilla",
        "default", "value", "name", "type", "http", "https", "inetpub", "wwwroot", "frontend", "httpproxy", "v15",
        "domain", "group", "administrator", "administrators", "organization", "page_load", "cmd.exe", "powershell",
        "aspnet_client", "file", "form", "text", "current", "themes", "resources",
    }
)  # fmt: skip
"""Words that stand in ordinary rows: a literal among them would make the sieve pass nearly every line."""


def literal(indicator: Indicator) -> str | None:
    """The literal of one indicator, or ``None`` when none is long enough to be worth a search."""
    match indicator.type:
        case "ip":
            found = _network(indicator.value) if "/" in indicator.value else _address(indicator.value)
        case "path" | "url_path":
            # Logs double backslashes, write / or %2F: only names are sure to stand there as they are. The last one tells most.
            last = re.split(r"[\\/]", indicator.value.rstrip("\\/"))[-1]
            found = _rarest(last)
            if len(found) <= 3 or found in _COMMON:
                found = _rarest(indicator.value)
        case "filename" | "user_agent" | "string" | "webshell_parameter" | "url":
            found = _rarest(indicator.value)
        case _:
            found = indicator.value
    return found if len(found) >= SHORTEST else None


def instead(indicator: Indicator) -> tuple[str, ...]:
    """What stands in the line in place of the literal when an IPv4 address is written as IPv6 in hexadecimal letters
    (``::ffff:cb00:7132``)."""
    if indicator.type != "ip":
        return ()
    network = ipaddress.ip_network(indicator.value)
    if network.version == 6:
        return ()
    whole = network.network_address.packed[: network.prefixlen // 8]
    pairs = [int.from_bytes(whole[at : at + 2]) for at in range(0, len(whole) - 1, 2)]
    more = ":" if len(pairs) == 1 else ""
    return tuple(dict.fromkeys("ffff:" + ":".join(f"{pair:{form}}" for pair in pairs) + more for form in ("x", "04x")))


def others(indicator: Indicator, found: str) -> tuple[str, ...]:
    """What else stands in an event that holds the indicator: its texts are there as a whole, with no row around them."""
    if indicator.type not in ("path", "filename", "string", "url"):
        return ()
    runs = dict.fromkeys(run for run in _UNRESERVED.findall(indicator.value) if len(run) >= SHORTEST and run not in found)
    return tuple(sorted(runs, key=lambda run: -len(run)))[:MOST_OTHERS]


def in_events(indicator: Indicator, found: str) -> str:
    """A path that has only common words, as a regular expression: an event may hold each of them in another place. Empty where
    the literal that was ``found`` is enough."""
    # without the drive: of a file in a share it stands elsewhere in the event
    parts = [part for part in indicator.value.lower().split("\\") if part and not part.endswith(":")]
    plain = all(_UNRESERVED.fullmatch(part) for part in parts)
    return _BETWEEN.join(map(re.escape, parts)) if indicator.type == "path" and plain and found.lower() in _COMMON else ""


def _rarest(text: str) -> str:
    """The longest run of characters that no log encodes; rather a common word than a very short one."""
    runs = _UNRESERVED.findall(text)
    return max(runs, key=lambda run: (len(run) >= 4 and run.lower() not in _COMMON, len(run)), default="")


def _address(value: str) -> str:
    address = ipaddress.ip_address(value)
    if address.version == 4:
        return value
    # Any spelling of an IPv6 address shows each group that is not zero, at most with zeros before it.
    groups = [group.lstrip("0") for group in address.exploded.split(":")]
    return max(groups, key=len)


def _network(value: str) -> str:
    network = ipaddress.ip_network(value)
    if network.version == 4:
        whole = network.prefixlen // 8
        return ".".join(str(network.network_address).split(".")[:whole]) + "."
    groups = network.network_address.exploded.split(":")[: network.prefixlen // 16]
    return max((group.lstrip("0") for group in groups), key=len, default="")
