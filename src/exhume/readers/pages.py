"""Which server-side pages Exchange ships where, and which names only look as if it did.

References: content/product_pages.txt (from Microsoft's own file lists), content/lookalikes.csv.
"""

from __future__ import annotations

from functools import cache

from exhume.model.windows import in_exchange
from exhume.readers.content import lines, rows

_UNCOMPARED = (".config", ".asax", ".master")
"""Shipped in so many folders that a likeness of names says nothing."""
_LEAST_STEM = 5
"""Letters before the extension: shorter names lie one letter away from each other by chance."""


_COMMON = frozenset({"error.aspx", "error2.aspx", "logon.aspx", "logoff.aspx", "signout.aspx"})
"""Names that many other applications have too: outside Exchange's folders and aspnet_client they imitate nothing."""


@cache
def _shipped() -> dict[str, frozenset[str]]:
    """Folder below the install root → names of the pages shipped in it."""
    table: dict[str, set[str]] = {}
    for path in lines("product_pages.txt"):
        folder, _, name = path.rpartition("/")
        table.setdefault(folder, set()).add(name)
    return {folder: frozenset(names) for folder, names in table.items()}


@cache
def _logon_pages() -> frozenset[str]:
    """Names shipped in the folders that serve without log-on: what impostors imitate, wherever they are put."""
    return frozenset().union(*(names for folder, names in _shipped().items() if folder.endswith("/auth")))


def is_product(path: str) -> bool:
    """Does Exchange ship a file of this name at this place? ``path``: Windows path or path in the evidence."""
    folder, _, name = in_exchange(path).rpartition("/")
    return name in _shipped().get(folder, frozenset())


_TREES = ("frontend/httpproxy", "clientaccess")
_INSIDE = {"ews": "exchweb/ews"}
"""Applications whose folder at the back end has another name."""


def shipped_folders(application: str) -> frozenset[str]:
    """The folders below an application of Exchange (``owa``) in which it ships pages: ``/auth``; empty text for its root."""
    names = {application, _INSIDE.get(application, application)}
    roots = [f"{tree}/{name}" for tree in _TREES for name in sorted(names)]
    return frozenset(f[len(r) :] for f in _shipped() for r in roots if f == r or f.startswith(f"{r}/"))


def is_product_name(name: str, application: str) -> bool:
    """Does Exchange ship a page of this name anywhere below this application?"""
    return name.lower() in _names_below(application)


@cache
def _names_below(application: str) -> frozenset[str]:
    names = {application, _INSIDE.get(application, application)}
    roots = tuple(f"{tree}/{name}/" for tree in _TREES for name in sorted(names))
    return frozenset().union(*(pages for folder, pages in _shipped().items() if f"{folder}/".startswith(roots)))


def shipped_beside(path: str) -> frozenset[str]:
    """The names, in lower case, of the pages that Exchange ships in the folder of this file."""
    return _shipped().get(in_exchange(path).rpartition("/")[0], frozenset())


def near_product(path: str) -> str:
    """The product page that a file at this place imitates by its name, lower case; empty when it imitates none.

    One letter changed, added or left out; a known look-alike; or the name of a log-on page at a place where it is not shipped.
    """
    inside = in_exchange(path)
    lowered = path.replace("\\", "/").lower()
    folder, _, name = (inside or lowered).rpartition("/")
    here = _shipped().get(folder, frozenset())
    pages = _logon_pages() if inside or "/aspnet_client/" in lowered else _logon_pages() - _COMMON
    if name in here or name.endswith(_UNCOMPARED):
        return ""
    if name in pages:
        return name
    for row in rows("lookalikes.csv"):
        if row["name"] == name:
            return row["product"]
    stem, _, ending = name.rpartition(".")
    if len(stem) < _LEAST_STEM:
        return ""
    candidates = (n for n in sorted(here | pages) if n.endswith(f".{ending}") and not n.endswith(_UNCOMPARED))
    return next((n for n in candidates if one_letter_apart(name, n)), "")


def one_letter_apart(one: str, other: str) -> bool:
    """Edit distance exactly 1: a letter changed, added or left out."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1 or one == other:
        return False
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    if len(one) == len(other):
        return one[start + 1 :] == other[start + 1 :]
    return one[start:] == other[start + 1 :]
