"""Check a pack of ours: what every rule must say of itself, cases, plan, indicators, and nothing an antivirus acts on.

It checks form. Whether the rules do what their cases say is found out by running them (``exhume pack test``).
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from exhume.model.pack import Pack, PackFile, Problem
from exhume.model.vocabulary import Confidence, Outcome, Severity
from exhume.packs.examples import cases
from exhume.packs.manifest import MANIFEST, PackError, one_line, safe_loader
from exhume.packs.steps import plan

INDICATOR_COLUMNS = ("type", "value", "campaign", "cluster", "first_seen", "source")
INDICATOR_TYPES = frozenset(
    {"ip", "domain", "sha256", "sha1", "md5", "filename", "path", "url_path", "user_agent", "webshell_parameter", "string"}
)
_EXHUME_KEYS = frozenset({"trace", "outcome", "decisive", "confidence", "fold", "ambiguous", "shows"})
_FACT = re.compile(r"[a-z]+(?:-[a-z]+)*(?:/[a-z]+)?")
_TRACE = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Za-z0-9]+)+")
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TECHNIQUE = re.compile(r"attack\.t\d{4}(?:\.\d{3})?")
_CVE_TAG = re.compile(r"cve\.\d{4}-\d{4,}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_LEVELS = frozenset({"informational", "low", "medium", "high", "critical"})
_YARA_RULE = re.compile(r"(?m)^[ \t]*(?:(?:global|private)[ \t]+)*rule[ \t]+(\w+)")
_YARA_META = re.compile(r"(?s)\bmeta\s*:(.*?)\b(?:strings|condition)\s*:")
_YARA_PAIR = re.compile(r'(?m)^\s*(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))')

_BAIT = (
    "KD86ZXZhbHxleGVjdXRlKSg/Omdsb2JhbCk/XHMqXCg/XHMqKD86W1x3Ll0rXC4pP3JlcXVlc3RccypbLihcWyJd",
    "cnVuYXRccyo9XHMqWyJcJ10/c2VydmVyWyJcJ10/W14+XXswLDIwMH0+W1xzXFNdezAsMjAwfXBhZ2VfbG9hZA==",
    "cHJvY2Vzc1wuc3RhcnRccypcKFteKVxuXXswLDgwfXJlcXVlc3Q=",
    "d3NjcmlwdFwuc2hlbGw=",
    "cmVxdWVzdCg/OlwuXHcrKT9ccypbXFsoXVteXF0pXG5dezEsODB9W1xdKV1bXlxuXXswLDQwfVsiXCdddW5zYWZlWyJcJ10=",
    "ZnJvbWJhc2U2NHN0cmluZ1xzKlwoW14pXG5dezAsNjB9cmVxdWVzdA==",
    "YXNzZW1ibHlcLmxvYWRccypcKFteKVxuXXswLDgwfXJlcXVlc3Q=",
    "cmVxdWVzdFwuZmlsZXNccypcW1teXF1cbl17MSw0MH1cXVteXG5dezAsNjB9c2F2ZWFz",
    "c3RyZWFtd3JpdGVyXHMqXChccypyZXF1ZXN0",
    "eDVvIXAlQGFwXFs0XFxweng1NA==",
    "ZG93bmxvYWRzdHJpbmdccypcKFteKVxuXXswLDIwMH1cKVxzKlx8XHMqaWV4",
    "aW52b2tlLW1pbWlrYXR6fHNla3VybHNhOjpsb2dvbnBhc3N3b3Jkcw==",
    "aHR0cGNvb2tpZVxzK25ld2Nvb2tccyo9",
    "JmVjaG8gXFtzXF0mY2QmZWNobyBcW2VcXQ==",
)
"""Regular expressions, Base64: in clear this file would itself be what they look for."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A rule of the pack, as far as cases need to know it."""

    names: frozenset[str]
    file: str
    needs_cases: bool


@cache
def _bait_patterns() -> tuple[re.Pattern[bytes], ...]:
    return tuple(re.compile(base64.b64decode(text), re.IGNORECASE) for text in _BAIT)


def bait(data: bytes) -> int | None:
    """The offset of text that an antivirus is known to act on (web-shell one-liners, well-known payloads); else None."""
    places = [match.start() for pattern in _bait_patterns() if (match := pattern.search(data))]
    return min(places, default=None)


def lint(pack: Pack) -> list[Problem]:
    """All that is wrong with a pack of ours, by file. Packs of others are not held to our rules: their load problems only."""
    problems = list(pack.problems)
    if not pack.own:
        return problems
    found: list[_Found] = []
    for complaint in _complaints(pack, found):
        problems.append(Problem(pack.name, *complaint))
    return sorted(problems, key=lambda p: (p.file, p.reason))


def _complaints(pack: Pack, found: list[_Found]) -> Iterator[tuple[str, str]]:
    yield from _names(pack)
    texts: dict[PackFile, str] = {}
    for file in pack.files:
        try:
            texts[file] = file.text()
            clear = b"" if file.path.name.lower().endswith(".b64") else file.path.read_bytes()
        except (OSError, ValueError) as error:
            yield file.name, f"cannot be read: {one_line(error)}"
            continue
        place = bait(clear)
        if place is not None:
            line = clear.count(b"\n", 0, place) + 1
            yield file.name, f"line {line} holds text that an antivirus acts on: store the file with `exhume pack encode`"
    for file, text in texts.items():
        if file.role == "sigma":
            yield from _sigma(file.name, text, found)
        elif file.role == "yara":
            yield from _yara(file.name, text, found)
        elif file.role == "ioc" and file.name.endswith(".csv"):
            yield from _indicators(pack.name, file.name, text)
    ids = Counter(name for rule in found for name in rule.names if not _TRACE.fullmatch(name))
    yield from ((MANIFEST, f"the rule id {name} stands there {count} times") for name, count in ids.items() if count > 1)
    yield from _cases(pack, found)
    try:
        steps = plan(pack)
    except PackError as error:
        yield error.file, error.reason
        return
    known = frozenset(name for rule in found for name in rule.names)
    for step in steps:
        if "-WhatIf" in step.how and "without -WhatIf" not in step.how:
            yield "plan.yml", f"the step {step.id!r} shows commands with -WhatIf and does not say when to run them without"
        # A step may wait for a trace of another pack, so only ids that look like rule ids can be told to be wrong.
        for rule in step.rules:
            if rule not in known and not _TRACE.fullmatch(rule):
                yield "plan.yml", f"the step {step.id!r} waits for {rule!r}, which is no rule of this pack and no trace id"


def _names(pack: Pack) -> Iterator[tuple[str, str]]:
    names = {f.name for f in pack.files}
    if "README.md" not in names:
        yield "README.md", "there is none: it says what the pack finds, what it cannot, and its sources"
    for file in pack.files:
        parts = file.name.split("/")
        root = file.path.parents[len(parts) - 1].name
        if file.name == MANIFEST and root != pack.name:
            yield MANIFEST, f"the name {pack.name!r} is not the folder's name {root!r}"
        if file.name != "README.md" and not all(_FILE_NAME.fullmatch(part) for part in parts):
            yield file.name, "file names are lower-case letters, digits, '.', '_' and '-'"
        if file.role == "other" and file.name not in {"README.md", MANIFEST}:
            yield file.name, "it is neither a rule, an indicator list, a plan nor a case: nothing reads it"


def _sigma(name: str, text: str, found: list[_Found]) -> Iterator[tuple[str, str]]:
    import yaml

    try:
        documents = [d for d in yaml.load_all(text, Loader=safe_loader()) if d is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        yield name, f"not YAML: {one_line(error)}"
        return
    for rule in documents:
        if not isinstance(rule, dict):
            yield name, "a document in it is not a Sigma rule"
            continue
        block = rule.get("exhume")
        identity = str(rule.get("id", ""))
        trace = str(block.get("trace", "")) if isinstance(block, dict) else ""
        label = trace or identity or str(rule.get("title", "?"))
        names = frozenset(n for n in (identity, trace) if n)
        found.append(_Found(names, name, needs_cases="correlation" not in rule))
        yield from ((name, f"{label}: {reason}") for reason in _sigma_rule(rule, block))


def _sigma_rule(rule: dict[str, Any], block: object) -> Iterator[str]:
    if not _UUID.fullmatch(str(rule.get("id", ""))):
        yield "id is not a UUID in lower case"
    for key in ("title", "description"):
        if not str(rule.get(key) or "").strip():
            yield f"no {key}"
    for key in ("references", "falsepositives"):
        if not isinstance(rule.get(key), list) or not rule[key]:
            yield f"no {key} (a list)"
    if rule.get("level") not in _LEVELS:
        yield f"level is not one of {', '.join(sorted(_LEVELS))}"
    tags = [str(tag) for tag in rule.get("tags") or []]
    if not any(_TECHNIQUE.fullmatch(tag) for tag in tags):
        yield "no ATT&CK technique among the tags, e.g. attack.t1505.003"
    for tag in tags:
        if tag.startswith("cve") and not _CVE_TAG.fullmatch(tag):
            yield f"the tag {tag!r} is not like cve.2021-26855"
    if not isinstance(block, dict):
        yield "no exhume block"
        return
    yield from _own_block({str(k): v for k, v in block.items()})


def _own_block(block: dict[str, Any]) -> Iterator[str]:
    for key in sorted(set(block) - _EXHUME_KEYS):
        yield f"unknown key exhume.{key}"
    if not _TRACE.fullmatch(str(block.get("trace", ""))):
        yield "exhume.trace is not like PL-855-c"
    yield from _scale(block.get("outcome"), Outcome, "exhume.outcome")
    yield from _scale(block.get("confidence"), Confidence, "exhume.confidence")
    if not isinstance(block.get("decisive", False), bool):
        yield "exhume.decisive is neither true nor false"
    if not isinstance(block.get("ambiguous", False), bool):
        yield "exhume.ambiguous is neither true nor false"
    if block.get("ambiguous") and block.get("decisive"):
        yield "exhume says decisive and ambiguous at once"
    if "shows" in block and not _FACT.fullmatch(str(block["shows"])):
        yield "exhume.shows is not one word like mailbox-export"
    fold = block.get("fold", [])
    if not isinstance(fold, list) or not all(isinstance(field, str) for field in fold):
        yield "exhume.fold is not a list of fields"


def _scale(value: object, scale: type[Outcome] | type[Confidence] | type[Severity], what: str) -> Iterator[str]:
    try:
        scale.parse(str(value))
    except ValueError as error:
        yield f"{what}: {error}"


def _yara(name: str, text: str, found: list[_Found]) -> Iterator[tuple[str, str]]:
    starts = list(_YARA_RULE.finditer(text))
    if not starts:
        yield name, "no YARA rule in it"
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        body = text[start.end() : end]
        block = _YARA_META.search(body)
        meta = {key: quoted or bare for key, quoted, bare in _YARA_PAIR.findall(block.group(1))} if block else {}
        private = "private" in start.group(0)
        names = frozenset(n for n in (start.group(1), meta.get("exhume_trace", "")) if n)
        found.append(_Found(names, name, needs_cases=not private))
        if not private:
            yield from ((name, f"{start.group(1)}: {reason}") for reason in _yara_rule(meta))


def _yara_rule(meta: dict[str, str]) -> Iterator[str]:
    for key in ("description", "reference"):
        if not meta.get(key):
            yield f"meta has no {key}"
    if not _TRACE.fullmatch(meta.get("exhume_trace", "")):
        yield "meta exhume_trace is not like WS-a"
    yield from _scale(meta.get("exhume_outcome"), Outcome, "meta exhume_outcome")
    yield from _scale(meta.get("exhume_confidence"), Confidence, "meta exhume_confidence")
    yield from _scale(meta.get("severity"), Severity, "meta severity")
    if meta.get("exhume_decisive", "false") not in {"true", "false"}:
        yield "meta exhume_decisive is neither true nor false"
    if meta.get("exhume_ambiguous", "false") not in {"true", "false"}:
        yield "meta exhume_ambiguous is neither true nor false"
    if not re.fullmatch(r"T\d{4}(?:\.\d{3})?(?:[ ,]+T\d{4}(?:\.\d{3})?)*", meta.get("techniques", "")):
        yield "meta techniques is not like T1505.003"
    for cve in re.split(r"[ ,]+", meta.get("cve", "").strip()):
        if cve and not _CVE.fullmatch(cve):
            yield f"meta cve {cve!r} is not like CVE-2021-26855"


def _indicators(pack: str, name: str, text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in io.StringIO(text) if not line.startswith("#")]
    rows = csv.DictReader(lines)
    if tuple(rows.fieldnames or ()) != INDICATOR_COLUMNS:
        yield name, f"the columns are not {','.join(INDICATOR_COLUMNS)}"
        return
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 1):
        kind, value = row["type"], row["value"] or ""
        if kind not in INDICATOR_TYPES:
            yield name, f"indicator {number}: unknown type {kind!r}"
        if not value or not row["source"]:
            yield name, f"indicator {number}: no value or no source"
        if row["campaign"] != pack:
            yield name, f"indicator {number}: campaign {row['campaign']!r} is not this pack"
        if (kind, value.lower()) in seen:
            yield name, f"indicator {number}: stands there twice"
        seen.add((kind, value.lower()))


def _cases(pack: Pack, found: Iterable[_Found]) -> Iterator[tuple[str, str]]:
    try:
        all_cases = cases(pack)
    except PackError as error:
        yield error.file, error.reason
        return
    hits = {c.rule for c in all_cases if c.must_hit}
    misses = {c.rule for c in all_cases if not c.must_hit}
    known: set[str] = set()
    for rule in found:
        known |= rule.names
        if not rule.needs_cases:
            continue
        label = min(rule.names, default="a rule without id")
        if not rule.names & hits:
            yield rule.file, f"{label}: no case that it must hit"
        if not rule.names & misses:
            yield rule.file, f"{label}: no case that it must miss"
    for case in all_cases:
        if case.rule not in known:
            yield case.file, f"no rule or trace is called {case.rule!r}"
