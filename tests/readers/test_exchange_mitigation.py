"""The log of the Emergency Mitigation service: rows that say that a mitigation was applied."""

import io
from datetime import date

import pytest

from exhume.model import File, Gap, Reading
from exhume.readers.exchange import Exchange

PLACE = "C/Program Files/Microsoft/Exchange Server/V15/Logging/MitigationService/MitigationService_20221001-1.LOG"
HEAD = "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1118.012\r\n#Log-type: Mitigation Service Logs\r\n#Date: 2022-10-01T00:00:00.000Z\r\n#Fields: DateTime,ServerName,EventId,EventData\r\n"
QUIET = "2022-10-01T03:00:00.000Z,EX01,FetchMitigation,S:LogLevel=Information;S:Message=Fetching mitigations from\r\n"
M1 = "CVE-2022-41040 PowerShell, first form (bypassable)"


def row(message, day="2022-10-02", level="Information"):
    return f"{day}T04:00:00.000Z,EX01,ApplyMitigation,S:LogLevel={level};S:Message={message}\r\n"


def read(text, path=PLACE):
    data = text if isinstance(text, bytes) else text.encode()
    reader = Exchange()
    file = File("e", path)
    assert reader.recognises(data[:4096], file) or reader.expects(file)
    out = list(reader.read(io.BytesIO(data), file, None))
    assert [o for o in out if isinstance(o, Gap)] == []
    return [(o.value, o.day, o.trust, o.source.at) for o in out if isinstance(o, Reading) and o.what == "mitigation"]


def test_it_is_told_once_for_each_day_with_its_line():
    text = HEAD + QUIET + row("Mitigation M1 applied") * 2 + row("Applied mitigation M1.1", "2022-10-08")
    assert read(text) == [
        (M1, date(2022, 10, 2), "hint", "line 7"),
        ("CVE-2022-41040 PowerShell M1.1", date(2022, 10, 8), "hint", "line 9"),
    ]
    assert read(text.rstrip("\r\n"))[-1][1] == date(2022, 10, 8)
    assert read(text, "Mitigation_Service_Logs/x.log")


@pytest.mark.parametrize(
    "line",
    [
        QUIET,
        row("Mitigation M1 not applied"),
        row("Mitigation M1 applied", level="Warning"),
        row("Mitigation M1 was blocked after it was applied"),
        row("Failed: M1 applied"),
        row("Removed M1 that had been applied"),
        row("Mitigation PING1 applied"),
        row("Unapplied M1"),
    ],
)
def test_other_rows_say_nothing(line):
    assert read(HEAD + QUIET + line) == []


def test_the_same_words_in_another_log_say_nothing():
    assert read(HEAD + row("Mitigation M1 applied"), "C/Logging/Other/x.LOG") == []
