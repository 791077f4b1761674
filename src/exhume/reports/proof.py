"""What of an assessment may be told to others as a fact about the attacker: only what belongs to a proven break-in.

An indicator that names an innocent address does harm wherever it is loaded. So an address is told only when something of it
*worked* inside a proven break-in, when nobody else comes from it as far as can be seen, and when it is one of the internet.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from exhume.model import HASH_RULES, Assessment, Finding, Intrusion, Outcome, State, Verdict, raised

_ATTACK = Path(__file__).parents[1] / "content" / "attack.csv"
_INSIDE = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
)  # fmt: skip
"""Networks that mean something else everywhere (RFC 1122, 1918, 3927, 4193, 4291, 6598)."""
_HASH = re.compile(r"[0-9a-f]+")
_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?", re.ASCII)
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shell:
    """A file that a proven attacker left, mostly a web shell."""

    finding: Finding
    name: str
    folder: str
    """Windows folder with a closing backslash; empty when it is not known."""
    hashes: dict[str, str]
    """``md5``, ``sha1``, ``sha256``, those that are known."""
    product: bool
    """It stands where Exchange has a file of this name: only the hashes tell it apart."""


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
    broken = {name for x in assessment.answers if x.verdict is Verdict.COMPROMISED for name in x.findings}
    told = (f for f in assessment.findings if f.id in broken)
    return tuple(one for f in told for one in f.singles if raised(one) is Verdict.COMPROMISED)


def intrusions(assessment: Assessment) -> tuple[Intrusion, ...]:
    """Those that hold a finding that proves a break-in."""
    broken = {f.id for f in proven(assessment)}
    ids = {f.id for f in assessment.findings if any(single.id in broken for single in f.singles)}
    return tuple(i for i in assessment.intrusions if ids & set(i.findings))


def inside(assessment: Assessment) -> tuple[Finding, ...]:
    """Findings of proven intrusions in which something worked; where none were joined (old assessments), the proven ones."""
    if not assessment.intrusions:
        return proven(assessment)
    ids = {identifier for i in intrusions(assessment) for identifier in i.findings}
    told = (f for f in assessment.findings if f.id in ids)
    return tuple(single for f in told for single in f.singles if single.outcome >= Outcome.STEP)


def attackers(assessment: Assessment) -> tuple[str, ...]:
    """Addresses of a proven attacker, sorted."""
    found = {bare(f.address) for f in inside(assessment)}
    if assessment.intrusions:
        shared = {bare(address) for i in assessment.intrusions for address in i.mixed}
        found &= {bare(address) for i in intrusions(assessment) for address in i.addresses} - shared
    own = {bare(f.record.text("s-ip")) for f in assessment.singles}
    return tuple(sorted(a for a in found - own if a and _of_the_internet(a)))


def _of_the_internet(address: str) -> bool:
    found = ip_address(address)
    return not any(found in ip_network(network) for network in _INSIDE)


def shells(assessment: Assessment) -> tuple[Shell, ...]:
    """The files of findings that prove a break-in, each content and place once: pages of a web server, and what a known hash
    names; not what the attacker made of the owner's own data (a memory dump, a packed mailbox)."""
    found: dict[tuple[str, str], Shell] = {}
    for finding in proven(assessment):
        record = finding.record
        path = record.text("windows_path")
        planted = record.kind == "web.file" or finding.rule.startswith(HASH_RULES) or "T1505.003" in finding.techniques
        if record.kind not in ("web.file", "file.entry") or not planted or not (path or record.text("name")):
            continue
        folder, _, name = path.rpartition("\\")
        hashes = {
            kind: record.text(kind).lower()
            for kind, size in (("md5", 32), ("sha1", 40), ("sha256", 64))
            if len(record.text(kind)) == size and _HASH.fullmatch(record.text(kind).lower())
        }
        key = (path.lower(), hashes.get("sha256", ""))
        product = bool(record.fields.get("product_name"))
        found.setdefault(key, Shell(finding, name or record.text("name"), folder + "\\" if folder else "", hashes, product))
    return tuple(found.values())


def techniques(assessment: Assessment) -> tuple[str, ...]:
    """MITRE ATT&CK ids of all findings above a probe, sorted."""
    worked = [f for f in assessment.findings if f.outcome >= Outcome.ATTEMPT]
    return tuple(sorted({t for f in worked for t in f.techniques if _TECHNIQUE.fullmatch(t)}))


def cves(assessment: Assessment) -> tuple[str, ...]:
    """CVE ids of all findings above a probe, and of the flaws that the server was open to, sorted."""
    seen = {c for f in assessment.findings if f.outcome >= Outcome.ATTEMPT for c in f.cves}
    seen |= {e.cve for e in assessment.exposure if e.state in (State.VULNERABLE, State.MITIGATED)}
    return tuple(sorted(c for c in seen if _CVE.fullmatch(c)))


@cache
def technique_names() -> dict[str, str]:
    """Names of the techniques that the shipped packs speak of, by id."""
    text = _ATTACK.read_text("utf-8")
    names = {row["technique"]: row["name"] for row in csv.DictReader(text.splitlines())}
    return {key: f"{names[key[:5]]}: {name}" if "." in key and key[:5] in names else name for key, name in names.items()}
