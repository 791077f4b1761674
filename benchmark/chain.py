"""How well intrusions are put together: rows attributed to each actor, beside the simulator's truth. See benchmark/README.md.

Every row that raised a finding is looked up in the truth. *Precision*: of the rows that an intrusion claims, how many are its
actor's. *Recall*: of an intruder's rows that raised a finding, how many its intrusion has.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exhume import packs as packroom
from exhume.assess import pivot
from exhume.assess.run import assess
from exhume.assess.scan import Scanner
from exhume.assess.survey import survey
from exhume.assess.tally import Tally
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import open_evidence
from exhume.judge.chain import attribute
from exhume.model import Finding, Source
from exhume.readers import EVERY_FILE, READERS
from exhume.simulator import Truth, load, scenarios, simulate

Row = tuple[str, int, tuple[str, ...]]
"""Id of a finding, minute and keys of a visit: what a row was folded into."""


@dataclass
class Rows(Tally):
    """Adds up, and remembers every row."""

    places: dict[Source, set[Row]] = field(default_factory=dict)

    def found(self, finding: Finding) -> None:
        visit = finding.visits[0]
        self.places.setdefault(finding.source, set()).add((finding.id, *visit.place))
        Tally.found(self, finding)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", help="all with an intruder when none is named")
    parser.add_argument("--rate", type=float, help="requests of people in a quiet hour")
    parser.add_argument("--size", type=int, metavar="MB", help="time the second look over so much evidence instead")
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    arguments = parser.parse_args()
    if arguments.size:
        return second_look(arguments.scenario[0] if arguments.scenario else "proxylogon-full", arguments.size, arguments.runs)
    names = arguments.scenario or [name for name in scenarios() if load(name).intruders]
    worst = 1.0
    print(f"{'scenario':24} {'intruders':>9} {'found':>5} {'rows':>6} {'precision':>9} {'recall':>7} {'chain, s':>8}")
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            truth = simulate(name, scratch, rate=arguments.rate)
            intruders, found, rows, precision, recall, seconds = measure(truth, Path(scratch))
        print(f"{name:24} {intruders:9} {found:5} {rows:6} {precision:9.3f} {recall:7.3f} {seconds:8.3f}")
        worst = min(worst, precision, recall)
    return 0 if worst >= 0.98 else 1


def second_look(name: str, size: int, runs: int) -> int:
    """Seconds of the second look (with the chaining it needs), beside those of the whole run that it is part of."""
    original, spent = pivot.second_look, [0.0]

    def timed(*arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return original(*arguments)
        finally:
            spent[0] = time.perf_counter() - start

    pivot.second_look = timed
    shares: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        simulate(name, scratch, size=size * 1_000_000)
        for _ in range(runs):
            start = time.perf_counter()
            result = assess(Path(scratch))
            whole = time.perf_counter() - start
            rows = sum(span.records for span in result.coverage.spans)
            shares.append(spent[0] / (whole - spent[0]))
            print(f"{name}: {rows:,} rows, {size:,} MB; {whole:.1f} s, of which the second look {spent[0]:.1f} s")
    share = statistics.median(shares)
    print(f"the second look adds {100 * share:.0f} % (median of {runs})")
    return 0 if share < 0.5 else 1


def measure(truth: Truth, folder: Path) -> tuple[int, int, int, float, float, float]:
    tally = Rows()
    mixed = frozenset(a for i in assess(folder).intrusions for a in i.mixed)
    evidence = open_evidence([folder])
    seen = survey(evidence)
    detectors = tuple(kind.from_packs(packroom.shipped(), seen.host) for kind in DETECTORS)
    scanner = Scanner(evidence, READERS, EVERY_FILE, detectors, is_product, use_sieve=False)
    for path in seen.files:
        for finding in findings_of(scanner, path):
            tally.found(finding)
    start = time.perf_counter()
    actors, _ = attribute(list(tally.findings.values()), mixed)
    seconds = time.perf_counter() - start
    owner = {(n.finding.id, *n.visit.place): number for number, g in enumerate(actors) for n in g.nodes}
    of_row = {text: name for name, actor in truth.actors.items() for text in actor.rows}
    claimed: Counter[tuple[int, str]] = Counter()
    unclaimed: Counter[str] = Counter()
    for source, row in texts(folder, tally.places):
        name = of_row.get(row, "")
        owners = {owner[place] for place in tally.places[source] if place in owner}
        for number in owners:
            claimed[number, name] += 1
        if not owners and name and truth.actors[name].intruder:
            unclaimed[name] += 1
    right = sum(
        max((n for (g, name), n in claimed.items() if g == number and name), default=0) for number in range(len(actors))
    )
    total = sum(claimed.values())
    missed = sum(unclaimed.values())
    wanted = sum(actor.intruder for actor in truth.actors.values())
    return wanted, len(actors), total, right / total if total else 1.0, right / (right + missed) if total else 1.0, seconds


def findings_of(scanner: Scanner, path: str) -> Iterator[Finding]:
    """One finding for each row: before anything is folded."""
    collected: list[Finding] = []

    class Single(Tally):
        def found(self, finding: Finding) -> None:
            collected.append(finding)

    with scanner.evidence.open(path) as stream:
        scanner._read(stream, scanner._file(path), Single())
    yield from collected


def texts(folder: Path, places: dict[Source, set[Row]]) -> Iterator[tuple[Source, str]]:
    """The rows as the log has them. Files and settings are no rows."""
    by_file: dict[str, list[Source]] = {}
    for source in places:
        if source.at.startswith("line ") and not source.path.endswith(".config"):
            by_file.setdefault(source.path, []).append(source)
    for path, sources in by_file.items():
        lines = (folder / path).read_text(encoding="utf-8-sig").split("\n")
        for source in sources:
            yield source, lines[int(source.at.split(" ")[1]) - 1].rstrip("\r")


if __name__ == "__main__":
    sys.exit(main())
