"""What a crowd costs: many addresses in one small log, that ask for known names, get a page, or post to it: README.md.

Prints processor time of all processes, findings, intrusions, and the sizes of what is written.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-10 00:00:00\r\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer)"
    " sc-status sc-substatus sc-win32-status time-taken\r\n"
)
NAMES = ("RedirSuiteServerProxy.aspx", "discover.aspx", "supp0rt.aspx", "shell.aspx", "help.aspx", "web.aspx", "errorEE.aspx")
KINDS = {"probe": ("GET", 404), "get": ("GET", 200), "post": ("POST", 200)}
"""What the crowd does: asks for known names in vain, gets a planted page, posts to it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--addresses", type=int, nargs="+", default=[2_600, 20_000], metavar="N")
    parser.add_argument("--rows", type=int, default=2, metavar="N", help="rows of each address")
    parser.add_argument("--source", type=Path, metavar="DIR", help="another version's `src`")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    arguments = parser.parse_args()
    print(
        f"{'crowd':8} {'addresses':>9} {'log, MB':>7} {'CPU, s':>7} {'findings':>8} {'intrusions':>10} {'page, kB':>9}"
        f" {'JSON, kB':>9}"
    )
    for kind in arguments.kinds:
        for number in arguments.addresses:
            with tempfile.TemporaryDirectory() as scratch:
                size = log(Path(scratch), kind, number, arguments.rows)
                measured = assess(Path(scratch), arguments.source)
            print(f"{kind:8} {number:9,} {size / 1e6:7.1f} {measured}", flush=True)
    return 0


def log(folder: Path, kind: str, number: int, rows: int) -> int:
    """One IIS log; its size in bytes."""
    place = folder / "evidence" / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
    place.mkdir(parents=True)
    path = place / "u_ex210310.log"
    with path.open("w", encoding="ascii", newline="") as stream:
        stream.write(HEAD)
        stream.writelines(lines(kind, number, rows))
    return path.stat().st_size


def lines(kind: str, number: int, rows: int) -> Iterator[str]:
    method, status = KINDS[kind]
    time_ = datetime(2021, 3, 10, tzinfo=UTC)
    for n in range(number):
        address = f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
        time_ += timedelta(seconds=3)
        for row in range(rows):
            name = NAMES[(n + row) % len(NAMES)] if kind == "probe" else NAMES[0]
            yield (
                f"{time_:%Y-%m-%d %H:%M:%S} 10.0.0.5 {method} /owa/auth/{name} - 443 - {address}"
                f" python-requests/2.{n % 30} - {status} 0 0 31\r\n"
            )


def assess(folder: Path, source: Path | None) -> str:
    """The rest of the line."""
    environment = dict(os.environ) | ({"PYTHONPATH": str(source)} if source else {})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "exhume.cli",
        "assess",
        str(folder / "evidence"),
        "--out",
        str(folder / "out"),
        "--jobs",
        "1",
    ]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    document, page = folder / "out" / "assessment.json", folder / "out" / "report.html"
    told = json.loads(document.read_bytes())
    sizes = f"{page.stat().st_size / 1e3:9,.0f} {document.stat().st_size / 1e3:9,.0f}"
    return f"{spent:7.1f} {len(told['findings']):8,} {len(told['intrusions']):10,} {sizes}"


if __name__ == "__main__":
    sys.exit(main())
