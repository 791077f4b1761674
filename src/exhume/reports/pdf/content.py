"""What the PDF shows: plain data, every text made harmless, the long lists cut with the rest counted."""

from __future__ import annotations

from exhume.model import Act, Assessment, Cause, Exposure, Finding, Gap, Intrusion, Moment, Planted, Span, State, Step, Verdict
from exhume.reports import wording
from exhume.reports.explained import sentence
from exhume.reports.plain import DOT, NOTE, json_text, shorten, shown

MOST_FINDINGS = 60
"""Rules that are shown with their findings."""
MOST_PLACES = 4
MOST_MOMENTS = 150
MOST_FLAWS = 40
MOST_GAPS = 12
"""Gaps listed for each cause."""
MOST_VALUES = 20
FIRST_STEPS = 4
FIRST_TEXT, FIRST_LIMIT = 340, 160
"""Characters of an answer and of a limit on the first page, which must stay one page."""
LONG, FIELD = 500, 260
_TONE = {
    Verdict.COMPROMISED: "bad",
    Verdict.SUSPECTED: "warn",
    Verdict.CANNOT_TELL: "unknown",
    Verdict.ATTEMPTED: "warn",
    Verdict.NO_TRACE: "good",
}
_SEVERITY = {"critical": "bad", "high": "bad", "medium": "warn", "low": "neutral", "info": "neutral"}
Json = dict[str, object]


def content(a: Assessment) -> Json:
    """Everything that the template needs, by name."""
    steps = sorted(a.plan, key=lambda s: s.order)
    exposure = [e for e in a.exposure if e.state in (State.VULNERABLE, State.MITIGATED)] or list(a.exposure)
    out: Json = {
        "server": _cut(wording.server(a), 70),
        "product": _text(wording.product(a), 200),
        "period": _text(wording.period(a), 300),
        "generated": wording.stamp(a.generated),
        "tlp": str(a.tlp) if a.tlp else "",
        "redacted": _text(a.redacted),
        "verdict": {"word": wording.VERDICT[a.verdict], "tone": _TONE[a.verdict], "sentence": sentence(a)},
        "five": [_asked(asked) for asked in wording.five(a)],
        "first": [_cut(s.title, 90) for s in steps[:FIRST_STEPS]],
        "answers": [
            {
                "title": asked.title,
                "text": _text(asked.question.text, 4000),
                "limits": [_text(x) for x in asked.question.limits[:60]],
            }
            for asked in wording.five(a)
            if _is_cut(asked)
        ],
        "steps": [
            _step(s) for s in steps
        ],
        "campaigns": [
            {
                "title": _text(x.title or x.campaign, 120),
                "word": wording.VERDICT[x.verdict],
                "tone": _TONE[x.verdict],
                "reached": wording.OUTCOME[x.outcome][1] if x.outcome else "Nothing was found.",
                "seen": wording.between(x.first_seen, x.last_seen) if x.first_seen else "–",
                "window": wording.judged(x),
                "limits": [_text(limit) for limit in x.limits[:6]],
            }
            for x in sorted(a.answers, key=lambda x: -x.verdict)
        ],
        "exposure": [_flaw(e) for e in exposure[:MOST_FLAWS]],
        "more_exposure": max(0, len(a.exposure) - len(exposure[:MOST_FLAWS])),
        "intrusions": [_intrusion(i, n, a) for n, i in enumerate(a.intrusions[:20], 1)],
        **_findings(a),
        "unseen": [_unseen(cause, gaps) for cause, gaps in wording.by_cause(a.coverage.gaps)],
        "logs": [_log(s) for s in a.coverage.spans[:120]],
        "moments": [_moment(m) for m in a.timeline[:MOST_MOMENTS]],
        "more_moments": max(0, len(a.timeline) - MOST_MOMENTS),
        "glossary": [[wording.VERDICT[v], wording.MEANING[v]] for v in reversed(Verdict)],
        "method": [
            ["Judged again", _text(_again(a), 3000)],
            ["Evidence", _text(", ".join(a.evidence), 600)],
            ["Program", _text(f"exhume {a.tool.version}, {a.tool.engine}", 120)],
            ["Packs", _text(", ".join(f"{p.name} {p.version}" for p in a.tool.packs), 600)],
            ["Accepted as known good", _text("; ".join(f"{x.finding.title}: {x.reason}" for x in a.allowed), 1200)],
            ["Rules that could not be used", str(len(a.problems)) if a.problems else ""],
        ],
    }  # fmt: skip
    out["note"] = NOTE if DOT in json_text(out) else ""
    return out


def _again(a: Assessment) -> str:
    again = wording.rechecked(a)
    if again is None:
        return ""
    lost = [f"Not raised any more: {f.title}: {why} {f.source}." for f, why in again.withdrawn[:20]]
    return " ".join((again.head, *again.limits, *lost))


def _text(text: str, most: int = LONG) -> str:
    return shown(shorten(text, most))


def _cut(text: str, most: int) -> str:
    """For the first page, where the room is known; the whole stands behind it."""
    return shown(text if len(text) <= most else f"{text[: most - 1].rstrip()}…")


def _is_cut(asked: wording.Asked) -> bool:
    q = asked.question
    return len(q.text) > FIRST_TEXT or len(q.limits) > 1 or any(len(limit) > FIRST_LIMIT for limit in q.limits)


def _asked(asked: wording.Asked) -> Json:
    q = asked.question
    limits = [_cut(limit, FIRST_LIMIT) for limit in q.limits[:1]]
    return {
        "title": asked.title,
        "word": asked.word,
        "tone": asked.tone,
        "text": _cut(q.text, FIRST_TEXT),
        "limits": limits,
        "more": len(q.limits) - len(limits),
        "cut": _is_cut(asked),
    }


def _step(s: Step) -> Json:
    return {
        "title": _text(s.title),
        "why": _text(s.why),
        "how": _blocks(s.how),
        "reversible": s.reversible,
        "decision": s.decision,
        "check": _text(s.check),
    }


def _blocks(how: str) -> list[list[object]]:
    return [[command, "\n".join(map(shown, text.split("\n")))] for command, text in wording.paragraphs(how)]


def _flaw(e: Exposure) -> list[str]:
    since, until = str(e.since or "unknown"), str(e.until or "not known")
    return [_text(e.cve, 40), wording.STATE[e.state], since, until, _text(e.why, 300)]


def _unseen(cause: Cause, gaps: list[Gap]) -> Json:
    title, meaning = wording.CAUSE[cause]
    lines = [[_text(wording.kind(g.kind), 60), _text(g.detail), _text(g.source.path if g.source else "", FIELD)] for g in gaps]
    number = f"{sum(g.count for g in gaps):,}"
    more = max(0, len(gaps) - MOST_GAPS)
    return {"title": title, "meaning": meaning, "number": number, "lines": lines[:MOST_GAPS], "more": more}


def _moment(m: Moment) -> list[str]:
    return [wording.stamp(m.time).removesuffix(" UTC"), wording.LANE.get(m.kind, _text(m.kind, 20)), _text(m.what, FIELD)]


def _intrusion(i: Intrusion, number: int, a: Assessment) -> Json:
    pages = [_page(p) for p in a.planted if number in p.actors]
    kinds = (
        ("Addresses", i.addresses), ("Also used by other people", i.mixed), ("Web shells", i.web_shells),
        ("Accounts", i.accounts), ("Mailboxes", i.mailboxes), ("User agents", i.user_agents),
    )  # fmt: skip
    return {
        "when": wording.between(i.first_seen, i.last_seen),
        "number": wording.counted(len(i.findings), "finding"),
        "cluster": _text(wording.cluster(i)),
        "notes": [_text(x) for x in i.notes[:MOST_VALUES]],
        "done": [_text(x, 700) for x in (*pages, *i.activity, *i.why)[:MOST_VALUES]],
        "acts": [_act(act) for act in i.acts],
        "values": [
            [name, [_text(v, FIELD) for v in found[:MOST_VALUES]], max(0, len(found) - MOST_VALUES)]
            for name, found in kinds
            if found
        ],
    }


def _page(p: Planted) -> str:
    placed = f"placed {wording.stamp(p.placed)}" if p.placed else ""
    used = f"used {wording.between(p.first_used, p.last_used)}" if p.first_used else ""
    told = ", ".join(filter(None, (placed, used, wording.FATE[p.fate][1], wording.removed(p))))
    return " ".join((f"{p.page}: {told}.", *p.why))


def _act(act: Act) -> list[object]:
    rows = [f"{r.log}, {r.count:,}: {r.source.path} {r.source.at}" for r in act.rows[:4]]
    when = wording.between(act.first_seen, act.last_seen)
    return [
        wording.RUNG[act.outcome],
        when,
        [_text(x, 200) for x in act.titles[:6]],
        [_text(x, FIELD) for x in rows],
        [_text(x, 200) for x in act.missing[:4]],
    ]


def _findings(a: Assessment) -> Json:
    worst = sorted(a.findings, key=lambda f: (-f.severity, -f.outcome, -f.confidence, str(f.first_seen or ""), f.id))
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for found in worst:
        groups.setdefault((found.pack, found.rule, found.title), []).append(found)
    return {
        "findings": [_finding(group) for group in list(groups.values())[:MOST_FINDINGS]],
        "more_findings": max(0, len(groups) - MOST_FINDINGS),
        "all_findings": f"{len(worst):,}",
    }


def _finding(group: list[Finding]) -> Json:
    """Findings of one rule, the first of them in full."""
    f = group[0]
    number = sum(x.count for x in group)
    firsts = [x.first_seen for x in group if x.first_seen]
    lasts = [x.last_seen for x in group if x.last_seen]
    because = dict.fromkeys((b.field, b.value) for b in f.because)
    places = list(dict.fromkeys(f"{x.source.path} ({x.source.at})" for x in group))
    return {
        "title": _text(f.title, 300),
        "severity": str(f.severity),
        "tone": _SEVERITY[str(f.severity)],
        "meaning": wording.OUTCOME[f.outcome][1],
        "confidence": wording.CONFIDENCE[f.confidence],
        "when": wording.between(min(firsts, default=None), max(lasts, default=None))
        + (f", {number:,} times" if number > 1 else ""),
        "places": [_text(place, FIELD) for place in places[:MOST_PLACES]],
        "more": max(0, len(places) - MOST_PLACES),
        "because": [[_text(name, 80), _text(value, FIELD)] for name, value in list(because)[:3]],
        "marks": _text(", ".join((*f.techniques, *f.cves, f"rule {f.rule}", f.id)), 300),
        "harmless": [_text(x, 300) for x in wording.harmless(f)[:2]],
    }


def _log(s: Span) -> list[str]:
    name = wording.kind(s.kind) + (f" {s.channel}" if s.channel else "")
    holes = s.holes()
    when = f"{s.first:%Y-%m-%d} to {s.last:%Y-%m-%d}" if s.first and s.last else "as it was found"
    return [_text(name, 80), when, f"{s.records:,}", str(len(holes)) if holes and s.busy else "", _text(s.path, 160)]
