"""IIS configuration: applicationHost.config, every web.config, administration.config.

Sample: ``<add name="RewriteModule" image="%SystemRoot%\\system32\\inetsrv\\rewrite.dll" />`` (globalModules).

Each module, filter, handler, virtual directory, site, pool, rewrite rule, log setting and machine key is one ``iis.config``
record, wherever it stands (also inside ``<location>``). Keys and passwords are never kept.

References: logs.md 10, traces.md (IIS module back doors; ProxyShell PS-h; PX-21) of the project's notes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.lines import lowered

LIMIT = 16 * 1024 * 1024
"""Bytes read of one configuration file."""


class IisConfig:
    """Record ``iis.config`` for each entry; readings ``mitigation``, ``setting``, ``install``; one state span for each file."""

    name = "iisconfig"
    kinds = frozenset({"iis.config"})
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        """XML that begins ``<configuration`` and names one of IIS's or ASP.NET's section groups."""
        text = lowered(head)
        return b"<configuration" in text and any(
            mark in text for mark in (b"system.applicationhost", b"system.webserver", b"<system.web>", b"<location")
        )

    def expects(self, file: File) -> bool:
        return file.name.lower().endswith(("web.config", "webconfig.config", "applicationhost.config", "administration.config"))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        try:
            data = stream.read(LIMIT + 1)
        except OSError:
            yield Gap("iis.config", Cause.UNREADABLE, "The configuration file could not be read.", file.source("file"))
            return []
        if len(data) > LIMIT:
            detail = f"The configuration file is larger than {LIMIT:,} bytes; only its beginning was read."
            yield Gap("iis.config", Cause.LIMIT, detail, file.source("file"))
            data = data[:LIMIT]
        from exhume.readers.iisentries import read_configuration

        return (yield from read_configuration(data, file))
