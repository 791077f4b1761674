"""The result: everything that reports and other programs need of one server. Versioned as ``exhume.assessment/1``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from exhume.model.coverage import Coverage, Window
from exhume.model.custody import Custody
from exhume.model.finding import Finding
from exhume.model.flow import Reading, Source
from exhume.model.host import Host
from exhume.model.pack import Problem
from exhume.model.vocabulary import Fate, Outcome, Reply, State, Tlp, Verdict

SCHEMA = "exhume.assessment/1"


@dataclass(frozen=True, slots=True)
class PackUsed:
    """Which pack, and by its digest which content of it."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Tool:
    """What made the assessment."""

    version: str
    engine: str
    """Name and version of the sieve's engine: ``hyperscan 0.9.1`` or ``re2 …``."""
    packs: tuple[PackUsed, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """The answer to one of the five questions, in words, with what limits it."""

    answer: Reply
    text: str
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Questions:
    """The five questions that everybody asks first."""

    exposed: Question
    attacked: Question
    broken_into: Question
    since_how_far: Question
    clean_now: Question


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on one campaign."""

    campaign: str
    title: str
    verdict: Verdict
    outcome: Outcome | None
    """The highest outcome any finding of the campaign shows; ``None`` without findings."""
    first_seen: datetime | None
    last_seen: datetime | None
    findings: tuple[str, ...]
    """Ids of the findings, worst first."""
    limits: tuple[str, ...]
    """What could not be seen, in plain words."""
    window: Window | None = None
    """The days that were judged."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One flaw on this server. ``since`` and ``until`` are the first and last day in this state, as far as known."""

    cve: str
    state: State
    why: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SeenIn:
    """Rows of one log that show an act."""

    log: str
    """Plain name of the log."""
    count: int
    source: Source
    """The first of them."""


@dataclass(frozen=True, slots=True)
class Act:
    """One step of an intrusion: ``probe``, ``step`` (a session), ``write``, ``exec`` or ``post``."""

    outcome: Outcome
    titles: tuple[str, ...]
    """What the findings say of it."""
    first_seen: datetime | None
    last_seen: datetime | None
    findings: tuple[str, ...]
    rows: tuple[SeenIn, ...]
    missing: tuple[str, ...] = ()
    """Logs that should have shown it and do not, each with the reason."""


@dataclass(frozen=True, slots=True)
class Intrusion:
    """Findings that belong to one actor. A finding that folds rows of several actors stands in each of their intrusions."""

    id: str
    first_seen: datetime | None
    last_seen: datetime | None
    findings: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    user_agents: tuple[str, ...] = ()
    web_shells: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    cluster: str = ""
    cluster_why: str = ""
    activity: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    """Canaries (``msExchEcpCanary``) of forged sessions."""
    acts: tuple[Act, ...] = ()
    """What was done, in the order of the ladder."""
    why: tuple[str, ...] = ()
    """What holds the findings together, in plain words."""
    mixed: tuple[str, ...] = ()
    """Addresses that also carry other people: what comes from them is not all the actor's."""
    notes: tuple[str, ...] = ()
    """What else has to be known: links to other intrusions, what was joined by time alone."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted page: when it was placed and used, and when and by whom it was removed, as far as the evidence tells."""

    page: str
    """Its path in the URL, lower case."""
    actors: tuple[int, ...]
    """Numbers of the intrusions that wrote or used it, from 1."""
    placed: datetime | None
    """A log shows that it was written then. File times are not used: they can be forged."""
    first_used: datetime | None
    last_used: datetime | None
    fate: Fate
    """``STILL_THERE``, ``GONE`` (its folder was listed, and it is not in it) or ``CANNOT_TELL``."""
    gone_by: date | None
    """It was gone on this day, or before."""
    by: str
    """What removed it; empty: unknown."""
    why: tuple[str, ...]
    """What that rests on, and what else has to be known, in plain words."""
    source: Source | None = None
    """Where it is said that it was removed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline."""

    time: datetime
    what: str
    kind: str
    """``attack``, ``context``, ``patch``, ``tool`` or ``log``."""
    finding: str = ""
    source: Source | None = None
    log: str = ""
    """Plain name of the log or kind of evidence that it stands in."""
    actor: int = 0
    """Number of the intrusion, from 1, that it is about, where no finding says so."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the clean-up plan. exhume never carries it out."""

    order: int
    title: str
    why: str
    how: str
    reversible: bool
    findings: tuple[str, ...] = ()
    decision: bool = False
    """A person has to decide; it costs service, data or evidence."""
    check: str = ""
    """What shows that it was done."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A finding that the user accepted as known good. It is shown, and it raises no verdict."""

    finding: Finding
    reason: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A finding that the rules of today do not raise any more. It is shown, and it raises no verdict."""

    finding: Finding
    """As the first assessment told it."""
    why: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """What an earlier assessment had kept was judged again, without the evidence (``exhume recheck``)."""

    before_sha256: str
    """SHA-256 of the file that held the earlier assessment."""
    before: datetime
    """When that one was made."""
    verdict: Verdict
    """Its verdict."""
    tool: Tool
    """What made it."""
    records: int
    """Records that were kept, and put to the rules again."""
    limits: tuple[str, ...] = ()
    """What could not be asked again, in plain words."""
    partly: tuple[str, ...] = ()
    """Packs whose rules were asked of these records only, not of all rows."""
    new: tuple[str, ...] = ()
    """Ids of findings that the earlier assessment did not have."""
    changed: tuple[tuple[str, str], ...] = ()
    """Ids of findings that are told differently now, and how."""
    withdrawn: tuple[Withdrawn, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """All there is to say of one server."""

    tool: Tool
    generated: datetime
    host: Host
    verdict: Verdict
    questions: Questions
    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]
    coverage: Coverage
    readings: tuple[Reading, ...] = ()
    exposure: tuple[Exposure, ...] = ()
    intrusions: tuple[Intrusion, ...] = ()
    planted: tuple[Planted, ...] = ()
    """The pages that the intrusions planted."""
    timeline: tuple[Moment, ...] = ()
    plan: tuple[Step, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Rules that could not be used."""
    period: Window | None = None
    """The days the user asked for with ``--since`` and ``--until``, if any."""
    evidence: tuple[str, ...] = ()
    """Names of the evidence as the user gave them."""
    tlp: Tlp | None = None
    """With whom it may be shared; every report bears it."""
    redacted: str = ""
    """What was replaced by stand-ins, in one sentence for people; empty: nothing. Every report bears it."""
    mixed: tuple[str, ...] = ()
    """Addresses that carry several people (a load balancer, the one address of an office): they accuse nobody."""
    recheck: Recheck | None = None
    """Set when it was made from an earlier assessment in place of evidence."""
    custody: Custody | None = None
    """Set with ``--manifest``. Not in redacted reports: it names people, machines and files."""
    schema: str = field(default=SCHEMA)

    def finding(self, identifier: str) -> Finding:
        """The finding with that id. Raises ``KeyError``."""
        for found in self.findings:
            if found.id == identifier:
                return found
        raise KeyError(identifier)
