"""Bytes to text: every way in which a page may be written so that the server reads it and a search does not.

References: ASP's ``@CODEPAGE`` and ASP.NET's ``CodePage``/``ResponseEncoding`` directives; RFC 2152 (UTF-7).
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_CODEPAGE = re.compile(rb"code\s{0,9}page\s{0,9}=\s{0,9}[\"']?\s{0,9}(\d{2,5})")
_CHARSET = re.compile(rb"(?:encoding|charset)\s{0,9}=\s{0,9}[\"']?\s{0,9}(utf-?7|utf-?16|utf-?32|ibm\d{2,5}|cp\d{2,5})")
_NAMED = {
    "65000": "utf-7",
    "1200": "utf-16-le",
    "1201": "utf-16-be",
    "12000": "utf-32-le",
    "12001": "utf-32-be",
    "65001": "utf-8",
}
_UTF7 = re.compile(r"\+([A-Za-z0-9+/]*)-?")
_UTF7_MARK = re.compile(rb"\+AD(?:w|4)|\+ACU|\+(?:[A-Za-z0-9/]-|AHI|AGU)")
_EBCDIC = (b"\x4c\x6c", b"\x4c\xa2\x83\x99\x89\x97\xa3", b"\x4c\xe2\xc3\xd9\xc9\xd7\xe3")
"""``<%``, ``<script`` and ``<SCRIPT`` in the code pages of IBM's mainframes."""


def texts(data: bytes) -> list[str]:
    """The page as text, likeliest reading first; a second reading only where the page asks for one. Never raises."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return [data[len(mark) :].decode(encoding, "replace")]
    wide = _wide(data[:4096])
    if wide:
        return [data.decode(wide, "replace")]
    found = [_narrow(data)]
    if b"#@~^" in data and not data.isascii():
        found.append(data.decode("latin-1"))  # the script encoder works on single bytes
    if _foreign(data):
        found.append(data.decode("cp500", "replace"))
    for encoding in _asked(data):
        if encoding == "utf-7":
            found.append(utf7(found[0]))
        elif encoding:
            end = data.find(b"%>") + 2
            head = data[:end].decode("latin-1") if 2 <= end <= 1024 else ""
            found.append(head + data[len(head) :].decode(encoding, "replace"))
    return list(dict.fromkeys(found))


def _wide(head: bytes) -> str:
    """UTF-16 or UTF-32 without a mark: told by where the zero bytes stand."""
    if b"\0" not in head:
        return ""
    columns = [head[start::4].count(0) * 4 > len(head) // 2 for start in range(4)]
    known = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return known.get((columns[0], columns[1], columns[2], columns[3]), "")


def _narrow(data: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _foreign(data: bytes) -> bool:
    return b"<%" not in data and any(mark in data for mark in _EBCDIC) and b"<script" not in data.lower()


def _asked(data: bytes) -> list[str]:
    """Encodings that the page's own directives name and that differ from plain text."""
    names: list[str] = []
    head = data[:65536].lower()
    charset = b"charset" in head or b"encoding" in head
    for pattern in (_CODEPAGE, _CHARSET) if charset else (_CODEPAGE,):
        for match in list(pattern.finditer(head))[:8]:
            word = match[1].decode("ascii")
            digits = word.lstrip("ibmcp")
            name = _NAMED.get(digits) or (f"cp{int(digits):03d}" if digits.isdecimal() else word)
            try:
                known = codecs.lookup(name).name
                changes = "<%>".encode(known)[-3:] != b"<%>"
            except (LookupError, UnicodeError):
                continue
            if changes or known == "utf-7":
                names.append(known)
    if _UTF7_MARK.search(data[:65536]) and b"+AD" in data:
        names.append("utf-7")
    return list(dict.fromkeys(names))


def utf7(text: str) -> str:
    """UTF-7 read as leniently as Windows does: broken shifts decode to as much as they hold, often nothing."""
    return _UTF7.sub(_shift, text)


def _shift(match: re.Match[str]) -> str:
    body = match[1]
    if not body:
        return "+"
    whole = len(body) * 6 // 16 * 2
    try:
        data = base64.b64decode(body + "A" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return data[:whole].decode("utf-16-be", "replace")
