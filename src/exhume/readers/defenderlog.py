"""Microsoft Defender's own text logs (MPLog-*.log, MPDetection-*.log) and its binary DetectionHistory files.

Sample: ``2023-07-12T11:16:35.087Z DETECTIONEVENT MPSOURCE_REALTIME Backdoor:ASP/Webshell!MSR file:C:\\web\\x.asp;``
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from datetime import UTC, datetime

from exhume.model import Cause, File, Gap, Reading, Record, Span, hour_of
from exhume.readers.toollines import KIND, detection, unlike

_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z?\s+(?=\S)")
_DETECTION = re.compile(
    r"(?P<what>DETECTION_CLEANEVENT|DETECTIONEVENT|DETECTION_ADD(?:#\d+)?|DETECTION)\s+"
    r"(?:MPSOURCE_(?P<source>\w+)\s+)?(?:(?P<action>MP_THREAT_ACTION_\w+)\s+(?P<code>0x[0-9A-Fa-f]+|\d+)\s+)?"
    r"(?P<threat>[A-Za-z]+:[^\s;]+)\s*(?P<resources>.*)$"
)
_COMMAND = re.compile(r"command line reported as threat:\s*(?P<target>.+)$")
_BAG = re.compile(r"\s+PropBag \[.*$")
_RESOURCE = re.compile(r"^(?P<kind>[a-z]+):_?(?P<target>.+)$")
_NAMED = re.compile(
    r"\b(?:Trojan|Backdoor|Exploit|HackTool|Virus|Worm|Behavior|Ransom|VirTool|PUA|PWS|Tool)[A-Za-z]{0,12}:[A-Za-z0-9]+/[\w.!@~-]+"
)
_WIDE = re.compile(rb"(?:[\x20-\x7e]\0){4,2048}")
_TARGET = re.compile(r"^(?:[A-Za-z]:\\|\\\\|\\Device\\)")
HISTORY_LIMIT = 1024 * 1024
"""Bytes read of one DetectionHistory file; real ones have a few kilobytes."""


def read_defender(lines: Iterable[tuple[int, str]], file: File) -> Generator[Record | Gap | Reading, None, list[Span]]:
    """A record for each detection and resource, a reading for each day with one, and the span of the log."""
    hours: set[int] = set()
    first: datetime | None = None
    last: datetime | None = None
    records = 0
    days: set[object] = set()
    for number, line in lines:
        match = _TIME.match(line)
        if not match:
            continue
        moment = _moment(match.group(1))
        if moment is None:
            continue
        hours.add(hour_of(moment))
        first, last = min(first or moment, moment), max(last or moment, moment)
        for record in _detections(line[match.end() :], number, moment, file):
            records += 1
            yield record
            if moment.date() not in days:
                days.add(moment.date())
                yield Reading(
                    "tool", "Microsoft Defender: threats detected", moment.date(), "hint", file.source(f"line {number}")
                )
    if first is None:
        yield unlike(file, "defender")
        return []
    return [Span(KIND, "defender", "", file.folder, records, first, last, frozenset(hours))]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _detections(text: str, number: int, moment: datetime, file: File) -> Generator[Record, None, None]:
    if "DETECTION" not in text and "reported as threat" not in text:
        return
    at = f"line {number}"
    if match := _DETECTION.search(text):
        resources = [r for r in _BAG.sub("", match.group("resources")).split(";") if r.strip()] or [""]
        action = match.group("action") or match.group("what").partition("#")[0]
        for resource in resources:
            part = _RESOURCE.match(resource.strip())
            kind, target = (part.group("kind"), part.group("target")) if part else ("", resource.strip())
            origin = (match.group("source") or "").lower()
            yield detection(
                file,
                at,
                "defender",
                moment,
                threat=match.group("threat"),
                target=target,
                action=action,
                resource=kind,
                origin=origin,
            )
    elif match := _COMMAND.search(text):
        target = match.group("target").strip()
        yield detection(file, at, "defender", moment, threat="command line", target=target, action="reported as threat")


def read_history(data: bytes, file: File) -> Generator[Record | Gap | Reading, None, None]:
    """Threat and path of a DetectionHistory file, from its UTF-16 texts: its binary layout is not documented."""
    texts = [m.group().decode("utf-16-le") for m in _WIDE.finditer(data)]
    threat = next((m.group() for t in texts if (m := _NAMED.search(t))), "")
    targets = list(dict.fromkeys(t for t in texts if _TARGET.match(t)))
    if not threat:
        detail = "A detection of Microsoft Defender is stored here, and no name of a threat could be made out in it."
        yield Gap(KIND, Cause.DAMAGED, detail, file.source("file"), channel="defender")
        return
    for target in targets[:20] or [""]:
        yield detection(file, "file", "defender", threat=threat, target=target, action="detection history")
    day = file.modified.date() if file.modified else None
    yield Reading("tool", "Microsoft Defender: threats detected", day, "hint", file.source("file"))
