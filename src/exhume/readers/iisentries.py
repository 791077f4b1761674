"""What an IIS configuration file says, entry by entry; ``iisconfig`` tells which files these are."""

from __future__ import annotations

from collections.abc import Generator

from exhume.model import Cause, File, Gap, Reading, Record, Span, Value
from exhume.readers.configxml import walk
from exhume.readers.hashes import place
from exhume.readers.iisdefaults import (
    below_root,
    install_root_text,
    install_roots,
    is_clean,
    is_clean_name,
    plain_name,
    plain_path,
    plain_type,
)
from exhume.readers.iissections import Entry, Sections
from exhume.readers.vendors import recognised

_PATHS = ("image", "physicalPath", "scriptProcessor", "path")


def read_configuration(data: bytes, file: File) -> Generator[Record | Gap | Reading, None, list[Span]]:
    """The records, readings and the span of a file's bytes. What is no sound XML is read by its tags; a Gap says so."""
    sections, trouble = walk(data, Sections)
    channel = _channel(file, sections)
    roots = install_roots(str(e.fields.get(n, "")) for e in sections.entries for n in _PATHS)
    for entry in sections.entries:
        yield from _told(entry, file, channel, roots)
    yield from _root_reading(sections, file)
    if not trouble and sections.is_host:
        yield from _protection_reading(sections, file)
    if trouble:
        yield Gap("iis.config", Cause.DAMAGED, trouble, file.source("file"), channel=channel)
    if sections.left_out:
        detail = f"{sections.left_out} entries beyond the first {len(sections.entries)} were left out."
        yield Gap("iis.config", Cause.LIMIT, detail, file.source("file"), channel=channel, count=sections.left_out)
    return [Span("iis.config", channel, "", file.folder, records=len(sections.entries))]


def _channel(file: File, sections: Sections) -> str:
    lowered = file.name.lower()
    if lowered == "administration.config":
        return "administration"
    return "applicationHost" if sections.is_host or "applicationhost" in lowered else "web.config"


def _told(entry: Entry, file: File, channel: str, roots: frozenset[str]) -> Generator[Record | Reading, None, None]:
    """The record of an entry, and the reading if it is a mitigation."""
    fields: dict[str, Value] = dict(entry.fields)
    source = file.source(f"line {entry.line}")
    if entry.rule:
        fields |= entry.rule.fields()
    if entry.application:
        fields["application"] = entry.application
    if entry.removes:
        fields["removes"] = entry.removes
    derived = {"section": entry.section, "location": entry.location, "site": entry.site, "windows_path": place(file)[0]}
    fields |= {name: value for name, value in derived.items() if value}
    name, cve = entry.rule.mitigation() if entry.rule else ("", "")
    fields.pop("mitigation", None)
    if name:
        fields["mitigation"] = name
    fields["default"] = _is_default(entry, roots)
    if not fields["default"] and not entry.removes:
        fields |= _whose(entry)
    yield Record("iis.config", None, fields, source, channel, "", file.opener)
    if name:
        yield Reading("mitigation", f"{cve} {name}", file.modified.date() if file.modified else None, "exact", source)


def _whose(entry: Entry) -> dict[str, Value]:
    """Of a module or filter that is none of a clean set-up: which product's it is, or whose name it bears."""
    name = str(entry.fields.get("name", ""))
    kind, code = {"globalModules": ("module", "image"), "isapiFilters": ("filter", "path")}.get(entry.section, ("", ""))
    told = recognised(kind, name, str(entry.fields.get(code, ""))) if kind else {}
    if told.get("product"):
        return told
    managed = entry.section == "modules" and bool(entry.fields.get("type"))
    if (kind or managed) and is_clean_name(entry.section, plain_name(name)):
        return {"claims": "a part of IIS or Exchange"}
    return told


def _is_default(entry: Entry, roots: frozenset[str]) -> bool:
    """Does the entry stand in a clean Exchange set-up, by its name and its code?"""

    def text(name: str) -> str:
        return str(entry.fields.get(name, ""))

    section, name = entry.section, plain_name(text("name"))
    if entry.removes:
        return is_clean(f"{entry.removes} {section}", name or text("path").lower(), "")
    if section in ("globalModules", "isapiFilters"):
        return is_clean(section, name, below_root(text("image" if section == "globalModules" else "path"), roots))
    if section == "modules":
        return is_clean(section, name, plain_type(text("type")))
    if section == "handlers":
        return is_clean(section, name, f"{(text('path') or text('extension')).lower()} {_handler_code(entry, roots)}")
    if section == "virtualDirectory":
        url = f"{entry.application.rstrip('/')}/{text('path').strip('/')}".rstrip("/").lower() or "/"
        return is_clean(section, url, below_root(text("physicalPath"), roots))
    if section in ("site", "applicationPool"):
        return is_clean(section, name, "")
    if section == "logFile":
        folder = text("directory")
        return text("enabled").lower() != "false" and (not folder or is_clean(section, "", plain_path(folder)))
    if section == "httpErrors":
        return text("responseMode").lower() != "executeurl" or text("path").lower().startswith(
            "/owa/auth/errorfe.aspx?httpcode="
        )
    if section == "httpLogging":
        return text("dontLog").lower() != "true"
    return section == "machineKey" and "fixed" not in (text("validationKey"), text("decryptionKey"))


def _handler_code(entry: Entry, roots: frozenset[str]) -> str:
    """What a handler hands the request to: a .NET type, a DLL, or modules."""
    kind = str(entry.fields.get("type", ""))
    processor = str(entry.fields.get("scriptProcessor", ""))
    if kind:
        return plain_type(kind)
    return below_root(processor, roots) if processor else str(entry.fields.get("modules", "")).replace(" ", "").lower()


def _root_reading(sections: Sections, file: File) -> Generator[Reading, None, None]:
    """The install root, from the folders of the virtual directories."""
    roots: dict[str, Entry] = {}
    for entry in sections.entries:
        if entry.section == "virtualDirectory":
            root = install_root_text(str(entry.fields.get("physicalPath", "")))
            roots.setdefault(root, entry)
    roots.pop("", None)
    if len(roots) == 1:
        root, entry = roots.popitem()
        day = file.modified.date() if file.modified else None
        yield Reading("install", root, day, "hint", file.source(f"line {entry.line}"))


def _protection_reading(sections: Sections, file: File) -> Generator[Reading, None, None]:
    """Whether Extended Protection is on for all of Exchange's virtual directories. Not from a file that was read in part."""
    judged = sections.protection.judged()
    if judged.directories:
        day = file.modified.date() if file.modified else None
        yield Reading("setting", judged.value, day, "exact", file.source(f"line {sections.protection.line(judged)}"))
