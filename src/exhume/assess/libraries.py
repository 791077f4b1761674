"""The file behind a registered module or agent: its hash, where the evidence holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from exhume.model import Evidence, File, Finding, Part, thing_of

KINDS = ("iis.config", "exchange.transport-agent", "windows.service", "windows.task")
MOST = 50
"""Files that are hashed for it."""
LARGEST = 256 << 20
"""Bytes: a larger file is no library."""


def with_hashes(part: Part, evidence: Evidence, files: Mapping[str, File]) -> Part:
    """The part, its findings on what runs from a file with that file's ``sha256`` in the record. A file in an archive that can
    only be read in order is left out: finding it again would mean to read all of it once more."""
    wanted = {id(f): place for f in part.findings if f.record.kind in KINDS and (place := _place(thing_of(f).dll))}
    if not wanted:
        return part
    together = {path for portion in evidence.batches() if len(portion) > 1 for path in portion}
    there = {f.windows.lower(): f for f in files.values() if f.windows and f.path not in together}
    known = {place: _digest(evidence, there[place]) for place in sorted(set(wanted.values()) & set(there))[:MOST]}
    return replace(part, findings=tuple(_with(f, known.get(wanted.get(id(f), ""), "")) for f in part.findings))


def _place(dll: str) -> str:
    """The path in lower case, variables as on a usual server; empty for what is no path."""
    text = dll.strip().strip('"').replace("/", "\\").lower()
    for variable, folder in (
        ("%windir%", "c:\\windows"),
        ("%systemroot%", "c:\\windows"),
        ("%programfiles%", "c:\\program files"),
    ):
        text = text.replace(variable, folder)
    return text if text[1:3] == ":\\" and "\\.." not in text else ""


def _digest(evidence: Evidence, file: File) -> str:
    if file.size is None or file.size > LARGEST:
        return ""
    digest = hashlib.sha256()
    try:
        with evidence.open(file.path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _with(finding: Finding, sha256: str) -> Finding:
    if not sha256:
        return finding
    record = replace(finding.record, fields={**finding.record.fields, "sha256": sha256})
    return replace(finding, record=record)
