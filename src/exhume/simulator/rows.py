"""How Exchange and IIS write a row: header blocks, columns, quoting.

Written from the formats alone; nothing here is shared with the readers, so that a misunderstanding on one side is seen.

References: docs/reference/records.md for the logs, fields.txt for their columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from xml.sax.saxutils import escape

EVENT_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


@cache
def fields(log: str) -> tuple[str, ...]:
    """The columns of a log: ``iis``, ``httpproxy``, ``ews``, … Raises ``KeyError`` for a log without columns."""
    text = files("exhume.simulator").joinpath("fields.txt").read_text(encoding="utf-8")
    listed = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))
    return tuple(listed[log].split(","))


def stamp(moment: datetime) -> str:
    """``2021-03-03T06:49:51.543Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def w3c_header(log: str, moment: datetime) -> str:
    """The ``#`` block of an IIS log (``iis``) or of HTTP.sys's error log (``httperr``)."""
    software = "Microsoft Internet Information Services 10.0" if log == "iis" else "Microsoft HTTP API 2.0"
    day = f"{moment:%Y-%m-%d %H:%M:%S}"
    return f"#Software: {software}\r\n#Version: 1.0\r\n#Date: {day}\r\n#Fields: {' '.join(fields(log))}\r\n"


def w3c_row(log: str, moment: datetime, cells: Mapping[str, object]) -> str:
    """Blanks in values become ``+``, empty ones ``-``."""
    values = [f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}"]
    values += [str(cells.get(name, "")).replace(" ", "+") or "-" for name in fields(log)[2:]]
    return " ".join(values) + "\r\n"


def exchange_header(moment: datetime, log_type: str, version: str, columns: Sequence[str], plain: bool = True) -> str:
    """The comment block, and (as newer builds write it) the field list once more without ``#``."""
    listed = ",".join(columns)
    block = (
        f"#Software: Microsoft Exchange Server\r\n#Version: {version}\r\n#Log-type: {log_type}\r\n"
        f"#Date: {stamp(moment)}\r\n#Fields: {listed}\r\n"
    )
    return block + (f"{listed}\r\n" if plain else "")


def csv_row(columns: Sequence[str], cells: Mapping[str, object]) -> str:
    return ",".join([csv_cell(str(cells[name])) if name in cells else "" for name in columns]) + "\r\n"


def csv_cell(text: str) -> str:
    """RFC 4180: quoted only where it must be."""
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def event_data(pairs: Sequence[tuple[str, str]]) -> str:
    """ECP's ``S:NAME=value;…``: a pair with ``;``, ``'`` or ``"`` in it is wrapped in single quotes, inner ones doubled."""
    out = []
    for name, value in pairs:
        text = f"{name}={value}"
        out.append("'" + text.replace("'", "''") + "'" if any(c in value for c in ";'\"") else text)
    return ";".join(out)


def event_xml(
    moment: datetime,
    channel: str,
    provider: str,
    event_id: int,
    number: int,
    computer: str,
    data: Sequence[str] | Mapping[str, str],
    level: int = 4,
) -> str:
    """One event as ``wevtutil qe /f:xml`` prints it: unnamed strings for classic events, named values for others."""
    if isinstance(data, Mapping):
        body = "".join(f"<Data Name={_quoted(name)}>{escape(value)}</Data>" for name, value in data.items())
        number_of = f"<EventID>{event_id}</EventID><Version>0</Version>"
    else:
        body = "".join(f"<Data>{escape(value)}</Data>" for value in data)
        number_of = f"<EventID Qualifiers='{49152 if level == 2 else 16384}'>{event_id}</EventID>"
    system = (
        f"<Provider Name={_quoted(provider)}/>{number_of}<Level>{level}</Level><Task>1</Task>"
        f"<Keywords>0x80000000000000</Keywords>"
        f"<TimeCreated SystemTime='{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z'/>"
        f"<EventRecordID>{number}</EventRecordID><Channel>{escape(channel)}</Channel>"
        f"<Computer>{escape(computer)}</Computer><Security/>"
    )
    return f"<Event xmlns='{EVENT_NAMESPACE}'><System>{system}</System><EventData>{body}</EventData></Event>\r\n"


def _quoted(text: str) -> str:
    """An attribute in single quotes, as wevtutil writes them."""
    return "'" + escape(text, {"'": "&apos;"}) + "'"
