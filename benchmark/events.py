"""Windows event logs a second: whole ``exhume assess`` over real logs, repeated to a size. See benchmark/README.md.

Every copy of the logs says the same again; nothing else is made up. ``--joined`` puts the chunks of all logs into large files,
as the logs of a server are, instead of many small ones, and ``--one`` into a single one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from run import timed

MIB = 1 << 20
HEADER, CHUNK = 4096, 65536
LARGE = 128 * MIB
"""Bytes of one joined log."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="+", type=Path, metavar="DIR", help="folders with event logs")
    parser.add_argument("--size", type=int, default=256, metavar="MIB", help="to repeat them to (256)")
    parser.add_argument("--joined", action="store_true", help="in files of 128 MiB")
    parser.add_argument("--one", action="store_true", help="in one file of that size")
    parser.add_argument("--sigma", type=Path, metavar="DIR", help="also with these rules beside the shipped packs")
    parser.add_argument("--no-sieve", action="store_true", help="also with every record decoded")
    parser.add_argument("--jobs", type=int, default=0, metavar="N")
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place, out = Path(scratch) / "EX01", Path(scratch) / "out"
        files = sorted(path for folder in options.logs for path in folder.rglob("*.evtx"))
        if options.joined or options.one:
            joined(files, place, options.size * MIB, options.size * MIB if options.one else LARGE)
        else:
            copied(files, place, options.size * MIB)
        exhume = [sys.executable, "-m", "exhume.cli", "assess", str(place), "--out", str(out), "--jobs", str(options.jobs)]
        commands = {"shipped packs": exhume}
        if options.sigma:
            commands["and Sigma rules"] = [*exhume, "--pack", str(options.sigma)]
        if options.no_sieve:
            commands["shipped packs, every record decoded"] = [*exhume, "--no-sieve"]
        rows = [measured(name, command, out, options.runs) for name, command in commands.items()]
        size = sum(path.stat().st_size for path in place.rglob("*.evtx"))
        print(f"{size / MIB:,.0f} MiB in {len(list(place.rglob('*.evtx')))} files; load average {os.getloadavg()[0]:.1f}")
        print("| rules | records | wall s | CPU s | records per wall s | records per CPU s |\n|---|---|---|---|---|---|")
        print("\n".join(rows))
    return 0


def copied(files: list[Path], place: Path, size: int) -> None:
    """Copies of all files, a folder for each turn."""
    done = turn = 0
    while done < size:
        folder = place / f"{turn:04}" / "Windows/System32/winevt/Logs"
        folder.mkdir(parents=True)
        for number, path in enumerate(files):
            shutil.copyfile(path, folder / f"{number:04}-{path.name}")
            done += path.stat().st_size
        turn += 1


def joined(files: list[Path], place: Path, size: int, large: int) -> None:
    """All chunks that hold something, again and again, in large files with one of the headers."""
    folder = place / "Windows/System32/winevt/Logs"
    folder.mkdir(parents=True)
    header = bytearray(files[0].read_bytes()[:HEADER])
    chunks = [chunk for path in files for chunk in chunks_of(path)]
    done = number = 0
    while done < size:
        with (folder / f"{number:04}.evtx").open("wb") as log:
            log.write(header)
            while log.tell() < large and done < size:
                done += log.write(b"".join(chunks))
        number += 1


def chunks_of(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    whole = (data[at : at + CHUNK] for at in range(HEADER, len(data) - CHUNK + 1, CHUNK))
    return (chunk for chunk in whole if chunk.startswith(b"ElfChnk\0"))


def measured(name: str, command: list[str], out: Path, runs: int) -> str:
    """A row of the table: medians, after a run that warms the page cache and compiles the rules."""
    timed(command)
    times = [timed(command) for _ in range(runs)]
    wall, cpu = (statistics.median(one[place] for one in times) for place in (0, 1))
    spans = json.loads((out / "assessment.json").read_text("utf-8"))["coverage"]["spans"]
    records = sum(span["records"] for span in spans if span["kind"] == "windows.event")
    return f"| {name} | {records:,} | {wall:.2f} | {cpu:.2f} | {records / wall:,.0f} | {records / cpu:,.0f} |"


if __name__ == "__main__":
    sys.exit(main())
