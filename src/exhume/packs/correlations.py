"""Sigma correlation rules: what only several findings together show. Ours: ``content/correlations.yml``; others': their packs.

References: Sigma's correlation rules specification 2.0 (event_count, value_count, temporal, temporal_ordered).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from exhume.model.finding import Rule
from exhume.model.pack import Correlation, Pack
from exhume.model.protocols import Kept, anew
from exhume.model.vocabulary import Confidence, Outcome, Severity
from exhume.packs.manifest import PackError, kept_yaml, load_yaml

_FILE = Path(__file__).resolve().parent.parent / "content" / "correlations.yml"
_SPAN = re.compile(r"(\d{1,6})([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TYPES = ("event_count", "value_count", "temporal", "temporal_ordered")
_TESTS = ("gt", "gte", "lt", "lte", "eq")
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)
_CVE = re.compile(r"cve\.(\d{4})-(\d{4,})\Z", re.IGNORECASE)


def correlations(packs: Iterable[Pack], kept: Kept = anew) -> tuple[Correlation, ...]:
    """All that can be evaluated; what is malformed in a pack of others is left out (its detector says so)."""
    own = [kept_yaml(_FILE.name, part, kept) for part in _parts(_FILE.read_text(encoding="utf-8"))]
    found = [_correlation(document, str(document["exhume"]["pack"]), own=True) for document in own if document]
    for pack in packs:
        for file in pack.of("sigma"):
            if not file.correlates:
                continue
            try:
                documents = _documents(file.name, file.text())
                found += [_correlation(d, pack.name, pack.own) for d in documents if "correlation" in d]
            except (OSError, ValueError, KeyError, TypeError, PackError):
                continue
    return tuple(found)


def _parts(text: str) -> list[str]:
    """The documents in a YAML text."""
    return re.split(r"(?m)^---\s*$", text)


def _documents(name: str, text: str) -> list[dict[str, Any]]:
    return [loaded for part in _parts(text) if isinstance(loaded := load_yaml(name, part), dict)]


def _correlation(document: Mapping[str, Any], pack: str, own: bool) -> Correlation:
    """Raises ``ValueError``, ``KeyError`` or ``TypeError`` when it is none that we know."""
    what = document["correlation"]
    kind = str(what["type"])
    match = _SPAN.match(str(what["timespan"]))
    if kind not in _TYPES or not match:
        raise ValueError("not a correlation that can be evaluated")
    condition = dict(what.get("condition") or {})
    field = str(condition.pop("field", ""))
    rules = what["rules"] if isinstance(what["rules"], list) else [what["rules"]]
    return Correlation(
        rule=_rule(document, pack, own),
        type=kind,
        rules=tuple(map(str, rules)),
        group_by=tuple(map(str, what.get("group-by") or ())),
        timespan=timedelta(seconds=int(match[1]) * _SECONDS[match[2]]),
        field=field,
        condition=tuple(_tests(condition)) or (("gte", 1),),
    )


def _tests(condition: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for test, number in condition.items():
        if test not in _TESTS or type(number) is not int:
            raise ValueError("a condition that is not known")
        yield test, number


def _rule(document: Mapping[str, Any], pack: str, own: bool) -> Rule:
    words = document.get("exhume") or {}
    level = str(document.get("level") or "medium").lower()
    severity = Severity.parse("info" if level == "informational" else level)
    tags = [str(tag) for tag in document.get("tags") or ()]
    own = own and bool(words)
    return Rule(
        id=str(document.get("id") or document.get("name") or document["title"]),
        pack=pack,
        title=str(document["title"]),
        outcome=Outcome.parse(words["outcome"]) if own else Outcome.STEP if severity >= Severity.HIGH else Outcome.PROBE,
        severity=severity,
        confidence=Confidence.parse(str(words.get("confidence", "medium"))),
        decisive=own and words.get("decisive") is True,
        techniques=tuple(m[1].upper() for tag in tags if (m := _TECHNIQUE.match(tag))),
        cves=tuple(f"CVE-{m[1]}-{m[2]}" for tag in tags if (m := _CVE.match(tag))),
        own=own,
        trace=str(words.get("trace", "")),
        falsepositives=tuple(map(str, document.get("falsepositives") or ())),
        references=tuple(map(str, document.get("references") or ())),
        ambiguous=own and words.get("ambiguous") is True,
        shows=str(words.get("shows") or "") if own else "",
    )
