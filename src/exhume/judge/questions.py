"""The five questions, answered in plain words from the answers per campaign. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from exhume.judge import words
from exhume.judge.chain import own_addresses
from exhume.judge.shown import pages_shown
from exhume.judge.used import exposed_by_use
from exhume.judge.verdict import raised
from exhume.model import (
    Answer,
    Coverage,
    Fate,
    Finding,
    Host,
    Intrusion,
    Outcome,
    Planted,
    Question,
    Questions,
    Reply,
    Verdict,
    Window,
    attacks,
    to_confirm,
)
from exhume.model.address import inside
from exhume.model.visit import client

if TYPE_CHECKING:
    from exhume.judge.exposure import Patching
    from exhume.judge.used import Use

STATE_KINDS = ("web.file", "file.entry", "iis.config", "exchange.transport-agent", "windows.task", "windows.service")
"""Kinds of record that show what lies on the server now, not what once happened."""
NOTHING_READ = "Nothing in what was brought is a log or setting of an Exchange server that exhume could read."
_REACHED = {
    Outcome.STEP: "an intermediate step of an attack worked (a session, an identity, or a call to the back end)",
    Outcome.WRITE: "a file or a setting was changed",
    Outcome.EXEC: "code of the attacker ran",
    Outcome.POST: "work after the break-in was seen (credentials, mail, persistence or further machines)",
}
_PERHAPS = {
    Outcome.WRITE: "a file or a setting may have been changed",
    Outcome.EXEC: "code of an attacker may have run",
    Outcome.POST: "there may have been work after a break-in (credentials, mail, persistence or further machines)",
}
"""What findings say that alone prove nothing."""
_LIES = "a file or setting that has to be explained lies on the disk"
_SERVED = "a page that Exchange does not ship answered"


def answer_all(
    answers: Sequence[Answer],
    findings: Sequence[Finding],
    coverage: Coverage,
    host: Host,
    patching: Patching | None,
    period: Window | None,
    intrusions: Sequence[Intrusion] = (),
    pages: Sequence[Planted] = (),
    used: Sequence[Use] = (),
) -> Questions:
    """The answers that a report opens with."""
    verdict = max((a.verdict for a in answers), default=Verdict.CANNOT_TELL)
    limits = _limits(answers, verdict)
    return Questions(
        exposed=_exposed(patching) if patching else exposed_by_use(used, _unknown_build(host)),
        attacked=_attacked(answers, findings, coverage, verdict, limits),
        broken_into=_broken_into(answers, findings, verdict, limits, period),
        since_how_far=_since(findings, coverage, verdict, intrusions),
        clean_now=_clean(findings, verdict, coverage, pages),
    )


def _exposed(patching: Patching) -> Question:
    from exhume.judge.exposure.sentences import exposed

    return exposed(patching)


def _limits(answers: Sequence[Answer], verdict: Verdict) -> tuple[str, ...]:
    """What limits the answers: what was lost first, then what concerns the campaign that got farthest. That a campaign came
    after the judged days is one limit, whatever the number of campaigns, and none once a break-in is proven."""
    ordered = sorted(answers, key=lambda a: -1 if a.outcome is None else a.outcome, reverse=True)
    told = [limit for a in ordered if a.verdict != Verdict.COMPROMISED for limit in a.limits]
    limits = [limit for limit in told if not limit.startswith(words.ENDS_BEFORE)]
    limits.sort(key=lambda limit: words.COULD_HOLD not in limit)
    later = [a.title for a in answers if a.window is None and a.limits and a.limits[0].startswith(words.ENDS_BEFORE)]
    if later and verdict != Verdict.COMPROMISED:
        limits.append(f"{words.ENDS_BEFORE} these were first seen anywhere: {words.joined(later)}.")
    return tuple(dict.fromkeys(limits))


def _unknown_build(host: Host) -> Question:
    if host.build:
        text = (
            f"The evidence names build {host.build} (Exchange {host.product or 'unknown'}), read from {host.build_source}."
            " exhume's tables do not have it, so which flaws it was open to is not known."
        )
    else:
        text = "The evidence does not name the server's build, so whether and when it was open to a flaw is not known."
    return Question(Reply.CANNOT_TELL, text, (words.BRING,))


def _attacked(
    answers: Sequence[Answer], findings: Sequence[Finding], coverage: Coverage, verdict: Verdict, limits: tuple[str, ...]
) -> Question:
    tried = [f for f in findings if attacks(f)]
    if tried and all(f.record.kind in STATE_KINDS and raised(f) is not Verdict.COMPROMISED for f in tried):
        lies = words.number(len(tried), "finding")
        return Question(
            Reply.CANNOT_TELL, f"No log shows an attack; {lies} on the disk {_have(tried)} to be explained.", limits
        )
    if tried:
        campaigns = sorted({a.title for a in answers if a.outcome is not None and a.outcome >= Outcome.ATTEMPT})
        return Question(Reply.YES, f"Yes{_from(tried, findings)}. Traces of: {'; '.join(campaigns) or 'an attack'}.")
    if not coverage.spans:
        return Question(Reply.CANNOT_TELL, NOTHING_READ, limits)
    probes = [f for f in findings if f.outcome == Outcome.PROBE]
    probed = f" {words.number(sum(f.count for f in probes), 'trace')} of mere probing or oddities, no attack." if probes else ""
    if verdict <= Verdict.ATTEMPTED:
        return Question(
            Reply.NO, f"No attack was found in the days and logs that were judged.{probed}{_open_marks(findings, names=0)}"
        )
    text = f"No attack was found in what could be seen, which is not enough to say no.{probed}{_open_marks(findings, names=0)}"
    return Question(Reply.CANNOT_TELL, text, limits)


def _open_marks(findings: Sequence[Finding], names: int = 3) -> str:
    """What somebody has to be asked about: marks that ordinary work leaves as well."""
    marks = list(dict.fromkeys(words.named(f) for f in findings if to_confirm(f)))
    if not marks:
        return ""
    which = f"{words.number(len(marks), 'thing')} that administrators and products leave as well"
    told = f" ({words.joined(marks, most=names)})" if names else ""
    return f" To be confirmed with whoever runs the server: {which}{told}."


def _have(found: Sequence[Finding]) -> str:
    return "has" if len(found) == 1 else "have"


def _from(tried: Sequence[Finding], findings: Sequence[Finding]) -> str:
    """``, from 2 addresses: a and b (b is an inside address)``. The server's own do not count: its back end sees them."""
    own = own_addresses(findings)
    addresses = sorted({address for f in tried if (address := client(f.record)) and address not in own})
    if not addresses:
        return ""
    near = [a for a in addresses if inside(a)]
    said = f", from {_addresses(addresses, tried)}"
    if near and len(near) == len(addresses):
        return f"{said} ({'an inside address' if len(near) == 1 else 'all of them inside addresses'})"
    return f"{said} (inside: {words.joined(near)})" if near else said


def _addresses(addresses: Sequence[str], tried: Sequence[Finding]) -> str:
    """How many, and some of them; of those that were only counted nobody knows the names."""
    counted = max((values.total for f in tried for values in f.crowd if values.name == "address"), default=0)
    if counted > len(addresses):
        return f"about {counted:,} addresses, for instance {words.joined(addresses[:3])}"
    return f"{words.number(len(addresses), 'address', 'addresses')}: {words.joined(addresses, most=3)}"


def _broken_into(
    answers: Sequence[Answer],
    findings: Sequence[Finding],
    verdict: Verdict,
    limits: tuple[str, ...],
    period: Window | None,
) -> Question:
    proofs = [f for f in findings if raised(f) == Verdict.COMPROMISED]
    hints = [f for f in findings if raised(f) == Verdict.SUSPECTED]
    if proofs:
        reached = max(f.outcome for f in proofs)
        how = _REACHED.get(reached, "a success was proven")
        first = proofs[0]
        text = f"Yes: {how}. The strongest proof: {first.title}, {first.source}."
        return Question(Reply.YES, text, limits)
    if hints:
        first = hints[0]
        text = (
            f"Suspected: {first.title}, {first.source}. A person has to look at it; until then treat the server as broken into."
        )
        return Question(Reply.CANNOT_TELL, text, limits)
    when = f" between {period.since} and {period.until}" if period else ""
    if verdict <= Verdict.ATTEMPTED:
        text = f"No success trace was found{when}, and the evidence covers those days.{_open_marks(findings)}"
        return Question(Reply.NO, text, limits)
    text = f"No success trace was found{when}, but the evidence does not cover all that matters.{_open_marks(findings)}"
    return Question(Reply.CANNOT_TELL, text, limits)


def _reached(finding: Finding) -> str:
    """What a finding shows was reached, and no more: a file nobody knows is no session, nor is a page that answered; what
    alone proves nothing may have been."""
    if raised(finding) is not Verdict.COMPROMISED:
        if finding.record.kind in STATE_KINDS:
            return _LIES
        if finding.outcome <= Outcome.STEP and any(pages_shown(finding, visit) for visit in finding.visits):
            return _SERVED
        if finding.outcome in _PERHAPS:
            return _PERHAPS[finding.outcome]
        if not finding.cves:
            return "something was seen that has to be explained"
    return _REACHED.get(finding.outcome, "something was tried that has to be explained")


def _since(findings: Sequence[Finding], coverage: Coverage, verdict: Verdict, intrusions: Sequence[Intrusion]) -> Question:
    worked = [f for f in findings if raised(f) is not None]
    if not worked:
        if verdict <= Verdict.ATTEMPTED:
            return Question(Reply.NO, "There is nothing to date: no success trace was found.")
        return Question(Reply.CANNOT_TELL, "There is nothing to date yet.")
    proofs = {f.id: f.outcome for f in worked if raised(f) is Verdict.COMPROMISED}
    top = max(proofs.values(), default=Outcome.PROBE)  # what is not proven is told only where it goes farther
    told = [f for f in sorted(worked, key=lambda f: -f.outcome) if f.outcome > top]
    best = [max((f for f in worked if f.id in proofs), key=lambda f: f.outcome)] if proofs else []
    far = words.joined(list(dict.fromkeys(map(_reached, (*told, *best)))))
    dated = [f for f in worked if f.first_seen]
    starts = [s.first for s in coverage.spans if s.first]
    oldest = f" The oldest dated row of the evidence is of {min(starts).date()}; it may have begun before." if starts else ""
    if not dated:
        text = f"Since when is unknown: what was found lies on the disk and no log row dates it. How far: {far}.{oldest}"
        return Question(Reply.CANNOT_TELL, text, ("Times of files can be forged, so they are not taken as proof.",))
    first = min(t for t in (*(f.first_seen for f in dated), *(i.first_seen for i in intrusions)) if t)
    last = max(t for t in (*(f.last_seen for f in dated), *(i.last_seen for i in intrusions)) if t)
    parties = _extent(intrusions, proofs)
    text = f"First trace {first:%Y-%m-%d %H:%M} UTC, last {last:%Y-%m-%d %H:%M} UTC. How far: {far}.{parties}{oldest}"
    undated = len({f.source.path for f in worked if not f.first_seen})
    notes = (f"{words.number(undated, 'file')} cannot be dated by a log row.",) if undated else ()
    return Question(Reply.PARTLY if undated or oldest else Reply.YES, text, notes)


def _extent(intrusions: Sequence[Intrusion], proofs: Container[str]) -> str:
    """How many parties, and what they touched. ``proofs``: findings that alone prove a break-in."""
    if not intrusions:
        return ""
    kinds = (("page", "web_shells"), ("account", "accounts"), ("mailbox", "mailboxes"))
    touched = [
        words.number(len(found), name, "mailboxes" if name == "mailbox" else "")
        for name, field in kinds
        if (found := {value for one in intrusions for value in getattr(one, field)})
    ]
    known = f"; known of what they touched: {words.joined(touched)}" if touched else ""
    sure = [one for one in intrusions if any(name in proofs for name in one.findings)]
    dated = [one for one in intrusions if one.first_seen]
    if not sure:
        parties = words.number(len(dated), "party", "parties")
        return f" {parties} may have got in{known}." if dated else ""
    parties = words.number(len(sure), "party", "parties")
    if len(sure) > 1 and any("not in the evidence" in text for one in sure for act in one.acts for text in act.missing):
        parties = f"Up to {parties} (where a log is missing, what one did can look like two)"
    more = len(intrusions) - len(sure)
    perhaps = f", {more} more may have" if more else ""
    return f" {parties} got in{perhaps}{known}."


def _clean(findings: Sequence[Finding], verdict: Verdict, coverage: Coverage, pages: Sequence[Planted] = ()) -> Question:
    states = [f for f in findings if f.record.kind in STATE_KINDS and raised(f) is not None]
    if states:
        places = list(dict.fromkeys(f.source.path for f in states))
        left = words.number(len(places), "file or setting", "files and settings")
        if verdict == Verdict.COMPROMISED:
            return Question(Reply.NO, f"No: {left} on the disk at the time of collection: {words.joined(places)}.")
        have = "has" if len(places) == 1 else "have"
        text = f"{left} on the disk at the time of collection {have} to be explained first: {words.joined(places)}."
        return Question(Reply.CANNOT_TELL, text)
    if verdict == Verdict.COMPROMISED:
        lost = [p.page for p in pages if p.fate is not Fate.STILL_THERE and not p.by]
        named = f" The logs name what to look for: {words.joined(lost)}." if lost else ""
        text = (
            "What the attacker left was not found in the files that came, but a break-in is proven:"
            f" follow the plan, then assess again.{named}"
        )
        return Question(Reply.CANNOT_TELL, text)
    listed = any(s.kind == "web.folder" for s in coverage.spans)
    if verdict <= Verdict.ATTEMPTED and listed:
        return Question(
            Reply.PARTLY, "Nothing that needs cleaning was found in what was looked at; memory and accounts were not."
        )
    text = "Nothing that needs cleaning was found in what came, but that is not enough to call the server clean."
    notes = () if listed else ("No web folder was listed, so planted pages would not have been seen.",)
    return Question(Reply.CANNOT_TELL, text, notes)
