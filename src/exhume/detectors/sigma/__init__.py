"""Sigma rules over records: log rows, Windows events, files and settings.

pySigma parses the rules (``translation``); our own conditions decide (``conditions``), so that no rule language code runs on
evidence. Log sources and field names are data: ``content/logsources.yml``. Only the rules for kinds of record that the
evidence holds are loaded (``rulebook``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from exhume.detectors.sigma.contents import OTHER_PRODUCT, Contents, Named, origin
from exhume.model import Clue, Correlation, Finding, Host, Kept, Pack, Problem, Record, Sighting, anew, narrowed

if TYPE_CHECKING:
    from exhume.detectors.sigma.beside import Beside, Resolved
    from exhume.detectors.sigma.rulebook import Rulebook

__all__ = ["OTHER_PRODUCT", "Sigma"]


class Sigma:
    """The rules of all packs. Instances are immutable but for what they remember to be quick, and can be pickled."""

    def __init__(
        self,
        saved: Mapping[str, Sequence[bytes]],
        computed: bytes,
        problems: Iterable[Problem],
        resolved: Resolved | None = None,
    ) -> None:
        self.correlations: tuple[Correlation, ...] = tuple(resolved.correlations) if resolved else ()
        """Correlation rules of the packs that can be evaluated."""
        self._silent: frozenset[str] = resolved.silent if resolved else frozenset()
        self._saved = saved
        """Kind of record → its rules, as they were written down, pack by pack."""
        self._computed = computed
        self.problems: tuple[Problem, ...] = tuple(problems)
        """Rules that are not used; those whose reason starts with ``OTHER_PRODUCT`` are sound, but for other evidence."""
        self.wants: frozenset[str] = frozenset(saved)
        self._books: dict[str, Rulebook] = {}

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        """Reads every Sigma file of the packs. Never raises on a bad rule: it becomes a ``Problem``."""
        packs = tuple(packs)
        saved: dict[str, list[bytes]] = {}
        problems: list[Problem] = []
        beside = _beside(packs)
        said = beside.written() if beside else b""
        named: dict[str, list[tuple[str, str, str, str]]] = {}
        for pack in packs:
            parts = (b"sigma", origin(), pack.name.encode(), pack.digest.encode(), b"own" if pack.own else b"", said)
            contents = Contents.read(kept(parts, partial(_compiled, pack, beside)))
            problems += contents.problems
            named.setdefault(pack.name, []).extend(contents.named)
            for kind, rules in contents.rules.items():
                saved.setdefault(kind, []).append(rules)
        resolved = _resolved(beside, named, packs) if beside else None
        if beside and resolved:
            problems += (*beside.problems, *resolved.problems)
        return cls(saved, kept((b"computed", origin()), _computed), problems, resolved)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_books": {}}

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules in use."""
        return tuple(dict.fromkeys(name for kind in self._saved for name in self._of(kind).ids))

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """See ``model.Detector``. Texts are folded and hold only characters that need no escaping anywhere."""
        narrow = narrowed(kind)
        return self._of(kind).clues() if narrow is None else self._of(narrow[0]).clues_of(narrow[2], narrow[1])

    def each(self, kind: str) -> Iterator[tuple[str, frozenset[Clue]]]:
        """The clues of every rule that has some, with its trace or id."""
        return self._of(kind).each()

    def unsieved(self, kind: str) -> tuple[str, ...]:
        """Ids of the rules because of which ``clues`` is ``None``: they have nothing that must stand in the line."""
        return self._of(kind).unsieved()

    def detect(self, record: Record) -> Iterator[Finding | Sighting]:
        """The findings of all rules that hold for the record, and what correlations ask of it."""
        if record.kind in self.wants:
            yield from self._of(record.kind).detect(record)

    def _of(self, kind: str) -> Rulebook:
        book = self._books.get(kind)
        if book is None:
            from exhume.detectors.sigma.rulebook import Rulebook
            from exhume.detectors.sigma.saved import fields_read, read

            entries = [entry for part in self._saved.get(kind, ()) for entry in read(part)]
            book = self._books[kind] = Rulebook(entries, fields_read(self._computed), self._silent)
        return book


def _beside(packs: Sequence[Pack]) -> Beside | None:
    """Most packs say nothing beside their rules."""
    if not any(file.beside or file.role == "placeholders" for pack in packs for file in pack.files):
        return None
    from exhume.detectors.sigma.beside import read_beside

    return read_beside(packs)


def _resolved(beside: Beside, named: Mapping[str, Iterable[tuple[str, str, str, str]]], packs: Iterable[Pack]) -> Resolved:
    from exhume.detectors.sigma.beside import Resolved

    found = {pack: [Named(*words) for words in some] for pack, some in named.items()}
    return Resolved(beside, found, frozenset(pack.name for pack in packs if pack.own))


def _compiled(pack: Pack, beside: Beside | None) -> bytes:
    from exhume.detectors.sigma.logsources import shipped
    from exhume.detectors.sigma.rules import read_pack
    from exhume.detectors.sigma.saved import contents

    return contents(read_pack(pack, shipped(), beside)).written()


def _computed() -> bytes:
    from exhume.detectors.sigma.logsources import shipped
    from exhume.detectors.sigma.saved import fields_written

    return fields_written(shipped().table_of_fields)
