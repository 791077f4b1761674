"""Which of many rules can hold for a record: found from four-byte pieces of their literals, in one pass over its text."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import TypeAlias

from exhume.detectors.sigma.compiled import Compiled
from exhume.detectors.sigma.literals import Wish, fields_of, required, texts_of
from exhume.detectors.sigma.view import COMPUTED, EVERYWHERE, Computed, View
from exhume.model import Because, Record

GRAM = 4
"""Bytes of a piece: what a ``memoryview`` can read as one number."""
MOST_READ = 32
"""Fields beyond which records are hardly ever alike in all of them."""
REMEMBERED = 1024
"""Records remembered before all are forgotten."""
_LACKS = object()
"""Stands for a field that a record lacks, which is something else than null."""
Held: TypeAlias = tuple[tuple[Compiled, tuple[Because, ...]], ...]
"""The rules that hold, each with its reasons."""


def grams(text: str) -> list[int]:
    """Every piece of four bytes of the text, as numbers."""
    data = text.encode("utf-8", "surrogatepass")
    return [int.from_bytes(data[at : at + GRAM], sys.byteorder) for at in range(len(data) - GRAM + 1)]


class Index:
    """Some rules, ready to be picked from. Rules without a usable literal are always picked."""

    def __init__(self, rules: Sequence[Compiled]) -> None:
        self._rules = tuple(rules)
        pieces = cache(grams)  # the same texts stand in many rules
        often: Counter[int] = Counter()
        for rule in rules:
            often.update({gram for text in texts_of(rule.node) for gram in pieces(text)})

        @cache
        def rarest_of(text: str) -> tuple[int, int]:
            return min((often[gram], gram) for gram in pieces(text))

        def cost(texts: Iterable[str]) -> tuple[float, ...]:
            return (float(sum(rarest_of(text)[0] for text in texts)),)

        wish = Wish(lambda name: name[:1] != COMPUTED, lambda text: text if pieces(text) else "", cost)
        self._always: list[int] = []
        self._by_gram: dict[int, list[tuple[int, str]]] = {}
        for number, rule in enumerate(self._rules):
            texts = required(rule.node, wish)
            if texts is None:
                self._always.append(number)
                continue
            for text in texts:
                self._by_gram.setdefault(rarest_of(text)[1], []).append((number, text))
        self._keys = frozenset(self._by_gram)

    def candidates(self, view: View) -> Iterator[Compiled]:
        """The rules that may hold, in their order."""
        if not self._rules:
            return
        picked = set(self._always)
        if self._keys:
            whole = view.whole
            data = memoryview(whole.encode("utf-8", "surrogatepass"))
            found: set[int] = set()
            for start in range(GRAM):
                stop = start + (len(data) - start) // GRAM * GRAM
                if stop > start:
                    found |= self._keys.intersection(data[start:stop].cast("I"))
            for gram in found:
                picked.update(number for number, text in self._by_gram[gram] if number not in picked and text in whole)
        for number in sorted(picked):
            yield self._rules[number]


class Memory:
    """What rules said of records that were alike in every field that the rules read: scanners and password guessers send
    the same request a million times, and only its time, or the address, is another one."""

    def __init__(self, rules: Iterable[Compiled], computed: Mapping[str, Computed]) -> None:
        names = {name for rule in rules for name in fields_of(rule.node)}
        names |= {part for name in names & set(computed) for part in computed[name].join}
        self._fields = tuple(sorted(names))
        self._usable = EVERYWHERE not in names and len(names) <= MOST_READ
        self._held: dict[object, Held] = {}

    def of(self, record: Record, ask: Callable[[], Held]) -> Held:
        """What was said before of such a record, else what ``ask`` says."""
        if not self._usable:
            return ask()
        key = (record.channel, record.server, *map(record.fields.get, self._fields, repeat(_LACKS)))
        held = self._held.get(key)
        if held is None:
            if len(self._held) >= REMEMBERED:
                self._held.clear()
            held = self._held[key] = ask()
        return held
