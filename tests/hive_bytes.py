"""A small registry hive, and transaction logs of it, made from nested dictionaries."""

import struct
from datetime import UTC, datetime

from exhume.readers.hive.pages import checksum, marvin32

NONE = 0xFFFFFFFF
WRITTEN = datetime(2021, 3, 9, 21, 15, tzinfo=UTC)


def hive(tree, name="emRoot\\System32\\Config\\SOFTWARE", primary=5, secondary=5, written=WRITTEN, listed=b"lh"):
    """``tree``: a dictionary is a key, a text, a number or bytes a value."""
    cells = bytearray(b"hbin".ljust(32, b"\0"))

    def cell(data):
        data += bytes(-(len(data) + 4) % 8)
        place = len(cells)
        cells.extend(struct.pack("<i", -(len(data) + 4)) + data)
        return place

    def value(label, said):
        if isinstance(said, int):
            size, data, kind = 4 | 0x80000000, said, 4
        elif isinstance(said, bytes):
            size, data, kind = len(said), cell(said), 3
        else:
            raw = (said + "\0").encode("utf-16-le")
            size, data, kind = len(raw), cell(raw), 1
        encoded = label.encode("latin-1")
        return cell(b"vk" + struct.pack("<HIIIHH", len(encoded), size, data, kind, 1, 0) + encoded)

    def key(label, inside):
        children = [key(n, i) for n, i in inside.items() if isinstance(i, dict)]
        values = [value(n, v) for n, v in inside.items() if not isinstance(v, dict)]
        width = "<II" if listed in (b"lf", b"lh") else "<I"
        entries = b"".join(struct.pack(width, c, 0) if width == "<II" else struct.pack(width, c) for c in children)
        below = cell((b"li" if listed == b"ri" else listed) + struct.pack("<H", len(children)) + entries) if children else NONE
        if listed == b"ri" and children:
            below = cell(b"ri" + struct.pack("<HI", 1, below))
        held = cell(b"".join(struct.pack("<I", v) for v in values)) if values else NONE
        encoded = label.encode("latin-1")
        stamp = int((written - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
        body = struct.pack("<HQIIIIIIIIIIIIIIIHH", 0x20, stamp, 0, 0, len(children), 0, below, NONE, len(values), held, NONE,
                           NONE, 0, 0, 0, 0, 0, len(encoded), 0)  # fmt: skip
        return cell(b"nk" + body + encoded)

    root = key("ROOT", tree)
    cells.extend(bytes(-len(cells) % 4096))
    return base(root, len(cells), name, primary, secondary) + bytes(cells)


def base(root, size, name, primary, secondary):
    head = b"regf" + struct.pack("<IIQIIIIIII", primary, secondary, 0, 1, 5, 0, 1, root, size, 1)
    head += name.encode("utf-16-le")[:64].ljust(64, b"\0")
    head = head.ljust(508, b"\0")
    return (head + struct.pack("<I", checksum(head))).ljust(4096, b"\0")


def log(old, new, number, name="SOFTWARE"):
    """The transaction log (``HvLE``) that makes ``old`` into ``new``."""
    pages = [at for at in range(0, len(new) - 4096, 4096) if new[4096 + at : 8192 + at] != old[4096 + at : 8192 + at]]
    data = b"".join(struct.pack("<II", at, 4096) for at in pages) + b"".join(new[4096 + at : 8192 + at] for at in pages)
    size = -(-(40 + len(data)) // 512) * 512
    data = data.ljust(size - 40, b"\0")
    head = b"HvLE" + struct.pack("<IIIII", size, 0, number, len(new) - 4096, len(pages)) + struct.pack("<Q", marvin32(data))
    return base(32, 0, name, number, number)[:512] + head + struct.pack("<Q", marvin32(head)) + data


def old_log(old, new, number, name="SOFTWARE"):
    """The same as Windows before 8.1 wrote it (``DIRT``); both hives are of one size."""
    size = len(new) - 4096
    bits, pages = bytearray(size // 4096), b""
    for index in range(size // 512):
        at = 4096 + index * 512
        if new[at : at + 512] != old[at : at + 512]:
            bits[index >> 3] |= 1 << (index & 7)
            pages += new[at : at + 512]
    vector = b"DIRT" + bytes(bits)
    return base(32, size, name, number, number)[:512] + vector.ljust(-(-len(vector) // 512) * 512, b"\0") + pages
