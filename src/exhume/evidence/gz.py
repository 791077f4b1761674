"""Gzip members as one stream, by ISA-L where it has a wheel (2.5 times zlib's speed on log text), else by zlib.

Neither library's own file object is used: Python's takes what follows the last member for damage before it gives all bytes
out, ISA-L's loses up to 128 KiB of good text before a break.

References: RFC 1952.
"""

from __future__ import annotations

import zlib
from typing import Any, BinaryIO

from exhume.evidence.unpacking import Unpacking

_FEED = 64 << 10
"""Packed bytes read at once."""
_HEADER = 128 << 10
"""Packed bytes given at the start of a member: its header (up to 64 KiB of extra field, and a name) must not be torn, or
ISA-L takes it for damage."""
_GIVEN = 1 << 20
"""Unpacked bytes taken at once, so that zeros (1,030 : 1) do not fill the memory."""


def _engine() -> tuple[Any, Any]:
    """The library and the class of its errors."""
    try:
        from isal import isal_zlib
    except ImportError:  # no wheel for this machine
        return zlib, zlib.error
    return isal_zlib, isal_zlib.error


class GzipStream(Unpacking):
    """Raises ``EOFError`` for a cut-off member and ``ValueError`` for a damaged one, after all bytes before it.

    Zeros after the last member are padding (tapes, block devices); anything else there is damage. It leaves its source open.
    """

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._library, self._error = _engine()
        self._member: Any = None

    def _more(self) -> bool:
        """Some more bytes in ``_ready`` (perhaps none yet); false at the end."""
        if self._member is None and not self._begin():
            return False
        fed = self._packed or self._source.read(_FEED)
        try:
            self._ready, self._at = self._member.decompress(fed, _GIVEN), 0
        except self._error as error:
            raise ValueError("damaged gzip data") from error
        if self._member.eof:
            self._packed, self._member = self._member.unused_data, None
        else:
            self._packed = self._member.unconsumed_tail
            if not fed and not self._ready:
                raise EOFError("cut off inside a gzip member")
        return True

    def _begin(self) -> bool:
        """A new member, if one follows."""
        while True:
            while len(self._packed) < _HEADER and (block := self._source.read(_FEED)):
                self._packed += block
            if not self._packed:
                return False
            if not self._packed.startswith(b"\0"):
                break
            self._packed = self._packed.lstrip(b"\0")
        if not b"\x1f\x8b\x08".startswith(self._packed[:3]):
            raise ValueError("something else follows the last gzip member")
        self._member = self._library.decompressobj(31)
        return True
