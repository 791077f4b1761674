"""pySigma's parse of a rule's detection, translated into our own conditions. The only file that touches pySigma.

pySigma expands the modifiers (base64offset, windash, wide …) and parses the condition; what it leaves, field and value
pairs joined by and, or, not, becomes the nodes of ``conditions``.

References: Sigma rules specification 2.1 and its appendix on modifiers; SigmaHQ/pySigma.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from exhume.detectors.sigma import conditions as c
from exhume.detectors.sigma.regexes import compile_search
from exhume.detectors.sigma.values import Part, wildcard_pattern
from exhume.detectors.sigma.view import EVERYWHERE, fold

Fields = Callable[[str], tuple[str, ...]]
T = TypeVar("T")


class UntranslatableError(ValueError):
    """The rule asks for something that exhume cannot do; the text says what."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a rule's field names mean for one kind of record."""

    fields: Fields
    nothing: str = ""
    """What the log writes for an empty cell, which readers leave out (``-`` in W3C logs)."""
    empties: bool = False
    """A field can be there and be empty, which is something else than null. Where empty cells are left out it is the same."""
    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values for the modifier ``expand``, each a Sigma string."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A condition as it is written, with the selections that it names."""

    words: str
    """``and``, ``or``, ``not``, ``1 of x*``, or the name of a selection."""
    parts: tuple[Outline, ...] = ()
    tree: Any = None
    """pySigma's tree of a selection."""


def parse(detection: Mapping[str, Any]) -> list[Any]:
    """The conditions of a rule as pySigma's trees. Raises ``UntranslatableError``."""
    return _asked(detection, lambda found: [parsed.parsed for parsed in found.parsed_condition])


def outlines(detection: Mapping[str, Any]) -> list[tuple[str, Outline]]:
    """Each condition as text and as it is written. Raises ``UntranslatableError``."""
    return _asked(
        detection, lambda found: [(one.condition, _outline(one.parse(False), found)) for one in found.parsed_condition]
    )


def _outline(tree: Any, found: Any) -> Outline:
    from sigma.conditions import ConditionAND, ConditionIdentifier, ConditionNOT, ConditionSelector

    if isinstance(tree, ConditionSelector):
        named = tuple(_outline(one, found) for one in tree.resolve_referenced_detections(found))
        return Outline(f"{tree.args[0]} of {tree.pattern}", named)
    if isinstance(tree, ConditionIdentifier):
        return Outline(tree.identifier, tree=tree.postprocess(found))
    words = "not" if isinstance(tree, ConditionNOT) else "and" if isinstance(tree, ConditionAND) else "or"
    return Outline(words, tuple(_outline(part, found) for part in tree.args))


def _asked(detection: Mapping[str, Any], ask: Callable[[Any], list[T]]) -> list[T]:
    from pyparsing import ParseBaseException
    from sigma.exceptions import SigmaError
    from sigma.policy import SigmaPolicy
    from sigma.policy.regex_engine import PythonRegexEngine
    from sigma.rule import SigmaDetections

    # pySigma would test regular expressions with RE2, which lacks look-around, and print to the terminal
    policy = SigmaPolicy(regex_engine=PythonRegexEngine())
    wanted = {name: _renamed(value) for name, value in detection.items() if name != "timeframe"}
    try:
        return ask(SigmaDetections.from_dict(wanted, policy=policy))
    except SigmaError as error:
        raise UntranslatableError(_words(error)) from None
    except (ParseBaseException, AttributeError, TypeError, ValueError, KeyError, RecursionError) as error:
        # pySigma trusts the shape of the YAML; a rule of the wrong shape surfaces as any of these
        raise UntranslatableError(f"not a Sigma detection: {_words(error)}") from None


def _renamed(part: Any) -> Any:
    """The same, with modifiers under the names that pySigma knows."""
    if isinstance(part, list):
        return [_renamed(item) for item in part]
    if not isinstance(part, dict) or not any(isinstance(key, str) and "|utf16le" in key for key in part):
        return part
    out = {"|".join("wide" if word == "utf16le" else word for word in str(key).split("|")): v for key, v in part.items()}
    if len(out) < len(part):
        raise UntranslatableError("a selection has the same field with wide and utf16le, which are one modifier")
    return out


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def translate(trees: list[Any], route: Route) -> c.Node:
    """The trees for one kind of record; several conditions of one rule are alternatives. Raises ``UntranslatableError``."""
    nodes = [_node(tree, route) for tree in trees if tree is not None]
    if not nodes:
        raise UntranslatableError("the condition is empty")
    return _either(nodes)


def _node(tree: Any, route: Route) -> c.Node:
    from sigma.conditions import (
        ConditionAND,
        ConditionFieldEqualsValueExpression,
        ConditionNOT,
        ConditionOR,
        ConditionValueExpression,
    )

    if isinstance(tree, ConditionFieldEqualsValueExpression):
        return _test(tree.value, route.fields(str(tree.field)), route)
    if isinstance(tree, ConditionValueExpression):
        return _test(tree.value, (EVERYWHERE,), route)
    if isinstance(tree, ConditionNOT):
        return c.Negation(_node(tree.args[0], route))
    if isinstance(tree, ConditionAND | ConditionOR):
        parts = [_node(part, route) for part in tree.args if part is not None]
        return every(parts) if isinstance(tree, ConditionAND) else _either(parts)
    raise UntranslatableError(f"condition part {type(tree).__name__}")


def excludes(tree: Any) -> bool:
    """Is there a ``not`` in it?"""
    from sigma.conditions import ConditionNOT

    return isinstance(tree, ConditionNOT) or any(excludes(part) for part in getattr(tree, "args", ()))


def every(parts: list[c.Node]) -> c.Node:
    """All of them, without one inside another."""
    if len(parts) == 1:
        return parts[0]
    flat: list[c.Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, c.All) else (part,))
    return c.All(tuple(flat))


def _either(parts: list[c.Node]) -> c.Node:
    """Alternatives, with the texts that are looked for at the same place of the same field put together."""
    flat: list[c.Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, c.Either) else (part,))
    merged: dict[Any, c.Node] = {}
    for number, part in enumerate(flat):
        key: Any = number
        if isinstance(part, c.Text):
            key = (part.fields, part.place, part.cased)
            before = merged.get(key)
            if isinstance(before, c.Text):
                part = c.Text(  # noqa: PLW2901
                    part.fields, part.place, before.values + part.values, before.shown + part.shown, part.cased
                )
        merged[key] = part
    nodes = tuple(merged.values())
    return nodes[0] if len(nodes) == 1 else c.Either(nodes)


def _test(value: Any, fields: tuple[str, ...], route: Route) -> c.Node:
    from sigma import types as t

    if isinstance(value, t.SigmaExpansion):
        return _either([_test(item, fields, route) for item in value.values])
    if isinstance(value, t.SigmaString):
        return _string(value, fields, route)
    if isinstance(value, t.SigmaTimestampPart):
        return c.DatePart(fields, _part(value), "=", float(value.number))
    if isinstance(value, t.SigmaNumber):
        if fields == (EVERYWHERE,):
            return c.Text(fields, "contains", (str(value),), (str(value),))
        return c.Number(fields, float(value.number))
    if isinstance(value, t.SigmaBool):
        word = "true" if value.boolean else "false"
        return c.Text(fields, "equals", (word,), (word,))
    if isinstance(value, t.SigmaRegularExpression):
        return _regex(value, fields, route)
    if isinstance(value, t.SigmaCIDRExpression):
        return c.Network(fields, ipaddress.ip_network(value.cidr, strict=False))
    if isinstance(value, t.SigmaCompareExpression):
        return _compare(value, fields)
    if isinstance(value, t.SigmaFieldReference):
        both = value.starts_with and value.ends_with
        place: c.Place = (
            "contains" if both else "startswith" if value.starts_with else "endswith" if value.ends_with else "equals"
        )
        return c.SameAs(fields, place, route.fields(value.field))
    if isinstance(value, t.SigmaExists):
        return c.Exists(fields) if value.exists else c.Negation(c.Exists(fields))
    if isinstance(value, t.SigmaNull):
        return c.Null(fields) if route.empties else c.Empty(fields, route.nothing)
    raise UntranslatableError(f"value of kind {type(value).__name__}")


def _part(value: Any) -> Part:
    part: Part = value.timestamp_part.name.lower()
    return part


def _compare(value: Any, fields: tuple[str, ...]) -> c.Node:
    from sigma.types import CompareOperators as Op
    from sigma.types import SigmaTimestampPart

    number = float(value.number.number)
    operators: dict[Any, c.Operator] = {Op.LT: "<", Op.LTE: "<=", Op.GT: ">", Op.GTE: ">="}
    if value.op not in operators:
        raise UntranslatableError(f"comparison {value.op}")
    if isinstance(value.number, SigmaTimestampPart):
        return c.DatePart(fields, _part(value.number), operators[value.op], number)
    return c.Compare(fields, operators[value.op], number)


def _string(value: Any, fields: tuple[str, ...], route: Route) -> c.Node:
    from sigma.types import Placeholder, SigmaCasedString, SpecialChars

    if any(isinstance(part, Placeholder) for part in value.s):
        return _either([_test(item, fields, route) for item in _expanded(value, value, route)])
    cased = isinstance(value, SigmaCasedString)
    parts: list[str | bool | None] = []
    for part in value.s:
        if part is SpecialChars.WILDCARD_MULTI:
            if not parts or parts[-1] is not None:
                parts.append(None)
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(True)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += str(part)
        elif part:
            parts.append(str(part))
    if fields == (EVERYWHERE,):  # a keyword stands anywhere in a value
        parts = [None, *parts] if not parts or parts[0] is not None else parts
        parts = [*parts, None] if parts[-1] is not None else parts
    return _placed(parts, fields, cased, route)


def _placed(parts: list[str | bool | None], fields: tuple[str, ...], cased: bool, route: Route) -> c.Node:
    """The cheapest test for a pattern; ``None`` stands for ``*`` and ``True`` for ``?``."""
    if not parts and not route.empties:
        return c.Empty(fields, route.nothing)
    texts = [part for part in parts if isinstance(part, str)]
    if parts == [None]:
        return c.Exists(fields, null=False)
    if not parts:
        return c.Text(fields, "equals", ("",), ("",), cased)
    if len(texts) == 1 and len(parts) - parts.count(None) == 1:
        shown = texts[0]
        if shown == route.nothing and not route.empties:
            return c.Empty(fields, route.nothing)
        place: c.Place = "equals"
        if len(parts) == 3:
            place = "contains"
        elif len(parts) == 2:
            place = "endswith" if parts[0] is None else "startswith"
        return c.Text(fields, place, (shown if cased else fold(shown),), (shown,), cased)
    shown = "".join(part if isinstance(part, str) else "*" if part is None else "?" for part in parts)
    segments = tuple(text if cased else fold(text) for text in texts)
    return c.Wildcard(fields, wildcard_pattern(parts, cased), segments, shown, cased)


def _expanded(value: Any, text: Any, route: Route) -> list[Any]:
    """The value once for each combination of what is given for the placeholders in its text."""
    from sigma.exceptions import SigmaError
    from sigma.types import Placeholder, SigmaString

    regex = value is not text
    for part in text.s:
        if isinstance(part, Placeholder) and part.name not in route.placeholders:
            raise UntranslatableError(f"placeholder %{part.name}% (modifier expand): no placeholders.yml gives a value for it")

    def given(part: Placeholder) -> Iterator[Any]:
        yield from (
            SigmaString(word, escape=not regex) if regex else SigmaString(word) for word in route.placeholders[part.name]
        )

    try:
        found: list[Any] = value.replace_placeholders(given)
    except SigmaError as error:
        raise UntranslatableError(_words(error)) from None
    return found


def _regex(value: Any, fields: tuple[str, ...], route: Route) -> c.Node:
    from sigma.types import Placeholder

    if any(isinstance(part, Placeholder) for part in value.regexp.s):
        return _either([_test(item, fields, route) for item in _expanded(value, value.regexp, route)])
    flags = "".join(sorted(flag.name[0].lower() for flag in value.flags)).replace("d", "s")
    try:
        search, needs = compile_search(str(value.regexp), flags)
    except ValueError as error:
        raise UntranslatableError(str(error)) from None
    return c.Regex(fields, search, needs, str(value.regexp))
