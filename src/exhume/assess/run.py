"""The whole assessment on one page: open, survey, scan, add up, judge."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import exhume
from exhume import packs as packroom
from exhume.assess import sieve
from exhume.assess.kept import kept
from exhume.assess.pivot import Glance, Touch, batches_of, second_look
from exhume.assess.scan import PICKLED, Scanner
from exhume.assess.survey import Survey, identify, survey
from exhume.assess.tally import Tally
from exhume.assess.workers import Limits, scan_all
from exhume.detectors import DETECTORS, OTHER_PRODUCT, products
from exhume.evidence import Limits as EvidenceLimits
from exhume.evidence import open_evidence
from exhume.judge import Case, Patching, Second, judge, patching
from exhume.model import AllowEntry, Assessment, Detector, Evidence, Pack, PackUsed, Part, Problem, Tool, Window
from exhume.readers import EVERY_FILE, READERS

Progress = Callable[[int, int, str], None]
"""Bytes done, bytes in all, the path just finished."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to assess; the defaults suit one server on one machine."""

    period: Window | None = None
    """Days to judge; ``None``: the evidence and the packs decide."""
    allow: Sequence[AllowEntry] = ()
    jobs: int = 0
    """Worker processes; 0: as many as there are cores."""
    engine: str = ""
    """Sieve engine; empty: the best that runs here."""
    use_sieve: bool = True
    pivot: bool = True
    """Look at the logs once more for what the intrusions touched."""
    manifest: bool = False
    """Hash and list recognised logs as well."""
    limits: Limits = field(default_factory=Limits)
    evidence_limits: EvidenceLimits = field(default_factory=EvidenceLimits)


def assess(
    evidence: Sequence[Path | str] | Path | str,
    packs: Sequence[Pack] = (),
    options: Options | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Assesses one server from files, folders or archives, with the shipped packs and ``packs``.

    Raises ``OSError`` when nothing of the evidence can be opened. Everything else that goes wrong is a ``Gap``.
    """
    options = options or Options()
    paths = [evidence] if isinstance(evidence, (str, Path)) else list(evidence)
    opened = open_evidence(paths, options.evidence_limits)
    names = tuple(Path(p).name or str(p) for p in paths)
    return assess_opened(opened, packs, options, progress, names)


def assess_opened(
    evidence: Evidence,
    packs: Sequence[Pack] = (),
    options: Options | None = None,
    progress: Progress | None = None,
    names: tuple[str, ...] = (),
) -> Assessment:
    """``assess`` for evidence that is open already."""
    options = options or Options()
    chosen = (*packroom.shipped(), *packs)
    seen = survey(evidence)
    detectors = tuple(kind.from_packs(chosen, seen.host, kept) for kind in DETECTORS)
    engine = options.engine or sieve.default_engine()
    scanner = Scanner(evidence, READERS, EVERY_FILE, detectors, products(chosen), engine, options.use_sieve, options.manifest)
    part = _scan(scanner, seen, options, scanner.evidence.batches(), progress).part()
    generated = datetime.now(UTC).replace(microsecond=0)
    exposure = exposure_of(part, chosen, generated)
    host = identify(seen.host, part.coverage.spans, part.readings, exposure)
    case = Case(
        tool=Tool(exhume.__version__, sieve.describe(engine), tuple(PackUsed(p.name, p.version, p.digest) for p in chosen)),
        generated=generated,
        period=options.period,
        allow=options.allow,
        plans=tuple(entry for pack in chosen if pack.own for entry in packroom.plan(pack)),
        exposure=exposure,
        evidence=names or (evidence.name,),
        problems=problems_of(chosen, detectors),
        witnesses=packroom.witnesses(),
        marks=packroom.clusters(),
        correlations=packroom.correlations(chosen),
        second=_again(scanner, seen, options, part),
    )
    return judge(part, chosen, host, case)


def exposure_of(part: Part, packs: Sequence[Pack], generated: datetime) -> Patching | None:
    """What the readings tell; the server ran on the days of which Exchange's own logs have rows."""
    rows = [s.first.date() for s in part.coverage.spans if s.first and s.kind.startswith("exchange.")]
    end = (part.coverage.end or generated).date()
    return patching(part.readings, packroom.build_tables(), packs, end, min(rows, default=None), generated.date())


def _again(scanner: Scanner, seen: Survey, options: Options, part: Part) -> Second:
    """The second look, at the logs only, for what the intrusions are known by."""

    def look(touch: Touch, paths: Sequence[str]) -> Part:
        known = {name: getattr(scanner, name) for name in PICKLED} | {"detectors": (touch,)}
        portions = batches_of(scanner.evidence, paths)
        in_order = any(len(portion) > 1 for portion in portions)  # a sequential archive: opening a member twice costs all of it
        return _scan((Scanner if in_order else Glance)(**known), seen, options, portions).part()

    return second_look(look, scanner.evidence, seen, part) if options.pivot else Second()


def _scan(
    scanner: Scanner, seen: Survey, options: Options, portions: Sequence[tuple[str, ...]], progress: Progress | None = None
) -> Tally:
    tally = Tally()
    for gap in seen.gaps:
        tally.missed(gap)
    tally.spanned(seen.folders)
    done = 0

    def finished(path: str, size: int) -> None:
        nonlocal done
        done += size
        if progress:
            progress(done, seen.size, path)

    jobs = options.jobs or os.cpu_count() or 1
    for part in scan_all(scanner, portions, seen.files, jobs, options.limits, finished):
        tally.add(part)
    return tally


def problems_of(packs: Sequence[Pack], detectors: Sequence[Detector]) -> tuple[Problem, ...]:
    """Rules that could not be used; those for other products (Linux, clouds) are sound and left out."""
    found = [problem for pack in packs for problem in pack.problems]
    found += [p for d in detectors for p in d.problems if not p.reason.startswith(OTHER_PRODUCT)]
    return tuple(found)
