"""Server-side web files, and PST files or certificate requests with script inside: what an attacker writes to have code run.

Sample (not a line but a file): ``FrontEnd/HttpProxy/owa/auth/logon.aspx``, which begins ``<%@ Page language="c#" …%>``.

References: logs.md 12 and traces.md (web-shell use; ProxyShell PS-g; CVE-2021-27065 PL-065-i) of the project's notes.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from itertools import islice
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span, Value
from exhume.model.kinds import SERVER_SIDE, WEB_FILES
from exhume.readers.hashes import HASH_LIMIT, Digests, digest, entry_fields, extension, listed, place, too_large
from exhume.readers.neighbours import LOOKED, times_beside
from exhume.readers.oabdump import oab_properties
from exhume.readers.oddnames import odd_name
from exhume.readers.pages import is_product, near_product
from exhume.readers.productcopy import product_copy
from exhume.readers.releases import release_readings
from exhume.readers.script import ScriptSearch, decode, magic_of

ENDS = 16 * 1024 * 1024
"""Bytes at each end of a file above the hash limit that are searched for script."""
_HEAD = 64 * 1024
_CONTAINERS = ("pst", "der")
_QUARANTINED = frozenset(("bin", "dat", "sample", "vir", "quarantine", "mal", "malware"))
_RAZOR_PAGES = ("cshtml", "cshtm", "vbhtml", "vbhtm")


_DIRECTIVE = re.compile(
    rb"<%\s{0,9}@\s{0,9}(?:page|webhandler|webservice|control|master|application|servicehost|language)\b"
    rb"|<script\b[^>]{0,200}\brunat\s{0,9}=\s{0,9}[\"']?server",
    re.IGNORECASE,
)
"""How a page begins; ``<%`` alone stands in the templates of many languages."""
_LOG_ON = ("/owa/auth/", "/ecp/auth/")
_REQUESTS = "/systemcertificates/request/"
"""Where Windows keeps certificate requests: those of CVE-2021-34473's chains hold script."""
_HASH = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)


class WebFile:
    """Record ``web.file`` for each server-side file. A PST or DER file without script inside is a plain ``file.entry``,
    so every file that this reader takes yields exactly one of the two."""

    name = "webfile"
    kinds = frozenset({"web.file", "file.entry"})
    streams = False

    def __init__(self, hash_limit: int = HASH_LIMIT, ends: int = ENDS) -> None:
        """``hash_limit``: bytes; of larger files only ``ends`` bytes at the head and at the tail are searched, with a Gap."""
        self.hash_limit = hash_limit
        self.ends = ends

    def recognises(self, head: bytes, file: File) -> bool:
        """Server-side by its name; PST or DER by its first bytes; any other served file that begins with server-side script, a
        file of the store of certificate requests that holds it, and one without an ending that says what it is a page of."""
        if self.expects(file) or magic_of(head) in _CONTAINERS or _of_log_on(file):
            return True
        if _nameless(file.name) and _DIRECTIVE.search(head.replace(b"\0", b"")):
            return True
        if not place(file)[1] and _REQUESTS not in f"/{file.path}".replace("\\", "/").lower():
            return False
        search = ScriptSearch(binary=True)
        search.feed(head)
        return search.found

    def expects(self, file: File) -> bool:
        return extension(file.name) in WEB_FILES

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        look = _Look(file)
        if file.size is not None and file.size > self.hash_limit:
            digests = self._ends(stream, file, look)
        else:
            digests = digest(stream, file, "web.file", self.hash_limit, look.feed)
        web = self.expects(file) or look.script or _of_log_on(file)
        kind = "web.file" if web else "file.entry"
        fields = entry_fields(file, digests)
        if web:
            fields = look.properties() | fields
        yield Record(kind, None, fields, file.source("file"), "web" if web else "files", "", file.opener)
        if digests.gap:
            yield digests.gap
        yield from release_readings(file, place(file)[0], digests.sha256)
        return listed(file)

    def _ends(self, stream: BinaryIO, file: File, look: _Look) -> Digests:
        """Search only the head and the tail of a file that is too large to hash."""
        size = file.size or 0
        try:
            look.feed(stream.read(self.ends))
            stream.seek(max(self.ends, size - self.ends))
            look.feed(stream.read(self.ends))
        except (OSError, ValueError):
            detail = "The file is too large to hash and could be read only in part: script further inside was not looked for."
            return Digests(size, gap=Gap("web.file", Cause.LIMIT, detail, file.source("file")))
        return Digests(size, gap=too_large(file, "web.file", self.hash_limit))


def _of_log_on(file: File) -> bool:
    """A script of the log-on page: it runs in the browser of everybody who logs on."""
    return extension(file.name) == "js" and place(file)[1].startswith(_LOG_ON)


def _nameless(name: str) -> bool:
    """Does the name say nothing of what is inside? Quarantines and collections of samples name files by their hash."""
    stem, dot, last = name.rpartition(".")
    return not dot or not stem or bool(_HASH.fullmatch(stem) and last.lower() in _QUARANTINED)


class _Look:
    """What is learnt of one file while it streams by."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._head = b""
        self._magic = ""
        self._search: ScriptSearch | None = None

    def feed(self, piece: bytes) -> None:
        if self._search is None:
            self._magic = magic_of(piece[:4096])
            ending = extension(self._file.name)
            binary = self._magic in _CONTAINERS or (self._magic != "text" and ending not in WEB_FILES)
            self._search = ScriptSearch(binary=binary, razor=ending in _RAZOR_PAGES)
        if len(self._head) < _HEAD:
            self._head += piece[: _HEAD - len(self._head)]
        self._search.feed(piece)

    @property
    def script(self) -> bool:
        return self._search is not None and self._search.found

    def properties(self) -> dict[str, Value]:
        windows, url = place(self._file)
        where = windows or self._file.path
        dump = oab_properties(decode(self._head)) if (self._magic or "text") == "text" else {}
        fields: dict[str, Value] = dict(dump)
        fields |= {
            "magic": self._magic or "text",
            "script": self.script,
            "oab_dump": bool(dump),
            "product_name": is_product(where),
        }
        if not fields["product_name"] and len(self._head) < _HEAD and product_copy(self._head):
            fields["product_copy"] = True
        near = near_product(where) if url or is_product(where) else ""
        if near:
            fields["near_product"] = near
        if url and not fields["product_name"] and self._file.neighbours is not None:
            fields["pages"] = sum(extension(f.name) in SERVER_SIDE for f in islice(self._file.neighbours(), LOOKED))
        odd = odd_name(where)
        if odd:
            fields["odd_name"] = odd
        times = times_beside(self._file, SERVER_SIDE)  # settings are rewritten all the time
        if times:
            fields["times"] = times
        return fields
