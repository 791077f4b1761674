"""How many findings a reader gets: for each scenario of the simulator, and for any evidence. See benchmark/README.md.

``--source DIR`` runs another version beside this one and prints both numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from exhume.simulator import scenarios, simulate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evidence", nargs="*", type=Path, help="assessed too, each by itself")
    parser.add_argument("--each", type=Path, nargs="*", default=[], metavar="DIR", help="every file in it by itself, added up")
    parser.add_argument(
        "--pack", type=Path, action="append", default=[], metavar="DIR", help="for what --each and EVIDENCE name"
    )
    parser.add_argument("--no-scenarios", action="store_true")
    parser.add_argument("--source", type=Path, metavar="DIR", help="another version's `src`, measured first")
    arguments = parser.parse_args()
    versions = [arguments.source, None] if arguments.source else [None]
    print(f"{'evidence':40} {'verdict':14} " + " ".join(f"{name:>9}" for name in ("before", "now")[2 - len(versions) :]))
    with tempfile.TemporaryDirectory() as scratch:
        for name in () if arguments.no_scenarios else scenarios():
            truth = simulate(name, Path(scratch) / name)
            period = ["--since", str(truth.since), "--until", str(truth.until)]
            show(name, [counted(Path(scratch) / name, period, source) for source in versions])
    packs = [word for pack in arguments.pack for word in ("--pack", str(pack))]
    for path in arguments.evidence:
        show(path.name, [counted(path, packs, source) for source in versions])
    for folder in arguments.each:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        added = [[counted(path, packs, source) for path in files] for source in versions]
        show(
            f"{folder.name}: {len(files)} files", [(f"most {max(n for _, n in one)}", sum(n for _, n in one)) for one in added]
        )
    return 0


def show(name: str, found: Sequence[tuple[str, int]]) -> None:
    print(f"{name:40} {found[-1][0]:14} " + " ".join(f"{number:9,}" for _, number in found), flush=True)


def counted(path: Path, options: Sequence[str], source: Path | None) -> tuple[str, int]:
    """The verdict and the number of findings."""
    environment = dict(os.environ) | ({"PYTHONPATH": str(source)} if source else {})
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "exhume.cli", "assess", str(path), "--out", out, "--jobs", "1", *options]
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            return ("refused", 0)
        told = json.loads((Path(out) / "assessment.json").read_bytes())
    return (told["verdict"], len(told["findings"]))


if __name__ == "__main__":
    sys.exit(main())
