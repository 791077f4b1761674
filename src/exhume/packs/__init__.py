"""Load, check and encode campaign packs: folders of Sigma, YARA, indicator, plan and case files."""

from exhume.packs.encoding import encode
from exhume.packs.examples import cases
from exhume.packs.folder import load, role_of, shipped
from exhume.packs.lint import bait, lint
from exhume.packs.manifest import PackError
from exhume.packs.steps import plan
from exhume.packs.tables import build_tables, read_tables

__all__ = ["PackError", "bait", "build_tables", "cases", "encode", "lint", "load", "plan", "read_tables", "role_of", "shipped"]
