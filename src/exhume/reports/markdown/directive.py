"""``directive-NAME.md``: the same as ``html/directive``, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Iterator

from exhume.model import FilledIn, Obligation, Statement
from exhume.reports import wording
from exhume.reports.markdown import code, prose
from exhume.reports.plain import DOT, NOTE

_MARK = {"for": "shows", "against": "speaks against it", "open": "does not tell", "context": "to know"}


def directive_markdown(f: FilledIn) -> bytes:
    """UTF-8, lines end with a line feed."""
    text = "\n".join(_lines(f)) + "\n"
    if DOT in text:
        text += f"\n{prose(NOTE)}\n"
    return text.encode("utf-8", "replace")


def _lines(f: FilledIn) -> Iterator[str]:
    a = f.assessment
    if a.tlp:
        yield from (f"**{a.tlp}**", "")
    yield from (f"# {prose(wording.server(a))}: {prose(f.directive.title)}", "", f"**{wording.NO_CLAIM}**", "")
    if a.redacted:
        yield from (f"*{prose(a.redacted)}*", "")
    verdict = f"Verdict of the assessment of {wording.stamp(a.generated)}: {wording.VERDICT[a.verdict]}."
    yield f"{prose(wording.product(a))}. {verdict}"
    yield from ("", prose(f.directive.who))
    statements = dict(f.statements)
    for part in f.directive.parts:
        yield from ("", f"## {prose(part.title)} ({part.issued})", "", prose(part.scope), "")
        yield from (f"- Source: <{source}>" for source in part.sources)
        for duty in part.obligations:
            yield from _duty(duty, statements[duty])


def _duty(duty: Obligation, statements: tuple[Statement, ...]) -> Iterator[str]:
    yield from ("", f"### {duty.id}: {prose(duty.text)}", "")
    yield f"Deadline: {prose(duty.deadline)}. **{wording.shown_of(statements)[1].capitalize()}.**"
    if duty.unsure:
        yield from ("", f"Not certain: {prose(duty.unsure)}")
    yield ""
    for s in statements:
        where = f" ({code(s.source.path)} {code(s.source.at)})" if s.source else ""
        yield f"- {_MARK[s.weight]}: {prose(s.text)}{where}"
    if not statements:
        yield "- Evidence of a server cannot show it."
    yield f"- [ ] To be attested: {prose(duty.attest)} Name, day:"
