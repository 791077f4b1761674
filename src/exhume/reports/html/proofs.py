"""One finding as the page tells it: its proof, who asked for what, what it puts together, and its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from exhume.model import Finding, Source, allow_lines
from exhume.model.crowd import Values
from exhume.reports import wording
from exhume.reports.plain import shorten

LONG, FIELD = 1200, 400
"""Characters shown of a reason and of a record's field."""
MOST_PARTS, MOST_ROWS, MOST_VALUES, MOST_PLACES, MOST_LINKS = 20, 10, 8, 5, 6
"""What is listed of a finding; all of it is in findings.csv."""
KEY = 80
"""Characters shown of a value that a row names."""
_LINK = re.compile(r"https?://[\w.-]+(?:/[\w./?&=%#~:+,@!-]*)?", re.ASCII)
_NAMES = {
    "address": "Addresses",
    "name": "Known names",
    "page": "Pages",
    "status": "Answers",
    "agent": "Programs",
    "account": "Accounts",
    "mailbox": "Mailboxes",
}
_TOLD = ("address", "method", "shell", "target", "status", "account", "mailbox", "canary", "file", "cmdlet", "process")
"""Keys of a row that say something to people, in this order."""


@dataclass(frozen=True, slots=True)
class PartShown:
    """Findings of one rule that are told with others as one."""

    title: str
    mark: str
    when: str
    rows: int
    findings: int
    path: str
    at: str


@dataclass(frozen=True, slots=True)
class RowShown:
    """Rows of one minute."""

    time: str
    count: int
    keys: str
    path: str
    at: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as the page tells it."""

    found: Finding
    outcome: str
    meaning: str
    confidence: str
    when: str
    time: str
    from_: str
    """Its address when there is one, else how many."""
    harmless: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    because: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Field, what it held, and every test that it met."""
    links: tuple[tuple[str, bool], ...]
    """References, and whether they are web addresses."""
    crowd: tuple[tuple[str, tuple[tuple[str, int], ...], str], ...]
    """What is counted, values with their rows, how many are left out."""
    parts: tuple[PartShown, ...]
    parts_left_out: int
    rows: tuple[RowShown, ...]
    places: tuple[Source, ...]
    """Further places."""
    allow: tuple[str, ...]
    """The lines of an allow file that accept it, one for each rule and thing in it."""
    allow_left_out: int


def shown(found: Finding) -> Shown:
    """The finding in words and tables."""
    word, meaning = wording.OUTCOME[found.outcome]
    fields = found.record.fields
    parts = tuple(_parts(found)) if found.parts else ()
    lines = allow_lines(found)
    return Shown(
        found=found,
        outcome=word,
        meaning=meaning,
        confidence=wording.CONFIDENCE[found.confidence],
        when=wording.between(found.first_seen, found.last_seen),
        time=found.first_seen.isoformat() if found.first_seen else "",
        from_=_from(found),
        harmless=tuple(wording.harmless(found)),
        fields=tuple(
            (name, shorten(found.record.text(name), FIELD))
            for name in sorted(fields)
            if found.record.text(name) not in ("", "-")
        ),
        because=_reasons(found),
        links=tuple((text, bool(_LINK.fullmatch(text))) for text in found.references[:MOST_LINKS]),
        crowd=tuple(_crowd(found.crowd)),
        parts=parts[:MOST_PARTS],
        parts_left_out=max(0, len(parts) - MOST_PARTS),
        rows=tuple(_rows(found)),
        places=found.sources[1 : MOST_PLACES + 1],
        allow=lines[:MOST_PARTS],
        allow_left_out=max(0, len(lines) - MOST_PARTS),
    )


def _from(found: Finding) -> str:
    addresses = next((v for v in found.crowd if v.name == "address"), None)
    if addresses is None or addresses.total <= 1:
        return found.address
    return f"{'' if addresses.exact else 'about '}{addresses.total:,} addresses"


def _parts(found: Finding) -> Iterator[PartShown]:
    """One line for each rule, in the order of the findings."""
    rules: dict[tuple[str, str], list[Finding]] = {}
    for one in found.parts:
        rules.setdefault((one.trace or one.rule, one.title), []).append(one)
    for (mark, title), some in rules.items():
        times = [t for f in some for t in (f.first_seen, f.last_seen) if t]
        when = wording.between(min(times), max(times)) if times else "no time"
        source = some[0].source
        yield PartShown(title, mark, when, sum(f.count for f in some), len(some), source.path, source.at)


def _rows(found: Finding) -> Iterator[RowShown]:
    """The earliest rows that several rules may have fired on, each once."""
    if len(found.singles) == 1 and found.count == 1:
        return
    places = {(v.source, v.minute): v for one in found.singles for v in one.visits if v.first}
    for visit in sorted(places.values(), key=lambda v: (str(v.first), str(v.source)))[:MOST_ROWS]:
        keyed: dict[str, str] = {}
        for key in visit.keys:
            name, _, value = key.partition(":")
            keyed.setdefault(name, shorten(value, KEY))
        told = " ".join(keyed[name] for name in _TOLD if name in keyed)
        yield RowShown(wording.stamp(visit.first), visit.count, told, visit.source.path, visit.source.at)


def _crowd(crowd: Iterable[Values]) -> Iterator[tuple[str, tuple[tuple[str, int], ...], str]]:
    known = {values.name: values for values in crowd}
    for name, title in _NAMES.items():
        values = known.get(name)
        if values and (values.total > 1 or name in ("status", "agent", "mailbox", "account")):
            counts = tuple((shorten(value, KEY), count) for value, count in values.counts[:MOST_VALUES])
            left = values.total - len(counts)
            yield title, counts, f"and {'' if values.exact else 'about '}{left:,} more" if left > 0 else ""


def _reasons(found: Finding) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    tests: dict[tuple[str, str], dict[str, None]] = {}
    for reason in found.because:
        tests.setdefault((reason.field, shorten(reason.value, LONG)), {})[shorten(reason.test, LONG)] = None
    return tuple((field, value, tuple(met)) for (field, value), met in tests.items())
