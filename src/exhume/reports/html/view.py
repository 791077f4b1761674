"""What the templates show, worked out beforehand so that they hold no logic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from exhume.model import Answer, Assessment, Finding, Gap, Intrusion, Problem, Reading, Severity, Step, Verdict, allow_line
from exhume.reports import wording
from exhume.reports.explained import HEAD, MOST, Explained, explained, sentence
from exhume.reports.html.brief import MOST_ENTRIES, Brief, briefs
from exhume.reports.html.moments import Table, table
from exhume.reports.plain import shorten

MOST_FINDINGS = 500
"""Findings shown in full; all of them are in assessment.json."""
MOST_GAPS = 60
"""Gaps listed for each cause."""
MOST_PROBLEMS = 100
MOST_READINGS = 200
_TRUST = {"exact": "tells every update", "cu": "tells the cumulative update only", "hint": "a hint only"}
MOST_VALUES = 50
"""Values listed of each kind of an intrusion."""
FIRST_STEPS = 3
FIRST_LIMITS = 2
LONG, FIELD = 1200, 600
"""Characters shown of a reason and of a record's field."""
_LINK = re.compile(r"https?://[\w.-]+(?:/[\w./?&=%#~:+,@!-]*)?", re.ASCII)
TONE = {
    Verdict.COMPROMISED: "bad",
    Verdict.SUSPECTED: "warn",
    Verdict.CANNOT_TELL: "unknown",
    Verdict.ATTEMPTED: "warn",
    Verdict.NO_TRACE: "good",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as the page tells it."""

    found: Finding
    outcome: str
    meaning: str
    confidence: str
    when: str
    time: str
    fields: tuple[tuple[str, str], ...]
    because: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Field, what it held, and every test that it met."""
    links: tuple[tuple[str, bool], ...]
    """References, and whether they are web addresses."""
    allow: str
    """The line of an allow file that accepts it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one campaign."""

    name: str
    title: str
    findings: tuple[Shown, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Unseen:
    """Gaps of one cause: how many, and the places."""

    title: str
    meaning: str
    number: int
    lines: tuple[tuple[Gap, str], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign's answer in words."""

    answer: Answer
    title: str
    tone: str
    word: str
    outcome: str
    when: str
    window: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page but the two drawings."""

    a: Assessment
    server: str
    product: str
    tone: str
    word: str
    sentence: str
    period: str
    generated: str
    five: tuple[wording.Asked, ...]
    first_limits: int
    steps: tuple[tuple[Step, tuple[tuple[bool, str], ...]], ...]
    """Each with its ``how`` cut into paragraphs and commands (true)."""
    first_steps: tuple[Step, ...]
    campaigns: tuple[Campaign, ...]
    groups: tuple[Group, ...]
    briefs: tuple[Brief, ...]
    """The same for paper: an entry for each rule."""
    briefs_left_out: int
    shown: int
    total: int
    severities: tuple[tuple[str, int], ...]
    unseen: tuple[Unseen, ...]
    limits: tuple[str, ...]
    intrusions: tuple[Intrusion, ...]
    timeline: Table
    readings: tuple[tuple[str, str, str, str, str, str, int], ...]
    """Days, what, value, trust, first place (path, at), number of places."""
    problems: tuple[Problem, ...]
    problems_left_out: int
    glossary: tuple[tuple[str, str], ...]
    outcomes: tuple[tuple[str, str], ...]
    again: wording.Rechecked | None
    explained: tuple[Explained, ...]
    explained_head: str
    most_explained: int
    on_page: frozenset[str]
    """Ids of the findings that are shown in full."""


def view(a: Assessment) -> View:
    """The page's content."""
    chosen = _worst(a.findings)[:MOST_FINDINGS]
    short = briefs(_worst(a.findings))
    on_page = frozenset(f.id for f in chosen)
    steps = tuple(sorted(a.plan, key=lambda s: s.order))
    return View(
        a=a,
        server=wording.server(a),
        product=wording.product(a),
        tone=TONE[a.verdict],
        word=wording.VERDICT[a.verdict],
        sentence=sentence(a),
        period=wording.period(a),
        generated=wording.stamp(a.generated),
        five=wording.five(a),
        first_limits=FIRST_LIMITS,
        steps=tuple((s, wording.paragraphs(s.how)) for s in steps),
        first_steps=steps[:FIRST_STEPS],
        campaigns=tuple(_campaign(x) for x in sorted(a.answers, key=lambda x: -x.verdict)),
        groups=_groups(a, chosen),
        briefs=short[:MOST_ENTRIES],
        briefs_left_out=max(0, len(short) - MOST_ENTRIES),
        shown=len(chosen),
        total=len(a.findings),
        severities=tuple((str(s), n) for s in reversed(Severity) if (n := sum(f.severity is s for f in a.findings))),
        unseen=tuple(_unseen(a)),
        limits=tuple(wording.limits(a)),
        intrusions=a.intrusions,
        timeline=table(a, on_page),
        readings=_readings(a.readings)[:MOST_READINGS],
        problems=a.problems[:MOST_PROBLEMS],
        problems_left_out=max(0, len(a.problems) - MOST_PROBLEMS),
        glossary=tuple((wording.VERDICT[v], wording.MEANING[v]) for v in reversed(Verdict)),
        outcomes=tuple(wording.OUTCOME.values()),
        again=wording.rechecked(a),
        explained=explained(a),
        explained_head=HEAD,
        most_explained=MOST,
        on_page=on_page,
    )


def _worst(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (-f.severity, -f.outcome, -f.confidence, str(f.first_seen or ""), f.id))


def _campaign(answer: Answer) -> Campaign:
    return Campaign(
        answer=answer,
        title=answer.title or answer.campaign,
        tone="neutral" if answer.verdict is Verdict.NO_TRACE and answer.window is None else TONE[answer.verdict],
        word=wording.VERDICT[answer.verdict],
        outcome=wording.OUTCOME[answer.outcome][1] if answer.outcome else "Nothing was found.",
        when=wording.between(answer.first_seen, answer.last_seen) if answer.first_seen else "",
        window=wording.judged(answer),
    )


def _groups(a: Assessment, chosen: list[Finding]) -> tuple[Group, ...]:
    titles = {x.campaign: x.title or x.campaign for x in sorted(a.answers, key=lambda x: -x.verdict)}
    totals: dict[str, int] = {}
    for found in a.findings:
        totals[found.pack] = totals.get(found.pack, 0) + 1
    packs = [p for p in titles if p in totals] + sorted(p for p in totals if p not in titles)
    return tuple(
        Group(pack, titles.get(pack, pack), tuple(_shown(f) for f in chosen if f.pack == pack), totals[pack]) for pack in packs
    )


def _shown(found: Finding) -> Shown:
    word, meaning = wording.OUTCOME[found.outcome]
    fields = found.record.fields
    return Shown(
        found=found,
        outcome=word,
        meaning=meaning,
        confidence=wording.CONFIDENCE[found.confidence],
        when=wording.between(found.first_seen, found.last_seen),
        time=found.first_seen.isoformat() if found.first_seen else "",
        fields=tuple((name, shorten(found.record.text(name), FIELD)) for name in sorted(fields)),
        because=_reasons(found),
        links=tuple((text, bool(_LINK.fullmatch(text))) for text in found.references),
        allow=allow_line(found),
    )


def _readings(readings: Iterable[Reading]) -> tuple[tuple[str, str, str, str, str, str, int], ...]:
    """The same said on several days is one line: a server's logs say its build every hour."""
    same: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in readings:
        same.setdefault((reading.what, reading.value, reading.trust), []).append(reading)
    lines: list[tuple[str, str, str, str, str, str, int]] = []
    for (what, value, trust), places in same.items():
        days = sorted({r.day for r in places if r.day})
        when = "unknown" if not days else f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)} days)"
        first = min(places, key=lambda r: (str(r.day or ""), str(r.source))).source
        lines.append((when, what, value, _TRUST.get(trust, trust), first.path, first.at, len(places)))
    return tuple(sorted(lines))


def _reasons(found: Finding) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    tests: dict[tuple[str, str], dict[str, None]] = {}
    for reason in found.because:
        tests.setdefault((reason.field, shorten(reason.value, LONG)), {})[shorten(reason.test, LONG)] = None
    return tuple((field, value, tuple(met)) for (field, value), met in tests.items())


def _unseen(a: Assessment) -> Iterable[Unseen]:
    for cause, gaps in wording.by_cause(a.coverage.gaps):
        title, meaning = wording.CAUSE[cause]
        yield Unseen(
            title=title,
            meaning=meaning,
            number=sum(g.count for g in gaps),
            lines=tuple((g, wording.kind(g.kind)) for g in gaps[:MOST_GAPS]),
            left_out=max(0, len(gaps) - MOST_GAPS),
        )


def values(intrusion: Intrusion) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """What an intrusion is known by: name, values, how many are left out."""
    kinds = (
        ("Web shells", intrusion.web_shells),
        ("Accounts", intrusion.accounts),
        ("Mailboxes", intrusion.mailboxes),
        ("Addresses", intrusion.addresses),
        ("Addresses that other people use too", intrusion.mixed),
        ("User agents", intrusion.user_agents),
        ("Sessions", intrusion.sessions),
        ("What else they touched", intrusion.activity),
        ("Why together", intrusion.why),
    )
    return tuple((name, found[:MOST_VALUES], max(0, len(found) - MOST_VALUES)) for name, found in kinds if found)
