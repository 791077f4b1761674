"""A campaign pack: a folder of Sigma, YARA, IOC, plan and case files. Knowledge is data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from exhume.model.coverage import Need
from exhume.model.finding import Rule
from exhume.model.flow import Value
from exhume.model.vocabulary import Outcome

Role = Literal["sigma", "yara", "ioc", "baseline", "pages", "plan", "case", "other"]
"""``baseline``: files of releases; ``pages``: their texts, a zip by SHA-256. Both are made by ``exhume baseline add``."""


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file of a pack. A name that ends with ``.b64`` says that the content is Base64: so are rules stored
    whose strings an antivirus would act on."""

    path: Path
    role: Role
    name: str
    """Path inside the pack, ``/`` between folders, without ``.b64``."""
    correlates: bool = False
    """There is a Sigma correlation in it."""

    def read(self) -> bytes:
        """The content, decoded. Raises ``OSError``, or ``ValueError`` for bad Base64."""
        data = self.path.read_bytes()
        if self.path.name.lower().endswith(".b64"):
            try:
                return base64.b64decode(b"".join(data.split()), validate=True)
            except binascii.Error as error:
                raise ValueError(f"not Base64: {error}") from None
        return data

    def text(self) -> str:
        """The content as UTF-8 text, a byte-order mark removed; undecodable bytes are replaced."""
        return self.read().decode("utf-8-sig", "replace")


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule or a file of a pack that cannot be used, and why."""

    pack: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One entry of a pack's ``plan.yml``: a clean-up step and when it is due."""

    id: str
    pack: str
    order: int
    """Place on the one axis of all packs' steps: 10 collect, 20 isolate, 30 remove, 40 rebuild, 50 credentials,
    60 patch, 70 harden, 80 verify."""
    title: str
    how: str
    reversible: bool
    rules: tuple[str, ...] = ()
    """Trace or rule ids; a finding of any of them makes the step due."""
    outcome: Outcome | None = None
    """The step is due when the campaign reached this outcome."""
    open: bool = False
    """It is due as well when the pack's entry flaw is not known to be fixed when the evidence ends, whatever was found."""
    things: str = ""
    """Kind of thing that the step undoes (``page``, ``account``, …): due when there is one, named in ``how``."""
    unless: str = ""
    """The step is not due when there is a thing of this kind."""
    decision: bool = False
    """A person has to decide; it costs service, data or evidence."""
    check: str = ""
    """What shows that it was done."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A Sigma correlation rule: what only several findings together show."""

    rule: Rule
    type: str
    """``event_count``, ``value_count``, ``temporal`` or ``temporal_ordered``."""
    rules: tuple[str, ...]
    """Ids, names or traces of the rules whose findings are looked at."""
    group_by: tuple[str, ...]
    timespan: timedelta
    field: str = ""
    """Whose different values are counted (``value_count``)."""
    condition: tuple[tuple[str, int], ...] = (("gte", 1),)


@dataclass(frozen=True, slots=True)
class Case:
    """One record of a pack's own test cases that a rule must hit, or must miss."""

    rule: str
    """Trace or rule id."""
    must_hit: bool
    why: str
    file: str
    """The file in the pack that holds the case, and its place there: ``cases/ecp.yml#3``."""
    kind: str
    channel: str = ""
    server: str = ""
    fields: Mapping[str, Value] = field(default_factory=dict)
    content: bytes | None = None
    """Bytes of the file, for file rules; inert."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A loaded pack. ``needs`` is empty for packs of others: they can raise a verdict but never say ``no_trace``."""

    name: str
    version: str
    title: str
    digest: str
    """SHA-256 over the names and contents of its files."""
    own: bool
    """It has a ``pack.yml``: its rules say outcome and decisiveness themselves."""
    needs: tuple[Need, ...] = ()
    entry_cve: str = ""
    """The flaw that lets the campaign in; empty for packs that are not tied to one."""
    first_exploited: date | None = None
    """First day on which the campaign is known to have been seen anywhere."""
    files: tuple[PackFile, ...] = ()
    problems: tuple[Problem, ...] = ()

    def of(self, role: Role) -> tuple[PackFile, ...]:
        return tuple(f for f in self.files if f.role == role)
