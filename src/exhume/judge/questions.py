"""The five questions, answered in plain words from the answers per campaign. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exhume.judge import words
from exhume.judge.chain import own_addresses
from exhume.judge.verdict import raised
from exhume.model import (
    Answer,
    Coverage,
    Finding,
    Host,
    Intrusion,
    Outcome,
    Question,
    Questions,
    Reply,
    Verdict,
    Window,
    attacks,
    to_confirm,
)

if TYPE_CHECKING:
    from exhume.judge.exposure import Patching

STATE_KINDS = ("web.file", "file.entry", "iis.config", "exchange.transport-agent")
"""Kinds of record that show what lies on the server now, not what once happened."""
NOTHING_READ = "Nothing in what was brought is a log or setting of an Exchange server that exhume could read."
_REACHED = {
    Outcome.STEP: "an intermediate step worked (a session or an identity was obtained)",
    Outcome.WRITE: "a file or a setting was changed",
    Outcome.EXEC: "code of the attacker ran",
    Outcome.POST: "work after the break-in was seen (credentials, mail, persistence or further machines)",
}


def answer_all(
    answers: Sequence[Answer],
    findings: Sequence[Finding],
    coverage: Coverage,
    host: Host,
    patching: Patching | None,
    period: Window | None,
    intrusions: Sequence[Intrusion] = (),
) -> Questions:
    """The answers that a report opens with."""
    verdict = max((a.verdict for a in answers), default=Verdict.CANNOT_TELL)
    limits = _limits(answers, verdict)
    return Questions(
        exposed=_exposed(patching) if patching else _unknown_build(host),
        attacked=_attacked(answers, findings, coverage, verdict, limits),
        broken_into=_broken_into(answers, findings, verdict, limits, period),
        since_how_far=_since(findings, coverage, verdict, intrusions),
        clean_now=_clean(findings, verdict, coverage),
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
    if tried:
        campaigns = sorted({a.title for a in answers if a.outcome is not None and a.outcome >= Outcome.ATTEMPT})
        own = own_addresses(findings)  # the back end sees the front end's own address
        addresses = sorted({f.address for f in tried if f.address and f.address.lower() not in own})
        where = f", from {words.number(len(addresses), 'address', 'addresses')}: {words.joined(addresses)}" if addresses else ""
        return Question(Reply.YES, f"Yes{where}. Traces of: {'; '.join(campaigns) or 'an attack'}.")
    if not coverage.spans:
        return Question(Reply.CANNOT_TELL, NOTHING_READ, limits)
    probes = [f for f in findings if f.outcome == Outcome.PROBE]
    probed = f" {words.number(sum(f.count for f in probes), 'trace')} of mere probing or oddities, no attack." if probes else ""
    if verdict <= Verdict.ATTEMPTED:
        return Question(Reply.NO, f"No attack was found in the days and logs that were judged.{probed}{_open_marks(findings)}")
    text = f"No attack was found in what could be seen, which is not enough to say no.{probed}{_open_marks(findings)}"
    return Question(Reply.CANNOT_TELL, text, limits)


def _open_marks(findings: Sequence[Finding]) -> str:
    """What somebody has to be asked about: marks that ordinary work leaves as well."""
    titles = dict.fromkeys(f.title for f in findings if to_confirm(f))
    if not titles:
        return ""
    which = f"{words.number(len(titles), 'thing')} that administrators and products do as well"
    return f" To be confirmed with whoever runs the server: {which} ({words.joined(list(titles), most=3)})."


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
    """What a finding shows was reached. A file nobody knows is no session."""
    if finding.outcome <= Outcome.STEP and finding.record.kind in STATE_KINDS:
        return "a file or setting that has to be explained lies on the disk"
    return _REACHED.get(finding.outcome, "something was tried that has to be explained")


def _since(findings: Sequence[Finding], coverage: Coverage, verdict: Verdict, intrusions: Sequence[Intrusion]) -> Question:
    worked = [f for f in findings if raised(f) is not None]
    if not worked:
        if verdict <= Verdict.ATTEMPTED:
            return Question(Reply.NO, "There is nothing to date: no success trace was found.")
        return Question(Reply.CANNOT_TELL, "There is nothing to date yet.")
    far = words.joined(list(dict.fromkeys(_reached(f) for f in sorted(worked, key=lambda f: -f.outcome))))
    dated = [f for f in worked if f.first_seen]
    starts = [s.first for s in coverage.spans if s.first]
    oldest = f" The oldest dated row of the evidence is of {min(starts).date()}; it may have begun before." if starts else ""
    if not dated:
        text = f"Since when is unknown: what was found lies on the disk and no log row dates it. How far: {far}.{oldest}"
        return Question(Reply.CANNOT_TELL, text, ("Times of files can be forged, so they are not taken as proof.",))
    first = min(t for t in (*(f.first_seen for f in dated), *(i.first_seen for i in intrusions)) if t)
    last = max(t for t in (*(f.last_seen for f in dated), *(i.last_seen for i in intrusions)) if t)
    text = (
        f"First trace {first:%Y-%m-%d %H:%M} UTC, last {last:%Y-%m-%d %H:%M} UTC. How far: {far}.{_extent(intrusions)}{oldest}"
    )
    undated = len(worked) - len(dated)
    notes = (f"{words.number(undated, 'finding')} on the disk cannot be dated by a log row.",) if undated else ()
    return Question(Reply.PARTLY if undated or oldest else Reply.YES, text, notes)


def _extent(intrusions: Sequence[Intrusion]) -> str:
    """How many parties, and what they touched."""
    if not intrusions:
        return ""
    kinds = (("web shell", "web_shells"), ("account", "accounts"), ("mailbox", "mailboxes"))
    touched = [
        words.number(len(found), name, "mailboxes" if name == "mailbox" else "")
        for name, field in kinds
        if (found := {value for one in intrusions for value in getattr(one, field)})
    ]
    parties = words.number(len(intrusions), "party", "parties")
    if len(intrusions) > 1 and any(
        "not in the evidence" in text for one in intrusions for act in one.acts for text in act.missing
    ):
        parties = f"Up to {parties} (where a log is missing, what one did can look like two)"
    return f" {parties} got in; known of them: {words.joined(touched)}." if touched else f" {parties} got in."


def _clean(findings: Sequence[Finding], verdict: Verdict, coverage: Coverage) -> Question:
    states = [f for f in findings if f.record.kind in STATE_KINDS and raised(f) is not None]
    if states:
        places = words.joined(list(dict.fromkeys(f.source.path for f in states)))
        return Question(
            Reply.NO, f"No: {words.number(len(states), 'finding')} on the disk at the time of collection: {places}."
        )
    if verdict == Verdict.COMPROMISED:
        text = (
            "What the attacker left was not found in the files that came, but a break-in is proven:"
            " follow the plan, then assess again."
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
