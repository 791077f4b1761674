"""What compiling a pack's Sigma files gave, by kind of record: the rules of a kind are read when its first record comes."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Self

import exhume
from exhume.model import Problem

OTHER_PRODUCT = "other product"
"""How the reason of a problem starts when the rule is for evidence that exhume does not read: no defect of the rule."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Written down it is a line of JSON, then the rules of each kind as ``saved`` writes them."""

    rules: Mapping[str, bytes]
    problems: tuple[Problem, ...]

    def written(self) -> bytes:
        import orjson

        sizes = {kind: len(rules) for kind, rules in self.rules.items()}
        told = [(problem.pack, problem.file, problem.reason) for problem in self.problems]
        return b"\n".join((orjson.dumps([sizes, told]), b"".join(self.rules.values())))

    @classmethod
    def read(cls, data: bytes) -> Self:
        """What ``written`` gave."""
        import orjson

        at = data.index(b"\n") + 1
        sizes, told = orjson.loads(data[:at])
        rules: dict[str, bytes] = {}
        for kind, size in sizes.items():
            rules[kind] = data[at : at + size]
            at += size
        return cls(rules, tuple(Problem(*words) for words in told))


@cache
def origin() -> bytes:
    """Digest of all that decides how a rule is compiled, but for the rule: when it changes, nothing saved is used."""
    whole = hashlib.sha256(f"{exhume.__version__} {version('pysigma')} {platform.python_version()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    for name in ("logsources.yml", "ordinary.tsv"):
        whole.update(files("exhume").joinpath("content", name).read_bytes())
    return whole.digest()
