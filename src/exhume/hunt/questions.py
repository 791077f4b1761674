"""Five questions to ask of any web server's logs, ready made. What they show is odd or new, which is not the same as bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exhume.hunt.ask import AskError, Hunt
from exhume.hunt.columns import quoted, text

SHOWN = 25
"""Rows of each table."""
IIS, PROXY = "iis_access", "exchange_httpproxy"
_SPAN = "min(_time) AS first, max(_time) AS last"
_STATIC = r"\.(css|js|png|gif|jpe?g|ico|svg|bmp|cur|eot|ttf|woff2?|html?|txt|map|wav|mp3|xap)$"
"""Extensions of files that a server hands out and never runs."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its answer."""

    title: str
    why: str
    """What it is good for, and what it is not."""
    query: str
    """The SQL of the table, to be changed and asked again; empty when it cannot be asked."""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    bars: tuple[tuple[str, int], ...] = ()
    """What is drawn: label and number."""
    drawn: str = ""
    """What the numbers are."""
    missing: str = ""
    """Why it cannot be asked of this evidence."""


@dataclass(frozen=True, slots=True)
class _Question:
    title: str
    why: str
    drawn: str
    make: Callable[[_Logs], tuple[str, str]]
    """The SQL of the table and of the drawing. Raises ``_Absent``."""


class _Absent(Exception):  # noqa: N818 (never leaves this file)
    """The log, or a field of it, is not there."""


class _Logs:
    """What tables and columns there are."""

    def __init__(self, hunt: Hunt) -> None:
        self._have = {table: {c.lower(): c for c in hunt.columns(table)} for table in (IIS, PROXY) if table in hunt.tables}

    def field(self, table: str, name: str) -> str:
        """A column as SQL has it."""
        if table not in self._have:
            raise _Absent(f"there is no table {table}: no such log is in the evidence")
        column = self._have[table].get(name.lower())
        if column is None:
            raise _Absent(f"the log was not set to write the field {name}")
        return quoted(column)

    def any(self, *fields: tuple[str, ...]) -> tuple[str, list[str]]:
        """The first table that has all its fields: ``(table, field, field, …)``."""
        absent: list[str] = []
        for table, *names in fields:
            try:
                return table, [self.field(table, name) for name in names]
            except _Absent as error:
                absent.append(str(error))
        raise _Absent("; ".join(absent))


def asked(hunt: Hunt) -> Iterator[Asked]:
    """The five answers, in order. Raises ``AskError`` when DuckDB cannot answer."""
    logs = _Logs(hunt)
    for question in _QUESTIONS:
        try:
            table, drawing = question.make(logs)
        except _Absent as absent:
            yield Asked(question.title, question.why, "", missing=f"Not to be told: {absent}.")
            continue
        answer = hunt.ask(table)
        rows = tuple(tuple("" if cell is None else str(cell) for cell in row) for row in answer.rows)
        bars = tuple((str(label), int(number or 0)) for label, number in hunt.ask(drawing).rows)
        yield Asked(question.title, question.why, table, answer.columns, rows, bars, question.drawn)


def _rare(logs: _Logs) -> tuple[str, str]:
    table, (stem, address, status) = logs.any(
        (IIS, "cs-uri-stem", "c-ip", "sc-status"), (PROXY, "UrlStem", "ClientIpAddress", "HttpStatus")
    )
    urls = (
        f"SELECT lower({stem}) AS url, count(*) AS requests, count(DISTINCT {address}) AS addresses, {_SPAN}\n"
        f"FROM {table} WHERE {status} LIKE '2%' GROUP BY ALL"
    )
    return (
        f"{urls} ORDER BY requests, first DESC LIMIT {SHOWN}",
        "SELECT CASE WHEN requests = 1 THEN 'once' WHEN requests < 10 THEN '2 to 9 times' WHEN requests < 100 THEN"
        f" '10 to 99 times' ELSE '100 times and more' END AS often, count(*)"
        f" FROM ({urls}) GROUP BY ALL ORDER BY min(requests)",
    )


def _agents(logs: _Logs) -> tuple[str, str]:
    return _new(logs, "agent", (IIS, "cs(User-Agent)", "c-ip"), (PROXY, "UserAgent", "ClientIpAddress"))


def _addresses(logs: _Logs) -> tuple[str, str]:
    return _new(logs, "address", (IIS, "c-ip", "cs-uri-stem"), (PROXY, "ClientIpAddress", "UrlStem"))


def _new(logs: _Logs, name: str, *fields: tuple[str, ...]) -> tuple[str, str]:
    """What is seen for the first time, by day; the first day, on which everything is new, is left out of the table."""
    table, (what, other) = logs.any(*fields)
    counted = "addresses" if name == "agent" else "urls"
    first = (
        f"SELECT {what} AS {name}, min(_time) AS first, count(*) AS requests, count(DISTINCT {other}) AS {counted}\n"
        f"FROM {table} WHERE {what} IS NOT NULL AND _time IS NOT NULL GROUP BY ALL"
    )
    return (
        f"SELECT * FROM ({first}) WHERE first >= (SELECT date_trunc('day', min(_time)) + INTERVAL 1 DAY FROM {table})\n"
        f"ORDER BY first DESC LIMIT {SHOWN}",
        f"SELECT strftime(first, '%Y-%m-%d') AS day, count(*) FROM ({first}) GROUP BY ALL ORDER BY 1",
    )


def _posts(logs: _Logs) -> tuple[str, str]:
    table, (method, stem, address, status) = logs.any(
        (IIS, "cs-method", "cs-uri-stem", "c-ip", "sc-status"), (PROXY, "Method", "UrlStem", "ClientIpAddress", "HttpStatus")
    )
    where = f"FROM {table} WHERE upper({method}) = 'POST' AND regexp_matches(lower({stem}), {text(_STATIC)})"
    return (
        f"SELECT lower({stem}) AS url, {address} AS address, {status} AS status, count(*) AS requests, {_SPAN}\n"
        f"{where} GROUP BY ALL ORDER BY requests DESC, first LIMIT {SHOWN}",
        f"SELECT strftime(_time, '%Y-%m-%d') AS day, count(*) {where} AND _time IS NOT NULL GROUP BY ALL ORDER BY 1",
    )


def _bytes(logs: _Logs) -> tuple[str, str]:
    table, (size, address) = logs.any((IIS, "sc-bytes", "c-ip"), (PROXY, "ResponseBytes", "ClientIpAddress"))
    rows = (
        f"SELECT strftime(_time, '%Y-%m-%d') AS day, {address} AS address, sum(try_cast({size} AS BIGINT)) AS bytes,"
        " count(*) AS requests\n"
        f"FROM {table} WHERE _time IS NOT NULL AND {address} IS NOT NULL GROUP BY ALL"
    )
    return (
        f"SELECT * FROM ({rows}) WHERE bytes > 0 ORDER BY bytes DESC LIMIT {SHOWN}",
        f"SELECT day, sum(bytes) FROM ({rows}) GROUP BY ALL ORDER BY 1",
    )


_QUESTIONS = (
    _Question(
        "Which pages were asked for least?",
        "A web shell is a page that nearly nobody opens. So are many others: look at those that no product ships.",
        "URLs that were answered with success, by how often",
        _rare,
    ),
    _Question(
        "Which user agents are new?",
        "Attackers' tools name themselves, or wear a browser's name of a wrong year.",
        "user agents seen for the first time, by day",
        _agents,
    ),
    _Question(
        "Which addresses came for the first time?",
        "An attacker's address is new once. On a public server so are many others.",
        "addresses seen for the first time, by day",
        _addresses,
    ),
    _Question(
        "Who sent something to a file that only can be read?",
        "Nobody has a reason to POST to a picture or a script. ProxyLogon was seen as POST to such files.",
        "POST requests to such files, by day",
        _posts,
    ),
    _Question(
        "Who took most, and when?",
        "Mailboxes that are carried off show as an address with far more bytes than on other days.",
        "bytes sent, by day",
        _bytes,
    ),
)

__all__ = ["SHOWN", "AskError", "Asked", "asked"]
