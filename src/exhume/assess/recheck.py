"""``recheck``: what an assessment kept is judged again with the rules, indicators and tables of today, without the evidence.

Kept are the first record of each finding, readings, and what was covered. So rules on rows, events, settings, names and hashes
are asked again; rules on the contents of files are not, and rules that were not there the first time never saw the rows that
were not kept: they may find something, and never say ``no_trace``. What they do not raise any more is shown, never dropped.

References: MVT's ``check-iocs``, which puts stored results to new indicators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import exhume
from exhume import packs as packroom
from exhume.assess.allow import accepted
from exhume.assess.kept import kept
from exhume.assess.run import exposure_of, problems_of
from exhume.assess.scan import STATE_KINDS
from exhume.assess.survey import identify
from exhume.assess.tally import OTHERS
from exhume.detectors import DETECTORS, Ioc, Sigma, products
from exhume.judge import Case, Second, judge
from exhume.judge.words import joined, number
from exhume.model import (
    AllowEntry,
    Assessment,
    Cause,
    Coverage,
    Detector,
    Finding,
    Pack,
    PackUsed,
    Part,
    Recheck,
    Record,
    Tool,
    Withdrawn,
)
from exhume.model.visit import keys_of, values

_CUT = re.compile(r"… \(\d+ (?:characters|values)\)\Z")
"""The end of a value of which not all was kept (``model.finding.shorten``)."""
_KEPT = {
    "iis.access": (("address", "c-ip"), ("shell", "cs-uri-stem"), ("method", "cs-method"), ("status", "sc-status")),
    "exchange.httpproxy": (
        *(("address", "ClientIpAddress"), ("shell", "UrlStem")),
        *(("method", "Method"), ("status", "HttpStatus")),
    ),
}
"""Keys of a visit and the fields of the row that they come from (``model.visit``)."""
_SCALES = ("outcome", "severity", "confidence", "decisive")
_SAID = ("title", "because", "techniques", "cves", "own", "trace", "falsepositives", "references", *_SCALES)
"""What a rule says of a finding; where and when it stands stays."""


def recheck(before: Assessment, before_sha256: str, packs: Sequence[Pack] = (), allow: Sequence[AllowEntry] = ()) -> Assessment:
    """A new assessment, made from ``before`` alone. Raises ``ValueError`` when it is a redacted one."""
    if before.redacted:
        raise ValueError("it is redacted: rules cannot be asked of stand-ins; take the full one")
    chosen = (*packroom.shipped(), *packs)
    names = {pack.name for pack in chosen}
    gone = tuple(p for p in before.tool.packs if p.name not in names)
    detectors = tuple(kind.from_packs(chosen, before.host, kept) for kind in DETECTORS)
    correlations = packroom.correlations(chosen)
    asked = _Asked(before, chosen, detectors, frozenset(c.rule.id for c in correlations))
    gaps = tuple(
        g for g in before.coverage.gaps if g.cause is not Cause.ABSENT or g.source
    )  # the judge says anew what is absent
    part = Part(tuple(asked.findings.values()), before.readings, Coverage(before.coverage.spans, gaps))
    exposure = exposure_of(part, chosen, before.generated)
    generated = datetime.now(UTC).replace(microsecond=0)
    partly = _partly(before, chosen, asked.records)
    mixed = before.mixed or tuple(sorted({address for one in before.intrusions for address in one.mixed}))
    case = Case(
        tool=Tool(exhume.__version__, before.tool.engine, (*(PackUsed(p.name, p.version, p.digest) for p in chosen), *gone)),
        generated=before.generated,  # the evidence is as old as that
        period=before.period,
        allow=tuple(e for e in (*allow, *accepted(before)) if e.until is None or generated.date() <= e.until),
        plans=tuple(entry for pack in chosen if pack.own for entry in packroom.plan(pack)),
        exposure=exposure,
        evidence=before.evidence,
        problems=problems_of(chosen, detectors),
        untold=packroom.untold() if exposure else (),
        witnesses=packroom.witnesses(),
        marks=packroom.clusters(),
        correlations=correlations,
        second=Second((), mixed, (), before.intrusions, before.planted),
        partly=partly,
    )
    host = identify(before.host, part.coverage.spans, part.readings, exposure)
    result = judge(part, (*chosen, *_unknown(gone, before)), host, case)
    told = asked.told(result, before, before_sha256, tuple(sorted(partly)))
    return replace(result, generated=generated, tlp=before.tlp, recheck=told)


class _Asked:
    """Every kept record, put to the rules of today, and what became of each finding."""

    def __init__(
        self, before: Assessment, packs: Sequence[Pack], detectors: Sequence[Detector], correlations: frozenset[str]
    ) -> None:
        self._packs = {pack.name: pack for pack in packs}
        self._detectors = detectors
        self._ships = products(packs)
        self._rules = frozenset(r for d in detectors if isinstance(d, Sigma) for r in d.rules) | _yara_rules(packs)
        earlier = tuple(w.finding for w in before.recheck.withdrawn) if before.recheck else ()
        stored = (*before.findings, *(x.finding for x in before.allowed), *earlier)
        self.records = len({(f.record.kind, f.record.source) for f in stored})
        self.findings: dict[str, Finding] = {}
        self.changed: dict[str, str] = {}
        self.withdrawn: list[Withdrawn] = []
        self._unasked = 0
        self._cut = 0
        self._correlated = tuple(f for f in stored if f.rule in correlations)
        known = {f.id for f in stored}
        self._many = {(f.pack, f.rule) for f in stored if f.subject == OTHERS}
        fresh: dict[str, Finding] = {}
        for finding in stored:
            if finding.rule in correlations:
                continue  # made anew from the others
            raised_now = self._detected(finding.record)
            self._again(finding, {(f.pack, f.rule): f for f in raised_now})
            for one in (*raised_now, *self._indicated(finding)):
                if one.id not in known and (one.pack, one.rule) not in self._many and one.id not in fresh:
                    fresh[one.id] = one
        self.findings |= fresh

    def _is_products(self, record: Record) -> bool:
        return record.kind in STATE_KINDS and self._ships(record.text("sha256"))

    def _detected(self, record: Record) -> tuple[Finding, ...]:
        if self._is_products(record):
            return ()
        found = (f for d in self._detectors if record.kind in d.wants for f in d.detect(record))
        return tuple(f for f in found if isinstance(f, Finding))

    def _indicated(self, finding: Finding) -> Iterator[Finding]:
        """Indicators in the further rows of a finding, of which addresses and pages were kept."""
        for detector in self._detectors:
            if isinstance(detector, Ioc):
                for record in _further(finding):
                    yield from (f for f in detector.detect(record) if isinstance(f, Finding))

    def _again(self, finding: Finding, now: dict[tuple[str, str], Finding]) -> None:
        pack = self._packs.get(finding.pack)
        same = now.get((finding.pack, finding.rule))
        stands = replace(finding, **{name: getattr(same, name) for name in _SAID}) if same else finding
        if pack is None:
            self._stands(finding)
        elif self._is_products(finding.record):
            self.withdrawn.append(Withdrawn(finding, "The file is one that Exchange ships, as is known now."))
        elif same:
            self._stands(stands)
            if differs := [f"{n} was {getattr(finding, n)}" for n in _SCALES if getattr(finding, n) != getattr(same, n)]:
                self.changed[finding.id] = f"The rule says something else now: {', '.join(differs)}."
        elif _of_contents(finding):
            self._unasked += 1
            self._stands(finding)
            if not finding.rule.startswith(("webcode.", "pivot.")) and finding.rule not in self._rules:
                self.changed[finding.id] = (
                    f"{finding.pack} {pack.version} has no such rule any more; it stands until the file is scanned again."
                )
        elif any(_CUT.search(finding.record.text(name)) for name in finding.record.fields):
            self._cut += 1
            self._stands(finding)
        else:
            there = finding.rule in self._rules or finding.rule.startswith("baseline.")
            why = "does not find this any more" if there else "has no such rule or indicator any more"
            said = f"The rule of {finding.pack} {pack.version}" if there else f"{finding.pack} {pack.version}"
            self.withdrawn.append(Withdrawn(finding, f"{said} {why}."))

    def _stands(self, finding: Finding) -> None:
        self.findings[finding.id] = finding

    def told(self, result: Assessment, before: Assessment, sha256: str, partly: tuple[str, ...]) -> Recheck:
        """What the report says of the second judgement."""
        there = {f.id for f in result.findings} | {x.finding.id for x in result.allowed}
        lost = [f for f in self._correlated if f.id not in there]
        withdrawn = [*self.withdrawn, *(Withdrawn(f, "What it was put together from is not so any more.") for f in lost)]
        known = {f.id for f in before.findings} | {x.finding.id for x in before.allowed}
        return Recheck(
            before_sha256=sha256,
            before=before.generated,
            verdict=before.verdict,
            tool=before.tool,
            records=self.records,
            limits=tuple(self._limits(before)),
            partly=partly,
            new=tuple(f.id for f in result.findings if f.id not in known),
            changed=tuple((name, why) for name, why in self.changed.items() if name in there),
            withdrawn=tuple(withdrawn),
        )

    def _limits(self, before: Assessment) -> Iterator[str]:
        yield (
            f"Asked again were the {number(self.records, 'record')} that the first assessment kept: the first one of each"
            " finding; of further rows only addresses and pages, with indicators. Counts and times are those of then."
        )
        yield "The contents of files were not kept: rules on them (YARA, analysis of code) were not asked again."
        if self._unasked:
            yield f"{number(self._unasked, 'finding')} that they, or the second look at the logs, had made stand as they were."
        if self._cut:
            yield f"{number(self._cut, 'finding')} stand as they were because a long value was kept in part only."
        gone = sorted({f.pack for f in before.findings if f.pack not in self._packs})
        if gone:
            yield f"Findings of packs that were not given now stand as they were: {joined(gone)}."
        if before.tool.version != exhume.__version__:
            yield f"The rows were read by exhume {before.tool.version}; what this version would read in them is not known."


def _further(finding: Finding) -> Iterator[Record]:
    """What was kept of the rows behind the first one, where they name another address or page."""
    fields = _KEPT.get(finding.record.kind, ())
    seen = {_named(keys_of(finding.record)[0])}
    for visit in finding.visits if fields else ():
        if _named(visit.keys) not in seen:
            seen.add(_named(visit.keys))
            kept_values = {field: text for name, field in fields for text in values(visit.keys, name)}
            yield replace(finding.record, time=visit.first, source=visit.source, fields=kept_values)


def _named(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(key for key in keys if key.startswith(("address:", "shell:")))


def _of_contents(finding: Finding) -> bool:
    """Was it found in bytes, or in rows, that were not kept?"""
    return finding.rule.startswith(("webcode.", "pivot.")) or any(
        b.field == "content" and b.test.startswith("YARA") for b in finding.because
    )


def _yara_rules(packs: Iterable[Pack]) -> frozenset[str]:
    """Names of the YARA rules in the packs."""
    names: set[str] = set()
    for file in (file for pack in packs for file in pack.of("yara")):
        try:
            names.update(re.findall(r"(?m)^\s*(?:(?:private|global)\s+)*rule\s+(\w+)", file.text()))
        except (OSError, ValueError):
            continue  # the detector says so
    return frozenset(names)


def _partly(before: Assessment, packs: Iterable[Pack], records: int) -> dict[str, str]:
    """The packs that were not there, or had other rules, when the rows were read; each with a sentence."""
    half = before.recheck.partly if before.recheck else ()
    then = {p.name: p for p in before.tool.packs}
    told: dict[str, str] = {}
    for pack in packs:
        old = then.get(pack.name)
        if old is None or pack.name in half or old.digest != pack.digest:
            what = "are new" if old is None else "were changed" if old.digest != pack.digest else "are new or were changed"
            told[pack.name] = (
                f"The rules of {pack.name} {what} since the evidence was read: they were asked only of the"
                f" {number(records, 'record')} that were kept, so that they find nothing else proves nothing."
            )
    return told


def _unknown(gone: Iterable[PackUsed], before: Assessment) -> Iterator[Pack]:
    """Packs that are not at hand any more, by what the first assessment says of them: without needs, so never ``no_trace``."""
    titles = {a.campaign: a.title for a in before.answers}
    for pack in gone:
        yield Pack(pack.name, pack.version, titles.get(pack.name, pack.name), pack.digest, own=False)
