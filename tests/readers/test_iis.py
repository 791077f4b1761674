"""IIS and HTTPERR rows: fields under their own names, times in UTC, rows with too many blanks put right."""

import io
from datetime import UTC, datetime

import pytest

from exhume.model import File, Gap, Record
from exhume.readers.httperr import HttpErr
from exhume.readers.iis import Iis
from exhume.readers.urls import decoded_url

FIELDS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
HEAD = f"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 00:00:03\r\n#Fields: {FIELDS}\r\n"
ROW = (
    "2021-03-03 06:49:42 192.0.2.10 POST /ecp/y.js &CorrelationID=<empty>;&cafeReqId=5b1c0000-0000-4000-8000-00000000a001; 443 - "
    "203.0.113.50 python-requests/2.25.1 - 200 0 0 1406\r\n"
)


def read(text, reader=None, path="inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"):
    generator, out = (reader or Iis()).read(io.BytesIO(text.encode()), File("e", path), None), []
    while True:
        try:
            out.append(next(generator))
        except StopIteration as end:
            return [x for x in out if isinstance(x, Record)], [x for x in out if isinstance(x, Gap)], end.value


def test_a_row_keeps_the_logs_own_names_and_leaves_out_empty_cells():
    (record,), gaps, (span,) = read(HEAD + ROW)
    assert record.kind == "iis.access"
    assert record.time == datetime(2021, 3, 3, 6, 49, 42, tzinfo=UTC)
    assert record.fields["c-ip"] == "203.0.113.50"
    assert record.fields["sc-status"] == "200"
    assert record.fields["url"].startswith("/ecp/y.js?&CorrelationID=<empty>;")
    assert "cs-username" not in record.fields
    assert (record.channel, record.source.at) == ("W3SVC1", "line 5")
    assert span.busy
    assert (span.channel, span.path, span.first, span.days) == (
        "W3SVC1",
        "inetpub/logs/LogFiles/W3SVC1",
        record.time,
        (record.time.date(),),
    )
    assert gaps == []


@pytest.mark.parametrize(
    ("port", "site"), [("80", "W3SVC1"), ("443", "W3SVC1"), ("81", "W3SVC2"), ("444", "W3SVC2"), ("8080", "")]
)
def test_without_a_site_folder_the_port_tells_the_site(port, site):
    (record,), gaps, (span,) = read(HEAD + ROW.replace(" 443 ", f" {port} "), path="case/u_ex210303.log")
    assert record.channel == span.channel == site
    assert gaps == []


@pytest.mark.parametrize(
    ("row", "want"),
    [
        ("2022-01-01 00:01:24 ::1 POST /powershell a=b 444  corp\\u1 ::1 Microsoft+WinRM+Client - 200 0 0 15", {"cs-username": "corp\\u1", "c-ip": "::1"}),
        ("2022-01-01 00:01:24 ::1 GET /x a=1 b 2 c 443 - 192.0.2.9 UA+x - 404 0 2 15", {"cs-uri-query": "a=1 b 2 c", "sc-status": "404", "s-port": "443"}),
        ("2022-01-01 00:01:24 ::1 GET /x - 443 - fe80::1%3 Some agent with blanks - 200 0 0 15", {"cs(User-Agent)": "Some agent with blanks", "c-ip": "fe80::1%3"}),
        ("2022-01-01 00:01:24 ::1 GET /x q 1 443 corp\\a b 192.0.2.9 UA - 200 0 0 15", {"cs-uri-query": "q 1", "cs-username": "corp\\a b", "c-ip": "192.0.2.9"}),
    ],
)  # fmt: skip
def test_blanks_inside_values_do_not_shift_the_cells(row, want):
    (record,), gaps, _ = read(HEAD + row + "\r\n")
    assert {name: record.fields[name] for name in want} == want
    assert gaps == []


def test_a_cookie_with_blanks_takes_the_surplus_and_the_referrer_stays():
    head = HEAD.replace("cs(Referer)", "cs(Cookie) cs(Referer)")
    row = '2021-03-03 00:00:21 192.0.2.1 GET /x - 80 - 192.0.2.2 UA a="x";+b c=d;e http://192.0.2.1/ 200 0 0 65\r\n'
    (record,), gaps, _ = read(head + row)
    assert record.fields["cs(Cookie)"] == 'a="x";+b c=d;e'
    assert record.fields["cs(Referer)"] == "http://192.0.2.1/"
    assert gaps == []


def test_a_log_without_date_column_means_the_day_of_its_header():
    names = FIELDS.removeprefix("date ")
    (record,), gaps, (span,) = read(HEAD.replace(FIELDS, names) + ROW.removeprefix("2021-03-03 "))
    assert record.time == span.first == datetime(2021, 3, 3, 6, 49, 42, tzinfo=UTC)
    assert gaps == []


def test_header_before_software_trailing_blank_and_custom_field():
    text = f"#Date: 2021-03-03 00:00:00\n#Fields: {FIELDS} X-Forwarded-For \n#Software: Microsoft Internet Information Services 10.0\n"
    assert Iis().recognises(text.encode(), File("e", "x.log"))
    (record,), gaps, _ = read(text + ROW.strip() + " 198.51.100.7\n")
    assert record.fields["X-Forwarded-For"] == "198.51.100.7"
    assert gaps == []


def test_rows_without_any_header_get_the_usual_fields_and_it_is_told():
    (record,), (gap,), _ = read(ROW)
    assert record.fields["cs-uri-stem"] == "/ecp/y.js"
    assert "#Fields" in gap.detail


def test_the_server_named_in_rows_tells_two_servers_in_one_file_apart():
    head = HEAD.replace("time s-ip", "time s-computername s-ip")
    rows = "".join(ROW.replace("192.0.2.10", f"{name} 192.0.2.10") for name in ("ex01", "ex02", "ex01"))
    records, gaps, spans = read(head + rows)
    assert [r.server for r in records] == ["EX01", "EX02", "EX01"]
    assert {s.server: s.records for s in spans} == {"EX01": 2, "EX02": 1}
    assert gaps == []


def test_an_impossible_time_counts_for_no_day_and_is_told():
    records, (gap,), spans = read(HEAD + ROW.replace("2021-03-03", "2021-13-03") + ROW.replace("06:49:42", "06:61:42"))
    assert [r.time for r in records] == [None, None]
    assert (gap.count, spans) == (2, [])


def test_httperr():
    text = (
        "#Software: Microsoft HTTP API 2.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 06:50:00\r\n"
        "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason s-queuename\r\n"
        "2021-03-03 06:50:01 203.0.113.50 51234 192.0.2.10 443 HTTP/1.1 GET /ecp/%2578.js - 503 1 AppOffline MSExchangeECPAppPool\r\n"
    )
    assert HttpErr().recognises(text.encode(), File("e", "x"))
    assert not Iis().recognises(text.encode(), File("e", "x"))
    (record,), gaps, (span,) = read(text, HttpErr(), "C/Windows/System32/LogFiles/HTTPERR/httperr1.log")
    assert (record.kind, record.channel, record.fields["url"], record.fields["s-reason"]) == (
        "iis.httperr",
        "HTTPERR",
        "/ecp/x.js",
        "AppOffline",
    )
    assert not span.busy
    assert gaps == []


def test_url_is_decoded_twice_and_keeps_plus_and_bad_escapes():
    assert decoded_url("/a%252eb", "x=%2541+%zz") == "/a.b?x=A+%zz"
    assert decoded_url("/a", "?q") == "/a?q"
    assert decoded_url("/%ff") == "/\\xff"
