"""A flaw that was used was open: proven uses of a flaw among the states of the flaws. Pure.

What readings tell of builds is judged before there are findings, and decides which days are judged; a proven use is told after
that, in the table of the flaws and in the answer to "Exposed?". A reading that says otherwise is named, not silenced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from exhume.judge.fit import Fit
from exhume.judge.verdict import raised
from exhume.model import Exposure, Finding, Question, Reply, State, Verdict

if TYPE_CHECKING:
    from exhume.judge.exposure import OpenDays, Patching

DAY = timedelta(days=1)
_AGAINST = {
    State.FIXED: "the readings say that it was fixed",
    State.NOT_APPLICABLE: "the readings say that the server does not have this flaw",
    State.MITIGATED: "a mitigation was in place",
}


@dataclass(frozen=True, slots=True)
class Use:
    """Days on which a flaw was used with success, and the strongest finding that proves it."""

    cve: str
    days: tuple[date, ...]
    by: Finding

    @property
    def first(self) -> date:
        return self.days[0]

    @property
    def last(self) -> date:
        return self.days[-1]

    @property
    def words(self) -> str:
        when = f"on {self.first}" if self.first == self.last else f"on {len(self.days)} days from {self.first} to {self.last}"
        return f"It was used {when}, so the server was open to it: {self.by.title}, {self.by.source}."


def uses(findings: Iterable[Finding], fits: Fit) -> tuple[Use, ...]:
    """The flaws that findings prove to have been used, by name. ``findings``: the worst first. A trace that fits several flaws
    proves none by itself, and a file has no day."""
    days: dict[str, set[date]] = defaultdict(set)
    by: dict[str, Finding] = {}
    for finding in findings:
        if finding.id not in fits.proven or raised(finding) is not Verdict.COMPROMISED:
            continue
        if finding.record.time is None or not finding.first_seen or not finding.last_seen:
            continue
        for cve in finding.cves:
            days[cve] |= {finding.first_seen.date(), finding.last_seen.date()}
            by.setdefault(cve, finding)
    return tuple(Use(cve, tuple(sorted(found)), by[cve]) for cve, found in sorted(days.items()))


def with_uses(
    entries: Sequence[Exposure], found: Sequence[Use], end: date | None
) -> tuple[tuple[Exposure, ...], tuple[str, ...]]:
    """The states of the flaws with what was used, and a sentence for each reading that says otherwise. ``end``: last day of the
    evidence."""
    of: dict[str, list[Exposure]] = {}
    for entry in entries:
        of.setdefault(entry.cve, []).append(entry)
    told: list[str] = []
    fresh: dict[str, list[Exposure]] = {}
    for use in found:
        if use.cve not in of:
            fresh[use.cve] = [Exposure(use.cve, State.VULNERABLE, use.words, use.first, use.last)]
            continue
        mine, against = _marked(of[use.cve], use, end)
        of[use.cve] = mine
        told += against
    return tuple(e for group in (*fresh.values(), *of.values()) for e in group), tuple(told)


def _marked(entries: Sequence[Exposure], use: Use, end: date | None) -> tuple[list[Exposure], list[str]]:
    """A server that was open on two days was open between them, as updates only add; unless a reading says otherwise."""
    over = [e for e in entries if _overlaps(e, use.first, use.last)]
    against = [e for e in over if e.state in _AGAINST and any(_overlaps(e, day, day) for day in use.days)]
    between = any(e.state in _AGAINST for e in over)
    days = [(day, day) for day in sorted({use.first, use.last})] if between else [(use.first, use.last)]
    out = list(entries)
    for first, last in days:
        out = [piece for e in out for piece in _split(e, first, last, use, end)]
    if not over:
        out.append(Exposure(use.cve, State.VULNERABLE, use.words, use.first, use.last))
    told = []
    for entry in against:
        day = next(day for day in use.days if _overlaps(entry, day, day))
        told.append(
            f"{use.cve} was used on {day} ({use.by.title}, {use.by.source}), yet {_AGAINST[entry.state]} on that day: one of"
            " the two is wrong, or it did not hold. Go by the use until that is explained."
        )
    return out, told


def _overlaps(entry: Exposure, first: date, last: date) -> bool:
    return (entry.since is None or entry.since <= last) and (entry.until is None or entry.until >= first)


def _split(entry: Exposure, first: date, last: date, use: Use, end: date | None) -> list[Exposure]:
    if not _overlaps(entry, first, last):
        return [entry]
    if entry.state is State.VULNERABLE:
        return [entry if use.words in entry.why else replace(entry, why=f"{entry.why} {use.words}")]
    out: list[Exposure] = []
    begin = first if entry.since is None else max(first, entry.since)
    if entry.since is None or entry.since < begin:
        out.append(replace(entry, until=begin - DAY))
    open_end = entry.until is None and end is not None and last >= end
    stop = None if open_end else last if entry.until is None else min(last, entry.until)
    out.append(replace(entry, state=State.VULNERABLE, why=use.words, since=begin, until=stop))
    if stop is not None and (entry.until is None or entry.until > stop):
        out.append(replace(entry, since=stop + DAY))
    return out


def known_uses(patching: Patching, found: Sequence[Use], end: date | None) -> Patching:
    """What the readings tell, with what was used."""
    entries, against = with_uses(patching.entries, found, end)
    by = {use.cve: use for use in found}
    campaigns: Mapping[str, OpenDays] = {
        pack: _open(days, by[days.flaw.cve]) if days.flaw.cve in by else days for pack, days in patching.campaigns.items()
    }
    return replace(patching, entries=entries, contradictions=(*against, *patching.contradictions), campaigns=campaigns)


def _open(days: OpenDays, use: Use) -> OpenDays:
    """Days that were open for certain. What was used after the day of the fix is a contradiction, which is told by itself."""
    if days.since is None or (days.fixed and use.last >= days.until):
        return days
    first = min(days.first_proven or use.first, use.first)
    proven = max(days.proven, (use.last - use.first).days + 1)
    return replace(days, since=min(days.since, use.first), first_proven=first, proven=proven)


def exposed_by_use(found: Sequence[Use], unknown: Question) -> Question:
    """The answer to "Exposed?" where nothing tells the build: what was used was open."""
    if not found:
        return unknown
    told = " ".join(f"{use.cve}: {use.words}" for use in found[:4])
    more = f" And {len(found) - 4} more in the table." if len(found) > 4 else ""
    return Question(Reply.PARTLY, f"Yes, on some days. {told}{more} {unknown.text}", unknown.limits)
