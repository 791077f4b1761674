"""Who only tried: the addresses of which nothing is proven or suspected, as one sweep and not as so many intruders. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from exhume.judge.chain import own_addresses
from exhume.model import Finding, Intrusion, Prober, Sweep, raised, to_confirm
from exhume.model.crowd import Crowd
from exhume.model.finding import OTHERS, counted

PROBERS_TOLD = 50
"""Addresses told one by one: those with most rows."""
ASKED_TOLD = 3
"""What each of them asked for."""


@dataclass(slots=True)
class _Rows:
    """What came from one address."""

    by_rule: Counter[str] = field(default_factory=Counter)
    """Rows by rule: several rules fire on the same ones."""
    asked: Counter[str] = field(default_factory=Counter)
    firsts: list[datetime] = field(default_factory=list)
    lasts: list[datetime] = field(default_factory=list)

    @property
    def count(self) -> int:
        return max(self.by_rule.values(), default=0)


def sweep(findings: Sequence[Finding], intrusions: Iterable[Intrusion]) -> Sweep | None:
    """``None`` when nobody tried anything. Addresses of intruders, and those of the server itself, are left out."""
    skip = {a for one in intrusions for a in one.addresses} | own_addresses(findings)
    rows: dict[str, _Rows] = {}
    others: list[Finding] = []
    crowds: dict[str, Crowd] = {}
    for finding in findings:
        if raised(finding) is not None or to_confirm(finding):
            continue
        crowd = crowds.setdefault(_type(finding), Crowd())
        if finding.subject == OTHERS:
            others.append(finding)
            crowd.take(values for values in finding.crowd if values.name == "address")
        elif finding.address and finding.address.lower() not in skip:
            crowd.add("address", finding.address, finding.count)
            _add(rows.setdefault(finding.address, _Rows()), finding)
    if not rows and not others:
        return None
    told = sorted(rows.items(), key=lambda pair: (-pair[1].count, pair[0]))
    number = max([len(rows), *(values.total for crowd in crowds.values() for values in crowd.values())])
    counts = [one.count for one in rows.values()]
    return Sweep(
        addresses=number,
        exact=not others,
        count=sum(counts) + max((f.count for f in others), default=0),
        first_seen=min(_times(rows.values(), others, "firsts"), default=None),
        last_seen=max(_times(rows.values(), others, "lasts"), default=None),
        probers=tuple(_prober(address, one) for address, one in told[:PROBERS_TOLD]),
    )


def _type(finding: Finding) -> str:
    """The rule, or of an indicator its type."""
    return finding.rule.split(":")[1] if finding.rule.startswith("ioc:") else finding.rule


def _add(rows: _Rows, finding: Finding) -> None:
    rows.by_rule[_type(finding)] += finding.count
    for name, value, count in counted(finding):
        if name in ("page", "name"):
            rows.asked[value] = max(rows.asked[value], count)
    if finding.first_seen:
        rows.firsts.append(finding.first_seen)
    if finding.last_seen:
        rows.lasts.append(finding.last_seen)


def _times(rows: Iterable[_Rows], others: Iterable[Finding], which: str) -> Iterator[datetime]:
    for one in rows:
        yield from getattr(one, which)
    for finding in others:
        time = finding.first_seen if which == "firsts" else finding.last_seen
        if time:
            yield time


def _prober(address: str, rows: _Rows) -> Prober:
    tails = {value.rpartition("/")[2] for value in rows.asked if "/" in value}
    asked = sorted(((v, n) for v, n in rows.asked.items() if v not in tails), key=lambda pair: (-pair[1], pair[0]))
    return Prober(
        address,
        rows.count,
        min(rows.firsts, default=None),
        max(rows.lasts, default=None),
        tuple(value for value, _ in asked[:ASKED_TOLD]),
    )
