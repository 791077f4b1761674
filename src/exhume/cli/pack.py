"""``exhume pack``: list, lint, test, show and encode campaign packs, ours and anybody's."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exhume.model import Pack


SHOWN = 20
"""Rules that the budget lists."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("pack", help="list, check and test campaign packs")
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, run, words in (
        ("list", run_list, "the packs, with version and number of rules"),
        ("lint", run_lint, "what is wrong with them; rules that cannot be used"),
        ("test", run_test, "run their own cases: what must hit, what must miss"),
    ):
        action = actions.add_parser(name, help=words, epilog="Exit code: 0 no problem; 1 a problem; 2 it could not be done.")
        action.add_argument("folders", nargs="*", type=Path, metavar="DIR", help="default: the shipped packs")
        action.set_defaults(run=run)
        if run is run_lint:
            action.add_argument(
                "--budget", type=Path, metavar="LOGS", help="logs of an ordinary server: which rules name most of their rows"
            )
    show = actions.add_parser("show", help="print a file of a pack, decoded")
    show.add_argument("file", type=Path, metavar="FILE", help="for example yara/page.yar.b64")
    show.set_defaults(run=run_show)
    explain = actions.add_parser(
        "explain",
        help="why a Sigma rule holds for a record, or does not",
        epilog="Exit code: 0 the rule holds; 1 it does not; 2 it could not be done.",
    )
    explain.add_argument("rule", metavar="RULE", help="id, name, trace, title or file name of the rule")
    explain.add_argument(
        "record",
        metavar="RECORD",
        help="FILE:LINE or FILE:record N of evidence (a log, an event log), or a file that holds one record as JSON",
    )
    explain.add_argument(
        "--pack", action="append", type=Path, default=[], metavar="DIR", help="where the rule is; default: the shipped packs"
    )
    explain.set_defaults(run=run_explain)
    encode = actions.add_parser("encode", help="store a file Base64-encoded, so that no antivirus acts on it")
    encode.add_argument("file", type=Path, metavar="FILE", help="FILE.b64 is written beside it")
    encode.set_defaults(run=run_encode)


def run_list(arguments: argparse.Namespace) -> int:
    from exhume.detectors import DETECTORS
    from exhume.model import Host

    for pack in _chosen(arguments.folders):
        files = ", ".join(f"{len(pack.of(role))} {role}" for role in ("sigma", "yara", "ioc", "case") if pack.of(role))
        bad = sum(len(kind.from_packs((pack,), Host()).problems) for kind in DETECTORS)
        unusable = f"; {bad} rules not used (exhume pack lint)" if bad else ""
        print(f"{pack.name} {pack.version or '-'}: {pack.title} ({files or 'no rules'}{unusable})")
    return 0


def run_lint(arguments: argparse.Namespace) -> int:
    from exhume.detectors import DETECTORS, OTHER_PRODUCT, Sigma
    from exhume.model import Host, Problem
    from exhume.packs import lint

    wrong = 0
    for pack in _chosen(arguments.folders):
        problems: list[Problem] = list(lint(pack)) if pack.own else list(pack.problems)
        problems += [p for kind in DETECTORS for p in kind.from_packs((pack,), Host()).problems]
        other = [p for p in problems if p.reason.startswith(OTHER_PRODUCT)]
        for problem in problems:
            if problem not in other:
                wrong += 1
                print(f"{problem.pack}/{problem.file}: {problem.reason}")
        if other:
            print(f"{pack.name}: {len(other)} rules are for other products and are not used")
        sigma = Sigma.from_packs((pack,), Host())
        for kind in sorted(k for k in sigma.wants if k.startswith(("iis.access", "iis.httperr", "exchange."))):
            for rule in sigma.unsieved(kind):
                print(f"{pack.name}: rule {rule} has no text that must stand in a line of {kind}: every line is parsed for it")
    if arguments.budget:
        _show_budget(arguments)
    print(f"{wrong} problems" if wrong else "no problems")
    return 1 if wrong else 0


def _show_budget(arguments: argparse.Namespace) -> None:
    from exhume.assess.budget import budget
    from exhume.cli.refused import Refused

    try:
        spent = budget(arguments.budget, _chosen(arguments.folders))
    except OSError as error:
        raise Refused(f"cannot read {arguments.budget}: {error.strerror or error}") from None
    print("rows that are parsed because of a rule, of a thousand rows of their kind:")
    for one in spent[:SHOWN]:
        print(f"{1000 * one.named / one.rows:10.2f}  {one.kind}: {one.rule} ({one.named:,} of {one.rows:,})")


def run_test(arguments: argparse.Namespace) -> int:
    from exhume.assess.rehearse import rehearse
    from exhume.cli.refused import Refused
    from exhume.packs import PackError

    failed = total = 0
    for pack in _chosen(arguments.folders):
        try:
            count, failures = rehearse(pack)
        except PackError as error:
            raise Refused(str(error)) from None
        total += count
        failed += len(failures)
        for failure in failures:
            case = failure.case
            print(f"{pack.name}/{case.file}: {case.rule} {failure.said} what it must not: {case.why}")
    print(f"{total} cases, {failed} failed")
    return 1 if failed else 0


def run_show(arguments: argparse.Namespace) -> int:
    from exhume.cli.refused import Refused
    from exhume.model import PackFile

    try:
        data = PackFile(arguments.file, "other", arguments.file.name).read()
    except (OSError, ValueError) as error:
        raise Refused(f"cannot read {arguments.file}: {error}") from None
    sys.stdout.buffer.write(data)
    return 0


def run_explain(arguments: argparse.Namespace) -> int:
    from exhume.assess.explain import explained, lines
    from exhume.cli.refused import Refused

    packs = _chosen(arguments.pack)
    try:
        record, explanations = explained(packs, arguments.rule, arguments.record)
    except (OSError, ValueError) as error:
        raise Refused(str(error)) from None
    if not explanations:
        raise Refused(f"no Sigma rule is called {arguments.rule!r}")
    for line in lines(record, explanations):
        print(line)
    return 0 if any(one.holds for one in explanations) else 1


def run_encode(arguments: argparse.Namespace) -> int:
    from exhume.cli.refused import Refused
    from exhume.packs import encode

    try:
        print(encode(arguments.file))
    except (OSError, ValueError) as error:
        raise Refused(str(error)) from None
    return 0


def _chosen(folders: list[Path]) -> tuple[Pack, ...]:
    from exhume.cli.refused import Refused
    from exhume.packs import PackError, load, shipped

    try:
        return tuple(load(folder) for folder in folders) if folders else shipped()
    except (PackError, OSError) as error:
        raise Refused(str(error)) from None
