"""STIX 2.1 objects with ids that follow from what they say, so that two runs on one server do not make two of everything.

References: STIX 2.1 OASIS Standard, 2.9 (identifiers, name space of observables), 9 (patterns); TLP 2.0 extension of the OASIS
common objects (``extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid5

from exhume.model import Tlp

Thing = dict[str, object]
SPACE = UUID("0e8f3b51-0c0f-5d5c-8d9b-0b3a5d7c4a52")
"""Name space of exhume's own objects."""
OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""Name space that the standard gives for observables."""
_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


def stamp(time: datetime) -> str:
    """``2021-03-03T04:12:07.000Z``."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def marking(tlp: Tlp) -> Thing:
    """The standard's own object for a TLP label."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": _TLP[tlp],
        "created": "2022-10-01T00:00:00.000Z",
        "name": str(tlp),
        "extensions": {
            _TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": str(tlp).removeprefix("TLP:").lower()}
        },
    }


@dataclass
class Shelf:
    """Collects objects, each once, all with the same maker, time and mark."""

    made: str
    maker: str = ""
    marks: tuple[str, ...] = ()
    things: dict[str, Thing] = field(default_factory=dict)

    def put(self, kind: str, key: str, **content: object) -> str:
        """A domain object or a relationship; ``key`` is what its id is made of. Returns the id."""
        identifier = f"{kind}--{uuid5(SPACE, f'{kind}{chr(31)}{key}')}"
        thing: Thing = {
            "type": kind, "spec_version": "2.1", "id": identifier, "created": self.made, "modified": self.made,
            **{name: value for name, value in content.items() if value not in (None, "", [], {})},
        }  # fmt: skip
        if self.maker:
            thing["created_by_ref"] = self.maker
        return self._keep(identifier, thing)

    def observable(self, kind: str, content: Thing) -> str:
        """A cyber-observable; its id follows from its content as the standard says: of several hashes from the first alone."""
        parts = dict(content)
        hashes = parts.get("hashes")
        if isinstance(hashes, dict):
            first = next(name for name in ("MD5", "SHA-1", "SHA-256") if name in hashes)
            parts["hashes"] = {first: hashes[first]}
        name = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        identifier = f"{kind}--{uuid5(OBSERVABLES, name)}"
        return self._keep(identifier, {"type": kind, "spec_version": "2.1", "id": identifier, **content})

    def link(self, source: str, verb: str, target: str) -> str:
        key = f"{source}\x1f{verb}\x1f{target}"
        return self.put("relationship", key, relationship_type=verb, source_ref=source, target_ref=target)

    def _keep(self, identifier: str, thing: Thing) -> str:
        if self.marks:
            thing["object_marking_refs"] = list(self.marks)
        self.things.setdefault(identifier, thing)
        return identifier


def literal(text: str) -> str:
    """A string inside a pattern, quoted."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
