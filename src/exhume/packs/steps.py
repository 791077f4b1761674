"""``plan.yml``: the clean-up steps of a pack."""

from __future__ import annotations

from exhume.model.pack import Pack, PlanEntry
from exhume.model.protocols import Kept, anew
from exhume.model.vocabulary import Outcome
from exhume.packs.manifest import PackError, kept_yaml, load_yaml, mapping, text_of

_KEYS = frozenset({"id", "order", "title", "how", "reversible", "when", "for", "unless", "decision", "check"})

THINGS = frozenset((
    "page", "file", "oab", "vdir", "module", "agent", "account", "member", "removed", "task", "service", "rule", "export",
    "role", "login",
))  # fmt: skip
"""What a step can be ``for``; see ``judge.things``."""


def plan(pack: Pack, kept: Kept = anew) -> tuple[PlanEntry, ...]:
    """The steps of a pack, by order. Raises ``PackError`` when ``plan.yml`` is not as docs/reference/packs.md says."""
    entries: list[PlanEntry] = []
    for file in pack.of("plan"):
        try:
            text = file.text()
        except (OSError, ValueError) as error:
            raise PackError(file.name, f"cannot be read: {error}") from None
        items = _items(file.name, text, kept)
        if not isinstance(items, list):
            raise PackError(file.name, "it is not a list of steps")
        entries += [_entry(pack.name, file.name, item) for item in items]
    ids = [e.id for e in entries]
    for one in ids:
        if ids.count(one) > 1:
            raise PackError("plan.yml", f"the step {one!r} stands there twice")
    return tuple(sorted(entries, key=lambda e: (e.order, e.id)))


def _items(name: str, text: str, kept: Kept) -> object:
    try:
        return kept_yaml(name, text, kept)
    except PackError:
        raise
    except (TypeError, ValueError):  # something that no plan holds: what is wrong is said in the usual words
        return load_yaml(name, text)


def _entry(pack: str, file: str, value: object) -> PlanEntry:
    item = mapping(file, value, "a step", _KEYS)
    name = text_of(file, item, "id", "a step")
    what = f"the step {name!r}"
    order, reversible = item.get("order"), item.get("reversible")
    if type(order) is not int or not 0 <= order <= 999:
        raise PackError(file, f"{what} has no order (a whole number)")
    if type(reversible) is not bool:
        raise PackError(file, f"{what} does not say reversible: true or false")
    things, unless, check = (item.get(key, "") for key in ("for", "unless", "check"))
    decision = item.get("decision", False)
    if not isinstance(things, str) or not isinstance(unless, str) or not isinstance(check, str) or type(decision) is not bool:
        raise PackError(file, f"{what}: for, unless and check are texts, decision is true or false")
    for kind in (things, unless):
        if kind and kind not in THINGS:
            raise PackError(file, f"{what}: there is no kind of thing {kind!r}; there are {', '.join(sorted(THINGS))}")
    rules, outcome, open_ = _when(file, what, item.get("when"))
    return PlanEntry(
        id=name,
        pack=pack,
        order=order,
        title=text_of(file, item, "title", what),
        how=text_of(file, item, "how", what),
        reversible=reversible,
        rules=rules,
        outcome=outcome,
        open=open_,
        things=things,
        unless=unless,
        decision=decision,
        check=check,
    )


def _when(file: str, what: str, value: object) -> tuple[tuple[str, ...], Outcome | None, bool]:
    when = mapping(file, value, f"when of {what}", frozenset({"rules", "outcome", "open"}))
    rules = when.get("rules") or []
    if not isinstance(rules, list) or not all(isinstance(r, str) for r in rules):
        raise PackError(file, f"when.rules of {what} is not a list of ids")
    word = when.get("outcome")
    try:
        outcome = Outcome.parse(str(word)) if word is not None else None
    except ValueError as error:
        raise PackError(file, f"when.outcome of {what}: {error}") from None
    open_ = when.get("open", False)
    if type(open_) is not bool:
        raise PackError(file, f"when.open of {what} is true or false")
    if not rules and outcome is None and not open_:
        raise PackError(file, f"when of {what} names neither rules nor an outcome")
    return tuple(rules), outcome, open_
