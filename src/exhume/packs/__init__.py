"""Load, check and encode campaign packs: folders of Sigma, YARA, indicator, plan and case files."""

from importlib import import_module
from typing import TYPE_CHECKING

from exhume.packs.clusters import clusters
from exhume.packs.correlations import correlations
from exhume.packs.directives import directive, directives
from exhume.packs.encoding import encode
from exhume.packs.examples import cases
from exhume.packs.folder import load, role_of, shipped
from exhume.packs.lint import bait, lint
from exhume.packs.manifest import PackError
from exhume.packs.steps import plan
from exhume.packs.witnesses import witnesses

if TYPE_CHECKING:
    from exhume.packs.tables import build_tables, read_tables

__all__ = [
    "PackError",
    "bait",
    "build_tables",
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


def __getattr__(name: str) -> object:
    """The tables are loaded when they are first asked for (PEP 562): only evidence that tells builds needs them."""
    if name not in ("build_tables", "read_tables"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("exhume.packs.tables"), name)
