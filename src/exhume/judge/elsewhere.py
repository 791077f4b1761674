"""Pages outside Exchange's own folders: an intruder's, or another product's? Pure.

A row of a log does not say whose page it is. What all rows of a folder say together does: an intruder's page is one of few, and
few use it; an application is many pages or many people. So requests to folders that are plainly another product's are told once
for the folder, as something to be confirmed, and move no verdict by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from exhume.model import Because, Finding, Visit
from exhume.model.sites import Sites
from exhume.model.visit import VISITS_KEPT, merge_visits, values

TRACES = frozenset({"WS-a-elsewhere", "WS-b-elsewhere"})
PAGES = 5
"""So many different pages of a folder are an application."""
CLIENTS = 6
"""So many different addresses, or accounts, that use a folder are people of the house."""
_OTHERS = "(others)"
"""Subject of the finding that counts those beyond the limit of a rule (``assess.tally``)."""


@dataclass(slots=True)
class _Folder:
    findings: list[Finding] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    many: bool = False

    def why(self, sites: Sites) -> str:
        """Why it is another product's, in words; empty when nothing says so."""
        record = self.findings[0].record
        if sites.foreign_url(record.text("cs-uri-stem"), _number(record.channel)):
            return "an application or a site of its own, by the configuration of IIS"
        if not sites.mounts and _number(record.channel) not in ("", "1", "2"):
            return "at another site than those of Exchange"
        if self.many or len(self.pages) >= PAGES:
            return f"{len(self.pages)} different pages of this folder were used"
        if len(self.addresses) >= CLIENTS:
            return f"used from {len(self.addresses)} different addresses"
        return f"used by {len(self.accounts)} different accounts" if len(self.accounts) >= CLIENTS else ""


def elsewhere(findings: Iterable[Finding], sites: Sites) -> list[Finding]:
    """The findings; of those on pages of a folder that is another product's only the first of each rule, for all of them."""
    kept: list[Finding] = []
    folders: dict[tuple[str, str, str], _Folder] = defaultdict(_Folder)
    for finding in findings:
        if finding.own and finding.trace in TRACES:
            stem = finding.record.text("cs-uri-stem").lower()
            folder = folders[finding.record.server, finding.record.channel, stem.strip("/").partition("/")[0]]
            folder.findings.append(finding)
            folder.many |= finding.subject == _OTHERS
            for visit in finding.visits:
                folder.pages.update(values(visit.keys, "shell"))
                folder.addresses.update(values(visit.keys, "address"))
                folder.accounts.update(values(visit.keys, "account"))
        else:
            kept.append(finding)
    for folder in folders.values():
        why = folder.why(sites)
        kept += _told(folder, why) if why else folder.findings
    return kept


def _told(folder: _Folder, why: str) -> Iterable[Finding]:
    for trace in sorted(TRACES):
        mine = sorted((f for f in folder.findings if f.trace == trace), key=lambda f: (str(f.first_seen or ""), f.id))
        if not mine:
            continue
        first = mine[0]
        lasts = [f.last_seen for f in mine if f.last_seen]
        yield replace(
            first,
            ambiguous=True,
            because=(*first.because, Because("folder", first.record.text("cs-uri-stem"), f"another product's: {why}")),
            count=sum(f.count for f in mine),
            last_seen=max(lasts, default=first.last_seen),
            visits=_telling(mine),
        )


def _telling(findings: Iterable[Finding]) -> tuple[Visit, ...]:
    """Of all visits those that name a page, an address or an account that none before did: they say again what was decided."""
    seen: set[str] = set()
    kept: list[Visit] = []
    for visit in (v for f in findings for v in f.visits):
        names = {key for key in visit.keys if key.startswith(("shell:", "address:", "account:"))}
        if not names <= seen:
            seen |= names
            kept.append(visit)
        if len(kept) == VISITS_KEPT:
            break
    return merge_visits((), tuple(kept))


def _number(channel: str) -> str:
    return channel[5:] if channel.startswith("W3SVC") else ""
