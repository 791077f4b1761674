"""A log of lines, cut into blocks: the part that every line-log reader shares and that touches each byte.

Windows services write their logs in place: power loss leaves NUL-filled blocks and torn lines, a log that was copied while it
was written ends in the middle of a row, and text editors and PowerShell turn UTF-8 into UTF-16. Here all of that becomes plain
UTF-8-like bytes in blocks of whole lines; what was odd about it is left visible to the caller, never repaired silently.

The blocks depend on the block size, but nothing that is derived from them may: runs of NUL are shortened to ``NUL_RUN``
wherever they fall, and a line's number and limit do not depend on where a block ends.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from exhume.model import Cause, File, Gap

BLOCK = 960 << 10
"""Bytes read at once. From a mebibyte on, the C library gives the memory of each block back to the system and asks for it anew,
which took as long as all the rest."""
LONGEST = 16 << 20
"""Bytes of one line beyond which it is given up."""
HEAD = 4096
"""Bytes that tell the encoding, and that recognition gets."""
NUL_RUN = b"\0" * 16
"""What is left of a run of 16 or more NUL bytes."""
BOM = b"\xef\xbb\xbf"
_NULS = re.compile(rb"\0{17,}")
_MUCH = 0.3
"""Share of NUL bytes in the head above which text is UTF-16: ASCII text has one half."""


@dataclass(slots=True)
class Block:
    """Whole lines, each ended by a newline; only the very last line of a file may lack it."""

    data: bytes
    number: int
    """Line number (from 1) of the first line in it."""
    lines: int | None = None
    """How many they are, from whoever has counted them; else they are counted before the next block."""


@dataclass(slots=True)
class _Defect:
    """Something that is wrong, where first, and how often."""

    cause: Cause
    detail: str
    at: str
    count: int = 0


class Defects:
    """What is wrong with one file: each kind once, with its first place and how often it occurs."""

    def __init__(self) -> None:
        self._seen: dict[str, _Defect] = {}

    def add(self, cause: Cause, detail: str, at: str, count: int = 1) -> None:
        """``detail`` is both the kind and the sentence; ``{count}`` in it is filled in."""
        self._seen.setdefault(detail, _Defect(cause, detail, at)).count += count

    def gaps(self, kind: str, file: File, channel: str = "", server: str = "") -> Iterator[Gap]:
        for defect in self._seen.values():
            detail = defect.detail.replace("{count}", f"{defect.count:,}")
            yield Gap(kind, defect.cause, detail, file.source(defect.at), channel=channel, server=server, count=defect.count)


def encoding_of(head: bytes) -> str:
    """``utf-16-le``, ``utf-16-be`` or ``utf-8``, from a byte order mark or from where the NUL bytes stand."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even + odd > _MUCH * len(head):
        if odd > 9 * even:
            return "utf-16-le"
        if even > 9 * odd:
            return "utf-16-be"
    return "utf-8"


def lone_returns(head: bytes) -> bool:
    """Do the lines end in a carriage return only?"""
    return b"\n" not in head and head.count(b"\r") > 1


@lru_cache(maxsize=2)
def plain(head: bytes) -> bytes:
    """The head of a file as recognition wants it: UTF-8, without byte order mark and leading NULs, lines ended by newlines."""
    encoding = encoding_of(head)
    if encoding != "utf-8":
        head = head.decode(encoding, "replace").encode("utf-8", "replace")
    text = head.removeprefix(BOM).lstrip(b"\0\r\n ")
    return text if b"\n" in text else text.replace(b"\r", b"\n")


@lru_cache(maxsize=2)
def single(head: bytes) -> bytes:
    """The head without NULs, so that UTF-16 reads like ASCII: several readers ask for it, of every file."""
    return head.translate(None, b"\0")


@lru_cache(maxsize=2)
def lowered(head: bytes) -> bytes:
    """``single`` in lower case."""
    return single(head).lower()


def tidy(text: str, longest: int = 60) -> str:
    """Evidence text made safe to show: printable characters only, shortened."""
    shown = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return shown if len(shown) <= longest else shown[:longest] + "…"


class Until:
    """A stream that ends after some bytes."""

    def __init__(self, below: BinaryIO, size: int) -> None:
        self._below, self._left = below, size

    def read(self, size: int) -> bytes:
        data = self._below.read(min(size, self._left))
        self._left -= len(data)
        return data


class Lines:
    """Cuts a stream into blocks of whole lines.

    Reading stops at the first error of the stream (a locked region, a truncated archive member); that is a defect of cause
    UNREADABLE, and what came before it is still given out.
    """

    def __init__(
        self, stream: BinaryIO | Until, defects: Defects, block: int = BLOCK, longest: int = LONGEST, *, number: int = 1
    ) -> None:
        """``number``: of the first line; from 2 on the stream is a later part of a file of UTF-8 text."""
        self._stream, self._defects = stream, defects
        self._block, self._longest = max(1, min(block, longest)), longest
        self.number = number
        """Number of the next line to be given out."""
        self.size = 0
        """Bytes read so far."""
        self.nuls = 0
        """Bytes of long runs of NUL with text behind them: there text is lost. Runs at the end of a file are space that was
        set aside and not written yet, and do not count."""
        self.zeros = False
        """A NUL byte was given out, or is about to be."""

    def __iter__(self) -> Iterator[Block]:
        pending: list[bytes] = []
        held, dropping = 0, False
        for piece in self._squeezed():
            data = piece
            while data and (pending or dropping):
                end = data.find(b"\n")
                if end < 0:
                    break
                if dropping or held + end > self._longest:
                    self._drop()
                    data, pending, held, dropping = data[end + 1 :], [], 0, False
                else:
                    break
            cut = data.rfind(b"\n") + 1
            if cut:
                block = Block(b"".join([*pending, memoryview(data)[:cut]]) if pending else data[:cut], self.number)
                yield block
                self.number += block.data.count(b"\n") if block.lines is None else block.lines
                pending, held = [], 0
            if cut < len(data) and not dropping:
                pending.append(data[cut:])
                held += len(data) - cut
                if held > self._longest:
                    pending, held, dropping = [], 0, True
        if dropping:
            self._drop()
        elif pending:
            yield Block(b"".join(pending), self.number)

    def _drop(self) -> None:
        detail = f"Lines longer than {self._longest >> 20} MiB, left out: {{count}}"
        self._defects.add(Cause.LIMIT, detail, f"line {self.number}")
        self.number += 1

    def _squeezed(self) -> Iterator[bytes]:
        """Text with long runs of NUL shortened, however the pieces cut them."""
        run = 0
        for text in self._text():
            shown = min(run, len(NUL_RUN))
            data = bytes(shown) + text if run else text
            kept = data.rstrip(b"\0") if data.endswith(b"\0") else data
            if kept:
                self.nuls += run - shown
                run = shown
            run += len(data) - len(kept) - shown
            if b"\0" in kept:
                self.zeros = True
                short = _NULS.sub(NUL_RUN, kept) if NUL_RUN in kept else kept
                self.nuls += len(kept) - len(short)
                kept = short
            if kept:
                yield kept
        if run:
            yield bytes(min(run, len(NUL_RUN)))

    def _text(self) -> Iterator[bytes]:
        """The bytes as UTF-8 (or what was meant to be), with newlines between lines."""
        head = self._read(max(HEAD, self._block))
        later = self.number > 1
        encoding = "utf-8" if later else encoding_of(head[:HEAD])
        if encoding == "utf-8":
            head = head if later else head.removeprefix(BOM)
            returns = not later and lone_returns(head[:HEAD])
            while head:
                yield head.replace(b"\r", b"\n") if returns else head
                head = self._read(self._block)
            return
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        first = True
        while head:
            text = decoder.decode(head)
            yield (text.removeprefix("\ufeff") if first else text).encode("utf-8", "replace")
            head, first = self._read(self._block), False
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")

    def _read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size > 0:
            try:
                part = self._stream.read(size)
            except (OSError, EOFError):
                self._defects.add(Cause.UNREADABLE, "The file could not be read to its end", f"line {self.number}")
                break
            if not part:
                break
            parts.append(part)
            self.size += len(part)
            size -= len(part)
        return b"".join(parts) if len(parts) != 1 else parts[0]
