"""Assessment → JSON bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TypeAlias

from exhume.model import (
    Act,
    Allowed,
    Answer,
    Assessment,
    Coverage,
    Finding,
    Gap,
    Host,
    Intrusion,
    Moment,
    Planted,
    Question,
    Reading,
    Recheck,
    Record,
    Source,
    Span,
    Step,
    Tool,
    Value,
    Visit,
    Window,
    allow_lines,
    raised,
    to_confirm,
)
from exhume.reports.document import crowds
from exhume.reports.document.custody import written as custody
from exhume.reports.plain import json_text as _text

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Document:
    """The machine-readable result; every other program relies on its keys."""

    name = "json"
    filename = "assessment.json"

    def render(self, assessment: Assessment) -> bytes:
        """UTF-8 JSON. ``load`` gives back an equal assessment, except that lone surrogates (bytes that were not UTF-8)
        come back as U+FFFD, and numbers that JSON does not have (NaN, infinity) as text.

        Characters that act on a terminal, in HTML or on an antivirus stand as ``\\u`` escapes: the same text to every
        JSON parser, harmless to everything else that reads the file.
        """
        return encoded(_document(assessment))


def encoded(document: Mapping[str, Json]) -> bytes:
    """UTF-8 JSON, one line an item, in which nothing acts on what shows or scans it."""
    lines = [f"{_text(key)}: {_block(value)}" for key, value in document.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8")


def _block(value: Json, indent: str = "  ") -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(indent + _text(item) for item in value) + f"\n{indent[2:]}]"
    if isinstance(value, dict) and any(isinstance(v, list | dict) and v for v in value.values()):
        inner = [f"{indent}{_text(k)}: {_block(v, indent + '  ')}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner) + f"\n{indent[2:]}}}"
    return _text(value)


def _document(a: Assessment) -> dict[str, Json]:
    questions = a.questions
    return {
        "schema": a.schema,
        "tlp": str(a.tlp) if a.tlp else None,
        "redacted": a.redacted,
        "tool": tool(a.tool),
        "generated": time(a.generated),
        "host": _host(a.host),
        "verdict": str(a.verdict),
        "recheck": _recheck(a.recheck) if a.recheck else None,
        "questions": {
            "exposed": _question(questions.exposed),
            "attacked": _question(questions.attacked),
            "broken_into": _question(questions.broken_into),
            "since_how_far": _question(questions.since_how_far),
            "clean_now": _question(questions.clean_now),
        },
        "period": _window(a.period),
        "evidence": list(a.evidence),
        "answers": [_answer(x) for x in a.answers],
        "exposure": [
            {"cve": x.cve, "state": str(x.state), "since": _day(x.since), "until": _day(x.until), "why": x.why}
            for x in a.exposure
        ],
        "plan": [_step(x) for x in a.plan],
        "findings": [_finding(x) for x in a.findings],
        "to_confirm": _texts(f.id for f in a.findings if to_confirm(f)),
        "intrusions": [_intrusion(x) for x in a.intrusions],
        "sweep": crowds.sweep(a.sweep) if a.sweep else None,
        "planted": [_planted(x) for x in a.planted],
        "mixed": _texts(a.mixed),
        "timeline": [_moment(x) for x in a.timeline],
        "readings": [_reading(x) for x in a.readings],
        "coverage": _coverage(a.coverage),
        "allowed": [_allowed(x) for x in a.allowed],
        "custody": custody(a.custody, str(time(a.custody.begun)), str(time(a.custody.ended))) if a.custody else None,
        "problems": [{"pack": x.pack, "file": x.file, "reason": x.reason} for x in a.problems],
    }


def time(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _texts(values: Iterable[str]) -> list[Json]:
    return list(values)


def _window(window: Window | None) -> Json:
    return {"since": _day(window.since), "until": _day(window.until)} if window else None


def tool(tool: Tool) -> Json:
    packs: list[Json] = [{"name": p.name, "version": p.version, "digest": p.digest} for p in tool.packs]
    return {"version": tool.version, "engine": tool.engine, "packs": packs}


def _host(host: Host) -> Json:
    return {
        "name": host.name,
        "product": host.product,
        "cu": host.cu,
        "build": host.build,
        "build_source": host.build_source,
        "install_root": host.install_root,
        "time_zone": host.time_zone,
        "roles": _texts(host.roles),
        "servers": _texts(host.servers),
        "sites": [{"site": m.site, "number": m.number, "url": m.url, "folder": m.folder} for m in host.sites.mounts],
    }


def _question(question: Question) -> Json:
    return {"answer": str(question.answer), "text": question.text, "limits": _texts(question.limits)}


def _answer(answer: Answer) -> Json:
    return {
        "campaign": answer.campaign,
        "title": answer.title,
        "verdict": str(answer.verdict),
        "outcome": None if answer.outcome is None else str(answer.outcome),
        "first_seen": time(answer.first_seen),
        "last_seen": time(answer.last_seen),
        "findings": _texts(answer.findings),
        "limits": _texts(answer.limits),
        "window": _window(answer.window),
    }


def _step(step: Step) -> Json:
    return {
        "order": step.order,
        "title": step.title,
        "why": step.why,
        "how": step.how,
        "reversible": step.reversible,
        "findings": _texts(step.findings),
        "decision": step.decision,
        "check": step.check,
    }


def place(source: Source) -> dict[str, Json]:
    return {"path": source.path, "at": source.at, "evidence": source.evidence}


def _finding(f: Finding) -> Json:
    return {
        "id": f.id,
        "rule": f.rule,
        "pack": f.pack,
        "title": f.title,
        "outcome": str(f.outcome),
        "decisive": f.decisive,
        "severity": str(f.severity),
        "confidence": str(f.confidence),
        "time": time(f.record.time),
        "count": f.count,
        "first_seen": time(f.first_seen),
        "last_seen": time(f.last_seen),
        "techniques": _texts(f.techniques),
        "cves": _texts(f.cves),
        "because": [{"field": b.field, "value": b.value, "test": b.test} for b in f.because],
        "source": place(f.source),
        "sources": [place(s) for s in f.sources],
        "record": _record(f.record),
        "subject": f.subject,
        "own": f.own,
        "trace": f.trace,
        "falsepositives": _texts(f.falsepositives),
        "references": _texts(f.references),
        "visits": [_visit(v) for v in f.visits],
        "crowd": [crowds.values(v) for v in f.crowd],
        "parts": [_finding(p) for p in f.parts],
        "raises": str(called) if (called := raised(f)) is not None else None,
        "ambiguous": f.ambiguous,
        "shows": f.shows,
        "weighed": str(f.weighed) if f.weighed is not None else None,
        "beside": _texts(f.beside),
        "allow": "\n".join(allow_lines(f)) or None,
    }


def _visit(visit: Visit) -> Json:
    return {
        "keys": _texts(visit.keys),
        "minute": visit.minute,
        "first": time(visit.first),
        "last": time(visit.last),
        "source": place(visit.source),
        "count": visit.count,
        "size": visit.size,
        "ids": _texts(visit.ids),
    }


def _record(record: Record) -> Json:
    return {
        "kind": record.kind,
        "channel": record.channel,
        "server": record.server,
        "source": place(record.source),
        "fields": _fields(record.fields),
    }


def _fields(fields: Mapping[str, Value]) -> Json:
    return {name: _value(fields[name]) for name in sorted(fields)}


def _value(value: Value) -> Json:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _intrusion(i: Intrusion) -> Json:
    return {
        "id": i.id,
        "first_seen": time(i.first_seen),
        "last_seen": time(i.last_seen),
        "findings": _texts(i.findings),
        "addresses": _texts(i.addresses),
        "user_agents": _texts(i.user_agents),
        "web_shells": _texts(i.web_shells),
        "accounts": _texts(i.accounts),
        "mailboxes": _texts(i.mailboxes),
        "cluster": i.cluster,
        "cluster_why": i.cluster_why,
        "activity": _texts(i.activity),
        "servers": _texts(i.servers),
        "sessions": _texts(i.sessions),
        "acts": [_act(act) for act in i.acts],
        "why": _texts(i.why),
        "mixed": _texts(i.mixed),
        "notes": _texts(i.notes),
    }


def _act(act: Act) -> Json:
    return {
        "outcome": str(act.outcome),
        "titles": _texts(act.titles),
        "first_seen": time(act.first_seen),
        "last_seen": time(act.last_seen),
        "findings": _texts(act.findings),
        "rows": [{"log": row.log, "count": row.count, "source": place(row.source)} for row in act.rows],
        "missing": _texts(act.missing),
    }


def _planted(p: Planted) -> Json:
    return {
        "page": p.page,
        "actors": list(p.actors),
        "placed": time(p.placed),
        "first_used": time(p.first_used),
        "last_used": time(p.last_used),
        "first_seen": time(p.first_seen),
        "last_served": time(p.last_served),
        "fate": str(p.fate),
        "gone_by": _day(p.gone_by),
        "by": p.by,
        "why": _texts(p.why),
        "source": place(p.source) if p.source else None,
    }


def _moment(m: Moment) -> Json:
    return {
        "time": time(m.time),
        "what": m.what,
        "kind": m.kind,
        "finding": m.finding or None,
        "source": place(m.source) if m.source else None,
        "log": m.log,
        "actor": m.actor,
    }


def _reading(r: Reading) -> Json:
    return {"what": r.what, "value": r.value, "day": _day(r.day), "trust": r.trust, "source": place(r.source)}


def _coverage(coverage: Coverage) -> Json:
    return {"spans": [_span(s) for s in coverage.spans], "gaps": [_gap(g) for g in coverage.gaps]}


def _span(span: Span) -> Json:
    return {
        "kind": span.kind,
        "channel": span.channel,
        "server": span.server,
        "path": span.path,
        "first": time(span.first),
        "last": time(span.last),
        "records": span.records,
        "holes": [{"since": time(a), "until": time(b)} for a, b in span.holes()],
        "busy": span.busy,
        "hours": _runs(span.hours),
    }


def _runs(hours: frozenset[int]) -> list[Json]:
    """Hours since 1970 in runs: ``[first, how many]``."""
    runs: list[list[int]] = []
    for hour in sorted(hours):
        if runs and hour == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([hour, 1])
    return [list(run) for run in runs]


def _gap(gap: Gap) -> Json:
    return {
        "kind": gap.kind,
        "channel": gap.channel,
        "path": gap.source.path if gap.source else None,
        "cause": str(gap.cause),
        "detail": gap.detail,
        "since": time(gap.since),
        "until": time(gap.until),
        "server": gap.server,
        "count": gap.count,
        "source": place(gap.source) if gap.source else None,
    }


def _allowed(allowed: Allowed) -> Json:
    return {"finding": _finding(allowed.finding), "reason": allowed.reason, "until": _day(allowed.until)}


def _recheck(r: Recheck) -> dict[str, Json]:
    return {
        "before_sha256": r.before_sha256,
        "before": time(r.before),
        "verdict": str(r.verdict),
        "tool": tool(r.tool),
        "records": r.records,
        "limits": _texts(r.limits),
        "partly": _texts(r.partly),
        "new": _texts(r.new),
        "changed": [{"finding": name, "why": why} for name, why in r.changed],
        "withdrawn": [{"finding": _finding(w.finding), "why": w.why} for w in r.withdrawn],
    }
