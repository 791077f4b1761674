"""Strangers' cases, scored: a table of every case and the totals, of this exhume or of another one. See benchmark/README.md."""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from pretend_case import KINDS, Case, Score, cases, judged  # noqa: E402

PARTS = ("verdict", "outcome", "naming", "findings")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="names of cases, or beginnings of names; all without any")
    parser.add_argument("--kind", choices=KINDS, action="append", help="bad or benign; both without it")
    parser.add_argument(
        "--exhume", default=str(Path(sys.executable).with_name("exhume")), help="the command of another checkout"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the result, one row a case")
    parser.add_argument("--stamp", default="", help="what --csv says of the run in its first line: date and commit")
    parser.add_argument("--wrong", action="store_true", help="print only cases that are not all right")
    parser.add_argument(
        "--markdown", type=Path, metavar="FIRST", help="print tables beside the first run's CSV file, for docs/explanation"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cases at a time")
    arguments = parser.parse_args()
    chosen = [c for c in cases(*arguments.kind or ()) if not arguments.name or c.name.startswith(tuple(arguments.name))]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        scores = list(pool.map(partial(score, arguments.exhume), chosen))
    if arguments.markdown:
        markdown(chosen, scores, arguments.markdown)
    else:
        table(chosen, scores, arguments.wrong)
    if arguments.csv:
        write(arguments.csv, arguments.stamp, chosen, scores)
    return 0


def score(command: str, case: Case) -> Score:
    """Assesses a case by the command line, so that it can be any version."""
    with tempfile.TemporaryDirectory(prefix="exhume-case-") as folder:
        evidence, out = case.write(Path(folder) / "evidence"), Path(folder) / "out"
        line = [command, "assess", str(evidence), f"--out={out}", "--jobs=1", *case.arguments()]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            failed = Score(case.name, "error", "error", 0)
            for part in PARTS:
                failed.say(part, f"exit {done.returncode}: {done.stderr.strip()[-200:]}")
            return failed
        return judged(case, json.loads((out / "assessment.json").read_bytes()))


def table(chosen: list[Case], scores: list[Score], only_wrong: bool) -> None:
    print(f"{'case':44} {'asked':26} {'got':26} V O N F findings")
    for case, one in zip(chosen, scores, strict=True):
        if only_wrong and one.all_right:
            continue
        marks = " ".join("+" if one.right(part) else "-" for part in PARTS)
        got = f"{one.got_verdict} {one.got_outcome}"
        print(f"{case.name[:44]:44} {asked(case):26} {got:26} {marks} {one.findings:>8}")
        for texts in one.wrong.values():
            for text in texts:
                print(f"    {text}")
    for kind in KINDS:
        own = [s for c, s in zip(chosen, scores, strict=True) if c.kind == kind]
        if own:
            parts = ", ".join(f"{part} {sum(s.right(part) for s in own)}" for part in PARTS)
            print(f"{kind}: {len(own)} cases; right in {parts}; in all {sum(s.all_right for s in own)}")


def markdown(chosen: list[Case], scores: list[Score], first: Path) -> None:
    """Two tables: by what the evidence was, and case by case with its source."""
    rows = csv.DictReader(line for line in first.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    before = {row["case"]: {part: row[part] == "right" for part in PARTS} for row in rows}
    now = {one.case: {part: one.right(part) for part in PARTS} for one in scores}
    classes: dict[str, list[str]] = {}
    for case in chosen:
        classes.setdefault(evidence_of(case), []).append(case.name)
    print("| evidence | cases | verdict, first run | all parts, first run | verdict today | all parts today |")
    print("|---|---|---|---|---|---|")
    for name, members in (*sorted(classes.items()), ("all", [case.name for case in chosen])):
        counts = (
            f"{sum(run[c]['verdict'] for c in members)} | {sum(all(run[c].values()) for c in members)}" for run in (before, now)
        )
        print(f"| {name} | {len(members)} | {' | '.join(counts)} |")
    print("\n| case | modelled on | first run | today |")
    print("|---|---|---|---|")
    for case in chosen:
        links = ", ".join(f"[{number}]({url})" for number, url in enumerate(case.source, 1))
        print(f"| {case.title} | {links} | {wrong_parts(before[case.name])} | {wrong_parts(now[case.name])} |")


def wrong_parts(parts: dict[str, bool]) -> str:
    return ", ".join(part for part, right in parts.items() if not right) or "right"


def evidence_of(case: Case) -> str:
    """What a responder was given, in words."""
    verdicts = case.expect["verdict"] if isinstance(case.expect["verdict"], list) else [case.expect["verdict"]]
    if not {"compromised", "suspected"} & set(verdicts) or "cannot_tell" in verdicts:
        return "only tried, or nothing can be said"
    marks = {"/LogFiles/": "the web log", "/Logging/": "Exchange's own logs", "/winevt/": "event logs"}
    kinds = {next((name for mark, name in marks.items() if mark in path), "files and configuration") for path in case.files}
    return f"only {kinds.pop()}" if len(kinds) == 1 else "several kinds"


def asked(case: Case) -> str:
    verdict, outcome = (case.expect.get(key, "") for key in ("verdict", "outcome"))
    texts = ("|".join(map(str, one)) if isinstance(one, list) else str(one or "null") for one in (verdict, outcome))
    return " ".join(texts) if "outcome" in case.expect else str(next(texts))


def write(path: Path, stamp: str, chosen: list[Case], scores: list[Score]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream, lineterminator="\n")
        if stamp:
            stream.write(f"# {stamp}\n")
        out.writerow(("case", "asked", "got", *PARTS, "number_of_findings"))
        for case, one in zip(chosen, scores, strict=True):
            marks = ("right" if one.right(part) else "wrong" for part in PARTS)
            out.writerow((case.name, asked(case), f"{one.got_verdict} {one.got_outcome}", *marks, one.findings))


if __name__ == "__main__":
    sys.exit(main())
