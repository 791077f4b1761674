"""Whose hand it looks like: a hint that needs two independent marks, and shows both with their source.

References: traces.md, activity clusters: names and parameters were copied between actors, and addresses are claimed by more
than one report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from exhume.judge.chain.nodes import Node

Marks = Iterable[tuple[str, str, str, str]]
"""Cluster, kind of mark, value, source."""
UNKNOWN = "unattributed"


def hint(nodes: Sequence[Node], addresses: Sequence[str], pages: Sequence[str], marks: Marks) -> tuple[str, str]:
    """The cluster and why, or ``unattributed``. Two marks are independent when they are of different kinds."""
    texts = "\n".join({n.finding.record.text(f).lower() for n in nodes if n.counts for f in n.finding.record.fields})
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for cluster, kind, value, source in marks:
        if kind == "page":
            hit = any(fnmatchcase(page.lower(), value) for page in pages)
        elif kind == "address":
            hit = value in addresses
        else:
            hit = value in texts
        if hit:
            found.setdefault(cluster, {}).setdefault(kind, (value, source))
    likely = {cluster: kinds for cluster, kinds in found.items() if len(kinds) > 1}
    if len(likely) == 1:
        ((cluster, kinds),) = likely.items()
        return cluster, "; ".join(f"{kind} {value} ({source})" for kind, (value, source) in kinds.items())
    if likely:
        return UNKNOWN, f"Marks of several were seen ({', '.join(sorted(likely))}), so none is named."
    if found:
        return UNKNOWN, f"One mark alone was seen of: {', '.join(sorted(found))}. That is not enough: marks are copied."
    return UNKNOWN, ""
