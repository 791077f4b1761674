"""Which of many rules can hold for a record: found from four-byte pieces of their literals, in one pass over its text."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from exhume.detectors.sigma.literals import Wish, required, texts_of
from exhume.detectors.sigma.rules import Compiled
from exhume.detectors.sigma.view import COMPUTED, View

GRAM = 4
"""Bytes of a piece: what a ``memoryview`` can read as one number."""


def grams(text: str) -> list[int]:
    """Every piece of four bytes of the text, as numbers."""
    data = text.encode("utf-8", "surrogatepass")
    return [int.from_bytes(data[at : at + GRAM], sys.byteorder) for at in range(len(data) - GRAM + 1)]


class Index:
    """Some rules, ready to be picked from. Rules without a usable literal are always picked."""

    def __init__(self, rules: Sequence[Compiled]) -> None:
        self._rules = tuple(rules)
        self._often: Counter[int] = Counter()
        for rule in rules:
            self._often.update({gram for text in texts_of(rule.node) for gram in grams(text)})
        wish = Wish(lambda name: name[:1] != COMPUTED, lambda text: text if grams(text) else "", self._cost)
        self._always: list[int] = []
        self._by_gram: dict[int, list[tuple[int, str]]] = {}
        for number, rule in enumerate(self._rules):
            texts = required(rule.node, wish)
            if texts is None:
                self._always.append(number)
                continue
            for text in texts:
                rarest = min(grams(text), key=lambda gram: (self._often[gram], gram))
                self._by_gram.setdefault(rarest, []).append((number, text))
        self._keys = frozenset(self._by_gram)

    def _cost(self, texts: Iterable[str]) -> tuple[float, ...]:
        return (float(sum(min(self._often[gram] for gram in grams(text)) for text in texts)),)

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
