"""Lines of a tool's text log in whatever encoding it was written, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Record, Value

PIECE = 1024 * 1024
"""Bytes read at a time."""
LONGEST = 64 * 1024
"""Characters kept of one line."""
KIND = "tool.detection"


def encoding_of(head: bytes) -> str:
    """``utf-16-le`` or ``utf-16-be`` by mark or by zero bytes, else ``utf-8``."""
    if head.startswith(b"\xff\xfe") or (head[1:2] == b"\0" and head[:1] != b"\0"):
        return "utf-16-le"
    if head.startswith(b"\xfe\xff") or (head[:1] == b"\0" and head[1:2] != b"\0"):
        return "utf-16-be"
    return "utf-8"


def numbered(head: bytes, stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and lines without their end, of ``head`` and what follows it in the stream.

    Undecodable bytes are replaced. Raises ``OSError`` when the stream does.
    """
    decoder = codecs.getincrementaldecoder(encoding_of(head))("replace")
    number, rest = 0, ""
    piece = head
    while piece:
        lines = (rest + decoder.decode(piece)).split("\n")
        rest = lines.pop()[:LONGEST]
        for line in lines:
            number += 1
            yield number, line[:LONGEST].rstrip("\r").lstrip("\ufeff")
        piece = stream.read(PIECE)
    rest += decoder.decode(b"", final=True)
    if rest.strip("\0\r\ufeff"):
        yield number + 1, rest[:LONGEST].rstrip("\r").lstrip("\ufeff")


def detection(file: File, at: str, tool: str, time: datetime | None = None, **values: str) -> Record:
    """The record of one detection; fields without a value are left out."""
    fields: dict[str, Value] = {"tool": tool}
    fields.update({name: value for name, value in values.items() if value})
    return Record(KIND, time, fields, file.source(at), tool, "", file.opener)


def unlike(file: File, tool: str) -> Gap:
    """The gap for a file whose name promises a log that its content is not."""
    detail = "The file has the name of a security tool's log, and no line of it looks like one."
    return Gap(KIND, Cause.DAMAGED, detail, file.source("file"), channel=tool)
