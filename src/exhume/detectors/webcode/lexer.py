"""Code to tokens, for the two families of languages that pages are written in. It never fails: what it does not know it skips.

*C family*: C#, JScript.NET, JScript. *VB family*: VBScript, VB.NET. Undone here: comments anywhere, ``\\u0065``, ``\\x65``,
``@name``, ``[name]``, verbatim and interpolated texts, continued lines, curly quotes, full-width letters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache


@dataclass(slots=True)
class Token:
    """``kind``: ``name`` (lower case), ``text``, ``number``, ``op``, ``line`` (end of a statement in VB)."""

    kind: str
    value: str
    at: int
    """Offset in the page's text."""


# Both patterns match at every place, so that the lengths of what they find add up to where it stands. They name no groups: of
# the alternatives that do not begin with one, the engine passes over those that cannot begin with the letter at hand. What a
# piece is, its first letter tells.
_C = re.compile(
    r"""
    [^\W\d]\w*(?:(?:\$|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff])\w*)*
  | \s+|//[^\n]*|/\*.*?(?:\*/|\Z)|<!--|-->|\#(?:region|endregion|pragma|if|endif|else|line|nullable)[^\n]*
  | /(?:(?<=[(,=:\[!&|?{;]/)|(?<=[(,=:\[!&|?{;]\s/))(?![/*])
    (?>(?:[^/\\\n\[]|\\.|\[(?>(?:[^\]\\\n]|\\.){0,100})\]){1,400})/[gimsuy]*
  | \$?\"\"\"(?:.*?)\"\"\"
  | (?:@\$?|\$@)[\"“”][^\"]*(?:\"\"[^\"]*)*(?:\"|\Z)
  | \$?\"[^\"\\\n]*+(?>(?:\\[\s\S][^\"\\\n]*+)*)(?:\"|(?=\n)|\\?\Z)|[“”][^\"“”\n]*(?:[\"“”]|(?=\n)|\Z)
  | '[^'\\\n]*+(?>(?:\\[\s\S][^'\\\n]*+)*)(?:'|(?=\n)|\\?\Z)
  | @?(?:[^\W\d]|\$|\\u\{?[0-9A-Fa-f]{4,8}\}?|\\U[0-9A-Fa-f]{8})
      (?:\w|\$|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff])*
  | 0[xX][0-9A-Fa-f_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?[uUlLfFdDmM]{0,2}
  | =>|\?\?=?|\?\.|\?\[|&&|\|\||[=!<>]==?|[-+*/%&|^]=|\+\+|--|::|.
    """,
    re.VERBOSE | re.DOTALL,
)
_VB = re.compile(
    r"""
    [ \t\f\v\u00a0\u3000]+|_[ \t]*\r?\n|<!--|-->
  | ['‘’][^\r\n]*|\b[rR][eE][mM]\b[^\r\n]*
  | (?:[\r\n]|:(?!=))+
  | [^\W\d]\w*(?:[$%!#@](?!\w))?
  | \$?\"[^\"″\r\n]*(?:\"\"[^\"″\r\n]*)*(?:\"[cC]?|″|(?=[\r\n])|\Z)|[“”″][^\"“”″\r\n]*(?:[\"“”″]|(?=[\r\n])|\Z)
  | \#[0-9/: APMapm-]{3,30}\#
  | \[[^\]\r\n]{1,80}\]
  | &[hH][0-9A-Fa-f]+&?|&[oO][0-7]+&?|(?<=\()&[0-7]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?
  | <>|<=|>=|:=|[+\-*/\\^&]=|.
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = frozenset("()[]{};,.=+*!&|?:%^~>`")
"""What an operator of the C family begins with, and nothing else does."""
_REMARK = re.compile(r"rem(?:\W|$)", re.IGNORECASE)
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{1,4})|([0-7]{1,3})|(\r?\n)|(.))", re.DOTALL
)
_JS_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")
_QUOTES = ('"', "“", "”", "″")
"""What ends a text of VB; the last is what web pages that show code make of a quote after a digit."""
_GO_ON = frozenset(("(", ")", ",", "&", "+"))
"""No statement of VB begins so: a line that does was broken in two when the page was copied."""
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_FORMAT_CHARACTERS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def c_tokens(code: str, start: int = 0) -> list[Token]:
    """Tokens of C#, JScript.NET or JScript. ``start``: where the code begins in the page."""
    out: list[Token] = []
    at = start
    for word in _C.findall(code):
        first = word[0]
        if first.isalpha() or first == "_":
            out.append(Token("name", name_of(word), at))
        elif first in _OPERATORS:
            out.append(Token("op", word, at))
        elif not first.isspace():
            out += _c_other(word, first, at)
        at += len(word)
    return out


def _c_other(word: str, first: str, at: int) -> list[Token]:
    """Texts, numbers, names and operators that begin with an unusual letter; nothing for comments and patterns."""
    if first in '"“”' or (first in "@$" and word.lstrip("@$")[:1] in ('"', "“", "”")):
        return _string(word, at)
    if first == "'":
        return [Token("text", unescape(word[1:].removesuffix("'")), at)]
    if first.isdecimal():
        return [Token("number", word, at)]
    if word in ("/", "/=", "<", "<=", "<==", "-", "-=", "--", "#", "@", "\\"):
        return [Token("op", word, at)]
    if first in "/<-#":
        return []
    return [Token("name", name_of(word), at) if first in "@$\\" or first.isalnum() else Token("op", word, at)]


def _string(word: str, at: int) -> list[Token]:
    mark = word[: len(word) - len(word.lstrip("@$"))]
    body = word[len(mark) :]
    raw = body.startswith('"""') and "@" not in mark
    body = body[3:-3] if raw else body[1:]
    if not raw and body[-1:] in ('"', "“", "”"):
        body = body[:-1]
    if "@" in mark:
        body = body.replace('""', '"')
    elif not raw:
        body = unescape(body)
    if "$" not in mark:
        return [Token("text", body, at)]
    return _holes(body, at)


def _holes(body: str, at: int) -> list[Token]:
    """``$"a{b}c"`` is read as ``("a" + (b) + "c")``."""
    out = [Token("op", "(", at)]
    place = 0
    for match in _HOLE.finditer(body):
        if match[1] is None:
            continue
        out.append(Token("text", body[place : match.start()], at))
        inner = c_tokens(match[1].partition(":")[0], at) if len(match[1]) < 400 else []
        joined = [Token(t.kind, t.value, at) for t in inner]
        out += [Token("op", "+", at), Token("op", "(", at), *joined, Token("op", ")", at), Token("op", "+", at)]
        place = match.end()
    out += [Token("text", body[place:], at), Token("op", ")", at)]
    return out


def vb_tokens(code: str, start: int = 0) -> list[Token]:
    """Tokens of VBScript or VB.NET."""
    out: list[Token] = []
    at = start
    for word in _VB.findall(code):
        first = word[0]
        if first.isalpha() or first == "_":
            if first not in "rR_" or (word[-1] != "\n" and not _REMARK.match(word)):
                out.append(Token("name", name_of(word.rstrip("$%!#@")), at))
        elif first in _GO_ON and len(word) == 1:
            if len(out) > 1 and out[-1].kind == "line" and ":" not in out[-1].value:
                out.pop()
            out.append(Token("op", word, at))
        elif first in "\r\n" or (first == ":" and word != ":="):
            out.append(Token("line", word, at))
        elif not first.isspace() and first not in "'‘’":
            out += _vb_other(word, first, at)
        at += len(word)
    return out


def _vb_other(word: str, first: str, at: int) -> list[Token]:
    """Texts, numbers, bracketed names, operators; nothing for comments of markup and dates."""
    if first in _QUOTES or word[:2] == '$"':
        body = word.lstrip("$")[1:]
        closed = body[-1:] in ("c", "C") and body[-2:-1] in _QUOTES
        body = body[:-2] if closed else body[:-1] if body[-1:] in _QUOTES else body
        return [Token("text", body.replace('""', '"'), at)]
    if first.isdecimal() or (first == "&" and word[1:2].isalnum()):
        return [Token("number", word, at)]
    if first == "[" and len(word) > 1:
        return [Token("name", word[1:-1].lower(), at)]
    if word in ("<!--", "-->") or (first == "#" and len(word) > 1):
        return []
    return [Token("name", name_of(word.rstrip("$%!#@")), at) if first.isalnum() else Token("op", word, at)]


@lru_cache(maxsize=4096)
def name_of(word: str) -> str:
    """An identifier as the compiler sees it, in lower case: escapes undone, ``@`` and invisible characters dropped."""
    if "\\" in word:
        word = unescape(word)
    word = word.lstrip("@")
    if not word.isascii():
        word = _FORMAT_CHARACTERS.sub("", unicodedata.normalize("NFKC", word))
    return word.lower()


def unescape(body: str) -> str:
    """The escapes of C# and JScript undone."""
    return _ESCAPE.sub(_letter, _JS_HEX.sub(_byte, body)) if "\\" in body else body


def _byte(match: re.Match[str]) -> str:
    letter = chr(int(match[1], 16))
    return "\\\\" if letter == "\\" else letter


def _letter(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3] or match[4]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else ""
    if match[5] and match[5] != "0":
        return chr(int(match[5], 8))
    if match[6]:
        return ""
    letter = match[7] or "0"
    return _PLAIN.get(letter, letter)


def number_of(word: str) -> int | float:
    """The value of a number token; 0 for what is too long to be one."""
    plain = word.replace("_", "").lower()
    if len(plain) > 40:
        return 0
    for mark, radix in (("0x", 16), ("&h", 16), ("&o", 8)):
        if plain.startswith(mark):
            return int(plain[2:].rstrip("&ul") or "0", radix)
    if plain.startswith("&"):
        return int(plain[1:], 8)
    plain = plain.rstrip("ulfdm")
    try:
        return float(plain) if "." in plain or "e" in plain else int(plain)
    except ValueError:
        return 0
