"""Load, check and encode campaign packs: folders of Sigma, YARA, indicator, plan and case files."""

from exhume.packs.clusters import clusters
from exhume.packs.correlations import correlations
from exhume.packs.directives import directive, directives
from exhume.packs.encoding import encode
from exhume.packs.examples import cases
from exhume.packs.folder import load, role_of, shipped
from exhume.packs.lint import bait, lint
from exhume.packs.manifest import PackError
from exhume.packs.steps import plan
from exhume.packs.tables import build_tables, read_tables
from exhume.packs.witnesses import witnesses

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
