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
from typing import Any

HERE = Path(__file__).parent
MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512, metavar="MB", help="of the simulated corpus (512)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="measure this folder instead")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--engine", default="", help="sieve engine of exhume (default: the best here)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = arguments.corpus or Path(scratch) / "corpus"
        if not arguments.corpus:
            from exhume.simulator import simulate

            simulate("proxylogon-full", corpus, size=arguments.size * MIB)
        return measure(corpus, arguments.runs, Path(scratch), arguments.engine)


def measure(corpus: Path, runs: int, scratch: Path, engine: str) -> int:
    files = [str(p) for p in sorted(corpus.rglob("*")) if p.is_file()]
    size = sum(os.path.getsize(f) for f in files)
    words = scratch / "literals.txt"
    texts = literals()
    words.write_text("\n".join(texts) + "\n", encoding="utf-8")
    exhume = [sys.executable, "-m", "exhume.cli", "assess", str(corpus), "--out", str(scratch / "out")]
    exhume += ["--engine", engine] if engine else []
    tools = {"exhume": exhume, "exhume, one worker": [*exhume, "--jobs", "1"], "cat": ["cat", *files]}
    if shutil.which("rg"):
        threads = f"-j{os.cpu_count() or 1}"
        tools["rg"] = ["rg", threads, "-uuu", "-a", "-i", "-F", "-c", "-f", str(words), str(corpus)]
    walls: dict[str, list[float]] = {name: [] for name in tools}
    cpus: dict[str, list[float]] = {name: [] for name in tools}
    for turn in range(runs + 1):
        for name, command in tools.items():
            wall, cpu = timed(command)
            if turn:  # the first turn only warms the page cache
                walls[name].append(wall)
                cpus[name].append(cpu)
    peak = peak_memory(exhume)
    scan, proof = scanned(corpus, engine)
    result = {
        "bytes": size, "files": len(files), "runs": runs, "literals": len(texts), "engine": engine or "default",
        "wall_seconds": walls, "cpu_seconds": cpus, "peak_private_bytes": peak,
        "scan_cpu_seconds": scan, "proof_cpu_seconds": proof, "load_average": os.getloadavg()[0],
    }  # fmt: skip
    table = tabled(size, walls, cpus)
    print("\n".join(table))
    print(f"{size / 1e6:,.0f} MB, {len(files)} files; exhume's private memory, all processes: {peak / 1e6:,.0f} MB")
    print(f"the first look alone, in one process: {scan:.2f} s of CPU time, {proof:.2f} s of it to prove shape and coverage")
    save(result)
    return 0


def tabled(size: int, walls: dict[str, list[float]], cpus: dict[str, list[float]]) -> list[str]:
    """A table of medians in Markdown."""
    lines = ["| command | wall s | CPU s | MB per wall s | MB per CPU s |", "|---|---|---|---|---|"]
    for name, times in walls.items():
        wall, cpu = statistics.median(times), statistics.median(cpus[name])
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {size / 1e6 / wall:,.0f} | {size / 1e6 / cpu:,.0f} |")
    return lines


def literals() -> list[str]:
    """What the sieve searches; kinds of which every line is parsed have none."""
    from exhume.detectors import DETECTORS
    from exhume.model import Host, searched
    from exhume.packs import shipped

    detectors = [kind.from_packs(shipped(), Host()) for kind in DETECTORS]
    found = {text for d in detectors for kind in d.wants for text in searched(d.clues(kind) or ())}
    return sorted(text for text in found if text and "\n" not in text)


def scanned(corpus: Path, engine: str) -> tuple[float, float]:
    """CPU seconds to scan all files in this process, and what the proof of shape and coverage takes of them."""
    from exhume.assess import sieve
    from exhume.assess.scan import Scanner
    from exhume.detectors import DETECTORS, is_product
    from exhume.evidence import open_evidence
    from exhume.model import File, Host
    from exhume.packs import shipped
    from exhume.readers import EVERY_FILE, READERS, rows

    spent, prove = 0.0, rows.prove

    def clocked(*block: Any, **more: Any) -> Any:
        nonlocal spent
        begun = time.process_time()
        try:
            return prove(*block, **more)
        finally:
            spent += time.process_time() - begun

    detectors = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)
    evidence = open_evidence([corpus])
    scanner = Scanner(evidence, READERS, EVERY_FILE, detectors, is_product, engine or sieve.default_engine())
    start = time.process_time()
    rows.prove = clocked
    for file in evidence.files():
        if isinstance(file, File):
            scanner.scan(file.path)
    rows.prove = prove
    return time.process_time() - start, spent


def timed(command: list[str], printed: Path | None = None) -> tuple[float, float]:
    """Wall and CPU seconds of the whole process and its children; what it prints goes into the file, if one is given."""
    with open(printed or os.devnull, "wb") as output:
        start, before = time.perf_counter(), os.times()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, check=False)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode not in (0, 1):
        raise SystemExit(f"benchmark: {command[0]} failed: {done.stderr.decode(errors='replace')[:200]}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, spent


def peak_memory(command: list[str]) -> int:
    """Bytes of private memory (USS) of all processes together, the most of samples every 50 ms in a run of its own."""
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
    names = (f"{now:%Y-%m-%d}-{commit}{more}.json" for more in ("", *(f"-{number}" for number in range(2, 100))))
    target = next(path for path in (HERE / "results" / name for name in names) if not path.exists())
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"date": now.isoformat(), "commit": commit, **machine, **result}, indent=1) + "\n", "utf-8")
    print(f"written: {target.relative_to(HERE.parent)}")


if __name__ == "__main__":
    sys.exit(main())
