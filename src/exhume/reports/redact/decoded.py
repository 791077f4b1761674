"""A text as a reader of it would decode it, with the way back: which piece of the original each character came from.

Percent-encoding (also twice, also ``%uNNNN``), ``\\uNNNN`` and ``\\xNN`` escapes and HTML's numbered entities are undone, over
and over until nothing changes, so that a name is found in whatever dress it stands there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROUNDS = 6
_CODED = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|%u([0-9A-Fa-f]{4})|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|&#(\d{1,6});|&#x([0-9A-Fa-f]{1,6});"
)


@dataclass(frozen=True, slots=True)
class Decoded:
    text: str
    starts: tuple[int, ...] | None
    """Where in the original each character begins, and one more for the end; ``None``: the text is the original."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The piece of the original that characters ``start`` to ``end`` came from."""
        return (start, end) if self.starts is None else (self.starts[start], self.starts[end])


def decode(text: str) -> Decoded:
    """Decoded as often as there is something to decode, at most six times."""
    return rounds(text)[-1]


def rounds(text: str) -> list[Decoded]:
    """The text, and what each round of decoding made of it: the last may be one too many (``\\`` before ``%78000``)."""
    starts: tuple[int, ...] | None = None
    out = [Decoded(text, None)]
    for _ in range(_ROUNDS):
        if "%" not in text and "\\" not in text and "&#" not in text:
            break
        pieces = list(_once(text))
        decoded = "".join(characters for characters, _ in pieces)
        if decoded == text:
            break
        places = [place for _, where in pieces for place in where]
        places.append(len(text))
        starts = tuple(places) if starts is None else tuple(starts[p] for p in places)
        text = decoded
        out.append(Decoded(text, starts))
    return out


def _once(text: str) -> list[tuple[str, list[int]]]:
    out: list[tuple[str, list[int]]] = []
    done = 0
    for match in _CODED.finditer(text):
        plain = text[done : match.start()]
        out.append((plain, list(range(done, match.start()))))
        done = match.end()
        code = next((g for g in match.groups()[:3] if g), "") or (match[5] or "")
        if match.lastindex is None:
            out.extend(_percent(match.group(), match.start()))
        else:
            number = int(code, 16) if code else int(match[4])
            good = number < 0x110000 and not 0xD800 <= number < 0xE000
            out.append((chr(number), [match.start()]) if good else (match.group(), list(range(match.start(), match.end()))))
    out.append((text[done:], list(range(done, len(text)))))
    return out


def _percent(run: str, start: int) -> list[tuple[str, list[int]]]:
    """A run of ``%NN`` as UTF-8; a byte that is none is taken as Latin-1."""
    data = bytes.fromhex(run.replace("%", ""))
    out: list[tuple[str, list[int]]] = []
    place = 0
    while place < len(data):
        size = 1 if data[place] < 0x80 else 2 if data[place] < 0xE0 else 3 if data[place] < 0xF0 else 4
        try:
            character = data[place : place + size].decode("utf-8")
        except UnicodeDecodeError:
            size, character = 1, chr(data[place])
        out.append((character, [start + 3 * place]))
        place += size
    return out
