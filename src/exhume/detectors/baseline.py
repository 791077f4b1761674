"""Server-side pages against the files that Exchange ships.

``content/baseline.csv`` holds path below the installation root, SHA-256 and the releases with exactly that file, for 2013 CU23,
2016 CU12 and CU19, and 2019 RTM to CU8. References: microsoft/CSS-Exchange, commit 1c9607dfc, ``Security/src/Baselines`` (MIT);
NCC Group's list of the same month. It ends in spring 2021: later updates change pages, so a product page with another hash is a
low finding, and never more. What a page of no release is doing in a folder that Exchange serves has to be explained.

``web.config`` files are not compared: set-up and administrators write into them on every server.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

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
from exhume.model.windows import SERVER_SIDE, in_exchange, served_url

PACK = "webshell"
_FILE = Path(__file__).resolve().parent.parent / "content" / "baseline.csv"
_VERSION_FOLDER = re.compile(r"/(?:\d{1,2}\.\d{1,2}\.\d{1,5}(?:\.\d{1,5})?|current\d?)(?=/)")
_EXCHANGE_FOLDERS = frozenset(
    {
        "owa", "ecp", "ews", "oab", "autodiscover", "powershell", "mapi", "rpc", "api", "pushnotifications",
        "microsoft-server-activesync", "aspnet_client",
    }
)  # fmt: skip
_OLD_TREE = re.compile(r"\\exchange server(?:\\v14)?\\clientaccess\\", re.IGNORECASE)
_T1505_003 = ("T1505.003",)

UNKNOWN = Rule(
    id="baseline.unknown-page",
    pack=PACK,
    title="Server-side page that no known Exchange release ships, in a folder that Exchange serves",
    outcome=Outcome.STEP,
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    techniques=_T1505_003,
    fold=("path",),
    falsepositives=(
        "A page that an administrator put there, for instance one that redirects to /owa",
        "A page of a release after spring 2021, which the baseline does not hold",
    ),
)
MODIFIED = Rule(
    id="baseline.modified",
    pack=PACK,
    title="Exchange's own page with other content: modified, or a build that the baseline does not hold",
    outcome=Outcome.PROBE,
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    techniques=_T1505_003,
    fold=("path",),
    falsepositives=("An update or a cumulative update that the baseline does not hold", "Branding of the log-on page"),
)
ELSEWHERE = Rule(
    id="baseline.page-elsewhere",
    pack=PACK,
    title="Page outside Exchange's own folders: look at it",
    outcome=Outcome.PROBE,
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    techniques=_T1505_003,
    fold=("path",),
    falsepositives=("Another web application on the same server",),
)
OLD_RELEASE = Rule(
    id="baseline.old-release",
    pack=PACK,
    title="Page of an Exchange release whose files the baseline does not hold: look at it",
    outcome=Outcome.PROBE,
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    techniques=_T1505_003,
    fold=("path",),
    falsepositives=("Pages of Exchange 2007 and 2010",),
)


@dataclass(frozen=True, slots=True)
class _Shipped:
    """The baseline, by path and by hash."""

    hashes: dict[str, frozenset[str]]
    releases: dict[str, tuple[str, ...]]


@cache
def _shipped() -> _Shipped:
    hashes: dict[str, set[str]] = {}
    releases: dict[str, set[str]] = {}
    with _FILE.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            hashes.setdefault(row["path"], set()).add(row["sha256"])
            releases.setdefault(row["sha256"], set()).update(row["releases"].split())
    return _Shipped(
        {path: frozenset(values) for path, values in hashes.items()},
        {digest: tuple(sorted(values)) for digest, values in releases.items()},
    )


def known(sha256: str) -> tuple[str, ...]:
    """The Exchange releases that ship a file with this SHA-256, e.g. ``("2016-CU12", "2016-CU19")``; empty for others."""
    return _shipped().releases.get(sha256.lower(), ())


class Baseline:
    """Finds pages that Exchange does not ship, and Exchange's pages with other content."""

    wants: frozenset[str] = frozenset({"web.file"})
    problems: tuple[Problem, ...] = ()

    def __init__(self, product: str = "") -> None:
        self._product = product

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        """The baseline is part of exhume, not of a pack; of the host the product's year is used."""
        return cls(host.product)

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """Files are not read line by line: nothing to sieve by."""
        return None if kind in self.wants else frozenset()

    def detect(self, record: Record) -> Iterator[Finding | Gap]:
        """At most one finding for a page."""
        if record.kind not in self.wants or record.text("extension").lower() not in SERVER_SIDE:
            return
        path = record.text("windows_path") or record.source.path
        rule = self._judge(path, record.text("sha256").lower(), record.text("url").lower() or served_url(path))
        if rule is None:
            return
        because = [Because("windows_path", path, "no page of Exchange" if rule is not MODIFIED else "a page of Exchange")]
        if record.text("sha256"):
            because.append(Because("sha256", record.text("sha256"), "not the hash of any known release"))
        if record.text("near_product"):
            because.append(Because("near_product", record.text("near_product"), "a page of Exchange of almost the same name"))
        yield Finding.of(rule, record, because)

    def _judge(self, path: str, sha256: str, url: str) -> Rule | None:
        # A product's folders rebuilt below wwwroot would lend a web shell a product's path.
        below_root = "inetpub/wwwroot/" in path.replace("\\", "/").lower()
        inside = "" if below_root else in_exchange(path)
        if not inside and not url:
            return None  # not a place that this detector knows anything about
        if known(sha256):
            return None
        shipped = _shipped().hashes
        if inside in shipped:
            return MODIFIED if sha256 else None
        if not sha256 and _VERSION_FOLDER.sub("", f"/{inside}").lstrip("/") in shipped:
            return MODIFIED
        if inside:
            if self._product in {"2007", "2010"} or (not self._product and _OLD_TREE.search(path)):
                return OLD_RELEASE
            return UNKNOWN if url else ELSEWHERE
        folder = url.strip("/").partition("/")[0] if "/" in url.strip("/") else ""
        return UNKNOWN if not folder or folder in _EXCHANGE_FOLDERS else ELSEWHERE
