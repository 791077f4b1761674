"""The command line: one file a command. Exit codes: 0 done, 1 ``--fail-on`` reached, 2 it could not be done,
130 stopped by Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import exhume
from exhume.cli.refused import Refused

COMMANDS = ("assess", "exposure", "report", "verify", "recheck", "hunt", "baseline", "pack", "demo")
"""Each is a module of this folder."""


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
