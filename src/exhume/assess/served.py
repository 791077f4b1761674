"""The folders that IIS serves, read from the server's own configuration before anything else is read.

Readers have to know it for each file, so it cannot wait for the scan, in which the configuration is a file like others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from exhume.model import Cause, Evidence, File, Gap
from exhume.model.sites import Mount, Sites, sites, unreachable

LARGEST = 16 << 20
"""Bytes of a configuration that is read."""
FILES = 4
"""Configurations that are read: the one in use, and copies; IIS's own history of it is left out."""
IN_ORDER = 1 << 30
"""Bytes of an archive that can only be read in order, up to which it is read once more for the configuration in it."""
_CURRENT = "inetsrv/config/applicationhost.config"
_HISTORY = re.compile(r"(?:^|/)(?:history|cfghistory_\d+|backup)/", re.IGNORECASE)
_UNREAD = "the configuration of IIS was not read first: which folders are served was told by Exchange's usual places"
_ELSEWHERE = "IIS serves folders of another machine ({}), whose pages are not in the evidence"
_SHOWN = 3


def served(evidence: Evidence, files: Mapping[str, File]) -> tuple[Sites, tuple[Gap, ...]]:
    """What ``applicationHost.config`` says; without one, or where it cannot be read, nothing, and Exchange's places count."""
    found = sorted((p for p in files if _is_configuration(p)), key=lambda p: (not p.lower().endswith(_CURRENT), p))[:FILES]
    if not found:
        return Sites(), ()
    dear = _dear(evidence, files, found)
    mounts: list[Mount] = []
    gaps: list[Gap] = []
    for path in found:
        if path in dear or (files[path].size or 0) > LARGEST:
            gaps.append(Gap("iis.config", Cause.LIMIT, _UNREAD, files[path].source("file")))
            continue
        try:
            with evidence.open(path) as stream:
                mounts += _mounts(stream.read(LARGEST))
        except OSError:
            gaps.append(Gap("iis.config", Cause.UNREADABLE, _UNREAD, files[path].source("file")))
    away = sorted({f"{m.site} {m.url or '/'}" for m in mounts if unreachable(m.folder)})
    if away:
        shown = ", ".join(_plain(name) for name in away[:_SHOWN]) + (", …" if len(away) > _SHOWN else "")
        gaps.append(Gap("web.file", Cause.ABSENT, _ELSEWHERE.format(shown), files[found[0]].source("file"), count=len(away)))
    return sites(mounts), tuple(gaps)


def _is_configuration(path: str) -> bool:
    lowered = path.lower()
    return lowered.rpartition("/")[2] == "applicationhost.config" and not _HISTORY.search(lowered)


def _plain(name: str) -> str:
    """A name of the evidence, in a sentence."""
    return re.sub(r"[^\w ./-]", "?", name)[:60]


def _dear(evidence: Evidence, files: Mapping[str, File], found: list[str]) -> frozenset[str]:
    """Of these files, those in an archive of which much would have to be read twice."""
    portions = [portion for portion in evidence.batches() if len(portion) > 1 and any(path in portion for path in found)]
    return frozenset(
        p for portion in portions if sum(files[p].size or 0 for p in portion if p in files) > IN_ORDER for p in portion
    )


def _mounts(data: bytes) -> Iterator[Mount]:
    from exhume.readers.configxml import walk
    from exhume.readers.iissections import Sections

    sections, _ = walk(data, Sections)  # the reader of such files tells what is wrong with it
    numbers = {str(e.fields.get("name", "")): str(e.fields.get("id", "")) for e in sections.entries if e.section == "site"}
    for entry in sections.entries:
        folder = str(entry.fields.get("physicalPath", ""))
        if entry.section == "virtualDirectory" and folder and sections.is_host:
            url = "/".join(part.strip("/") for part in (entry.application, str(entry.fields.get("path", ""))))
            yield Mount(folder, f"/{url.strip('/')}".rstrip("/").lower(), entry.site, numbers.get(entry.site, ""))
