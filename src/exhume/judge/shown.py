"""Which pages a finding shows to be on the server, or to have been: answered, written, compiled, lying there, or named by a
tool's log. A page that was only asked for (302, 401, 404, or no answer in the log) is not shown, and neither is one by a mark
that is still to be confirmed, or that was weighed down because the page's own text is harmless. Pure.
"""

from __future__ import annotations

from exhume.model import Finding, Outcome, Visit, held, to_confirm
from exhume.model.visit import values
from exhume.model.windows import ships

WEB = ("iis.access", "iis.httperr", "exchange.httpproxy", "exchange.rps-http")


def pages_shown(finding: Finding, visit: Visit) -> tuple[str, ...]:
    """The pages, lower-case URL paths, in order. A request shows one only where the rule is about pages: what a rule for a
    flaw calls is a page of Exchange's own, and what rules of others take for odd may be one."""
    if finding.outcome < Outcome.STEP or held(finding) or to_confirm(finding):
        return ()
    statuses = set(values(visit.keys, "status"))
    if finding.record.kind in WEB or statuses or any(values(visit.keys, "method")):  # what several rows show together as well
        served = "200" in statuses or (not statuses and finding.outcome >= Outcome.EXEC)
        if not served or finding.cves or not finding.own:
            return ()
        return tuple(page for page in values(visit.keys, "shell") if not ships(page))
    named = [page for page in values(visit.keys, "page") if not ships(page)]  # a command: it may only look at it
    return tuple(sorted({*values(visit.keys, "shell"), *named}))
