"""What ASP.NET leaves behind when it compiles a page on its first request: it outlives the page's deletion.

Sample: ``<preserve resultType="3" virtualPath="/aspnet_client/x.aspx" hash="…" filehash="…" flags="110000"
assembly="App_Web_x.aspx.f5dba9b9.abcd1234" type="ASP.aspnet_client_x_aspx">`` in ``x.aspx.f5dba9b9.compiled``; and
``App_Web_x.aspx.f5dba9b9.abcd1234.dll`` beside it, which holds ``~/aspnet_client/x.aspx`` as UTF-16 text.

References: logs.md 12 and traces.md WS-g of the project's notes.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span, Value
from exhume.readers.configxml import walk
from exhume.readers.hashes import place
from exhume.readers.lines import single
from exhume.readers.pages import is_product_name, shipped_folders

LIMIT = 16 * 1024 * 1024
"""Bytes read of one file."""
MOST = 2_000
"""Pages told of one assembly."""

_FOLDER = re.compile(r"/temporary asp\.net files/([^/]{1,128})/", re.IGNORECASE)
_NAME = re.compile(
    r"^(?:App_Web_)?(?P<page>[^/\\]{1,200}?\.(?:aspx|ashx|asmx|ascx|asax|svc|soap|master|cshtml|cshtm|vbhtml|vbhtm))\.(?P<hash>[0-9a-f]{1,8})"
    r"(?:\.[^.]{1,32})?\.(?:compiled|dll|pdb|cmdline)$",
    re.IGNORECASE,
)
_VIRTUAL = re.compile(rb"~\0/\0(?:[\x21-\x7e]\0){1,300}?\.\0(?:[a-zA-Z]\0){3,6}(?![a-zA-Z]\0)")
_KEPT = ("resultType", "virtualPath", "assembly", "type", "filehash", "flags")
_APPLICATIONS = frozenset("owa ecp ews oab autodiscover powershell mapi rpc api sync pushnotifications".split())  # noqa: SIM905

_PLACES = {
    "root": ("/aspnet_client", "/aspnet_client/system_web", "/aspnet_client/system_web/4_0_30319", "/aspnet",
             "/aspnet_client/system_web/2_0_50727", "/aspnet_netclient", "/owa/auth", "/ecp/auth"),
    "owa": ("/auth", "/auth/current", "/auth/current/themes", "/auth/current/scripts", "/14.0"),
    "ecp": ("/auth",),
}  # fmt: skip
"""Folders below an application in which intruders put pages."""


@dataclass(slots=True)
class _Preserve:
    """Listener that keeps the attributes of the ``preserve`` element."""

    attributes: dict[str, str] = field(default_factory=dict)

    def start(self, tag: str, attributes: Mapping[str, str], line: int) -> None:
        if tag == "preserve" and not self.attributes:
            self.attributes = dict(attributes)

    def end(self, tag: str) -> None:
        """Nothing hangs on where an element ends."""


class AspNet:
    """Record ``aspnet.compiled`` for each ``.compiled`` file, and for each page that an ``App_Web_*.dll`` is made of."""

    name = "aspnet"
    kinds = frozenset({"aspnet.compiled"})
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        return b"<preserve " in single(head)

    def expects(self, file: File) -> bool:
        lowered = file.name.lower()
        return lowered.endswith(".compiled") or (lowered.startswith("app_web_") and lowered.endswith(".dll"))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        gaps: list[Gap] = []
        try:
            data = stream.read(LIMIT + 1)
        except OSError:
            data = b""
            detail = "The remnant of a compiled page could not be read; only its name tells of the page."
            gaps.append(Gap("aspnet.compiled", Cause.UNREADABLE, detail, file.source("file")))
        if len(data) > LIMIT:
            detail = f"Only the first {LIMIT:,} bytes of the compiled page were read."
            gaps.append(Gap("aspnet.compiled", Cause.LIMIT, detail, file.source("file")))
        told = _assembly(data, file) if file.name.lower().endswith(".dll") else _preserved(data, file, gaps)
        records = 0
        for at, fields in told:
            records += 1
            yield Record("aspnet.compiled", None, _named(file) | fields, file.source(at), "compiled", "", file.opener)
        yield from gaps
        return [Span("aspnet.compiled", "compiled", "", file.folder, records=records)]


def _preserved(data: bytes, file: File, gaps: list[Gap]) -> list[tuple[str, dict[str, Value]]]:
    """The one record of a ``.compiled`` file, from its XML and else from its name."""
    preserve, trouble = walk(data, _Preserve)
    fields: dict[str, Value] = {name: preserve.attributes[name] for name in _KEPT if preserve.attributes.get(name)}
    if not fields.get("virtualPath"):
        trouble = trouble or "It does not name the page that was compiled."
        trouble += " The page's name was taken from the file's name."
    if trouble and not any(g.cause is Cause.UNREADABLE for g in gaps):
        gaps.append(Gap("aspnet.compiled", Cause.DAMAGED, trouble, file.source("file"), channel="compiled"))
    virtual = str(fields.get("virtualPath", "")) or _by_name(file)
    return [("file", fields | _addressed(virtual, file))]


def _assembly(data: bytes, file: File) -> list[tuple[str, dict[str, Value]]]:
    """One record for each page named inside the assembly; one without a page when it names none."""
    application = _application("", file)
    prefix = "" if application in ("root", "") else f"/{application}"
    paths: dict[str, int] = {}
    for match in _VIRTUAL.finditer(data):
        virtual = match.group().decode("utf-16-le").removeprefix("~")
        paths.setdefault(virtual, match.start())
        if len(paths) >= MOST:
            break
    assembly: dict[str, Value] = {"assembly": file.name.rpartition(".")[0]}
    if not paths:
        return [("file", assembly | _addressed(_by_name(file), file))]
    return [(f"byte {at}", assembly | {"virtualPath": prefix + v} | _addressed(prefix + v, file)) for v, at in paths.items()]


def _named(file: File) -> dict[str, Value]:
    fields: dict[str, Value] = {"name": file.name, "windows_path": place(file)[0]}
    if match := _NAME.match(file.name):
        fields["page"] = match.group("page").lower()
        fields["product_name"] = is_product_name(match.group("page"), _application("", file))
    return fields


def _by_name(file: File) -> str:
    """The virtual path of the page, by the file's name alone: the number in it is that of the page's folder."""
    match = _NAME.match(file.name)
    application = _application("", file)
    if not match or not application:
        return ""
    folder = _folders(application).get(match.group("hash").lower().lstrip("0"))
    prefix = "" if application == "root" else f"/{application}"
    return f"{prefix}{folder}/{match.group('page')}" if folder is not None else ""


@cache
def _folders(application: str) -> dict[str, str]:
    """Number → folder below the application, of the folders of Exchange and of those where intruders put pages."""
    known = {"", *shipped_folders(application), *_PLACES.get(application, ())}
    return {folder_number(f"~{folder}"): folder for folder in sorted(known)}


def folder_number(folder: str) -> str:
    """The number by which ASP.NET tells a folder (``~/auth``, lower case) in the names of what it compiles: ``f5dba9b9``.

    References: .NET Framework reference source, ``BuildManager.GetCacheKeyFromVirtualPath`` and
    ``StringUtil.GetStringHashCode``; ``cdcab7d2`` is that of an application's root in every precompiled site.
    """
    data = folder.lower().encode("utf-16-le", "replace")
    data += b"\0" * (-len(data) % 8)
    one = other = (5381 << 16) + 5381
    for at in range(0, len(data), 8):
        one = _mixed(one, data[at : at + 4])
        if len(folder) - at // 2 <= 2:
            break
        other = _mixed(other, data[at + 4 : at + 8])
    return f"{(one + other * 1566083941) & 0xFFFFFFFF:x}"


def _mixed(number: int, piece: bytes) -> int:
    """One step of the hash in 32 bits; the shift to the right keeps the sign."""
    signed = number - (1 << 32) if number >> 31 else number
    return ((((number << 5) + number + (signed >> 27)) & 0xFFFFFFFF) ^ int.from_bytes(piece, "little")) & 0xFFFFFFFF


def _addressed(virtual: str, file: File) -> dict[str, Value]:
    return {"url": virtual.lower(), "application": _application(virtual, file)}


def _application(virtual: str, file: File) -> str:
    """The folder below ``Temporary ASP.NET Files``; without it the first part of the virtual path."""
    if match := _FOLDER.search(f"/{file.path}".replace("\\", "/")):
        return match.group(1).lower()
    first = virtual.strip("/").partition("/")[0].lower()
    if first in _APPLICATIONS:
        return first
    return "root" if virtual else ""
