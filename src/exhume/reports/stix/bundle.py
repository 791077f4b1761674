"""Which objects an assessment makes."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid5

from exhume.model import Assessment, Exposure, Finding, State, Verdict
from exhume.reports import proof, wording
from exhume.reports.plain import shorten, shown
from exhume.reports.stix.objects import SPACE, Shelf, Thing, literal, marking, stamp

_HASHES = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256"}
_CONFIDENCE = {
    Verdict.COMPROMISED: 90,
    Verdict.SUSPECTED: 50,
    Verdict.ATTEMPTED: 70,
    Verdict.CANNOT_TELL: 0,
    Verdict.NO_TRACE: 50,
}
"""0: none, the scale of the standard's appendix A."""
LONG = 1000


def identifier_of(a: Assessment) -> str:
    return f"bundle--{uuid5(SPACE, f'bundle{chr(31)}{_key(a)}')}"


def _key(a: Assessment) -> str:
    evidence = sorted({s.evidence for f in a.findings for s in f.sources})
    return "\x1f".join((stamp(a.generated), a.host.name, *evidence))


def objects_of(a: Assessment) -> list[Thing]:
    """All objects, those that others refer to first."""
    shelf = Shelf(stamp(a.generated))
    fixed = [marking(a.tlp)] if a.tlp else []
    shelf.marks = tuple(str(m["id"]) for m in fixed)
    shelf.maker = shelf.put(
        "identity", "exhume", name="exhume", identity_class="system",
        description="Compromise assessment for on-premises Microsoft Exchange; a program, not a person.",
    )  # fmt: skip
    flaws = {cve: _flaw(shelf, cve, a.exposure) for cve in proof.cves(a)}
    ways = {technique: _way(shelf, technique) for technique in proof.techniques(a)}
    for technique, way in ways.items():
        for cve in sorted({c for f in a.findings if technique in f.techniques for c in f.cves} & set(flaws)):
            shelf.link(way, "targets", flaws[cve])
    host = _host(shelf, a)
    for address in proof.attackers(a):
        _address(shelf, a, address, host, ways)
    for shell in proof.shells(a):
        _shell(shelf, a, shell, host, ways)
    _report(shelf, a)
    return fixed + list(shelf.things.values())


def _flaw(shelf: Shelf, cve: str, exposure: tuple[Exposure, ...]) -> str:
    told = [
        f"{wording.STATE[e.state]} {wording.between(e.since, e.until) if e.since or e.until else ''}: {e.why}".replace(
            " :", ":"
        )
        for e in exposure
        if e.cve == cve and e.state is not State.NOT_APPLICABLE
    ]
    return shelf.put(
        "vulnerability", cve, name=cve, description=shown(shorten("; ".join(told), LONG)),
        external_references=[{"source_name": "cve", "external_id": cve}],
    )  # fmt: skip


def _way(shelf: Shelf, technique: str) -> str:
    return shelf.put(
        "attack-pattern", technique, name=proof.technique_names().get(technique, technique),
        external_references=[{"source_name": "mitre-attack", "external_id": technique}],
    )  # fmt: skip


def _host(shelf: Shelf, a: Assessment) -> str:
    """The server as the one who saw it; not an organisation, of which exhume knows nothing."""
    name = shown(shorten(wording.server(a), 200))
    return shelf.put(
        "identity", f"host\x1f{_key(a)}", name=name, identity_class="system", description=shown(wording.product(a))
    )


def _times(a: Assessment, found: list[Finding]) -> tuple[datetime, datetime]:
    firsts = [f.first_seen for f in found if f.first_seen] or [a.generated]
    lasts = [f.last_seen for f in found if f.last_seen] or firsts
    return min(firsts), max(*lasts, min(firsts))


def _indicator(shelf: Shelf, pattern: str, name: str, since: datetime, kind: str, why: str) -> str:
    return shelf.put(
        "indicator", pattern, name=name, description=shown(shorten(why, LONG)), indicator_types=[kind], pattern=pattern,
        pattern_type="stix", pattern_version="2.1", valid_from=stamp(since), confidence=90,
    )  # fmt: skip


def _seen(shelf: Shelf, a: Assessment, indicator: str, observed: list[str], found: list[Finding], host: str) -> None:
    """The observation, and the sighting of the indicator on this server."""
    first, last = _times(a, found)
    number = min(sum(f.count for f in found) or 1, 999_999_999)
    key = f"{indicator}\x1f{_key(a)}"
    data = shelf.put(
        "observed-data",
        key,
        first_observed=stamp(first),
        last_observed=stamp(last),
        number_observed=number,
        object_refs=observed,
    )
    shelf.put(
        "sighting", key, first_seen=stamp(first), last_seen=stamp(last), count=number, sighting_of_ref=indicator,
        observed_data_refs=[data], where_sighted_refs=[host],
    )  # fmt: skip


def _address(shelf: Shelf, a: Assessment, address: str, host: str, ways: dict[str, str]) -> None:
    kind = "ipv6-addr" if ":" in address else "ipv4-addr"
    found = [f for f in proof.inside(a) if proof.bare(f.address) == address]
    titles = "; ".join(dict.fromkeys(f.title for f in found))
    indicator = _indicator(
        shelf, f"[{kind}:value = {literal(address)}]", f"Address of an attacker: {address}", _times(a, found)[0],
        "malicious-activity", f"What worked from here: {titles}",
    )  # fmt: skip
    _seen(shelf, a, indicator, [shelf.observable(kind, {"value": address})], found, host)
    for technique in sorted({t for f in found for t in f.techniques} & set(ways)):
        shelf.link(indicator, "indicates", ways[technique])


def _shell(shelf: Shelf, a: Assessment, shell: proof.Shell, host: str, ways: dict[str, str]) -> None:
    found = [shell.finding]
    hashes = {_HASHES[kind]: value for kind, value in shell.hashes.items()}
    tests = [f"file:hashes.'{kind}' = {literal(value)}" for kind, value in hashes.items()]
    if not shell.product and shell.folder and shell.name:
        place = f"file:parent_directory_ref.path = {literal(shell.folder.rstrip(chr(92)))}"
        tests.append(f"(file:name = {literal(shell.name)} AND {place})")
    if not tests:
        return
    folder = shelf.observable("directory", {"path": shell.folder.rstrip("\\")}) if shell.folder.rstrip("\\") else ""
    parts: Thing = {"hashes": dict(hashes)} if hashes else {}
    parts |= {"name": shell.name} if shell.name else {}
    file = shelf.observable("file", {**parts, **({"parent_directory_ref": folder} if folder else {})})
    name = shown(shorten(shell.name or "file", 200))
    malware = shelf.put(
        "malware", f"{shell.folder}\x1f{shell.name}\x1f{shell.hashes.get('sha256', '')}", name=name, is_family=False,
        malware_types=["webshell"] if "T1505.003" in shell.finding.techniques else ["unknown"],
        description=shown(shorten(shell.finding.title, LONG)), sample_refs=[file],
    )  # fmt: skip
    pattern = "[" + " OR ".join(tests) + "]"
    indicator = _indicator(
        shelf, pattern, f"File of an attacker: {name}", _times(a, found)[0], "malicious-activity", shell.finding.title
    )
    shelf.link(indicator, "indicates", malware)
    _seen(shelf, a, indicator, [file, folder] if folder else [file], found, host)
    for technique in sorted(set(shell.finding.techniques) & set(ways)):
        shelf.link(malware, "uses", ways[technique])


def _report(shelf: Shelf, a: Assessment) -> None:
    told = [f"{wording.SENTENCE[a.verdict]} {wording.period(a)}."]
    told += [a.redacted] if a.redacted else []
    for asked in wording.five(a):
        told.append(f"{asked.title} {asked.word}. {asked.question.text}".strip())
        told += [f"Limit: {limit}" for limit in asked.question.limits]
    shelf.put(
        "report", _key(a), name=shown(f"Compromise assessment of {wording.server(a)}: {wording.VERDICT[a.verdict]}"),
        description="\n".join(map(shown, told)), report_types=["threat-report"], published=shelf.made,
        object_refs=list(shelf.things), confidence=_CONFIDENCE[a.verdict],
        labels=[f"exhume-verdict-{str(a.verdict).replace('_', '-')}", *(["redacted"] if a.redacted else [])],
    )  # fmt: skip
