"""Archives as they break, and as attackers build them; made at run time."""

import gzip
import io
import struct
import tarfile
import warnings
import zipfile


def zipped(files, method=zipfile.ZIP_DEFLATED, level=None):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal names
        with zipfile.ZipFile(out, "w", method, compresslevel=level) as archive:
            for name, data in files:
                archive.writestr(name, data)
    return out.getvalue()


def patched(data, name, method=None, flags=0):
    """The zip with the method or flags of one member changed, in both of its headers."""
    out = bytearray(data)
    for magic, place, lead in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = -1
        while (at := out.find(magic, at + 1)) >= 0:
            if out[at + lead : at + lead + len(name)] == name.encode():
                out[at + place] |= flags
                if method is not None:
                    struct.pack_into("<H", out, at + place + 2, method)
    return bytes(out)


def overlapping(count, size):
    """Many members that share one body of zeros: the trick behind bombs of 46 MB that hold petabytes."""
    data = bytearray(zipped([("0.log", bytes(size))]))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[start:end], data[end:]
    directory = b"".join(bytes(entry).replace(b"0.log", f"{n % 10}.log".encode()) for n in range(count))
    struct.pack_into("<HHI", tail, 8, count, count, len(directory))
    return bytes(data[:start]) + directory + bytes(tail)


def nested(width, depth, last=b"row\r\n"):
    """``width`` equal archives in an archive, ``depth`` times over."""
    data = last
    for level in range(depth):
        ending = "log" if level == 0 else "zip"
        data = zipped([(f"{n}.{ending}", data) for n in range(width)])
    return data


def tarred(files, kind=tarfile.PAX_FORMAT, mode="w:"):
    """``files``: names with bytes, or ready-made headers without any."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=kind, errors="surrogateescape") as archive:
        for name, data in files:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1614816000
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def v7(files):
    """A tar as Unix v7 wrote it: no ``ustar`` mark, no prefix, only a checksum."""
    out = b""
    for name, data in files:
        head = struct.pack("100s8s8s8s12s12s8s1s100s255s", name.encode(), b"0000644\0", b"0000000\0", b"0000000\0",
                           b"%011o\0" % len(data), b"14020000000\0", b" " * 8, b"\0", b"", b"")  # fmt: skip
        out += head[:148] + b"%06o\0 " % sum(head) + head[156:] + data + bytes(-len(data) % 512)
    return out + bytes(1024)


def endless_name(mode):
    """A tar whose header promises a name of 4 GB, packed in a few bytes of zeros."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    head = info.tobuf(tarfile.GNU_FORMAT)
    return gzip.compress(head + bytes(20 << 20)) if mode == "gz" else head + bytes(1 << 20)
