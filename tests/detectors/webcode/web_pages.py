"""Pages for the tests, put together at run time, and inert: they name what they do not reach, and nothing runs them."""

from __future__ import annotations

import contextlib
import io

from exhume.detectors.webcode import Limits, WebCode
from exhume.model import Finding, Gap, Record, Source

EV, EX, REQ = "ev" + "al", "exec" + "ute", "Req" + "uest"
PROC, WSH, ASM = "Proc" + "ess", "WScr" + "ipt.Sh" + "ell", "Assem" + "bly"


def record(data: bytes | str, name: str = "page.aspx", kind: str = "web.file", served: bool = True) -> Record:
    content = data if isinstance(data, bytes) else data.encode()
    path = f"C/inetpub/wwwroot/{name}"
    fields = {"path": path, "extension": name.rpartition(".")[2], "served": served}
    return Record(kind, None, fields, Source("e", path, "file"), "web", opener=lambda: contextlib.closing(io.BytesIO(content)))


def look(data: bytes | str, name: str = "page.aspx", limits: Limits | None = None) -> list[Finding | Gap]:
    return list(WebCode(limits).detect(record(data, name)))


def rules(data: bytes | str, name: str = "page.aspx") -> set[str]:
    """Ids of what is found, without the detector's prefix."""
    results = look(data, name)
    assert [r for r in results if isinstance(r, Gap)] == []
    return {r.rule.removeprefix("webcode.") for r in results if isinstance(r, Finding)}
