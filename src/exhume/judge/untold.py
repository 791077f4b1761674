"""Flaws that the server was open to and whose use would not show in the evidence: a limit of "Was it broken into?"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from exhume.model import Exposure, State, Window

if TYPE_CHECKING:
    from exhume.model import Untold


def untold_limits(exposure: Iterable[Exposure], untold: Iterable[Untold], period: Window | None) -> Iterator[str]:
    """A sentence for each of them that was open on one of the judged days."""
    known = {flaw.cve: flaw for flaw in untold}
    open_to = {e.cve for e in exposure if e.state is State.VULNERABLE and e.cve in known and _judged(e, period)}
    for cve in sorted(open_to):
        flaw = known[cve]
        yield f"Open to {cve}: its use would not show in this evidence: {flaw.why}. Look at: {flaw.instead}."


def _judged(entry: Exposure, period: Window | None) -> bool:
    if period is None:
        return True
    return (entry.since is None or entry.since <= period.until) and (entry.until is None or entry.until >= period.since)
