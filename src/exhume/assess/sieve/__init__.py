"""The sieve: the rules' literals searched over raw bytes, so that lines which cannot match are counted but not parsed.

Two engines behind one protocol (``exhume.model.Sieve``): hyperscan by default, google-re2 where hyperscan has no wheel or
does not run on this processor. Both may name too many lines and never too few; findings are equal with either, by test.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache

from exhume.model import Sieve

NEEDLESS = rb"%(?:25)*(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])"
"""A percent-encoded letter, digit, ``-``, ``.``, ``_`` or ``~``, also encoded twice: nobody needs to write that, so such a
line is always parsed. This is what lets literals of decoded URLs be searched in raw lines."""
ENGINES = ("hyperscan", "re2")


class Nothing:
    """The sieve of an empty set of literals: no line can match."""

    def candidates(self, block: bytes) -> list[int]:
        return []


def build(literals: Iterable[str], engine: str = "") -> Sieve:
    """A sieve for these texts (any letter case) and needless percent-encoding. Raises ``ValueError`` for an unknown engine."""
    wanted = sorted({text.lower() for text in literals if text})
    if not wanted:
        return Nothing()
    patterns = [re.escape(text.encode()) for text in wanted] + [NEEDLESS]
    chosen = engine or default_engine()
    if chosen == "hyperscan":
        from exhume.assess.sieve.hyperscan import HyperscanSieve

        return HyperscanSieve(patterns)
    if chosen == "re2":
        from exhume.assess.sieve.re2 import Re2Sieve

        return Re2Sieve(patterns)
    raise ValueError(f"no sieve engine is called {chosen!r}; there are {', '.join(ENGINES)}")


@cache
def default_engine() -> str:
    """``hyperscan`` where its wheel is there and runs on this processor, else ``re2``.

    Tried once in a child process: a wheel built for another processor dies with an illegal instruction at import
    (darvid/python-hyperscan#151), and that must not take the assessment with it.
    """
    if importlib.util.find_spec("hyperscan") is None:
        return "re2"
    probe = (
        "import hyperscan as h; d = h.Database(); d.compile(expressions=[b'a'], ids=[0], elements=1, flags=[0]); d.scan(b'a')"
    )
    try:
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return "re2"
    return "hyperscan" if done.returncode == 0 else "re2"


def describe(engine: str) -> str:
    """The engine's name and version for reports, e.g. ``hyperscan 0.9.1``."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{engine} {version('google-re2' if engine == 're2' else engine)}"
    except PackageNotFoundError:
        return engine
