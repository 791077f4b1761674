"""``exhume baseline``: a baseline of one's own, from a clean Exchange."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("baseline", help="make a baseline of your own release's files")
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION")
    action = actions.add_parser(
        "add",
        help="add the files of a clean Exchange: an install folder, or unpacked media",
        description="Adds the files of a clean Exchange to a folder that `exhume assess --pack` then uses. Take them from a "
        "server that never was on the network, or unpacked from the media with the names of their folders.",
    )
    action.add_argument("folder", type=Path, metavar="DIR", help="holds FrontEnd, ClientAccess, Bin …, at any depth")
    action.add_argument("--release", metavar="NAME", help="e.g. 2019-CU14-Mar24SU (default: the version of Bin/ExSetup.exe)")
    action.add_argument("--to", type=Path, default=Path("exhume-baseline"), metavar="DIR", help="default: ./exhume-baseline")
    action.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.packs.baselines import add_baseline

    folder = arguments.folder.resolve()
    if not folder.is_dir():
        return _refuse(f"{arguments.folder} is no folder")
    release = arguments.release or _version(folder)
    if not release:
        return _refuse("no Bin/ExSetup.exe with a version in it: say which release it is with --release")
    if not _RELEASE.fullmatch(release):
        return _refuse("a release is named with letters, digits, dots and dashes, e.g. 2019-CU14")
    try:
        done = add_baseline(folder, release, arguments.to)
    except OSError as error:
        return _refuse(f"{error.filename or arguments.to}: {error.strerror or 'cannot be read or written'}")
    except ValueError as error:
        return _refuse(str(error))
    if done.unread:
        print(f"exhume: not read, so not in the baseline: {len(done.unread)} files, first {done.unread[0]}", file=sys.stderr)
    if not done.files:
        return _refuse("no files of Exchange's folders (FrontEnd, ClientAccess, Bin …) lie there; media must be unpacked first")
    print(f"{release}: {done.files} files of Exchange, {done.new} of them new in {arguments.to}", end="")
    print(f"; {done.elsewhere} files of other folders were left out" if done.elsewhere else "")
    print(f"Use it: exhume assess EVIDENCE --pack {arguments.to}")
    return 1 if done.unread else 0


def _version(folder: Path) -> str:
    """The version of the ExSetup.exe that lies nearest, or empty text."""
    from exhume.readers.pe import VersionError, file_version

    for path in sorted(folder.rglob("[Ee]x[Ss]etup.exe"), key=lambda p: (len(p.parts), p.as_posix())):
        try:
            with path.open("rb") as stream:
                return ".".join(map(str, file_version(stream)))
        except (OSError, VersionError):
            continue
    return ""


def _refuse(words: str) -> int:
    print(f"exhume: {words}", file=sys.stderr)
    return 2
