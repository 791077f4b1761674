"""Indicator files: our CSV, CSV of others, MISP events, STIX bundles, hash lists, CHIRP's address lists.

References: docs/reference/packs.md for our CSV; headers of others as met in the published files of sophoslabs/IoCs,
volexity/threat-intel and eset/malware-ioc; MISP core format (https://www.misp-standard.org/rfc/misp-standard-core.html).
"""

from __future__ import annotations

import csv
import io
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from exhume.detectors.ioc.contents import Contents
from exhume.detectors.ioc.indicator import HASH_LENGTHS, Indicator, normal
from exhume.detectors.ioc.stix import stix_values
from exhume.model import Pack, PackFile, Problem

PROBLEMS_TOLD = 20
"""Problems told of one file; the rest is counted."""
_SYNONYMS = {
    "ip": "ip", "ipaddress": "ip", "ipaddr": "ip", "ipv4": "ip", "ipv6": "ip", "ipv4addr": "ip", "ipv6addr": "ip",
    "ipdst": "ip", "ipsrc": "ip", "ipport": "ip", "cidr": "ip", "ipdstport": "ip", "ipsrcport": "ip", "domain":
    "domain", "hostname": "domain", "host": "domain", "fqdn": "domain", "domainname": "domain", "domainport":
    "domain", "url": "url", "uri": "url", "urlpath": "url_path", "uripath": "url_path", "sha256": "sha256",
    "sha256hash": "sha256", "sha1": "sha1", "sha1hash": "sha1", "md5": "md5", "md5hash": "md5", "hash": "hash",
    "filehash": "hash", "filesha256": "sha256", "filesha1": "sha1", "filemd5": "md5", "file": "file", "filename":
    "filename", "filepath": "file", "filepathname": "file", "path": "file", "fullpath": "file", "useragent":
    "user_agent", "httpuseragent": "user_agent", "webshellparameter": "webshell_parameter", "string": "string",
}  # fmt: skip
_TYPE_COLUMNS = ("type", "indicatortype", "entitytype", "ioctype", "indicator")
_VALUE_COLUMNS = ("value", "data", "hash", "indicatorvalue", "ioc", "indicator")
_NOTE_COLUMNS = ("cluster", "note", "notes", "description", "details", "comment")


@dataclass(frozen=True, slots=True)
class Raw:
    """An indicator as a file gives it."""

    type: str
    value: str
    campaign: str = ""
    cluster: str = ""
    first_seen: str = ""
    source: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something in a file that cannot be used, and why."""

    place: str
    reason: str


def contents(pack: Pack) -> Contents:
    """All indicator files of a pack. Never raises."""
    found: list[Indicator] = []
    problems: list[Problem] = []
    for file in pack.of("ioc"):
        usable, refused = indicators(pack, file)
        found += usable
        problems += refused
    names = [field.name for field in fields(Indicator)]
    saved = json.dumps([[getattr(one, name) for name in names] for one in found]).encode()
    return Contents(saved, frozenset(one.type for one in found), tuple(problems))


def indicators(pack: Pack, file: PackFile) -> tuple[list[Indicator], list[Problem]]:
    """The indicators of one file, and what in it cannot be used. Never raises."""
    try:
        text = file.text()
    except (OSError, ValueError) as error:
        return [], [Problem(pack.name, file.name, f"cannot be read: {error}")]
    found: list[Indicator] = []
    refused: list[Refused] = []
    for item in _parse(file.name, text):
        if isinstance(item, Refused):
            refused.append(item)
            continue
        try:
            kind, value = normal(_kind(item.type, item.value), item.value)
        except ValueError as error:
            refused.append(Refused(item.place, str(error)))
            continue
        campaign = pack.name if pack.own else item.campaign or pack.name
        found.append(
            Indicator(kind, value, pack.name, pack.own, campaign, item.cluster, item.first_seen, item.source or file.name)
        )
    return found, _problems(pack.name, file.name, refused)


def _problems(pack: str, file: str, refused: list[Refused]) -> list[Problem]:
    told = [Problem(pack, file, f"{r.place}: {r.reason}" if r.place else r.reason) for r in refused[:PROBLEMS_TOLD]]
    if len(refused) > PROBLEMS_TOLD:
        reasons = Counter(r.reason for r in refused[PROBLEMS_TOLD:]).most_common(3)
        listed = "; ".join(f"{reason} ({count})" for reason, count in reasons)
        told.append(Problem(pack, file, f"{len(refused) - PROBLEMS_TOLD} more cannot be used: {listed}"))
    return told


def _parse(name: str, text: str) -> Iterator[Raw | Refused]:
    extension = name.rpartition(".")[2].lower()
    if extension in HASH_LENGTHS:
        lines = (line.split() for line in text.splitlines() if not line.startswith(("#", ";")))
        yield from (Raw(extension, words[0], place=f"line with {words[0][:12]}…") for words in lines if words)
    elif extension in {"json", "stix"}:
        yield from _json(text)
    elif extension in {"yml", "yaml"}:
        yield from _chirp(text)
    else:
        yield from _csv(text)


def _kind(word: str, value: str) -> str:
    kind = _SYNONYMS.get(re.sub(r"[^a-z0-9]", "", word.lower()), word)
    if kind == "hash":
        return next((h for h, length in HASH_LENGTHS.items() if length == len(value.strip())), "hash")
    if kind == "file":
        return "path" if "\\" in value or "/" in value else "filename"
    return kind


def _csv(text: str) -> Iterator[Raw | Refused]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        yield Refused("", "it is empty")
        return
    delimiter = max(",;\t", key=lines[0].count)
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
    try:
        header = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in next(rows)]
        columns = _columns(header)
        if columns is None:
            yield Refused("", "its columns are not known: one for the type and one for the value of an indicator are needed")
            return
        for number, row in enumerate(rows, 2):
            yield from _row(columns, [cell.strip() for cell in row], f"row {number}")
    except csv.Error as error:
        yield Refused("", f"not CSV: {error}")


@dataclass(frozen=True, slots=True)
class _Columns:
    type: int
    value: int
    note: int | None
    others: dict[str, int]


def _columns(header: list[str]) -> _Columns | None:
    kind = next((header.index(name) for name in _TYPE_COLUMNS if name in header), None)
    value = next((header.index(name) for name in _VALUE_COLUMNS if name in header and header.index(name) != kind), None)
    if kind is None or value is None:
        return None
    note = next((header.index(name) for name in _NOTE_COLUMNS if name in header), None)
    others: dict[str, int] = {name: header.index(name) for name in ("campaign", "firstseen", "source") if name in header}
    return _Columns(kind, value, note, others)


def _row(columns: _Columns, row: list[str], place: str) -> Iterator[Raw | Refused]:
    def cell(index: int | None) -> str:
        return row[index] if index is not None and index < len(row) else ""

    word = re.sub(r"[^a-z0-9]", "", cell(columns.type).lower())
    if not word and not cell(columns.value):
        return
    if word in {"description", "information", "info"}:
        return  # a remark about the list, as sophoslabs writes it in the first row
    if word not in _SYNONYMS:
        yield Refused(place, f"indicators of the type {cell(columns.type)[:40]!r} are not supported")
        return
    value = cell(columns.value)
    if word in {"ipport", "ipdstport", "ipsrcport"}:
        value = re.split(r"[|\s]|(?<=\d):(?=\d+$)", value)[0]
    others = {name: cell(index) for name, index in columns.others.items()}
    yield Raw(
        cell(columns.type),
        value,
        campaign=others.get("campaign", ""),
        cluster=cell(columns.note)[:120],
        first_seen=others.get("firstseen", "")[:10],
        source=others.get("source", "")[:300],
        place=place,
    )


def _json(text: str) -> Iterator[Raw | Refused]:
    try:
        top = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield Refused("", f"not JSON: {str(error)[:120]}")
        return
    if isinstance(top, dict) and isinstance(top.get("objects"), list) and top.get("type") == "bundle":
        yield from _stix(top["objects"])
    elif isinstance(top, dict) and top.get("type") == "indicator":
        yield from _stix([top])
    else:
        events = list(_misp_events(top))
        if not events:
            yield Refused("", "neither a STIX bundle nor a MISP event")
        for event in events:
            yield from _misp(event)


def _stix(objects: list[Any]) -> Iterator[Raw | Refused]:
    for item in objects:
        if not isinstance(item, dict) or item.get("type") != "indicator" or item.get("revoked") is True:
            continue
        place = str(item.get("id", "indicator"))[:60]
        name = str(item.get("name") or item.get("description") or "")[:120]
        if item.get("pattern_type", "stix") != "stix":
            yield Refused(place, f"patterns in {str(item['pattern_type'])[:20]!r} are not supported inside STIX")
            continue
        try:
            for kind, value in stix_values(str(item.get("pattern", ""))):
                yield Raw(kind, value, cluster=name, first_seen=str(item.get("valid_from", ""))[:10], place=place)
        except ValueError as error:
            yield Refused(place, str(error))


def _misp_events(top: object) -> Iterator[dict[str, Any]]:
    items: Iterable[Any] = top if isinstance(top, list) else (top,)
    for item in items:
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("response"), list | dict):
            yield from _misp_events(item["response"])
        elif isinstance(item.get("Event"), dict):
            yield item["Event"]
        elif isinstance(item.get("Attribute"), list):
            yield item


def _misp(event: dict[str, Any]) -> Iterator[Raw | Refused]:
    """``to_ids`` is not asked for: ESET's published events set it nowhere."""
    attributes = list(_dicts(event.get("Attribute")))
    for item in _dicts(event.get("Object")):
        attributes += list(_dicts(item.get("Attribute")))
    info, day = str(event.get("info", ""))[:120], str(event.get("date", ""))[:10]
    unsupported: Counter[str] = Counter()
    for attribute in attributes:
        if attribute.get("deleted") in (True, "1"):
            continue
        kinds, values = str(attribute.get("type", "")).split("|"), str(attribute.get("value", "")).split("|")
        comment = str(attribute.get("comment") or "")[:120]
        usable = False
        for kind, value in zip(kinds, values, strict=False):
            if re.sub(r"[^a-z0-9]", "", kind.lower()) in _SYNONYMS:
                usable = True
                yield Raw(kind, value, campaign=info, cluster=comment, first_seen=day, place=f"attribute {value[:20]!r}")
        if not usable and attribute.get("to_ids") in (True, "1"):
            unsupported["|".join(kinds)[:40]] += 1
    for kind, count in unsupported.items():
        yield Refused(f"{count} attributes", f"indicators of the type {kind!r} are not supported")


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _chirp(text: str) -> Iterator[Raw | Refused]:
    """CISA's CHIRP: of its kinds only ``network`` is an indicator list; the others are rules in its own language."""
    import yaml

    try:
        documents = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        yield Refused("", f"not YAML: {' '.join(str(error).split())[:120]}")
        return
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict):
            continue
        place, name = f"document {number}", str(document.get("name", ""))[:120]
        body = document.get("indicator")
        if document.get("ioc_type") != "network" or not isinstance(body, dict):
            yield Refused(place, f"CHIRP's {str(document.get('ioc_type'))[:20]!r} indicators are not supported")
            continue
        for word in re.split(r"[\s,]+", " ".join(str(value) for value in body.values())):
            if word:
                yield Raw(_ip_or_domain(word), word, cluster=name, place=place)


def _ip_or_domain(word: str) -> str:
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return "domain"
    return "ip"
