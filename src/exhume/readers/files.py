"""Any file that is no recognised log: name, place, size, times and hashes.

Sample (not a line but a file): ``C/inetpub/wwwroot/aspnet_client/system_web/x.js``, 1,024 bytes, modified 2021-03-03.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import BinaryIO

from exhume.model import File, Gap, Reading, Record, Sieve, Span
from exhume.readers.hashes import HASH_LIMIT, Digests, digest, entry_fields, listed, too_large


class Files:
    """Record ``file.entry`` for each file it is given; the caller decides which files are no logs."""

    name = "files"
    kinds = frozenset({"file.entry"})
    streams = False

    def __init__(self, hash_limit: int = HASH_LIMIT) -> None:
        """``hash_limit``: bytes; larger files get no hashes and a Gap."""
        self.hash_limit = hash_limit

    def recognises(self, head: bytes, file: File) -> bool:
        """Never: it takes what no other reader takes."""
        return False

    def expects(self, file: File) -> bool:
        return False

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        if file.size is not None and file.size > self.hash_limit:
            digests = Digests(file.size, gap=too_large(file, "file.entry", self.hash_limit))
        else:
            digests = digest(stream, file, "file.entry", self.hash_limit)
        fields = entry_fields(file, digests)
        yield Record("file.entry", None, fields, file.source("file"), "files", "", file.opener)
        if digests.gap:
            yield digests.gap
        return listed(file)
