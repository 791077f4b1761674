"""``misp.json``: what others can search their own logs for, as an event of the MISP core format.

``to_ids`` is set only for values of a proven break-in that nobody innocent shares: addresses where something worked, hashes and
places of the attacker's files. Addresses that only knocked are left out altogether. Flaws and techniques are context.

Values stand exactly as they were found (JSON escapes keep the file itself harmless); comments are made safe for people.

References: MISP core format (draft-dulaunoy-misp-core-format); describeTypes.json for types and categories; taxonomy ``tlp``;
galaxy ``mitre-attack-pattern``.
"""

from __future__ import annotations

from collections.abc import Iterator

from exhume.model import Assessment, Tlp, Verdict
from exhume.reports import proof, wording
from exhume.reports.plain import json_text, shorten, shown

SPACE = "5a6d1c0e-0d7c-5c5e-9f0b-6a2f6e7f1d11"
"""Name space of the ids that exhume gives out: same assessment, same ids."""
_COLOURS = {
    Tlp.RED: "#FF2B2B",
    Tlp.AMBER: "#FFC000",
    Tlp.AMBER_STRICT: "#FFC000",
    Tlp.GREEN: "#33FF00",
    Tlp.CLEAR: "#FFFFFF",
}
_THREAT = {Verdict.COMPROMISED: "1", Verdict.SUSPECTED: "2", Verdict.ATTEMPTED: "3"}
"""1 high, 2 medium, 3 low, 4 undefined."""


class Misp:
    """One event. It is not published, and its distribution is "your organisation only": people decide on both."""

    name = "misp"
    filename = "misp.json"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 JSON, one attribute a line."""
        from uuid import UUID, uuid5

        evidence = sorted({s.evidence for f in assessment.findings for s in f.sources})
        seed = "\x1f".join((str(assessment.generated), assessment.host.name, *evidence))
        event = uuid5(UUID(SPACE), f"misp\x1f{seed}")
        stamp = str(int(assessment.generated.timestamp()))
        head = {
            "uuid": str(event),
            "info": shown(f"exhume: {wording.server(assessment)}: {wording.VERDICT[assessment.verdict]}"),
            "date": assessment.generated.date().isoformat(),
            "timestamp": stamp,
            "threat_level_id": _THREAT.get(assessment.verdict, "4"),
            "analysis": "2",
            "distribution": "0",
            "published": False,
            "Tag": list(_tags(assessment)),
        }
        attributes = []
        for kind, category, value, to_ids, comment in dict.fromkeys(_attributes(assessment)):
            identifier = uuid5(event, "\x1f".join((kind, category, value)))
            attributes.append(
                {
                    "uuid": str(identifier),
                    "type": kind,
                    "category": category,
                    "value": value,
                    "to_ids": to_ids,
                    "comment": shown(comment),
                    "timestamp": stamp,
                    "distribution": "5",
                    "disable_correlation": False,
                }
            )
        lines = ",".join("\n" + json_text(a) for a in attributes)
        return (f'{{"Event": {json_text(head)[:-1]}, "Attribute": [{lines}\n]}}}}\n').encode()


def _tags(a: Assessment) -> Iterator[dict[str, str]]:
    if a.tlp:
        yield {"name": str(a.tlp).lower(), "colour": _COLOURS[a.tlp]}
    if a.redacted:
        yield {"name": "exhume:redacted", "colour": "#808080"}
    yield {"name": f'exhume:verdict="{a.verdict}"', "colour": "#404040"}
    names = proof.technique_names()
    for technique in proof.techniques(a):
        if technique in names:
            name = names[technique].rpartition(": ")[2]
            yield {"name": f'misp-galaxy:mitre-attack-pattern="{name} - {technique}"', "colour": "#0088CC"}


def _attributes(a: Assessment) -> Iterator[tuple[str, str, str, bool, str]]:
    for address in proof.attackers(a):
        yield ("ip-src", "Network activity", address, True, "Address of a proven attacker on this server.")
    for shell in proof.shells(a):
        for kind, value in shell.hashes.items():
            yield (kind, "Artifacts dropped", value, True, shell.finding.title)
        if shell.name and not shell.product:
            yield ("filename", "Artifacts dropped", shorten(shell.folder + shell.name, 1000), True, shell.finding.title)
    for agent in dict.fromkeys(agent for i in proof.intrusions(a) for agent in i.user_agents):
        if agent.strip():
            yield (
                "user-agent",
                "Network activity",
                shorten(agent, 1000),
                False,
                "Seen in a proven intrusion; others use it as well.",
            )
    for cve in proof.cves(a):
        yield ("vulnerability", "External analysis", cve, False, "")
    for text in _texts(a):
        yield ("comment", "Other", text, False, "exhume")


def _texts(a: Assessment) -> Iterator[str]:
    yield f"{wording.SENTENCE[a.verdict]} {shown(wording.period(a))}."
    for asked in wording.five(a):
        yield shown(f"{asked.title} {asked.word}. {asked.question.text}".strip())
    if a.redacted:
        yield shown(a.redacted)
