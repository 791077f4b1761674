"""What an assessment has to say to the obligations of a directive. Pure; it weighs, and never says that one was met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import ip_address

from exhume.judge.words import joined, number, source_name
from exhume.model import (
    Assessment,
    Directive,
    FilledIn,
    Obligation,
    Reading,
    Shows,
    Span,
    State,
    Statement,
    Verdict,
    raised,
)

_SAID = {
    Verdict.COMPROMISED: "The evidence shows a break-in",
    Verdict.SUSPECTED: "The evidence shows signs of a break-in",
    Verdict.CANNOT_TELL: "The evidence does not reach far enough to tell whether the server was broken into",
    Verdict.ATTEMPTED: "The server was attacked; on the days that were judged nothing shows that it worked",
    Verdict.NO_TRACE: "No trace of a break-in was found on the days that were judged",
}
_MOST = 8
"""Statements kept of one kind."""


def fill_in(directive: Directive, assessment: Assessment) -> FilledIn:
    """Each obligation with what the evidence says."""
    filled = [
        (duty, tuple(s for shows in duty.shows for s in _said(assessment, shows, duty)))
        for part in directive.parts
        for duty in part.obligations
    ]
    return FilledIn(directive, assessment, tuple(filled))


def _said(assessment: Assessment, shows: Shows, duty: Obligation) -> Iterator[Statement]:
    for statement in _SHOWN[shows.what](assessment, shows, duty):
        yield replace(statement, weight="context") if shows.context else statement


def _host(a: Assessment, _: Shows, __: Obligation) -> Iterator[Statement]:
    host = a.host
    name = host.name or "A server without a known name"
    if host.build:
        yield Statement(f"{name}: Exchange {host.product} {host.cu}, build {host.build}, {host.build_source}", "for")
    else:
        yield Statement(f"{name}: the evidence does not tell its build", "open")
    if len(host.servers) > 1:
        yield Statement(f"Its logs name these servers: {joined(host.servers, 10)}", "for")


def _spans(a: Assessment, kinds: Iterable[str]) -> list[Span]:
    wanted = set(kinds)
    return sorted((s for s in a.coverage.spans if s.kind in wanted and s.first and s.last), key=lambda s: s.key)


def _logs(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    if not _spans(a, shows.kinds):
        yield Statement(f"{shows.name}: none in the evidence", "open")
    for kind in shows.kinds:
        if spans := _spans(a, (kind,)):
            first, last = min(s.first for s in spans if s.first), max(s.last for s in spans if s.last)
            names = joined(sorted({s.channel for s in spans if s.channel}), 12)
            rows = number(sum(s.records for s in spans), "row")
            places = number(len({s.path for s in spans}), "folder")
            what = f"{source_name(kind)}{f' ({names})' if names else ''}"
            yield Statement(f"{what}: {rows}, {first.date()} to {last.date()}, in {places}, e.g. {spans[0].path}", "for")


def _hives(a: Assessment, _: Shows, __: Obligation) -> Iterator[Statement]:
    files = {r.source.path: r.source for r in a.readings if r.source.at.startswith("key ")}
    for path in sorted(files)[:_MOST]:
        yield Statement("A registry hive is in the evidence", "for", files[path])
    if not files:
        yield Statement("No registry hive in the evidence told anything", "open")


def _verdict(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    proofs = [f for f in a.findings if raised(f) is not None]
    reach = f", seen from {_first(a)} to {_last(a)}" if proofs and _first(a) else ""
    found = f": {number(len(proofs), 'finding')} that call for a verdict{reach}" if proofs else ""
    yield Statement(f"{_SAID[a.verdict]}{found}", "for" if a.verdict is not Verdict.CANNOT_TELL else "open")
    for proof in proofs[: shows.times]:
        yield Statement(proof.title, "for", proof.source)
    limits = list(dict.fromkeys(limit for x in a.answers for limit in x.limits))
    if limits:
        yield Statement(f"{number(len(limits), 'limit')} of what could be seen: the report names them", "open")


def _first(a: Assessment) -> str:
    return min((f"{f.first_seen:%Y-%m-%d %H:%M} UTC" for f in a.findings if f.first_seen and raised(f) is not None), default="")


def _last(a: Assessment) -> str:
    return max((f"{f.last_seen:%Y-%m-%d %H:%M} UTC" for f in a.findings if f.last_seen and raised(f) is not None), default="")


def _campaign(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    for answer in a.answers:
        if answer.campaign in shows.names:
            known = answer.verdict is not Verdict.CANNOT_TELL
            found = number(len(answer.findings), "finding")
            yield Statement(f"{answer.title}: {str(answer.verdict).replace('_', ' ')}, {found}", "for" if known else "open")
            yield from (Statement(limit, "open") for limit in answer.limits[:3])


def _techniques(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    found = [
        f for f in a.findings if raised(f) is not None and any(t.partition(".")[0] in shows.techniques for t in f.techniques)
    ]
    for one in found[:_MOST]:
        yield Statement(f"{shows.name}: {one.title}", "for", one.source)
    if len(found) > _MOST:
        yield Statement(f"{shows.name}: {len(found) - _MOST} more findings in the report", "for")
    if not found:
        yield Statement(f"No trace of {shows.name} in what was looked at, which proves nothing of what was not", "open")


def _fixed(a: Assessment, shows: Shows, duty: Obligation) -> Iterator[Statement]:
    for cve in shows.cves:
        states = [e for e in a.exposure if e.cve == cve]
        if not states:
            yield Statement(f"{cve}: the evidence does not tell whether it was fixed", "open")
            continue
        last = states[-1]
        words = {
            State.FIXED: f"known to be fixed from {last.since} on",
            State.NOT_APPLICABLE: "does not touch this server",
            State.VULNERABLE: f"open from {last.since} to the end of the evidence",
            State.MITIGATED: f"mitigated from {last.since} on, not fixed",
            State.UNKNOWN: "not known whether it was fixed at the end of the evidence",
        }[last.state]
        weight = {State.FIXED: "for", State.NOT_APPLICABLE: "for", State.VULNERABLE: "against"}.get(last.state, "open")
        if duty.due and last.state is State.FIXED and last.since and last.since > duty.due:
            late = any(e.state is State.VULNERABLE and e.until and e.until > duty.due for e in states)
            weight, words = ("against" if late else "open"), words + (", and open before" if late else ", and before not known")
        if duty.due and last.state is State.VULNERABLE and last.since and a.coverage.end and a.coverage.end.date() <= duty.due:
            weight, words = "open", words + f", which is before the deadline ({a.coverage.end.date()})"
        yield Statement(f"{cve}: {words}. {last.why}", weight)


def _after(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    since = shows.since or date.min
    late = [s for s in _spans(a, shows.kinds) if s.last and s.last.date() >= since]
    if late:
        span = max(late, key=lambda s: str(s.last))
        name = source_name(span.kind, span.channel)
        yield Statement(
            f"The server answered after {since}: {name} in {span.path} has rows until {span.last:%Y-%m-%d %H:%M} UTC. If it"
            " had to be off the network by then, this speaks against it",
            "open",
        )
    else:
        yield Statement(f"No web log in the evidence has rows on or after {since}, which does not show why", "open")


def _clients(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    since = shows.since or date.min
    found = [f for f in a.findings if f.address and f.last_seen and f.last_seen.date() >= since and _public(f.address)]
    if found:
        many = number(len({f.address for f in found}), "address", "addresses")
        yield Statement(f"It was reached from {many} of the internet that findings name", "for", found[0].source)
    else:
        yield Statement("No finding names an address of the internet; rows without a finding were not looked at", "open")


def _public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _tools(a: Assessment, shows: Shows) -> list[Reading]:
    runs = [r for r in a.readings if r.what == "tool" and any(name in r.value for name in shows.names)]
    return sorted(runs, key=lambda r: (str(r.day or ""), r.value))


def _tool(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    runs = _tools(a, shows)
    inside = [
        r for r in runs if r.day and (not shows.since or r.day >= shows.since) and (not shows.until or r.day <= shows.until)
    ]
    for run in inside[:_MOST]:
        yield Statement(f"{run.value}, on {run.day}", "for", run.source)
    what = " or ".join(shows.names)
    days = f" from {shows.since} to {shows.until}" if shows.since and shows.until else ""
    if not inside:
        yield Statement(f"No log in the evidence shows a run of {what}{days}", "open")
        yield from (
            Statement(f"{r.value}, on {r.day or 'an unknown day'}, outside these days", "open", r.source) for r in runs[:3]
        )
    elif shows.times > 1:
        weeks = {(r.day - shows.since) // timedelta(days=7) for r in inside if r.day and shows.since}
        yield Statement(f"Runs in {len(weeks)} of {shows.times} weeks{days}", "for" if len(weeks) >= shows.times else "open")


def _updates(a: Assessment, _: Shows, __: Obligation) -> Iterator[Statement]:
    runs = [r for r in a.readings if r.what in ("update", "removal") and r.day]
    for one in sorted(runs, key=lambda r: str(r.day))[-_MOST:]:
        done = "removed" if one.what == "removal" else "installed"
        yield Statement(f"{one.value} {done} on {one.day}", "against" if one.what == "removal" else "for", one.source)
    if not runs:
        yield Statement("No reading in the evidence tells the day of an update", "open")


def _kept(a: Assessment, shows: Shows, _: Obligation) -> Iterator[Statement]:
    for kind in shows.kinds:
        spans = _spans(a, (kind,))
        if spans:
            first = min(s.first for s in spans if s.first)
            last = max(s.last for s in spans if s.last)
            days = (last.date() - first.date()).days + 1
            yield Statement(f"{source_name(kind)}: rows of {number(days, 'day')}, {first.date()} to {last.date()}", "for")
        else:
            yield Statement(f"{source_name(kind)}: none in the evidence", "open")


_SHOWN: dict[str, Callable[[Assessment, Shows, Obligation], Iterator[Statement]]] = {
    "host": _host,
    "logs": _logs,
    "hives": _hives,
    "verdict": _verdict,
    "campaign": _campaign,
    "techniques": _techniques,
    "fixed": _fixed,
    "after": _after,
    "clients": _clients,
    "tool": _tool,
    "updates": _updates,
    "kept": _kept,
}
