"""Scheduled tasks as Windows keeps them: what runs, as whom, from where (T1053.005).

Sample: ``C/Windows/System32/Tasks/Winnet``, UTF-16 text that begins ``<?xml version="1.0" encoding="UTF-16"?>``, ``<Task
version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">`` and has ``<Exec><Command>cmd.exe</Command>``.

References: learn.microsoft.com, [MS-TSCH] 2.5, the XML of task definitions; an export (``schtasks /query /xml``) is the same.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span, Value
from exhume.readers.configxml import element_of
from exhume.readers.hashes import digest, entry_fields, place
from exhume.readers.lines import single
from exhume.readers.script import decode

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LIMIT = 1 << 20
"""Bytes read of one task; a real one has a few kilobytes."""
MOST = 32
"""Actions of one task; Windows allows no more."""
_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_T = f"{{{_NAMESPACE}}}"
_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>")
_FOLDER = "\\system32\\tasks\\"


class Tasks:
    """Record ``windows.task`` for each action of a task, and the file itself as ``file.entry``."""

    name = "tasks"
    kinds = frozenset({"windows.task", "file.entry"})
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        plain = single(head)
        return b"<Task " in plain and _NAMESPACE.encode() in plain

    def expects(self, file: File) -> bool:
        return False

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        kept = bytearray()
        digests = digest(stream, file, "file.entry", LIMIT, kept.extend)
        yield Record("file.entry", None, entry_fields(file, digests), file.source("file"), "files", "", file.opener)
        if digests.gap:
            yield digests.gap
        root = element_of(_DECLARATION.sub("", decode(bytes(kept))))
        if root is None:
            detail = "The scheduled task is no well-formed XML: what it runs was not read."
            yield Gap("windows.task", Cause.DAMAGED, detail, file.source("file"), channel="tasks")
            return []
        actions = list(_actions(root))
        common = _common(root, file)
        for number, action in enumerate(actions[:MOST], 1):
            yield Record("windows.task", None, common | action, file.source(f"action {number}"), "tasks", "", file.opener)
        return [Span("windows.task", "tasks", "", file.folder, records=min(len(actions), MOST))]


def _common(root: Element, file: File) -> dict[str, Value]:
    windows, _ = place(file)
    below = windows.lower().find(_FOLDER)
    name = windows[below + len(_FOLDER) - 1 :] if below >= 0 else _text(root, "RegistrationInfo/URI") or file.name
    found = {
        "name": name,
        "windows_path": windows,
        "Author": _text(root, "RegistrationInfo/Author"),
        "Date": _text(root, "RegistrationInfo/Date"),
        "UserId": _text(root, "Principals/Principal/UserId"),
        "RunLevel": _text(root, "Principals/Principal/RunLevel"),
        "Enabled": _text(root, "Settings/Enabled"),
        "Hidden": _text(root, "Settings/Hidden"),
    }
    return {key: value for key, value in found.items() if value}


def _actions(root: Element) -> Iterator[dict[str, Value]]:
    for action in root.iterfind(f"{_T}Actions/*"):
        kind = action.tag.removeprefix(_T)
        found = {"Action": kind} | {
            name: _text(action, name) for name in ("Command", "Arguments", "WorkingDirectory", "ClassId")
        }
        yield {key: value for key, value in found.items() if value}


def _text(element: Element, path: str) -> str:
    return (element.findtext("/".join(_T + part for part in path.split("/"))) or "").strip()
