"""What the usual functions for text do with constants, so that hidden names and code come to light."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from exhume.detectors.webcode.tree import Constant, listed
from exhume.detectors.webcode.values import LENGTH

TRIES = 16
"""Combinations of constants that one call is worked out for."""
LETTERWISE = listed("""
    chr chrw chrb asc ascw ascb mid midb strreverse fromcharcode charcodeat charat unescape frombase64string
    fromhexstring xor substring substr reverse toarray tochararray convertfromutf32 decode decrypt
    transformfinalblock createdecryptor urldecode urldecodetobytes gzipstream deflatestream rc4 parsehexbinary
    tobyte
""")
"""Functions that work letter by letter, or undo an encoding: what text is hidden with."""


def fold(name: str, receiver: Constant | None, args: Sequence[Constant]) -> Constant | None:
    """The result of one call with constants, or None where it is not known. Never raises."""
    work = _METHODS.get(name) if receiver is not None else None
    given: tuple[Constant, ...] = (receiver, *args) if work and receiver is not None else tuple(args)
    work = work or _FUNCTIONS.get(name)
    if work is None:
        return None
    try:
        result = work(*given)
    except (TypeError, ValueError, IndexError, OverflowError, ArithmeticError, AttributeError, LookupError, binascii.Error):
        return None
    return None if isinstance(result, str) and len(result) > LENGTH else result


def folds(name: str) -> bool:
    """Is there anything that this function does with constants?"""
    return name in _FUNCTIONS or name in _METHODS


def combinations(groups: Sequence[Sequence[Constant]]) -> list[tuple[Constant, ...]]:
    """The first ``TRIES`` ways to choose one constant of each group; none when a group is empty."""
    return list(itertools.islice(itertools.product(*groups), TRIES))


def as_text(value: Constant) -> str:
    """As the languages write it when text is wanted."""
    if isinstance(value, tuple):
        return "".join(as_text(v) for v in value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    return str(value)


def arithmetic(word: str, left: Constant, right: Constant) -> Constant | None:
    """One operator on constants, numbers given as text included."""
    if word in ("&", "+") and (isinstance(left, str) or isinstance(right, str) or word == "&"):
        if word == "&" and isinstance(left, int) and isinstance(right, int):
            return f"{left}{right}"
        joined = as_text(left) + as_text(right)
        return joined if len(joined) <= LENGTH else None
    one, two = _number(left), _number(right)
    if one is None or two is None or max(abs(one), abs(two)) > 1e15:
        return None
    try:
        return _OPERATORS[word](one, two) if word in _OPERATORS else None
    except (ArithmeticError, ValueError, TypeError):
        return None


def _number(value: Constant) -> int | float | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) < 30:
        text = value.strip().lower()
        try:
            if text.startswith(("&h", "0x")):
                return int(text[2:], 16)
            return int(text) if text.lstrip("-").isdecimal() else float(text)
        except ValueError:
            return None
    return None


_OPERATORS: dict[str, Callable[[int | float, int | float], Constant]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b,
    "\\": lambda a, b: int(a // b),
    "%": lambda a, b: a % b,
    "mod": lambda a, b: a % b,
    "xor": lambda a, b: int(a) ^ int(b),
    "^": lambda a, b: int(a) ^ int(b),
    "|": lambda a, b: int(a) | int(b),
}


def _chr(code: Constant = 0) -> str:
    number = _number(code)
    if number is None or not 0 <= number < 0x110000:
        raise ValueError("no letter")
    return chr(int(number))


def _mid(text: Constant, start: Constant, length: Constant = LENGTH) -> str:
    first, count = int(_number(start) or 1), int(_number(length) or 0)
    return as_text(text)[max(0, first - 1) : max(0, first - 1) + max(0, count)]


def _substring(text: Constant, start: Constant, length: Constant = LENGTH) -> str:
    first = int(_number(start) or 0)
    return as_text(text)[first : first + max(0, int(_number(length) or 0))]


def _replace(text: Constant, old: Constant, new: Constant = "", *_: Constant) -> str:
    whole, from_, to = as_text(text), as_text(old), as_text(new)
    if not from_ or whole.count(from_) * max(1, len(to)) > LENGTH:
        raise ValueError("nothing to replace")
    return whole.replace(from_, to)


def _split(text: Constant, *by: Constant) -> tuple[Constant, ...]:
    mark = as_text(by[0]) if by else " "
    return tuple(as_text(text).split(mark)) if mark else tuple(as_text(text))


def _join(first: Constant, second: Constant = " ") -> str:
    if isinstance(second, tuple):
        first, second = second, first
    parts = first if isinstance(first, tuple) else (first,)
    return as_text(second).join(as_text(p) for p in parts)


def _base64(text: Constant) -> str:
    letters = re.sub(r"[^A-Za-z0-9+/]", "", as_text(text))
    data = base64.b64decode(letters + "=" * (-len(letters) % 4))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unescape(text: Constant) -> str:
    plain = re.sub(r"%u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), as_text(text))
    return unquote(plain, encoding="latin-1")


def _format(text: Constant, *args: Constant) -> str:
    return re.sub(r"\{(\d)(?:[,:][^}]*)?\}", lambda m: as_text(args[int(m[1])]), as_text(text))


def _bytes(values: Constant) -> str:
    """Numbers of bytes or letters as text."""
    if isinstance(values, tuple):
        return "".join(_chr(v) if not isinstance(v, str) or v.isdecimal() else v for v in values)
    return as_text(values)


def _remove(text: Constant, start: Constant, length: Constant = LENGTH) -> str:
    first = int(_number(start) or 0)
    return as_text(text)[:first] + as_text(text)[first + int(_number(length) or 0) :]


def _at(text: Constant, index: Constant) -> Constant:
    number = int(_number(index) or 0)
    return text[number] if isinstance(text, tuple) else as_text(text)[number]


_FUNCTIONS: dict[str, Callable[..., Constant]] = {
    "chr": _chr, "chrw": _chr, "chrb": _chr, "mid": _mid, "midb": _mid, "fromcharcode": lambda *c: "".join(_chr(x) for x in c),
    "asc": lambda t: ord(as_text(t)[0]), "ascw": lambda t: ord(as_text(t)[0]), "ascb": lambda t: ord(as_text(t)[0]),
    "left": lambda t, n: as_text(t)[: int(_number(n) or 0)], "right": lambda t, n: as_text(t)[-int(_number(n) or 0) :],
    "replace": _replace, "strreverse": lambda t: as_text(t)[::-1], "lcase": lambda t: as_text(t).lower(),
    "ucase": lambda t: as_text(t).upper(), "trim": lambda t: as_text(t).strip(), "ltrim": lambda t: as_text(t).lstrip(),
    "rtrim": lambda t: as_text(t).rstrip(), "cstr": as_text, "split": _split, "join": _join, "concat": lambda *a: as_text(a),
    "cint": lambda t: int(_number(t) or 0), "clng": lambda t: int(_number(t) or 0), "val": lambda t: int(_number(t) or 0),
    "len": lambda t: len(as_text(t)), "hex": lambda n: f"{int(_number(n) or 0):X}",
    "space": lambda n: " " * min(int(_number(n) or 0), 999),
    "frombase64string": _base64, "atob": _base64, "unescape": _unescape, "urldecode": _unescape,
    "decodeuricomponent": _unescape,
    "format": _format, "mappath": as_text, "getfullpath": as_text, "combine": lambda *a: "\\".join(as_text(x) for x in a),
    "array": lambda *a: tuple(a), "getstring": lambda b, *_: _bytes(b), "getbytes": as_text,
    "tostring": lambda v, *_: _bytes(v), "toint32": lambda t, base=10: int(as_text(t), int(_number(base) or 10)),
    "tobyte": lambda t, base=10: int(as_text(t), int(_number(base) or 10)), "tochar": _chr,
    "parseint": lambda t, *_: int(_number(t) or 0),
    "string": lambda *a: as_text(a[1]) * min(int(_number(a[0]) or 0), 999) if len(a) == 2 else _bytes(a[0]),
    "fromhexstring": lambda t: bytes.fromhex(as_text(t)).decode("latin-1"),
}  # fmt: skip
_METHODS: dict[str, Callable[..., Constant]] = {
    "replace": _replace, "substring": _substring, "substr": _substring, "tolower": lambda t, *_: as_text(t).lower(),
    "toupper": lambda t, *_: as_text(t).upper(), "tolowerinvariant": lambda t: as_text(t).lower(),
    "trim": lambda t, *_: as_text(t).strip(),
    "tolowercase": lambda t: as_text(t).lower(), "touppercase": lambda t: as_text(t).upper(), "concat": lambda *a: as_text(a),
    "split": _split, "join": _join, "reverse": lambda t: t[::-1] if isinstance(t, tuple) else as_text(t)[::-1],
    "toarray": lambda t: t, "tochararray": lambda t: tuple(as_text(t)), "charat": _at, "tostring": lambda t, *_: as_text(t),
    "charcodeat": lambda t, i=0: ord(as_text(t)[int(_number(i) or 0)]),
    "insert": lambda t, i, s: as_text(t)[: int(_number(i) or 0)] + as_text(s) + as_text(t)[int(_number(i) or 0) :],

    "remove": _remove,
    "[]": _at, "slice": lambda t, a=0, b=LENGTH: as_text(t)[int(_number(a) or 0) : int(_number(b) or 0)],
}  # fmt: skip
