"""The answer to "Exposed?" in sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from exhume.judge import words
from exhume.judge.exposure import OpenDays, Patching
from exhume.judge.exposure.catalogue import Flaw
from exhume.judge.exposure.states import VERIFY
from exhume.model import Exposure, Question, Reply, State

MOST = 2
"""Campaigns that are told one by one."""
_OPEN = (State.VULNERABLE, State.MITIGATED)


def exposed(patching: Patching) -> Question:
    """Was the server open, to what, from when to when?"""
    flaws: dict[str, list[Exposure]] = {}
    for entry in patching.entries:
        flaws.setdefault(entry.cve, []).append(entry)
    opened = [cve for cve, found in flaws.items() if any(e.state in _OPEN for e in found)]
    still = [cve for cve in opened if flaws[cve][-1].state in _OPEN]
    verify = [cve for cve, found in flaws.items() if cve not in opened and any(e.why.startswith(VERIFY) for e in found)]
    unknown = [
        cve for cve, found in flaws.items() if any(e.state == State.UNKNOWN and not e.why.startswith(VERIFY) for e in found)
    ]
    days = sorted(
        {o.flaw.cve: o for o in patching.campaigns.values()}.values(), key=lambda o: (-o.proven, o.fixed, o.flaw.released)
    )
    told = [sentence(o) for o in days if o.since and (o.proven or not days[0].proven)]
    if len(told) > MOST:
        told = [*told[:MOST], f"{words.number(len(told) - MOST, 'more campaign')} in the table."]
    text = " ".join([*told, _sum(len(flaws), len(opened), len(still), len(unknown))])
    if opened:
        reply = Reply.PARTLY if unknown else Reply.YES
    elif unknown:
        reply = Reply.CANNOT_TELL
    else:
        reply = Reply.PARTLY if verify else Reply.NO
    return Question(reply, text, _limits(patching, unknown, verify))


def named(flaw: Flaw) -> str:
    """``ProxyLogon (CVE-2021-26855)``."""
    return f"{flaw.nickname} ({flaw.cve})" if flaw.nickname else flaw.cve


def sentence(days: OpenDays) -> str:
    """``ProxyLogon (CVE-2021-26855): patched on 2021-03-09, exposed 65 days before (2021-01-03 to 2021-03-08).``"""
    name = named(days.flaw)
    days_ = words.number(days.proven, "day")
    surely = f"exposed {days_} for certain" if days.proven else "whether it was exposed is not known"
    if days.patched and days.first_proven:
        before = "" if days.first_proven == days.since else f"; perhaps since {days.since}, if the server ran then"
        range_ = words.span_of(days.first_proven, _before(days.until))
        return f"{name}: patched on {days.until}, exposed {days_} before ({range_}){before}."
    if days.fixed and days.known:
        before = f"{surely}, perhaps since" if days.proven else "whether it was exposed before is not known, from"
        return f"{name}: fixed on {days.until} at the latest; {before} {days.since}{'' if days.proven else ' on'}."
    if days.fixed:
        return f"{name}: fixed when the evidence was collected, since when is not known; {surely}."
    if days.known:
        return f"{name}: still open on {days.until}, when the evidence ends; {surely}."
    return f"{name}: {surely}; whether it was fixed by {days.until} is not known."


def _before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _sum(all_: int, opened: int, still: int, unknown: int) -> str:
    if not all_:
        return "exhume knows no flaw of the time before the evidence ends."
    was = "was" if opened == 1 else "were"
    parts = [f"Of {words.number(all_, 'flaw')} that exhume knows for these days, {opened:,} {was} open on some day"]
    if opened:
        parts.append(f"{still:,} of them still at the end")
    if unknown:
        parts.append(f"for {unknown:,} the evidence does not tell it of all days")
    return f"{', '.join(parts)}."


def _limits(patching: Patching, unknown: Sequence[str], verify: Sequence[str]) -> tuple[str, ...]:
    out = list(patching.contradictions[:5])
    if len(patching.contradictions) > 5:
        out.append(f"{len(patching.contradictions) - 5:,} more contradictions between readings.")
    if unknown:
        out.append(words.BRING)
    if verify:
        out.append(f"The build is enough, but a setting has to be verified for {words.joined(list(verify))}.")
    return tuple(out)
