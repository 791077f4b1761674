"""Web shells found and good pages accused: exhume's analysis, its YARA rules and others', over the same files in one run.

``--shells`` and ``--pages`` are folders of files (see benchmark/README.md for those that the published figures are of); they
are read and never run. ``--rules`` is a folder of YARA rules of others, for instance signature-base.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from exhume.detectors.webcode import WebCode
from exhume.detectors.yara import Yara
from exhume.model import Finding, Gap, Host, Record, Severity, Source
from exhume.packs import load, shipped

PAGES = frozenset(
    ("aspx", "ashx", "asmx", "ascx", "asax", "svc", "asp", "asa", "cer", "cdx", "cshtml", "vbhtml", "master", "soap", "inc")
)
LEAST = Severity.MEDIUM
MB = 1_000_000

Detect = Callable[[Record], Iterator[Finding | Gap]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shells", type=Path, metavar="DIR", help="every file in it is taken for a web shell")
    parser.add_argument("--only", type=Path, metavar="FILE", help="SHA-256 sums, one a line: of the shells only these files")
    parser.add_argument("--pages", type=Path, nargs="*", default=[], metavar="DIR", help="good pages, by their endings")
    parser.add_argument("--rules", type=Path, metavar="DIR", help="YARA rules of others")
    parser.add_argument("--list", action="store_true", help="name the files that each side misses or accuses")
    arguments = parser.parse_args()
    sides: dict[str, Detect] = {
        "analysis": WebCode().detect,
        "own YARA rules": Yara.from_packs(shipped(), Host()).detect,
    }
    if arguments.rules:
        sides["rules of others"] = Yara.from_packs([load(arguments.rules)], Host()).detect
    if arguments.shells:
        report("web shells", shells(arguments.shells, arguments.only), sides, wanted=True, named=arguments.list)
    if arguments.pages:
        report("good pages", good(arguments.pages), sides, wanted=False, named=arguments.list)
    return 0


def shells(folder: Path, only: Path | None) -> list[tuple[str, bytes]]:
    sums = {line.split()[0].lower() for line in only.read_text().splitlines() if line.strip()} if only else set()
    found: dict[str, tuple[str, bytes]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if not only or digest in sums:
            found.setdefault(digest, (path.relative_to(folder).as_posix(), data))
    return list(found.values())


def good(folders: list[Path]) -> list[tuple[str, bytes]]:
    paths = sorted(p for f in folders for p in f.rglob("*") if p.is_file() and p.suffix[1:].lower() in PAGES)
    return [(p.as_posix(), p.read_bytes()) for p in paths]


def report(title: str, files: list[tuple[str, bytes]], sides: dict[str, Detect], *, wanted: bool, named: bool) -> None:
    size = sum(len(data) for _, data in files)
    print(f"{title}: {len(files)} files, {size / MB:.2f} MB")
    found: dict[str, set[str]] = {}
    records = [(name, record(name, data)) for name, data in files]
    for side, detect in sides.items():
        gc.collect()  # what the last side left behind is not this one's time
        start = time.process_time()
        found[side] = {name for name, file in records if told(detect, file)}
        seconds = time.process_time() - start
        line(side, len(found[side]), len(files), f"{size / MB / max(seconds, 1e-9):8.1f} MB per second of one core")
    both = found["analysis"] | found["own YARA rules"]
    line("analysis or own rules", len(both), len(files), "")
    if named:
        for side, names in found.items():
            listed = [name for name, _ in files if (name not in names) == wanted]
            print(f"  {side} {'misses' if wanted else 'accuses'}: {', '.join(listed) or 'none'}")


def line(side: str, hits: int, total: int, speed: str) -> None:
    print(f"  {side:24} {hits:5} of {total} ({100 * hits / max(total, 1):.1f} %)  {speed}".rstrip())


def told(detect: Detect, file: Record) -> bool:
    """Is there a finding of severity medium or above?"""
    return any(isinstance(r, Finding) and r.severity >= LEAST for r in detect(file))


def record(name: str, data: bytes) -> Record:
    path = f"C/inetpub/wwwroot/{Path(name).name}"
    fields = {
        "path": path,
        "windows_path": "C:\\" + path[2:].replace("/", "\\"),
        "extension": Path(name).suffix[1:].lower(),
        "served": True,
    }
    return Record(
        "web.file", None, fields, Source("benchmark", path, "file"), "web", opener=lambda: contextlib.closing(io.BytesIO(data))
    )


if __name__ == "__main__":
    sys.exit(main())
