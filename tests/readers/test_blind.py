"""Logs whose administrator, or whose export, left a column out: their rows cannot show an attack, so they cover no day."""

import io

import pytest

from exhume.assess import run
from exhume.evidence import open_evidence
from exhume.model import Cause, File, Gap
from exhume.readers.iis import Iis

NAMES = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status time-taken"
CELLS = "2021-03-03 06:49:42 192.0.2.10 GET /owa/ - 443 - 203.0.113.50 Mozilla/5.0 200 14"


def log(*left_out, names=NAMES, cells=CELLS):
    kept = [i for i, name in enumerate(names.split()) if name not in left_out]
    header, row = (" ".join(text.split()[i] for i in kept) for text in (names, cells))
    return f"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: {header}\r\n" + f"{row}\r\n" * 30


def read(reader, text, path="inetpub/logs/LogFiles/W3SVC1/u_ex210303.log", sieve=None):
    generator, gaps = reader.read(io.BytesIO(text.encode()), File("e", path), sieve), []
    while True:
        try:
            item = next(generator)
        except StopIteration as end:
            return gaps, end.value
        if isinstance(item, Gap):
            gaps.append(item)


@pytest.mark.parametrize("column", ["cs-method", "cs-uri-stem", "cs-uri-query", "sc-status"])
def test_rows_of_an_iis_log_without_a_needed_column_count_for_no_day(column):
    (gap,), spans = read(Iis(), log(column))
    assert spans == []
    assert (gap.kind, gap.cause, gap.count) == ("iis.access", Cause.ABSENT, 30)
    assert column in gap.detail


def test_a_log_without_the_columns_that_tell_who_it_was_still_covers_its_day():
    gaps, (span,) = read(Iis(), log("c-ip", "cs(User-Agent)", "time-taken"))
    assert (gaps, span.records) == ([], 30)


def test_only_the_rows_under_the_poorer_header_do_not_count():
    later = log("cs-uri-stem", cells=CELLS.replace("03-03", "03-04"))
    (gap,), (span,) = read(Iis(), log() + later)
    assert [day.day for day in span.days] == [3]
    assert (span.records, gap.count) == (30, 30)


def test_the_limit_says_that_a_log_came_and_what_it_lacks(tmp_path):
    place = tmp_path / "C/inetpub/logs/LogFiles/W3SVC1"
    place.mkdir(parents=True)
    (place / "u_ex210303.log").write_text(log("cs-uri-stem"))
    told = run.assess_opened(open_evidence([tmp_path]))
    (answer,) = (a for a in told.answers if a.campaign == "webshell")
    assert any("front-end web log" in limit and "lacks columns" in limit for limit in answer.limits)
    assert not any(
        "nothing of this kind" in gap.detail
        for gap in told.coverage.gaps
        if gap.kind == "iis.access" and gap.channel == "W3SVC1"
    )


def test_rows_of_httpproxy_without_a_status_count_for_no_day():
    from exhume.readers.exchange import Exchange

    head = "#Software: Microsoft Exchange Server\r\n#Log-type: HttpProxy Logs\r\n#Fields: DateTime,Protocol,UrlStem,AnchorMailbox{}\r\n"
    row = "2021-03-03T06:49:42.000Z,Ecp,/ecp/y.js,x{}\r\n"
    path = "Logging/HttpProxy/Ecp/HttpProxy_2021030306-1.LOG"
    (gap,), spans = read(Exchange(), head.format("") + row.format("") * 3, path)
    assert (spans, gap.cause, gap.count) == ([], Cause.ABSENT, 3)
    assert "HttpStatus" in gap.detail
    gaps, (span,) = read(Exchange(), head.format(",HttpStatus") + row.format(",200") * 3, path)
    assert (gaps, span.records) == ([], 3)
