"""What the evidence is: the files in it, and what their paths alone tell of the server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exhume.model import Cause, Coverage, Evidence, File, Gap, Host, Part, Reading, Source, Span
from exhume.model.windows import served_url, windows_path

if TYPE_CHECKING:
    from exhume.judge import Patching

_ROOT = re.compile(
    r"^(?P<root>[A-Za-z]:\\.*?)(?=(?:Logging|FrontEnd\\HttpProxy|ClientAccess|TransportRoles|Bin)\\)", re.IGNORECASE
)
_PRODUCTS = {"15.0": "2013", "15.1": "2016", "15.2": "2019", "14": "2010"}
_FIRST_SE_BUILD = 2562
"""Third part of 15.2 builds from which on the product is Exchange SE (Microsoft's build table)."""
FOREIGN = "a report on another server than those whose logs are here: what it says of builds and updates was not used"


@dataclass(frozen=True, slots=True)
class Survey:
    """The listing, split into files and what could not be listed."""

    files: dict[str, File]
    gaps: tuple[Gap, ...]
    host: Host
    folders: tuple[Span, ...] = ()
    """Folders that IIS serves and that were listed, whether a file lies in them or not."""

    @property
    def size(self) -> int:
        """Bytes of all files whose size is known."""
        return sum(f.size or 0 for f in self.files.values())


def survey(evidence: Evidence) -> Survey:
    """Lists the evidence once."""
    files: dict[str, File] = {}
    gaps: list[Gap] = []
    roots: Counter[str] = Counter()
    for item in evidence.files():
        if isinstance(item, Gap):
            gaps.append(item)
            continue
        files[item.path] = item
        match = _ROOT.match(item.windows)
        if match and "exchange" in match["root"].lower():
            roots[match["root"]] += 1
    root = roots.most_common(1)[0][0] if roots else ""
    return Survey(files, tuple(gaps), Host(install_root=root), tuple(_served(evidence.folders())))


def _served(folders: Iterable[str]) -> Iterator[Span]:
    for path in folders:
        url = served_url(windows_path(f"{path}/any"))
        if url:
            yield Span("web.folder", url.rpartition("/")[0] or "/", "", path)


def own_readings(part: Part) -> Part:
    """Without what a report says of another server: an administrator keeps those of all servers in one folder.

    Names are those of Exchange's and IIS's own logs, else of event logs, and that in the registry. Without any, all stays.
    """
    spans = part.coverage.spans
    names = {s.server for s in spans if s.server and s.kind.startswith(("exchange.", "iis."))} or {
        s.server for s in spans if s.server and s.kind == "windows.event"
    }
    names |= {r.value.partition(".")[0].upper() for r in part.readings if r.what == "host"}
    foreign = [r for r in part.readings if r.server and names and r.server not in names]
    if not foreign:
        return part
    places = {r.source.path: Source(r.source.evidence, r.source.path, "file") for r in foreign}
    gaps = tuple(Gap("file", Cause.SKIPPED, FOREIGN, source) for _, source in sorted(places.items()))
    kept = tuple(r for r in part.readings if r not in foreign)
    return replace(part, readings=kept, coverage=part.coverage + Coverage((), gaps))


def identify(host: Host, spans: Iterable[Span], readings: Iterable[Reading], patching: Patching | None = None) -> Host:
    """The host as its logs name it: the server whose name most rows carry, else as the registry or a report on it does; and the
    last build that the readings allow."""
    names: Counter[str] = Counter()
    for span in spans:
        if span.server and span.kind.startswith(("exchange.", "iis.", "windows.")):
            names[span.server] += max(1, span.records)
    servers = tuple(name for name, _ in names.most_common())
    readings = tuple(readings)
    said = {r.what: r.value for r in reversed(readings) if r.what in ("host", "time_zone")}
    told_of = {r.server for r in readings if r.server}  # reports name the server that they are of
    if len(told_of) == 1:
        said.setdefault("host", *told_of)
    builds = sorted((r for r in readings if r.what == "build"), key=lambda r: (str(r.day or ""), r.trust == "exact"))
    build = builds[-1].value if builds else ""
    source = ""
    if builds:
        what = "tells every update" if builds[-1].trust == "exact" else "tells the cumulative update, not the security update"
        source = f"{builds[-1].source} ({what})"
    product, cu = product_of(build), ""
    if patching and patching.build:
        product, cu, build = patching.build.product, patching.build.cu, str(patching.build)
        source = f"{patching.said}: {'exactly' if patching.exactly else 'at least'} this build"
    return Host(
        name=servers[0] if servers else said.get("host", host.name).upper(),
        product=product,
        cu=cu,
        build=build,
        build_source=source,
        install_root=host.install_root,
        time_zone=said.get("time_zone", host.time_zone),
        servers=servers,
    )


def product_of(build: str) -> str:
    """The product a build belongs to, ``""`` when it is none of Exchange 2010 to SE."""
    parts = build.split(".")
    if len(parts) < 3 or not all(p.isdigit() for p in parts[:3]):
        return ""
    if parts[0] == "14":
        return _PRODUCTS["14"]
    product = _PRODUCTS.get(f"{int(parts[0])}.{int(parts[1])}", "")
    return "SE" if product == "2019" and int(parts[2]) >= _FIRST_SE_BUILD else product
