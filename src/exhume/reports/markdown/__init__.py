"""``report.md``: the report as GitHub-flavoured Markdown, for a ticket or a wiki.

Text from evidence stands in code spans, where neither Markdown nor a wiki acts on it: no link, image, mention, formula or HTML.
Sentences are escaped character by character; a word in them that a wiki would act on (``@name``, ``#1``, an address) becomes a
code span too.

References: GitHub Flavored Markdown Spec 0.29, 2.4 (escapes), 6.3 (code spans), 6.9 (autolinks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from exhume.model import Act, Assessment, Finding, Intrusion, allow_lines
from exhume.reports import wording
from exhume.reports.explained import HEAD, explained, sentence
from exhume.reports.explained import MOST as MOST_EXPLAINED
from exhume.reports.plain import DOT, NOTE, shorten, shown

MOST_FINDINGS = 300
"""Findings told one by one, the worst ones; all of them are in assessment.json."""
MOST_MOMENTS = 300
MOST_GAPS = 40
"""Gaps listed for each cause."""
MOST_LINES = 20
"""Lines for an allow file, of one finding."""
LONG = 400
"""Characters of a value."""
_ACTS = re.compile(r"[\\`*_{}\[\]<>&|~$!^]")
_PIPE = re.compile(r"\\*\|")
_WORD = re.compile(r"\S*(?:@|#\w|://|www\.|:\w+:|\\|\w\.[^\W\d_]{2})\S*", re.IGNORECASE)
"""Words that a wiki makes a mention, a reference, a link or a picture of."""
_START = re.compile(r"^(\s*)([-+=#>]|\d+(?=[.)]))")


class Markdown:
    """The whole report in one file."""

    name = "markdown"
    filename = "report.md"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8, lines end with a line feed."""
        a = assessment
        lines: list[str] = []
        for part in (
            _head,
            _recheck,
            _questions,
            _explained,
            _plan,
            _campaigns,
            _intrusions,
            _planted,
            _findings,
            _unseen,
            _timeline,
            _method,
        ):
            lines += [*part(a), ""]
        text = "\n".join(lines)
        if DOT in text:
            text += f"{prose(NOTE)}\n\n"
        if a.tlp:
            text += f"**{a.tlp}**\n"
        return text.encode("utf-8", "replace")


def code(text: str, most: int = LONG) -> str:
    """The text as a code span; empty when it is."""
    text = shown(shorten(text, most)).strip()
    if not text:
        return ""
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def prose(text: str) -> str:
    """A sentence on one line in which nothing acts."""
    out: list[str] = []
    done = 0
    text = shown(text)
    for match in _WORD.finditer(text):
        out += [_ACTS.sub(r"\\\g<0>", text[done : match.start()]), code(match.group(), len(match.group()))]
        done = match.end()
    out.append(_ACTS.sub(r"\\\g<0>", text[done:]))
    return _START.sub(r"\1\\\2" if not text.lstrip()[:1].isdigit() else r"\1\2\\", "".join(out)).strip()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A pipe in a cell becomes a broken bar: readers do not agree on what ends a cell behind backslashes."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(_PIPE.sub('¦', cell) for cell in row)} |" for row in rows)


def _head(a: Assessment) -> Iterator[str]:
    if a.tlp:
        yield from (f"**{a.tlp}**", "")
    yield f"# {prose(wording.server(a))}: {wording.VERDICT[a.verdict]}"
    yield from ("", f"**{sentence(a)}**")
    if a.redacted:
        yield from ("", f"*{prose(a.redacted)}*")
    yield from ("", f"{prose(wording.product(a))}. {prose(wording.period(a))}. Assessed {wording.stamp(a.generated)}.")


def _explained(a: Assessment) -> Iterator[str]:
    things = explained(a)
    if not things:
        return
    yield from ("## To be explained", "", HEAD, "")
    for x in things[:MOST_EXPLAINED]:
        known = [x.product and f"{prose(x.product)} by its name and folder", x.sha256 and f"SHA-256 {code(x.sha256)}"]
        told = ", ".join(filter(None, (code(x.name), code(x.runs), *known)))
        yield f"- {prose(x.found.title)}: {told or 'unnamed'}, in {code(x.found.source.path)} {code(x.found.source.at)}"
        if x.line:
            yield f"  To accept it: {code(x.line, len(x.line))}"
    if len(things) > MOST_EXPLAINED:
        yield f"- {len(things) - MOST_EXPLAINED:,} more are in assessment.json."


def _recheck(a: Assessment) -> Iterator[str]:
    again = wording.rechecked(a)
    if again is None:
        return
    yield from ("## Judged again", "", prose(again.head), "")
    yield from (f"- new: {prose(f.title)} {code(f.source.path)} {code(f.source.at)}" for f in again.new[:MOST_FINDINGS])
    yield from (f"- told differently: {prose(f.title)}: {prose(why)}" for f, why in again.changed[:MOST_FINDINGS])
    yield from (
        f"- not raised any more: {prose(f.title)}: {prose(why)} {code(f.source.path)} {code(f.source.at)}"
        for f, why in again.withdrawn[:MOST_FINDINGS]
    )
    yield from (f"- Limit: {prose(limit)}" for limit in again.limits)


def _questions(a: Assessment) -> Iterator[str]:
    yield from ("## Five questions, five answers", "")
    rows = []
    for asked in wording.five(a):
        limits = "".join(f"<br>Limit: {prose(limit)}" for limit in asked.question.limits)
        rows.append((asked.title, f"**{asked.word}**", prose(asked.question.text) + limits))
    yield from _table(("Question", "Answer", "Why"), rows)


def _plan(a: Assessment) -> Iterator[str]:
    if not a.plan:
        return
    yield "## What to do, in this order"
    yield ""
    shell = "Commands are typed into the Exchange Management Shell on this server, opened as administrator;"
    yield f"{shell} `-WhatIf` only shows what one would do."
    for number, step in enumerate(sorted(a.plan, key=lambda s: s.order), 1):
        yield from ("", f"### {number}\\. {prose(step.title)}{'' if step.reversible else ' (cannot be undone)'}", "")
        yield from (f"{prose(step.why)}{' **A person has to decide.**' if step.decision else ''}", "", *_how(step.how))
        if step.check:
            yield f"Done when: {prose(step.check)}"


def _how(how: str) -> Iterator[str]:
    """Prose flows, commands stand in blocks that nothing can close."""
    for command, text in wording.paragraphs(how):
        if not command:
            yield from (prose(text), "")
            continue
        lines = [shown(line) for line in text.split("\n")]
        fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
        yield from (f"{fence}powershell", *lines, fence, "")


def _campaigns(a: Assessment) -> Iterator[str]:
    if not a.answers:
        return
    yield from ("## By campaign", "")
    yield from _table(
        ("Campaign", "Verdict", "How far it got", "Seen", "Limits"),
        (
            (
                prose(x.title or x.campaign),
                f"**{wording.VERDICT[x.verdict]}**",
                wording.OUTCOME[x.outcome][1] if x.outcome else "Nothing was found.",
                wording.between(x.first_seen, x.last_seen) if x.first_seen else "–",
                "<br>".join(map(prose, x.limits)),
            )
            for x in sorted(a.answers, key=lambda x: -x.verdict)
        ),
    )
    if a.exposure:
        yield from ("", "### Which flaws it was open to", "")
        yield from _table(
            ("Flaw", "State", "From", "To", "Why we say so"),
            (
                (code(e.cve), wording.STATE[e.state], str(e.since or "unknown"), str(e.until or "not known"), prose(e.why))
                for e in a.exposure
            ),
        )


def _intrusions(a: Assessment) -> Iterator[str]:
    for number, i in enumerate(a.intrusions, 1):
        yield from (
            "" if number > 1 else "## Intrusions",
            "",
            f"### {number}\\. {wording.between(i.first_seen, i.last_seen)}",
            "",
        )
        yield f"{wording.counted(len(i.findings), 'finding')} belong together. {prose(wording.cluster(i))}"
        yield from ("", *(f"- {prose(note)}" for note in i.notes))
        if i.acts:
            yield ""
            yield from _table(
                ("Step", "When", "What the findings say", "Shown by", "Should have been shown by"), map(_act, i.acts)
            )
        yield ""
        yield from (f"- {name}: {', '.join(code(v) for v in found[:30])}" for name, found in _known_by(i) if found)
        yield from (f"- {prose(text)}" for text in (*i.activity, *i.why))


def _planted(a: Assessment) -> Iterator[str]:
    if not a.planted:
        return
    yield from ("### Planted pages: placed, used, gone", "")
    yield from _table(
        ("Page", "Intrusions", "Placed", "Used", "When collected", "Removed, and why we say so"),
        (
            (
                code(p.page),
                ", ".join(map(str, p.actors)),
                wording.stamp(p.placed, "no log shows it"),
                wording.used(p),
                wording.FATE[p.fate][1],
                "<br>".join(map(prose, filter(None, (wording.removed(p), *p.why)))),
            )
            for p in a.planted[:100]
        ),
    )


def _act(act: Act) -> tuple[str, ...]:
    return (
        f"**{wording.RUNG[act.outcome]}**",
        wording.between(act.first_seen, act.last_seen),
        "<br>".join(map(prose, act.titles[:10])),
        "<br>".join(f"{code(r.log)} {r.count:,}: {code(r.source.path)} {code(r.source.at)}" for r in act.rows[:6]),
        "<br>".join(map(prose, act.missing[:6])) or "–",
    )


def _known_by(i: Intrusion) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("Addresses", i.addresses),
        ("Of these, other people use as well", i.mixed),
        ("Web shells", i.web_shells),
        ("Accounts", i.accounts),
        ("Mailboxes", i.mailboxes),
        ("User agents", i.user_agents),
    )


def _findings(a: Assessment) -> Iterator[str]:
    yield f"## Findings: {len(a.findings):,}"
    worst = sorted(a.findings, key=lambda f: (-f.severity, -f.outcome, -f.confidence, str(f.first_seen or ""), f.id))
    for found in worst[:MOST_FINDINGS]:
        yield from ("", f"### {prose(found.title)}", "", *_finding(found, bool(a.redacted)))
    if len(worst) > MOST_FINDINGS:
        yield from ("", f"{len(worst) - MOST_FINDINGS:,} more are in assessment.json.")


def _finding(found: Finding, redacted: bool) -> Iterator[str]:
    times = f", {found.count:,} times" if found.count > 1 else ""
    yield f"- **{found.severity}**, outcome {found.outcome}, confidence {found.confidence}: {wording.OUTCOME[found.outcome][1]}"
    yield f"- {wording.between(found.first_seen, found.last_seen)}{times}"
    yield f"- {code(found.source.path)} {code(found.source.at)}"
    tests: dict[tuple[str, str], dict[str, None]] = {}
    for b in found.because:
        tests.setdefault((b.field, b.value), {})[b.test] = None
    for (name, value), met in list(tests.items())[:4]:
        yield f"- because {code(name)} = {code(value)}: {', '.join(code(test, 160) for test in list(met)[:3])}"
    marks = [*found.techniques, *found.cves]
    yield f"- rule {code(found.rule)} of {code(found.pack)}, id {code(found.id)}{''.join(f', {code(m)}' for m in marks)}"
    yield from (f"- harmless reasons: {prose(reason)}" for reason in wording.harmless(found))
    lines = () if redacted else allow_lines(found)
    yield from (f"- to accept {'it' if len(lines) == 1 else 'a part of it'}: {code(x, len(x))}" for x in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"- {len(lines) - MOST_LINES:,} more lines that accept a part of it are in assessment.json."


def _unseen(a: Assessment) -> Iterator[str]:
    yield from ("## What was not seen", "")
    groups = wording.by_cause(a.coverage.gaps)
    for cause, gaps in groups:
        title, meaning = wording.CAUSE[cause]
        yield f"- **{title}, {sum(g.count for g in gaps):,}**: {meaning}"
        for gap in gaps[:MOST_GAPS]:
            where = f" {code(gap.source.path)}" if gap.source else ""
            yield f"  - {wording.kind(gap.kind) if gap.kind in wording.KIND else code(gap.kind)}: {prose(gap.detail)}{where}"
        if len(gaps) > MOST_GAPS:
            yield f"  - {len(gaps) - MOST_GAPS:,} more are in assessment.json."
    if not groups:
        yield "No gap was met in what was brought."


def _timeline(a: Assessment) -> Iterator[str]:
    if not a.timeline:
        return
    yield from ("## Timeline", "")
    yield from _table(
        ("Time", "Lane", "What", "Where"),
        (
            (
                wording.stamp(m.time),
                wording.LANE.get(m.kind) or code(m.kind),
                code(m.what),
                f"{code(m.source.path)} {code(m.source.at)}" if m.source else "",
            )
            for m in a.timeline[:MOST_MOMENTS]
        ),
    )
    if len(a.timeline) > MOST_MOMENTS:
        yield from ("", f"{len(a.timeline) - MOST_MOMENTS:,} more are in timeline.csv.")


def _method(a: Assessment) -> Iterator[str]:
    yield from ("## Method", "")
    yield f"- Evidence: {', '.join(map(code, a.evidence)) or 'no name'}"
    yield f"- Program: exhume {code(a.tool.version)}, engine {code(a.tool.engine)}"
    if a.custody:
        c = a.custody
        yield f"- Run by {code(c.by)}, begun {wording.stamp(c.begun)}, ended {wording.stamp(c.ended)}"
        yield f"- Command: {code(' '.join(c.command)) or 'none'}"
        yield from (f"- SHA-256 of {x.kind} {code(x.name)}: {code(x.sha256) or 'could not be computed'}" for x in c.inputs)
        yield f"- {wording.counted(len(c.files), 'file')} with their SHA-256 in assessment.json, under custody.files"
    yield f"- Packs: {', '.join(f'{code(p.name)} {code(p.version)}' for p in a.tool.packs) or 'none'}"
    yield from (f"- Accepted as known good: {prose(x.finding.title)}: {prose(x.reason)}" for x in a.allowed)
    if a.problems:
        yield f"- {wording.counted(len(a.problems), 'rule')} could not be used; assessment.json names them."
