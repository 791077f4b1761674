"""Builds from lists of servers and captured headers; several different ones are not mixed."""

import io

import pytest

from exhume.model import Cause, File, Gap, Reading
from exhume.readers.inventory import Inventory

TABLE = "Name  Site  ServerRole  Edition  AdminDisplayVersion\r\n----  ----\r\nEX01  Default  Mailbox  Standard  Version 15.1 (Build 2176.2)\r\n"
CSV = '#TYPE Selected\r\n"Name","AdminDisplayVersion"\r\n"EX01","Version 15.1 (Build 2176.2)"\r\n'
HAR = '{"log":{"entries":[{"response":{"headers":[{"name": "x-owa-version", "value": "15.1.2176.9"}]}}]}}'


def read(text, name="servers.txt", encoding="utf-8"):
    data = text.encode(encoding)
    out = list(Inventory().read(io.BytesIO(data), File("e", name), None))
    return [(r.value, r.day, r.trust, r.source.at) for r in out if isinstance(r, Reading)], [
        g.cause for g in out if isinstance(g, Gap)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TABLE, ("15.1.2176.2", None, "cu", "line 3")),
        (CSV, ("15.1.2176.2", None, "cu", "line 3")),
        ("AdminDisplayVersion : Version 15.2 (Build 32176.9)", ("15.2.2176.9", None, "cu", "line 1")),
        ("HTTP/1.1 302 Found\r\nX-OWA-Version: 15.1.2176.9\r\n", ("15.1.2176.9", None, "hint", "line 2")),
        (HAR, ("15.1.2176.9", None, "hint", "line 1")),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_build_that_was_noted(text, expected, encoding):
    assert read(text, encoding=encoding) == ([expected], [])


def test_different_servers_are_not_mixed():
    assert read(TABLE + "EX02  x  Mailbox  Standard  Version 15.2 (Build 721.2)\r\n") == ([], [Cause.SKIPPED])
    assert read(TABLE + TABLE)[0] == [("15.1.2176.2", None, "cu", "line 3")]


@pytest.mark.parametrize(
    ("name", "text", "taken"),
    [
        ("servers.csv", CSV, True),
        ("reply.http", "X-OWA-Version: 15.1.2176.9", True),
        ("notes.txt", "Exchange 2016", False),
        ("OAB.aspx", TABLE, False),
        ("u_ex210303.log", TABLE, False),
        ("httpproxy.csv", "DateTime,AnchorMailbox\r\n2021-03-03T06:49:51Z,ServerVersion~Version 15.0 (Build 0.0)\r\n", False),
    ],
)
def test_which_files_are_taken(name, text, taken):
    assert Inventory().recognises(text.encode(), File("e", name)) is taken


def test_many_builds_and_long_lines_end():
    assert read("".join(f"Version 15.1 (Build {n}.1)\n" for n in range(5000)))[1] == [Cause.SKIPPED]
    assert read("X-OWA-Version" * 200_000) == ([], [])
