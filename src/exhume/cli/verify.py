"""``exhume verify``: was the clean-up complete?"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "verify",
        help="after the clean-up: what of the first assessment is gone, still there, new",
        description="Assesses a second collection of the server and compares: attestation.html and attestation.json, with "
        "the second assessment beside them.",
        epilog="Exit code: 0 compared; 1 --fail-on-rest, and anything is still there or new; 2 it could not be done.",
    )
    command.add_argument("before", type=Path, metavar="BEFORE", help="the first assessment.json, or the folder that holds it")
    command.add_argument("evidence", nargs="+", metavar="EVIDENCE", help="a second collection of the same server")
    command.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: ./exhume-NAME-verified)")
    command.add_argument("--force", action="store_true", help="write into a folder that holds other files too")
    command.add_argument("--pack", type=Path, action="append", default=[], metavar="DIR", help="more rules; can be repeated")
    command.add_argument("--allow", type=Path, metavar="FILE", help="known-good things, beside those accepted the first time")
    command.add_argument("--jobs", type=int, default=0, metavar="N", help="worker processes (default: one a core)")
    command.add_argument("--fail-on-rest", action="store_true", help="exit 1 when anything is still there or new")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.assess.kept import kept
    from exhume.assess.run import Options
    from exhume.assess.verify import verify
    from exhume.cli.assess import Progress, allow_of, name_of, packs_of, plain, write
    from exhume.cli.place import claim, put
    from exhume.cli.refused import Refused
    from exhume.cli.report import stored
    from exhume.model import Reply
    from exhume.reports import load
    from exhume.reports.document import attestation
    from exhume.reports.html.attestation import attestation_page

    data, path = stored(arguments.before)
    try:
        before = load(data)
    except ValueError as error:
        raise Refused(f"{path} is not an assessment: {error}") from None
    out: Path = arguments.out or Path(f"exhume-{name_of(arguments.evidence[0])}-verified")
    if out.resolve() == path.resolve().parent:
        raise Refused(f"{out} holds the first assessment, which is not written over; give another --out")
    claim(out, arguments.evidence, force=arguments.force)
    progress = Progress() if sys.stderr.isatty() else None
    packs, options = packs_of(arguments.pack), Options(jobs=arguments.jobs, allow=allow_of(arguments.allow))
    try:
        result = verify(before, hashlib.sha256(data).hexdigest(), arguments.evidence, packs, options, progress)
    except OSError as error:
        raise Refused(plain(error)) from None
    finally:
        if progress:
            progress.done()
    claim(out, arguments.evidence, force=arguments.force)
    write(result.after, out)
    try:
        put((("attestation.json", attestation(result)), ("attestation.html", attestation_page(result, kept))), out)
    except OSError as error:
        raise Refused(f"cannot write to {out}: {error.strerror or type(error).__name__}") from None
    print(f"Clean now? {str(result.clean).replace('_', ' ')}. {result.text}")
    print(out / "attestation.html")
    return 1 if arguments.fail_on_rest and result.clean is Reply.NO else 0
