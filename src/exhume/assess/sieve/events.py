"""The sieve over Windows events: one text each, with its channel and event id known beforehand.

Each text is a whole event, so all that a clue asks for stands in it, and rules for other events need not be asked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from itertools import accumulate

from exhume.assess.sieve.patterns import plain
from exhume.assess.sieve.screen import LOOKALIKES, Engine
from exhume.model import Clue

REMEMBERED = 4096
"""Channels with an event id that are remembered before all are forgotten: evidence can invent them at will."""
_AS_WRITTEN = re.compile(r"[A-Za-z0-9._~:-]+")
"""What JSON and XML write as it is; a text is searched for by its longest piece of this."""

Build = Callable[[Sequence[bytes]], Engine]


class EventSieve:
    """Which events some rule could match."""

    def __init__(self, needed: Callable[[str], Iterable[frozenset[Clue] | None]], build: Build) -> None:
        self._needed, self._build = needed, build
        self._wide = cache(lambda: build([LOOKALIKES]))
        self._of_kind: dict[str, tuple[EventScreen, ...] | None] = {}
        self._screens: dict[frozenset[Clue], EventScreen] = {}

    def named(self, texts: Sequence[bytes], kinds: Sequence[str]) -> list[int]:
        """See ``model.Sieve.events``."""
        screens = {kind: self._look_up(kind) for kind in set(kinds)}
        found = {number for number, kind in enumerate(kinds) if screens[kind] is None} if None in screens.values() else set()
        for screen in {screen for some in screens.values() for screen in some or ()}:
            own = {kind for kind, some in screens.items() if some and screen in some}
            if len(own) == len(screens):
                found.update(screen.named(texts))
            else:
                numbers = [number for number, kind in enumerate(kinds) if kind in own]
                found.update(numbers[at] for at in screen.named([texts[number] for number in numbers]))
        return sorted(found)

    def _look_up(self, kind: str) -> tuple[EventScreen, ...] | None:
        """The screens of this kind, one for each detector: most kinds share most of them. ``None``: every event could match."""
        if kind in self._of_kind:
            return self._of_kind[kind]
        needed = list(self._needed(kind))
        screens: tuple[EventScreen, ...] | None = None
        if None not in needed:
            screens = tuple(self._screen(clues) for clues in dict.fromkeys(needed) if clues)
            screens = None if any(screen.blunt for screen in screens) else screens
        if len(self._of_kind) >= REMEMBERED:
            self._of_kind.clear()
        self._of_kind[kind] = screens
        return screens

    def _screen(self, clues: frozenset[Clue]) -> EventScreen:
        screen = self._screens.get(clues)
        if screen is None:
            screen = self._screens[clues] = EventScreen(clues, self._build, self._wide)
        return screen


class EventScreen:
    """Some clues, ready to be looked for in events."""

    def __init__(self, clues: Iterable[Clue], build: Build, wide: Callable[[], Engine]) -> None:
        patterns: dict[bytes, set[tuple[tuple[bytes, ...], ...]]] = {}
        self.blunt = False
        """A text has nothing that can be searched for, so any event could match."""
        for clue in clues:
            rest = tuple(tuple(sorted(map(_piece, texts))) for texts in clue.texts[1:])
            rest = tuple(texts for texts in rest if b"" not in texts)
            if clue.regex:
                patterns.setdefault(clue.regex.encode(), set()).add(rest)
                continue
            for piece in map(_piece, clue.texts[0]):
                self.blunt = self.blunt or not piece
                patterns.setdefault(plain(piece.decode()), set()).add(rest)
        ordered = sorted(patterns)
        self._needs = [() if () in patterns[p] else tuple(sorted(patterns[p])) for p in ordered]
        self._engine = build(ordered) if not self.blunt else None
        self._wide = wide

    def named(self, texts: Sequence[bytes]) -> Collection[int]:
        """The texts in which a clue is complete, or in which a letter stands that regular expressions take for another."""
        if self._engine is None:
            return range(len(texts))
        block = b"\n".join(texts)
        matches = self._engine.found(block)
        strange = self._wide().found(block) if not block.isascii() else ()
        if not matches and not strange:
            return ()
        ends = list(accumulate(len(text) + 1 for text in texts))
        found = {bisect_right(ends, place) for place, _ in strange}
        tried: set[tuple[int, int]] = set()
        at, line = -1, b""
        for place, pattern in matches:
            number = bisect_right(ends, place)
            if number in found:
                continue
            needs = self._needs[pattern]
            if needs:
                if (number, pattern) in tried:
                    continue
                tried.add((number, pattern))
                if number != at:
                    at, line = number, texts[number].lower()
                if not any(_complete(need, line) for need in needs):
                    continue
            found.add(number)
        return found


def _complete(need: tuple[tuple[bytes, ...], ...], text: bytes) -> bool:
    for one_of in need:
        for wanted in one_of:
            if wanted in text:
                break
        else:
            return False
    return True


def _piece(text: str) -> bytes:
    return max(_AS_WRITTEN.findall(text), key=len, default="").lower().encode()
