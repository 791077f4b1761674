"""JSON bytes → Assessment. Unknown keys are passed over; anything else that does not fit is one line of ``ValueError``."""

from __future__ import annotations

import json
from datetime import date, datetime

from exhume.model import (
    SCHEMA,
    Act,
    Allowed,
    Answer,
    Assessment,
    Because,
    Cause,
    Confidence,
    Coverage,
    Exposure,
    Fate,
    Finding,
    Gap,
    Host,
    Intrusion,
    Moment,
    Outcome,
    PackUsed,
    Planted,
    Problem,
    Question,
    Questions,
    Reading,
    Recheck,
    Record,
    Reply,
    SeenIn,
    Severity,
    Source,
    Span,
    State,
    Step,
    Tlp,
    Tool,
    Value,
    Verdict,
    Visit,
    Window,
    Withdrawn,
)
from exhume.reports.document.node import Node

_MOST_HOURS = 24 * 366 * 200
"""A span of more than 200 years is not a log; without a bound a few bytes could ask for all memory."""
_FIRST_HOUR, _LAST_HOUR = -17_259_888, 70_389_527
"""Hours since 1970 of the years 1 and 9999: what a ``datetime`` can hold."""


def load(data: bytes) -> Assessment:
    """The assessment that ``Document`` wrote. Raises ``ValueError``, one line, when it is none."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not an exhume assessment: no JSON ({_line(error)})") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        kind = str(content.get("schema", "")) if isinstance(content, dict) else ""
        other = f": it is of {_line(ValueError(kind[:60]))}" if kind.startswith("exhume.") else ""
        raise ValueError(f"not an exhume assessment of schema {SCHEMA}{other}")
    try:
        return _assessment(Node(content, "assessment"))
    except (TypeError, OverflowError, AttributeError, ValueError) as error:
        raise ValueError(f"not an exhume assessment: {_line(error)}") from None


def _line(error: BaseException) -> str:
    return "".join(c if c.isprintable() else " " for c in str(error))[:200]


def _assessment(n: Node) -> Assessment:
    questions = n.node("questions")
    coverage = n.node("coverage")
    return Assessment(
        tool=_tool(n.node("tool")),
        generated=n.moment("generated"),
        host=_host(n.node("host")),
        verdict=Verdict.parse(n.text("verdict")),
        questions=Questions(
            exposed=_question(questions.node("exposed")),
            attacked=_question(questions.node("attacked")),
            broken_into=_question(questions.node("broken_into")),
            since_how_far=_question(questions.node("since_how_far")),
            clean_now=_question(questions.node("clean_now")),
        ),
        answers=n.nodes("answers", _answer),
        findings=n.nodes("findings", _finding),
        coverage=Coverage(coverage.nodes("spans", _span), coverage.nodes("gaps", _gap)),
        readings=n.nodes("readings", _reading),
        exposure=n.nodes("exposure", _exposure),
        intrusions=n.nodes("intrusions", _intrusion),
        timeline=n.nodes("timeline", _moment),
        plan=n.nodes("plan", _step),
        allowed=n.nodes("allowed", _allowed),
        problems=n.nodes("problems", lambda p: Problem(p.text("pack"), p.text("file"), p.text("reason"))),
        period=n.optional("period", _window),
        evidence=n.texts("evidence"),
        tlp=_tlp(n.maybe("tlp")),
        redacted=n.text("redacted", ""),
        planted=n.nodes("planted", _planted),
        mixed=n.texts("mixed"),
        recheck=n.optional("recheck", _recheck),
        schema=n.text("schema"),
    )


def _tlp(word: str | None) -> Tlp | None:
    return None if word is None else Tlp(word)


def _tool(n: Node) -> Tool:
    packs = n.nodes("packs", lambda p: PackUsed(p.text("name"), p.text("version"), p.text("digest")))
    return Tool(n.text("version"), n.text("engine"), packs)


def _host(n: Node) -> Host:
    return Host(
        name=n.text("name", ""),
        product=n.text("product", ""),
        cu=n.text("cu", ""),
        build=n.text("build", ""),
        build_source=n.text("build_source", ""),
        install_root=n.text("install_root", ""),
        time_zone=n.text("time_zone", ""),
        roles=n.texts("roles"),
        servers=n.texts("servers"),
    )


def _question(n: Node) -> Question:
    return Question(Reply(n.text("answer")), n.text("text"), n.texts("limits"))


def _recheck(n: Node) -> Recheck:
    return Recheck(
        before_sha256=n.text("before_sha256"),
        before=n.moment("before"),
        verdict=Verdict.parse(n.text("verdict")),
        tool=_tool(n.node("tool")),
        records=n.number("records"),
        limits=n.texts("limits"),
        partly=n.texts("partly"),
        new=n.texts("new"),
        changed=n.nodes("changed", lambda c: (c.text("finding"), c.text("why"))),
        withdrawn=n.nodes("withdrawn", lambda w: Withdrawn(_finding(w.node("finding")), w.text("why"))),
    )


def _window(n: Node) -> Window:
    return Window(date.fromisoformat(n.text("since")), date.fromisoformat(n.text("until")))


def _answer(n: Node) -> Answer:
    outcome = n.maybe("outcome")
    return Answer(
        campaign=n.text("campaign"),
        title=n.text("title", ""),
        verdict=Verdict.parse(n.text("verdict")),
        outcome=None if outcome is None else Outcome.parse(outcome),
        first_seen=n.time("first_seen"),
        last_seen=n.time("last_seen"),
        findings=n.texts("findings"),
        limits=n.texts("limits"),
        window=n.optional("window", _window),
    )


def _exposure(n: Node) -> Exposure:
    return Exposure(n.text("cve"), State(n.text("state")), n.text("why", ""), n.day("since"), n.day("until"))


def _step(n: Node) -> Step:
    return Step(
        order=n.number("order"),
        title=n.text("title"),
        why=n.text("why"),
        how=n.text("how"),
        reversible=n.truth("reversible"),
        findings=n.texts("findings"),
        decision=n.truth("decision", False),
        check=n.text("check", ""),
    )


def _source(n: Node) -> Source:
    return Source(n.text("evidence", ""), n.text("path"), n.text("at"))


def _finding(n: Node) -> Finding:
    sources = n.nodes("sources", _source)
    if not sources:
        raise ValueError(f"{n.where} has no source")
    return Finding(
        rule=n.text("rule"),
        pack=n.text("pack"),
        title=n.text("title"),
        outcome=Outcome.parse(n.text("outcome")),
        decisive=n.truth("decisive"),
        severity=Severity.parse(n.text("severity")),
        confidence=Confidence.parse(n.text("confidence")),
        because=n.nodes("because", lambda b: Because(b.text("field"), b.text("value"), b.text("test"))),
        techniques=n.texts("techniques"),
        cves=n.texts("cves"),
        subject=n.text("subject", ""),
        count=n.number("count"),
        first_seen=n.time("first_seen"),
        last_seen=n.time("last_seen"),
        sources=sources,
        record=_record(n.node("record"), n.time("time"), sources[0]),
        own=n.truth("own", True),
        trace=n.text("trace", ""),
        falsepositives=n.texts("falsepositives"),
        references=n.texts("references"),
        visits=n.nodes("visits", _visit),
        ambiguous=n.truth("ambiguous", False),
        shows=n.text("shows", ""),
        weighed=Verdict.parse(n.text("weighed")) if n.content.get("weighed") else None,
        beside=n.texts("beside"),
    )


def _visit(n: Node) -> Visit:
    return Visit(
        keys=n.texts("keys"),
        minute=n.number("minute"),
        first=n.time("first"),
        last=n.time("last"),
        source=_source(n.node("source")),
        count=n.number("count"),
        size=n.number("size"),
        ids=n.texts("ids"),
    )


def _record(n: Node, time: datetime | None, first: Source) -> Record:
    fields = n.node("fields")
    return Record(
        kind=n.text("kind"),
        time=time,
        fields={name: _value(fields, name) for name in fields.content},
        source=n.optional("source", _source) or first,
        channel=n.text("channel", ""),
        server=n.text("server", ""),
    )


def _value(n: Node, name: str) -> Value:
    value = n.content[name]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return n.texts(name)


def _intrusion(n: Node) -> Intrusion:
    return Intrusion(
        id=n.text("id"),
        first_seen=n.time("first_seen"),
        last_seen=n.time("last_seen"),
        findings=n.texts("findings"),
        addresses=n.texts("addresses"),
        user_agents=n.texts("user_agents"),
        web_shells=n.texts("web_shells"),
        accounts=n.texts("accounts"),
        mailboxes=n.texts("mailboxes"),
        cluster=n.text("cluster", ""),
        cluster_why=n.text("cluster_why", ""),
        activity=n.texts("activity"),
        servers=n.texts("servers"),
        sessions=n.texts("sessions"),
        acts=n.nodes("acts", _act),
        why=n.texts("why"),
        mixed=n.texts("mixed"),
        notes=n.texts("notes"),
    )


def _act(n: Node) -> Act:
    return Act(
        outcome=Outcome.parse(n.text("outcome")),
        titles=n.texts("titles"),
        first_seen=n.time("first_seen"),
        last_seen=n.time("last_seen"),
        findings=n.texts("findings"),
        rows=n.nodes("rows", lambda r: SeenIn(r.text("log"), r.number("count"), _source(r.node("source")))),
        missing=n.texts("missing"),
    )


def _planted(n: Node) -> Planted:
    return Planted(
        page=n.text("page"),
        actors=n.numbers("actors"),
        placed=n.time("placed"),
        first_used=n.time("first_used"),
        last_used=n.time("last_used"),
        fate=Fate(n.text("fate")),
        gone_by=n.day("gone_by"),
        by=n.text("by"),
        why=n.texts("why"),
        source=n.optional("source", _source),
    )


def _moment(n: Node) -> Moment:
    place = n.optional("source", _source)
    finding, log, actor = n.maybe("finding") or "", n.text("log", ""), n.number("actor", 0)
    return Moment(n.moment("time"), n.text("what"), n.text("kind"), finding, place, log, actor)


def _reading(n: Node) -> Reading:
    return Reading(n.text("what"), n.text("value"), n.day("day"), n.text("trust"), _source(n.node("source")))


def _span(n: Node) -> Span:
    return Span(
        kind=n.text("kind"),
        channel=n.text("channel"),
        server=n.text("server"),
        path=n.text("path"),
        records=n.number("records"),
        first=n.time("first"),
        last=n.time("last"),
        hours=_hours(n),
        busy=n.truth("busy", False),
    )


def _hours(n: Node) -> frozenset[int]:
    hours: set[int] = set()
    for run in n.items("hours"):
        if not (isinstance(run, list) and len(run) == 2 and all(type(x) is int for x in run)):
            raise ValueError(f"{n.where}.hours is no list of runs")
        first, count = run
        if count < 1 or len(hours) + count > _MOST_HOURS or first < _FIRST_HOUR or first + count > _LAST_HOUR:
            raise ValueError(f"{n.where}.hours holds a run of {count} hours")
        hours.update(range(first, first + count))
    return frozenset(hours)


def _gap(n: Node) -> Gap:
    return Gap(
        kind=n.text("kind"),
        cause=Cause(n.text("cause")),
        detail=n.text("detail"),
        source=n.optional("source", _source),
        since=n.time("since"),
        until=n.time("until"),
        channel=n.text("channel", ""),
        server=n.text("server", ""),
        count=n.number("count", 1),
    )


def _allowed(n: Node) -> Allowed:
    return Allowed(_finding(n.node("finding")), n.text("reason"), n.day("until"))
