"""``exhume assess``: evidence of one server in, five answers out."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from datetime import date, datetime
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exhume.assess.run import Options
    from exhume.model import AllowEntry, Assessment, Pack, Report, Verdict

_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "assess",
        help="assess one server from a folder, file or archive of its evidence",
        description="Reads what was copied of one server, prints a summary and writes report.html, assessment.json and "
        "timeline.csv. It reads only, and uses no network.",
        epilog="Exit code: 0 assessed, whatever the verdict; 1 --fail-on reached; 2 it could not be done.",
    )
    command.add_argument("evidence", nargs="+", metavar="EVIDENCE", help="file, folder or archive; several form one server")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: ./exhume-NAME)")
    where.add_argument(
        "--case", type=Path, metavar="DIR", help="add this server to a case: several servers with one overview page"
    )
    command.add_argument("--force", action="store_true", help="write into a folder that holds other files too")
    command.add_argument(
        "--each", action="store_true", help="with --case: every EVIDENCE is another server, e.g. --each collected/*.zip"
    )
    command.add_argument(
        "--pack", type=Path, action="append", default=[], metavar="DIR", help="more Sigma, YARA or IOC files; can be repeated"
    )
    command.add_argument("--since", type=_day, metavar="DAY", help="first day to judge, e.g. 2021-01-03")
    command.add_argument("--until", type=_day, metavar="DAY", help="last day to judge")
    command.add_argument(
        "--allow", type=Path, metavar="FILE", help="known-good things, by hash or by rule and path, with reasons"
    )
    command.add_argument("--jobs", type=int, default=0, metavar="N", help="worker processes (default: one a core)")
    command.add_argument("--fail-on", type=verdict_of, metavar="VERDICT", help="exit 1 when the verdict is this or worse")
    command.add_argument(
        "--manifest", action="store_true", help="record of custody: SHA-256 of every file, who ran it, when, with which command"
    )
    limits = command.add_argument_group("limits (what goes beyond becomes a gap in the report)")
    limits.add_argument("--file-seconds", type=float, default=600, metavar="S", help="for each file, plus 1 s a MiB (600)")
    limits.add_argument("--worker-memory", type=_size, default=1536 << 20, metavar="SIZE", help="of one worker (1536M)")
    limits.add_argument("--max-file", type=_size, metavar="SIZE", help="largest file that is read (64G)")
    limits.add_argument("--max-depth", type=int, metavar="N", help="archives in archives (4)")
    debug = command.add_argument_group("for tests and comparisons")
    debug.add_argument("--engine", choices=("hyperscan", "re2"), default="", help="sieve engine (default: the best here)")
    debug.add_argument("--no-sieve", action="store_true", help="parse every line: slow, same result")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.cli.casebook import overview
    from exhume.cli.place import claim_case
    from exhume.cli.refused import Refused

    if arguments.each and not arguments.case:
        raise Refused("--each needs --case DIR: every server gets its folder there")
    if arguments.case:
        claim_case(arguments.case)
    options, packs = options_of(arguments), packs_of(arguments.pack)
    if arguments.each:
        return _each(arguments, options, packs)
    result, out = _one(arguments, arguments.evidence, options, packs)
    show(result, out)
    if len(arguments.evidence) > 1 and len(result.host.servers) > 1:
        print("exhume: this was judged as one server; several are assessed with --each and --case DIR", file=sys.stderr)
    if arguments.case:
        print(overview(arguments.case))
    return 1 if arguments.fail_on is not None and result.verdict >= arguments.fail_on else 0


def _each(arguments: argparse.Namespace, options: Options, packs: list[Pack]) -> int:
    """One server after the other, a line for each. What cannot be assessed is said and stops nobody else's assessment."""
    from exhume.cli.casebook import overview
    from exhume.cli.refused import Refused

    failed, reached = 0, False
    for evidence in spread(arguments.evidence):
        try:
            result, out = _one(arguments, [evidence], options, packs)
        except Refused as refused:
            failed += 1
            print(f"exhume: not assessed: {plain(refused)}", file=sys.stderr)
            continue
        reached = reached or (arguments.fail_on is not None and result.verdict >= arguments.fail_on)
        print(f"{str(result.verdict).replace('_', ' '):<12} {out / 'report.html'}", flush=True)
    if any(arguments.case.glob("*/assessment.json")):
        print(overview(arguments.case))
    if failed:
        print(f"exhume: {failed:,} could not be assessed", file=sys.stderr)
    return 1 if reached else 2 if failed else 0


def spread(evidence: list[str]) -> list[str]:
    """Patterns that the shell left as they are (Windows), as what they stand for."""
    return [name for text in evidence for name in ([text] if Path(text).exists() else sorted(glob(text)) or [text])]


def _one(arguments: argparse.Namespace, evidence: list[str], options: Options, packs: list[Pack]) -> tuple[Assessment, Path]:
    """The assessment of one server, and where its files were written."""
    from exhume.assess.run import assess
    from exhume.cli.casebook import digests_of, folder_of
    from exhume.cli.place import claim
    from exhume.cli.refused import Refused

    out = arguments.out or Path(f"exhume-{name_of(evidence[0])}")
    if not arguments.case:
        claim(out, evidence, force=arguments.force)  # now, and not after an hour's work
    progress = Progress() if sys.stderr.isatty() else None
    try:
        result = assess(evidence, packs, options, progress)
    except OSError as error:
        raise Refused(plain(error)) from None
    finally:
        if progress:
            progress.done()
    if arguments.case:
        name = result.host.name or name_of(evidence[0])
        out = folder_of(arguments.case, name, digests_of(result))
        if (out / "assessment.json").exists():
            print(f"exhume: {out.name} held an assessment of the same evidence; this one takes its place", file=sys.stderr)
    claim(out, evidence, force=arguments.force)
    write(result, out)
    return result, out


def options_of(arguments: argparse.Namespace) -> Options:
    """What ``assess`` is asked for. Raises ``Refused``."""
    from exhume.assess.run import Options
    from exhume.assess.workers import Limits
    from exhume.cli.refused import Refused
    from exhume.evidence import Limits as EvidenceLimits
    from exhume.model import Window

    period = None
    if arguments.since or arguments.until:
        first, last = arguments.since or date(2021, 1, 1), arguments.until or datetime.now().astimezone().date()
        if first > last:
            raise Refused("--since lies after --until")
        period = Window(first, last)
    changed = {"max_file_bytes": arguments.max_file, "max_depth": arguments.max_depth}
    return Options(
        period=period,
        allow=allow_of(arguments.allow),
        jobs=arguments.jobs,
        engine=arguments.engine,
        use_sieve=not arguments.no_sieve,
        manifest=arguments.manifest,
        command=("exhume", *sys.argv[1:]) if arguments.manifest else (),
        meanwhile=_reports_loaded,
        limits=Limits(seconds=arguments.file_seconds, memory=arguments.worker_memory),
        evidence_limits=EvidenceLimits(**{k: v for k, v in changed.items() if v is not None}),
    )


def _reports_loaded() -> None:
    from exhume.assess.kept import kept
    from exhume.reports.html.page import ready

    ready(kept)


def write(result: Assessment, out: Path) -> None:
    """The three files of an assessment: all of them, or those that were there stay as they are, so that no report stands beside
    another run's. Raises ``Refused`` when they cannot be written."""
    from exhume.assess.kept import kept
    from exhume.cli.place import put
    from exhume.cli.refused import Refused
    from exhume.reports import Document, Html, Timeline

    reports: tuple[Report, ...] = (Document(), Html(kept), Timeline())
    try:
        put(((report.filename, report.render(result)) for report in reports), out)
    except OSError as error:
        raise Refused(f"cannot write to {out}: {error.strerror or type(error).__name__}") from None


def show(result: Assessment, out: Path | None) -> None:
    """The summary on the terminal."""
    from exhume.reports.text import Text

    width = min(120, shutil.get_terminal_size((100, 24)).columns)
    place = str(out / "report.html") if out else ""
    text = Text(width=width, colour=sys.stdout.isatty(), place=place).render(result)
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text if text.endswith(b"\n") else text + b"\n")
        sys.stdout.buffer.flush()
    except OSError as error:  # nobody reads it any more, or the disk behind it is full: the exit code still tells the verdict
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"exhume: the summary could not be shown: {error.strerror or type(error).__name__}", file=sys.stderr)


class Progress:
    """One line on the terminal with an estimate of the time left."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._shown = 0.0

    def __call__(self, done: int, total: int, path: str) -> None:
        now = time.monotonic()
        if now - self._shown < 0.2:
            return
        self._shown = now
        share = done / total if total else 1.0
        left = (now - self._start) * (1 - share) / share if share > 0.01 else 0
        estimate = f", about {left:.0f} s left" if left else ""
        print(f"\r\x1b[K{share:5.0%} of {total / 1e6:,.0f} MB read{estimate}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def packs_of(folders: list[Path]) -> list[Pack]:
    from exhume.cli.refused import Refused
    from exhume.packs import PackError, load, plan

    try:
        packs = [load(folder) for folder in folders]
        for pack in packs:
            plan(pack)  # it is asked for at the end, and must not take all that was found with it
        return packs
    except (PackError, OSError) as error:
        raise Refused(plain(error)) from None


def allow_of(path: Path | None) -> tuple[AllowEntry, ...]:
    from exhume.assess.allow import read_allow
    from exhume.cli.refused import Refused

    if path is None:
        return ()
    try:
        return read_allow(path)
    except ValueError as error:
        raise Refused(str(error)) from None


def plain(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return "".join(c if c.isprintable() else "?" for c in text) or type(error).__name__


def name_of(evidence: str) -> str:
    stem = Path(os.path.realpath(evidence)).name or "evidence"
    stem = re.sub(r"\.(zip|tar|tgz|gz|xz|zst|bz2|log|evtx)$", "", stem, flags=re.IGNORECASE)
    return re.sub(r"[^\w.-]+", "_", stem)[:80] or "evidence"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2021-03-02") from None


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([kmgt]?)i?b?", text.strip().lower())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 512M")
    return int(match[1]) * _BYTES[match[2]]


def verdict_of(text: str) -> Verdict:
    from exhume.model import Verdict

    try:
        return Verdict.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
