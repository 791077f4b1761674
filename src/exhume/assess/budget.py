"""What each rule costs on logs of an ordinary server: how many of their rows the sieve names because of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exhume.assess import sieve
from exhume.assess.scan import Scanner
from exhume.assess.sieve.screen import Screen
from exhume.detectors import Ioc, Sigma, is_product
from exhume.evidence import open_evidence
from exhume.model import Clue, File, Host, Pack
from exhume.readers import EVERY_FILE, READERS

INDICATORS = "indicators"
TOGETHER = "all rules and indicators together"


@dataclass(frozen=True, slots=True)
class Spent:
    """Rows of one kind that are parsed because of one rule."""

    rule: str
    kind: str
    named: int
    rows: int
    """Rows of this kind in all."""


class _Ledger:
    """A sieve that names no row and writes down which ones each rule would have named."""

    brief = False

    def __init__(self, packs: Iterable[Pack]) -> None:
        packs = tuple(packs)
        self._sigma, self._ioc = Sigma.from_packs(packs, Host()), Ioc.from_packs(packs, Host())
        self._screens: dict[tuple[str, str], list[tuple[str, Screen]]] = {}
        self.named: Counter[tuple[str, str]] = Counter()
        self.rows: Counter[str] = Counter()

    def candidates(self, block: bytes, kind: str, delimiter: str = "") -> Sequence[int]:
        key = (kind, delimiter)
        if key not in self._screens:
            each = [(rule, frozenset(clues)) for rule, clues in self._clues(kind)]
            each.append((TOGETHER, frozenset[Clue]().union(*(clues for _, clues in each))))
            self._screens[key] = [(rule, sieve.build(clues, "", delimiter)) for rule, clues in each]
        self.rows[kind] += block.count(b"\n")
        for rule, screen in self._screens[key]:
            self.named[rule, kind] += len(screen.candidates(block))
        return ()

    def events(self, texts: Sequence[bytes], kinds: Sequence[str]) -> Sequence[int]:
        return ()

    def _clues(self, kind: str) -> Iterable[tuple[str, Iterable[Clue]]]:
        yield from self._sigma.each(kind)
        yield INDICATORS, self._ioc.clues(kind) or ()


def budget(logs: Path, packs: Iterable[Pack]) -> list[Spent]:
    """For every rule and kind of row, and all together, the dearest first, if a row was named. Raises ``OSError``."""
    ledger = _Ledger(packs)
    evidence = open_evidence([logs])
    scanner = Scanner(evidence, READERS, EVERY_FILE, (), is_product, sieves=ledger)
    for file in evidence.files():
        if isinstance(file, File):
            scanner.scan(file.path)
    spent = [Spent(rule, kind, named, ledger.rows[kind]) for (rule, kind), named in ledger.named.items() if named]
    return sorted(spent, key=lambda one: (-one.named / one.rows, one.rule, one.kind))
