"""What the values of an intrusion touched, told in a few lines: context, not proof. Pure.

The hits come from the second look (``assess/pivot``): one finding of pack ``pivot`` for each value, log, address and day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exhume.judge.elsewhere import TRACES as ELSEWHERE
from exhume.judge.shown import WEB, pages_shown
from exhume.judge.words import joined, number, source_name
from exhume.model import Confidence, Coverage, Finding, Gap, Intrusion, Outcome, Planted, Severity, Visit, raised
from exhume.model.visit import values

PACK = "pivot"
SAME_ACTOR = timedelta(days=7)
"""Longest silence after which an address is still taken for the same actor's."""
PEOPLE = 3
"""Different people who logged on from an address, from which on it is no single actor's."""
USED = "pivot.page-used"
SHOWN = 40
"""Lines of activity kept of each intrusion."""


@dataclass(frozen=True, slots=True)
class Second:
    """What the second look brought."""

    touched: tuple[Finding, ...] = ()
    mixed: tuple[str, ...] = ()
    """Addresses that carry other people too."""
    gaps: tuple[Gap, ...] = ()
    earlier: tuple[Intrusion, ...] = ()
    """The intrusions as an earlier assessment told them, when the rows that were touched are not at hand any more."""
    planted: tuple[Planted, ...] = ()
    """And their pages."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What was touched, by the value that it was looked for with."""

    by_value: Mapping[tuple[str, str], Sequence[Finding]]

    @classmethod
    def of(cls, touched: Iterable[Finding]) -> Touched:
        found: dict[tuple[str, str], list[Finding]] = {}
        for finding in touched:
            found.setdefault((finding.because[0].field, finding.because[0].value), []).append(finding)
        return cls(found)

    def hits(self, name: str, text: str) -> Sequence[Finding]:
        return self.by_value.get((name, text), ())


def reached(visit: Visit) -> bool:
    """Data was sent to a page, and it answered."""
    return "method:POST" in visit.keys and "status:200" in visit.keys


def is_crowded(address: str, intrusion: Intrusion, touched: Touched) -> bool:
    """Do other people use this address as well? Several are logged on from it, or one was before the intrusion began."""
    people: set[str] = set()
    before = False
    for finding in touched.hits("address", address):
        for visit in finding.visits:
            for name in values(visit.keys, "account"):
                if name not in intrusion.accounts and "status:200" in visit.keys:
                    people.add(name)
                    before |= bool(visit.first and intrusion.first_seen and visit.first < intrusion.first_seen)
    return len(people) >= PEOPLE or before


def _named(findings: Iterable[Finding]) -> set[str]:
    """The pages that findings which call for a verdict show as present."""
    return {page for f in findings if raised(f) for visit in f.visits for page in values(visit.keys, "shell")}


def used_pages(touched: Iterable[Finding], known: Sequence[Finding]) -> Iterator[Finding]:
    """Planted pages that were called with data and answered 200, where no rule has told it: findings of their own. That a page
    outside Exchange's folders answered is no proof that it was planted: something else has to show it."""
    told = {
        page
        for f in known
        if f.outcome >= Outcome.EXEC and f.record.kind in ("iis.access", "exchange.httpproxy")
        for visit in f.visits
        for page in values(visit.keys, "shell")
    }
    doubtful = _only_served(known)
    told |= _named(f for f in known if f.trace in ELSEWHERE) - _named(f for f in known if f.trace not in ELSEWHERE)
    for finding in touched:
        page = finding.because[0].value
        shell = finding.because[0].field == "shell" and finding.record.kind in ("iis.access", "exchange.httpproxy")
        if shell and page not in doubtful and page not in told and any(reached(v) for v in finding.visits):
            yield replace(
                finding,
                rule=USED,
                pack="webshell",
                title="Data was posted to a planted page, and it answered",
                outcome=Outcome.EXEC,
                severity=Severity.CRITICAL,
                confidence=Confidence.HIGH,
                visits=tuple(v for v in finding.visits if reached(v)),
            )


def _only_served(known: Iterable[Finding]) -> set[str]:
    """Pages of which no more is known than that they answered a request: they are there, and may be the owner's own."""
    served: set[str] = set()
    more: set[str] = set()
    for finding in known:
        if raised(finding) is not None:
            pages = {page for visit in finding.visits for page in pages_shown(finding, visit)}
            (served if finding.record.kind in WEB and finding.outcome <= Outcome.STEP else more).update(pages)
    return served - more


def with_activity(intrusion: Intrusion, touched: Touched, coverage: Coverage) -> Intrusion:
    """The intrusion with what its values touched, and its first and last day corrected by what its own addresses did."""
    lines: list[str] = []
    firsts = [intrusion.first_seen] if intrusion.first_seen else []
    lasts = [intrusion.last_seen] if intrusion.last_seen else []
    for page in intrusion.web_shells:
        lines += _of_page(page, touched)
    for address in intrusion.addresses:
        hits = touched.hits("address", address)
        if not hits:
            continue
        lines += _of_address(address, hits, address in intrusion.mixed, coverage)
        if address not in intrusion.mixed and firsts and lasts:
            for first, last in sorted((h.first_seen, h.last_seen) for h in hits if h.first_seen and h.last_seen):
                if first <= max(lasts) + SAME_ACTOR and last >= min(firsts) - SAME_ACTOR:
                    firsts.append(first)
                    lasts.append(last)
    for name, what in (("account", "account"), ("canary", "forged session")):
        for text in intrusion.accounts if name == "account" else intrusion.sessions:
            lines += _of_value(f"{what} {text}", touched.hits(name, text))
    more = len(lines) - SHOWN
    if more > 0:
        lines = [*lines[:SHOWN], f"… and {more:,} more lines"]
    return replace(
        intrusion,
        activity=(*intrusion.activity, *lines),
        first_seen=min(firsts, default=None),
        last_seen=max(lasts, default=None),
    )


def with_earlier(intrusion: Intrusion, earlier: Iterable[Intrusion]) -> Intrusion:
    """The intrusion with what an earlier second look told of the same findings."""
    earlier = tuple(earlier)
    same = [one for one in earlier if one.id == intrusion.id] or [
        one for one in earlier if set(one.findings) & set(intrusion.findings) and _known_by(one) & _known_by(intrusion)
    ]
    firsts = [one.first_seen for one in (intrusion, *same) if one.first_seen]
    lasts = [one.last_seen for one in (intrusion, *same) if one.last_seen]
    activity = dict.fromkeys(line for one in (intrusion, *same) for line in one.activity)
    return replace(
        intrusion, activity=tuple(activity), first_seen=min(firsts, default=None), last_seen=max(lasts, default=None)
    )


def _known_by(one: Intrusion) -> set[str]:
    """A finding can fold rows of several actors: these values tell them apart."""
    return {*one.addresses, *one.sessions, *one.web_shells, *one.accounts} - {*one.mixed}


def _of_page(page: str, touched: Touched) -> Iterator[str]:
    """First and last request to the page by each address and method, answered and not."""
    calls: dict[tuple[str, str, str], list[Visit]] = defaultdict(list)
    hits = touched.hits("shell", page)
    in_iis = any(f.record.kind == "iis.access" for f in hits)
    for finding in hits:
        if finding.record.kind != "iis.access" and in_iis:
            continue  # the same requests once more
        for visit in finding.visits:
            one = [next(values(visit.keys, name), "") for name in ("address", "method", "status")]
            if one[1]:
                calls[one[0], one[1], one[2]].append(visit)
    for (address, method, status), visits in sorted(calls.items()):
        yield f"{page}: {method} answered {status} {number(sum(v.count for v in visits), 'time')} to {address}, {_when(visits)}"


def _of_address(address: str, hits: Sequence[Finding], mixed: bool, coverage: Coverage) -> Iterator[str]:
    """Rows of each log, with the share of that log; of an address that carries others too the largest log only."""
    logs = sorted(_by_log(hits), key=lambda pair: -sum(f.count for f in pair[1]))
    for (kind, channel), found in logs[:1] if mixed else sorted(logs, key=lambda pair: pair[0]):
        count = sum(f.count for f in found)
        rows = sum(s.records for s in coverage.spans if (s.kind, s.channel) == (kind, channel))
        share = f", {100 * count / rows:.1f} % of that log" if rows >= count else ""
        hint = " (other people use this address too)" if mixed else ""
        log = source_name(kind, channel)
        yield f"{address}{hint}: {number(count, 'row')} in {log}{share}, {_told(found, 'account', 'logged on')}"


def _of_value(what: str, hits: Sequence[Finding]) -> Iterator[str]:
    for (kind, channel), found in sorted(_by_log(hits), key=lambda pair: pair[0]):
        rows = number(sum(f.count for f in found), "row")
        yield f"{what}: {rows} in {source_name(kind, channel)}, {_told(found, 'mailbox', 'mailboxes')}"


def _by_log(hits: Iterable[Finding]) -> list[tuple[tuple[str, str], list[Finding]]]:
    logs: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for hit in hits:
        logs[hit.record.kind, hit.record.channel].append(hit)
    return list(logs.items())


def _told(found: Sequence[Finding], name: str, word: str) -> str:
    visits = [v for f in found for v in f.visits]
    named = sorted({text for v in visits for text in values(v.keys, name)})
    size = sum(v.size for v in visits)
    sent = f", at least {number(size, 'byte')} answered" if size else ""
    return f"{_span(found)}{sent}" + (f"; {word}: {joined(named)}" if named else "")


def _span(found: Sequence[Finding]) -> str:
    return _between(
        min((f.first_seen for f in found if f.first_seen), default=None),
        max((f.last_seen for f in found if f.last_seen), default=None),
    )


def _when(visits: Sequence[Visit]) -> str:
    return _between(
        min((v.first for v in visits if v.first), default=None), max((v.last for v in visits if v.last), default=None)
    )


def _between(first: datetime | None, last: datetime | None) -> str:
    if not first or not last:
        return "time unknown"
    one, two = f"{first:%Y-%m-%d %H:%M:%S}", f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{one} UTC" if one == two else f"{one} to {two} UTC"
