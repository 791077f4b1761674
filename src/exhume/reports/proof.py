"""What of an assessment may be told to others as a fact about the attacker: only what belongs to a proven break-in.

An indicator that names an innocent address does harm wherever it is loaded. So an address is told only when something of it
*worked* inside a proven break-in, when nobody else comes from it as far as can be seen, and when it is one of the internet.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from exhume.model import Assessment, Confidence, Finding, Intrusion, Outcome, Verdict

_INSIDE = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
)  # fmt: skip
"""Networks that mean something else everywhere (RFC 1122, 1918, 3927, 4193, 4291, 6598)."""
_HASH_RULES = ("ioc:sha256:", "ioc:sha1:", "ioc:md5:")


def bare(address: str) -> str:
    """An address in its shortest form, one of IPv4 that is written as IPv6 as IPv4; empty when it is none."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.strip("[] ").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found)


def proven(assessment: Assessment) -> tuple[Finding, ...]:
    """The findings that prove a break-in by themselves, in the order of the assessment."""
    broken = {x.campaign for x in assessment.answers if x.verdict is Verdict.COMPROMISED}
    return tuple(f for f in assessment.findings if f.pack in broken and _proves(f))


def _proves(found: Finding) -> bool:
    if found.rule.startswith(_HASH_RULES):
        return found.outcome >= Outcome.WRITE
    if not found.own or found.record.fields.get("served") is False:
        return False
    return found.decisive or (found.confidence is Confidence.HIGH and found.outcome >= Outcome.WRITE)


def intrusions(assessment: Assessment) -> tuple[Intrusion, ...]:
    """Those that hold a finding that proves a break-in."""
    ids = {f.id for f in proven(assessment)}
    return tuple(i for i in assessment.intrusions if ids & set(i.findings))


def attackers(assessment: Assessment) -> tuple[str, ...]:
    """Addresses of a proven attacker, sorted."""
    sure = intrusions(assessment)
    if assessment.intrusions:
        inside = {identifier for i in sure for identifier in i.findings}
        named = {bare(address) for i in sure for address in i.addresses}
        shared = {bare(address) for i in assessment.intrusions for address in getattr(i, "mixed", ())}
        worked = [f for f in assessment.findings if f.id in inside and f.outcome >= Outcome.STEP]
        found = {bare(f.address) for f in worked} & named - shared
    else:
        found = {bare(f.address) for f in proven(assessment)}
    own = {bare(f.record.text("s-ip")) for f in assessment.findings}
    return tuple(sorted(a for a in found - own if a and _of_the_internet(a)))


def _of_the_internet(address: str) -> bool:
    found = ip_address(address)
    return not any(found in ip_network(network) for network in _INSIDE)
