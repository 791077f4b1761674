"""What packs say of Sigma rules beside them: values for placeholders, filters, and correlations.

A correlation names the rules whose rows it looks at, so these are compiled to say what it asks for (``Compiled.watch``).
Whether all that it names can be used is known when all packs are read; if so, they raise no finding of their own unless it
says ``generate``.

References: Sigma specification 2.1 (rules, "Placeholders"; filters; correlation rules); SigmaHQ/pySigma for how a filter is
joined to a rule: with ``and``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exhume.detectors.sigma.contents import OTHER_PRODUCT, Named
from exhume.detectors.sigma.translation import excludes, parse
from exhume.model import Correlation, Pack, PackFile, Problem
from exhume.model.correlation import correlation_of, rule_key

MOST_VALUES = 1000
"""Values of one placeholder."""


class BesideError(ValueError):
    """It cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A Sigma filter: what else must hold for rules to fire."""

    file: PackFile
    pack: str
    rules: tuple[str, ...]
    """Ids or names; empty: all of its log source."""
    logsource: tuple[tuple[str, str], ...]
    detection: Mapping[str, Any]

    def fits(self, names: Iterable[str], logsource: Mapping[str, Any]) -> bool:
        """Is it for a rule with these names and this log source? What the filter leaves open may be anything."""
        return (not self.rules or not set(self.rules).isdisjoint(names)) and all(
            str(logsource.get(part) or "").strip().lower() == word for part, word in self.logsource
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """All that the packs say beside their rules."""

    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    watched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rule, as correlations name it → the fields that they ask for."""
    correlations: tuple[tuple[str, Correlation], ...] = ()
    """Each with its file."""
    problems: tuple[Problem, ...] = ()

    @property
    def references(self) -> frozenset[str]:
        return frozenset(self.watched).union(*(one.rules for one in self.filters))

    def written(self) -> bytes:
        """What decides how a rule is compiled; empty when nothing does."""
        filters = [(one.rules, one.logsource, one.detection) for one in self.filters]
        said = [self.placeholders, filters, self.watched]
        return json.dumps(said, sort_keys=True, default=str).encode() if any(said) else b""


def read_beside(packs: Sequence[Pack]) -> Beside:
    """Never raises: what cannot be used becomes a problem."""
    placeholders: dict[str, tuple[str, ...]] = {}
    filters: list[Filter] = []
    found: list[tuple[str, Correlation]] = []
    problems: list[Problem] = []
    for pack in packs:
        for file in (*pack.of("placeholders"), *(f for f in pack.of("sigma") if f.beside)):
            try:
                for document in documents(file):
                    if file.role == "placeholders":
                        placeholders |= _placeholders(document)
                    elif isinstance(document, dict) and "filter" in document:
                        filters.append(_filter(pack, file, document))
                    elif isinstance(document, dict) and "correlation" in document:
                        found.append((file.name, _over_rows(correlation_of(document, pack.name, pack.own))))
            except ValueError as reason:
                problems.append(Problem(pack.name, file.name, str(reason)))
    watched = _watched([one for _, one in found if one.over_rows])
    return Beside(placeholders, tuple(filters), watched, tuple(found), tuple(problems))


def documents(file: PackFile) -> list[Any]:
    """The YAML documents of a file. Raises ``ValueError`` with the reason in words."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [document for document in yaml.load_all(file.text(), Loader=loader) if document is not None]
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise BesideError(f"cannot be read: {' '.join(str(error).split())[:200]}") from None


def _over_rows(one: Correlation) -> Correlation:
    """Those of our packs that ask for an intrusion look at findings: rows belong to none."""
    return replace(one, over_rows=not (one.rule.own and "intrusion" in one.group_by))


def _placeholders(document: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(document, dict):
        raise BesideError("placeholders: not a mapping of names to values")
    out: dict[str, tuple[str, ...]] = {}
    for name, values in document.items():
        items = values if isinstance(values, list) else [values]
        if not items or not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
            raise BesideError(f"placeholders: {name} has neither a text nor a list of texts")
        if len(items) > MOST_VALUES:
            raise BesideError(f"placeholders: {name} has more than {MOST_VALUES} values")
        out[str(name).strip("%")] = tuple(map(str, items))
    return out


def _filter(pack: Pack, file: PackFile, document: Mapping[str, Any]) -> Filter:
    what, logsource = document.get("filter"), document.get("logsource")
    if not isinstance(what, Mapping) or not isinstance(logsource, Mapping):
        raise BesideError("filter: filter or logsource is not a mapping")
    rules = what.get("rules")
    every = isinstance(rules, str) and rules.lower() == "any"
    names = () if every else tuple(map(str, rules)) if isinstance(rules, list) else (rules,) if isinstance(rules, str) else ()
    if not every and not names:
        raise BesideError("filter: rules is neither any nor a list of ids and names")
    detection = {name: part for name, part in what.items() if name != "rules"}
    if not isinstance(detection.get("condition"), str):
        raise BesideError("filter: condition is not one text")
    if not any(map(excludes, parse(detection))):
        # it is joined to the rule's with and: one that says what is harmless would leave nothing but that
        raise BesideError("filter: its condition excludes nothing; it is joined to the rule's with and: write not selection")
    words = ((part, str(logsource.get(part) or "").strip().lower()) for part in ("product", "category", "service"))
    return Filter(file, pack.name, names, tuple((part, word) for part, word in words if word), detection)


def _watched(found: Sequence[Correlation]) -> dict[str, tuple[str, ...]]:
    """What is asked of each rule that a correlation names, also by way of another correlation."""
    asked: dict[str, set[str]] = {}
    waiting = [(one, {*one.group_by, *one.field}) for one in found]
    named = {name: one for one in found for name in (one.rule.id, one.name) if name}
    while waiting:
        one, fields = waiting.pop()
        for name in one.rules:
            wanted = set().union(*(_sources(one, label, name) for label in fields))
            known = asked.setdefault(name, set())
            if name in named and not wanted <= known:
                waiting.append((named[name], wanted))
            known |= wanted
    return {name: tuple(sorted(fields)) for name, fields in sorted(asked.items())}


def _sources(one: Correlation, label: str, rule: str) -> set[str]:
    """The fields that a label may mean: a rule can be named by its id here and by its name among the aliases."""
    known = one.aliases.get(label)
    return {label} if known is None else {known[rule]} if rule in known else set(known.values())


class Resolved:
    """The correlations of all packs with what they name, as keys of the rules; and the problems."""

    def __init__(self, beside: Beside, names: Mapping[str, Sequence[Named]], own: frozenset[str] = frozenset()) -> None:
        """``names``: pack → its rules that are named somewhere; ``own``: packs of ours, whose rules others cannot silence."""
        self._names = {pack: {one.reference: one for one in found} for pack, found in names.items()}
        self._found = beside.correlations
        self._known: dict[str, Correlation | str] = {}
        self.correlations: list[Correlation] = []
        self.problems: list[Problem] = []
        self.silent: frozenset[str] = frozenset()
        """Keys of rules and correlations that raise no finding of their own."""
        for file, one in self._found:
            said = self._resolved(one, ()) if one.over_rows else one
            if isinstance(said, Correlation):
                self.correlations.append(said)
            else:
                self.problems.append(Problem(one.rule.pack, file, said))
        by_rows = [one for one in self.correlations if one.over_rows]
        named = {
            key
            for one in by_rows
            if not one.generate
            for key in one.rules
            if (pack := key.partition("\x1f")[0]) == one.rule.pack or pack not in own
        }
        self.silent = frozenset(named - {key for one in by_rows if one.generate for key in one.rules})
        self.correlations = [replace(one, silent=one.key in self.silent) for one in self.correlations]
        self.problems += self._filters(beside.filters, own)

    def _resolved(self, one: Correlation, above: tuple[str, ...]) -> Correlation | str:
        if one.key in above:
            return "correlation: it looks at itself, by way of others"
        if one.key not in self._known:
            self._known[one.key] = self._with_keys(one, (*above, one.key))
        return self._known[one.key]

    def _with_keys(self, one: Correlation, above: tuple[str, ...]) -> Correlation | str:
        keys: dict[str, str] = {}
        titles: dict[str, str] = {}
        for name in one.rules:
            key, title, reason = self._find(one.rule.pack, name, above)
            if reason.startswith(OTHER_PRODUCT):
                return f"{OTHER_PRODUCT}: of its rule {name}"
            if reason:
                return f"correlation: its rule {name} {reason}"
            keys[name], titles[key] = key, title
        if len(titles) < len(one.rules):
            return "correlation: a rule is named twice"
        aliases: dict[str, dict[str, str]] = {}
        for label, fields in one.aliases.items():
            aliases[label] = {self._find(one.rule.pack, name, above)[0]: said for name, said in fields.items()}
            if label in (*one.group_by, *one.field) and set(aliases[label]) != set(titles):
                return f"correlation: the alias {label} does not name a field for each of its rules, and for no other"
        return replace(one, rules=tuple(keys.values()), aliases=aliases, titles=titles)

    def _find(self, pack: str, name: str, above: tuple[str, ...]) -> tuple[str, str, str]:
        """Key, title, and why it cannot be used; first in the pack itself."""
        for where in (pack, *(other for other in self._names if other != pack)):
            for _, one in self._found:
                if one.rule.pack == where and name in (one.rule.id, one.name):
                    said = self._resolved(one, above)
                    reason = "" if isinstance(said, Correlation) else said
                    reason = reason if reason.startswith(OTHER_PRODUCT) or not reason else f"cannot be used ({reason})"
                    return one.key, one.rule.title, reason if one.over_rows else "looks at intrusions, not at rows"
            known = self._names.get(where, {}).get(name)
            if known:
                reason = known.unusable
                reason = reason if reason.startswith(OTHER_PRODUCT) or not reason else f"cannot be used ({reason})"
                return rule_key(where, known.id), known.title, reason
        return "", "", "is in none of the packs"

    def _filters(self, filters: Iterable[Filter], own: frozenset[str]) -> Iterator[Problem]:
        known = {name: pack for pack, found in self._names.items() for name in found}
        for one in filters:
            for name in one.rules:
                if name not in known:
                    yield Problem(one.pack, one.file.name, f"filter: its rule {name} is in none of the packs")
                elif known[name] in own:
                    said = f"filter: its rule {name} is one of {known[name]}, which no filter touches; accept findings with"
                    yield Problem(one.pack, one.file.name, f"{said} --allow")
