"""Load, check and encode campaign packs: folders of Sigma, YARA, indicator, plan and case files."""

from importlib import import_module
from typing import TYPE_CHECKING

from exhume.packs.clusters import clusters
from exhume.packs.correlations import correlations
from exhume.packs.directives import directive, directives
from exhume.packs.folder import load, role_of, shipped
from exhume.packs.manifest import PackError
from exhume.packs.witnesses import witnesses

if TYPE_CHECKING:
    from exhume.packs.encoding import encode
    from exhume.packs.examples import cases
    from exhume.packs.form import bait, lint
    from exhume.packs.steps import plan
    from exhume.packs.tables import build_tables, read_tables, untold

__all__ = [
    "PackError",
    "bait",
    "build_tables",
    "untold",
    "cases",
    "clusters",
    "correlations",
    "directive",
    "directives",
    "encode",
    "lint",
    "load",
    "plan",
    "read_tables",
    "role_of",
    "shipped",
    "witnesses",
]

_LATER = {
    "bait": "form",
    "build_tables": "tables",
    "untold": "tables",
    "cases": "examples",
    "encode": "encoding",
    "lint": "form",
    "plan": "steps",
    "read_tables": "tables",
}
"""What most evidence does not need: loaded when it is first asked for (PEP 562). A module of the same name would hide it."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
