"""Server-side pages against the files that Exchange ships.

References: microsoft/CSS-Exchange, commit 1c9607dfc, ``Security/src/Baselines`` (MIT); NCC Group's list of the same month. The
shipped list ends in spring 2021: later updates change pages, so a product page with another hash is a low finding, and never
more. What a page of no release is doing in a folder that Exchange serves has to be explained.

``web.config`` files are not compared: set-up and administrators write into them on every server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Self

from exhume.detectors.baseline.changes import LARGEST, Pages, told
from exhume.detectors.baseline.releases import Releases, of_packs, shipped
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
    shows="odd-page",
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


class Baseline:
    """Finds pages that Exchange does not ship, and Exchange's pages with other content."""

    wants: frozenset[str] = frozenset({"web.file"})

    def __init__(
        self, product: str = "", releases: Releases | None = None, pages: Pages | None = None, problems: Iterable[Problem] = ()
    ) -> None:
        self._product = product
        self._releases = releases or shipped()
        self._pages = pages or Pages(())
        self.problems: tuple[Problem, ...] = tuple(problems)

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        """The baseline that comes with exhume, and those of the packs; of the host the product's year is used."""
        packs = tuple(packs)
        releases, problems = of_packs(packs)
        return cls(host.product, releases, Pages.of_packs(packs), problems)

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
        if record.text("odd_name"):
            because.append(Because("odd_name", record.text("odd_name"), "the name is such as intruders choose"))
        for words in record.text("times").splitlines():
            because.append(
                Because("times", words, "proves nothing by itself: updates and administrators put pages there as well")
            )
        if rule is MODIFIED and self._pages:
            because += self._changed(record, path)
        yield Finding.of(rule, record, because)

    def _changed(self, record: Record, path: str) -> Iterator[Because]:
        """What is other in it, if a pack has the page of a release."""
        if record.opener is None:
            return
        try:
            with record.opener() as stream:
                page = stream.read(LARGEST + 1)
        except OSError:
            return  # the readers tell of files that cannot be read
        change = self._pages.nearest(page, self._releases.hashes.get(in_exchange(path), ()))
        if change:
            yield from told(change, self._releases.known(change.sha256))

    def _judge(self, path: str, sha256: str, url: str) -> Rule | None:
        # A product's folders rebuilt below wwwroot would lend a web shell a product's path.
        below_root = "inetpub/wwwroot/" in path.replace("\\", "/").lower()
        inside = "" if below_root else in_exchange(path)
        if not inside and not url:
            return None  # not a place that this detector knows anything about
        if self._releases.ships(sha256):
            return None
        hashes = self._releases.hashes
        if inside in hashes:
            return MODIFIED if sha256 else None
        if not sha256 and _VERSION_FOLDER.sub("", f"/{inside}").lstrip("/") in hashes:
            return MODIFIED
        if inside:
            if self._product in {"2007", "2010"} or (not self._product and _OLD_TREE.search(path)):
                return OLD_RELEASE
            return UNKNOWN if url else ELSEWHERE
        folder = url.strip("/").partition("/")[0] if "/" in url.strip("/") else ""
        return UNKNOWN if not folder or folder in _EXCHANGE_FOLDERS else ELSEWHERE
