"""Hypothesis strategies for whole assessments, with the text that attackers write."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from hypothesis import strategies as st

from exhume.model import (
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
    Prober,
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
    Sweep,
    Tlp,
    Tool,
    Verdict,
    Visit,
    Window,
    Withdrawn,
)  # fmt: skip
from exhume.model.crowd import Values
from exhume.model.sites import Mount, Sites
from reports.sample import HOSTILE

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(HOSTILE),
    st.sampled_from(
        ["\\u00", "\\", '"', "eval" + "(", "WScr" + "ipt.Shell", "\u001e" + "val(", "cmd" + ".exe /c", "🦀\U000e0041"]
    ),
)
EARLY, LATE = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1971, 2100))
some = st.text(min_size=1, max_size=8, alphabet="abc/:. <é")
lists = st.lists(texts, max_size=3).map(tuple)
times = st.datetimes(EARLY, LATE, timezones=st.just(UTC))
maybe = st.none() | times
days = st.dates()
windows = st.builds(Window, days, days)
sources = st.builds(Source, texts, some, some)
values = st.one_of(texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(), lists)
records = st.builds(
    Record,
    kind=texts,
    time=maybe,
    fields=st.dictionaries(texts, values, max_size=4),
    source=sources,
    channel=texts,
    server=texts,
    opener=st.none(),
)
visits = st.builds(
    Visit, lists, st.integers(-1, 10**8), maybe, maybe, sources, st.integers(1, 10**6), st.integers(0, 10**12), lists
)  # fmt: skip
crowds = st.builds(
    Values, texts, st.lists(st.tuples(texts, st.integers(1, 10**9)), max_size=2).map(tuple), st.integers(0, 10**9), st.booleans()
)  # fmt: skip
singles = st.builds(
    Finding, rule=texts, pack=texts, title=texts, outcome=st.sampled_from(Outcome), decisive=st.booleans(),
    severity=st.sampled_from(Severity), confidence=st.sampled_from(Confidence),
    because=st.lists(st.builds(Because, texts, texts, texts), max_size=2).map(tuple), techniques=lists, cves=lists, subject=texts,
    count=st.integers(1, 10**9), first_seen=maybe, last_seen=maybe, sources=st.lists(sources, min_size=1, max_size=3).map(tuple),
    record=records, own=st.booleans(), trace=texts, falsepositives=lists, references=lists,
    visits=st.lists(visits, max_size=2).map(tuple), crowd=st.lists(crowds, max_size=1).map(tuple),
)  # fmt: skip
findings = st.builds(lambda told, parts: replace(told, parts=tuple(parts)), singles, st.lists(singles, max_size=1))
spans = st.builds(
    Span, kind=texts, channel=texts, server=texts, path=texts, records=st.integers(0, 10**6), first=maybe, last=maybe,
    hours=st.frozensets(st.integers(400_000, 400_300), max_size=40), busy=st.booleans(),
)  # fmt: skip
gaps = st.builds(
    Gap,
    kind=texts,
    cause=st.sampled_from(Cause),
    detail=texts,
    source=st.none() | sources,
    since=maybe,
    until=maybe,
    channel=texts,
    server=texts,
    count=st.integers(1, 10**6),
)
asked = st.builds(Question, st.sampled_from(Reply), texts, lists)
answers = st.builds(
    Answer,
    texts,
    texts,
    st.sampled_from(Verdict),
    st.none() | st.sampled_from(Outcome),
    maybe,
    maybe,
    lists,
    lists,
    st.none() | windows,
)


def few(of: st.SearchStrategy, most: int = 2) -> st.SearchStrategy:
    return st.lists(of, max_size=most).map(tuple)


acts = st.builds(
    Act, st.sampled_from(Outcome), lists, maybe, maybe, lists, few(st.builds(SeenIn, texts, st.integers(1, 10**6), sources)), lists
)  # fmt: skip
intrusions = st.builds(
    Intrusion, texts, maybe, maybe, lists, lists, lists, lists, lists, lists, texts, texts, lists,
    servers=lists, sessions=lists, acts=few(acts), why=lists, mixed=lists, notes=lists,
)  # fmt: skip
pages = st.builds(
    Planted, texts, st.lists(st.integers(0, 9), max_size=3).map(tuple), maybe, maybe, maybe, st.sampled_from(Fate),
    st.none() | days, texts, lists, st.none() | sources,
)  # fmt: skip
sweeps = st.builds(
    Sweep, st.integers(0, 10**6), st.booleans(), st.integers(0, 10**9), maybe, maybe,
    few(st.builds(Prober, texts, st.integers(0, 10**9), maybe, maybe, lists), 1),
)  # fmt: skip
tools = st.builds(Tool, texts, texts, few(st.builds(PackUsed, texts, texts, texts)))
rechecks = st.builds(
    Recheck, texts, times, st.sampled_from(Verdict), tools, st.integers(0, 10**6), lists, lists, lists,
    few(st.tuples(texts, texts)), few(st.builds(Withdrawn, findings, texts), 1),
)  # fmt: skip
mounts = st.lists(st.builds(Mount, texts, texts, texts, texts), max_size=2).map(tuple)
assessments = st.builds(
    Assessment,
    tool=tools,
    generated=times,
    host=st.builds(Host, texts, texts, texts, texts, texts, texts, texts, lists, lists, st.builds(Sites, mounts)),
    verdict=st.sampled_from(Verdict),
    questions=st.builds(Questions, asked, asked, asked, asked, asked),
    answers=few(answers),
    findings=few(findings, 3),
    coverage=st.builds(Coverage, few(spans, 3), few(gaps)),
    readings=few(st.builds(Reading, texts, texts, st.none() | days, texts, sources)),
    exposure=few(st.builds(Exposure, texts, st.sampled_from(State), texts, st.none() | days, st.none() | days)),
    intrusions=few(intrusions, 1),
    timeline=few(st.builds(Moment, times, texts, st.sampled_from(["attack", "context", "patch", "tool", "log"]) | texts, texts, st.none() | sources, texts, st.integers(0, 3))),
    plan=few(st.builds(Step, st.integers(0, 99), texts, texts, texts, st.booleans(), lists, st.booleans(), texts)),
    allowed=few(st.builds(Allowed, findings, texts, st.none() | days), 1),
    problems=few(st.builds(Problem, texts, texts, texts)),
    period=st.none() | windows,
    evidence=lists,
    tlp=st.none() | st.sampled_from(Tlp),
    redacted=texts,
    mixed=lists,
    planted=few(pages),
    sweep=st.none() | sweeps,
    recheck=st.none() | rechecks,
    schema=st.just("exhume.assessment/1"),
)  # fmt: skip


def strings(value: object) -> list[str]:
    """Every text anywhere inside an assessment."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return [value]
    if is_dataclass(value) and not isinstance(value, type):
        return [s for f in fields(value) for s in strings(getattr(value, f.name))]
    if isinstance(value, dict):
        return [s for pair in value.items() for s in strings(pair)]
    if isinstance(value, tuple | list):
        return [s for item in value for s in strings(item)]
    return []
