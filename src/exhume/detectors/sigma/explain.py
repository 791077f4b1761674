"""Why a rule holds for a record, or does not: each selection of its condition, each test, and what the record has there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exhume.detectors.sigma import conditions as c
from exhume.detectors.sigma.beside import BesideError, documents, read_beside
from exhume.detectors.sigma.logsources import LogSources, Place, shipped
from exhume.detectors.sigma.rules import joined, names_of, only, places_of, route
from exhume.detectors.sigma.translation import Outline, Route, UntranslatableError, outlines, translate
from exhume.detectors.sigma.view import EVERYWHERE, View, fold
from exhume.model import Pack, Record

SHOWN = 5
"""Values of a list that are listed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the explanation."""

    depth: int
    holds: bool
    says: str
    """What is asked."""
    seen: str = ""
    """What the record has there, or why it holds."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule and one of the places where its log source is."""

    title: str
    pack: str
    file: str
    holds: bool
    steps: tuple[Step, ...]
    problem: str = ""
    """Why the rule cannot be used."""


def explain(packs: Sequence[Pack], name: str, record: Record) -> list[Explanation]:
    """All rules with this id, name, trace, title or file name; none when there is none."""
    return [
        explanation
        for pack, file, document in _found(packs, name)
        for explanation in _explained(packs, pack, file, document, record)
    ]


def kinds(packs: Sequence[Pack], name: str) -> list[str]:
    """The kinds of record that the rules with this name are for."""
    out: list[str] = []
    for _, _, document in _found(packs, name):
        try:
            out += [place.kind for place in places_of(document, shipped())]
        except UntranslatableError:
            continue
    return out


def _found(packs: Sequence[Pack], name: str) -> Iterator[tuple[Pack, str, dict[str, Any]]]:
    for pack in packs:
        for file in pack.of("sigma"):
            named = name in (file.name, file.name.rpartition("/")[2])
            try:
                found = documents(file) if named or name in file.text() else []
            except (BesideError, OSError, ValueError):
                continue
            for document in joined(found):
                if not isinstance(document, dict) or "detection" not in document:
                    continue
                if named or name in names_of(document, pack.own) or name == document.get("title"):
                    yield pack, file.name, document


def _explained(
    packs: Sequence[Pack], pack: Pack, file: str, document: Mapping[str, Any], record: Record
) -> Iterator[Explanation]:
    title = str(document.get("title") or file)
    sources, beside = shipped(), read_beside(packs)
    names = names_of(document, pack.own)
    try:
        places = places_of(document, sources)
        parts = [("condition", document["detection"])]
        parts += [
            ("filter", one.detection) for one in beside.filters if not pack.own and one.fits(names, document["logsource"])
        ]
        outlined = [(what, outlines(detection)) for what, detection in parts]
        fitting = (
            [place for place in places if _fits(place, record)] or [p for p in places if p.kind == record.kind] or places[:1]
        )
        for place in fitting:
            way = route(place, sources, beside.placeholders)
            steps = tuple(_steps(place, way, outlined, sources, View(record, sources.table_of_fields)))
            yield Explanation(title, pack.name, file, all(step.holds for step in steps if not step.depth), steps)
    except UntranslatableError as reason:
        yield Explanation(title, pack.name, file, False, (), str(reason))


def _fits(place: Place, record: Record) -> bool:
    channel, event = fold(record.text("Channel") or record.channel), record.text("EventID")
    return (
        record.kind == place.kind
        and (not place.channels or channel in map(fold, place.channels))
        and (not place.events or event in map(str, place.events))
    )


def _steps(
    place: Place, way: Route, parts: Iterable[tuple[str, list[tuple[str, Outline]]]], sources: LogSources, view: View
) -> Iterator[Step]:
    record = view.record
    channel, event = record.text("Channel") or record.channel, record.text("EventID")
    yield Step(0, record.kind == place.kind, f"log source: records of kind {place.kind}", record.kind)
    if place.channels:
        fits = fold(channel) in map(fold, place.channels)
        yield Step(0, fits, f"log source: channel {' or '.join(place.channels)}", channel or "(not there)")
    if place.events:
        said = " or ".join(map(str, place.events))
        yield Step(0, event in map(str, place.events), f"log source: EventID {said}", event or "(not there)")
    for node in only(place, sources):
        yield from _node(node, view, 0)
    for what, found in parts:
        outlined = [(text, list(_outline(outline, way, view, 1))) for text, outline in found]
        holds = any(steps[0].holds for _, steps in outlined)
        for number, (text, steps) in enumerate(outlined):
            # several conditions are alternatives: that one of them does not hold is no reason against the rule
            yield Step(1 if number else 0, steps[0].holds if number else holds, f"{what}: {text}")
            yield from steps


def _outline(outline: Outline, way: Route, view: View, depth: int) -> Iterator[Step]:
    if outline.tree is not None:
        node = translate([outline.tree], way)
        yield Step(depth, node.holds(view), outline.words)
        yield from _node(node, view, depth + 1)
        return
    below = [list(_outline(part, way, view, depth + 1)) for part in outline.parts]
    answers = [steps[0].holds for steps in below]
    holds = all(answers) if outline.words == "and" or outline.words.startswith("all of") else any(answers)
    yield Step(depth, not answers[0] if outline.words == "not" else holds, outline.words)
    for steps in below:
        yield from steps


def _node(node: c.Node, view: View, depth: int) -> Iterator[Step]:
    match node:
        case c.All(parts) | c.Either(parts):
            yield Step(depth, node.holds(view), "all of these" if isinstance(node, c.All) else "one of these")
            for part in parts:
                yield from _node(part, view, depth + 1)
        case c.Negation(part):
            yield Step(depth, node.holds(view), "not")
            yield from _node(part, view, depth + 1)
        case _:
            yield Step(depth, node.holds(view), asked(node), _seen(node, view))


def _seen(node: c.Test, view: View) -> str:
    """The value that meets the test, or all values of its fields."""
    reason = next(node.reasons(view), None) if node.holds(view) else None
    if reason and reason.value:
        return f"{reason.field}: {reason.value} ({reason.test})"
    if node.fields == (EVERYWHERE,):
        return "(no value of the record)"
    found = dict.fromkeys(f"{name}: {text or '(empty)'}" for name, text, _ in view.candidates(node.fields))
    for name in node.fields:
        if name in view.record.fields and view.record.fields[name] is None:
            found[f"{name}: (null)"] = None
    return "; ".join(found) or f"{node.fields[0].lstrip('=')}: (not there)"


def asked(node: c.Test) -> str:
    """A test in words."""
    field = "any value" if node.fields == (EVERYWHERE,) else " or ".join(name.lstrip("=") for name in node.fields)
    match node:
        case c.Text(place=place, shown=shown, cased=cased):
            listed = " or ".join(f"'{value}'" for value in shown[:SHOWN])
            more = f" or {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
            return f"{field} {c.WORDS[place]} {listed}{more}{' in this letter case' if cased else ''}"
        case c.Wildcard(shown=said):
            return f"{field} matches '{said}'"
        case c.Regex(shown=said):
            return f"{field} matches the regular expression '{said}'"
        case c.Number(number=number):
            return f"{field} equals {number:g}"
        case c.Compare(operator=operator, number=number):
            return f"{field} {operator} {number:g}"
        case c.DatePart(part=part, operator=operator, number=number):
            return f"{part} of {field} {operator} {number:g}"
        case c.Network(network=network):
            return f"{field} in network {network}"
        case c.SameAs(place=place, others=others):
            return f"{field} {c.WORDS[place]} the field {' or '.join(others)}"
        case c.Exists():
            return f"{field} exists"
        case c.Null():
            return f"{field} is null"
        case c.Empty():
            return f"{field} is empty or not there"
