"""Lists of hosts: columns by name, one row in and one host out, bounded memory, nothing lost."""

import io
import tracemalloc

import pytest

from exhume.assess.hosts import LONGEST, HostList


def read(text, encoding="utf-8"):
    data = text if isinstance(text, bytes) else text.encode(encoding)
    return list(HostList(io.BytesIO(data)))


def short(text, **options):
    return [(r.host, str(r.version) if r.version else None, r.column) for r in read(text, **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host,build\na,15.1.2176.9\n", ("a", "15.1.2176.9", "build")),
        ("Build;Host\r\n15.01.2176.009;a\r\n", ("a", "15.1.2176.9", "Build")),
        ("Name\tAdminDisplayVersion\nEX1\tVersion 15.1 (Build 2176.2)\n", ("EX1", "15.1.2176.2", "AdminDisplayVersion")),
        (
            '#TYPE Selected.X\n"Name","AdminDisplayVersion"\n"EX1","Version 15.1 (Build 2176.2)"\n',
            ("EX1", "15.1.2176.2", "AdminDisplayVersion"),
        ),
        ("server,X-OWA-Version\na,15.1.2375.17\n", ("a", "15.1.2375.17", "X-OWA-Version")),
        (
            '"timestamp","ip","port","hostname","tag","asn","geo","version","servername"\n'
            '"2026-11-01 00:00:00","192.0.2.7",443,"mail.example.test","exchange",64500,"DE","15.1.2176","EX1"\n',
            ("mail.example.test", "15.1.2176", "version"),
        ),
        (
            "ip,services.http.response.headers.X_OWA_Version,services.port\n192.0.2.7,15.2.1118.40,443\n",
            ("192.0.2.7", "15.2.1118.40", "services.http.response.headers.X_OWA_Version"),
        ),
        (
            'ip_str,port,data\n192.0.2.7,443,"HTTP/1.1 200 OK\r\nServer: x\r\nX-OWA-Version: 15.2.792.3\r\n\r\n"\n',
            ("192.0.2.7", "15.2.792.3", "data"),
        ),
        ('host,html\na,"<link href=""/owa/auth/15.1.2176/themes/x.css"">"\n', ("a", "15.1.2176", "html")),
        ("host,version\n,15.1.2176.9\n", ("", "15.1.2176.9", "version")),
    ],
)
def test_columns_are_found_by_name(text, expected):
    assert short(text) == [expected]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_that_powershell_and_excel_write(encoding):
    assert short("Host;Build\r\nmüller;15.1.2176.9\r\n", encoding=encoding) == [("müller", "15.1.2176.9", "Build")]


def test_the_column_that_tells_most_counts_and_a_contradiction_is_noted():
    (row,) = read("host,AdminDisplayVersion,build\na,Version 15.1 (Build 2106.2),15.1.2176.9\n")
    assert (str(row.version), row.column, row.cumulative_only) == ("15.1.2176.9", "build", False)
    assert row.note == "AdminDisplayVersion says 15.1.2106.2"
    (row,) = read("host,AdminDisplayVersion,build\na,Version 15.1 (Build 2176.2),\n")
    assert (row.column, row.cumulative_only, row.note) == ("AdminDisplayVersion", True, "")
    (row,) = read("host,build,X-OWA-Version\na,15.1,15.1.2176.9\n")
    assert (str(row.version), row.note) == (
        "15.1.2176.9",
        "build: '15.1' has two parts of four: a spreadsheet cut it to a number, import the column as text",
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,15.1", "has two parts of four"),
        ("a,nonsense", "is no version"),
        ("a,", "no version in this row"),
        ("a", "no version in this row"),
        ("a,15.1.2176.9,extra", "3 cells, the header 2"),
        ('"a"b,15.1.2176.9', "cannot be read"),
        ("a,=1+1", "is no version"),
    ],
)
def test_a_bad_row_has_its_line_and_problem_and_the_others_are_read(row, problem):
    before, bad, after = read(f"host,build\nx,15.1.2176.9\n{row}\ny,15.1.2176.9\n")
    assert (before.host, after.host, before.line, bad.line, after.line) == ("x", "y", 2, 3, 4)
    assert (bad.version, before.problem, after.problem) == (None, "", "")
    assert problem in bad.problem


def test_a_quote_that_is_never_closed_costs_one_row():
    rows = read('host,build\na,15.1.2176.9\n"b,15.1.2176.9\nc,15.1.2176.9\nd,15.1.2176.9\n')
    assert [(r.line, bool(r.problem)) for r in rows] == [(2, False), (3, True), (4, False), (5, False)]
    assert [r.host for r in rows if not r.problem] == ["a", "c", "d"]


def test_many_quotes_that_are_never_closed_cost_their_rows_only():
    many = "".join(f'"h{n},15.1.2176.9\n' if n % 3 == 0 else f"h{n},15.1.2176.9\n" for n in range(3000))
    rows = read("host,build\n" + many)
    assert len({r.line for r in rows}) == len(rows)
    assert [r.host for r in rows if r.version and not r.problem][-1] == "h2999"


def test_a_line_without_an_end_is_one_bad_row():
    rows = read("host,build\na,15.1.2176.9\n" + "x" * (3 * LONGEST) + "\nb,15.1.2176.9\n")
    assert [(r.line, r.host, bool(r.problem)) for r in rows] == [(2, "a", False), (3, "", True), (4, "b", False)]


def test_nul_bytes_and_bad_utf8_lose_nothing():
    rows = read(b"host,build\n\x00\xff,15.1.2176.9\nb\x00,15.1.2176.9\n")
    assert [str(r.version) for r in rows] == ["15.1.2176.9"] * 2


@pytest.mark.parametrize("text", ["", "\n\n", "host,os\na,b\n", "x" * (2 * LONGEST), '"host,build\n'])
def test_a_list_without_a_version_column_is_refused_at_once(text):
    with pytest.raises(ValueError, match=r"no column holds a version|header line") as refused:
        read(text)
    assert "\n" not in str(refused.value)


def test_only_a_header_is_no_rows():
    assert read("host,build\n") == []


def test_memory_does_not_grow_with_the_number_of_rows():
    def peak(rows):
        stream = io.BytesIO(b"host,build\n" + b"mail.example.test,15.1.2176.9\n" * rows)
        tracemalloc.start()
        count = sum(1 for _ in HostList(stream))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == rows
        return top

    assert peak(50_000) < peak(500) + 200_000


SHODAN = "data,hostnames,ip,ip_str,ipv6,org,port,transport,product,version,html,title\n"
"""The columns of its own converter, shortened."""


def test_a_banner_counts_before_the_version_of_another_program():
    """Of IIS or nginx in front of Exchange; the address is not the number in the column ``ip``."""
    rows = (
        '"HTTP/1.1 200 OK\nX-OWA-Version: 15.2.792.3\n",,3221225991,192.0.2.7,,o,443,tcp,Microsoft IIS httpd,10.0,,\n'
        'x,,3221225992,192.0.2.8,,o,443,tcp,nginx,1.18.0,"<link href=""/owa/auth/15.1.2507/x.css"">",\n'
        "x,,3221225993,192.0.2.9,,o,443,tcp,nginx,1.18.0,,\n"
    )
    assert [(r.host, str(r.version), r.column, r.note) for r in read(SHODAN + rows)] == [
        ("192.0.2.7", "15.2.792.3", "data", ""),
        ("192.0.2.8", "15.1.2507", "html", ""),
        ("192.0.2.9", "1.18.0", "version", ""),
    ]


def test_what_a_scanner_found_beside_the_version_is_not_lost():
    head = '"ip","hostname","tag","version"\n'
    rows = read(
        head
        + '192.0.2.7,a,"exchange;webshell",15.0.847\n192.0.2.8,b,"exchange;cve-2021-26855",\n192.0.2.9,c,exchange,15.1.2507\n'
    )
    assert [r.note for r in rows] == ["tag: exchange;webshell", "tag: exchange;cve-2021-26855", ""]


@pytest.mark.parametrize("name", ["services.software.version", "host.services.software.version"])
def test_columns_of_a_nested_document_are_known_by_their_end(name):
    assert short(f"host.ip,{name}\n192.0.2.1,15.2.1118.40\n") == [("192.0.2.1", "15.2.1118.40", name)]


def test_the_reasons_are_for_people():
    (cut, quoted) = read('host,build\na,15.1\n"b,15.1.2176.9\n')
    assert "spreadsheet" in cut.problem
    assert quoted.problem == "the row cannot be read: a quote is opened and never closed"
    with pytest.raises(ValueError, match="has to name the columns"):
        read("mail.example.test,15.1.2176.9\n")
