"""Writes small EVTX files from nothing, for tests: plain BinXML without templates, true checksums.

Layout after Joachim Metz, "Windows XML Event Log (EVTX)". Shares no code with the reader.
"""

import struct
import zlib
from collections.abc import Sequence
from xml.etree import ElementTree as ET

CHUNK = 65536


def event_xml(
    number: int,
    time: str,
    strings: Sequence[str] = (),
    *,
    event_id=1,
    channel="MSExchange Management",
    provider="MSExchange CmdletLogs",
    computer="ex01.contoso.test",
    named=None,
) -> str:
    """One event as Windows shows it."""
    system = ET.Element("System")
    ET.SubElement(system, "Provider", Name=provider)
    for name, value in (("EventID", event_id), ("Level", 4)):
        ET.SubElement(system, name).text = str(value)
    ET.SubElement(system, "TimeCreated", SystemTime=time)
    for name, value in (("EventRecordID", number), ("Channel", channel), ("Computer", computer)):
        ET.SubElement(system, name).text = str(value)
    root = ET.Element("Event")
    root.append(system)
    data = ET.SubElement(root, "EventData")
    for text in strings:
        ET.SubElement(data, "Data").text = text
    for name, text in (named or {}).items():
        ET.SubElement(data, "Data", Name=name).text = text
    return ET.tostring(root, encoding="unicode")


def evtx(*chunks: Sequence[tuple[int, str]], dirty: bool = False) -> bytes:
    """A file of these chunks, each a list of (record number, event XML)."""
    last = max((number for chunk in chunks for number, _ in chunk), default=0)
    head = bytearray(4096)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, max(0, len(chunks) - 1), last + 1, 128, 1, 3, 4096, len(chunks))
    struct.pack_into("<II", head, 120, int(dirty), zlib.crc32(head[:120]))
    return bytes(head) + b"".join(_chunk(chunk) for chunk in chunks)


def _chunk(events: Sequence[tuple[int, str]]) -> bytes:
    out = bytearray(512)
    place = 512
    for number, xml in events:
        place = len(out)
        body = b"\x0f\x01\x01\x00" + _element(ET.fromstring(xml), place + 28) + b"\0"
        size = 28 + len(body)
        out += struct.pack("<IIQQ", 0x2A2A, size, number, 132_000_000_000_000_000) + body + struct.pack("<I", size)
    free = len(out)
    assert free <= CHUNK, "too many events for one chunk"
    first, last = (events[0][0], events[-1][0]) if events else (1, 2**64 - 1)
    struct.pack_into("<8sQQQQIII", out, 0, b"ElfChnk\0", first, last, first, last, 128, place, free)
    struct.pack_into("<I", out, 52, zlib.crc32(out[512:]))
    struct.pack_into("<I", out, 124, zlib.crc32(out[128:512], zlib.crc32(out[:120])))
    return bytes(out.ljust(CHUNK, b"\0"))


def _element(element: ET.Element, place: int) -> bytes:
    """BinXML of an element that starts ``place`` bytes into the chunk; names stand where they are used. Outside
    of a template the parser expects no dependency identifier."""
    attributes = bool(element.attrib)
    start = 9 + (4 if attributes else 0)
    name = _name(element.tag)
    listed = b""
    at = place + start + len(name)
    for key, value in element.attrib.items():
        listed += struct.pack("<BI", 0x06, at + len(listed) + 5) + _name(key) + _text(value)
    inner = b"\x02"
    if element.text:
        inner += _text(element.text)
    base = at + len(listed)
    for child in element:
        inner += _element(child, base + len(inner))
    inner += b"\x04"
    size = len(name) + (4 if attributes else 0) + len(listed) + len(inner)
    head = struct.pack("<BII", 0x41 if attributes else 0x01, size, place + 9)
    return head + name + (struct.pack("<I", len(listed)) if attributes else b"") + listed + inner


def _name(text: str) -> bytes:
    units = 0
    for unit in text.encode("utf-16-le")[::2]:
        units = (units * 65599 + unit) & 0xFFFFFFFF
    return struct.pack("<IHH", 0, units & 0xFFFF, len(text)) + text.encode("utf-16-le") + b"\0\0"


def _text(text: str) -> bytes:
    data = text.encode("utf-16-le")
    return b"\x05\x01" + struct.pack("<H", len(data) // 2) + data
