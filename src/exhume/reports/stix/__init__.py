"""``stix.json``: a STIX 2.1 bundle, so that others can search for what worked here.

``objects`` makes the objects, ``bundle`` says which ones there are. Only values of a proven break-in become indicators: never
an address that merely knocked, nor one that other people share. Text stands exactly where a machine matches it, and made
harmless where people read it.
"""

from __future__ import annotations

from exhume.model import Assessment


class Stix:
    """One bundle with one report in it. The same assessment gives the same ids."""

    name = "stix"
    filename = "stix.json"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 JSON, one object a line."""
        from exhume.reports.plain import json_text
        from exhume.reports.stix.bundle import identifier_of, objects_of

        lines = ",".join("\n" + json_text(thing) for thing in objects_of(assessment))
        return f'{{"type": "bundle", "id": {json_text(identifier_of(assessment))}, "objects": [{lines}\n]}}\n'.encode()
