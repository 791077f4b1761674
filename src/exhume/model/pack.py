"""A campaign pack: a folder of Sigma, YARA, IOC, plan and case files. Knowledge is data."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from exhume.model.coverage import Need

Role = Literal["sigma", "yara", "ioc", "plan", "case", "other"]


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file of a pack. A name that ends with ``.b64`` says that the content is Base64: so are rules stored
    whose strings an antivirus would act on."""

    path: Path
    role: Role
    name: str
    """Path inside the pack, ``/`` between folders, without ``.b64``."""

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


@dataclass(frozen=True, slots=True)
class AllowEntry:
    """Something the user accepts as known good: by hash, or by rule and place. ``reason`` is shown in every report."""

    reason: str
    sha256: str = ""
    rule: str = ""
    """Rule id or trace; with ``path``."""
    path: str = ""
    """Shell pattern over the finding's URL, Windows path or path in the evidence, any letter case."""
    until: date | None = None
    """Last day on which the entry counts."""
