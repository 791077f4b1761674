"""How marks add up: what two of them show together and neither shows alone. Pure; docs/explanation/verdicts.md has the table.

Two marks add up only when they show different facts (``Finding.fact``): one request seen in two logs is one fact, and so is a
page that was served and lies on the disk.

- On one page: two that are each *suspected* (say, it was served, and commands stood in its query) are a break-in.
- A page whose own text came with the evidence, was read and does nothing with what is sent to it, and to which many people
  posted, was hardly a web shell: that it was used is *suspected* then, no more. (Additions to the log-on page are such.)
- A copy of one of Exchange's own pages (``product_copy``) is no mark by being there: own log-on pages are made of such.
- An unsure mark (``unsure``) becomes *suspected* beside a second mark of the same actor, session or process, or, where neither
  names an actor, close in time on the same server. Alone it is listed as to be confirmed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exhume.model import Finding, Record, Source, Verdict, Visit, alone, unsure
from exhume.model.visit import account_name, values, visit_of

ACTOR = timedelta(days=2)
"""Longest time between two marks of one address or account that are still taken for one actor's work."""
CLOSE = timedelta(minutes=15)
"""The same for two unsure marks that name nobody: ordinary work leaves several in a day."""
NEAR = timedelta(hours=6)
"""The same beside a mark that is not unsure: what an intruder does follows within hours."""
BESIDE_KEPT = 5
MANY = 4
"""Addresses from which on a page is one that people use: those who use a web shell are few."""
_CONTENT = "/content"
_WEB = ("iis.access", "exchange.httpproxy")
_JOINING = ("canary", "process", "address", "account", "shell", "file", "setting")
_WHO = ("Caller", "SubjectUserName", "User", "AuthenticatedUser", "cs-username", "Author")


def weigh(findings: Iterable[Finding], own: frozenset[str] = frozenset(), mixed: frozenset[str] = frozenset()) -> list[Finding]:
    """The findings, those weighed that others add up with. ``own``: the server's own addresses; ``mixed``: addresses that carry
    other people too; neither joins anything. Weighing twice gives the same as once."""
    fresh = [replace(f, weighed=None, beside=()) if f.weighed is not None or f.beside else f for f in findings]
    fresh = list(_people_use(list(_copies(fresh)), own))
    lifts: dict[int, dict[str, None]] = defaultdict(dict)
    broken = dict(_pages(fresh))
    if any(unsure(f) for f in fresh):
        for mark, other in _pairs(fresh, own | mixed):
            lifts[id(mark)][other.id] = None
    out = []
    for finding in fresh:
        if id(finding) in broken:
            out.append(replace(finding, weighed=Verdict.COMPROMISED, beside=broken[id(finding)]))
        elif id(finding) in lifts:
            out.append(replace(finding, weighed=Verdict.SUSPECTED, beside=tuple(lifts[id(finding)])[:BESIDE_KEPT]))
        else:
            out.append(finding)
    return out


def _copies(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The findings; that a copy of one of Exchange's own pages is there, or was served, is only to be confirmed."""
    copies = {
        page
        for f in findings
        if f.record.fields.get("product_copy") is True
        for visit in _visits(f)
        for page in values(visit.keys, "shell")
    }
    for finding in findings:
        pages = {page for visit in _visits(finding) for page in values(visit.keys, "shell")} if copies else set()
        yield replace(finding, ambiguous=True) if pages and pages <= copies and _is_there(finding) else finding


def _is_there(finding: Finding) -> bool:
    """Does it only say that a page of an unknown name is there, or was served?"""
    return finding.own and finding.fact == "odd-page" and not finding.shows.endswith(_CONTENT)


def _people_use(findings: Sequence[Finding], own: frozenset[str]) -> Iterator[Finding]:
    """The findings; those that say that a harmless page was used are held at *suspected*."""
    texts: dict[str, str] = {}
    shells: set[str] = set()
    visitors: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        for visit in _visits(finding):
            for page in values(visit.keys, "shell"):
                if finding.shows.endswith(_CONTENT) and alone(finding) is not None:
                    shells.add(page)
                if finding.record.fields.get("script") is True and finding.record.text(
                    "sha256"
                ):  # an emptied shell explains no post
                    texts.setdefault(page, finding.id)
                if _used(finding):  # who asked in vain, as scanners do, is nobody who uses it
                    visitors[page] |= set(values(visit.keys, "address")) - own
    people = {page for page in texts.keys() - shells if len(visitors[page]) >= MANY}
    for finding in findings:
        pages = {page for visit in _visits(finding) for page in values(visit.keys, "shell")}
        if pages and pages <= people and _used(finding):
            yield replace(finding, weighed=Verdict.SUSPECTED, beside=tuple(texts[page] for page in sorted(pages)))
        elif pages and pages <= people and _is_there(finding):
            yield replace(finding, ambiguous=True)
        else:
            yield finding


def _used(finding: Finding) -> bool:
    """Does a log say that a page was used, which alone proves a break-in?"""
    return finding.record.kind in _WEB and alone(finding) == Verdict.COMPROMISED


def _pages(findings: Iterable[Finding]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Of each page that two independent marks call suspected: these marks, and the others of them. Files name no server."""
    pages: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.own and alone(finding) == Verdict.SUSPECTED:
            for page in {page for visit in _visits(finding) for page in values(visit.keys, "shell")}:
                pages[page].append(finding)
    for some in pages.values():
        for server in {f.record.server for f in some if f.record.server} or {""}:
            mine = [f for f in some if f.record.server in ("", server)]
            if len({f.fact for f in mine}) > 1:
                ordered = sorted(mine, key=lambda f: f.id)
                for finding in mine:
                    yield id(finding), tuple(f.id for f in ordered if f.fact != finding.fact)[:BESIDE_KEPT]


@dataclass(frozen=True, slots=True)
class _Mark:
    """One visit of a finding that is unsure or calls for a verdict by itself."""

    finding: Finding
    fact: str
    unsure: bool
    first: datetime | None
    last: datetime | None
    who: str
    rows: frozenset[Source]
    """The rows that the finding stands on: two rules that hold for one row have seen one thing."""

    def apart(self, other: _Mark) -> timedelta | None:
        if not (self.first and self.last and other.first and other.last):
            return None
        return max(self.first - other.last, other.first - self.last, timedelta())


def _pairs(findings: Sequence[Finding], skip: frozenset[str]) -> Iterator[tuple[Finding, Finding]]:
    """Each unsure finding with the ones that stand beside it. Linear in visits times facts, whatever the evidence holds."""
    last: dict[tuple[str, ...], dict[tuple[str, bool], _Mark]] = defaultdict(dict)
    for mark, places in sorted(_marks(findings, skip), key=lambda item: (item[0].first is None, str(item[0].first or ""))):
        for place in places:
            for (fact, _), other in last[place].items():
                if fact != mark.fact and _together(place, mark, other) and not mark.rows & other.rows:
                    if mark.unsure:
                        yield mark.finding, other.finding
                    if other.unsure:
                        yield other.finding, mark.finding
            last[place][mark.fact, mark.unsure] = mark


def _together(place: tuple[str, ...], mark: _Mark, other: _Mark) -> bool:
    apart = mark.apart(other)
    if place[0] != "server":
        return apart is None or apart <= ACTOR
    if apart is None or (mark.who and other.who and mark.who != other.who):
        return False
    return apart <= (CLOSE if mark.unsure and other.unsure else NEAR)


def _marks(findings: Iterable[Finding], skip: frozenset[str]) -> Iterator[tuple[_Mark, list[tuple[str, ...]]]]:
    for finding in findings:
        doubt = unsure(finding)
        if (not doubt and alone(finding) is None) or finding.weighed is not None:  # held: it is no second mark
            continue
        who, rows = actor(finding.record), frozenset(finding.sources)
        for visit in _visits(finding):
            known = [(name, value) for name in _JOINING for value in values(visit.keys, name) if value not in skip]
            places: list[tuple[str, ...]] = [(n, v.rpartition("\\")[2] if n == "account" else v) for n, v in known]
            if visit.first:
                places.append(("server", finding.record.server))
                if who:
                    places.append(("account", who))
            yield _Mark(finding, finding.fact, doubt, visit.first, visit.last, who, rows), list(dict.fromkeys(places))


def _visits(finding: Finding) -> tuple[Visit, ...]:
    return finding.visits or (visit_of(finding.record),)


def actor(record: Record) -> str:
    """The account in whose name the record says that it was done; empty for the system and machine accounts."""
    return next(
        (name for field in _WHO if (name := account_name(record.text(field).rpartition("/")[2]).rpartition("\\")[2])), ""
    )
