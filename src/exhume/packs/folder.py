"""Load a pack from a folder or a single file: ours, with a ``pack.yml``, or anybody's rules and indicators.

Nothing is parsed here but ``pack.yml``: which rules a file holds is told by its name and by a cheap look at its text,
so that a folder of thousands of Sigma rules loads in the time it takes to read it.
"""

from __future__ import annotations

import hashlib
import os
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from exhume.model.pack import Pack, PackFile, Problem, Role
from exhume.model.protocols import Kept, anew
from exhume.packs.manifest import MANIFEST, Manifest, PackError, one_line, read_manifest

LARGEST = 16 * 1024 * 1024
"""Bytes of one file of a pack; larger ones are left out with a Problem."""
MOST_FILES = 50_000

_DETECTION, _LOGSOURCE = re.compile(rb"\ndetection\s*:"), re.compile(rb"\nlogsource\s*:")
_CORRELATION, _FILTER = re.compile(rb"\ncorrelation\s*:"), re.compile(rb"\nfilter\s*:")
_CHIRP = re.compile(rb"\nioc_type\s*:")
_INDICATORS_JSON = re.compile(rb'"type"\s*:\s*"(?:bundle|indicator)"|"Attribute"\s*:|"pattern_type"\s*:')
_YAML, _YARA = frozenset({".yml", ".yaml"}), frozenset({".yar", ".yara"})
_PLACEHOLDERS = ("placeholders.yml", "placeholders.yaml")
_HASH_LISTS = frozenset({".sha256", ".sha1", ".md5"})
_READ = _YAML | _YARA | _HASH_LISTS | {".csv", ".json", ".stix", ".md", ".txt", ".zip"}
_BASELINE, _PAGES = b"path,sha256,releases", "pages.zip"
"""What ``exhume baseline add`` writes."""
_SHIPPED = Path(__file__).resolve().parent.parent / "content" / "packs"


def shipped(kept: Kept = anew) -> tuple[Pack, ...]:
    """The packs that come with exhume, by name."""
    if not _SHIPPED.is_dir():
        return ()
    return tuple(load(folder, kept) for folder in sorted(_SHIPPED.iterdir()) if (folder / MANIFEST).is_file())


def load(path: Path, kept: Kept = anew) -> Pack:
    """The pack in a folder or file.

    Files that cannot be used become ``Pack.problems``. Raises ``PackError`` when the pack as a whole cannot be used:
    nothing there, a bad ``pack.yml``, or neither rule nor indicator in it.
    """
    if not path.exists():
        raise PackError(path.name or str(path), "there is no such file or folder")
    manifest = _manifest(path, kept)
    name = manifest.name if manifest else _foreign_name(path)
    files: list[PackFile] = []
    problems: list[Problem] = []
    parts: list[tuple[str, str]] = []
    for found in _walk(path):
        if isinstance(found, tuple):
            problems.append(Problem(name, *found))
            continue
        try:
            if os.stat(found.path).st_size > LARGEST:
                problems.append(Problem(name, found.name, f"larger than {LARGEST // 2**20} MiB, left out"))
                continue
            data = found.read()
        except (OSError, ValueError) as error:
            problems.append(Problem(name, found.name, _reading(error)))
            continue
        role = role_of(found.name, data, own=manifest is not None)
        if role == "other" and manifest is None:
            continue
        beside = role == "sigma" and (_stands(_CORRELATION, data) or _stands(_FILTER, data))
        files.append(PackFile(found.path, role, found.name, beside))
        parts.append((found.name, hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()))
    if not manifest and not files:
        detail = f"; {problems[0].file}: {problems[0].reason}" if problems else ""
        raise PackError(name, f"no Sigma rule, YARA rule, indicator list or baseline in it{detail}")
    return _pack(name, manifest, files, problems, _digest(parts))


def _pack(name: str, manifest: Manifest | None, files: list[PackFile], problems: list[Problem], digest: str) -> Pack:
    ordered = tuple(sorted(files, key=lambda f: f.name))
    if manifest is None:
        return Pack(name, digest[:12], name, digest, own=False, files=ordered, problems=tuple(problems))
    return Pack(
        name=name,
        version=manifest.version,
        title=manifest.title,
        digest=digest,
        own=True,
        needs=manifest.needs,
        entry_cve=manifest.entry_cve,
        first_exploited=manifest.first_exploited,
        shared=manifest.shared,
        files=ordered,
        problems=tuple(problems),
    )


def role_of(name: str, data: bytes, *, own: bool) -> Role:
    """What a file of a pack is, by its name (``/`` between folders, without ``.b64``) and a cheap look at its text."""
    extension = os.path.splitext(name)[1].lower()
    if own and name == "plan.yml":
        return "plan"
    if own and name.startswith("cases/") and extension in _YAML:
        return "case"
    if extension in _YARA:
        return "yara"
    if extension in _YAML:
        if os.path.basename(name) in _PLACEHOLDERS:
            return "placeholders"
        if _stands(_DETECTION, data) or _stands(_CORRELATION, data):
            return "sigma"
        if _stands(_FILTER, data) and _stands(_LOGSOURCE, data):
            return "sigma"
        return "ioc" if _stands(_CHIRP, data) else "other"
    if extension == ".csv" and data.removeprefix(BOM_UTF8).startswith(_BASELINE):
        return "baseline"
    if name == _PAGES:
        return "pages"
    if extension == ".csv" or extension in _HASH_LISTS:
        return "ioc"
    if extension in {".json", ".stix"} and _INDICATORS_JSON.search(data):
        return "ioc"
    return "other"


def _stands(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Does a line begin so? A pattern that begins with the line's end is found many times faster than one with ``^``."""
    return pattern.search(b"\n" + data.removeprefix(BOM_UTF8)) is not None


def _manifest(path: Path, kept: Kept) -> Manifest | None:
    file = path / MANIFEST
    if not path.is_dir() or not file.is_file():
        return None
    try:
        return read_manifest(file.read_text("utf-8-sig"), kept)
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(MANIFEST, _reading(error)) from None


def _walk(path: Path) -> Iterator[PackFile | tuple[str, str]]:
    """The files that could matter; or name and reason of what is left out. Symbolic links are not followed."""
    if path.is_file():
        yield PackFile(path, "other", _plain(path.name))
        return
    waiting = [(path, "")]
    errors: list[tuple[str, str]] = []
    count = 0
    while waiting:
        folder, above = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            errors.append((above.rstrip("/") or folder.name, _reading(error)))
            continue
        inner: list[tuple[Path, str]] = []
        for entry in entries:
            name = above + _plain(entry.name)
            linked = entry.is_symlink()
            deeper = os.path.isdir(entry.path) if linked else entry.is_dir(follow_symlinks=False)
            if entry.name.startswith((".", "__") if deeper else "."):
                continue
            if not deeper and os.path.splitext(name)[1].lower() not in _READ:
                continue
            if linked:
                yield name, "a symbolic link, not followed"
            elif deeper:
                inner.append((folder / entry.name, f"{above}{entry.name}/"))
            else:
                count += 1
                if count > MOST_FILES:
                    yield name, f"more than {MOST_FILES} files: this one and those after it are left out"
                    return
                yield PackFile(folder / entry.name, "other", name)
        waiting += reversed(inner)
    yield from errors


def _plain(name: str) -> str:
    return name[:-4] if name.lower().endswith(".b64") else name


def _foreign_name(path: Path) -> str:
    resolved = path.resolve()
    name = resolved.stem if resolved.is_file() else resolved.name
    if resolved.is_file() and resolved.name.lower().endswith(".b64"):
        name = Path(name).stem
    return re.sub(r"[^\w.-]+", "-", name)[:60] or "pack"


def _reading(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or type(error).__name__}"
    return one_line(error)


def _digest(parts: list[tuple[str, str]]) -> str:
    """Over names and decoded contents, line ends as LF: the same on every platform and for a ``.b64`` form."""
    whole = hashlib.sha256()
    for name, content in sorted(parts):
        whole.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
