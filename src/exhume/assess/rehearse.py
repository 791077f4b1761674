"""Runs a pack's own cases: every rule must hit what it says it hits, and miss what it says it misses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from exhume import packs as packroom
from exhume.detectors import DETECTORS
from exhume.model import Case, Finding, Gap, Host, Pack, Record, Sighting, Source
from exhume.readers.artefacts import derived
from exhume.readers.eventfields import KIND as EVENT


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that did not come out as it says."""

    case: Case
    said: str


def rehearse(pack: Pack) -> tuple[int, tuple[Failure, ...]]:
    """How many cases ran, and those that failed. Raises ``PackError`` for a case file that cannot be used."""
    cases = packroom.cases(pack)
    detectors = tuple(kind.from_packs((pack,), Host()) for kind in DETECTORS)
    failures: list[Failure] = []
    for case in cases:
        record = _record(case)
        found = [f for d in detectors if record.kind in d.wants for f in d.detect(record)]
        hit = any(case.rule in _names(f) for f in found)
        if hit != case.must_hit:
            failures.append(Failure(case, "missed" if case.must_hit else "hit"))
    return len(cases), tuple(failures)


def _names(found: Finding | Gap | Sighting) -> tuple[str, ...]:
    """The rule that held, also of one that only a correlation looks at."""
    if isinstance(found, Finding):
        return (found.rule, found.trace)
    return (found.rule.partition("\x1f")[2],) if isinstance(found, Sighting) else ()


def _record(case: Case) -> Record:
    opener = partial(_opened, case.content) if case.content is not None else None
    fields = dict(case.fields)
    if opener is not None:
        fields.setdefault("size", len(case.content or b""))
        fields.setdefault("name", "case.aspx")
        fields.setdefault("extension", "aspx")
    event = fields.get("EventID")
    if case.kind == EVENT and isinstance(event, int):
        fields |= derived(str(fields.get("Channel") or case.channel), event, fields)
    return Record(case.kind, None, fields, Source("case", case.file, "case"), case.channel, case.server, opener)


@contextmanager
def _opened(content: bytes) -> Iterator[BinaryIO]:
    yield io.BytesIO(content)
