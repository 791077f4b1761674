"""Exchange's own set-up logs: ExchangeSetup.log, ServiceControl.log and the Windows Installer's logs of updates.

Samples, one of each (times of the first are UTC, of the others local)::

    [03/08/2021 04:32:02.0224] [0] Setup version: 15.1.2176.2.
    [00:50:54] * ServiceControl.ps1: 21/11/2022 00:50:54
    MSI (c) (C4:3C) [17:54:26:129]: … Update Name: Security Update … (KB5019758) 15.2.1118.20. Installation … status: 0.

A run of set-up counts only if it configured a role and went through to its end: a run from the wizard writes
``CurrentResult setupbase.maincore:396: 0`` even when it failed. Preparing Active Directory is no installation, nor is
installing the management tools.

References: the real logs in CSS-Exchange, ``Setup/Tests``, and its ``SetupLogReviewerFunctions.ps1``; public support threads.
Lines that quote a service's local time differ from their own stamp by the zone that the log names: so the stamps are UTC.
Month comes first whatever the separator is.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Source, Span
from exhume.readers.toollines import PIECE, encoding_of, numbered

KIND = "file"
_STAMPED = re.compile(r"\[(\d\d)[./-](\d\d)[./-](\d{4}) \d\d[:.]\d\d[:.]\d\d\.\d{1,4}\] \[(\d)\] (.*)", re.ASCII | re.DOTALL)
_BANNER = re.compile(r"\*{40,}\s*")
_TITLE = re.compile(r"Microsoft Exchange Server .{0,60}?Setup\b|Exchange.{0,60}?Setup")
_BUILD = re.compile(r"(?<![\d.])(1[45]\.\d{1,2}\.\d{1,5}\.\d{1,5})\.?'?\.?\s*$", re.ASCII)
_LOCAL = re.compile(r"The locally installed version is (1[45](?:\.\d{1,5}){3})\.", re.ASCII)
_ROLE = re.compile(
    r"Ending processing (?!Uninstall)\w+-(?:Mailbox|Cafe|Bridgehead|ClientAccess|FrontendTransport|Gateway)Role\b"
)
_REMOVES = re.compile(r"Name='mode', Value='uninstall'|mode is set to: 'Uninstall'", re.IGNORECASE)
_RESULT = re.compile(r"CurrentResult setupbase\.maincore:\d+: (\d+)", re.ASCII)
_PATCH = re.compile(r"\* (?:ServiceControl|UpdateCas)\.ps1: (\d{1,4})[./-](\d{1,2})[./-](\d{1,4})", re.ASCII)
_INSTALLED = re.compile(
    r"Microsoft Exchange Server\b.{1,400}?\((KB\d{6,8})\)(?: (1[45](?:\.\d{1,5}){3}))?.{0,300}?[:：]\s?0\.?\s*$",
    re.ASCII | re.IGNORECASE,
)
_NAMED_DAY = re.compile(r"_(20\d\d)-(\d\d)-(\d\d)-\d{6}", re.ASCII)
_NAMES = (
    (re.compile(r"exchangesetup[^/\\]*\.log$", re.IGNORECASE), "setup"),
    (re.compile(r"(?:servicecontrol|updatecas)[^/\\]*\.log$", re.IGNORECASE), "patch"),
    (re.compile(r"(?:exchangeupdate_[^/\\]*\.log|exchange[^/\\]*\.msilog)$", re.IGNORECASE), "installer"),
)
_HEAD_LINES = 12
"""Lines after the banner among which the version stands."""


class SetupLogs:
    """Readings ``install``, ``first_install``, ``build`` and ``update``, each with its day."""

    name = "setuplog"
    kinds: frozenset[str] = frozenset()
    streams = True

    def recognises(self, head: bytes, file: File) -> bool:
        text = head.decode(encoding_of(head), "replace").lstrip("\ufeff")
        return bool(_STAMPED.match(text) and _TITLE.search(text[:1000]))

    def expects(self, file: File) -> bool:
        return bool(_named(file))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        read = {"patch": _patches, "installer": _installer}.get(_named(file), _setups)
        try:
            yield from read(numbered(stream.read(PIECE), stream), file)
        except OSError:
            yield Gap(KIND, Cause.UNREADABLE, "Exchange's set-up log could be read only in part", file.source("file"))
        return []


def _named(file: File) -> str:
    return next((log for pattern, log in _NAMES if pattern.match(file.name)), "")


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


@dataclass(slots=True)
class _Run:
    """What one run of set-up said so far."""

    lines: int = 0
    version: str = ""
    local: bool = False
    """Exchange was there before."""
    empty: bool = False
    """Set-up said that no file of Exchange was there."""
    fresh: bool = False
    """The mode is to install, not to upgrade or recover."""
    role: bool = False
    ended: bool = False
    """It came to what is done last."""
    error: bool = False
    removes: bool = False
    said: bool = False
    """It said that it succeeded."""

    def note(self, text: str, depth: str) -> None:
        self.lines += 1
        if "[ERROR" in text[:12]:
            self.error = True
        elif depth == "1" and text.startswith("Ending processing"):
            self.role = self.role or bool(_ROLE.match(text))
            self.ended = self.ended or text.startswith("Ending processing Start-PostSetup")
        elif depth == "0":
            if not self.version and self.lines <= _HEAD_LINES:
                build = _BUILD.search(text)
                self.version = build[1] if build else ""
            self.removes = self.removes or bool(_REMOVES.search(text))
            self.empty = self.empty or text.startswith("The local server does not have any Exchange files installed")
            self.fresh = self.fresh or text.startswith("The installation mode is set to: 'Install'")
            self.said = self.said or text.startswith("The Exchange Server setup operation completed successfully")

    def done(self, succeeded: bool) -> bool:
        """Did it set a server up?"""
        good = self.said or (succeeded and not self.error)
        return bool(self.version) and good and self.role and self.ended and not self.removes


def _setups(lines: Iterable[tuple[int, str]], file: File) -> Iterator[Gap | Reading]:
    run, seen = _Run(), False
    for number, line in lines:
        match = _STAMPED.match(line)
        if not match:
            continue
        month, day_of_month, year, depth, text = match.groups()
        seen = True
        if depth == "0" and _BANNER.fullmatch(text):
            run = run if run.lines <= 2 else _Run()
        run.note(text, depth)
        if depth != "0":
            continue
        day, source = _day(year, month, day_of_month), file.source(f"line {number}")
        local, result = _LOCAL.match(text), _RESULT.match(text)
        if local:
            run.local = True
            yield Reading("build", local[1], day, "cu", source)
        elif result or text.startswith("End of Setup"):
            if run.done(result is not None and result[1] == "0"):
                yield from _installed(run, day, source)
            run = _Run()
    if not seen:
        words = "The file has the name of Exchange's set-up log, and no line of it looks like one"
        yield Gap(KIND, Cause.DAMAGED, words, file.source("file"))


def _installed(run: _Run, day: date | None, source: Source) -> Iterator[Reading]:
    if run.empty and run.fresh and not run.local:
        yield Reading("first_install", run.version, day, "exact", source)
    yield Reading("install", run.version, day, "cu", source)
    yield Reading("build", run.version, day, "cu", source)


def _patches(lines: Iterable[tuple[int, str]], file: File) -> Iterator[Gap | Reading]:
    """Days on which an update stopped or restarted the services; the log names no update and tells no success."""
    found: list[tuple[int, tuple[str, str, str]]] = []
    month_second = False
    for number, line in lines:
        match = _PATCH.search(line[:200])
        if match:
            first, second, last = match.groups()
            month_second = month_second or (len(first) < 4 and int(first) > 12)
            found.append((number, (first, second, last)))
    sure = month_second or any(len(f) < 4 and int(s) > 12 for _, (f, s, _) in found)
    days: set[date | None] = set()
    for number, (first, second, last) in found:
        if len(first) == 4:
            day = _day(first, second, last)
        elif sure:
            day = _day(last, second, first) if month_second else _day(last, first, second)
        else:
            day = _day(last, first, second) if first == second else None
        if day not in days:
            days.add(day)
            yield Reading("update", "an update that the log does not name", day, "hint", file.source(f"line {number}"))


def _installer(lines: Iterable[tuple[int, str]], file: File) -> Iterator[Gap | Reading]:
    """The update that the Windows Installer says it installed, on the day in the log's name."""
    named = _NAMED_DAY.search(file.name)
    day = _day(*named.groups()) if named else None
    told: set[str] = set()
    for number, line in lines:
        match = _INSTALLED.search(line[:2000]) if "(KB" in line else None
        if match and match[1] not in told:
            told.add(match[1])
            source = file.source(f"line {number}")
            yield Reading("update", match[1].upper(), day, "exact", source)
            if match[2]:
                yield Reading("build", match[2], day, "exact", source)
