"""How long a start takes: ``python benchmark/start.py [--pack DIR] [--evidence FILE] [--source DIR]... [--runs N]``.

Each command runs in turn, once for nothing (it compiles what is kept) and then ``--runs`` times; medians of wall time and of
CPU time with all children. ``--source`` names folders with other versions of exhume (their ``src``) to run between.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAUSE = 0.4
"""Seconds before each turn: a machine that throttles, or schedules by what was used of late, does so between them."""
LOG = """\
#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2021-03-02 00:00:01
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status
2021-03-02 00:00:01 10.0.0.5 GET /owa/auth/logon.aspx - 443 - 192.0.2.7 Mozilla/5.0 - 200
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, metavar="DIR", help="rules of others, beside ours")
    parser.add_argument("--evidence", type=Path, metavar="FILE", help="assessed as well")
    parser.add_argument("--source", type=Path, action="append", default=[], metavar="DIR", help="another version's src")
    parser.add_argument("--runs", type=int, default=11, metavar="N")
    arguments = parser.parse_args()
    sources = [Path(__file__).parents[1] / "src", *arguments.source]
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "u_ex210302.log")
        log.write_text(LOG, encoding="utf-8")
        commands = {"--help": ["--help"], "one line": ["assess", str(log)]}
        if arguments.evidence:
            commands[arguments.evidence.name] = ["assess", str(arguments.evidence)]
        if arguments.pack:
            with_pack = ["--pack", str(arguments.pack)]
            commands |= {f"{name}, with the pack": [*c, *with_pack] for name, c in commands.items() if c[0] == "assess"}
        measured = measure(commands, sources, Path(scratch), arguments.runs)
    print(f"{'command':40} {'source':>6} {'wall s':>7} {'CPU s':>7}")
    for (name, number), turns in measured.items():
        wall, cpu = (statistics.median(turn[i] for turn in turns) for i in (0, 1))
        print(f"{name:40} {number:6} {wall:7.3f} {cpu:7.3f}")
    return 0


def measure(
    commands: dict[str, list[str]], sources: list[Path], scratch: Path, runs: int
) -> dict[tuple[str, int], list[tuple[float, float]]]:
    """Wall and CPU seconds of each turn of each command with each source."""
    measured: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for turn in range(runs + 1):
        for name, command in commands.items():
            for number, source in enumerate(sources):
                here = scratch / str(number)
                here.mkdir(exist_ok=True)
                caches = {"XDG_CACHE_HOME": str(here), "PYTHONPYCACHEPREFIX": str(here / "code"), "PYTHONPATH": str(source)}
                environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | caches
                time.sleep(PAUSE)
                start, before = time.perf_counter(), spent()
                subprocess.run(
                    [sys.executable, "-m", "exhume", *command, *(["--out", "out"] if command[0] == "assess" else [])],
                    stdout=subprocess.DEVNULL, cwd=here, env=environment, check=True,
                )  # fmt: skip
                if turn:
                    measured.setdefault((name, number), []).append((time.perf_counter() - start, spent() - before))
    return measured


def spent() -> float:
    """CPU seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
