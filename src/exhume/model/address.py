"""Addresses: who sent a request, also behind a load balancer, and whether an address is one of the own network.

References: RFC 1918 (private), RFC 6598 (carrier-grade NAT), RFC 3927 and 4291 (link-local, loopback), RFC 4193 (unique local),
RFC 7239 (forwarded requests: what a client itself wrote into the header is passed on).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from exhume.model.flow import Value

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

CLIENT_FIELDS = ("c-ip", "ClientIpAddress", "ClientIP", "client-ip", "IpAddress", "SourceIp", "original-client-ip")
"""Columns that name who connected: behind a load balancer that is the balancer."""
FORWARDED_FIELDS = tuple(
    spelled
    for name in ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "OriginalIP")
    for spelled in (name, name.lower(), f"cs({name})")
)
"""Custom columns of IIS in which a load balancer's header is logged: administrators choose the name."""
_FORWARDED = frozenset(FORWARDED_FIELDS)
CHAIN_KEPT = 6
_INSIDE = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
    "::1/128", "fe80::/10", "fc00::/7",
)  # fmt: skip
_BETWEEN = re.compile(r"[,;\s+]+")
_PORT = re.compile(r"\[([0-9a-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


@cache
def _networks() -> tuple[IPv4Network | IPv6Network, ...]:
    from ipaddress import ip_network

    return tuple(map(ip_network, _INSIDE))


@lru_cache(maxsize=4096)
def inside(text: str) -> bool:
    """Is it an address that no packet from the internet can come from? ``False`` as well for what is no address."""
    from ipaddress import IPv6Address, ip_address

    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_unspecified or any(address.version == n.version and address in n for n in _networks())


@lru_cache(maxsize=4096)
def chain_of(text: str) -> tuple[str, ...]:
    """The addresses of ``203.0.113.5,+10.0.0.1`` or ``203.0.113.5:51234``, as they stand, without ports."""
    out: list[str] = []
    for part in _BETWEEN.split(text[:1024].lower()):
        with_port = _PORT.fullmatch(part)
        bare = ((with_port[1] or with_port[2]) if with_port else part).partition("%")[0].removeprefix("::ffff:")
        if bare and bare not in ("-", "unknown"):
            out.append(bare)
    return tuple(dict.fromkeys(out[:CHAIN_KEPT]))


def connected(fields: Mapping[str, Value]) -> str:
    """Who opened the connection, as logged (some logs name the whole way: the first is the client); empty when not said."""
    for name in CLIENT_FIELDS:
        value = fields.get(name)
        if value and value != "-":
            return str(value)
    return ""


def forwarded(fields: Mapping[str, Value]) -> tuple[str, ...]:
    """The addresses that a load balancer says it passed the request on for."""
    if _FORWARDED.isdisjoint(fields):
        return ()  # nearly all rows
    for name in FORWARDED_FIELDS:
        value = fields.get(name)
        if value and value != "-":
            return chain_of(str(value))
    return ()


def sender(fields: Mapping[str, Value]) -> str:
    """The client that a record names, or empty text.

    A column of forwarded addresses is believed only when the connection came from the own network (a load balancer): a client
    that connects from outside writes into that header what it likes. Of a chain the first outside address is taken.
    """
    given = connected(fields)
    passed = forwarded(fields)
    if not passed or (given and not inside(next(iter(chain_of(given)), ""))):
        return given
    return next((a for a in passed if not inside(a)), given or passed[0])
