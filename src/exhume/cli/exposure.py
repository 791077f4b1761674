"""``exhume exposure``: a build, or a list of hosts with versions → the flaws that are open. No network, no evidence."""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from exhume.assess.hosts import HostRow
    from exhume.judge.exposure.rating import Rater, Rating

SCHEMA = "exhume.exposure/1"
COLUMNS = (
    "line", "host", "version", "read_from", "product", "cu", "update", "out_of_support_since",
    "exposed", "open", "open_exploited", "unknown", "open_exploited_cves", "note", "problem",
)  # fmt: skip
BUILD_COLUMNS = ("cve", "name", "published", "known_exploited", "state", "why")
_HARMLESS = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/\[\]-]*", re.ASCII)
_NAMED = 5
"""Bad rows that are named on the terminal; all of them stand in the output."""
_KEPT = 2000
"""Ratings and texts that are remembered; there are fewer ratings."""
_EXPLOITED, _UNRATED = "exploited", "unrated"
_LONGEST = 300
"""Characters of a text that are shown."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "exposure",
        help="tell to which flaws a build, or each host of a list, is open",
        description="Answers from exhume's own tables, without network. Rows that cannot be rated are named and counted on "
        "standard error.",
        epilog="Exit code: 0 answered, also when some rows could not be rated; 2 it could not be done.",
    )
    command.add_argument(
        "what",
        metavar="BUILD|HOSTS.csv",
        help="e.g. 15.1.2176.9, or a list with a column build or X-OWA-Version; - reads the list from standard input",
    )
    command.add_argument("--on", type=_day, metavar="DAY", help="answer for that day (default: today)")
    command.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default: table")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from exhume.cli.refused import Refused
    from exhume.judge.exposure.rating import Rater
    from exhume.model import read_version
    from exhume.packs import build_tables, shipped

    day = arguments.on or datetime.now().astimezone().date()
    first_seen = {p.entry_cve: p.first_exploited for p in shipped() if p.entry_cve and p.first_exploited}
    rater = Rater(build_tables(), day, first_seen)
    version = read_version(arguments.what)
    if version is not None:
        rating = rater.rate(version)
        if rating is None:
            raise Refused(f"{version}: no Exchange build of 2010 to SE with these first three parts is known")
        _write(build_lines(rating, day, arguments.format))
        return 0
    try:
        with sys.stdin.buffer if arguments.what == "-" else Path(arguments.what).open("rb") as stream:
            return _hosts(stream, rater, day, arguments.format)
    except BrokenPipeError:  # whoever reads the answer has seen enough
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Refused(f"{arguments.what!r} is neither a build of three or four parts nor a readable list: {reason}") from None
    except ValueError as error:
        raise Refused(f"{arguments.what}: {error}") from None


def _hosts(stream: BinaryIO, rater: Rater, day: date, form: str) -> int:
    from exhume.assess.hosts import LONGEST, HostList

    csv.field_size_limit(LONGEST)
    hosts = HostList(stream)
    bad: list[str] = []
    count: Counter[str] = Counter()

    def counted() -> Iterator[tuple[HostRow, Rating | None]]:
        for row in hosts:
            rating = rater.rate(row.version, row.cumulative_only) if row.version else None
            count[_class(rating)] += 1
            if rating is None and len(bad) < _NAMED:
                bad.append(f"line {row.line}: {_safe(_problem(row, rating))}")
            yield row, rating

    forms: dict[str, Callable[[Iterable[tuple[HostRow, Rating | None]], date], Iterator[str]]]
    forms = {"table": _table, "csv": _csv, "json": _json}
    _write(forms[form](counted(), day))
    if form == "table":
        _write(iter([f"{_summed(count)}\n"]))
    if form == "json":
        _write(iter([f', "summary": {json.dumps(_counts(count))}}}\n']))
    if bad:
        lost = count[_UNRATED]
        more = f"; and {lost - len(bad):,} more" if lost > len(bad) else ""
        print(f"exhume: {lost:,} of {count.total():,} rows could not be rated: {'; '.join(bad)}{more}", file=sys.stderr)
    return 0


def _class(rating: Rating | None) -> str:
    if rating is None:
        return _UNRATED
    cells = _rated(rating)
    return _EXPLOITED if cells["open_exploited"] != "0" else cells["exposed"]


def _counts(count: Counter[str]) -> dict[str, int]:
    """The list in numbers, each host in one of the last five."""
    rest = {"others_only": count["yes"], "unknown": count["unknown"], "not_open": count["no"], "unrated": count[_UNRATED]}
    return {"hosts": count.total(), "open_exploited": count[_EXPLOITED], **rest}


def _summed(count: Counter[str]) -> str:
    """The list in one line."""
    parts = [f"{count[_EXPLOITED]:,} open to flaws known to be exploited", f"{count['yes']:,} open to others only"]
    parts += [f"{count['unknown']:,} unknown", f"{count['no']:,} not open", f"{count[_UNRATED]:,} could not be rated"]
    return f"\nHosts: {count.total():,}. {', '.join(parts)}."


def _problem(row: HostRow, rating: Rating | None) -> str:
    if row.problem or rating is not None:
        return row.problem
    return f"{row.version}: no Exchange build of 2010 to SE with these first three parts is known"


def _table(rows: Iterable[tuple[HostRow, Rating | None]], day: date) -> Iterator[str]:
    yield f"{'HOST':<32} {'VERSION':<14} {'PRODUCT':<22} EXPOSED  OPEN (KNOWN TO BE EXPLOITED) ON {day}\n"
    for row, rating in rows:
        host = _safe(row.host or f"(line {row.line})")
        if rating is None:
            yield f"{host:<32} {row.version or '?'!s:<14} {'?':<22} unknown  {_safe(_problem(row, rating))}\n"
            continue
        cells = _rated(rating)
        product = " ".join(filter(None, (rating.product, rating.cu, rating.update if rating.update != "RTM" else "")))
        ended = f"out of support since {rating.support_ended}" if rating.support_ended and cells["exposed"] == "unknown" else ""
        more = "; ".join(filter(None, (_safe(row.note), ended, cells["note"])))
        named = f" {cells['names']}" if cells["names"] else ""
        yield (
            f"{host:<32} {row.version!s:<14} {product:<22} {cells['exposed']:<8} {cells['open']} ({cells['open_exploited']})"
            f"{named}{f' [{more}]' if more else ''}\n"
        )


def _csv(rows: Iterable[tuple[HostRow, Rating | None]], day: date) -> Iterator[str]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, rating in rows:
        start = [row.line, _safe(row.host), row.version or "", _safe(row.column)]
        if rating is None:
            writer.writerow([*start, "", "", "", "", "unknown", "", "", "", "", _safe(row.note), _safe(_problem(row, rating))])
        else:
            note = f"{rating.note}; {_safe(row.note)}" if rating.note and row.note else rating.note or _safe(row.note)
            writer.writerow([*start, *_tail(rating), note, ""])
        if text.tell() > 1 << 16:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _json(rows: Iterable[tuple[HostRow, Rating | None]], day: date) -> Iterator[str]:
    yield f'{{"schema": "{SCHEMA}", "day": "{day}", "hosts": ['
    comma = "\n"
    for row, rating in rows:
        start = {
            "line": row.line,
            "host": row.host,
            "version": str(row.version or ""),
            "read_from": row.column,
            "note": row.note,
        }
        tail = _document(rating) if rating else '"exposed": "unknown"'
        yield f"{comma}{json.dumps(start | {'problem': _problem(row, rating)})[:-1]}, {tail}}}"
        comma = ",\n"
    yield "\n]"


@lru_cache(_KEPT)
def _rated(rating: Rating) -> dict[str, str]:
    """The cells that depend on the version only."""
    from exhume.model import State

    opened, unknown = rating.of(State.VULNERABLE), rating.of(State.UNKNOWN)
    exploited = [f for f in opened if f.known_exploited]
    return {
        "product": rating.product,
        "cu": rating.cu,
        "update": rating.update,
        "out_of_support_since": str(rating.support_ended or ""),
        "exposed": "yes" if opened else "unknown" if unknown else "no",
        "open": str(len(opened)),
        "open_exploited": str(len(exploited)),
        "unknown": str(len(unknown)),
        "open_exploited_cves": " ".join(f.cve for f in exploited),
        "names": ", ".join(dict.fromkeys(f.nickname or f.cve for f in exploited)),
        "note": rating.note,
    }


@lru_cache(_KEPT)
def _tail(rating: Rating) -> tuple[str, ...]:
    return tuple(_rated(rating)[name] for name in COLUMNS[4:13])


@lru_cache(_KEPT)
def _document(rating: Rating) -> str:
    """The keys of a host's object that depend on the version only."""
    from exhume.model import State

    states: dict[str, list[str]] = {str(s): [f.cve for f in rating.of(s)] for s in State if s != State.MITIGATED}
    keys: dict[str, object] = {
        "product": rating.product,
        "cu": rating.cu,
        "update": rating.update,
        "known": rating.known,
        "out_of_support_since": str(rating.support_ended or ""),
        "exposed": _rated(rating)["exposed"],
        "open_exploited": _rated(rating)["open_exploited_cves"].split(),
        "version_note": rating.note,
    }
    return json.dumps(keys | states)[1:-1]


def build_lines(rating: Rating, day: date, form: str) -> Iterator[str]:
    """The answer for one build."""
    rows = [
        (
            f.cve,
            f.nickname,
            f.released.isoformat(),
            f.known_exploited.isoformat() if f.known_exploited else "",
            str(r.state),
            r.why,
        )
        for f, r in rating.rulings.items()
    ]
    order = ("vulnerable", "unknown", "fixed", "not_applicable")
    rows.sort(key=lambda row: (order.index(row[4]), not row[3]))
    if form == "csv":
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([BUILD_COLUMNS, *rows])
        yield text.getvalue()
    elif form == "json":
        flaws = [dict(zip(BUILD_COLUMNS, row, strict=True)) for row in rows]
        head = json.dumps({"schema": SCHEMA, "day": str(day), "version": rating.version})[:-1]
        yield f"{head}, {_document(rating)}, {json.dumps({'flaws': flaws})[1:]}\n"
    else:
        cells = _rated(rating)
        yield f"{rating.version}: Exchange {rating.product} {rating.cu} {rating.update}".rstrip() + f", on {day}\n"
        if rating.support_ended:
            yield f"Out of support since {rating.support_ended}.\n"
        if rating.note:
            yield f"{rating.note}\n"
        yield f"Open: {cells['open']} ({cells['open_exploited']} known to be exploited), unknown: {cells['unknown']}\n"
        for cve, name, _, known, state, why in rows:
            if state in order[:2] or known:
                yield f"{state:<14} {cve:<15} {name[:26]:<26} {'exploited' if known else '':<10}{why}\n"
        rest = sum(1 for row in rows if row[4] not in order[:2] and not row[3])
        yield f"Not shown: {rest} flaws that are fixed, or do not touch this product, and are not known to be exploited.\n"


def _safe(text: str) -> str:
    """Text from the list, as no spreadsheet, terminal or antivirus acts on it."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    return text if not text or _HARMLESS.fullmatch(text) else _cell(text)


@lru_cache(_KEPT)
def _cell(text: str) -> str:
    from exhume.reports.plain import cell

    return cell(text)


def _write(lines: Iterator[str]) -> None:
    out = sys.stdout.buffer
    for line in lines:
        out.write(line.encode("utf-8", "replace"))
    out.flush()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2021-03-02") from None
