"""The hyperscan engine. The only door to the library."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from exhume.assess.kept import kept

MOST = 1 << 30
"""The library takes a 32-bit length that the binding does not check: longer blocks are cut by us."""


class Hyperscan:
    """All patterns in one pass of a compiled database."""

    def __init__(self, patterns: Sequence[bytes]) -> None:
        import hyperscan

        self._found: list[tuple[int, int]] = []
        version = f"{getattr(hyperscan, '__version__', '')} {platform.machine()} {platform.system()}".encode()
        made = kept([version, *patterns], lambda: _compiled(patterns))
        try:
            self._database = hyperscan.loadb(made, hyperscan.HS_MODE_BLOCK)
        except hyperscan.error:  # made on another processor: a home folder may be shared by several machines
            self._database = hyperscan.loadb(_compiled(patterns), hyperscan.HS_MODE_BLOCK)
        self._database.scratch = hyperscan.Scratch(self._database)

    def _matched(self, number: int, _start: int, end: int, _flags: int, _context: object) -> None:
        self._found.append((end - 1, number))

    def found(self, block: bytes) -> list[tuple[int, int]]:
        if len(block) > MOST:
            raise ValueError("a block is at most 1 GiB")
        self._found = []
        self._database.scan(block, match_event_handler=self._matched)
        return sorted(self._found)


def _compiled(patterns: Sequence[bytes]) -> bytes:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=list(patterns),
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=[hyperscan.HS_FLAG_CASELESS] * len(patterns),
    )
    return bytes(hyperscan.dumpb(database))
