"""Planted pages: when each was placed and used, whether it is gone, since when, and by whose hand. Pure.

A page that is not on the disk may have been removed by a clean-up tool, an administrator, the intruder or, in April 2021, by
the FBI. Only a record that names the file, or a command, is taken for proof; else it is unknown, and what is possible is said.

References: timeline.md of the project's notes. Department of Justice, 13 April 2021: from 9 April on the FBI had single shells
of one early group, on hundreds of servers in the US, delete themselves, after copying them, and removed nothing else.
CSS-Exchange, commit 9f32cc847: until 19 March 2021 EOMT's scan always removed what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from exhume.judge.shown import pages_shown
from exhume.judge.touch import Second, reached
from exhume.judge.verdict import raised
from exhume.model import Coverage, Fate, Finding, Intrusion, Outcome, Planted, Reading, Source, Visit
from exhume.model.visit import values
from exhume.model.windows import served_url

FBI = date(2021, 4, 9), date(2021, 4, 13)
EOMT_ALWAYS_REMOVED = date(2021, 3, 19)
POSTS = 3
"""Rows from which on it says something that all are POST."""
_POSTED = " are POST: a page that people look at is opened with GET."
_TARGET = re.compile(r"(?:^|[;,\s])(?:[a-z]+:_?)?([A-Za-z]:\\[^;|>]+)")
_DONE = re.compile(r"remov|quarantin|delet|clean", re.IGNORECASE)
_NOT = re.compile(r"not removed|no ?action|not applicable|fail|allow|result 0x0*[1-9a-f]", re.IGNORECASE)
_DELETES = re.compile(r"\b(?:del|erase|rm|rd|rmdir|remove-item|ri)\b", re.IGNORECASE)
_TOOLS = {
    "msert": "Microsoft Safety Scanner",
    "mrt": "Malicious Software Removal Tool",
    "eomt": "EOMT",
    "defender": "Microsoft Defender",
}
_Dates = tuple[str, tuple[int, ...], datetime | None, datetime | None, datetime | None]
"""Page, actors, placed, first and last used."""


@dataclass(frozen=True, slots=True)
class _Act:
    """A record that says that the file was found or removed."""

    who: str
    removed: bool
    day: date | None
    when: str
    says: str
    source: Source


def planted(
    findings: Sequence[Finding],
    intrusions: Sequence[Intrusion],
    second: Second,
    coverage: Coverage,
    readings: Iterable[Reading],
) -> tuple[Planted, ...]:
    """The pages of all intrusions, in order of their first intrusion and name, then those of findings that are in none."""
    pages: dict[str, list[int]] = {}
    for number, one in enumerate(intrusions, 1):
        for page in one.web_shells:
            pages.setdefault(page, []).append(number)
    for finding in findings:
        if raised(finding) is not None:
            for visit in finding.visits:
                for page in pages_shown(finding, visit):
                    pages.setdefault(page, [])
    tools = tuple(r for r in readings if r.what == "tool")
    earlier = {one.page: one for one in second.planted}
    index = _Told.of_findings((*findings, *second.touched))
    out: list[Planted] = []
    for page, actors in pages.items():
        life = _life(page, tuple(actors), index, coverage, tools)
        known = earlier.get(page)
        use = _use(page, second.touched)
        told = replace(known, actors=life.actors) if known and (known.by or not life.by) else life
        out.append(replace(told, why=(*(w for w in told.why if not w.endswith(_POSTED)), *use)))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class _Told:
    """The findings by what they tell of pages, looked up once: an intruder can bring thousands of either."""

    of: dict[str, list[tuple[Finding, Visit]]]
    on_disk: dict[str, list[Finding]]
    acts: list[Finding]
    """Those of tools and commands."""

    @classmethod
    def of_findings(cls, findings: Iterable[Finding]) -> _Told:
        told = cls({}, {}, [])
        for finding in findings:
            record = finding.record
            if record.kind in ("web.file", "file.entry"):
                told.on_disk.setdefault(_url(finding), []).append(finding)
            elif record.kind in ("tool.detection", "windows.event"):
                told.acts.append(finding)
            for visit in finding.visits:
                for page in {*values(visit.keys, "shell"), *values(visit.keys, "page")}:
                    told.of.setdefault(page, []).append((finding, visit))
        return told


def _life(page: str, actors: tuple[int, ...], told: _Told, coverage: Coverage, tools: Sequence[Reading]) -> Planted:
    mine = told.of.get(page, [])
    web = [v for f, v in mine if f.record.kind in ("iis.access", "exchange.httpproxy")]
    placed = [v.first for f, v in mine if v.first and f.outcome == Outcome.WRITE and v not in web]
    used = [v for v in web if reached(v)]
    first, last = min((v.first for v in used if v.first), default=None), max((v.last for v in used if v.last), default=None)
    on_disk = told.on_disk.get(page, [])
    folder = page.rpartition("/")[0] or "/"
    listed = any(s.kind == "web.folder" and s.channel.lower() == folder for s in coverage.spans)
    acts = sorted(_acts(page, told.acts), key=lambda act: (not act.removed, act.day is None, str(act.day)))
    answered = max((v.last for v in web if v.last and "status:200" in v.keys), default=None)
    missed = _missed(web, answered)
    seen = [v.first for f, v in mine if v.first and ("status:200" in v.keys or page in pages_shown(f, v))]
    common = (page, actors, min(placed, default=None), first, last)
    life = (min(seen, default=None), answered)
    if on_disk:
        found = tuple(f"{act.who} found it{act.when}, and it is still there: {act.says}." for act in acts)
        return Planted(*common, Fate.STILL_THERE, None, "", found, None, *life)
    if acts and acts[0].removed:
        return replace(_removed(common, acts, missed), first_seen=life[0], last_served=life[1])
    if not listed and missed is None:
        return Planted(*common, Fate.CANNOT_TELL, None, "", ("Its folder is not in the evidence.",), None, *life)
    end = missed.first.date() if missed and missed.first else None
    why = tuple(_unknown(page, acts, answered, missed, listed, tools, coverage))
    return Planted(*common, Fate.GONE if listed else Fate.CANNOT_TELL, end, "", why, missed.source if missed else None, *life)


def _use(page: str, touched: Iterable[Finding]) -> tuple[str, ...]:
    """How it was asked for, by the second look, which keeps every method: people open pages with GET."""
    kept = {v.place: v for f in touched if f.record.kind == "iis.access" for v in f.visits if page in values(v.keys, "shell")}
    rows = sum(v.count for v in kept.values())
    posted = rows >= POSTS and all("method:POST" in v.keys for v in kept.values())
    return (f"All {rows} of the first rows of it in the IIS log{_POSTED}",) if posted else ()


def _removed(common: _Dates, acts: Sequence[_Act], missed: Visit | None) -> Planted:
    act = acts[0]
    days = [day for day in (act.day, missed.first.date() if missed and missed.first else None) if day]
    by = min(days, default=None)
    when = f"on or before {by}" if by else "on an unknown day"
    why = [f"Removed {when}, by {act.who}, because {act.says}."]
    if by and FBI[0] <= by <= FBI[1]:
        why.append("The FBI removed web shells in these days as well; here a tool says that it did.")
    return Planted(*common, Fate.GONE, by, act.who, tuple(why), act.source)


def _unknown(
    page: str,
    acts: Sequence[_Act],
    answered: datetime | None,
    missed: Visit | None,
    listed: bool,
    tools: Sequence[Reading],
    coverage: Coverage,
) -> Iterator[str]:
    """It is not there, and nothing says who took it away: what is known, and what is possible."""
    yield "Gone; by whom is unknown." if listed else "Whether the file is gone is not known: its folder is not in the evidence."
    if answered:
        yield f"It answered 200 last on {answered:%Y-%m-%d %H:%M} UTC."
    if missed and missed.first:
        yield f"It was asked for and not found first on {missed.first:%Y-%m-%d %H:%M} UTC."
    for act in acts:
        yield f"{act.who} found it{act.when}; that it removed it is not said: {act.says}."
    start = answered.date() if answered else None
    end = missed.first if missed and missed.first else coverage.end
    for run in tools:
        if (
            run.day
            and "found threats" in run.value
            and (start is None or start <= run.day)
            and (not end or run.day <= end.date())
        ):
            always = ", and until 19 March 2021 its scan always removed what it found" if run.day < EOMT_ALWAYS_REMOVED else ""
            yield f"Possible: EOMT's scan found threats on {run.day}{always}; its log names no file ({run.source})."
    if start and end and start <= FBI[1] and end.date() >= FBI[0]:
        yield (
            "Possible: from 9 to 13 April 2021 the FBI removed single web shells from servers in the US, and told the owners;"
            " no log of a server shows it. It patched nothing and looked for nothing else."
        )


def _missed(web: Iterable[Visit], answered: datetime | None) -> Visit | None:
    """The first time that the page was asked for and not found, after it last answered."""
    lost = [
        v for v in web if v.first and {"status:404", "status:410"} & set(v.keys) and (answered is None or v.first > answered)
    ]
    return min(lost, key=lambda v: str(v.first), default=None)


def _url(finding: Finding) -> str:
    record = finding.record
    return record.text("url").lower() or served_url(record.text("windows_path"))


def _acts(page: str, findings: Iterable[Finding]) -> Iterator[_Act]:
    """What clean-up tools and commands say of the page's file."""
    name = page.rpartition("/")[2]
    for finding in findings:
        record = finding.record
        if record.kind == "tool.detection" and _names(record.text("target"), page):
            day = record.time.date() if record.time else _day(record.text("local_time"))
            yield _tool(finding, _TOOLS.get(record.text("tool"), record.text("tool")), record.text("action"), day)
        elif record.kind == "windows.event" and record.text("Threat Name") and _names(record.text("Path"), page):
            action = record.text("Action Name") if record.text("EventID") in ("1007", "1117") else "no action"
            yield _tool(finding, "Microsoft Defender", action, record.time.date() if record.time else None)
        elif record.text("EventID") in ("23", "26") and served_url(record.text("TargetFilename")) == page:
            day = record.time.date() if record.time else None
            who = record.text("Image") or "a program on the server"
            says = f"the log of deleted files names it ({finding.source})"
            yield _Act(who, True, day, f" on {day}" if day else "", says, finding.source)
        elif record.kind == "windows.event" and name in record.text("CommandLine").lower():
            command = record.text("CommandLine").lower()
            if _DELETES.search(command) and command.rfind(name) > min(m.start() for m in _DELETES.finditer(command)):
                day = record.time.date() if record.time else None
                when = f" on {day}" if day else ""
                says = f"a command that deletes it was run ({finding.source})"
                yield _Act("a command on the server, not a clean-up tool", True, day, when, says, finding.source)


def _tool(finding: Finding, who: str, action: str, day: date | None) -> _Act:
    done = bool(_DONE.search(action)) and not _NOT.search(action)
    said = f"its log says {'that it removed it' if done else 'no more'} ({finding.source})"
    return _Act(who, done, day, f" on {day}" if day else "", said, finding.source)


def _names(text: str, page: str) -> bool:
    paths = [m[1] for m in _TARGET.finditer(text)] or [text]
    return any(served_url(path.strip()) == page for path in paths)


def _day(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None
