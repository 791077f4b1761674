"""A finding: a rule, what it claims, why, and where the evidence for it stands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from exhume.model.address import sender
from exhume.model.crowd import Crowd, Values
from exhume.model.flow import Record, Source, Value
from exhume.model.visit import Visit, merge_visits, visit_of
from exhume.model.vocabulary import Confidence, Outcome, Severity, Verdict

SOURCES_KEPT = 20
"""Places kept for each finding; the count goes on."""
TEXT_KEPT = 4096
"""Characters kept of each field of a finding's record."""
OTHERS = "(others)"
"""Subject of the finding that counts those which are not kept one by one."""
HASH_RULES = ("ioc:sha256:", "ioc:sha1:", "ioc:md5:")
"""Beginnings of the ids of rules that know a file by its hash: whose they are changes nothing, the hash is the file itself."""
_NAMELESS = ("string", "user_agent", "webshell_parameter", "url")
"""Indicators whose rules bear a hash in place of their value."""
_COUNTED = {"shell": "page", "agent": "agent", "status": "status", "account": "account", "mailbox": "mailbox"}
"""Keys of visits that are counted, and what they are called."""
_FAMILY = re.compile(r"[A-Z0-9]+(?:-\d+)*-[a-z0-9]+(?=-|\Z)")
"""The beginning of a trace's id that its variants share: ``WS-k`` of ``WS-k-probe``."""


@dataclass(frozen=True, slots=True)
class Because:
    """One reason for a finding, in the terms of the rule: which field, what it held, which test it met."""

    field: str
    value: str
    test: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule says of itself, whatever language it is written in."""

    id: str
    pack: str
    title: str
    outcome: Outcome
    severity: Severity
    confidence: Confidence = Confidence.MEDIUM
    decisive: bool = False
    """It alone proves a success, whatever its outcome word."""
    techniques: tuple[str, ...] = ()
    """MITRE ATT&CK ids, e.g. ``T1505.003``."""
    cves: tuple[str, ...] = ()
    own: bool = True
    """From a pack with a ``pack.yml`` that was written for exhume. Rules of others never reach more than ``suspected``."""
    fold: tuple[str, ...] = ()
    """Fields whose values keep findings apart, beside rule, address and day (e.g. the path of a web shell)."""
    trace: str = ""
    """Id of the trace it stands for, e.g. ``PL-855-c``."""
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    ambiguous: bool = False
    """Ordinary work of administrators or products leaves the same mark: alone it moves no verdict."""
    shows: str = ""
    """A word for the fact it shows, where several traces show the same one, e.g. ``mailbox-export``; after a slash what of it:
    ``odd-page/content`` says what a page's own text does."""


def address_of(fields: Mapping[str, Value]) -> str:
    """The client address a record names, or empty text."""
    return sender(fields)


def shorten(value: Value) -> Value:
    """The value, cut at ``TEXT_KEPT`` characters with a mark, so that a hostile row cannot blow up a report."""
    if isinstance(value, str) and len(value) > TEXT_KEPT:
        return f"{value[:TEXT_KEPT]}… ({len(value)} characters)"
    if isinstance(value, tuple):
        kept: list[str] = []
        room = TEXT_KEPT
        for item in value:
            if room <= 0:
                kept.append(f"… ({len(value)} values)")
                break
            cut = str(shorten(item[:room] if len(item) > room else item))
            kept.append(cut if len(item) <= room else f"{cut}… ({len(item)} characters)")
            room -= len(item)
        return tuple(kept)
    return value


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim with its proof. It can only be made from a record (``Finding.of``)."""

    rule: str
    pack: str
    title: str
    outcome: Outcome
    decisive: bool
    severity: Severity
    confidence: Confidence
    because: tuple[Because, ...]
    techniques: tuple[str, ...]
    cves: tuple[str, ...]
    subject: str
    """Address (or path, user, …) that keeps this finding apart from others of the same rule and day."""
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    sources: tuple[Source, ...]
    record: Record
    own: bool = True
    trace: str = ""
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    visits: tuple[Visit, ...] = ()
    """Its rows by minute and by the values that name an actor: the earliest ``VISITS_KEPT``."""
    crowd: tuple[Values, ...] = ()
    """Who asked for what, counted, where it stands for more rows than are kept one by one."""
    parts: tuple[Finding, ...] = ()
    """The findings that it puts together, the one that proves most first; empty: it is a single one."""
    _id: str = field(default="", init=False, repr=False, compare=False)
    """The id, once somebody asked for it: it is asked for often."""
    ambiguous: bool = False
    """Its rule says that ordinary work leaves the same mark."""
    shows: str = ""
    """Its rule's word for the fact it shows; ``fact`` is never empty."""
    weighed: Verdict | None = None
    """What it calls for together with the findings ``beside``, where that is another verdict than alone (``judge.weigh``)."""
    beside: tuple[str, ...] = ()
    """Ids of the findings that it was added up with."""

    @classmethod
    def of(cls, rule: Rule, record: Record, because: Iterable[Because]) -> Finding:
        """The finding that ``rule`` fired on ``record`` because of the tests in ``because``."""
        address = address_of(record.fields)
        keys = [address] if address else []
        keys += [record.text(name)[:TEXT_KEPT] for name in rule.fold]
        if record.time is None and not rule.fold:
            keys.append(record.source.path)
        kept = replace(record, fields={k: shorten(v) for k, v in record.fields.items()}, opener=None)
        return cls(
            rule=rule.id,
            pack=rule.pack,
            title=rule.title,
            outcome=rule.outcome,
            decisive=rule.decisive,
            severity=rule.severity,
            confidence=rule.confidence,
            because=tuple(Because(b.field, str(shorten(b.value)), str(shorten(b.test))) for b in because),
            techniques=rule.techniques,
            cves=rule.cves,
            subject="\x1f".join(keys),
            count=1,
            first_seen=record.time,
            last_seen=record.time,
            sources=(record.source,),
            record=kept,
            own=rule.own,
            trace=rule.trace,
            falsepositives=rule.falsepositives,
            references=rule.references,
            visits=(visit_of(record),),
            ambiguous=rule.ambiguous,
            shows=rule.shows,
        )

    @property
    def fact(self) -> str:
        """What it shows, in one word. Marks that show the same fact (one row in two logs, a page that was served and lies on
        the disk) are not independent of each other: they never add up."""
        match = _FAMILY.match(self.trace)
        return self.shows.partition("/")[0] or (match[0] if match else self.rule)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Findings with the same key fold into one: rule, server, subject, UTC day."""
        if self.subject == OTHERS:
            return (self.rule, self.record.server, OTHERS, "")
        day = self.first_seen.date().isoformat() if self.first_seen else ""
        return (self.rule, self.record.server, self.subject, day)

    @property
    def id(self) -> str:
        """Stable over runs on the same evidence; of several that are put together, that of the one that proves most."""
        if not self._id:
            text = "\x1e".join((self.pack, *self.key)).encode("utf-8", "replace")
            name = self.parts[0].id if self.parts else "f-" + hashlib.sha256(text).hexdigest()[:12]
            object.__setattr__(self, "_id", name)
        return self._id

    @property
    def singles(self) -> tuple[Finding, ...]:
        """The findings that it puts together, or itself."""
        return self.parts or (self,)

    @property
    def source(self) -> Source:
        return self.sources[0]

    @property
    def address(self) -> str:
        return address_of(self.record.fields)

    def __add__(self, other: Finding) -> Finding:
        if self.key != other.key or self.pack != other.pack:
            raise ValueError("findings of different rules, subjects or days do not fold")
        early, late = (self, other) if _leads(self, other) else (other, self)
        firsts = [t for t in (self.first_seen, other.first_seen) if t]
        lasts = [t for t in (self.last_seen, other.last_seen) if t]
        return replace(
            early,
            count=self.count + other.count,
            first_seen=min(firsts, default=None),
            last_seen=max(lasts, default=None),
            sources=_places(early.sources, late.sources),
            visits=merge_visits(early.visits, late.visits),
            crowd=_summed(early, late) if early.crowd or late.crowd else (),
        )


def _leads(one: Finding, other: Finding) -> bool:
    """Of findings that fold, the row that shows most is told, then the earliest: an indicator is worth more when answered."""
    mine = (one.decisive, one.outcome, one.severity, one.confidence)
    theirs = (other.decisive, other.outcome, other.severity, other.confidence)
    if mine != theirs:
        return mine > theirs
    early, late = one.record.time, other.record.time
    if early != late:
        return late is None or (early is not None and early < late)
    return str(one.source) <= str(other.source)


def _summed(*findings: Finding) -> tuple[Values, ...]:
    crowd = Crowd()
    for finding in findings:
        crowd.take(finding.crowd)
    return crowd.values()


def counted(finding: Finding) -> Iterator[tuple[str, str, int]]:
    """Who asked for what, as far as the finding keeps it: name, value, rows."""
    if finding.address:
        yield "address", finding.address, finding.count
    kind, _, value = finding.rule.removeprefix("ioc:").partition(":")
    if finding.rule.startswith("ioc:") and value and kind not in _NAMELESS:
        yield "name", value.replace("\\", "/").rpartition("/")[2] or value, finding.count
    for visit in finding.visits:
        for key in visit.keys:
            name, _, text = key.partition(":")
            if name in _COUNTED and text:
                yield _COUNTED[name], text, visit.count


def _places(early: tuple[Source, ...], late: tuple[Source, ...]) -> tuple[Source, ...]:
    """The earliest row's place, then the others in order of file and line; which ones are kept when there are too many must
    not depend on the order in which files happen to be read."""
    if len(early) == SOURCES_KEPT and len(late) == 1 and _in_order(late[0]) >= _in_order(early[-1]):
        return early  # the common case: one more row of a log
    others = set(early + late) - {early[0]}
    return (early[0], *sorted(others, key=_in_order)[: SOURCES_KEPT - 1])


def _in_order(source: Source) -> tuple[str, int, str]:
    number = source.at.rpartition(" ")[2]
    return (source.path, int(number) if number.isdecimal() else 0, source.at)


def raised(finding: Finding) -> Verdict | None:
    """The verdict this finding calls for, ``None`` for attempts, probes and marks that are still to be confirmed.

    The one decision: verdicts, plans, comparisons and what is exported as an indicator all go by it.
    """
    return finding.weighed if finding.weighed is not None else alone(finding)


def alone(finding: Finding) -> Verdict | None:
    """The verdict it calls for by itself, whatever stands beside it."""
    if not finding.own and not finding.rule.startswith(HASH_RULES):
        return Verdict.SUSPECTED if finding.severity >= Severity.HIGH else None
    if unsure(finding):
        return None
    if _lies_unserved(finding):
        return Verdict.SUSPECTED
    if finding.decisive or (finding.confidence == Confidence.HIGH and finding.outcome >= Outcome.WRITE):
        return Verdict.COMPROMISED
    return Verdict.SUSPECTED if finding.outcome >= Outcome.STEP else None


def unsure(finding: Finding) -> bool:
    """A mark of something that worked which may as well be ordinary work: its rule says so, or is hardly sure of its title."""
    return finding.ambiguous or (finding.confidence == Confidence.LOW and finding.outcome >= Outcome.STEP)


def held(finding: Finding) -> bool:
    """Does it call for less than it would alone, because what stands beside it shows that it was hardly what it looks like?"""
    by_itself = alone(finding)
    return finding.weighed is not None and by_itself is not None and finding.weighed < by_itself


def to_confirm(finding: Finding) -> bool:
    """An unsure mark with nothing beside it: a person who knows the server has to say whose work it was."""
    return unsure(finding) and raised(finding) is None


def attacks(finding: Finding) -> bool:
    """Does it show at least an attempt? A mark that is still to be confirmed shows none."""
    if raised(finding) is not None:
        return not held(finding)
    return finding.outcome >= Outcome.ATTEMPT and not unsure(finding)


def _lies_unserved(finding: Finding) -> bool:
    """A file with the form of a web shell that no web server serves: a quarantine, a backup, an analyst's copy, or a shell that
    was put where nobody can call it. A known hash is more than a form."""
    record = finding.record
    return (
        finding.outcome in (Outcome.STEP, Outcome.WRITE)
        and record.kind in ("web.file", "file.entry")
        and record.fields.get("served") is False
        and not finding.rule.startswith(HASH_RULES)
    )
