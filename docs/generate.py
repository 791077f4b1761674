"""Writes docs/reference/cli.md and assessment-json.md from the code's own definitions. Run: python docs/generate.py"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "reference" / "cli.md"


def cli() -> str:
    """The page, the same on every Python version."""
    from exhume.cli import _parser

    lines = ["# Command line", "", "Made by `docs/generate.py`; do not edit.", ""]
    lines += [
        "Exit codes: 0 done, 1 `--fail-on` (or `--fail-on-rest`) reached or a pack has a problem, 2 it could not be done,"
    ]
    lines += [
        "130 stopped by Ctrl-C. Answers go to standard output, what went wrong and progress to standard error; progress is"
    ]
    lines += ["shown on a terminal only.", ""]
    return "\n".join([*lines, *_command(_parser())]).rstrip() + "\n"


def schema() -> str:
    """The keys of assessment.json, from the shipped schema."""
    source = Path(__file__).parents[1] / "src" / "exhume" / "content" / "assessment.schema.json"
    top = json.loads(source.read_text(encoding="utf-8"))
    lines = [
        "# assessment.json",
        "",
        "Made by `docs/generate.py` from the shipped schema; do not edit.",
        "",
        top["description"],
        "",
    ]
    for name, part in {"assessment": top, **top["$defs"]}.items():
        words = ", ".join(f"`{word}`" for word in part.get("enum", ()))
        lines += [f"## {name}", "", *([words, ""] if words else [])]
        for key, value in part.get("properties", {}).items():
            mark = "" if key in part.get("required", ()) else " (may be absent)"
            lines.append(f"- `{key}`: {_kind(value)}{mark}")
        lines += [""] if part.get("properties") else []
    return "\n".join(lines).rstrip() + "\n"


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "enum" in value:
        return " or ".join(map(str, value["enum"]))
    if "anyOf" in value:
        return " or ".join(_kind(part) for part in value["anyOf"])
    if value.get("type") == "array":
        return f"list of {_kind(value.get('items', {}))}"
    kind = value.get("type", value.get("const", "object"))
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


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
    TARGET.with_name("assessment-json.md").write_text(schema(), encoding="utf-8")
