"""A pack's Sigma files read into compiled rules, or into problems with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from exhume.detectors.sigma.clues import clues as clues_of
from exhume.detectors.sigma.compiled import Compiled
from exhume.detectors.sigma.conditions import All, Empty, Node, Text
from exhume.detectors.sigma.contents import OTHER_PRODUCT
from exhume.detectors.sigma.logsources import LogSources, Place
from exhume.detectors.sigma.ordinary import ordinary
from exhume.detectors.sigma.translation import Route, UntranslatableError, parse, translate
from exhume.detectors.sigma.view import fold
from exhume.model import Confidence, Outcome, Pack, PackFile, Problem, Rule, Severity

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)
_CVE = re.compile(r"cve[.-](?:cve-)?(\d{4})[.-](\d{4,})\Z", re.IGNORECASE)


def read_pack(pack: Pack, sources: LogSources) -> Iterator[Compiled | Problem]:
    """Everything in the pack's Sigma files."""
    seen: dict[str, str] = {}
    for file in pack.of("sigma"):
        for item in _read_file(pack, file, sources):
            if isinstance(item, Compiled):
                first = seen.setdefault(item.rule.id, file.name)
                if first != file.name:
                    yield Problem(pack.name, file.name, f"its id is also that of {first}")
                    break
            yield item


def _read_file(pack: Pack, file: PackFile, sources: LogSources) -> Iterator[Compiled | Problem]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = [document for document in yaml.load_all(file.text(), Loader=loader) if document is not None]
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        yield Problem(pack.name, file.name, f"cannot be read: {' '.join(str(error).split())[:200]}")
        return
    if not documents:
        yield Problem(pack.name, file.name, "the file is empty")
    shared: dict[str, Any] = {}
    for document in documents:
        if not isinstance(document, dict):
            yield Problem(pack.name, file.name, "not a Sigma rule: no mapping")
            continue
        if document.get("action") == "global":
            shared = {name: value for name, value in document.items() if name != "action"}
            continue
        try:
            yield from compile_rule(pack, file.name, _joined(shared, document), sources)
        except UntranslatableError as reason:
            yield Problem(pack.name, file.name, str(reason))


def _joined(shared: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A document with what an ``action: global`` document before it says for all; mappings are joined."""
    out = dict(shared)
    for name, value in document.items():
        before = out.get(name)
        out[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return out


def compile_rule(pack: Pack, name: str, document: Mapping[str, Any], sources: LogSources) -> list[Compiled]:
    """One rule for each of its places. Raises ``UntranslatableError`` with the reason in words."""
    if "correlation" in document:
        if str((document["correlation"] or {}).get("type")) in ("event_count", "value_count", "temporal", "temporal_ordered"):
            return []  # evaluated over findings, by the judge
        raise UntranslatableError("not yet: this kind of correlation")
    if "filter" in document:
        raise UntranslatableError("not yet: Sigma filter")
    status = str(document.get("status", ""))
    if status in ("deprecated", "unsupported"):
        raise UntranslatableError(f"its status is {status}")
    logsource, detection = document.get("logsource"), document.get("detection")
    if not isinstance(logsource, dict) or not isinstance(detection, dict):
        raise UntranslatableError("not a Sigma rule: logsource or detection is missing")
    words = tuple(str(logsource.get(part) or "").strip().lower() for part in ("product", "category", "service"))
    places = sources.places(*words)
    if not places:
        raise UntranslatableError(f"{OTHER_PRODUCT}: {' / '.join(word for word in words if word) or 'no log source'}")
    rule = describe(pack, name, document)
    trees = parse(detection)
    return [_compile(rule, trees, place, sources) for place in places]


def _compile(rule: Rule, trees: list[Any], place: Place, sources: LogSources) -> Compiled:
    names = dict(place.fields)
    nothing = sources.nothing(place.kind)
    node = translate(trees, Route(lambda name: names.get(name, (name,)), nothing))
    only: list[Node] = [
        Text((field,), "equals", tuple(map(fold, values)), values) if values != ("",) else Empty((field,), nothing)
        for field, values in place.only
    ]
    if only:
        node = All((*only, node))
    derived = sources.derived - sources.as_logged(place.kind)
    clues = clues_of(node, derived, ordinary(place.kind)) if sources.by_lines(place.kind) else None
    return Compiled(rule, place.kind, node, frozenset(map(fold, place.channels)), frozenset(place.events), clues)


def describe(pack: Pack, name: str, document: Mapping[str, Any]) -> Rule:
    """What the rule says of itself. Raises ``UntranslatableError`` when an own rule uses a word that does not exist."""
    block = document.get("exhume")
    own = pack.own and isinstance(block, dict)
    words: Mapping[str, Any] = block if own and isinstance(block, dict) else {}
    severity = _severity(document.get("level"))
    tags = _texts(document.get("tags"))
    strong = severity >= Severity.HIGH
    try:
        outcome = Outcome.parse(str(words["outcome"])) if own else Outcome.STEP if strong else Outcome.PROBE
        confidence = Confidence.parse(str(words.get("confidence", "medium")))
    except KeyError:
        raise UntranslatableError("its exhume block says no outcome") from None
    except ValueError as error:
        raise UntranslatableError(f"its exhume block: {error}") from None
    return Rule(
        id=str(document.get("id") or document.get("name") or name),
        pack=pack.name,
        title=str(document.get("title") or name),
        outcome=outcome,
        severity=severity,
        confidence=confidence,
        decisive=words.get("decisive") is True,
        techniques=tuple(match.group(1).upper() for tag in tags if (match := _TECHNIQUE.match(tag))),
        cves=tuple(f"CVE-{match.group(1)}-{match.group(2)}" for tag in tags if (match := _CVE.match(tag))),
        own=own,
        fold=_texts(words.get("fold")),
        trace=str(words.get("trace") or ""),
        falsepositives=_texts(document.get("falsepositives")),
        references=_texts(document.get("references")),
        ambiguous=words.get("ambiguous") is True,
        shows=str(words.get("shows") or ""),
    )


def _severity(level: object) -> Severity:
    word = str(level or "medium").lower()
    try:
        return Severity.parse("info" if word == "informational" else word)
    except ValueError:
        return Severity.MEDIUM


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
