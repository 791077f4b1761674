"""YARA rules over the bytes of files: ours, and anybody's (signature-base, vendors' rules) beside them.

The engine is yara-x, and this file is its only door. Facts about it that shape the code, measured with 1.23:
a file with one bad rule still gives its other rules (the bad ones are told as problems); a ``Scanner`` belongs to the
thread that made it, and panics elsewhere; compiled rules can be written down and read back in a third of the time that
compiling takes, so worker processes get them in that form.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Self

from exhume.model import (
    Because,
    Cause,
    Clue,
    Confidence,
    Finding,
    Gap,
    Host,
    Kept,
    Outcome,
    Pack,
    Problem,
    Record,
    Rule,
    Severity,
    anew,
)
from exhume.model.installed import version_of
from exhume.model.windows import SERVER_SIDE

EXTERNALS = ("filename", "filepath", "extension", "filetype", "owner")
"""Variables that rules written for THOR and Loki expect: their values are set for every file."""
PATTERNS_TOLD = 10
"""Matched strings that a finding names; a rule may have hundreds."""
MATCHES_KEPT = 100
"""Matches the engine keeps of one string: a hostile file may hold millions."""
UNSCORED = 75
"""The score of a rule of others that gives none: the default of THOR and Loki, for which most public rules are written."""
HIGH_SCORE, MEDIUM_SCORE = 75, 50

_TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
_CVE = re.compile(r"CVE[-_](\d{4})[-_](\d{4,})", re.IGNORECASE)
_HARMLESS = re.compile(rb"[A-Za-z0-9 _-]{4,24}")
_MAGIC = (
    (b"MZ", "EXE"), (b"PK\x03\x04", "ZIP"), (b"%PDF", "PDF"), (b"\xd0\xcf\x11\xe0", "OLE"), (b"GIF8", "GIF"),
    (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPG"), (b"Rar!", "RAR"), (b"7z\xbc\xaf", "7ZIP"), (b"!BDN", "PST"),
    (b"\x7fELF", "ELF"), (b"PMCC", "GROUP"), (b"\x1f\x8b", "GZIP"), (b"MSCF", "CAB"), (b"regf", "HIVE"),
    (b"MDMP", "MDMP"), (b"<?xml", "XML"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one file is looked at, and for how long."""

    bytes: int = 64 * 1024 * 1024
    seconds: int = 10


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a rule comes from."""

    pack: str
    own: bool
    file: str


class Yara:
    """Finds files that YARA rules match. A file is scanned once: as ``web.file`` if it is one, else as ``file.entry``."""

    wants: frozenset[str] = frozenset({"web.file", "file.entry"})

    def __init__(
        self, compiled: Callable[[], bytes], origins: tuple[_Origin, ...], problems: tuple[Problem, ...], limits: Limits
    ) -> None:
        self.problems = problems
        self.limits = limits
        self._compiled = compiled
        """Gives the rules; they are large, and asked for when the first file comes that they could match."""
        self._rules: Any = None
        """The same, ready for scanners."""
        self._origins = origins
        self._scanners = threading.local()

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew, limits: Limits | None = None) -> Self:
        """Compile all YARA files of the packs. What does not compile is in ``problems``; it never raises."""
        return cls(*_compile(packs, kept), limits or Limits())

    def __reduce__(self) -> tuple[Any, ...]:
        compiled = partial(bytes, self._compiled()) if self._origins else bytes
        return type(self), (compiled, self._origins, self.problems, self.limits)

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """These kinds are files, not lines: nothing to sieve by."""
        if not self._origins or kind not in self.wants:
            return frozenset()
        self._ready()  # 20 MB, which processes made from now on share
        return None

    def detect(self, record: Record) -> Iterator[Finding | Gap]:
        """Findings of one file; a Gap when it was not scanned, or not all of it."""
        if not self._origins or not scans(record):
            return
        data, gap = self._read(record)
        if gap:
            yield gap
        if not data:
            return
        results = self._scan(record, data)
        if isinstance(results, Gap):
            yield results
            return
        for match in results.matching_rules:
            rule = _rule(match, self._origins[int(match.namespace[1:])])
            yield Finding.of(rule, record, _reasons(match, data))

    def _read(self, record: Record) -> tuple[bytes, Gap | None]:
        if record.opener is None:
            return b"", _gap(record, Cause.SKIPPED, "no YARA scan: the content of the file is not in the evidence")
        try:
            with record.opener() as stream:
                data = stream.read(self.limits.bytes + 1)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return b"", _gap(record, Cause.UNREADABLE, f"no YARA scan: the file cannot be read ({reason[:80]})")
        if len(data) <= self.limits.bytes:
            return data, None
        size = f"{self.limits.bytes / 2**20:g} MiB"
        return data[: self.limits.bytes], _gap(record, Cause.LIMIT, f"YARA looked at the first {size} of this file only")

    def _scan(self, record: Record, data: bytes) -> Any:
        """The engine's results, or a Gap."""
        import yara_x

        try:
            scanner = self._scanner()
            for name, value in _externals(record, data).items():
                scanner.set_global(name, value)
            return scanner.scan(data)
        except yara_x.TimeoutError:
            return _gap(record, Cause.LIMIT, f"the YARA scan of this file was given up after {self.limits.seconds} seconds")
        except yara_x.ScanError:
            return _gap(record, Cause.DAMAGED, "the YARA engine gave up on this file")
        except BaseException as error:
            # A panic of the engine (a bug in it that this file sets off) is no Exception, and its class has no public name.
            if type(error).__name__ != "PanicException":
                raise
            self._scanners = threading.local()
            return _gap(record, Cause.DAMAGED, "the YARA engine broke down on this file")

    def _ready(self) -> Any:
        import yara_x

        if self._rules is None:
            self._rules = yara_x.Rules.deserialize_from(io.BytesIO(self._compiled()))
        return self._rules

    def _scanner(self) -> Any:
        scanner = getattr(self._scanners, "scanner", None)
        if scanner is None:
            import yara_x

            scanner = yara_x.Scanner(self._ready())
            scanner.set_timeout(self.limits.seconds)
            scanner.max_matches_per_pattern(MATCHES_KEPT)
            self._scanners.scanner = scanner
        return scanner


def scans(record: Record) -> bool:
    """Is this the record on which its file is scanned? Server-side files come as ``web.file`` and as ``file.entry``."""
    return record.kind == "web.file" or (record.kind == "file.entry" and record.text("extension") not in SERVER_SIDE)


def _compile(packs: Iterable[Pack], kept: Kept) -> tuple[Callable[[], bytes], tuple[_Origin, ...], tuple[Problem, ...]]:
    texts: list[str] = []
    origins: list[_Origin] = []
    problems: list[Problem] = []
    for pack, file in ((each, file) for each in packs for file in each.of("yara")):
        try:
            texts.append(file.text())
            origins.append(_Origin(pack.name, pack.own, file.name))
        except (OSError, ValueError) as error:
            problems.append(Problem(pack.name, file.name, f"cannot be read: {error}"))
    if not texts:
        return bytes, (), tuple(problems)
    parts = (b"yara", version_of("yara-x").encode(), *(text.encode("utf-8", "surrogatepass") for text in texts))

    @cache
    def built() -> tuple[bytes, bytes]:
        return _built(texts)

    def compiled() -> bytes:
        return kept((b"rules", *parts), lambda: built()[1])

    def complaints() -> bytes:
        compiled()
        return built()[0]

    told = json.loads(kept((b"complaints", *parts), complaints))
    problems += [Problem(origins[n].pack, origins[n].file, words) for n, words in told]
    return compiled, tuple(origins), tuple(problems)


def _built(texts: Sequence[str]) -> tuple[bytes, bytes]:
    """The complaints as JSON, each with the number of its text, and the compiled rules."""
    import yara_x

    # Includes would read files of this machine that a pack names; slow patterns of others are their authors' affair.
    compiler = yara_x.Compiler(relaxed_re_syntax=True, includes_enabled=False)
    for name in EXTERNALS:
        compiler.define_global(name, "")
    complaints: list[tuple[int, str]] = []
    for number, text in enumerate(texts):
        compiler.new_namespace(f"n{number}")
        known = len(compiler.errors())
        try:
            compiler.add_source(text)
        except yara_x.CompileError:
            complaints += [(number, _complaint(error)) for error in compiler.errors()[known:]]
    written = io.BytesIO()
    compiler.build().serialize_into(written)
    return json.dumps(complaints).encode(), written.getvalue()


def _complaint(error: dict[str, Any]) -> str:
    title = " ".join(str(error.get("title", "does not compile")).split())
    line = error.get("line")
    return f"line {line}: {title}"[:300] if line else title[:300]


def _externals(record: Record, data: bytes) -> dict[str, str]:
    path = record.text("windows_path") or record.source.path.replace("/", "\\")
    folder, _, name = path.rpartition("\\")
    filetype = next((word for magic, word in _MAGIC if data.startswith(magic)), "")
    return {
        "filename": name,
        "filepath": folder,
        "extension": os.path.splitext(name)[1].lower(),
        "filetype": filetype,
        "owner": "",
    }


def _rule(match: Any, origin: _Origin) -> Rule:
    meta: dict[str, list[str]] = {}
    for key, value in match.metadata:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        meta.setdefault(str(key).lower(), []).append(text)
    first = {key: values[0] for key, values in meta.items()}
    described = " ".join(first.get(key, "") for key in ("techniques", "mitre_att", "mitre_attack", "mitre", "attack"))
    cves = " ".join((match.identifier, *first.values()))
    outcome, severity, confidence = _own_scales(first) if origin.own else _foreign_scales(first)
    return Rule(
        id=match.identifier,
        pack=origin.pack,
        title=(first.get("description") or match.identifier)[:300],
        outcome=outcome,
        severity=severity,
        confidence=confidence,
        decisive=origin.own and first.get("exhume_decisive", "").lower() == "true",
        techniques=tuple(dict.fromkeys(_TECHNIQUE.findall(described))),
        cves=tuple(dict.fromkeys(f"CVE-{year}-{number}" for year, number in _CVE.findall(cves))),
        own=origin.own,
        fold=("path",),
        trace=first.get("exhume_trace", "") if origin.own else "",
        falsepositives=tuple(meta.get("falsepositives", ())),
        references=tuple(v for key, values in meta.items() if key.startswith("reference") for v in values),
        ambiguous=origin.own and first.get("exhume_ambiguous", "").lower() == "true",
        shows=first.get("exhume_shows", "odd-page/content") if origin.own else "",
    )


def _own_scales(meta: dict[str, str]) -> tuple[Outcome, Severity, Confidence]:
    return (
        _word(Outcome, meta.get("exhume_outcome"), Outcome.STEP),
        _word(Severity, meta.get("severity"), Severity.HIGH),
        _word(Confidence, meta.get("exhume_confidence"), Confidence.MEDIUM),
    )


def _foreign_scales(meta: dict[str, str]) -> tuple[Outcome, Severity, Confidence]:
    """``severity`` in words, else ``score`` (0 to 100). High and critical count as a step that worked, never as more."""
    score = int(meta["score"]) if meta.get("score", "").isdecimal() else UNSCORED
    by_score = Severity.HIGH if score >= HIGH_SCORE else Severity.MEDIUM if score >= MEDIUM_SCORE else Severity.LOW
    severity = _word(Severity, meta.get("severity"), by_score)
    outcome = Outcome.STEP if severity >= Severity.HIGH else Outcome.PROBE
    return outcome, severity, Confidence.MEDIUM if severity >= Severity.MEDIUM else Confidence.LOW


def _word(scale: Any, word: str | None, otherwise: Any) -> Any:
    try:
        return scale.parse(word or "")
    except ValueError:
        return otherwise


def _reasons(match: Any, data: bytes) -> list[Because]:
    told: list[Because] = []
    for pattern in match.patterns:
        if not pattern.matches or len(told) == PATTERNS_TOLD:
            continue
        more = len(pattern.matches) - 1
        told.append(Because("content", _place(pattern.matches[0], data, more), f"YARA string {pattern.identifier}"))
    return told or [Because("content", f"{len(data)} bytes", "YARA condition")]


def _place(match: Any, data: bytes, more: int) -> str:
    """Where a string matched, without the matched text itself.

    Reports are opened on machines with an antivirus, and what YARA strings match is what an antivirus acts on. So the text
    is named by place, length and hash; its start is shown only when it is plain words: code needs brackets, quotes or
    dots, and the names of scripting classes, by which signatures go, hold dots.
    """
    found = data[match.offset : match.offset + match.length]
    words = [f"byte {match.offset}", f"{match.length} bytes", f"sha256 {hashlib.sha256(found).hexdigest()[:16]}"]
    start = found[:24]
    if _HARMLESS.fullmatch(start):
        words.append(f"starts {start.decode('ascii')!r}")
    if more:
        words.append(f"and {more} more" if more < MATCHES_KEPT - 1 else f"and {more} or more")
    return ", ".join(words)


def _gap(record: Record, cause: Cause, detail: str) -> Gap:
    return Gap(record.kind, cause, detail, record.source, channel=record.channel, server=record.server)
