"""``exhume recheck``: a stored assessment judged again with the rules of today, without the evidence."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from exhume.cli.assess import verdict_of

    command = commands.add_parser(
        "recheck",
        help="judge a stored assessment again with today's rules and new packs, without the evidence",
        description="Puts what an assessment kept to the rules of today, and writes a new assessment in a folder of its own.",
        epilog="Exit code: 0 judged, whatever the verdict; 1 --fail-on reached; 2 it could not be done.",
    )
    command.add_argument("assessment", type=Path, metavar="ASSESSMENT", help="assessment.json, or the folder that holds it")
    command.add_argument(
        "--pack", type=Path, action="append", default=[], metavar="DIR", help="more Sigma or IOC files; can be repeated"
    )
    command.add_argument("--allow", type=Path, metavar="FILE", help="known-good things, beside those accepted already")
    command.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: FOLDER-rechecked beside it)")
    command.add_argument("--force", action="store_true", help="write into a folder that holds other files too")
    command.add_argument("--fail-on", type=verdict_of, metavar="VERDICT", help="exit 1 when the verdict is this or worse")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.assess.recheck import recheck
    from exhume.cli.assess import allow_of, packs_of, show, write
    from exhume.cli.place import claim
    from exhume.cli.refused import Refused
    from exhume.cli.report import stored
    from exhume.reports import load

    data, path = stored(arguments.assessment)
    folder = path.resolve().parent
    out: Path = arguments.out or folder.with_name(f"{folder.name}-rechecked")
    if (out / "assessment.json").exists():
        raise Refused(f"{out} holds an assessment already, which is not written over; give another --out")
    claim(out, (), force=arguments.force)
    packs, allow = packs_of(arguments.pack), allow_of(arguments.allow)
    try:
        result = recheck(load(data), hashlib.sha256(data).hexdigest(), packs, allow)
    except ValueError as error:
        raise Refused(f"{path} cannot be judged again: {error}") from None
    write(result, out)
    show(result, out)
    return 1 if arguments.fail_on is not None and result.verdict >= arguments.fail_on else 0
