"""Sigma correlation rules, and the rows that they look at. What only several records together show.

References: Sigma correlation rules specification 2.1; "Generate" and "Aliases" as in SigmaHQ/pySigma.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as having
from datetime import datetime, timedelta
from typing import Any

from exhume.model.finding import Rule
from exhume.model.flow import Source
from exhume.model.vocabulary import Confidence, Outcome, Severity

COUNTING = ("event_count", "value_count", "value_sum", "value_avg", "value_percentile")
TOGETHER = ("temporal", "temporal_ordered")
TESTS = ("gt", "gte", "lt", "lte", "eq", "neq")
_KEYS = frozenset(("type", "rules", "aliases", "group-by", "timespan", "condition", "generate"))
_SPAN = re.compile(r"(\d{1,6})([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)
_CVE = re.compile(r"cve\.(\d{4})-(\d{4,})\Z", re.IGNORECASE)


class CorrelationError(ValueError):
    """It is not as the specification says; the text says what."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A Sigma correlation rule."""

    rule: Rule
    type: str
    """One of ``COUNTING`` or ``TOGETHER``."""
    rules: tuple[str, ...]
    """What it looks at: ids, names or traces of rules; of one over rows the keys of ``Sighting.rule`` and ``key``."""
    group_by: tuple[str, ...]
    timespan: timedelta
    field: tuple[str, ...] = ()
    """Whose different values are counted, together, or whose numbers are added up."""
    condition: tuple[tuple[str, float], ...] = (("gte", 1),)
    """All hold; of ``TOGETHER`` the tests are on how many of the rules there are. Empty: all of them."""
    aliases: Mapping[str, Mapping[str, str]] = having(default_factory=dict)
    """Name in ``group_by`` → rule → the field of its rows that is meant."""
    generate: bool = False
    """The rules that it looks at raise findings of their own as well."""
    percentile: int = 0
    name: str = ""
    over_rows: bool = False
    """It looks at every row that its rules hold for; else at the visits of their findings."""
    titles: Mapping[str, str] = having(default_factory=dict)
    """Titles of the rules that it looks at."""
    silent: bool = False
    """It is there for other correlations only."""

    @property
    def key(self) -> str:
        return rule_key(self.rule.pack, self.rule.id)

    def source(self, name: str, rule: str) -> str:
        """The field of a rule's rows that a name in ``group_by`` or ``field`` stands for."""
        return self.aliases[name].get(rule, name) if name in self.aliases else name


def rule_key(pack: str, rule: str) -> str:
    return f"{pack}\x1f{rule}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Rows of one time for which a rule holds that a correlation looks at, alike in all that it asks for."""

    rule: str
    """``rule_key``."""
    time: datetime
    values: tuple[tuple[str, str], ...]
    """Fields that correlations ask for, with what the row holds; those that it lacks are left out."""
    kind: str
    channel: str
    server: str
    source: Source
    """The first of the rows."""
    count: int = 1

    @property
    def place(self) -> tuple[datetime, tuple[tuple[str, str], ...], str, str, str]:
        """Those with the same are one."""
        return (self.time, self.values, self.server, self.channel, self.kind)

    def __add__(self, other: Sighting) -> Sighting:
        return replace(min(self, other, key=_in_order), count=self.count + other.count)


def _in_order(one: Sighting) -> tuple[str, int, str]:
    number = one.source.at.rpartition(" ")[2]
    return (one.source.path, int(number) if number.isdecimal() else 0, one.source.at)


def merge_sightings(items: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """In order, the same rows added up."""
    found: dict[tuple[Any, ...], Sighting] = {}
    for one in items:
        key = (one.rule, *one.place)
        found[key] = found[key] + one if key in found else one
    return tuple(found[key] for key in sorted(found))


def correlation_of(document: Mapping[str, Any], pack: str, own: bool) -> Correlation:
    """A correlation as its document has it. Raises ``ValueError`` with the reason when it is not as specified."""
    what = document.get("correlation")
    if not isinstance(what, Mapping):
        raise CorrelationError("correlation: not a mapping")
    if str(document.get("status", "")) in ("deprecated", "unsupported"):
        raise CorrelationError(f"its status is {document['status']}")
    kind = str(what.get("type") or "")
    if kind not in COUNTING + TOGETHER:
        raise CorrelationError(f"correlation type {kind or '(none)'} is not one of {', '.join(COUNTING + TOGETHER)}")
    unknown = sorted(str(key) for key in what if key not in _KEYS)
    if unknown:
        raise CorrelationError(f"correlation: {', '.join(unknown)} is not in the specification")
    match = _SPAN.match(str(what.get("timespan") or ""))
    if not match or not int(match[1]):
        raise CorrelationError("correlation: timespan is not a number with s, m, h or d behind it, e.g. 10m")
    rules = _texts(what.get("rules"), "rules")
    if not rules:
        raise CorrelationError("correlation: no rules")
    if len(set(rules)) < len(rules):
        raise CorrelationError("correlation: a rule is named twice")
    fields, condition, percentile = _condition(kind, what.get("condition"), len(rules))
    generate = what.get("generate", document.get("generate", False))
    if not isinstance(generate, bool):
        raise CorrelationError("correlation: generate is neither true nor false")
    return Correlation(
        rule=_rule(document, pack, own),
        type=kind,
        rules=rules,
        group_by=_texts(what.get("group-by"), "group-by"),
        timespan=timedelta(seconds=int(match[1]) * _SECONDS[match[2]]),
        field=fields,
        condition=condition,
        aliases=_aliases(what.get("aliases")),
        generate=generate,
        percentile=percentile,
        name=str(document.get("name") or ""),
    )


def _texts(value: object, what: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, str | int) and not isinstance(item, bool) and str(item) for item in items):
        raise CorrelationError(f"correlation: {what} is neither a name nor a list of names")
    return tuple(map(str, items))


def _aliases(value: object) -> dict[str, dict[str, str]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(part, Mapping) for part in value.values()):
        raise CorrelationError("correlation: aliases is not a mapping of names to rules and fields")
    return {str(name): {str(rule): str(said) for rule, said in part.items()} for name, part in value.items()}


def _condition(kind: str, value: object, rules: int) -> tuple[tuple[str, ...], tuple[tuple[str, float], ...], int]:
    """Fields, tests and percentile."""
    if value is None and kind in TOGETHER:
        return (), (), 0
    if not isinstance(value, Mapping):
        raise CorrelationError("correlation: condition is not a mapping" if value is not None else "correlation: no condition")
    words = dict(value)
    fields = _texts(words.pop("field", None), "condition.field")
    percentile = words.pop("percentile", None)
    tests = tuple(_tests(words))
    if not tests:
        raise CorrelationError(f"correlation: the condition has none of {', '.join(TESTS)}")
    if bool(fields) != kind.startswith("value_"):
        raise CorrelationError(f"correlation: {kind} {'takes no' if fields else 'needs a'} condition.field")
    if kind in ("value_sum", "value_avg", "value_percentile") and len(fields) > 1:
        raise CorrelationError(f"correlation: {kind} takes one condition.field")
    if (percentile is not None) != (kind == "value_percentile"):
        raise CorrelationError(
            "correlation: value_percentile needs condition.percentile, since the specification does not say which one is meant"
            if percentile is None
            else f"correlation: {kind} takes no percentile"
        )
    if percentile is not None and (type(percentile) is not int or not 0 <= percentile <= 100):
        raise CorrelationError("correlation: percentile is not a whole number from 0 to 100")
    if kind == "temporal_ordered" and [n for n in range(1, rules + 1) if all(compared(n, t, m) for t, m in tests)] != [rules]:
        raise CorrelationError("correlation: temporal_ordered with a condition that does not ask for all of its rules")
    return fields, tests, percentile or 0


def _tests(condition: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    for test, number in condition.items():
        if test not in TESTS:
            raise CorrelationError(f"correlation: condition.{test} is not in the specification")
        if type(number) not in (int, float) or not math.isfinite(number):
            raise CorrelationError(f"correlation: condition.{test} is not a number")
        yield str(test), number


def compared(number: float, test: str, limit: float) -> bool:
    """Does the number meet one of ``TESTS``?"""
    less, same = number < limit, number == limit
    return {
        "gt": not less and not same, "gte": not less, "lt": less, "lte": less or same, "eq": same, "neq": not same,
    }[test]  # fmt: skip


def _rule(document: Mapping[str, Any], pack: str, own: bool) -> Rule:
    block = document.get("exhume")
    words: Mapping[str, Any] = block if own and isinstance(block, Mapping) else {}
    level = str(document.get("level") or "medium").lower()
    severity = Severity.parse("info" if level == "informational" else level)
    tags = _tags(document.get("tags"))
    title = str(document.get("title") or document.get("name") or document.get("id") or "")
    claimed = Outcome.STEP if severity >= Severity.HIGH else Outcome.PROBE
    if not title:
        raise CorrelationError("correlation: no title")
    return Rule(
        id=str(document.get("id") or document.get("name") or title),
        pack=pack,
        title=title,
        outcome=Outcome.parse(str(words.get("outcome"))) if words else claimed,
        severity=severity,
        confidence=Confidence.parse(str(words.get("confidence", "medium"))),
        decisive=words.get("decisive") is True,
        techniques=tuple(m[1].upper() for tag in tags if (m := _TECHNIQUE.match(tag))),
        cves=tuple(f"CVE-{m[1]}-{m[2]}" for tag in tags if (m := _CVE.match(tag))),
        own=bool(words),
        trace=str(words.get("trace", "")),
        ambiguous=words.get("ambiguous") is True,
        shows=str(words.get("shows") or ""),
        falsepositives=_tags(document.get("falsepositives")),
        references=_tags(document.get("references")),
    )


def _tags(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else () if value is None else (str(value),)
