"""A pack's Sigma files read into compiled rules, or into problems with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from exhume.detectors.sigma.beside import Beside, documents
from exhume.detectors.sigma.clues import clues as clues_of
from exhume.detectors.sigma.compiled import Compiled
from exhume.detectors.sigma.conditions import Empty, Node, Text
from exhume.detectors.sigma.contents import OTHER_PRODUCT, Named
from exhume.detectors.sigma.logsources import LogSources, Place
from exhume.detectors.sigma.ordinary import ordinary
from exhume.detectors.sigma.translation import Route, UntranslatableError, every, parse, translate
from exhume.detectors.sigma.view import fold
from exhume.model import Confidence, Outcome, Pack, PackFile, Problem, Rule, Severity

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)
_CVE = re.compile(r"cve[.-](?:cve-)?(\d{4})[.-](\d{4,})\Z", re.IGNORECASE)


def read_pack(pack: Pack, sources: LogSources, beside: Beside | None = None) -> Iterator[Compiled | Problem | Named]:
    """Everything in the pack's Sigma files."""
    beside = beside or Beside()
    seen: dict[str, str] = {}
    for file in pack.of("sigma"):
        for item in _read_file(pack, file, sources, beside):
            if isinstance(item, Compiled):
                first = seen.setdefault(item.rule.id, file.name)
                if first != file.name:
                    yield Problem(pack.name, file.name, f"its id is also that of {first}")
                    break
            yield item


def _read_file(pack: Pack, file: PackFile, sources: LogSources, beside: Beside) -> Iterator[Compiled | Problem | Named]:
    try:
        found = documents(file)
    except ValueError as reason:
        yield Problem(pack.name, file.name, str(reason))
        return
    if not found:
        yield Problem(pack.name, file.name, "the file is empty")
    for document in joined(found):
        if not isinstance(document, dict):
            yield Problem(pack.name, file.name, "not a Sigma rule: no mapping")
            continue
        if "correlation" in document or "filter" in document:
            continue  # ``read_beside``
        unusable = ""
        try:
            yield from compile_rule(pack, file.name, document, sources, beside)
        except UntranslatableError as reason:
            unusable = str(reason)
            yield Problem(pack.name, file.name, unusable)
        title = str(document.get("title") or file.name)
        for name in sorted(names_of(document, pack.own) & beside.references):
            yield Named(name, identity(document, file.name), title, unusable)


def joined(found: Iterable[Any]) -> Iterator[Any]:
    """The documents of a file, with what an ``action: global`` document before says for all."""
    shared: dict[str, Any] = {}
    for document in found:
        if isinstance(document, dict) and document.get("action") == "global":
            shared = {name: value for name, value in document.items() if name != "action"}
        else:
            yield _joined(shared, document) if isinstance(document, dict) else document


def _joined(shared: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A document with what an ``action: global`` document before it says for all; mappings are joined."""
    out = dict(shared)
    for name, value in document.items():
        before = out.get(name)
        out[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return out


def compile_rule(
    pack: Pack, name: str, document: Mapping[str, Any], sources: LogSources, beside: Beside | None = None
) -> list[Compiled]:
    """One rule for each of its places. Raises ``UntranslatableError`` with the reason in words."""
    beside = beside or Beside()
    status = str(document.get("status", ""))
    if status in ("deprecated", "unsupported"):
        raise UntranslatableError(f"its status is {status}")
    places = places_of(document, sources)
    rule = describe(pack, name, document)
    names = names_of(document, pack.own)
    trees = [parse(document["detection"])]
    # an own rule is accepted with a reason that the report shows (--allow), never by a filter that nobody sees
    trees += [parse(one.detection) for one in beside.filters if not pack.own and one.fits(names, document["logsource"])]
    asked = [beside.watched[one] for one in names if one in beside.watched]
    fields = tuple(sorted(set().union(*asked))) if asked else None
    return [_compile(rule, trees, place, sources, beside, fields) for place in places]


def names_of(document: Mapping[str, Any], own: bool) -> frozenset[str]:
    """What others may call the rule: id, name, and of ours the trace."""
    block = document.get("exhume")
    trace = block.get("trace") if own and isinstance(block, dict) else None
    return frozenset(str(name) for name in (document.get("id"), document.get("name"), trace) if name)


def identity(document: Mapping[str, Any], file: str) -> str:
    """The id under which its findings stand."""
    return str(document.get("id") or document.get("name") or file)


def places_of(document: Mapping[str, Any], sources: LogSources) -> tuple[Place, ...]:
    """Where its records are. Raises ``UntranslatableError`` when that is not this kind of evidence, or it is no rule."""
    logsource = document.get("logsource")
    if not isinstance(logsource, dict) or not isinstance(document.get("detection"), dict):
        raise UntranslatableError("not a Sigma rule: logsource or detection is missing")
    words = tuple(str(logsource.get(part) or "").strip().lower() for part in ("product", "category", "service"))
    places = sources.places(*words)
    if not places:
        raise UntranslatableError(f"{OTHER_PRODUCT}: {' / '.join(word for word in words if word) or 'no log source'}")
    return places


def route(place: Place, sources: LogSources, placeholders: Mapping[str, tuple[str, ...]]) -> Route:
    """What field names mean there."""
    names = dict(place.fields)
    nothing, empties = sources.nothing(place.kind), sources.empties(place.kind)
    return Route(lambda name: names.get(name, (name,)), nothing, empties, placeholders)


def _compile(
    rule: Rule, trees: list[list[Any]], place: Place, sources: LogSources, beside: Beside, asked: tuple[str, ...] | None
) -> Compiled:
    way = route(place, sources, beside.placeholders)
    node = every([*only(place, sources), *(translate(some, way) for some in trees)])
    derived = sources.derived - sources.as_logged(place.kind)
    clues = clues_of(node, derived, ordinary(place.kind)) if sources.by_lines(place.kind) else None
    watch = None if asked is None else tuple((name, way.fields(name)) for name in asked)
    return Compiled(rule, place.kind, node, frozenset(map(fold, place.channels)), frozenset(place.events), clues, watch)


def only(place: Place, sources: LogSources) -> list[Node]:
    """The conditions of the place itself."""
    nothing = sources.nothing(place.kind)
    nodes: list[Node] = [
        Text((field,), "equals", tuple(map(fold, values)), values) if values != ("",) else Empty((field,), nothing)
        for field, values in place.only
    ]
    nodes += [Text((field,), "contains", tuple(map(fold, values)), values) for field, values in place.has]
    return nodes


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
        id=identity(document, name),
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
