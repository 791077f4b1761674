"""The detector for indicators, and how much each type of them is worth.

========================  =====================================  =========  ========  ==========
indicator                 where                                  outcome    severity  confidence
========================  =====================================  =========  ========  ==========
ip, domain, url, agent    anywhere                               probe      low       low
filename, url_path        a row answered 200                     attempt    medium    low
filename, url_path        any other row                          probe      low       low
filename                  a file, an event                       attempt    medium    low
filename, url_path        a compiled page                        step       medium    low
path                      a file, an event, a setting            step       medium    low
path                      any other row                          attempt    medium    low
webshell_parameter        POST to a server-side page, 200        step       high      medium
webshell_parameter        any other row                          attempt    medium    medium
string                    an event                               step       high      medium
string                    any other row                          attempt    medium    medium
hash                      a file, an event                       write      critical  high
hash of a dual-use tool   a file, an event                       probe      low       low
========================  =====================================  =========  ========  ==========

Why: addresses are rented and change hands, so they tell at most that somebody came by. Names of web shells were
chosen to look like product files, and everybody probes for the known ones after the first reports; a name that was
really served or compiled says more, but names alone are never sure. A parameter name that was made up for one shell
is not sent to a page by chance, and 200 to a POST is how a shell answers; a product page answers 200 as well, so it
stays at ``step``. A hash is the file itself. Tools that administrators use too (``dual use`` in the cluster's name)
prove nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Self, TypeAlias

from exhume.detectors.ioc.contents import Contents, origin
from exhume.detectors.ioc.places import FILE_KINDS, STATE_KINDS, TYPES_OF_KIND, role_of
from exhume.model import (
    Because,
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
from exhume.model.kinds import SERVER_SIDE

if TYPE_CHECKING:
    from exhume.detectors.ioc.indicator import Indicator
    from exhume.detectors.ioc.lookup import Lookup

_STATUS = ("sc-status", "HttpStatus", "StatusCode", "ResponseStatus")
_METHOD = ("cs-method", "Method", "HttpMethod")
_HASHES = frozenset({"md5", "sha1", "sha256"})
_NAMELESS = frozenset({"string", "user_agent", "webshell_parameter", "url"})
"""Types whose value is free text: rule ids hold its hash instead."""
_WORDS = {
    "ip": "Address", "domain": "Domain", "url": "URL", "filename": "File name", "path": "Path", "url_path": "URL path",
    "user_agent": "User agent", "webshell_parameter": "Web shell parameter", "string": "Text", "md5": "File (MD5)",
    "sha1": "File (SHA-1)", "sha256": "File (SHA-256)",
}  # fmt: skip
_TECHNIQUES = {"filename": "T1505.003", "url_path": "T1505.003", "webshell_parameter": "T1505.003"}
_Found: TypeAlias = "tuple[str, str, Indicator]"


class Ioc:
    """Finds records that hold a value of the packs' indicator files."""

    def __init__(self, saved: Sequence[bytes], types: frozenset[str], problems: Iterable[Problem] = ()) -> None:
        self._saved = saved
        """The indicators as they were written down, pack by pack; read when the first record comes."""
        self._types = types
        self._lookup: Lookup | None = None
        self.problems: tuple[Problem, ...] = tuple(problems)
        self._clues: dict[str, frozenset[Clue] | None] = {}
        self.wants: frozenset[str] = frozenset(kind for kind, wanted in TYPES_OF_KIND.items() if wanted & types)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._saved, self._types, self.problems)

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        """Load all indicator files of the packs. Values that cannot be used are in ``problems``; it never raises."""
        saved: list[bytes] = []
        types: frozenset[str] = frozenset()
        problems: list[Problem] = []
        for pack in packs:
            if pack.of("ioc"):
                parts = (b"ioc", origin(), pack.name.encode(), pack.digest.encode(), b"own" if pack.own else b"")
                contents = Contents.read(kept(parts, partial(_read, pack)))
                saved.append(contents.indicators)
                types |= contents.types
                problems += contents.problems
        return cls(saved, types, problems)

    @property
    def _known(self) -> Lookup:
        if self._lookup is None:
            from exhume.detectors.ioc.indicator import read
            from exhume.detectors.ioc.lookup import Lookup

            self._lookup = Lookup(one for part in self._saved for one in read(part))
        return self._lookup

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """See ``Detector``: the indicators' own texts, or what of them survives every log's way of writing."""
        kind = kind.partition("/")[0]  # they are looked for in every event
        if kind not in self.wants:
            return frozenset()
        if kind not in self._clues:
            self._clues[kind] = self._clues_of(kind)
        return self._clues[kind]

    def _clues_of(self, kind: str) -> frozenset[Clue] | None:
        if kind in STATE_KINDS:
            return None
        from exhume.detectors.ioc.literals import in_events, instead, literal, others

        texts: set[str] = set()
        clues: set[Clue] = set()
        for one in self._known.indicators:
            if one.type in TYPES_OF_KIND[kind]:
                text = literal(one)
                if text is None:
                    return None
                further = others(one, text) if kind == "windows.event" else ()
                if further:
                    clues.add(
                        Clue((frozenset((text,)), *(frozenset((other,)) for other in further)), regex=in_events(one, text))
                    )
                else:
                    texts.update((text, *instead(one)))
        return frozenset({*clues, Clue((frozenset(texts),))} if texts else clues)

    def detect(self, record: Record) -> Iterator[Finding | Gap]:
        """One finding for each indicator that the record holds."""
        wanted = TYPES_OF_KIND.get(record.kind)
        if wanted is None or not wanted & self._types:
            return
        seen: set[Indicator] = set()
        for field, value, one in self._matches(record):
            if one.type in wanted and one not in seen:
                seen.add(one)
                yield Finding.of(_rule(one, record), record, [Because(field, value, _test(one))])

    def _matches(self, record: Record) -> Iterator[_Found]:
        look = self._known
        texts = [
            (f, v if type(v) is str else "\n".join(v)) for f, v in record.fields.items() if v and isinstance(v, str | tuple)
        ]
        strings = "string" in TYPES_OF_KIND[record.kind] and look.holds_text("\n".join([text for _, text in texts]))
        for field, text in texts:
            role = role_of(field)
            if role:
                for one in _in_field(look, role, text):
                    yield field, text, one
            if strings:
                for one in look.texts(text):
                    yield field, text, one
        if record.kind in FILE_KINDS:
            return
        # A page that was compiled or a file that a tool named may stand under ``name`` alone.
        name = record.text("name") if record.kind in STATE_KINDS else ""
        for one in look.path(name):
            yield "name", name, one


def _in_field(look: Lookup, role: str, text: str) -> Iterator[Indicator]:
    match role:
        case "address":
            yield from look.addresses(text)
        case "host":
            yield from look.hosts(text)
            yield from look.urls(text)
        case "command":
            yield from look.hosts(text)
            yield from look.urls(text)
            yield from look.words(text)
        case "url":
            yield from look.url(text)
        case "path":
            yield from look.path(text)
        case "hash":
            yield from look.hashes(text)
        case "agent":
            yield from look.agent(text)


def _rule(one: Indicator, record: Record) -> Rule:
    outcome, severity, confidence = worth(one, record)
    value = hashlib.sha256(one.value.encode()).hexdigest()[:12] if one.type in _NAMELESS else one.value
    technique = _TECHNIQUES.get(one.type)
    return Rule(
        id=f"ioc:{one.type}:{value}"[:300],
        pack=one.pack,
        title=f"{_WORDS[one.type]} known from {one.campaign or one.pack}"[:200],
        outcome=outcome,
        severity=severity,
        confidence=confidence,
        techniques=(technique,) if technique else (),
        own=one.own,
        fold=("path",) if record.kind in FILE_KINDS else (),
        falsepositives=("The same name or value used by somebody else",) if one.type not in _HASHES else (),
        references=(one.source,) if one.source else (),
    )


def worth(one: Indicator, record: Record) -> tuple[Outcome, Severity, Confidence]:
    """What an indicator in this record shows: the table above."""
    low = (Outcome.PROBE, Severity.LOW, Confidence.LOW)
    state_or_event = record.kind in STATE_KINDS or record.kind == "windows.event"
    served = _first(record, _STATUS) == "200"
    match one.type:
        case "md5" | "sha1" | "sha256":
            return low if "dual use" in one.cluster.lower() else (Outcome.WRITE, Severity.CRITICAL, Confidence.HIGH)
        case "path":
            return (Outcome.STEP if state_or_event else Outcome.ATTEMPT, Severity.MEDIUM, Confidence.LOW)
        case "filename" | "url_path":
            if record.kind == "aspnet.compiled":
                return Outcome.STEP, Severity.MEDIUM, Confidence.LOW
            return (Outcome.ATTEMPT, Severity.MEDIUM, Confidence.LOW) if state_or_event or served else low
        case "webshell_parameter":
            if served and _first(record, _METHOD).upper() == "POST" and _server_side(record):
                return Outcome.STEP, Severity.HIGH, Confidence.MEDIUM
            return Outcome.ATTEMPT, Severity.MEDIUM, Confidence.MEDIUM
        case "string":
            if record.kind == "windows.event":
                return Outcome.STEP, Severity.HIGH, Confidence.MEDIUM
            return Outcome.ATTEMPT, Severity.MEDIUM, Confidence.MEDIUM
    return low


def _first(record: Record, names: Iterable[str]) -> str:
    return next((text for name in names if (text := record.text(name))), "")


def _server_side(record: Record) -> bool:
    path = record.text("url").partition("?")[0].lower()
    return any(part.rpartition(".")[2] in SERVER_SIDE for part in path.split("/") if "." in part)


def _test(one: Indicator) -> str:
    """Free texts are not repeated here: reports would hold what an antivirus acts on."""
    note = f" ({one.cluster})" if one.cluster and one.cluster != one.campaign else ""
    if one.type == "string":
        return f"holds a text of the indicator list{note}"[:400]
    return f"{one.type} of the indicator list: {one.value[:300]}{note}"[:600]


def _read(pack: Pack) -> bytes:
    from exhume.detectors.ioc.feeds import contents

    return contents(pack).written()
