"""Compiled rules as JSON, so that a second run need not parse and translate them again.

Only what has a name here can be read back, and nothing in it is run. The plain values of JSON stand for themselves, a list
for a tuple; all else is an object with one key, its name.
"""

from __future__ import annotations

import gc
import hashlib
import ipaddress
import platform
from collections.abc import Callable, Iterable
from dataclasses import fields
from enum import Enum
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import exhume
from exhume.detectors.sigma import conditions as c
from exhume.detectors.sigma.automaton import Automaton, proven
from exhume.detectors.sigma.rules import Compiled
from exhume.model import Clue, Confidence, Outcome, Problem, Rule, Severity

_NODES = (
    *(c.All, c.Either, c.Negation, c.Text, c.Wildcard, c.Number, c.Compare, c.Network, c.Empty, c.Exists, c.SameAs),
    *(c.Regex, c.Search),
)
_BUILT: dict[str, Callable[..., Any]] = {kind.__name__: kind for kind in (*_NODES, Compiled, Problem, Rule, Clue)} | {
    "Automaton": proven,
    "set": lambda *items: frozenset(items),
    "network": ipaddress.ip_network,
    **{scale.__name__: scale for scale in (Outcome, Severity, Confidence)},
}
_NETWORKS = (ipaddress.IPv4Network, ipaddress.IPv6Network)


def written(items: Iterable[Compiled | Problem]) -> bytes:
    """The items as JSON."""
    import orjson

    return orjson.dumps([_plain(item) for item in items])


def read(data: bytes) -> list[Compiled | Problem]:
    """What ``written`` was given. Raises ``ValueError``, ``KeyError`` or ``TypeError`` when it is something else."""
    import orjson

    collects = gc.isenabled()
    gc.disable()  # it would look through all that was made so far again and again, and half of the time would go there
    try:
        return [_built(item) for item in orjson.loads(data)]
    finally:
        if collects:
            gc.enable()


@cache
def origin() -> bytes:
    """Digest of all that decides how a rule is compiled, but for the rule: when it changes, nothing saved is used."""
    whole = hashlib.sha256(f"{exhume.__version__} {version('pysigma')} {platform.python_version()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    for name in ("logsources.yml", "ordinary.tsv"):
        whole.update(files("exhume").joinpath("content", name).read_bytes())
    return whole.digest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Enum):
        return {type(value).__name__: [value.value]}
    if isinstance(value, int | float):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return {"set": sorted((_plain(item) for item in value), key=repr)}
    if isinstance(value, Automaton):
        return {"Automaton": [value.pattern, value.flags]}
    if isinstance(value, _NETWORKS):
        return {"network": [str(value)]}
    return {type(value).__name__: [_plain(getattr(value, field.name)) for field in fields(value)]}


def _built(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_built, value))
    if isinstance(value, dict):
        [(name, parts)] = value.items()
        return _BUILT[name](*map(_built, parts))
    return value
