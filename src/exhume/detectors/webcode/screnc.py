"""Undoes the Script Encoder of Windows (``VBScript.Encode``, ``JScript.Encode``): ``#@~^`` length ``==`` text check ``==^#~@``.

Each character below 128 is replaced from one of three tables, taken in turn after a fixed pattern of 64; characters that HTML
minds are written as two. It hides text, it protects nothing. References: the format as published since 2003 (scrdec; Didier
Stevens, decode-vbe, public domain).
"""

from __future__ import annotations

import re

_TURNS = "0120121221210212021200122102122100212120200120210212001220012021"
_TWO = re.compile("@[&#*!$]")
_ONE = {"@&": "\n", "@#": "\r", "@*": ">", "@!": "<", "@$": "@"}
_BLOCK = re.compile(r"#@~\^[^=]{6}==(.*?)(?:[^=]{6}==\^#~@|$)", re.DOTALL)
_TABLE = (
    "2e2d324775307a522156602942715b6a5e382f4933265c3d496258417d3a3429353236655b2039767c5c727a56437f73"
    "386b6639634e703345452b6b6868627151594f667809765e62317d44644a23546d7543714a4c417e3a604a4c415e7e53"
    "404c407745424a2c27612a485d74722227754b37316f44374e794d3b59524c2f22506f5467266a2a72477d6a6474392d"
    "547b202b3f7f2d382e2c774c30675d6e537e6b476c66346f357879255d742130436423264d5a76525b25636c243f482b"
    "7b5528787023296941282e34734c0959212a3324447f4e3f6d507755093b5356557c73693a35615f6163654b50465867"
    "583b5131574969224f6c6d465a4d6848257c2728365c46703d4a6e24327a79412f373d5f605f4b514f5a20422c366557"
)
"""For each character from space to 127 the three that it may stand for, in hexadecimal."""
_TAB = "576e7b"
_UNTOUCHED = "<>@"


def unscramble(text: str) -> str:
    """The text with every encoded block decoded in place. Text without such blocks comes back unchanged."""
    return _BLOCK.sub(lambda block: _decode(block[1]), text) if "#@~^" in text else text


def _decode(text: str) -> str:
    plain = bytes.fromhex(_TABLE)
    tab = bytes.fromhex(_TAB)
    out: list[str] = []
    turn = 0
    for letter in _letters(text):
        code = ord(letter)
        if code == 9:
            out.append(chr(tab[int(_TURNS[turn % 64])]))
        elif 32 <= code < 128 and letter not in _UNTOUCHED:
            out.append(chr(plain[(code - 32) * 3 + int(_TURNS[turn % 64])]))
        else:
            out.append(letter)
        turn += code < 128
    return "".join(out)


def _letters(text: str) -> list[str]:
    """Single characters; the escapes as what they stand for."""
    marked = _TWO.sub(lambda two: _ONE[two[0]], text)
    return list(marked)
