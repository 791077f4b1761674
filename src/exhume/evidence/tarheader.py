"""The headers of a tar archive, with tarfile's trust in them taken away."""

from __future__ import annotations

import tarfile
from typing import Self

from exhume.evidence.limits import EvidenceError
from exhume.model.vocabulary import Cause

_EXTENDED = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE))
_NAME_LIMIT = 1 << 20
"""Bytes of one extended header (long name, pax): tarfile reads it into memory as a whole, however large it says it is."""


class Header(tarfile.TarInfo):
    """A header. tarfile takes a torn or damaged one in mid-archive for the end; this one raises ``EvidenceError``."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the end mark
            raise EvidenceError("a header is damaged or the end mark is missing", Cause.DAMAGED) from error
        if info.size < 0 or (info.type in _EXTENDED and info.size > _NAME_LIMIT):
            raise EvidenceError("a header is damaged", Cause.DAMAGED)
        return info
