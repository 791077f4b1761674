"""The record of custody as JSON, and back."""

from __future__ import annotations

from typing import Any

from exhume.model import Custody, Hashed, Input
from exhume.reports.document.node import Node


def written(c: Custody, begun: str, ended: str) -> dict[str, Any]:
    """Key ``custody`` of the document; the times as the document writes them."""
    return {
        "by": c.by,
        "begun": begun,
        "ended": ended,
        "command": list(c.command),
        "inputs": [{"name": x.name, "kind": x.kind, "files": x.files, "sha256": x.sha256 or None} for x in c.inputs],
        "files": [{"path": x.path, "size": x.size, "sha256": x.sha256 or None} for x in c.files],
    }


def read(n: Node) -> Custody:
    return Custody(
        by=n.text("by"),
        begun=n.moment("begun"),
        ended=n.moment("ended"),
        command=n.texts("command"),
        inputs=n.nodes("inputs", lambda x: Input(x.text("name"), x.text("kind"), x.number("files"), x.maybe("sha256") or "")),
        files=n.nodes("files", lambda x: Hashed(x.text("path"), x.number("size"), x.maybe("sha256") or "")),
    )
