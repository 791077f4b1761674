"""``exhume report``: a stored assessment written again."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("report", help="write the reports of a stored assessment.json again")
    command.add_argument("assessment", type=Path, metavar="ASSESSMENT", help="assessment.json, or the folder that holds it")
    command.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: beside it)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.cli.assess import show, write
    from exhume.cli.refused import Refused
    from exhume.reports import load

    data, path = stored(arguments.assessment)
    try:
        result = load(data)
    except ValueError as error:
        raise Refused(f"{path} is not an assessment: {error}") from None
    out = arguments.out or path.parent
    write(result, out)
    show(result, out)
    return 0


def stored(path: Path) -> tuple[bytes, Path]:
    """The bytes of a stored assessment, given as the file or its folder. Raises ``Refused``."""
    from exhume.cli.refused import Refused

    path = path / "assessment.json" if path.is_dir() else path
    try:
        return path.read_bytes(), path
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror or type(error).__name__}") from None
