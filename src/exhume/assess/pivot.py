"""The second look: everything that the values of a proven break-in touched, as an analyst would search it by hand for days.

The values an intrusion is known by (pages, sessions, addresses, accounts) become a throw-away pack; the logs are scanned once
more for them, and again for values that this shows, until nothing is new. What is found is context with counts, and raises
no verdict: except where a planted page is called with data and answers 200, because then it is used.

References: DESIGN, pivot; general rules 2 to 6 of the project's traces.md.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from exhume.assess import sieve
from exhume.assess.scan import Scanner
from exhume.assess.survey import Survey
from exhume.assess.tasks import Task
from exhume.judge.chain import chain, own_addresses
from exhume.judge.touch import PACK, Second, Touched, is_crowded, reached
from exhume.model import (
    Because,
    Cause,
    Clue,
    Coverage,
    Evidence,
    Finding,
    Gap,
    Host,
    Intrusion,
    Kept,
    Outcome,
    Pack,
    Part,
    Problem,
    Reader,
    Record,
    Rule,
    Severity,
    Sieve,
    anew,
)
from exhume.model.visit import keys_of

ROUNDS = 3
"""Looks at most; what comes after is told as a limit."""
MOST_VALUES = 64
"""Values looked for in all."""
BLOCK, OVERLAP = 960 << 10, 1024
"""Bytes searched at a time, and on both sides of where two blocks meet."""
LARGE = 8 << 20
"""Bytes beyond which a log is not searched twice: it hardly ever holds nothing, and opening it costs little then."""
SAMPLED = 6
"""Front-end logs of which the beginning is read, to see whether an address carries everybody."""
SAMPLE = 4 << 20
"""Bytes read of each."""
CARRIES = 0.25
"""Share of all rows from which on an address that several people use is taken for a load balancer or proxy."""
KINDS = frozenset((
    "iis.access", "iis.httperr", "exchange.httpproxy", "exchange.ecp-server", "exchange.ecp-activity", "exchange.ews",
    "exchange.rps-http", "exchange.mapihttp", "windows.event",
))  # fmt: skip
FRONT = ("w3svc1", "/httpproxy/")
FEW = 32
"""Addresses that are searched for one by one."""
_ADDRESS = re.compile(rb"(?<=[ ,])[0-9a-fA-F]{1,4}[.:][0-9a-fA-F.:]{3,40}(?=[ ,])")
_CELL = re.compile(rb"[ ,]([^ ,\r\n]*)[ ,]\Z")
LITERAL = 200
"""Letters of a value that are searched for: hyperscan refuses patterns beyond 16,000 bytes, and rows can hold any."""
Look = Callable[["Touch", Sequence[str]], Part]
"""Scans these files with this detector alone."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something an intrusion is known by."""

    name: str
    """``address``, ``shell``, ``canary`` or ``account``."""
    text: str
    why: str

    @property
    def key(self) -> str:
        return f"{self.name}:{self.text}"

    @property
    def literal(self) -> str:
        """What must stand in a raw line that holds the value: of a very long one the beginning. Never empty."""
        text = self.text
        if self.name == "shell":
            text = text.rstrip("/").rpartition("/")[2] or text
        elif self.name == "account":
            text = text.rpartition("\\")[2] or text
        return text[:LITERAL]


@dataclass(slots=True)
class Touch:
    """The throw-away pack: finds every record that holds one of the values."""

    values: dict[str, Value]
    wants: frozenset[str] = KINDS
    problems: tuple[Problem, ...] = ()
    _rules: dict[tuple[str, str, str], Rule] = field(default_factory=dict)

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        return cls({})

    def clues(self, kind: str) -> frozenset[Clue] | None:
        return frozenset(Clue((frozenset({value.literal.lower()}),)) for value in self.values.values())

    def detect(self, record: Record) -> Iterator[Finding]:
        for key in keys_of(record)[0]:
            value = self.values.get(key)
            if value is not None:
                yield Finding.of(self._rule(value, record), record, (Because(value.name, value.text, value.why),))

    def _rule(self, value: Value, record: Record) -> Rule:
        place = (value.key, record.kind, record.channel)
        rule = self._rules.get(place)
        if rule is None:
            name = "\x1f".join(place)
            rule = self._rules[place] = Rule(name, PACK, f"Touched: {value.why}", Outcome.PROBE, Severity.INFO)
        return rule


@dataclass(slots=True)
class Glance(Scanner):
    """A scanner that opens a text log only when one of the literals stands in its bytes: most do not hold any."""

    _screen: sieve.Screen | None = None

    def __setstate__(self, state: tuple[object, ...]) -> None:
        Scanner.__setstate__(self, state)
        self._screen = None

    def work(self, task: Task) -> Part:
        size = self._file(task.path).size
        return Scanner.work(self, task) if size is None or size > LARGE or self._holds(task.path) else Part()

    def _sieve(self, reader: Reader) -> Sieve | None:
        if self.sieves is None and self.use_sieve:
            self.sieves = sieve.Sieves(self.detectors, self.engine, brief=True)
        return Scanner._sieve(self, reader)

    def _holds(self, path: str) -> bool:
        if not self.use_sieve:
            return True
        if self._screen is None:
            clues = [clue for d in self.detectors for kind in d.wants for clue in d.clues(kind) or ()]
            self._screen = sieve.build(clues, self.engine)
        searched = self._screen
        try:
            with self.evidence.open(path) as stream:
                block = stream.read(BLOCK)
                if block[:7] == b"ElfFile" or block[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    return True  # UTF-16: the literals stand there in another form
                block, border = block.removeprefix(BOM_UTF8), b""
                while block:
                    if len(searched.candidates(border + block[:OVERLAP])) or len(searched.candidates(block)):
                        return True
                    border = block[-OVERLAP:]
                    block = stream.read(BLOCK)
        except OSError:
            return True  # the scan says why
        return False


def second_look(look: Look, evidence: Evidence, seen: Survey, part: Part) -> Second:
    """What the values of the intrusions touched, which addresses carry other people too, and what was given up."""
    files = _logs(seen, part.coverage)
    own = own_addresses(part.findings)
    told = chain(part.findings, part.coverage, {})
    mixed = _carriers(evidence, files, {a for i in told for a in i.addresses})
    if mixed:
        told = chain(part.findings, part.coverage, {}, mixed)
    known: dict[str, Value] = {}
    touched: list[Finding] = []
    gaps: list[Gap] = []
    fresh = values_of(told, mixed | own)
    for number in range(ROUNDS + 1):
        fresh = {key: value for key, value in fresh.items() if key not in known}
        if not fresh:
            break
        if number == ROUNDS or len(known) + len(fresh) > MOST_VALUES:
            gaps.append(_limit(len(fresh)))
            fresh = dict(list(fresh.items())[: MOST_VALUES - len(known)]) if number < ROUNDS else {}
        if not fresh:
            break
        known |= fresh
        found = look(Touch(fresh), files).findings
        touched += found
        fresh = _users(found, mixed | own)
    hits = Touched.of(touched)
    mixed |= {a for i in told for a in i.addresses if is_crowded(a, i, hits)}
    return Second(tuple(touched), tuple(sorted(mixed)), tuple(gaps))


def values_of(intrusions: Iterable[Intrusion], skip: frozenset[str]) -> dict[str, Value]:
    """The values to look for. Only intrusions that reached something are pivoted from; each value says why."""
    out: dict[str, Value] = {}
    for one in intrusions:
        kinds = (
            ("shell", one.web_shells, "a planted page"),
            ("canary", one.sessions, "a forged session"),
            ("address", one.addresses, "an address of an intruder"),
            ("account", one.accounts, "an account that an intruder made or used"),
        )
        for name, texts, why in kinds:
            for text in texts:
                if text not in skip:
                    value = Value(name, text, why)
                    out.setdefault(value.key, value)
    return out


def _users(found: Iterable[Finding], skip: frozenset[str]) -> dict[str, Value]:
    """Addresses that were shown to use a planted page: data was posted to it, and it answered."""
    out: dict[str, Value] = {}
    for finding in found:
        if finding.because[0].field != "shell":
            continue
        for visit in finding.visits:
            if reached(visit):
                for key in visit.keys:
                    name, _, text = key.partition(":")
                    if name == "address" and text not in skip:
                        out.setdefault(key, Value("address", text, f"it posted data to {finding.because[0].value}"))
    return out


def _limit(left: int) -> Gap:
    words = f"the second look stopped at {ROUNDS} rounds and {MOST_VALUES} values: {left} values that came up were not followed"
    return Gap("finding", Cause.LIMIT, words)


def _logs(seen: Survey, coverage: Coverage) -> tuple[str, ...]:
    """Files of folders in which a log was read."""
    folders = {span.path for span in coverage.spans if span.kind in KINDS}
    return tuple(path for path, file in seen.files.items() if file.folder in folders)


def _carriers(evidence: Evidence, paths: Sequence[str], addresses: Iterable[str]) -> frozenset[str]:
    """Addresses from which a good part of all rows comes, in the names of several people."""
    front = [p for p in paths if any(f in p.lower() for f in FRONT)]
    sample = front[:: max(1, len(front) // SAMPLED)][:SAMPLED]
    wanted = sorted(addresses)
    if not wanted:
        return frozenset()
    rows = 0
    hits = dict.fromkeys(wanted, 0)
    people: dict[str, set[bytes]] = {a: set() for a in wanted}
    for path in sample:
        try:
            with evidence.open(path) as stream:
                block = stream.read(SAMPLE)
        except OSError:
            continue  # the first scan told it
        rows += block.count(b"\n")
        for address in wanted if len(wanted) <= FEW else _frequent(block, wanted):
            names = _before(block, address.encode())
            hits[address] += len(names)
            people[address].update(n.lower() for n in names if b"\\" in n)
    return frozenset(a for a in wanted if hits[a] >= CARRIES * max(rows, 1) and len(people[a]) >= 5)


def _frequent(block: bytes, wanted: Iterable[str]) -> list[str]:
    """Those that stand in so many rows that they can carry a good part of all: to search for thousands would cost too much."""
    cells = Counter(_ADDRESS.findall(block))
    least = CARRIES * block.count(b"\n") / 2
    return [address for address in wanted if cells[address.encode()] >= least]


def _before(block: bytes, cell: bytes) -> list[bytes]:
    """What stands in the cell before each such cell. To search for the text alone is a hundred times faster than a pattern."""
    found = []
    at = block.find(cell)
    while at >= 0:
        match = _CELL.search(block, max(0, at - OVERLAP), at)
        if match and block[at + len(cell) : at + len(cell) + 1] in (b" ", b","):
            found.append(match[1])
        at = block.find(cell, at + len(cell))
    return found


def batches_of(evidence: Evidence, wanted: Iterable[str]) -> list[tuple[str, ...]]:
    """The evidence's portions, with these files only."""
    chosen = frozenset(wanted)
    portions = (tuple(path for path in batch if path in chosen) for batch in evidence.batches())
    return [portion for portion in portions if portion]


__all__ = ["Glance", "Look", "Touch", "Value", "batches_of", "second_look", "values_of"]
