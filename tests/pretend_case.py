"""Strangers' cases: a server's evidence as a small text file (tests/cases), and how an assessment of it is judged.

A case is YAML: what happened, its published source, the files of the evidence and what a good responder would say of them
(docs/explanation/strangers.md tells the form). ``NAME.yml.b64`` is the same in Base64, for text that an antivirus acts on.
This file imports nothing of exhume: a case is judged by ``assessment.json`` alone, whichever version wrote it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import yaml

from pretend_background import background

CASES = Path(__file__).parent / "cases"
KINDS = ("bad", "benign")
LADDER = ("probe", "attempt", "step", "write", "exec", "post")
MOST_FINDINGS = 15
NAMED = ("accounts", "mailboxes", "addresses", "named")
EXPECTED = {"verdict", "outcome", "campaigns", "not", "web_shells", "first_seen", "findings_at_most", "attacked", *NAMED}
KNOWN = {"title", "source", "story", "period", "covered", "files", "expect"}
_XMLNS = "http://schemas.microsoft.com/win/2004/08/events/event"


class CaseError(ValueError):
    """A case file that says something this runner does not know."""


@dataclass(frozen=True, slots=True)
class Case:
    """One stranger's server, and the right answers about it."""

    name: str
    kind: str
    title: str
    source: tuple[str, ...]
    files: Mapping[str, Any]
    expect: Mapping[str, Any]
    period: tuple[date, date] | None = None
    covered: bool = False

    def arguments(self) -> list[str]:
        """The period, as options of ``exhume assess``."""
        return [f"--since={self.period[0]}", f"--until={self.period[1]}"] if self.period else []

    def content(self) -> dict[str, bytes]:
        """Path → bytes of the evidence."""
        out = {path: _bytes(path, given) for path, given in self.files.items()}
        if self.covered and self.period:
            out = {path: text.encode() for path, text in background(*self.period).items() if path not in out} | out
        return out

    def write(self, folder: Path) -> Path:
        """The evidence as a folder."""
        for path, data in self.content().items():
            place = folder.joinpath(*PurePosixPath(path).parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return folder


@dataclass(slots=True)
class Score:
    """What was right about one case, and what was not, in words."""

    case: str
    got_verdict: str
    got_outcome: str
    findings: int
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def right(self, part: str) -> bool:
        return not self.wrong.get(part)

    @property
    def all_right(self) -> bool:
        return not any(self.wrong.values())

    def say(self, part: str, text: str) -> None:
        self.wrong.setdefault(part, []).append(text)


def cases(*kinds: str) -> list[Case]:
    """Every case of these kinds (all without any), by name."""
    return [load(path) for kind in kinds or KINDS for path in sorted((CASES / kind).glob("*.yml*"))]


def load(path: Path) -> Case:
    text = path.read_bytes()
    tree = yaml.safe_load(base64.b64decode(text) if path.suffix == ".b64" else text)
    expect = tree["expect"]
    strange = (set(tree) - KNOWN) | (set(expect) - EXPECTED)
    if strange:
        raise CaseError(f"{path.name}: unknown keys: {', '.join(sorted(strange))}")
    if not tree["source"] or not tree.get("story"):
        raise CaseError(f"{path.name}: a case needs its source and its story")
    period = tree.get("period")
    if tree.get("covered") and not period:
        raise CaseError(f"{path.name}: a covered case needs a period")
    days = (_day(period[0]), _day(period[1])) if period else None
    name = path.name.removesuffix(".b64").removesuffix(".yml")
    source = tuple([tree["source"]] if isinstance(tree["source"], str) else tree["source"])
    return Case(name, path.parent.name, tree["title"], source, tree["files"], expect, days, bool(tree.get("covered")))


def judged(case: Case, document: Mapping[str, Any]) -> Score:
    """Compares an assessment (the content of ``assessment.json``) with what the case expects."""
    expect = case.expect
    above = [f for f in document["findings"] if LADDER.index(f["outcome"]) >= LADDER.index("attempt")]
    highest = max((a["outcome"] for a in document["answers"] if a["outcome"]), key=LADDER.index, default="null")
    score = Score(case.name, document["verdict"], highest, len(above))
    _judge_verdict(score, case, document)
    if "outcome" in expect and highest not in [one or "null" for one in _several(expect["outcome"])]:
        score.say("outcome", f"outcome {' or '.join(map(str, _several(expect['outcome'])))} expected, got {highest}")
    if first := expect.get("first_seen"):
        seen = min((a["first_seen"] for a in document["answers"] if a["first_seen"]), default=None)
        if seen is None or _time(seen) != _time(first):
            score.say("outcome", f"first seen {first} expected, got {seen}")
    _judge_naming(score, expect, document)
    most = expect.get("findings_at_most", MOST_FINDINGS)
    if len(above) > most:
        score.say("findings", f"{len(above)} findings, at most {most} expected")
    return score


def _judge_verdict(score: Score, case: Case, document: Mapping[str, Any]) -> None:
    expect = case.expect
    allowed = _several(expect["verdict"])
    if document["verdict"] not in allowed:
        score.say("verdict", f"verdict {' or '.join(allowed)} expected, got {document['verdict']}")
    by_name = {a["campaign"]: a["verdict"] for a in document["answers"]}
    for name, verdict in expect.get("campaigns", {}).items():
        if by_name.get(name) not in _several(verdict):
            score.say("verdict", f"{name} {' or '.join(_several(verdict))} expected, got {by_name.get(name)}")
    for name in expect.get("not", []):
        if by_name.get(name) in ("compromised", "suspected"):
            score.say("verdict", f"{name} is {by_name[name]}, and must not be above attempted")
    answer, asked = document["questions"]["attacked"]["answer"], expect.get("attacked")
    if asked is None and case.kind == "benign" and "attempted" not in allowed and answer == "yes":
        score.say("verdict", "attacked: yes, although nobody attacked")
    if isinstance(asked, bool):  # YAML reads a bare yes as true
        asked = "yes" if asked else "no"
    if asked is not None and answer != asked:
        score.say("verdict", f"attacked {asked} expected, got {answer}")


def _several(value: Any) -> list[Any]:
    """One right answer, or those that the source leaves open."""
    return value if isinstance(value, list) else [value]


def _judge_naming(score: Score, expect: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    def of(key: str) -> set[str]:
        return {value.lower() for one in document["intrusions"] for value in one[key]}

    pages = of("web_shells") | {one["page"].lower() for one in document.get("planted", [])}
    wanted = {page.lower() for page in expect.get("web_shells", [])}
    if missing := wanted - pages:
        score.say("naming", f"pages not named: {', '.join(sorted(missing))}")
    if "web_shells" in expect and (more := pages - wanted):
        score.say("naming", f"pages named that are none: {', '.join(sorted(more))}")
    have = {key: of(key) for key in ("accounts", "mailboxes", "addresses")}
    have["accounts"] |= {name.rpartition("\\")[2].partition("@")[0] for name in have["accounts"]}
    for key, names in have.items():
        for value in expect.get(key, []):
            if value.lower() not in names:
                score.say("naming", f"{key}: {value} not named")
    text = "\n".join(_texts(document)).lower()
    for value in expect.get("named", []):
        if value.lower() not in text:
            score.say("naming", f"not named: {value}")


def _texts(document: Mapping[str, Any]) -> Iterator[str]:
    """All that is said of findings, pages and steps of the plan."""
    for one in (*document["findings"], *(part for f in document["findings"] for part in f.get("parts", ()))):
        yield one["title"]
        yield from (str(reason["value"]) for reason in one["because"])
        yield json.dumps(one["record"], ensure_ascii=False).replace("\\\\", "\\")
    for one in (*document.get("planted", []), *document["plan"]):
        yield json.dumps(one, ensure_ascii=False).replace("\\\\", "\\")


def _bytes(path: str, given: Any) -> bytes:
    if isinstance(given, str):
        return _lines(given)
    if set(given) == {"base64"}:
        return base64.b64decode(given["base64"])
    if set(given) == {"events"}:
        write = _xml if path.lower().endswith(".xml") else _json
        return "".join(write(one) + "\r\n" for one in given["events"]).encode()
    raise CaseError(f"{path}: text, base64 or events are known")


def _lines(text: str) -> bytes:
    """Windows' ends of lines, and the mark of UTF-8 with which Exchange's own logs begin."""
    mark = "\ufeff" if text.startswith("#Software: Microsoft Exchange") else ""
    return (mark + text.replace("\r\n", "\n").replace("\n", "\r\n")).encode()


def _system(event: Mapping[str, Any]) -> dict[str, Any]:
    provider = event.get("Provider_Name") or event["Channel"]
    return {
        "Provider": provider, "EventID": event["EventID"], "Level": event.get("Level", 4), "Time": _iso(event["TimeCreated"]),
        "Record": event.get("RecordID", 1), "Channel": event["Channel"], "Computer": event.get("Computer", "EX01.contoso.test"),
    }  # fmt: skip


def _json(event: Mapping[str, Any]) -> str:
    """One event in the form of ``evtx_dump -o jsonl``."""
    head = _system(event)
    data = event.get("Data", {})
    body = {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {"Data": {"#text": [str(v) for v in data]}}
    system = {
        "Provider": {"#attributes": {"Name": head["Provider"]}}, "EventID": head["EventID"], "Level": head["Level"],
        "TimeCreated": {"#attributes": {"SystemTime": head["Time"]}}, "EventRecordID": head["Record"],
        "Channel": head["Channel"], "Computer": head["Computer"],
    }  # fmt: skip
    tree: dict[str, Any] = {"System": system}
    tree |= {"UserData": event["UserData"]} if "UserData" in event else {"EventData": body}
    return json.dumps({"Event": tree}, ensure_ascii=False)


def _xml(event: Mapping[str, Any]) -> str:
    """One event in the form of ``wevtutil qe LOG /f:xml``."""
    head = _system(event)
    data = event.get("Data", {})
    pairs = data.items() if isinstance(data, dict) else ((None, value) for value in data)
    body = "".join(
        f"<Data{f' Name={quoteattr(str(name))}' if name is not None else ''}>{escape(str(value))}</Data>"
        for name, value in pairs
    )
    body = f"<EventData>{body}</EventData>"
    for name, values in event.get("UserData", {}).items():
        inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in values.items())
        body = f"<UserData><{name}>{inner}</{name}></UserData>"
    return (
        f"<Event xmlns='{_XMLNS}'><System><Provider Name={quoteattr(head['Provider'])}/><EventID>{head['EventID']}</EventID>"
        f"<Level>{head['Level']}</Level><TimeCreated SystemTime='{head['Time']}'/><EventRecordID>{head['Record']}"
        f"</EventRecordID><Channel>{escape(head['Channel'])}</Channel><Computer>{escape(head['Computer'])}</Computer></System>{body}</Event>"
    )


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def _iso(value: Any) -> str:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
