"""The command line: one file a command. Exit codes: 0 done, 1 ``--fail-on`` reached, 2 it could not be done,
130 stopped by Ctrl-C."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import exhume
from exhume.cli.refused import Refused

COMMANDS = ("assess", "exposure", "report", "verify", "recheck", "hunt", "baseline", "pack", "demo")
"""Each is a module of this folder."""
GARBAGE = 100_000
"""New objects after which circles of unused ones are looked for. After Python's own 700 it is done a hundred times a start."""


def program() -> int:
    """``main`` as a process of its own. It ends at once, without the interpreter taking itself down object by object (15 ms):
    all files are closed by then. Profilers that write at the exit call ``main``."""
    gc.set_threshold(GARBAGE, 10, 10)
    code = main()
    if code not in (0, 1):  # stopped half-way: workers may still run, and are ended at the usual exit
        return code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return code  # the usual exit says so in the usual words
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads spin for work that never comes: 30 ms each process
    parser = _parser(*(sys.argv[1:2] if argv is None else argv[:1]))
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help(sys.stderr)
        print("\nexhume: error: a command is missing", file=sys.stderr)
        return 2
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except Refused as refused:
        print(f"exhume: {refused}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("exhume: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0


def _parser(wanted: str = "") -> argparse.ArgumentParser:
    """With all commands, or with the wanted one only if there is one of that name."""
    parser = argparse.ArgumentParser(
        prog="exhume",
        description="Was this Exchange server exposed, attacked, broken into? Since when, how far, and is it clean now?",
        epilog="Begin with: exhume demo, or exhume assess FOLDER-OR-ZIP",
    )
    parser.add_argument("--version", action="version", version=f"exhume {exhume.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in (wanted,) if wanted in COMMANDS else COMMANDS:
        import_module(f"exhume.cli.{name}").add(commands)
    return parser
