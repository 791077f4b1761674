"""Writes docs/reference/cli.md from the command line's own definition. Run: python docs/generate.py"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parent / "reference" / "cli.md"


def cli() -> str:
    """The page, the same on every Python version."""
    from exhume.cli import _parser

    lines = ["# Command line", "", "Made by `docs/generate.py`; do not edit.", ""]
    lines += ["Exit codes: 0 done, 1 `--fail-on` reached or a pack has a problem, 2 it could not be done.", ""]
    return "\n".join([*lines, *_command(_parser())]).rstrip() + "\n"


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    subs = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    yield from (f"## {parser.prog}", "")
    rows = [a for a in parser._actions if a not in subs]
    yield from ("| argument | meaning |", "|---|---|")
    for action in rows:
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        if action.option_strings and action.nargs != 0:
            value = action.metavar or (" or ".join(action.choices) if action.choices else action.dest.upper())
            name = f"{name} {value}"
        yield f"| `{name}` | {action.help or ''} |"
    yield ""
    for sub in subs:
        for child in sub.choices.values():
            yield from _command(child)


if __name__ == "__main__":
    TARGET.write_text(cli(), encoding="utf-8")
