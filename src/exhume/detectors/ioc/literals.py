"""Text that stands in every raw line in which an indicator could match, whatever the line's way of encoding it."""

from __future__ import annotations

import ipaddress
import re

from exhume.detectors.ioc.indicator import Indicator

SHORTEST = 3
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]+")
_ALNUM = re.compile(r"[A-Za-z0-9_-]+")


def literal(indicator: Indicator) -> str | None:
    """The literal of one indicator, or ``None`` when none is long enough to be worth a search."""
    match indicator.type:
        case "ip":
            found = _network(indicator.value) if "/" in indicator.value else _address(indicator.value)
        case "url_path":
            found = _longest(_UNRESERVED, indicator.value)
        case "path":
            # Logs double backslashes, or write /: so only names are sure to stand there as they are.
            found = _longest(_UNRESERVED, indicator.value.rstrip("\\").rsplit("\\", 1)[-1])
        case "filename":
            found = _longest(_UNRESERVED, indicator.value)
        case "user_agent" | "string" | "webshell_parameter" | "url":
            found = _longest(_ALNUM if indicator.type == "string" else _UNRESERVED, indicator.value)
        case _:
            found = indicator.value
    return found if len(found) >= SHORTEST else None


def _longest(pattern: re.Pattern[str], text: str) -> str:
    return max(pattern.findall(text), key=len, default="")


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
