"""What stands in the IIS configuration of a clean Exchange server: modules, filters, handlers, virtual directories, pools.

An entry counts as default only if its name *and* its code (image, type, script processor or folder) are the clean ones.
Environment variables are expanded; Windows and Exchange may be installed on any drive and Exchange under any root.

References: content/iis_defaults.csv, made from the clean configurations of Exchange 2013, 2016 and 2019 that Microsoft
publishes with CSS-Exchange, and IIS's own optional components.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from exhume.readers.content import rows

_VARIABLES = (
    ("%windir%", "<windows>"), ("%systemroot%", "<windows>"), ("%systemdrive%\\inetpub", "<inetpub>"),
    ("%programfiles%", "<programs>"), ("%programfiles(x86)%", "<programs>"), ("%iis_bin%", "<windows>\\system32\\inetsrv"),
)  # fmt: skip
_FOLDERS = (
    (re.compile(r"^[a-z]:\\windows(?=\\|$)"), "<windows>"),
    (re.compile(r"^[a-z]:\\inetpub(?=\\|$)"), "<inetpub>"),
    (re.compile(r"^[a-z]:\\program files(?: \(x86\))?(?=\\|$)"), "<programs>"),
)
_ROOT = re.compile(r"^(.*?\\)(?:frontend\\httpproxy|clientaccess|bin|transportroles)(?:\\|$)")
_ROOT_TEXT = re.compile(r"^([^%]*\\)(?:FrontEnd\\HttpProxy|ClientAccess)(?:\\|$)", re.IGNORECASE)
_USUAL_ROOT = re.compile(r"^<programs>\\microsoft\\exchange server\\v1[45]\\$")
_LEAST = 3
"""So many virtual directories below one unusual root make it Exchange's: one alone may be an attacker's copy of the layout."""
_NUMBERED = re.compile(r"^(abomappercustom-)\d+$")


def plain_path(path: str) -> str:
    """Lower case, variables and drive replaced by ``<windows>``, ``<inetpub>``, ``<programs>``; ``..`` stays, fits nothing."""
    lowered = path.strip().strip('"').replace("/", "\\").lower().removeprefix("\\\\?\\")
    for variable, word in _VARIABLES:
        if lowered.startswith(variable):
            return word + lowered[len(variable) :].rstrip("\\")
    for pattern, word in _FOLDERS:
        if match := pattern.match(lowered):
            return word + lowered[match.end() :].rstrip("\\")
    return lowered.rstrip("\\")


def plain_type(text: str) -> str:
    """``class, assembly, token`` of a .NET type name, lower case; without version and culture, which differ between builds."""
    parts = [part.strip().lower() for part in text.split(",")]
    token = next((p.partition("=")[2].strip() for p in parts if p.startswith("publickeytoken")), "")
    names = [p for p in parts if "=" not in p]
    return ", ".join(p for p in (*names, token) if p)


def install_roots(paths: Iterable[str]) -> frozenset[str]:
    """The roots below which Exchange's folders lie, as plain paths with a closing backslash: the usual ones, and of all others
    only the most frequent, since an attacker may copy the layout elsewhere."""
    counted: dict[str, int] = {}
    for path in paths:
        if match := _ROOT.match(plain_path(path) + "\\"):
            counted[match.group(1)] = counted.get(match.group(1), 0) + 1
    usual = {root for root in counted if _USUAL_ROOT.match(root)}
    most = max(counted, key=lambda root: (counted[root], root), default="")
    return frozenset(usual | ({most} if counted.get(most, 0) >= _LEAST else set()))


def install_root_text(physical_path: str) -> str:
    """Exchange's install root as written in a virtual directory's folder, with a closing backslash; empty for other folders."""
    match = _ROOT_TEXT.match(physical_path.strip().replace("/", "\\"))
    return match.group(1) if match else ""


def below_root(path: str, roots: Iterable[str]) -> str:
    """The plain path with Exchange's root, if it is one of these, replaced by ``<exchange>``."""
    plain = plain_path(path)
    for root in sorted(roots, key=len, reverse=True):
        if plain.startswith(root):
            return "<exchange>\\" + plain[len(root) :]
    return plain


def plain_name(name: str) -> str:
    """Lower case; the number in the names that IIS makes itself is replaced by ``#``."""
    return _NUMBERED.sub(r"\1#", name.strip().lower())


@cache
def _clean() -> frozenset[tuple[str, str, str]]:
    return frozenset((row["section"], row["name"], row["code"]) for row in rows("iis_defaults.csv"))


def is_clean(section: str, name: str, code: str) -> bool:
    """Does an entry with this plain name and plain code stand in the clean configuration?"""
    return (section, name, code) in _clean()


def is_clean_name(section: str, name: str) -> bool:
    """Does an entry with this plain name stand in the clean configuration, whatever its code?"""
    return (section, name) in _clean_names()


@cache
def _clean_names() -> frozenset[tuple[str, str]]:
    return frozenset((row["section"], row["name"]) for row in rows("iis_defaults.csv") if row["name"])
