"""Text from evidence, made safe for people to look at. Every report passes what it shows through here.

Two dangers, two answers. *Characters that act* (terminal escapes, line breaks, bidirectional overrides, invisible letters)
are shown as what they are: ``\\x1b``, ``\\u202e``. *Words that an antivirus acts on* (pieces of web shells and of attack tools)
are broken with a middle dot, so that the report of a break-in is not deleted as if it were the break-in.

References: peers.md 2.4, 3 (row 11) and 4 of the project's notes: checkers removed by the antivirus (cert-lv 5, 7;
CHIRP 15; Loki 112) and attacker text in HTML (hayabusa 1806).
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

DOT = "·"
NOTE = (
    "A middle dot (·) inside a word was put there by exhume, lest an antivirus takes this report for the attack it describes."
)

_BAIT = (  # Base64 of one word a line, lower case: in clear, this very file would be taken away.
    "ZXZhbChyZXF1ZXN0CmV2YWwoCmV4ZWN1dGUocmVxdWVzdApleGVjdXRlZ2xvYmFsCnJlcXVlc3QuaXRlbVsKcmVxdWVzdC5mb3Jt"
    "WwpyZXF1ZXN0LmhlYWRlcnNbCnJlcXVlc3RbIgp1bnNhZmUiKQpydW5hdD0ic2VydmVyIgpydW5hdD0nc2VydmVyJwpydW5hdD1z"
    "ZXJ2ZXIKcGFnZV9sb2FkCjxzY3JpcHQKPC9zY3JpcHQKPCUKJT4Kd3NjcmlwdC5zaGVsbApzaGVsbC5hcHBsaWNhdGlvbgphZG9k"
    "Yi5zdHJlYW0Kc2NyaXB0aW5nLmZpbGVzeXN0ZW1vYmplY3QKcHJvY2Vzcy5zdGFydApwcm9jZXNzc3RhcnRpbmZvCnN5c3RlbS5k"
    "aWFnbm9zdGljcy5wcm9jZXNzCmZyb21iYXNlNjRzdHJpbmcKYXNzZW1ibHkubG9hZApyZWZsZWN0aW9uLmFzc2VtYmx5CmNvbXBp"
    "bGVhc3NlbWJseWZyb21zb3VyY2UKZG93bmxvYWRzdHJpbmcKZG93bmxvYWRmaWxlCm5ldC53ZWJjbGllbnQKaW52b2tlLWV4cHJl"
    "c3Npb24KaW52b2tlLW1pbWlrYXR6Cmludm9rZS13ZWJyZXF1ZXN0CnNla3VybHNhOjoKcHJpdmlsZWdlOjpkZWJ1Zwpsc2FkdW1w"
    "OjoKY29tc3Zjcy5kbGwKbWluaWR1bXAKLWVuY29kZWRjb21tYW5kCi1lbmMgCnZzc2FkbWluIGRlbGV0ZQpzaGFkb3djb3B5IGRl"
    "bGV0ZQp1cmxjYWNoZQpiaXRzYWRtaW4gL3RyYW5zZmVyCmFtc2l1dGlscwphbXNpaW5pdGZhaWxlZAp2aXJ0dWFsYWxsb2MKbWV0"
    "ZXJwcmV0ZXIKY29iYWx0c3RyaWtlCmNoaW5hIGNob3BwZXIKaHR0cHBvc3RlZGZpbGUKcmVzcG9uc2Uud3JpdGUKc2F2ZWFzKApj"
    "bWQuZXhlIC9jCnBvd2Vyc2hlbGwgLWUKcnVuZGxsMzIKbmlzaGFuZwpwb3dlcmNhdAplaWNhci1zdGFuZGFyZC1hbnRpdmlydXM="
)
_ACTS = re.compile(r"[^ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u052f\u4e00-\u9fff\uac00-\ud7a3]")
"""Everything outside a few ranges that are known to be harmless; the rest is looked up one by one."""
_UNSAFE = re.compile(
    r"[<>%(&\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
"""What JSON writes as an escape beside the control characters."""
_SPACES = {"\u00a0": " ", "\u202f": " ", "\u2007": " "}
_STARTS = re.compile(r"""((?:^|[;|])[\s"'’“”«»]*)([=+\-@＝＋－＠]|\\t|\\r)""")


@cache
def bait() -> re.Pattern[str]:
    """Words that an antivirus may act on, in any letter case."""
    return _pattern(_words())


@cache
def _words() -> tuple[str, ...]:
    words = base64.b64decode("".join(_BAIT)).decode("ascii").split("\n")
    return tuple(sorted(words, key=len, reverse=True))


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(w) for w in words), re.IGNORECASE | re.ASCII)


def broken(text: str, split: Callable[[re.Match[str]], str]) -> str:
    """The text with ``split`` done to every such word. Plain search first: most text holds none, and the pattern is slow."""
    lowered = text.lower()
    present = tuple(word for word in _words() if word in lowered)
    return _pattern(present).sub(split, text) if present else text


def defang(text: str) -> str:
    """The text with a middle dot inside every word that an antivirus may act on. Doing it twice changes nothing."""
    while (split := broken(text, _split)) != text:
        text = split
    return text


def _split(match: re.Match[str]) -> str:
    word = match.group()
    middle = (len(word) + 1) // 2
    return f"{word[:middle]}{DOT}{word[middle:]}"


def json_text(value: object) -> str:
    """One line of JSON. Characters that act on a terminal, in HTML or on an antivirus stand as ``\\u`` escapes: the same text
    to every JSON parser, harmless to everything else that reads the file. Lone surrogates become U+FFFD.

    Raises ``ValueError`` for NaN and infinity, which JSON does not have.
    """
    return broken(_UNSAFE.sub(_escape, json.dumps(value, ensure_ascii=False, allow_nan=False)), _break)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"


def _break(match: re.Match[str]) -> str:
    """The same text with one character escaped. The sixth or later: the first five may be the tail of another escape."""
    word = match.group()
    place = max(5, len(word) // 2)
    return f"{word[:place]}\\u{ord(word[place]):04x}{word[place + 1 :]}" if place < len(word) else word


def visible(text: str, keep: str = "") -> str:
    """The text with every control, format, private or unassigned character written out, except those in ``keep``.

    ``\\n``, ``\\r`` and ``\\t`` for the common three, ``\\xNN``, ``\\uNNNN`` or ``\\UNNNNNNNN`` for others.
    """
    return _ACTS.sub(lambda m: m.group() if m.group() in keep else _written(m.group()), text)


def _written(character: str) -> str:
    if character in _SPACES:
        return _SPACES[character]
    if unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029":
        return character
    code = ord(character)
    short = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    if short:
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=1024)
def shown(text: str, keep: str = "") -> str:
    """``visible`` and ``defang`` together: what may stand in a report that people look at. A page says most of it often."""
    return defang(visible(text, keep))


def shorten(text: str, most: int) -> str:
    """The text, cut at ``most`` characters with the length said."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return _STARTS.sub(r"\1'\2", shown(text))
