"""The whole assessment on one page: open, survey, scan, add up, judge."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import exhume
from exhume import packs as packroom
from exhume.assess import sieve
from exhume.assess.kept import kept
from exhume.assess.scan import PICKLED, Scanner
from exhume.assess.survey import Survey, identify, own_readings, survey
from exhume.assess.tally import Tally
from exhume.assess.workers import FORKS, MUCH, Limits, scan_all
from exhume.detectors import DETECTORS, OTHER_PRODUCT, products
from exhume.evidence import Limits as EvidenceLimits
from exhume.evidence import open_evidence
from exhume.model import AllowEntry, Detector, Evidence, Pack, Part, PlanEntry, Problem, Window

if TYPE_CHECKING:  # the readers are loaded by the workers, what judges while these read
    from exhume.assess.pivot import Touch
    from exhume.judge import Patching, Second
    from exhume.model import Assessment

LONG = 64 << 20
"""Bytes of evidence from which on the workers have work for so long that whatever a report may need is loaded meanwhile."""
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
    """Hash every file, recognised logs as well, and say who read the evidence, when and with what command."""
    command: Sequence[str] = ()
    """The command line, for that."""
    meanwhile: Callable[[], None] | None = None
    """Called once, while the workers read: to load what is needed afterwards."""
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
    return assess_opened(opened, packs, options, progress, names, paths)


def assess_opened(
    evidence: Evidence,
    packs: Sequence[Pack] = (),
    options: Options | None = None,
    progress: Progress | None = None,
    names: tuple[str, ...] = (),
    paths: Sequence[Path | str] = (),
) -> Assessment:
    """``assess`` for evidence that is open already. ``names``, ``paths``: of what it was opened from."""
    options, begun = options or Options(), datetime.now(UTC).replace(microsecond=0)
    chosen = (*packroom.shipped(kept), *packs)
    seen = survey(evidence)
    detectors = tuple(kind.from_packs(chosen, seen.host, kept) for kind in DETECTORS)
    engine = options.engine or sieve.default_engine()
    make: Callable[[], Scanner] = partial(
        _scanner, evidence, detectors, products(chosen), engine, options.use_sieve, options.manifest
    )
    if FORKS and seen.size > MUCH:
        make = _shared(make())
    part = own_readings(
        _scan(make, seen, options, evidence.batches(), progress, partial(_meanwhile, options, chosen, seen.size > LONG)).part()
    )
    if part.findings:
        from exhume.assess.libraries import with_hashes

        part = with_hashes(part, evidence, seen.files)
    again = partial(_again, make, evidence, seen, options)
    result = _judged(part, chosen, seen, replace(options, engine=engine), detectors, again, names or (evidence.name,))
    if not options.manifest:
        return result
    from exhume.assess.custody import custody

    return replace(result, custody=custody(part.files, paths, names if paths else (), begun, options.command))


def _scanner(
    evidence: Evidence,
    detectors: Sequence[Detector],
    is_product: Callable[[str], bool],
    engine: str,
    use_sieve: bool,
    manifest: bool,
) -> Scanner:
    from exhume.readers import EVERY_FILE, READERS

    return Scanner(evidence, READERS, EVERY_FILE, detectors, is_product, engine, use_sieve, manifest)


def _shared(scanner: Scanner) -> Callable[[], Scanner]:
    """Loads all rules before there are workers, which then share them; of little evidence few rules are asked for."""
    for detector in scanner.detectors:
        for kind in detector.wants:
            detector.clues(kind)
    return partial(_held, scanner)


def _held(scanner: Scanner) -> Scanner:
    return scanner


def _meanwhile(options: Options, packs: tuple[Pack, ...], long: bool) -> None:
    """The parent has nothing to do while the workers read: it loads what it needs when they are done."""
    import exhume.judge

    if options.meanwhile:
        options.meanwhile()
    if long:  # much evidence nearly always tells a build and holds a finding
        import exhume.assess.pivot
        import exhume.judge.exposure  # noqa: F401

        packroom.build_tables()
        _plans(packs)


@lru_cache(maxsize=1)
def _plans(packs: tuple[Pack, ...]) -> tuple[PlanEntry, ...]:
    return tuple(entry for pack in packs if pack.own for entry in packroom.plan(pack, kept))


def _judged(
    part: Part,
    packs: tuple[Pack, ...],
    seen: Survey,
    options: Options,
    detectors: Sequence[Detector],
    again: Callable[[Part], Second],
    names: tuple[str, ...],
) -> Assessment:
    from exhume.judge import Case, judge
    from exhume.model import PackUsed, Tool

    generated = datetime.now(UTC).replace(microsecond=0)
    exposure = exposure_of(part, packs, generated)
    case = Case(
        tool=Tool(
            exhume.__version__, sieve.describe(options.engine), tuple(PackUsed(p.name, p.version, p.digest) for p in packs)
        ),
        generated=generated,
        period=options.period,
        allow=options.allow,
        exposure=exposure,
        evidence=names,
        problems=problems_of(packs, detectors),
    )
    if exposure:
        case = replace(case, untold=packroom.untold())
    if part.findings or (exposure and exposure.unfixed):
        case = replace(case, plans=_plans(packs))
    if part.findings:  # all else is asked of findings only
        case = replace(
            case,
            witnesses=packroom.witnesses(kept),
            marks=packroom.clusters(),
            correlations=packroom.correlations(packs, kept),
            second=again(part),
        )
    return judge(part, packs, identify(seen.host, part.coverage.spans, part.readings, exposure), case)


def exposure_of(part: Part, packs: Sequence[Pack], generated: datetime) -> Patching | None:
    """What the readings tell; the server ran on the days of which Exchange's own logs have rows."""
    if not part.readings:
        return None
    from exhume.judge import patching

    rows = [s.first.date() for s in part.coverage.spans if s.first and s.kind.startswith("exchange.")]
    end = (part.coverage.end or generated).date()
    return patching(part.readings, packroom.build_tables(), packs, end, min(rows, default=None), generated.date())


def _again(make: Callable[[], Scanner], evidence: Evidence, seen: Survey, options: Options, part: Part) -> Second:
    """The second look, at the logs only, for what the intrusions are known by."""
    from exhume.assess.pivot import Glance, batches_of, second_look
    from exhume.judge import Second

    if not options.pivot:
        return Second()

    def look(touch: Touch, paths: Sequence[str]) -> Part:
        scanner = make()
        known = {name: getattr(scanner, name) for name in PICKLED} | {"detectors": (touch,), "manifest": False}
        portions = batches_of(evidence, paths)
        in_order = any(len(portion) > 1 for portion in portions)  # a sequential archive: opening a member twice costs all of it
        return _scan(_shared((Scanner if in_order else Glance)(**known)), seen, options, portions).part()

    return second_look(look, evidence, seen, part)


def _scan(
    make: Callable[[], Scanner],
    seen: Survey,
    options: Options,
    portions: Sequence[tuple[str, ...]],
    progress: Progress | None = None,
    meanwhile: Callable[[], None] | None = None,
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
    for part in scan_all(make, portions, seen.files, jobs, options.limits, finished, meanwhile):
        tally.add(part)
    return tally


def problems_of(packs: Sequence[Pack], detectors: Sequence[Detector]) -> tuple[Problem, ...]:
    """Rules that could not be used; those for other products (Linux, clouds) are sound and left out."""
    found = [problem for pack in packs for problem in pack.problems]
    found += [p for d in detectors for p in d.problems if not p.reason.startswith(OTHER_PRODUCT)]
    return tuple(found)
