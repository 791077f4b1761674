"""Does a file hold server-side script? Searched piece by piece, so that the size of the file does not matter.

Looked for: ``<%``, a ``script`` or ``object`` tag that runs at the server (any order, quotes and letter case of its
attributes), a server-side include, and the Razor mark in .cshtml pages; as ASCII, UTF-16 or UTF-32,
or UTF-7. In binary files (PST, DER) ``<%`` alone stands by chance every 64 KiB, so there it must be followed by readable text.
"""

from __future__ import annotations

import re

OVERLAP = 4096
"""Bytes of the last piece that are searched again with the next one; so far apart a tag's name and ``runat`` may stand."""
CANDIDATES = 2000
"""So many ``runat=server`` that belong to no tag at all are taken for a page."""

_RUNAT = re.compile(rb"runat\s{0,64}=\s{0,64}[\"']?\s{0,64}server")
_INCLUDE = re.compile(rb"<!--\s{0,16}#\s{0,16}(?:include|exec)\b")
_QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
_READABLE = re.compile(rb"<%[-@=#:!\s\w/][\t\r\n\x20-\x7e]{12}")
_UTF7 = re.compile(rb"\+ADw(?:AJ[Q-T]|-%|-[sS][cC][rR][iI][pP][tT]|A[cU][wN]B[jD])")
_RAZOR = re.compile(rb"@(?:[{(]|[A-Za-z]{2,16}[.( {])")

_CONTROL = bytes((*range(9), *range(14, 32)))
"""Bytes that text does not hold."""


class ScriptSearch:
    """Feed it the pieces of one file in order; ``found`` tells whether a mark was seen."""

    def __init__(self, *, binary: bool, razor: bool = False) -> None:
        self.found = False
        self._binary = binary
        self._razor = razor
        self._tail = b""
        self._seen = 0

    def feed(self, piece: bytes) -> None:
        if self.found:
            return
        window = self._tail + piece
        self._tail = window[-OVERLAP:]
        self.found = self._in(window) or (b"\0" in window and self._in(window.replace(b"\0", b"")))

    def _in(self, window: bytes) -> bool:
        if self._binary:
            if _READABLE.search(window):
                return True
        elif b"<%" in window or _UTF7.search(window) or (self._razor and _RAZOR.search(window)):
            return True
        lowered = window.lower()
        return bool(_INCLUDE.search(lowered)) or self._runs_at_server(lowered)

    def _runs_at_server(self, lowered: bytes) -> bool:
        for match in _RUNAT.finditer(lowered):
            self._seen += 1
            if self._seen > CANDIDATES:
                return True
            least = max(0, match.start() - OVERLAP)
            for tag in (b"<script", b"<object"):
                start = lowered.rfind(tag, least, match.start())
                if start >= 0 and b">" not in _QUOTED.sub(b"", lowered[start : match.start()]):
                    return True
        return False


def magic_of(head: bytes) -> str:
    """``text``, ``pst``, ``der``, ``pe``, ``zip`` or ``other``, by the first bytes of the file."""
    for mark, word in ((b"!BDN", "pst"), (b"0\x82", "der"), (b"MZ", "pe"), (b"PK\x03\x04", "zip")):
        if head.startswith(mark):
            return word
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return "text"
    sample = head[:4096]
    if b"\0" in sample:
        halves = sorted((sample[::2].count(0), sample[1::2].count(0)))
        if halves[0] or halves[1] < len(sample) // 4:
            return "other"
        sample = sample.replace(b"\0", b"")
    odd = len(sample) - len(sample.translate(None, _CONTROL))
    return "other" if odd * 20 > len(sample) else "text"


def decode(data: bytes) -> str:
    """Text of a file in UTF-8, UTF-16 (with a mark, or without one when every other byte is zero) or Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data[:1] and b"\0" in data[:64]:
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
