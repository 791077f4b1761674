"""An assessment to hand on: everything that names the owner's side is replaced by stand-ins, everything else stays.

Same value, same stand-in, within one run. The number of a stand-in comes from a keyed hash under a random key that is thrown
away, so nobody can guess a value and check it, and the order of the numbers says nothing. The ids of findings are made anew:
they are hashes over addresses and would give them away.

What the packs and exhume itself say stays readable: rules, CVEs, times, product paths, well-known accounts. Addresses of a
proven attacker stay as well, since they are what the reader needs most; ``everything`` replaces them too.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum

from exhume.model import Allowed, Assessment, Finding, Source
from exhume.reports.proof import attackers
from exhume.reports.redact.decoded import decode
from exhume.reports.redact.find import Finder, Hit
from exhume.reports.redact.names import gathered, known_builds

OWNER = (
    "Redacted: names of hosts, domains, accounts and mailboxes, security identifiers and addresses are replaced by stand-ins; "
    "addresses of a proven attacker are kept."
)
EVERYTHING = (
    "Redacted: names of hosts, domains, accounts and mailboxes, security identifiers and all addresses, "
    "the attacker's as well, are replaced by stand-ins."
)
_ID = re.compile(r"\b[fi]-[0-9a-f]{12}\b")
"""Id of a finding or an intrusion inside a text."""
_REASON = "(the reason was left out when this report was redacted)"


def redact(assessment: Assessment, *, everything: bool = False, key: bytes | None = None) -> Assessment:
    """The assessment with stand-ins. ``key``: for tests; without it a random one is made and forgotten."""
    assessment = replace(assessment, custody=None)  # it names people, machines and files, and nothing else
    texts = set(_texts(assessment))
    names = gathered(assessment, (decode(text).text for text in texts))
    builds = {assessment.host.build, *(r.value for r in assessment.readings if r.what in ("build", "cu")), *known_builds()}
    builds -= {f.address for f in assessment.findings}
    finder = Finder(names, () if everything else attackers(assessment), builds, everything)
    hits = {text: finder.hits(text) for text in texts}
    return _Redaction(hits, key or secrets.token_bytes(32)).assessment(assessment, EVERYTHING if everything else OWNER)


class _Redaction:
    """The second pass: all values are known, so each has its number."""

    def __init__(self, hits: Mapping[str, list[Hit]], key: bytes) -> None:
        found = {p for of_text in hits.values() for hit in of_text for p in hit.pieces if not isinstance(p, str)}
        order = sorted(found, key=lambda p: hmac.digest(key, "\x1f".join(p).encode("utf-8", "replace"), "sha256"))
        counts: dict[str, int] = {}
        self._stand_ins: dict[tuple[str, str], str] = {}
        for piece in order:
            counts[piece[0]] = counts.get(piece[0], 0) + 1
            self._stand_ins[piece] = f"{piece[0]}-{counts[piece[0]]}"
        self._texts = {text: self._replaced(text, of_text) for text, of_text in hits.items()}
        self._evidence: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def assessment(self, a: Assessment, sentence: str) -> Assessment:
        findings = tuple(self._finding(f) for f in a.findings)
        allowed = tuple(Allowed(self._finding(x.finding), _REASON if x.reason else "", x.until) for x in a.allowed)
        self._ids.update({x.id: f"i-{number}" for number, x in enumerate(a.intrusions, 1)})
        rest = replace(a, findings=(), allowed=(), redacted="")
        done = self._value(rest)
        assert isinstance(done, Assessment)
        return replace(done, findings=findings, allowed=allowed, redacted=sentence, schema=a.schema)

    def _finding(self, found: Finding) -> Finding:
        done = self._value(found)
        assert isinstance(done, Finding)
        self._ids[found.id] = done.id
        return done

    def _replaced(self, text: str, hits: Iterable[Hit]) -> str:
        out: list[str] = []
        done = 0
        for hit in hits:
            out.append(text[done : hit.start])
            out += [p if isinstance(p, str) else self._stand_ins[p] for p in hit.pieces]
            done = hit.end
        return "".join(out) + text[done:]

    def _value(self, value: object) -> object:
        if isinstance(value, str) and not isinstance(value, Enum):
            return self._ids.get(value) or _ID.sub(lambda m: self._ids.get(m[0], m[0]), self._texts.get(value, value))
        if isinstance(value, tuple):
            return tuple(self._value(v) for v in value)
        if isinstance(value, Mapping):
            return {str(self._value(k)): self._value(v) for k, v in value.items()}
        if isinstance(value, Source):
            place = self._evidence.setdefault(value.evidence, f"evidence-{len(self._evidence) + 1}")
            return Source(place, str(self._value(value.path)), str(self._value(value.at)))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self._value(getattr(value, f.name)) for f in fields(value)})
        return value


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        if not isinstance(value, Enum):
            yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            yield from _texts(getattr(value, f.name))
