"""The words that reports use, for people who are not forensic analysts. Careful words: no report says "clean"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from exhume.model import (
    Answer,
    Assessment,
    Cause,
    Confidence,
    Fate,
    Finding,
    Gap,
    Intrusion,
    Outcome,
    Planted,
    Question,
    Reply,
    Severity,
    State,
    Verdict,
    Window,
)
from exhume.reports.plain import shorten

if TYPE_CHECKING:
    from exhume.model import Statement

VERDICT = {
    Verdict.COMPROMISED: "compromised",
    Verdict.SUSPECTED: "suspected",
    Verdict.CANNOT_TELL: "cannot tell",
    Verdict.ATTEMPTED: "attempted",
    Verdict.NO_TRACE: "no trace",
}
SENTENCE = {
    Verdict.COMPROMISED: "This server was broken into.",
    Verdict.SUSPECTED: "There are signs of a break-in on this server. They are serious, and not yet proof.",
    Verdict.CANNOT_TELL: "The evidence does not reach far enough to tell whether this server was broken into.",
    Verdict.ATTEMPTED: "This server was attacked. On the days that were looked at, nothing shows that anyone got in.",
    Verdict.NO_TRACE: "No trace of a break-in was found on the days looked at. This is no promise that there was none.",
}
MEANING = {
    Verdict.COMPROMISED: "the evidence shows that an attacker got in",
    Verdict.SUSPECTED: "there are signs of a break-in that a person has to look at",
    Verdict.CANNOT_TELL: "the evidence is missing or too short to say",
    Verdict.ATTEMPTED: "attacked, and the evidence covers the days in question without a sign of success",
    Verdict.NO_TRACE: "nothing found, and the evidence covers the days in question",
}
OUTCOME = {
    Outcome.PROBE: (
        "probe",
        "Proves nothing by itself: a test whether the flaw is there, or what healthy servers show as well.",
    ),
    Outcome.ATTEMPT: ("attempt", "It was tried; nothing shows that it worked."),
    Outcome.STEP: ("step", "An intermediate step of the attack worked."),
    Outcome.WRITE: ("write", "A file or a setting on the server was changed."),
    Outcome.EXEC: ("exec", "The attacker's code ran on the server."),
    Outcome.POST: ("post", "The attacker acted inside: mail, passwords, back doors or other machines."),
}
RUNG = {
    Outcome.PROBE: "Tested and tried",
    Outcome.ATTEMPT: "Tested and tried",
    Outcome.STEP: "A session or another first step",
    Outcome.WRITE: "Written or changed",
    Outcome.EXEC: "Code ran",
    Outcome.POST: "Work afterwards",
}
SEVERITY = {s: str(s) for s in Severity}
CONFIDENCE = {
    Confidence.LOW: "low: often has harmless reasons",
    Confidence.MEDIUM: "medium: sometimes has harmless reasons",
    Confidence.HIGH: "high: hardly ever has a harmless reason",
}
REPLY = {Reply.YES: "yes", Reply.NO: "no", Reply.CANNOT_TELL: "cannot tell", Reply.PARTLY: "partly"}
CAUSE = {
    Cause.ABSENT: ("Not in the evidence", "This kind of evidence should exist on such a server, and none came."),
    Cause.TOO_SHORT: ("Too short", "It is there, but does not reach as far back or forward as needed."),
    Cause.UNREADABLE: ("Could not be opened", "Locked, encrypted, or without permission."),
    Cause.DAMAGED: ("Damaged", "Opened, but a part is torn, zeroed or malformed; the rest was read."),
    Cause.LIMIT: ("Stopped at a limit", "A limit on size, time, memory, depth or number was reached."),
    Cause.SKIPPED: ("Not looked at", "Left out on request, or of a kind that exhume does not read."),
}
STATE = {
    State.VULNERABLE: "open",
    State.MITIGATED: "mitigated, not fixed",
    State.UNKNOWN: "unknown",
    State.FIXED: "fixed",
    State.NOT_APPLICABLE: "does not apply",
}
FATE = {
    Fate.STILL_THERE: ("bad", "still there"),
    Fate.GONE: ("good", "gone"),
    Fate.CANNOT_TELL: ("unknown", "cannot tell"),
    Fate.NEW: ("bad", "new"),
    Fate.HISTORY: ("neutral", "history"),
}
"""Tone and words for what became of a thing."""
LANE = {"attack": "Attacker", "patch": "Updates", "tool": "Clean-up tools", "context": "Context", "log": "Logs"}

SHOWN = {
    "against": ("bad", "speaks against it"),
    "for": ("warn", "shown in part, to be attested"),
    "open": ("unknown", "not shown, to be attested"),
}
"""What the evidence says to an obligation of a directive: never that it was met."""
NO_CLAIM = (
    "This page puts what the evidence shows beside what was asked for. It claims nothing: whether an obligation was met is for"
    " the people who answer for the server to say, and to sign."
)

KIND = {
    "iis.access": "IIS web log",
    "iis.httperr": "HTTP error log",
    "iis.config": "IIS configuration",
    "exchange.httpproxy": "Exchange HttpProxy log",
    "exchange.ecp-server": "Exchange ECP server log",
    "exchange.ecp-activity": "Exchange ECP activity log",
    "exchange.oabgenerator": "OAB generator log",
    "exchange.ews": "Exchange web services log",
    "exchange.rps-http": "Remote PowerShell web log",
    "exchange.rps-cmdlet": "Remote PowerShell command log",
    "exchange.mapihttp": "MAPI over HTTP log",
    "exchange.rca": "RPC client access log",
    "exchange.audit": "Exchange audit log",
    "exchange.messagetracking": "Message tracking log",
    "exchange.agentlog": "Transport agent log",
    "exchange.protocol": "SMTP protocol log",
    "exchange.other": "Other Exchange log",
    "exchange.transport-agent": "Transport agents",
    "windows.event": "Windows event log",
    "web.file": "Web server files",
    "web.folder": "Web server folder",
    "file.entry": "Files",
    "aspnet.compiled": "Compiled web pages",
    "tool.detection": "Clean-up tool's log",
    "file": "File",
    "archive": "Archive",
}


def kind(word: str) -> str:
    """Plain words for a kind of record; the word itself when there are none."""
    return KIND.get(word, word)


@dataclass(frozen=True, slots=True)
class Asked:
    """One of the five questions with its answer."""

    key: str
    title: str
    question: Question
    tone: str
    """How the answer is to be taken: ``bad``, ``warn``, ``unknown`` or ``good``."""

    @property
    def word(self) -> str:
        return REPLY[self.question.answer]


def five(assessment: Assessment) -> tuple[Asked, ...]:
    """The five questions in their order. Only the last one is good news when answered with yes."""
    q = assessment.questions
    rows = (
        ("exposed", "Was it open to attack?", q.exposed),
        ("attacked", "Was it attacked?", q.attacked),
        ("broken_into", "Was it broken into?", q.broken_into),
        ("since_how_far", "Since when, and how far?", q.since_how_far),
        ("clean_now", "Is it clean now?", q.clean_now),
    )
    return tuple(Asked(key, title, question, _tone(key, question.answer)) for key, title, question in rows)


def _tone(key: str, reply: Reply) -> str:
    if reply is Reply.CANNOT_TELL:
        return "unknown"
    if reply is Reply.PARTLY:
        return "warn"
    if key == "since_how_far":
        return "neutral"
    good = reply is Reply.YES if key == "clean_now" else reply is Reply.NO
    if good:
        return "good"
    return "warn" if key in ("exposed", "attacked") else "bad"


def period(assessment: Assessment) -> str:
    """The days that the verdict speaks of, in a sentence."""
    if assessment.period:
        return f"Judged: {window(assessment.period)}, the days that were asked for"
    windows = [a.window for a in assessment.answers if a.window]
    if windows:
        whole = Window(min(w.since for w in windows), max(w.until for w in windows))
        if len(set(windows)) > 1:
            return f"Judged: {whole.since} to {whole.until}, each campaign over its own days"
        return f"Judged: {window(whole)}"
    firsts = [s.first for s in assessment.coverage.spans if s.first]
    if firsts and assessment.coverage.end:
        return f"No days were fixed; logs reach from {min(firsts).date()} to {assessment.coverage.end.date()}"
    return "No days could be judged: nothing in the evidence has a date"


def window(days: Window) -> str:
    """``2021-01-03 to 2021-03-02 (59 days)``."""
    return f"{days.since} to {days.until} ({counted(days.days, 'day')})"


def stamp(time: datetime | None, empty: str = "unknown") -> str:
    """``2021-03-03 04:12:07 UTC``."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else empty


def between(first: datetime | date | None, last: datetime | date | None) -> str:
    """From when to when, as short as possible."""
    texts = [str(t) if not isinstance(t, datetime) else stamp(t) for t in (first, last) if t]
    if not texts:
        return "time unknown"
    return texts[0] if len(set(texts)) == 1 else f"{texts[0]} to {texts[-1]}"


def judged(answer: Answer) -> str:
    """The days on which a campaign was judged. ``no_trace`` without any: it came later, or its flaw was never open."""
    if answer.window:
        return window(answer.window)
    return "no day" if answer.verdict is Verdict.NO_TRACE else "no fixed days"


def counted(number: int, noun: str) -> str:
    """``1 day``, ``2,000 days``."""
    plural = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def server(assessment: Assessment) -> str:
    """The name to put on top; of evidence that mixes servers all names, so that it is not taken for one."""
    host = assessment.host
    if len(host.servers) > 1:
        return ", ".join(host.servers[:5]) + (f" and {len(host.servers) - 5:,} more" if len(host.servers) > 5 else "")
    return host.name or (host.servers[0] if host.servers else "Server without a known name")


def product(assessment: Assessment) -> str:
    """``Exchange 2016 CU18, build 15.1.2106.2 (read from …)``."""
    host = assessment.host
    name = " ".join(("Exchange", host.product, host.cu)).strip() if host.product else "Exchange version unknown"
    if host.build:
        name += f", build {host.build}"
    return name


def cluster(i: Intrusion) -> str:
    """Who it may have been, as a hint."""
    if i.cluster and i.cluster != "unattributed":
        return f"Looks like {i.cluster}, which is a hint and no proof: {i.cluster_why}"
    return f"Who it was is not known. {i.cluster_why}".strip()


def known_of(i: Intrusion) -> str:
    """What it left or used, counted: ``2 web shells, 1 account``."""
    kinds = (("web shell", i.web_shells), ("account", i.accounts), ("session", i.sessions))
    told = [counted(len(values), noun) for noun, values in kinds if values]
    told += [f"{len(i.mailboxes):,} {'mailbox' if len(i.mailboxes) == 1 else 'mailboxes'}"] if i.mailboxes else []
    return ", ".join(told)


def harmless(found: Finding) -> list[str]:
    """The known harmless reasons, without those that say that there is none."""
    return [
        text for text in found.falsepositives if text.strip(" .").lower() not in ("none known", "none", "unknown", "unlikely")
    ]


def paragraphs(how: str) -> tuple[tuple[bool, str], ...]:
    """The text of a step in pieces: indented lines are commands (true) and stay as they are, the others are prose and flow;
    a line that begins with a dash begins anew."""
    pieces: list[tuple[bool, list[str]]] = []
    for line in how.splitlines():
        command = line.startswith("    ")
        if not line.strip():
            pieces.append((False, []))
        elif pieces and pieces[-1][0] == command and pieces[-1][1] and not line.startswith("- "):
            pieces[-1][1].append(line[4:] if command else line.strip())
        else:
            pieces.append((command, [line[4:] if command else line.strip()]))
    return tuple((command, ("\n" if command else " ").join(lines)) for command, lines in pieces if lines)


def by_cause(gaps: Iterable[Gap]) -> list[tuple[Cause, list[Gap]]]:
    """Gaps grouped by cause, the causes that limit most first; the order inside a group is kept."""
    groups: dict[Cause, list[Gap]] = {cause: [] for cause in CAUSE}
    for gap in gaps:
        groups[gap.cause].append(gap)
    return [(cause, group) for cause, group in groups.items() if group]


def absence(gap: Gap) -> str:
    """The kind of evidence that never came, or what a log that came lacks, short."""
    return f"{kind(gap.kind)}: {gap.detail}" if gap.source else gap.detail.rpartition(": ")[2]


def missing(assessment: Assessment) -> list[str]:
    """What an overview says of one server's evidence: what was lost, what never came, which days are not there."""
    out: list[str] = []
    grouped = dict(by_cause(assessment.coverage.gaps))
    if not assessment.coverage.spans:
        out.append("Nothing in it is a log or setting that exhume reads.")
    for cause in (Cause.UNREADABLE, Cause.DAMAGED, Cause.LIMIT):
        if cause in grouped:
            places = sorted({g.source.path for g in grouped[cause] if g.source})
            where = f": {shorten(places[0], 80)}" if places else ""
            more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
            out.append(f"{CAUSE[cause][0]}{where}{more}.")
    absent = [absence(g) for g in grouped.get(Cause.ABSENT, ())]
    if absent and assessment.coverage.spans:
        more = f" and {len(absent) - 3:,} more" if len(absent) > 3 else ""
        out.append(f"{CAUSE[Cause.ABSENT][0]}: {', '.join(absent[:3])}{more}.")
    out += [text for text in assessment.questions.broken_into.limits if "cannot be judged" in text][:1]
    return out


def limits(assessment: Assessment) -> list[str]:
    """All limits of the five questions and of the answers, each once."""
    texts = [text for asked in five(assessment) for text in asked.question.limits]
    texts += [text for answer in assessment.answers for text in answer.limits]
    return list(dict.fromkeys(texts))


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What there is to say of an assessment that was made from an earlier one."""

    head: str
    new: tuple[Finding, ...]
    changed: tuple[tuple[Finding, str], ...]
    withdrawn: tuple[tuple[Finding, str], ...]
    limits: tuple[str, ...]


def rechecked(assessment: Assessment) -> Rechecked | None:
    """``None`` when it was made from evidence."""
    again = assessment.recheck
    if again is None:
        return None
    by_id = {f.id: f for f in (*(x.finding for x in assessment.allowed), *assessment.singles)}
    return Rechecked(
        head=(
            f"Judged again without the evidence, from what the assessment of {stamp(again.before)} had kept. That one was made"
            f" by exhume {again.tool.version} and said: {VERDICT[again.verdict]}. Since then:"
            f" {counted(len(again.new), 'new finding')}, {len(again.changed):,} told differently,"
            f" {len(again.withdrawn):,} not raised any more."
        ),
        new=tuple(by_id[name] for name in again.new if name in by_id),
        changed=tuple((by_id[name], why) for name, why in again.changed if name in by_id),
        withdrawn=tuple((w.finding, w.why) for w in again.withdrawn),
        limits=again.limits,
    )


def shown_of(statements: Iterable[Statement]) -> tuple[str, str]:
    """Tone and words for all that the evidence says to one obligation: what speaks against it goes first."""
    weights = {s.weight for s in statements}
    return SHOWN["against" if "against" in weights else "for" if "for" in weights else "open"]


def removed(page: Planted) -> str:
    """When and by whom it was removed, short: ``on or before 2021-03-16, by Microsoft Defender``."""
    when = f"on or before {page.gone_by}" if page.gone_by else ""
    by = f"by {page.by}" if page.by else "by whom is unknown" if page.fate is Fate.GONE else ""
    return ", ".join(filter(None, (when, by)))


def used(page: Planted) -> str:
    """How it was used, short: data posted to it and answered, else the days on which it answered at all."""
    if page.first_used:
        return between(page.first_used, page.last_used)
    return f"answered last {stamp(page.last_served)}" if page.last_served else "no log shows it"
