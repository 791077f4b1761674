"""Open anything as one read-only tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from exhume.evidence.limits import EvidenceError, Limits
from exhume.evidence.member import Container, plain
from exhume.evidence.packed import Packed
from exhume.evidence.tarred import Tar
from exhume.evidence.tree import Tree, check
from exhume.evidence.zipped import Zip
from exhume.model.protocols import Evidence

__all__ = ["CONTAINERS", "EvidenceError", "Limits", "from_memory", "open_evidence"]

CONTAINERS: tuple[type[Container], ...] = (Zip, Tar, Packed)
"""Archives that are entered, most specific first: a tar.gz is a tar, any other .gz one file. A tree begins in a ``Folder``,
on the ``Disk`` (single files) or in ``Memory``."""


def open_evidence(paths: Sequence[Path | str], limits: Limits = Limits()) -> Evidence:  # noqa: B008 - frozen
    """One tree of one server from a file, folder or archive, or several of them.

    Raises ``EvidenceError`` with one line when a path does not exist or is neither file nor folder.
    """
    roots = [Path(p) for p in paths]
    if not roots:
        raise EvidenceError("no evidence was given")
    for root in roots:
        check(root)
    return Tree(plain(roots[0].resolve().name or "evidence"), roots, limits, CONTAINERS)


def from_memory(content: Mapping[str, bytes], name: str = "memory", limits: Limits = Limits()) -> Evidence:  # noqa: B008
    """A tree from bytes, for tests."""
    return Tree(name, (), limits, CONTAINERS, content)
