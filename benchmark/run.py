"""Times ``exhume assess`` against ``rg`` and ``cat`` over the same bytes, in turns. See benchmark/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512, metavar="MB", help="of the simulated corpus (512)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="measure this folder instead")
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = arguments.corpus or Path(scratch) / "corpus"
        if not arguments.corpus:
            from exhume.simulator import simulate

            simulate("proxylogon-full", corpus, size=arguments.size * MIB)
        return measure(corpus, arguments.runs, Path(scratch))


def measure(corpus: Path, runs: int, scratch: Path) -> int:
    files = [str(p) for p in sorted(corpus.rglob("*")) if p.is_file()]
    size = sum(os.path.getsize(f) for f in files)
    words = scratch / "literals.txt"
    words.write_text("\n".join(literals()) + "\n", encoding="utf-8")
    exhume = [sys.executable, "-m", "exhume.cli", "assess", str(corpus), "--out", str(scratch / "out")]
    tools = {"exhume": exhume, "cat": ["cat", *files]}
    if shutil.which("rg"):
        tools["rg"] = ["rg", "-uuu", "-a", "-i", "-F", "-c", "-f", str(words), str(corpus)]
    times: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(runs):
        for name, command in tools.items():
            times[name].append(timed(command))
    peak = peak_memory(exhume)
    print(f"{size / 1e6:,.0f} MB, {len(files)} files, median of {runs}; exhume's private memory {peak / 1e6:,.0f} MB")
    for name, all_times in times.items():
        median = statistics.median(all_times)
        print(f"{name:8} {median:8.2f} s {size / 1e6 / median:10,.0f} MB/s")
    save({"bytes": size, "files": len(files), "seconds": times, "peak_private_bytes": peak})
    return 0


def literals() -> list[str]:
    """What the sieve searches; kinds of which every line is parsed have none."""
    from exhume.detectors import DETECTORS
    from exhume.model import Host, searched
    from exhume.packs import shipped

    detectors = [kind.from_packs(shipped(), Host()) for kind in DETECTORS]
    found = {text for d in detectors for kind in d.wants for text in searched(d.clues(kind) or ())}
    return sorted(text for text in found if text and "\n" not in text)


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"benchmark: {command[0]} failed: {done.stderr.decode(errors='replace')[:200]}")
    return time.perf_counter() - start


def peak_memory(command: list[str]) -> int:
    """Bytes of private memory (USS) of all processes together, sampled every 50 ms in a run of its own."""
    import psutil

    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waiter = threading.Thread(target=process.wait)
    waiter.start()
    peak = 0
    while waiter.is_alive():
        total = 0
        try:
            for one in (process, *process.children(recursive=True)):
                total += one.memory_full_info().uss
        except psutil.Error:
            total += 0
        peak = max(peak, total)
        time.sleep(0.05)
    return peak


def save(result: dict[str, object]) -> None:
    git = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    now = datetime.now(UTC)
    machine = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    target = HERE / "results" / f"{now:%Y-%m-%d}-{commit}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"date": now.isoformat(), "commit": commit, **machine, **result}, indent=1) + "\n", "utf-8")
    print(f"written: {target.relative_to(HERE.parent)}")


if __name__ == "__main__":
    sys.exit(main())
