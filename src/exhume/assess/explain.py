"""One record, as a person points to it, put to one rule: for ``exhume pack explain``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from exhume.assess import sieve
from exhume.assess.scan import Scanner
from exhume.detectors import is_product
from exhume.detectors.sigma.explain import Explanation, explain, kinds
from exhume.evidence import open_evidence
from exhume.model import Clue, Detector, File, Finding, Host, Kept, Pack, Problem, Record, Source, Value, anew
from exhume.readers import EVERY_FILE, READERS

LARGEST = 16 << 20
"""Bytes of a file that holds one record as JSON."""


def explained(packs: Sequence[Pack], rule: str, place: str) -> tuple[Record, list[Explanation]]:
    """The record, and what each rule with this name says of it. Raises ``OSError``, or ``ValueError`` with the reason."""
    wanted = kinds(packs, rule)
    record = _written(Path(place), wanted) if Path(place).is_file() else _logged(place)
    return record, explain(packs, rule, record)


def _written(path: Path, wanted: Sequence[str]) -> Record:
    """A record that stands alone in a file, as findings show them or as its fields only."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} is no single record: name its line, {path.name}:LINE")
    try:
        row = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ValueError(f"{path.name} is no record as JSON; of a log name the line, {path.name}:LINE") from None
    single = isinstance(row, dict) and not isinstance(row.get("Event"), dict)
    if not single:
        raise ValueError(f"{path.name} is no single record: name its line, {path.name}:LINE")
    wrapped = isinstance(row.get("fields"), dict)
    about, whole = (row, row["fields"]) if wrapped else ({}, row)
    fields = {str(name): _value(value) for name, value in whole.items()}
    return Record(
        str(about.get("kind") or next(iter(wanted), "windows.event")),
        _time(str(about.get("time") or "")),
        fields,
        Source("given", path.name, "file"),
        str(about.get("channel") or fields.get("Channel") or ""),
        str(about.get("server") or ""),
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _value(value: Any) -> Value:
    if value is None or isinstance(value, str | int | float):
        return value
    return tuple(map(str, value)) if isinstance(value, list) else json.dumps(value)


def _logged(place: str) -> Record:
    """The record at ``FILE:LINE``, ``FILE:record N`` or ``FILE:PATH IN IT:LINE`` of evidence."""
    path, _, at = place.rpartition(":")
    inside = ""
    if path and not Path(path).exists():
        path, _, inside = path.rpartition(":")
    if not path or not Path(path).exists():
        raise ValueError(f"{place} is neither a file nor a place in one, e.g. u_ex210303.log:12 or Security.evtx:record 7184")
    wanted = {f"line {at}", f"record {at}"} if at.strip().isdigit() else {at.strip()}
    evidence = open_evidence([path])
    catch = _Catch(wanted)
    scanner = Scanner(evidence, READERS, EVERY_FILE, (catch,), is_product, sieve.default_engine(), False)
    for file in evidence.files():
        if isinstance(file, File) and (not inside or file.path == inside):
            scanner.scan(file.path)
            if catch.caught:
                return replace(catch.caught[0], opener=None)
    raise ValueError(f"there is no record at {at} in {path}")


class _Catch(Detector):
    """Keeps the record at a place; raises nothing."""

    def __init__(self, wanted: set[str]) -> None:
        self._wanted = wanted
        self.caught: list[Record] = []
        self.wants = frozenset(kind for reader in (*READERS, EVERY_FILE) for kind in reader.kinds)
        self.problems: tuple[Problem, ...] = ()

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        return cls(set())

    def clues(self, kind: str) -> frozenset[Clue] | None:
        return None

    def detect(self, record: Record) -> Iterator[Finding]:
        if record.source.at in self._wanted:
            self.caught.append(record)
        return iter(())


def printable(text: str, longest: int = 300) -> str:
    """Text of a record for a terminal: what steers one is shown as its number."""
    cut = text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in cut)


def lines(record: Record, explanations: Iterable[Explanation]) -> Iterator[str]:
    """What is printed."""
    yield f"record: {record.kind}, {printable(str(record.source))}"
    for one in explanations:
        yield ""
        yield f"{'HOLDS' if one.holds else 'DOES NOT HOLD'}: {printable(one.title)} ({one.pack}/{one.file})"
        if one.problem:
            yield f"      the rule cannot be used: {printable(one.problem)}"
        for step in one.steps:
            seen = f"   [{printable(step.seen)}]" if step.seen else ""
            yield f"{'yes' if step.holds else 'no':>5} {'  ' * step.depth}{printable(step.says)}{seen}"
