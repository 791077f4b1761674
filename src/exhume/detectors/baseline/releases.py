"""Which files belong to which release of Exchange: path below the installation root, SHA-256, releases.

``content/baseline.csv`` holds 2013 CU23, 2016 CU12 and CU19, and 2019 RTM to CU8. A pack may bring more of them, made by
``exhume baseline add``, in a file of the same form.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path

from exhume.model import Pack, Problem

_FILE = Path(__file__).resolve().parents[2] / "content" / "baseline.csv"


class Releases:
    """A baseline, by path and by hash. It is read when it is first asked: most evidence is logs."""

    def __init__(self, lists: Iterable[str] = ()) -> None:
        self._lists = tuple(lists)
        """Texts of more lists than the shipped one."""

    @cached_property
    def _tables(self) -> tuple[Mapping[str, frozenset[str]], Mapping[str, tuple[str, ...]]]:
        return _read([_FILE.read_text(encoding="utf-8"), *self._lists])

    @property
    def hashes(self) -> Mapping[str, frozenset[str]]:
        """Path (lower case, ``/``) → SHA-256 of the files that releases have there."""
        return self._tables[0]

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """SHA-256 → releases with exactly that file, e.g. ``("2016-CU12", "2016-CU19")``."""
        return self._tables[1]

    def known(self, sha256: str) -> tuple[str, ...]:
        """The releases that ship a file with this SHA-256; empty for others."""
        return self.names.get(sha256.lower(), ())

    def ships(self, sha256: str) -> bool:
        """Is it a file of Exchange?"""
        return bool(sha256) and sha256.lower() in self.names


def of_packs(packs: Iterable[Pack]) -> tuple[Releases, tuple[Problem, ...]]:
    """The shipped baseline with those of the packs; files that cannot be read become problems."""
    problems: list[Problem] = []
    lists: list[str] = []
    for pack in packs:
        for file in pack.of("baseline"):
            try:
                text = file.text()
                _read([text])
                lists.append(text)
            except (OSError, ValueError, csv.Error) as error:
                problems.append(Problem(pack.name, file.name, f"cannot be read: {error}"))
    return (Releases(lists) if lists else shipped()), tuple(problems)


@cache
def shipped() -> Releases:
    """The baseline that comes with exhume."""
    return Releases()


def _read(texts: Iterable[str]) -> tuple[Mapping[str, frozenset[str]], Mapping[str, tuple[str, ...]]]:
    hashes: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    for text in texts:
        for row in csv.DictReader(text.splitlines()):
            path, digest = (row.get("path") or "").lower(), (row.get("sha256") or "").lower()
            if path and len(digest) == 64:
                hashes.setdefault(path, set()).add(digest)
                names.setdefault(digest, set()).update((row.get("releases") or "").split())
    return (
        {path: frozenset(values) for path, values in hashes.items()},
        {digest: tuple(sorted(values)) for digest, values in names.items()},
    )
