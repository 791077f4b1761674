"""The clues of a rule for the sieve: what stands in every raw row in which it holds, and the rarest of it first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from exhume.detectors.sigma.conditions import All, Either, Negation, Node, Regex, Text, Wildcard
from exhume.detectors.sigma.literals import Texts, Wish, required, single, union
from exhume.detectors.sigma.ordinary import EVENT, Ordinary
from exhume.detectors.sigma.rawregex import raw_regex
from exhume.detectors.sigma.view import COMPUTED, fold
from exhume.model import BORDER, Clue

_RUNS = re.compile(r"[A-Za-z0-9._~-]{3,}")
"""What no log quotes and no URL needs to encode; a value is cut at all else."""
_SHORT_RUNS = re.compile(r"[A-Za-z0-9._~-]{2,}")
"""The same for texts that are only looked for in rows which hold a better one."""
_EVENT_RUNS = (re.compile(r"[A-Za-z0-9._~:-]{3,}"), re.compile(r"[A-Za-z0-9._~:-]{2,}"))
"""Both for events: JSON and XML write a colon as it is."""
_DRIVE = re.compile(r"\A[a-z]:(?=\\|\Z)")
"""Where a text names a drive, a device may stand in the row: ``View``."""
_CHANCE = {3: 3.0, 4: 0.3}
"""Of a thousand rows, about how many hold some text of so few letters by chance (keys, cookies, numbers of requests)."""
_LONG_ENOUGH = 10
_MOST = 6
"""Sets of one clue; more would cost more than the rows that they save."""
_ONE_CELL = frozenset(
    {
        *("cs-uri-stem", "cs-uri-query", "cs-username", "cs(User-Agent)", "cs(Referer)", "cs-method", "c-ip"),
        *("UrlStem", "UrlQuery", "AuthenticatedUser", "UserAgent", "AnchorMailbox", "BackEndCookie", "Method", "UrlHost"),
    }
)
"""Fields that are one whole cell of the row, as logged."""
_PASSED = 15_000.0
"""So many letters of cells that are exceptions, each time one is passed over, cost as much as one row that is parsed."""
_KEPT = 5.0
"""Rows in a thousand that a cell must stand in to be made an exception of: each makes the search a little slower."""
_PLAIN = frozenset({"iis.access", "iis.httperr", "exchange.httpproxy"})
"""Logs whose URLs stand in them as the client wrote them, with no quoting of their own within a cell."""
_DEAR = 5.0
"""Rows in a thousand beyond which a regular expression is searched for instead, which makes the search a little slower."""
_EDGES = {"equals": (BORDER, BORDER), "startswith": (BORDER, ""), "endswith": ("", BORDER), "contains": ("", "")}


def clues(node: Node, derived: frozenset[str], ordinary: Ordinary) -> frozenset[Clue] | None:
    """The clues of one rule; ``None`` when there is nothing to search for. ``derived``: fields that do not stand in the row."""

    def usable(name: str) -> bool:
        return name not in derived and name[:1] != COMPUTED

    def wish(runs: re.Pattern[str]) -> Wish:
        def cost(texts: Texts) -> tuple[float, ...]:
            return _cost(texts, ordinary)

        def piece(text: str) -> str:
            return min(runs.findall(_DRIVE.sub("", text)), key=lambda run: cost(frozenset((run,))), default="")

        return Wish(usable, piece, cost)

    long, short = _EVENT_RUNS if ordinary.kind == EVENT else (_RUNS, _SHORT_RUNS)
    out: set[Clue] = set()
    for branch in node.parts if isinstance(node, Either) else (node,):
        demands = [(fields, _least(texts)) for fields, texts in _demands(branch, wish(long))]
        if not demands:
            return None
        first = min((texts for _, texts in demands), key=lambda texts: (_cost(texts, ordinary), sorted(texts)))
        others = {_least(texts) for _, texts in _demands(branch, wish(short))} - {first}
        further = sorted(others, key=lambda texts: (_cost(texts, ordinary), sorted(texts)))[: _MOST - 1]
        cost, exact, unless = _exact(branch, demands, ordinary)
        regex = raw_regex(branch, ordinary.often) or "" if ordinary.kind in _PLAIN and cost > _DEAR else ""
        if regex and ordinary.often(regex) + _DEAR > cost:
            regex = ""
        out.add(Clue((first, *further), exact, unless, regex))
    return frozenset(out)


def _exact(branch: Node, demands: Sequence[tuple[tuple[str, ...], Texts]], ordinary: Ordinary) -> tuple[float, Texts, Texts]:
    """What it costs, ``Clue.exact`` and ``Clue.unless``: the cheapest there is when it is certain what the cells are."""
    found: list[tuple[Texts, Texts]] = [(texts, frozenset()) for _, texts in demands]
    for fields, texts in demands:
        if len(fields) == 1 and fields[0] in _ONE_CELL:
            cells = frozenset[str]().union(*(ordinary.cells(text, _KEPT) for text in texts))
            paths = (c for c in cells if c.startswith("/") and c.isascii())  # cells of other columns hardly ever come again
            found.append((texts, frozenset(c for c in paths if _decided(branch, fields, c) is False)))
    for part in branch.parts if isinstance(branch, All) else (branch,):
        if isinstance(part, Text) and len(part.fields) == 1 and part.fields[0] in _ONE_CELL:
            before, after = _EDGES[part.place]
            texts = frozenset(f"{before}{fold(value)}{after}" for value in part.values)
            if all(text.isascii() and text.isprintable() and " " not in text for text in map(fold, part.values)):
                found.append((_least(texts), frozenset()))
    all_held = [ordinary.holding(texts) for _, texts in demands]

    def cost(texts: Texts, unless: Texts) -> tuple[float, ...]:
        rows = ordinary.holding(texts, unless)
        passed = sum(ordinary.share(ordinary.holding((t,))) * sum(len(c) for c in unless if t in c) for t in texts)
        if unless and all(text.startswith(".") for text in texts):  # so many rules search for these that one more costs nothing
            passed = 0.0
            for held in all_held:
                rows &= held
        return (ordinary.share(rows) + passed / _PASSED + _by_chance(texts), *_tie(texts, unless))

    best = min(found, key=lambda pair: (cost(*pair), *map(sorted, pair)))
    return (cost(*best)[0], *best)


def _cost(texts: Texts, ordinary: Ordinary) -> tuple[float, ...]:
    """First of all, in how many ordinary rows of a thousand one of these texts stands."""
    return (ordinary.share(ordinary.holding(texts)) + _by_chance(texts), *_tie(texts, frozenset()))


def _by_chance(texts: Texts) -> float:
    return sum(_CHANCE.get(len(text), 0.0) for text in texts if BORDER not in text)


def _tie(texts: Texts, unless: Texts) -> tuple[float, ...]:
    return (-min(_LONG_ENOUGH, *map(len, texts)), len(texts), len(unless))


def _demands(node: Node, wish: Wish) -> Iterator[tuple[tuple[str, ...], Texts]]:
    """Sets of texts of which one must be there, and the fields that it is in (none if that depends)."""
    found: list[Texts | None] = []
    fields: tuple[str, ...] = ()
    match node:
        case All(parts):
            for part in parts:
                yield from _demands(part, wish)
            return
        case Wildcard(fields=fields, segments=segments) if all(map(wish.usable, fields)):
            found = [single(fold(segment), wish) for segment in segments]
        case Regex(fields=fields, needs=needs) if all(map(wish.usable, fields)):
            found = [union(single(text, wish) for text in need) for need in needs]
        case Text(fields=fields):
            found = [required(node, wish)]
        case _:
            found = [required(node, wish)]
    yield from ((fields, texts) for texts in found if texts)


def _least(texts: Texts) -> Texts:
    """Without those that hold another one of the set."""
    return frozenset(t for t in texts if not any(other != t and other in t for other in texts))


def _decided(node: Node, fields: tuple[str, ...], value: str) -> bool | None:
    """Does the node hold when the field has this value, in whatever letter case? ``None`` when that is not certain."""
    match node:
        case All(parts) | Either(parts):
            ends = isinstance(node, Either)  # one part with this answer decides
            answers = {_decided(part, fields, value) for part in parts}
            return ends if ends in answers else None if None in answers else not ends
        case Negation(part):
            answer = _decided(part, fields, value)
            return None if answer is None else not answer
    return _answer(node, fields, value)


def _answer(node: Node, fields: tuple[str, ...], value: str) -> bool | None:
    """What a test that looks only at this field says of the value; ``None`` when letter case or another field matters."""
    match node:
        case Text(fields=own, place=place, values=values, cased=False) if own == fields:
            fits = {"equals": str.__eq__, "contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}
            return any(fits[place](value, other) for other in values)
        case Wildcard(fields=own, cased=False) if own == fields:
            return node.fits(value)
        case Regex(fields=own, search=search) if own == fields:
            caseless = re.compile(search.pattern, search.flags).flags & re.IGNORECASE  # it may also say so in itself
            return search.found(value) if caseless and "(?-" not in search.pattern else None
    return None
