"""The hyperscan engine. The only door to the library."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 1 << 30
"""The library takes a 32-bit length that the binding does not check: longer blocks are cut by us."""


class Hyperscan:
    """All patterns in one pass of a compiled database."""

    def __init__(self, patterns: Sequence[bytes]) -> None:
        import hyperscan

        self._found: list[tuple[int, int]] = []
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=list(patterns),
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[hyperscan.HS_FLAG_CASELESS] * len(patterns),
        )

    def _matched(self, number: int, _start: int, end: int, _flags: int, _context: object) -> None:
        self._found.append((end - 1, number))

    def found(self, block: bytes) -> list[tuple[int, int]]:
        if len(block) > MOST:
            raise ValueError("a block is at most 1 GiB")
        self._found = []
        self._database.scan(block, match_event_handler=self._matched)
        return sorted(self._found)
