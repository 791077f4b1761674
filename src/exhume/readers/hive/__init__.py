"""Registry hives SOFTWARE and SYSTEM, with transaction logs applied: builds, updates and their days (``facts``), services,
tasks and watched settings.

Sample: key ``Microsoft\\ExchangeServer\\v15\\Setup`` with ``MsiProductMajor`` 15, ``MsiProductMinor`` 1, ``MsiBuildMajor``
2176, ``MsiBuildMinor`` 2.

References: M. Suhanov, "Windows registry file format specification".
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import BinaryIO

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.hive.cachedtasks import cached_tasks
from exhume.readers.hive.facts import facts
from exhume.readers.hive.keys import Hive
from exhume.readers.hive.pages import LOG_LIMIT, HiveError, HiveLimitError, Pages
from exhume.readers.hive.services import services
from exhume.readers.hive.watched import watched

KIND = "file"
_WHICH = re.compile(r"(?:^|[\\/_-])(?:software|system)(?:[._-][^\\/]*)?$", re.IGNORECASE)
_LOG = re.compile(r"\.log[12]?$", re.IGNORECASE)
_LOGS = (".LOG1", ".LOG2", ".LOG")


class Hives:
    """Readings ``build``, ``update``, ``install``, ``windows``, ``host``, ``time_zone``; records of what is set up."""

    name = "hive"
    kinds: frozenset[str] = frozenset({"windows.service", "windows.task", "windows.registry"})
    streams = False

    def recognises(self, head: bytes, file: File) -> bool:
        if not head.startswith(b"regf"):
            return False
        own = head[48:112].decode("utf-16-le", "replace").split("\0", 1)[0]
        return bool(_WHICH.search(own) or _WHICH.search(file.name))

    def expects(self, file: File) -> bool:
        """By name only where it lay in Windows' own folder: many things are called SYSTEM."""
        return f"/{file.path}".replace("\\", "/").lower().endswith(("/system32/config/software", "/system32/config/system"))

    def read(self, stream: BinaryIO, file: File, sieve: Sieve | None) -> Generator[Record | Gap | Reading, None, list[Span]]:
        if _LOG.search(file.name):
            return []  # read with its hive
        source = file.source("file")
        hive = None
        try:
            pages = Pages(stream)
            yield from self._logs(pages, file)
            if not pages.sound:
                yield Gap(KIND, Cause.DAMAGED, "the head of the registry hive does not match its checksum", source)
            hive = Hive(pages)
            backup = "/regback/" in f"/{file.path}".replace("\\", "/").lower()
            yield from (r for r in facts(hive, file) if r.day or not backup)  # a backup says nothing of today
            yield from services(hive, file)
            yield from watched(hive, file)
            yield from cached_tasks(hive, file)
        except HiveError:
            yield Gap(KIND, Cause.DAMAGED, "the registry hive is damaged: its keys could not be reached", source)
        except HiveLimitError:
            yield Gap(KIND, Cause.LIMIT, "the registry hive holds more keys than are read; the rest was not looked at", source)
        except OSError as error:
            words = f"the registry hive could be read only in part ({type(error).__name__})"
            yield Gap(KIND, Cause.UNREADABLE, words, source)
        if hive and hive.broken:
            words = "keys or values of the registry hive are damaged and were passed over"
            yield Gap(KIND, Cause.DAMAGED, words, source, count=hive.broken)
        return []

    def _logs(self, pages: Pages, file: File) -> Iterator[Gap]:
        """Applies the transaction logs that lie beside the hive, where it needs them."""
        if not pages.dirty:
            return
        logs: list[bytes] = []
        for ending in _LOGS if file.beside else ():
            assert file.beside is not None
            try:
                with file.beside(file.name + ending) as stream:
                    logs.append(stream.read(LOG_LIMIT))
            except OSError:
                continue
            if len(logs[-1]) == LOG_LIMIT:
                words = f"a transaction log of the registry hive was read up to {LOG_LIMIT:,} bytes only"
                yield Gap(KIND, Cause.LIMIT, words, file.source("file"))
        if not pages.apply([log for log in logs if log[:4] == b"regf"]):
            words = (
                "the registry hive was not written back in full and no transaction log beside it goes on from it: "
                "its last changes are missing"
            )
            yield Gap(KIND, Cause.DAMAGED, words, file.source("file"))
