"""The sieve: the rules' literals searched over raw bytes, so that lines which cannot match are counted but not parsed.

Two engines: hyperscan by default, google-re2 where hyperscan has no wheel or does not run on this processor. They find the
rarest text of every clue; ``screen`` then looks at the lines in which one stands. Either may name too many lines and never too
few; findings are equal with both, by test.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import takewhile

from exhume.assess.kept import kept
from exhume.assess.sieve.events import EventSieve
from exhume.assess.sieve.screen import Engine, Screen
from exhume.model import Clue, Detector
from exhume.model.installed import version_of

__all__ = ["ENGINES", "Screen", "Sieves", "build", "default_engine", "describe"]

ENGINES = ("hyperscan", "re2")


class Sieves:
    """The ``model.Sieve`` of some detectors: one screen for each kind of row, made when its first rows come."""

    def __init__(self, detectors: Sequence[Detector], engine: str = "", *, brief: bool = False) -> None:
        self._detectors, self._engine, self.brief = detectors, engine, brief
        self._clues: dict[str, frozenset[Clue] | None] = {}
        self._screens: dict[tuple[frozenset[Clue], str], Screen] = {}
        self._events = EventSieve(self._each, lambda patterns: _engine(patterns, engine or default_engine()))

    def candidates(self, block: bytes, kind: str, delimiter: str = "") -> Sequence[int] | None:
        if kind not in self._clues:
            self._clues[kind] = self._needed(kind)
        clues = self._clues[kind]
        if clues is None:
            return None
        screen = self._screens.get((clues, delimiter))
        if screen is None:
            screen = self._screens[clues, delimiter] = build(clues, self._engine, delimiter)
        return screen.candidates(block)

    def events(self, texts: Sequence[bytes], kinds: Sequence[str]) -> Sequence[int]:
        return self._events.named(texts, kinds)

    def _each(self, kind: str) -> list[frozenset[Clue] | None]:
        return [d.clues(kind) for d in self._detectors if kind.partition("/")[0] in d.wants]

    def _needed(self, kind: str) -> frozenset[Clue] | None:
        needed = [d.clues(kind) for d in self._detectors if kind in d.wants]
        return None if None in needed else frozenset[Clue]().union(*(one for one in needed if one))


def build(clues: Iterable[Clue], engine: str = "", delimiter: str = "") -> Screen:
    """A screen for these clues. Raises ``ValueError`` for an unknown engine."""
    return Screen(clues, lambda patterns: _engine(patterns, engine or default_engine()), delimiter)


def _engine(patterns: Sequence[bytes], name: str) -> Engine:
    if name == "hyperscan":
        from exhume.assess.sieve.hyperscan import Hyperscan

        return Hyperscan(patterns)
    if name == "re2":
        from exhume.assess.sieve.re2 import Re2

        return Re2(patterns)
    raise ValueError(f"no sieve engine is called {name!r}; there are {', '.join(ENGINES)}")


@cache
def default_engine() -> str:
    """``hyperscan`` where its wheel is there and runs on this processor, else ``re2``.

    Tried in a child process: a wheel built for another processor dies with an illegal instruction at import
    (darvid/python-hyperscan#151), and that must not take the assessment with it. Once it ran on a processor, it is
    not tried again there.
    """
    import subprocess

    found = importlib.util.find_spec("hyperscan")
    if found is None or found.origin is None:
        return "re2"
    try:
        changed = os.stat(found.origin).st_mtime_ns
        where = f"{found.origin} {changed} {sys.version} {describe('hyperscan')}"
        return kept([b"engine", where.encode(), processor()], _tried).decode()
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return "re2"


def _tried() -> bytes:
    """Raises ``RuntimeError``, ``OSError`` or ``SubprocessError`` when it does not run."""
    import subprocess

    probe = (
        "import hyperscan as h; d = h.Database(); d.compile(expressions=[b'a'], ids=[0], elements=1, flags=[0]); d.scan(b'a')"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=30, check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError("hyperscan does not run here")
    return b"hyperscan"


def processor() -> bytes:
    """What tells this machine's processor from others: a user's cache folder may be shared by several machines."""
    words = [*_machine(), os.environ.get("PROCESSOR_IDENTIFIER", "")]
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            first = "".join(takewhile(str.strip, lines))
    except OSError:
        first = ""  # not Linux
    words += [line for line in first.splitlines() if line.startswith(("model", "flags", "Features", "CPU "))]
    return "\n".join(words).encode()


def _machine() -> tuple[str, str]:
    """Its name and its kind. The system is asked where it can be: to load ``platform`` takes a millisecond."""
    if sys.platform != "win32":
        return os.uname().nodename, os.uname().machine
    import platform

    return platform.node(), platform.machine()


def describe(engine: str) -> str:
    """The engine's name and version for reports, e.g. ``hyperscan 0.9.1``."""
    return f"{engine} {version_of('google-re2' if engine == 're2' else engine)}".strip()
