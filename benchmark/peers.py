"""exhume beside other programs over the same evidence, in turns: event logs, files for YARA, text logs.

Nothing of the others is shipped: each is measured only where its path is given, and only the parts whose folder is given.
What a row means, and what each program leaves out: docs/explanation/speed-beside-others.md. See benchmark/README.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from run import timed

HERE = Path(__file__)
LITERALS = (
    "autodiscover.json", "proxylogon.ecp", "serverinfo~", "resetoabvirtualdirectory", "ddi/ddiservice.svc",
    "/ecp/y.js", "outlooken.aspx", "redirsuiteserverproxy", "/aspnet_client/", "shell.aspx",
    "python-requests", "antsword", "exchangeservicesclient/0.0.0.0", "new-mailboxexportrequest", "set-oabvirtualdirectory",
    "x-rps-cat", "securitytoken=", "load.aspx", "discover.aspx", "powershell?",
)  # fmt: skip
"""What the two loops look for, in lower case: twenty texts from the public reports on ProxyLogon and ProxyShell."""
BLOCK = 100_000
"""Rows that the pandas loop holds at a time."""
MB = 1_000_000


@dataclass(slots=True)
class Row:
    """One program over one part of the evidence."""

    part: str
    name: str
    command: list[str]
    said: Callable[[Path], str]
    """What its output in the scratch folder says, in a few words."""
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    words: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for part, words in (("evtx", "event logs"), ("files", "pages and binaries"), ("logs", "text logs")):
        parser.add_argument(f"--{part}", type=Path, metavar="DIR", help=words)
    parser.add_argument("--sigma", type=Path, metavar="DIR", help="Sigma rules (SigmaHQ's rules/) for all that read event logs")
    parser.add_argument("--yara", type=Path, metavar="DIR", help="YARA rules of others for exhume (signature-base's yara/)")
    parser.add_argument("--chainsaw", type=Path, metavar="FILE")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="chainsaw's mappings/sigma-event-logs-all.yml")
    parser.add_argument("--hayabusa", type=Path, metavar="FILE")
    parser.add_argument("--hayabusa-rules", type=Path, metavar="DIR")
    parser.add_argument("--zircolite", nargs=2, metavar=("PYTHON", "FILE"), help="its interpreter and zircolite.py")
    parser.add_argument("--zircolite-rules", type=Path, metavar="FILE", help="the Sigma rules as it saved them (-sr)")
    parser.add_argument("--loki", nargs=2, metavar=("PYTHON", "FILE"), help="its interpreter and loki.py, rules beside it")
    parser.add_argument("--pandas", metavar="PYTHON", help="an interpreter that has pandas")
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    parser.add_argument("--loop", nargs=2, metavar=("csv|pandas", "DIR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        print(LOOPS[options.loop[0]](Path(options.loop[1])))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        rows = list(_rows(options, Path(scratch)))
        sizes = {part: _size(getattr(options, part)) for part in dict.fromkeys(row.part for row in rows)}
        for turn in range(options.runs):
            for row in rows:
                _run(row, Path(scratch))
                told = f"{row.wall[-1]:.1f} s, {row.cpu[-1]:.1f} s of processor time; {row.words}"
                print(f"turn {turn + 1}: {row.part}: {row.name}: {told}", file=sys.stderr, flush=True)
            records = _records(Path(scratch) / "out")
            if options.json:
                _save(options.json, rows, sizes, records)
    print("\n".join(_tabled(rows, sizes, records)))
    return 0


def _rows(options: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    """The programs to measure, each with its command."""
    assess = [sys.executable, "-m", "exhume.cli", "assess"]
    python = [sys.executable, str(HERE)]
    out = scratch / "out"

    def exhume(part: str, name: str, *more: str) -> Row:
        folder = out / f"{part}-{len(more)}"
        return Row(part, name, [*assess, str(getattr(options, part)), "--out", str(folder), *more], lambda _: _assessed(folder))

    sigma = str(options.sigma)
    if options.evtx:
        logs = str(options.evtx)
        yield exhume("evtx", "exhume, its own packs")
        if options.sigma:
            yield exhume("evtx", "exhume, its own packs and Sigma rules", "--pack", sigma)
        if options.chainsaw and options.sigma and options.mapping:
            found = scratch / "chainsaw.json"
            command = [str(options.chainsaw), "hunt", logs, "-s", sigma, "--mapping", str(options.mapping), "--json"]
            yield Row(
                "evtx", "chainsaw hunt, Sigma rules", [*command, "-o", str(found), "--skip-errors"], lambda _: _chainsaw(found)
            )
        if options.hayabusa and options.hayabusa_rules:
            lines = scratch / "hayabusa.csv"
            rules = str(options.hayabusa_rules)
            command = [str(options.hayabusa), "csv-timeline", "-d", logs, "-r", rules, "-c", f"{rules}/config"]
            quiet = ["-w", "-q", "-Q", "-C", "-o", str(lines)]
            yield Row("evtx", "hayabusa csv-timeline, its rules", [*command, *quiet], lambda _: _lines(lines))
        if options.zircolite and options.zircolite_rules:
            hits = scratch / "zircolite.json"
            rules, settings = str(options.zircolite_rules), str(Path(options.zircolite[1]).parent / "config" / "config.yaml")
            command = [*options.zircolite, "-e", logs, "-r", rules, "-c", settings, "-o", str(hits), "-q"]
            log = ["-l", str(scratch / "zircolite.log")]
            yield Row("evtx", "Zircolite, Sigma rules", [*command, *log], lambda _: _zircolite(hits))
    if options.files:
        yield exhume("files", "exhume, its own packs")
        if options.yara:
            yield exhume("files", "exhume, its own packs and signature-base", "--pack", str(options.yara))
        if options.loki:
            quiet = ["--noprocscan", "--nopesieve", "--noindicator", "--dontwait", "--intense", "--csv"]
            log = scratch / "loki.log"
            command = [*options.loki, "-p", str(options.files), *quiet, "-l", str(log)]
            yield Row("files", "Loki --intense, signature-base", command, lambda _: _loki(log))
    if options.logs:
        yield exhume("logs", "exhume, its own packs")
        yield Row("logs", "csv module, 20 texts a row", [*python, "--loop", "csv", str(options.logs)], _printed)
        if options.pandas:
            yield Row(
                "logs",
                "pandas, 20 texts a cell",
                [options.pandas, *python[1:], "--loop", "pandas", str(options.logs)],
                _printed,
            )


def _save(target: Path, rows: list[Row], sizes: dict[str, int], records: int) -> None:
    machine = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    told = [{name: value for name, value in asdict(row).items() if name != "said"} for row in rows]
    found = {**machine, "bytes": sizes, "records": records, "load": os.getloadavg(), "rows": told}
    target.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _run(row: Row, scratch: Path) -> None:
    printed = scratch / "printed"
    wall, cpu = timed(row.command, printed)
    row.wall.append(wall)
    row.cpu.append(cpu)
    row.words = row.said(printed)


def _tabled(rows: list[Row], sizes: dict[str, int], records: int) -> list[str]:
    """Medians in Markdown."""
    lines = ["| over | program | wall s | CPU s | MB per wall s | records per wall s | records per CPU s | says |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in rows:
        wall, cpu = statistics.median(row.wall), statistics.median(row.cpu)
        each = [f"{records / wall:,.0f}", f"{records / cpu:,.0f}"] if row.part == "evtx" else ["", ""]
        cells = [row.part, row.name, f"{wall:.1f}", f"{cpu:.1f}", f"{sizes[row.part] / MB / wall:,.1f}", *each, row.words]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    lines += [
        f"{part}: {size / MB:,.0f} MB{f', {records:,} records' if part == 'evtx' else ''}" for part, size in sizes.items()
    ]
    return lines


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _records(out: Path) -> int:
    """Records that exhume read in the event logs."""
    told = out / "evtx-0" / "assessment.json"
    return sum(span["records"] for span in json.loads(told.read_text("utf-8"))["coverage"]["spans"]) if told.exists() else 0


def _assessed(folder: Path) -> str:
    told = json.loads((folder / "assessment.json").read_text("utf-8"))
    count, coverage = sum(f["count"] for f in told["findings"]), told["coverage"]
    gaps = sum(gap.get("count", 1) for gap in coverage["gaps"])
    return f"{count:,} hits in {len(told['findings']):,} findings; {gaps:,} gaps"


def _chainsaw(found: Path) -> str:
    return f"{len(json.loads(found.read_text('utf-8'))):,} hits"


def _lines(found: Path) -> str:
    with found.open("rb") as stream:
        return f"{sum(1 for _ in stream) - 1:,} hits"


def _zircolite(found: Path) -> str:
    return f"{sum(hit['count'] for hit in json.loads(found.read_text('utf-8'))):,} hits"


def _loki(log: Path) -> str:
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    return f"{text.count(',ALERT,'):,} alerts, {text.count(',WARNING,'):,} warnings"


def _printed(printed: Path) -> str:
    return printed.read_text("utf-8").strip()


def _text_logs(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".log", ".csv"))


def _with_csv(folder: Path) -> str:
    rows = hits = 0
    for path in _text_logs(folder):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            for cells in csv.reader(stream, delimiter=_delimiter(path)):
                if cells and cells[0].startswith("#"):
                    continue
                rows += 1
                text = " ".join(cells).lower()
                hits += any(one in text for one in LITERALS)
    return f"{hits:,} of {rows:,} rows"


def _with_pandas(folder: Path) -> str:
    import re

    import pandas

    pattern = re.compile("|".join(map(re.escape, LITERALS)), re.IGNORECASE)
    rows = hits = failed = 0
    for path in _text_logs(folder):
        names = _names(path)
        try:
            for block in pandas.read_csv(
                path, sep=_delimiter(path), names=names, header=None, comment="#", dtype=str, chunksize=BLOCK,
                encoding="utf-8-sig", encoding_errors="replace", on_bad_lines="skip", index_col=False,
            ):  # fmt: skip
                rows += len(block)
                found = block.apply(lambda column: column.str.contains(pattern, na=False)).any(axis=1)
                hits += int(found.sum())
        except (ValueError, pandas.errors.ParserError):
            failed += 1
    return f"{hits:,} of {rows:,} rows; {failed} files refused"


LOOPS: dict[str, Callable[[Path], str]] = {"csv": _with_csv, "pandas": _with_pandas}


def _delimiter(path: Path) -> str:
    with path.open("rb") as stream:
        return " " if b"#Software: Microsoft Internet Information" in stream.read(512) else ","


def _names(path: Path) -> list[str]:
    """The columns, as the first header names them."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for line in stream:
            if line.startswith("#Fields:"):
                return line.split(":", 1)[1].strip().split(_delimiter(path))
            if not line.startswith("#"):
                return line.strip().split(_delimiter(path))
    return []


if __name__ == "__main__":
    sys.exit(main())
