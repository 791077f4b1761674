"""What reading a pack's indicator files gave: kept, so that a second run need not read them again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import exhume
from exhume.model import Problem


@dataclass(frozen=True, slots=True)
class Contents:
    """Written down it is a line of JSON and, behind it, the indicators."""

    indicators: bytes
    """As ``feeds`` writes them."""
    types: frozenset[str]
    problems: tuple[Problem, ...]

    def written(self) -> bytes:
        told = [(problem.pack, problem.file, problem.reason) for problem in self.problems]
        return json.dumps([sorted(self.types), told]).encode() + b"\n" + self.indicators

    @classmethod
    def read(cls, data: bytes) -> Self:
        """What ``written`` gave."""
        head, _, indicators = data.partition(b"\n")
        types, told = json.loads(head)
        return cls(indicators, frozenset(types), tuple(Problem(*words) for words in told))


@cache
def origin() -> bytes:
    """Digest of all that decides how a file is read, but for the file: when it changes, nothing kept is used."""
    whole = hashlib.sha256(exhume.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.digest()
