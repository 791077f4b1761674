"""What compiling a pack's Sigma files gave, by kind of record: the rules of a kind are read when its first record comes."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import exhume
from exhume.model import Problem
from exhume.model.installed import version_of

OTHER_PRODUCT = "other product"
"""How the reason of a problem starts when the rule is for evidence that exhume does not read: no defect of the rule."""


@dataclass(frozen=True, slots=True)
class Named:
    """A rule that is named by a filter or a correlation."""

    reference: str
    id: str
    title: str
    unusable: str = ""
    """Why it cannot be used."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Written down it is a line of JSON, then the rules of each kind as ``saved`` writes them."""

    rules: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    named: tuple[tuple[str, str, str, str], ...] = ()
    """Rules that are named beside: ``Named`` as plain words."""

    def written(self) -> bytes:
        sizes = {kind: len(rules) for kind, rules in self.rules.items()}
        told = [(problem.pack, problem.file, problem.reason) for problem in self.problems]
        return b"\n".join((json.dumps([sizes, told, self.named]).encode(), b"".join(self.rules.values())))

    @classmethod
    def read(cls, data: bytes) -> Self:
        """What ``written`` gave."""
        at = data.index(b"\n") + 1
        sizes, told, named = json.loads(data[:at])
        rules: dict[str, bytes] = {}
        for kind, size in sizes.items():
            rules[kind] = data[at : at + size]
            at += size
        return cls(rules, tuple(Problem(*words) for words in told), tuple(tuple(words) for words in named))


@cache
def origin() -> bytes:
    """Digest of all that decides how a rule is compiled, but for the rule: when it changes, nothing saved is used."""
    whole = hashlib.sha256(f"{exhume.__version__} {version_of('pysigma')} {sys.version}".encode())
    here = Path(__file__).parent
    content = here.parents[1] / "content"
    for path in (*sorted(here.glob("*.py")), content / "logsources.yml", content / "ordinary.tsv"):
        whole.update(path.read_bytes())
    return whole.digest()
