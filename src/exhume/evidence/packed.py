"""Single compressed files (.gz, .xz, .zst, .bz2) and the decompressors that compressed tars share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast

from exhume.evidence.limits import Limits
from exhume.evidence.member import Lost, Member, Origin, clean

_MAGICS = {b"\x1f\x8b": "gz", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2"}


def packing(head: bytes) -> str:
    """``gz``, ``xz``, ``zst``, ``bz2``, or empty text."""
    return next((word for magic, word in _MAGICS.items() if head.startswith(magic)), "")


def unpack(source: BinaryIO) -> BinaryIO:
    """The decompressed bytes of ``source``, multi-stream files whole."""
    head = source.read(8)
    source.seek(0)
    word = packing(head)
    if word == "gz":
        from exhume.evidence.gz import GzipStream

        return cast(BinaryIO, GzipStream(source))
    if word == "xz":
        import lzma

        return cast(BinaryIO, lzma.LZMAFile(source))
    if word == "bz2":
        import bz2

        return cast(BinaryIO, bz2.BZ2File(source))
    if word == "zst":
        from exhume.evidence.zst import ZstdStream

        return cast(BinaryIO, ZstdStream(source))
    return source


class Packed:
    """The plug for one compressed file: ``u_ex210303.log.gz!/u_ex210303.log``."""

    sequential = False

    def __init__(self, origin: Origin, name: str, limits: Limits) -> None:
        self._origin = origin
        stem, _, ending = name.rpartition(".")
        self._name = stem if stem and ending.lower() in _MAGICS.values() else f"{name}.unpacked"

    @staticmethod
    def detect(head: bytes, inner: bytes) -> bool:
        return bool(packing(head))

    def members(self) -> Iterator[Member | Lost]:
        with self._origin() as source:
            source.seek(0, 2)
            packed = source.tell()
        yield Member(clean(self._name), 0, None, packed=packed)

    def open(self, key: int | str) -> BinaryIO:
        return unpack(self._origin())
