"""Microsoft Safety Scanner (msert.log, msert.old.log) and the Malicious Software Removal Tool (mrt.log), which write alike.

Sample::

    Microsoft Safety Scanner v1.405, (build 1.405.445.0)
    Started On Thu Feb 22 13:33:34 2024
    Threat Detected: Virus:DOS/EICAR_Test_File, not removed.
        Action: NoAction, Result: 0x00000000
            file://C:\\Windows\\eicar.com
    Results Summary:
    Found Virus:DOS/EICAR_Test_File, not removed.
    Microsoft Safety Scanner Finished On Thu Feb 22 13:35:58 2024
    Return code: 7 (0x7)

Its times are the server's local ones without a zone, so records carry them as text (``local_time``) and have no ``time``.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.readers.toollines import KIND, detection, unlike

_HEADER = re.compile(r"^Microsoft (Safety Scanner|Windows Malicious Software Removal Tool) v([\d.]+)(?:, \(build ([\d.]+)\))?")
_STARTED = re.compile(r"^Started On (.+)$")
_FINISHED = re.compile(r"^Microsoft .{1,60}Finished On (.+)$")
_THREAT = re.compile(r"^\s*Threat [Dd]etected:\s*([^,\s]+)(?:,\s*(.*?)\.?)?\s*$")
_FOUND_IN = re.compile(r"^Found virus:\s*(\S+)(?:\s+in\s+(.+?))?(?:,\s*(.*?))?\s*$")
_FOUND = re.compile(r"^Found (\S+?)(?:,? (and Removed!|not removed\.|.*))?\s*$")
_ACTION = re.compile(r"^\s+Action:\s*(\w+), Result:\s*(0x[0-9A-Fa-f]+)")
_RESOURCE = re.compile(
    r"^\s+((?:container)?file|process|regkey|regkeyvalue|service|taskscheduler|runkey|folder|behavior|amsi|wmi)://?(.+)$"
)
_ERROR = re.compile(r"^->\s*Scan ERROR:")
_CODE = re.compile(r"^Return code:\s*(\d+)")
_NONE = re.compile(r"^No infection found")
_MONTHS = {m: n for n, m in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
_ASCTIME = re.compile(r"^\w{3} (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})\s*$")


@dataclass(slots=True)
class _Run:
    """One run of the tool."""

    tool: str
    version: str
    line: int
    started: datetime | None = None
    finished: datetime | None = None
    ended: bool = False
    code: str = ""
    threats: set[str] = field(default_factory=set)
    summary: list[tuple[int, str, str]] = field(default_factory=list)
    errors: int = 0

    @property
    def local(self) -> str:
        moment = self.started or self.finished
        return moment.isoformat() if moment else ""


def local_moment(text: str) -> datetime | None:
    """``Thu Feb 22 13:33:34 2024`` (English, as the tool always writes) without a zone; ``None`` for anything else."""
    match = _ASCTIME.match(text.strip())
    if not match or match.group(1) not in _MONTHS:
        return None
    month, day, hour, minute, second, year = match.groups()
    try:
        return datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))  # noqa: DTZ001 - zone unknown
    except ValueError:
        return None


def read_msert(lines: Iterable[tuple[int, str]], file: File) -> Generator[Record | Gap | Reading, None, None]:
    """Detections, one reading for each run, one gap for what a run could not scan."""
    run: _Run | None = None
    threat: _Threat | None = None
    seen = False
    for number, line in lines:
        if match := _HEADER.match(line):
            if run:
                yield from _close(run, threat, file)
            tool = "msert" if match.group(1) == "Safety Scanner" else "mrt"
            run, threat, seen = _Run(tool, match.group(3) or match.group(2), number), None, True
        elif match := _THREAT.match(line):
            run = run or _Run("msert", "", number)
            if threat:
                yield from threat.close(run, file)
            threat, seen = _Threat(number, match.group(1), match.group(2) or ""), True
            run.threats.add(match.group(1))
        elif threat and (match := _ACTION.match(line)):
            threat.action = f"{match.group(1)}, result {match.group(2)}"
        elif threat and (match := _RESOURCE.match(line)):
            threat.resources.append((number, match.group(1), match.group(2).strip()))
        elif match := _FOUND_IN.match(line):
            run, seen = run or _Run("msert", "", number), True
            run.threats.add(match.group(1))
            target = (match.group(2) or "").removeprefix("file://")
            yield detection(
                file,
                f"line {number}",
                run.tool,
                threat=match.group(1),
                target=target,
                action=match.group(3) or "",
                local_time=run.local,
            )
        elif run:
            _about_run(run, line, number)
    if run:
        yield from _close(run, threat, file)
    if not seen:
        yield unlike(file, "msert")


@dataclass(slots=True)
class _Threat:
    """One detection while its resources are read."""

    line: int
    name: str
    action: str
    resources: list[tuple[int, str, str]] = field(default_factory=list)

    def close(self, run: _Run, file: File) -> Generator[Record, None, None]:
        told = [r for r in self.resources if r[1] != "containerfile"] or self.resources or [(self.line, "", "")]
        for number, kind, target in told:
            yield detection(
                file,
                f"line {number}",
                run.tool,
                threat=self.name,
                target=target,
                action=self.action,
                resource=kind,
                local_time=run.local,
            )


def _about_run(run: _Run, line: str, number: int) -> None:
    if match := _STARTED.match(line):
        run.started = local_moment(match.group(1))
    elif match := _FINISHED.match(line):
        run.finished, run.ended = local_moment(match.group(1)), True
    elif match := _CODE.match(line):
        run.code = match.group(1)
    elif _ERROR.match(line):
        run.errors += 1
    elif not _NONE.match(line) and (match := _FOUND.match(line)) and "/" in match.group(1):
        run.summary.append((number, match.group(1).rstrip(","), match.group(2) or ""))


def _close(run: _Run, threat: _Threat | None, file: File) -> Generator[Record | Gap | Reading, None, None]:
    """What is left to say at the end of a run."""
    if threat:
        yield from threat.close(run, file)
    for number, name, action in run.summary:
        if name not in run.threats:
            yield detection(file, f"line {number}", run.tool, threat=name, action=action.rstrip("!."), local_time=run.local)
    found = len(run.threats | {name for _, name, _ in run.summary})
    name = "Microsoft Safety Scanner" if run.tool == "msert" else "Malicious Software Removal Tool"
    state = f"{found} threats" if found else "nothing found"
    if not run.ended:
        state += ", did not finish"
    elif run.code:
        state += f", return code {run.code}"
    moment = run.started or run.finished
    source = file.source(f"line {run.line}")
    yield Reading(
        "tool", f"{name} {run.version}: {state}".replace(" :", ":"), moment.date() if moment else None, "hint", source
    )
    if run.errors:
        detail = f"{name} could not scan {run.errors} resources, so its result says nothing of them."
        yield Gap(KIND, Cause.UNREADABLE, detail, source, channel=run.tool, count=run.errors)
