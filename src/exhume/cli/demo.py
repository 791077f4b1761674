"""``exhume demo``: a pretend server is simulated and assessed."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "demo",
        help="simulate a server that was broken into, and assess it",
        description="Writes the evidence of a pretend server into DIR/evidence and the reports of its assessment beside it.",
    )
    command.add_argument("scenario", nargs="?", default="proxylogon-full", metavar="SCENARIO", help="default: proxylogon-full")
    command.add_argument("--out", type=Path, default=Path("exhume-demo"), metavar="DIR", help="default: ./exhume-demo")
    command.add_argument("--list", action="store_true", help="list the scenarios, and what happens in each")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.assess.run import Options, assess
    from exhume.cli.assess import show, write
    from exhume.cli.place import claim
    from exhume.cli.refused import Refused
    from exhume.model import Window
    from exhume.simulator import load, scenarios, simulate

    if arguments.list:
        wide = max(map(len, scenarios()))
        print("\n".join(f"{name:<{wide}}  {load(name).title}" for name in scenarios()))
        return 0
    if arguments.scenario not in scenarios():
        raise Refused(f"there is no scenario {arguments.scenario!r}; exhume demo --list names them")
    evidence = arguments.out / "evidence"
    claim(arguments.out, (), beside=("evidence",))
    if evidence.exists() and any(evidence.iterdir()):
        raise Refused(f"{evidence} is not empty; give another --out")
    truth = simulate(arguments.scenario, evidence)
    print(f"Simulated evidence of a pretend server ({arguments.scenario}) lies in {evidence}\n")
    result = assess(evidence, options=Options(period=Window(truth.since, truth.until)))
    write(result, arguments.out)
    show(result, arguments.out)
    return 0
