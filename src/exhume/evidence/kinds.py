"""Which files are archives: by content first, by path second.

References: PKWARE APPNOTE 4.3; RFC 1952; the 7z and RAR 5.0 format notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from exhume.evidence.member import Container
from exhume.evidence.packed import packing, unpack
from exhume.evidence.stream import errors

HEAD = 512
"""Bytes by which an archive is recognised: one tar header."""
ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".xz", ".zst", ".bz2", ".tbz2", ".txz", ".7z", ".rar")
"""Names that promise an archive: always looked into, and a Gap when none is found."""
LEAST = 4096
"""Bytes from which on a file without such a name is looked into: a smaller one can hold no log worth the trouble."""
DOCUMENTS = frozenset(
    (
        "docx", "docm", "dotx", "dotm", "xlsx", "xlsm", "xlsb", "xltx", "xltm", "xlam", "pptx", "pptm", "potx", "ppsx", "ppam",
        "thmx", "vsdx", "vsdm", "odt", "ods", "odp", "odg", "epub", "jar", "war", "ear", "apk", "aar", "nupkg", "vsix", "xap",
        "appx", "appxbundle", "msix", "msixbundle", "xpi", "crx", "whl", "kmz",
    )
)  # fmt: skip
"""Endings of files that are zip archives for their programs only. They are taken as one file and never entered."""
_FIRST_IN_DOCUMENTS = (b"[Content_Types].xml", b"_rels/", b"META-INF/", b"mimetype")
"""Names of the first member of such files where the name does not tell."""
_PLAIN = frozenset(
    (
        "log", "txt", "csv", "tsv", "json", "jsonl", "xml", "html", "htm", "config", "ini", "inf", "evtx", "evt", "etl", "blg",
        "aspx", "ashx", "asmx", "asax", "ascx", "asp", "asa", "cer", "cdx", "cshtml", "svc", "soap", "master", "ccu",
        "js", "mjs", "css", "map", "png", "gif", "jpg", "jpeg", "bmp", "ico", "svg", "woff", "woff2", "ttf", "eot", "md",
        "dll", "exe", "sys", "ocx", "drv", "pdb", "mui", "cat", "manifest", "msi", "msp", "mum", "resx", "resources", "lnk",
        "pf", "edb", "stm", "jrs", "chk", "dit", "ost", "pst", "eml", "msg", "ps1", "psm1", "psd1", "ps1xml", "cmd", "bat",
        "vbs", "py", "yml", "yaml", "compiled",
    )
)  # fmt: skip
"""Endings of logs, pages and program files, of which a server has a hundred thousand: these are not opened to look."""
_FOREIGN = {b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR"}
"""Archives that are recognised and cannot be read here."""


def ending(path: str) -> str:
    """Lower case, without dot; empty when the name has none."""
    name = path.rsplit("/", 1)[-1]
    return name.rpartition(".")[2].lower() if "." in name else ""


def named(path: str) -> bool:
    """Does the name promise an archive?"""
    return path.lower().endswith(ENDINGS)


def worth_a_look(path: str, size: int | None, given: bool) -> bool:
    """Is the file's content looked at when the evidence is listed? ``given``: the user named this very file."""
    if ending(path) in DOCUMENTS:
        return False
    return given or named(path) or (ending(path) not in _PLAIN and (size is None or size >= LEAST))


def likely(head: bytes, containers: Sequence[type[Container]]) -> bool:
    """Could a file with these first bytes be an archive? Cheap; ``kind_of`` says for certain."""
    return any(c.detect(head, head) for c in containers)


def foreign(head: bytes) -> str:
    """The name of a kind of archive that cannot be read here, or empty text."""
    return next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), "")


def document(head: bytes) -> bool:
    """Is it the start of an Office, Java or similar document, by the name of its first member?"""
    return head.startswith(b"PK\x03\x04") and head[30:].startswith(_FIRST_IN_DOCUMENTS)


def kind_of(stream: BinaryIO, containers: Sequence[type[Container]]) -> type[Container] | None:
    """The container for the content of a seekable stream, else ``None``. Leaves the stream at its start."""
    head = stream.read(HEAD)
    inner = head
    if packing(head):
        stream.seek(0)
        try:
            inner = unpack(stream).read(HEAD)
        except errors():
            inner = b""
    stream.seek(0)
    return next((c for c in containers if c.detect(head, inner)), None)
