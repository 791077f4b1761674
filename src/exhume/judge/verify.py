"""Clean now? Two assessments of one server are compared: the one of the break-in, and one made after the clean-up.

Pure. "Gone" is said only of a state (a file, a setting) whose place was looked at again and could be read. Past events stay
history: no clean-up makes them undone, and logs that have rolled prove nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from exhume.judge.verdict import raised, worst_first
from exhume.model import (
    Assessment,
    Attestation,
    Cause,
    Check,
    Fate,
    Finding,
    PlanEntry,
    Reply,
    Severity,
    Source,
    State,
    Step,
    StepCheck,
    Verdict,
)
from exhume.model.sites import Sites

_REMOVE, _PATCH = range(30, 40), range(60, 70)
"""Places on the packs' axis of steps (``PlanEntry.order``)."""
_FILES = frozenset({"web.file", "file.entry", "aspnet.compiled"})
_SAME_SETTING = ("section", "location", "name", "path", "physicalPath", "image", "type", "scriptProcessor")


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in the second collection, as Windows paths in lower case."""

    files: Collection[str] = frozenset()
    folders: Collection[str] = frozenset()
    """Folders with at least one file directly in them."""
    sites: Sites = field(default_factory=Sites)
    """What IIS serves on the server of the second collection."""

    def looked_at(self, path: str) -> bool:
        """Was the folder of this path collected? An emptied folder is in no listing; then it is enough that its parent was
        collected, by a collector that went into sub-folders there."""
        folder = path.rpartition("\\")[0]
        if folder in self.folders:
            return True
        parent = folder.rpartition("\\")[0]
        above = parent.rpartition("\\")[0]
        return parent in self.folders and (above in self.folders or any(f.startswith(parent + "\\") for f in self.folders))

    def lacks(self, page: str) -> bool:
        """Was the folder of this URL collected, or, when it is empty now, the one above it, and is the page not in it?"""
        folder = page.rpartition("/")[0]
        served = {self.sites.url(f"{path}\\any").rpartition("/")[0] for path in self.folders}
        seen = folder in served or folder.rpartition("/")[0] in served - {""}
        return seen and not any(self.sites.url(path) == page for path in self.files)


def verify(
    before: Assessment, after: Assessment, listing: Listing, plans: Iterable[PlanEntry] = (), before_sha256: str = ""
) -> Attestation:
    """What became of everything that ``before`` found, and what is new. ``plans``: the packs' steps, to know which of them the
    evidence can prove."""
    now = _Now(after, listing, {f.record.text("sha256") for f in before.singles})
    marked = [f for f in _asked(before) if f.severity > Severity.INFO]
    doubt = _doubt(before, after)
    checks = _together([_doubted(_check(f, now), doubt) for f in sorted(marked, key=worst_first)])
    known = {f.id for f in before.singles} | {i for c in checks for i in now.ids(c.now)}
    fresh = [f for f in _asked(after) if f.id not in known and f.severity > Severity.INFO and not now.taken(f, checks)]
    checks += [Check(f, Fate.NEW, _why_new(f, before), f.sources) for f in sorted(fresh, key=worst_first)]
    clean, text = _sum(checks, before)
    if doubt:
        clean, text = (Reply.CANNOT_TELL if clean is Reply.YES else clean), f"{doubt} {text}"
    orders = {entry.title: entry.order for entry in plans}
    by_id = {c.finding.id: c for c in checks}
    told = {f.id: [by_id[x.id] for x in f.singles if x.id in by_id] for f in before.findings}
    steps = tuple(_step(step, -1 if doubt else orders.get(step.title, 0), told, after) for step in before.plan)
    limits = tuple(dict.fromkeys([*([doubt] if doubt else []), *(limit for a in after.answers for limit in a.limits)]))
    return Attestation(before, after, before_sha256, clean, text, tuple(checks), steps, limits)


def _asked(a: Assessment) -> list[Finding]:
    """What is told: events of the past as they were put together, files and settings each by itself."""
    past = {f.id for f in a.findings if all(single.record.time is not None for single in f.singles)}
    return [one for f in a.findings for one in ((f,) if f.id in past else f.singles)]


def _doubt(before: Assessment, after: Assessment) -> str:
    """Why the second collection cannot show that anything is gone; empty when it can."""
    names = [set(a.host.servers) or ({a.host.name} - {""}) for a in (before, after)]
    if all(names) and not names[0] & names[1]:
        return "The second collection is of another server than the first, by the names in the logs, so it shows nothing gone."
    ends = [a.coverage.end for a in (before, after)]
    if ends[0] and ends[1] and ends[1].date() < ends[0].date():
        return "The second collection is not the later one, by the last days of the logs, so it shows nothing gone."
    return ""


def _doubted(check: Check, doubt: str) -> Check:
    return replace(check, fate=Fate.CANNOT_TELL, why=doubt) if doubt and check.fate is Fate.GONE else check


class _Now:
    """The second assessment, by what a finding can be known by."""

    def __init__(self, after: Assessment, listing: Listing, known: Collection[str]) -> None:
        self.after, self.listing, self._known = after, listing, known
        self.places: dict[tuple[str, ...], list[Finding]] = {}
        self.hashes: dict[str, list[Finding]] = {}
        for found in after.singles:
            if found.record.time is None:
                self.places.setdefault(_place(found), []).append(found)
                if found.record.text("sha256"):
                    self.hashes.setdefault(found.record.text("sha256"), []).append(found)

    def ids(self, sources: Iterable[Source]) -> set[str]:
        wanted = set(sources)
        return {f.id for f in self.after.singles if f.record.time is None and wanted & set(f.sources)}

    def taken(self, found: Finding, checks: Sequence[Check]) -> bool:
        """Another rule on a thing that is told already as still there."""
        return found.record.time is None and any(
            c.fate is Fate.STILL_THERE and _place(c.finding) == _place(found) for c in checks
        )

    def behaves(self, found: Finding) -> list[Finding]:
        """Files that the first collection did not hold and that the same rule proves to be what the lost one was."""
        return [
            f
            for f in self.after.singles
            if (f.pack, f.rule) == (found.pack, found.rule)
            and f.record.time is None
            and f.record.text("sha256") not in self._known
            and raised(f) is Verdict.COMPROMISED
        ]

    def unread(self, path: str) -> bool:
        """Did something keep the file, or all files of its folder, from being read?"""
        name = path.replace("\\", "/").lower()
        return any(
            g.cause in (Cause.UNREADABLE, Cause.LIMIT, Cause.DAMAGED) and g.source and g.source.path.lower().endswith(name[3:])
            for g in self.after.coverage.gaps
        )


def _place(found: Finding) -> tuple[str, ...]:
    """The same thing has the same place in every collection of the server, whatever the collector called its folders."""
    fields, record = found.record.fields, found.record
    path = (record.text("windows_path") or record.source.path).lower()
    if record.kind in _FILES:
        return ("file", path)
    if record.kind == "iis.config":
        return (record.kind, path, *(str(fields.get(name, "")).lower() for name in _SAME_SETTING))
    if record.kind == "exchange.transport-agent":
        return (record.kind, record.text("name").lower())
    return (record.kind, found.subject)


def _page(found: Finding) -> str:
    """The URL of the page that ASP.NET compiled."""
    return (found.record.text("virtualPath") or found.record.text("url")).lower()


def _check(found: Finding, now: _Now) -> Check:
    if found.record.time is not None:
        return Check(found, Fate.HISTORY, "It happened; the clean-up cannot undo it.")
    here = now.places.get(_place(found), [])
    if here and found.record.kind == "aspnet.compiled" and now.listing.lacks(_page(found)):
        return Check(found, Fate.HISTORY, "The page is gone; that ASP.NET once compiled it stays a fact.")
    if any(f.rule == found.rule for f in here):
        return _still(found, here, "It stands where it stood.")
    same = now.hashes.get(found.record.text("sha256"), [])
    if same:
        return _still(found, same, "The same file, by its hash, lies at another place now.")
    if here:
        return _still(found, here, "It was changed, and other rules find it at the same place.")
    if found.record.kind in _FILES and (moved := now.behaves(found)):
        return _still(found, moved, "A file that shows the same is at another place now.")
    return Check(found, *_absent(found, now))


def _together(checks: Sequence[Check]) -> list[Check]:
    """All findings on one thing share its fate: a file that was moved is not gone because one rule looks at its name."""
    left = {_place(c.finding): c for c in reversed(checks) if c.fate is Fate.STILL_THERE}
    out = []
    for check in checks:
        same = left.get(_place(check.finding)) if check.fate is Fate.GONE else None
        out.append(Check(check.finding, same.fate, same.why, same.now) if same else check)
    return out


def _still(found: Finding, now: Iterable[Finding], why: str) -> Check:
    places = tuple(dict.fromkeys(source for f in now for source in f.sources))
    return Check(found, Fate.STILL_THERE, why, places)


def _absent(found: Finding, now: _Now) -> tuple[Fate, str]:
    """It was not found again: because it is gone, or because nobody looked?"""
    record = found.record
    path = record.text("windows_path").lower()
    if record.kind in _FILES:
        if not path:
            return Fate.CANNOT_TELL, "The first collection does not say where on the server it lay."
        if path in now.listing.files:
            if now.unread(path):
                return Fate.CANNOT_TELL, "A file of this name is still there, and it could not be read."
            if record.fields.get("product_name") is True:
                return Fate.GONE, "Exchange's own file of this name is there, and nothing is found in it."
            return Fate.CANNOT_TELL, "A file of this name is still there, but nothing is found in it: look at it."
        if now.listing.looked_at(path):
            return Fate.GONE, "Its folder was collected again, and it is not in it."
        return Fate.CANNOT_TELL, "Its folder is not in the second collection."
    states = {(s.kind, s.channel.lower()) for s in now.after.coverage.spans if s.state}
    if path and path not in now.listing.files:
        return Fate.CANNOT_TELL, "The configuration file it stood in is not in the second collection."
    if (record.kind, record.channel.lower()) not in states or now.unread(path or record.source.path):
        return Fate.CANNOT_TELL, "This kind of setting could not be read in the second collection."
    return Fate.GONE, "The setting was read again, and it is not there."


def _why_new(found: Finding, before: Assessment) -> str:
    end = before.coverage.end or before.generated
    if found.first_seen is None:
        return "It was not found the first time: it is new, or new rules or more evidence show it."
    if _later(found.first_seen, end):
        return "It happened after the end of the first collection."
    return "It happened before, and was not found then: new rules or more evidence show it."


def _later(first: datetime, end: datetime) -> bool:
    return first > end


def _sum(checks: Sequence[Check], before: Assessment) -> tuple[Reply, str]:
    """Only what called for a verdict decides; the rest is listed."""
    end = before.coverage.end or before.generated
    weighty = [c for c in checks if raised(c.finding) is not None]

    def things(fate: Fate) -> set[tuple[str, ...]]:
        return {_place(c.finding) for c in weighty if c.fate is fate}

    left = things(Fate.STILL_THERE)
    unknown = things(Fate.CANNOT_TELL) - left
    gone = things(Fate.GONE) - left - unknown
    new = [c for c in weighty if c.fate is Fate.NEW and (c.finding.first_seen is None or _later(c.finding.first_seen, end))]
    history = [c for c in weighty if c.fate is Fate.HISTORY]
    listed = sum(c.fate is Fate.NEW for c in checks)
    more = f" ({listed:,} are listed; the others are of the past or prove too little)" if listed > len(new) else ""
    counts = (
        f"Of {len(left | unknown | gone)} files and settings that gave the server away, {len(gone)} are gone, {len(left)} are "
        f"still there, {len(unknown)} could not be checked. New findings that count: {len(new)}{more}. Events of the past, "
        f"which stay facts: {len(history)}."
    )
    if left or new:
        return Reply.NO, counts
    if unknown:
        return Reply.CANNOT_TELL, counts
    return Reply.YES, counts + " That nothing else is there cannot be proven."


def _step(step: Step, order: int, checks: Mapping[str, Sequence[Check]], after: Assessment) -> StepCheck:
    """Only removing and patching leave traces that evidence can show; the rest a person has to attest."""
    mine = [check for i in step.findings for check in checks.get(i, ())]
    if order in _REMOVE and (states := [c for c in mine if c.fate is not Fate.HISTORY]):
        left = sum(c.fate is Fate.STILL_THERE for c in states)
        gone = sum(c.fate is Fate.GONE for c in states)
        told = f"Of {len(states)} things that it was due for, {gone} are gone and {left} are still there."
        if left:
            return StepCheck(step, Reply.PARTLY if gone else Reply.NO, told)
        return StepCheck(step, Reply.YES if gone == len(states) else Reply.CANNOT_TELL, told)
    if order in _PATCH:
        wanted = {cve for c in mine for cve in c.finding.cves}
        found = {e.state for e in after.exposure if e.cve in wanted and e.until is None}
        if State.VULNERABLE in found:
            return StepCheck(step, Reply.NO, "The second collection shows that the server is still open to this flaw.")
        if wanted and found == {State.FIXED}:
            return StepCheck(step, Reply.YES, "The second collection shows the update.")
    return StepCheck(step, Reply.CANNOT_TELL, "The evidence cannot show it: a person has to attest it.")
