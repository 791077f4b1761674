"""``exhume report``: a stored assessment written again, in any format, marked and redacted if it is to be handed on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exhume.model import Assessment, Report

FORMATS = ("html", "json", "csv", "text", "markdown", "stix", "misp", "sarif", "timesketch", "pdf")
USUAL = ("json", "html", "csv")
TLP = ("clear", "green", "amber", "amber+strict", "red")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "report",
        help="write a stored assessment again: other formats, redacted, with a TLP mark",
        description="Writes reports from assessment.json alone; no evidence is needed. The file that is read is never changed.",
    )
    command.add_argument("assessment", type=Path, metavar="ASSESSMENT", help="assessment.json, or the folder that holds it")
    command.add_argument(
        "--format", type=_formats, action="append", default=[], metavar="NAME,…",
        help=f"{', '.join(FORMATS)} or all; can be repeated (default: {', '.join(USUAL)})",
    )  # fmt: skip
    command.add_argument(
        "--redact", action="store_true",
        help="replace names, accounts, mailboxes, domains and addresses by stand-ins; a proven attacker's addresses stay",
    )  # fmt: skip
    command.add_argument("--redact-all", action="store_true", help="replace the attacker's addresses as well")
    command.add_argument(
        "--tlp", type=str.lower, choices=TLP, help="mark every page and file with this Traffic Light Protocol label"
    )
    command.add_argument(
        "--directive", metavar="NAME",
        help="set an authority's obligations beside what the evidence shows, as HTML and Markdown: ed-21-02",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: beside it; redacted: the folder redacted beside it)"
    )
    command.add_argument("--force", action="store_true", help="write over files of others")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.cli.assess import show
    from exhume.cli.refused import Refused
    from exhume.model import Tlp
    from exhume.reports import load
    from exhume.reports.redact import redact

    data, path = stored(arguments.assessment)
    try:
        result = load(data)
    except ValueError as error:
        raise Refused(f"{path} is not an assessment: {error}") from None
    hidden = arguments.redact or arguments.redact_all
    out: Path = arguments.out or (path.parent / "redacted" if hidden else path.parent)
    if hidden:
        if out.resolve() == path.parent.resolve():
            raise Refused("a redacted report is not written over the full one; give another --out")
        result = redact(result, everything=arguments.redact_all)
    if arguments.tlp:
        result = replace(result, tlp=Tlp(f"TLP:{arguments.tlp.upper()}"))
    names = list(dict.fromkeys(name for some in arguments.format for name in some))
    if arguments.directive:
        files = _directive(result, arguments.directive)
        _write(files, out, path, arguments.force)
        print("\n".join(str(out / name) for name in files))
        if not names:
            return 0
    _write(rendered(result, names or USUAL, lenient=set(FORMATS) <= set(names)), out, path, arguments.force)
    show(result, out if "html" in (names or USUAL) else None)
    return 0


def _directive(result: Assessment, name: str) -> dict[str, bytes]:
    """The two pages of a directive. Raises ``Refused`` when there is none of that name."""
    from exhume.assess.kept import kept
    from exhume.cli.refused import Refused
    from exhume.judge.directive import fill_in
    from exhume.packs import directive, directives
    from exhume.reports.html.directive import directive_page
    from exhume.reports.markdown.directive import directive_markdown

    if name not in directives():
        raise Refused(f"there is no directive {name!r}; there is {', '.join(directives())}")
    filled = fill_in(directive(name), result)
    return {f"directive-{name}.html": directive_page(filled, kept), f"directive-{name}.md": directive_markdown(filled)}


def rendered(result: Assessment, names: Iterable[str], lenient: bool = False) -> dict[str, bytes]:
    """File names and contents. ``lenient``: what cannot be made here is said and left out, else it raises ``Refused``."""
    from exhume.assess.kept import kept
    from exhume.cli.refused import Refused
    from exhume.reports import REPORTS, Html

    known: dict[str, Report] = {report.name: report for report in (*REPORTS, Html(kept))}
    files: dict[str, bytes] = {}
    for name in names:
        report = known[name]
        try:
            files[report.filename] = report.render(result)
        except ImportError as error:
            words = f"{report.filename} needs the package {error.name}: pip install 'exhume[{name}]'"
            if not lenient:
                raise Refused(words) from None
            print(f"exhume: {words}", file=sys.stderr)
    return files


def _write(files: dict[str, bytes], out: Path, original: Path, force: bool) -> None:
    """Everything but the file that was read: its hash may stand in other documents."""
    from exhume.cli.place import put, spare
    from exhume.cli.refused import Refused

    if out.resolve() != original.resolve().parent:
        spare(out, files, force=force)
    try:
        put(((name, data) for name, data in files.items() if (out / name).resolve() != original.resolve()), out)
    except OSError as error:
        raise Refused(f"cannot write to {out}: {error.strerror or type(error).__name__}") from None


def stored(path: Path) -> tuple[bytes, Path]:
    """The bytes of a stored assessment, given as the file or its folder. Raises ``Refused``."""
    from exhume.cli.refused import Refused

    path = path / "assessment.json" if path.is_dir() else path
    try:
        return path.read_bytes(), path
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror or type(error).__name__}") from None


def _formats(text: str) -> list[str]:
    names = [name for name in text.lower().replace(" ", "").split(",") if name]
    for name in names:
        if name not in (*FORMATS, "all"):
            raise argparse.ArgumentTypeError(f"{name!r} is no format; there are {', '.join(FORMATS)} and all")
    return list(FORMATS) if "all" in names else names
