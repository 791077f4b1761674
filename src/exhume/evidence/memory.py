"""A tree in memory, for tests and small tools."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from exhume.evidence.member import Lost, Member


class Memory:
    """The plug for bytes held in a mapping."""

    sequential = False

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self._content = dict(content)

    def members(self) -> Iterator[Member | Lost]:
        for path in sorted(self._content):
            yield Member(path, path, len(self._content[path]))

    def open(self, key: int | str) -> BinaryIO:
        return io.BytesIO(self._content[str(key)])
