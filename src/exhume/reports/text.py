"""The terminal summary: the verdict, the five answers with their limits, the worst findings, what was not seen, what to do.

Evidence never reaches the terminal raw: every piece of text goes through ``plain.shown``, so that no escape sequence, line
break or bidirectional override of an attacker's user agent acts there. Colours are added afterwards, only when asked for.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from exhume.model import Assessment, Cause, Finding, Verdict
from exhume.reports import wording
from exhume.reports.explained import explained, sentence
from exhume.reports.plain import DOT, NOTE, shorten, shown

_COLOURS = {"bad": "1;31", "warn": "1;33", "unknown": "1;35", "good": "32", "neutral": "36", "head": "1", "dim": "2"}
_VERDICT_TONE = {
    Verdict.COMPROMISED: "bad",
    Verdict.SUSPECTED: "warn",
    Verdict.CANNOT_TELL: "unknown",
    Verdict.ATTEMPTED: "warn",
    Verdict.NO_TRACE: "good",
}
_NARROWEST = 40


@dataclass
class Text:
    """A summary of about ``lines`` lines. ``place`` says where the full report lies."""

    width: int = 100
    """Columns of the terminal; never less than 40 are used."""
    colour: bool = False
    lines: int = 60
    """Lines to aim at: the longer lists are cut, and it is said how many entries are left out."""
    place: str = ""

    name = "text"
    filename = "summary.txt"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 text, lines end with a line feed."""
        sheet = _Sheet(max(_NARROWEST, self.width), self.colour)
        _head(sheet, assessment)
        _recheck(sheet, assessment)
        _questions(sheet, assessment)
        _explained(sheet, assessment, most=4)
        _campaigns(sheet, assessment)
        _intrusions(sheet, assessment, most=3)
        room = max(4, self.lines - len(sheet.lines))
        _findings(sheet, assessment, most=max(1, min(5, room // 8)))
        _accepted(sheet, assessment)
        _unseen(sheet, assessment)
        _plan(sheet, assessment, most=max(3, min(6, self.lines - len(sheet.lines) - 4)))
        if self.place:
            sheet.title("Report")
            sheet.lines.append(shown(self.place))  # whole, so that it can be copied
        if assessment.tlp:
            sheet.put("")
            sheet.put(assessment.tlp)
        if any(DOT in line for line in sheet.lines):
            sheet.put("")
            sheet.put(NOTE, tone="dim")
        return ("\n".join(sheet.lines) + "\n").encode("utf-8", "replace")


class _Sheet:
    """Lines of text, wrapped to a width, made harmless on the way in."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour
        self.lines: list[str] = []

    def put(self, text: str, first: str = "", rest: str | None = None, tone: str = "", most: int = 0) -> None:
        """One paragraph; ``first`` and ``rest`` are the indents, ``most`` the lines kept (0: all)."""
        rest = " " * len(first) if rest is None else rest
        lines = textwrap.wrap(shown(text), self.width, initial_indent=first, subsequent_indent=rest) or [first.rstrip()]
        if most and len(lines) > most:
            last = lines[most - 1]
            last = last if len(last) <= self.width - 2 else last[: self.width - 1].rpartition(" ")[0]
            lines = [*lines[: most - 1], f"{last} …"]
        self.lines += [self._paint(line, tone) for line in lines]

    def title(self, text: str) -> None:
        self.lines.append("")
        self.put(text, tone="head")

    def _paint(self, line: str, tone: str) -> str:
        if not (self.colour and tone and line):
            return line
        bare = line.lstrip(" ")
        return f"{line[: len(line) - len(bare)]}\x1b[{_COLOURS[tone]}m{bare}\x1b[0m"


def _head(sheet: _Sheet, a: Assessment) -> None:
    if a.tlp:
        sheet.put(a.tlp)
    sheet.put(f"{wording.server(a)}: {wording.VERDICT[a.verdict].upper()}", tone=_VERDICT_TONE[a.verdict])
    sheet.put(sentence(a))
    if a.redacted:
        sheet.put(a.redacted)
    sheet.put(f"{wording.product(a)}. {wording.period(a)}.", tone="dim")


def _recheck(sheet: _Sheet, a: Assessment) -> None:
    again = wording.rechecked(a)
    if again is None:
        return
    sheet.title("Judged again")
    sheet.put(again.head)
    for found, why in [*((f, "new") for f in again.new), *again.changed, *again.withdrawn][:6]:
        sheet.put(f"{found.title}: {why}  {found.source}", "  ", "    ", most=2)
    for limit in again.limits:
        sheet.put(f"Limit: {limit}", "  ", "    ", "dim", most=2)


def _questions(sheet: _Sheet, a: Assessment) -> None:
    sheet.lines.append("")
    for asked in wording.five(a):
        sheet.put(f"{asked.title} {asked.word.upper()}", tone=asked.tone)
        if asked.question.text:
            sheet.put(asked.question.text, "  ", most=3)
        for limit in asked.question.limits[:1]:
            more = len(asked.question.limits) - 1
            sheet.put(limit + (f" (and {wording.counted(more, 'more limit')})" if more else ""), "  Limit: ", "    ", "dim", 2)


def _explained(sheet: _Sheet, a: Assessment, most: int) -> None:
    things = explained(a)
    if not things:
        return
    sheet.title(f"To be explained: {len(things):,}")
    for x in things[:most]:
        known = ", ".join(filter(None, (x.name, x.runs, x.product)))
        sheet.put(f"{x.found.title}: {known or x.found.source}", "  ", "    ", most=2)
    if len(things) > most:
        sheet.put(f"… and {len(things) - most:,} more in the report", "  ", tone="dim")


def _campaigns(sheet: _Sheet, a: Assessment) -> None:
    if not a.answers:
        return
    sheet.title("By campaign")
    wide = min(22, max(len(answer.campaign) for answer in a.answers))
    quiet = [x for x in a.answers if x.verdict is Verdict.NO_TRACE and x.window is None and not x.findings]
    told = [x for x in a.answers if x.verdict is not Verdict.CANNOT_TELL or x.findings]
    for answer in (x for x in told if x not in quiet):
        reached = f"; reached: {answer.outcome}" if answer.outcome else ""
        when = f"; {wording.between(answer.first_seen, answer.last_seen)}" if answer.first_seen else ""
        name = shorten(shown(answer.campaign), 40)
        sheet.put(f"{name.ljust(wide)}  {wording.VERDICT[answer.verdict]}{reached}{when}", "  ", " " * (wide + 4), most=2)
    if quiet:
        names = ", ".join(shorten(x.campaign, 40) for x in quiet)
        sheet.put(f"no trace; the judged days end before it was seen anywhere, or it was never open: {names}", "  ", most=3)
    blind = [shorten(x.campaign, 40) for x in a.answers if x not in told]
    if blind:
        sheet.put(f"cannot tell, and nothing found: {', '.join(blind)}", "  ", most=3)


def _intrusions(sheet: _Sheet, a: Assessment, most: int) -> None:
    if not a.intrusions:
        return
    sheet.title(f"Intrusions: {len(a.intrusions):,}")
    for number, one in enumerate(a.intrusions[:most], 1):
        where = f" from {', '.join(one.addresses[:3])}" if one.addresses else ""
        also = " (an address that other people use too)" if one.mixed else ""
        reached = f"; reached: {one.acts[-1].outcome}" if one.acts else ""
        shells = f"; {wording.counted(len(one.web_shells), 'web shell')}" if one.web_shells else ""
        when = wording.between(one.first_seen, one.last_seen)
        sheet.put(f"{number}. {when}{where}{also}{reached}{shells}", "  ", "     ", most=1)
    for page in a.planted[:most]:
        sheet.put(f"{page.page}: {wording.FATE[page.fate][1]} {wording.removed(page)}".rstrip(), "  ", "     ", most=1)
    if len(a.intrusions) > most:
        sheet.put(f"… and {len(a.intrusions) - most:,} more in the report", "  ", tone="dim")


def worst(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that matter most first; the same order in every run."""
    return sorted(findings, key=lambda f: (-f.severity, -f.outcome, -f.confidence, str(f.first_seen or ""), f.id))


def _findings(sheet: _Sheet, a: Assessment, most: int) -> None:
    if not a.findings:
        return
    sheet.title(f"Findings: {len(a.findings):,}")
    for found in worst(a.findings)[:most]:
        times = f", {found.count:,} times" if found.count > 1 else ""
        sheet.put(f"[{found.severity}, {found.outcome}] {found.title}{times}", "  ", "    ", most=2)
        sheet.put(f"{wording.between(found.first_seen, found.last_seen)}  {found.source}", "    ", most=2)
        if found.because:
            why = found.because[0]
            sheet.put(f"{why.field} = {shorten(why.value, 160)}", "    because ", "      ", "dim", 2)
    if len(a.findings) > most:
        sheet.put(f"… and {len(a.findings) - most:,} more in the report", "  ", tone="dim")


def _accepted(sheet: _Sheet, a: Assessment) -> None:
    if a.allowed:
        reasons = "; ".join(dict.fromkeys(x.reason for x in a.allowed))
        sheet.title(f"Accepted as known good by --allow: {len(a.allowed):,}")
        sheet.put(reasons, "  ", most=2)


def _unseen(sheet: _Sheet, a: Assessment) -> None:
    sheet.title("What was not seen")
    groups = wording.by_cause(a.coverage.gaps)
    for cause, gaps in groups:
        details = list(dict.fromkeys(gap.detail for gap in gaps))
        number = sum(gap.count for gap in gaps)
        more = f" (and {wording.counted(len(details) - 1, 'other')})" if len(details) > 1 else ""
        text = f"{shorten(details[0], 200)}{more}"
        if cause is Cause.ABSENT:  # which kinds are missing is what a reader can act on
            text = shorten(", ".join(dict.fromkeys(map(wording.absence, gaps))), 600)
        sheet.put(f"{wording.CAUSE[cause][0]}, {number:,}: {text}", "  ", "    ", most=4)
    if not groups:
        sheet.put("No gap was met in what was brought.", "  ")
    if a.problems:
        sheet.put(f"{wording.counted(len(a.problems), 'rule')} could not be used; the report names them.", "  ")


def _plan(sheet: _Sheet, a: Assessment, most: int) -> None:
    if not a.plan:
        return
    sheet.title("What to do next")
    steps = sorted(a.plan, key=lambda s: s.order)
    for number, step in enumerate(steps[:most], 1):
        sheet.put(step.title + ("" if step.reversible else " (cannot be undone)"), f"  {number}. ", most=2)
    if len(steps) > most:
        sheet.put(f"… and {wording.counted(len(steps) - most, 'more step')} in the report", "  ", tone="dim")
