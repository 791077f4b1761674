"""Findings that say the same are told as one: rule family and actor, with who asked for what, from when to when. Pure.

What is proven or suspected stays apart by actor and by what a responder has to deal with (a page, a mailbox); what was only
tried is one for each family, whoever tried it. The single findings stay inside (``Finding.parts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from exhume.judge.verdict import raised, worst_first
from exhume.judge.words import number
from exhume.model import Finding, Intrusion, Outcome, Source, to_confirm
from exhume.model.crowd import Crowd, Values, told
from exhume.model.family import Family
from exhume.model.finding import OTHERS, SOURCES_KEPT, counted
from exhume.model.visit import values

MOST_APART = 10
"""Things, or actors, of one family that are told one by one; of more, all are told in one finding."""
TRIED_KEPT = 200
"""Single findings kept of what was only tried; those beyond are counted, with who asked for what."""
_NOUNS = {
    "address": ("An address", "", "addresses"),
    "name": ("a name", "the name ", "names"),
    "page": ("a page", "", "pages"),
    "agent": ("a program", "", "programs"),
}
"""Words for no value, before a single one, and for many."""
_SHORT = 60
Key: TypeAlias = tuple[object, ...]


@dataclass(slots=True)
class _Fold:
    """Findings that are told as one, while it grows."""

    family: Family
    members: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """The findings as they are told, worst first, and the id under which each single one is."""

    findings: tuple[Finding, ...]
    names: Mapping[str, str]

    def ids(self, singles: Iterable[str]) -> tuple[str, ...]:
        """The ids of what is told, each once."""
        return tuple(dict.fromkeys(self.names.get(name, name) for name in singles))


def together(findings: Sequence[Finding], intrusions: Sequence[Intrusion], families: Sequence[Family]) -> Told:
    """``findings``: single ones, worst first. The same whatever their order."""
    actors: dict[str, list[int]] = {}
    for one, intrusion in enumerate(intrusions):
        for name in intrusion.findings:
            actors.setdefault(name, []).append(one)
    book = _Book(families)
    several = len({f.record.server for f in findings} - {""}) > 1
    apart: dict[Key, dict[Key, _Fold]] = {}
    for finding in findings:
        family = book.of(finding)
        broad, narrow = _keys(finding, family, tuple(actors.get(finding.id, ())))
        broad = (*broad, finding.record.server) if several else broad
        apart.setdefault(broad, {}).setdefault(narrow, _Fold(family)).members.append(finding)
    out: list[Finding] = []
    names: dict[str, str] = {}
    for folds in apart.values():
        for fold in _few(folds):
            found = _one(fold, actors)
            out.append(found)
            names.update((member.id, found.id) for member in fold.members)
    beside = (replace(f, beside=_others(f, names)) if f.beside else f for f in out)
    return Told(tuple(sorted(beside, key=worst_first)), names)


def _others(found: Finding, names: Mapping[str, str]) -> tuple[str, ...]:
    """What it was added up with, as that is told."""
    return tuple(dict.fromkeys(name for one in found.beside if (name := names.get(one, one)) != found.id))


def _few(folds: Mapping[Key, _Fold]) -> Iterator[_Fold]:
    """Not more than ``MOST_APART`` of one actor, and not more than that of all actors together."""
    some = [fold for group in _by_actor(folds) for fold in (group if len(group) <= MOST_APART else [_joined(group)])]
    yield from some if len(some) <= MOST_APART else [_joined(some)]


def _by_actor(folds: Mapping[Key, _Fold]) -> list[list[_Fold]]:
    groups: dict[object, list[_Fold]] = {}
    for key, fold in folds.items():
        groups.setdefault(key[0], []).append(fold)
    return list(groups.values())


def _joined(folds: Sequence[_Fold]) -> _Fold:
    members = sorted((m for fold in folds for m in fold.members), key=worst_first)
    return _Fold(folds[0].family, members)


def _type(finding: Finding) -> str:
    """The rule, or of an indicator its type: ``ioc:filename``."""
    return ":".join(finding.rule.split(":")[:2]) if finding.rule.startswith("ioc:") else finding.rule


class _Book:
    """The family of each rule, looked up once."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families
        self._known: dict[tuple[str, str, str], Family] = {}

    def of(self, finding: Finding) -> Family:
        place = (finding.trace if finding.own else "", _type(finding), finding.record.kind)
        if place not in self._known:
            self._known[place] = next((f for f in self._families if _fits(f, place)), None) or _alone(*place)
        return self._known[place]


def _fits(family: Family, place: tuple[str, str, str]) -> bool:
    trace, rule, kind = place
    if family.kinds and not any(fnmatchcase(kind, some) for some in family.kinds):
        return False
    return any(fnmatchcase(name, some) for some in family.rules for name in (trace, rule) if name)


def _alone(trace: str, rule: str, kind: str) -> Family:
    """The family of a rule of which nobody said one: traces that begin alike belong together."""
    return Family("-".join(trace.split("-")[: 3 if trace.startswith("CVE-") else 2]) if trace else rule, ())


def _keys(finding: Finding, family: Family, actors: tuple[int, ...]) -> tuple[Key, Key]:
    """What findings must share to be told as one: at most, and by default."""
    doubtful = to_confirm(finding)
    if raised(finding) is None and not doubtful:
        return (finding.pack, family.name, "tried"), ((), ())
    things: tuple[str, ...] = ()
    for name in family.apart:
        things = tuple(sorted({v for visit in finding.visits for v in values(visit.keys, name)}))
        if things:
            break
    if things or doubtful:
        return (finding.pack, family.name, "to confirm" if doubtful else "things"), ((), things)
    return (finding.pack, family.name, finding.outcome), (actors, ())


def _one(fold: _Fold, actors: Mapping[str, Sequence[int]]) -> Finding:
    """The finding that tells all of them. It can only be made from them: the record and the proof are those of the worst."""
    members, first = fold.members, fold.members[0]
    crowd = _crowd(members)
    title = _title(fold.family.title, first, members, crowd)
    if len(members) == 1:
        return replace(first, title=title, crowd=tuple(told(crowd)))
    firsts = [f.first_seen for f in members if f.first_seen]
    lasts = [f.last_seen for f in members if f.last_seen]
    return replace(
        first,
        title=title,
        techniques=tuple(dict.fromkeys(t for f in members for t in f.techniques)),
        cves=tuple(dict.fromkeys(c for f in members for c in f.cves)),
        count=_rows(members),
        first_seen=min(firsts, default=None),
        last_seen=max(lasts, default=None),
        sources=_sources(members),
        falsepositives=tuple(dict.fromkeys(t for f in members for t in f.falsepositives)),
        references=tuple(dict.fromkeys(t for f in members for t in f.references)),
        visits=(),
        crowd=tuple(told(crowd)),
        parts=_kept(members, actors),
    )


def _kept(members: Sequence[Finding], actors: Mapping[str, Sequence[int]]) -> tuple[Finding, ...]:
    """All of what is proven or suspected; of the rest those of an intruder, then the first, and one that counts the others."""
    tried = [f for f in members if raised(f) is None]
    if len(tried) <= TRIED_KEPT:
        return tuple(members)
    ordered = sorted(tried, key=lambda f: (f.subject == OTHERS, f.id not in actors))
    kept = {id(f) for f in ordered[:TRIED_KEPT]}
    rest = ordered[TRIED_KEPT:]
    crowd = _crowd(rest)
    last = replace(
        rest[0],
        rule=_type(rest[0]),
        subject=OTHERS,
        count=sum(f.count for f in rest),
        first_seen=min((f.first_seen for f in rest if f.first_seen), default=None),
        last_seen=max((f.last_seen for f in rest if f.last_seen), default=None),
        visits=(),
        crowd=tuple(told(crowd)),
    )
    return (*(f for f in members if raised(f) is not None or id(f) in kept), last)


def _crowd(members: Iterable[Finding]) -> tuple[Values, ...]:
    """Who asked for what. Several rules fire on the same rows: of each value, the rule that saw most of it counts."""
    by_rule: dict[str, Crowd] = {}
    for finding in members:
        crowd = by_rule.setdefault(_type(finding), Crowd())
        if finding.crowd:
            crowd.take(finding.crowd)
            continue
        for name, value, count in counted(finding):
            crowd.add(name, value, count)
    summed = [crowd.values() for crowd in by_rule.values()]
    if len(summed) == 1:
        return summed[0]
    most: dict[str, dict[str, int]] = {}
    totals: dict[str, tuple[int, bool]] = {}
    for found in summed:
        for one in found:
            known = most.setdefault(one.name, {})
            for value, count in one.counts:
                known[value] = max(count, known.get(value, 0))
            total, exact = totals.get(one.name, (0, True))
            totals[one.name] = (max(total, one.total), exact and one.exact)
    return tuple(
        Values(
            name,
            tuple(sorted(known.items(), key=lambda pair: (-pair[1], pair[0]))),
            max(len(known), totals[name][0]),
            totals[name][1],
        )
        for name, known in sorted(most.items())
    )


def _rows(members: Sequence[Finding]) -> int:
    """How many rows: those that several rules fired on count once, as far as their places are known."""
    places: dict[Source, int] = {}
    beyond: dict[str, int] = {}
    for finding in members:
        for visit in finding.visits:
            places[visit.source] = max(visit.count, places.get(visit.source, 0))
        more = finding.count - sum(v.count for v in finding.visits)
        if more > 0:
            beyond[finding.rule] = beyond.get(finding.rule, 0) + more
    return sum(places.values()) + max(beyond.values(), default=0)


def _sources(members: Sequence[Finding]) -> tuple[Source, ...]:
    found: dict[Source, None] = {}
    for finding in members:
        found |= dict.fromkeys(finding.sources)
        if len(found) >= SOURCES_KEPT:
            break
    return tuple(found)[:SOURCES_KEPT]


def _title(pattern: str, first: Finding, members: Sequence[Finding], crowd: Sequence[Values]) -> str:
    if not pattern:
        return first.title
    known = {values.name: values for values in crowd}
    text = pattern.replace("[[title]]", first.title)
    if "[[answered]]" in text:
        text = text.replace("[[answered]]", _answered(members, known))
    for name in _NOUNS:
        if f"[[{name}]]" in text:
            text = text.replace(f"[[{name}]]", _named(name, known.get(name)))
    return text.replace("about", "About", 1) if text.startswith("about ") else text


def _named(name: str, found: Values | None) -> str:
    none, before, many = _NOUNS[name]
    if found is None or not found.counts:
        return none
    if found.total == 1:
        return before + _short(found.counts[0][0])
    return f"{'' if found.exact else 'about '}{number(found.total, '', many)}"


def _answered(members: Sequence[Finding], known: Mapping[str, Values]) -> str:
    served = {v for f in members for visit in f.visits if "status:200" in visit.keys for v in (values(visit.keys, "shell"))}
    if served:
        named = sorted(served)
        more = f" and {len(named) - 2:,} more" if len(named) > 2 else ""
        return f"answered with 200: {', '.join(map(_short, named[:2]))}{more}"
    if any(f.outcome >= Outcome.ATTEMPT for f in members):
        return "answered with 200"
    return "none answered with 200" if "status" in known else "what was answered is not in the log"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
