"""Products of others that register code in IIS or in the transport, told by name and place (content/vendors.csv).

A name alone proves nothing: an attacker can call a file like a vendor's. What has a product's name and lies elsewhere than the
product does is told as such, which speaks against it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from exhume.model import Value
from exhume.readers.content import rows
from exhume.readers.iisdefaults import plain_path

_INETSRV = "<windows>\\system32\\inetsrv"
_UP = re.compile(r"\\\.{1,2}(?:\\|\Z)")


def recognised(kind: str, name: str, path: str) -> dict[str, Value]:
    """``product`` where name or file, and the folder, are those of a product; ``claims`` where only name or file are.

    ``kind``: ``agent``, ``module`` or ``filter``; ``path``: of the file, as it is registered.
    """
    place = plain_path(path)
    if not place:
        return {}
    lowered, file = name.strip().lower(), place.rpartition("\\")[2]
    alike = [
        row for row in rows("vendors.csv") if row["kind"] == kind and (_fits(lowered, row["name"]) or _fits(file, row["dll"]))
    ]
    for row in alike:
        if not _UP.search(place) and _lies(place, row["folder"]):
            return {"product": row["product"]}
    return {"claims": alike[0]["product"]} if alike else {}


def _fits(text: str, patterns: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns.split("|"))


def _lies(place: str, folder: str) -> bool:
    return fnmatchcase(place, folder.replace("<inetsrv>", _INETSRV))
