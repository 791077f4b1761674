"""Files of Exchange that hold the number of the release they are of: their hash tells the cumulative update.

Most pages stay the same over many releases, and the baseline does not hold every release; only files whose text changes with
every one can tell anything.

References: content/baseline.csv (from CSS-Exchange, MIT), content/builds.csv.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from exhume.model import File, Reading
from exhume.model.windows import in_exchange
from exhume.readers.content import rows

_NUMBERED = frozenset(
    (
        "clientaccess/ecp/web.config",
        "clientaccess/sync/web.config",
        "common/microsoft.exchange.management.forwardsync.exe.config",
    )
)


def release_readings(file: File, windows: str, sha256: str) -> Iterator[Reading]:
    """The build (three parts) of the one release that ships this file, as a hint: set-up writes into such files, so most on a
    server have another hash, and an old copy can lie about. Nothing for all other files."""
    if in_exchange(windows or file.path) in _NUMBERED:
        release = _releases().get(sha256, "")
        if release:
            yield Reading("build", release, None, "hint", file.source("file"))


@cache
def _releases() -> dict[str, str]:
    builds = {f"{row['product']}-{row['cu']}": row["build"] for row in rows("builds.csv") if row["update"] == "RTM"}
    found: dict[str, str] = {}
    for row in rows("baseline.csv"):
        if row["path"] in _NUMBERED and row["releases"] in builds:
            found[row["sha256"]] = builds[row["releases"]].rpartition(".")[0]
    return found
