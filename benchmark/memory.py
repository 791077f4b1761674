"""Peak private memory of ``exhume assess``, all processes together, on one large folder. See benchmark/README.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import psutil

MIB = 1 << 20
EVERY = 0.05
"""Seconds between two looks."""
LIMIT = 400
"""MB that must not be exceeded."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--size", type=int, default=10_000, metavar="MB", help="of a simulated server's logs (10000)")
    what.add_argument("--probes", type=int, metavar="N", help="one IIS log with so many probes for ProxyLogon instead")
    what.add_argument("--corpus", type=Path, metavar="PATH", help="measure this evidence instead")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="worker processes (default: one a core)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = arguments.corpus or Path(scratch) / "corpus"
        if arguments.probes:
            probe(corpus, arguments.probes)
        elif not arguments.corpus:
            from exhume.simulator import simulate

            simulate("proxylogon-full", corpus, size=arguments.size * 1_000_000)
        return measure(corpus, Path(scratch) / "out", arguments.jobs)


def probe(corpus: Path, count: int) -> None:
    """One day's log in which one address asks for the same page over and over."""
    folder = corpus / "C/inetpub/logs/LogFiles/W3SVC1"
    folder.mkdir(parents=True)
    names = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status"
    start = datetime(2021, 3, 3)  # noqa: DTZ001 (the log's own times have no zone)
    with (folder / "u_ex210303.log").open("w", newline="") as log:
        log.write(f"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: {names}\r\n")
        for number in range(count):
            at = start + timedelta(seconds=number * 86_399 // count)
            log.write(f"{at} 10.0.0.1 POST /ecp/y.js - 443 - 203.0.113.5 python-requests/2.25.1 - 302\r\n")


def measure(corpus: Path, out: Path, jobs: int) -> int:
    files = [p for p in corpus.rglob("*") if p.is_file()] if corpus.is_dir() else [corpus]
    size = sum(p.stat().st_size for p in files)
    command = [sys.executable, "-m", "exhume.cli", "assess", str(corpus), "--out", str(out), "--jobs", str(jobs)]
    started = time.monotonic()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak, parts, when = 0, [0], 0.0
    while process.poll() is None:
        now = private(process)
        if sum(now) > peak:
            peak, parts, when = sum(now), now, time.monotonic() - started
        time.sleep(EVERY)
    seconds = time.monotonic() - started
    if process.returncode:
        return 1
    result = json.loads((out / "assessment.json").read_text("utf-8"))
    shown = " + ".join(f"{p / 1e6:,.0f}" for p in parts)
    print(f"{size / 1e6:,.0f} MB in {len(files):,} files, {seconds:,.1f} s, peak after {when:,.1f} s")
    print(f"private memory {peak / 1e6:,.0f} MB ({shown}: the first process, then the workers); the limit is {LIMIT} MB")
    counts = sorted(((f["count"], f["rule"]) for f in result["findings"]), reverse=True)
    print(f"{len(counts)} findings, {len(result['coverage']['gaps'])} gaps; largest counts: {counts[:3]}")
    return 0 if peak < LIMIT * 1_000_000 else 1


def private(process: psutil.Process) -> list[int]:
    """Bytes that only this process uses (USS), and its children's."""
    found: list[int] = []
    try:
        processes = [process, *process.children(recursive=True)]
    except psutil.Error:
        return [0]
    for one in processes:
        try:
            found.append(one.memory_full_info().uss)
        except psutil.Error:  # it has just ended
            found.append(0)
    return found


if __name__ == "__main__":
    sys.exit(main())
