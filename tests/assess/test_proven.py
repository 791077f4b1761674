"""Logs so long that whole blocks are proven regular: the same result as when every line is read and parsed."""

import importlib.util

import pytest

from exhume.assess import sieve
from exhume.assess.scan import Scanner
from exhume.assess.tally import Tally
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import from_memory
from exhume.model import Clue, Host
from exhume.packs import shipped
from exhume.readers import EVERY_FILE, READERS, shape
from exhume.simulator import simulate

ENGINES = [e for e in sieve.ENGINES if importlib.util.find_spec(e)]


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The day of the attack, with some rows that are torn, quoted, strange, of another server or out of order."""
    place = tmp_path_factory.mktemp("proven")
    simulate("proxylogon-full", place, size=48 << 20)
    chosen = [p for p in place.rglob("*") if p.is_file() and ("_20210303" in p.name or p.name == "u_ex210303.log")]
    content = {p.relative_to(place).as_posix(): p.read_bytes() for p in chosen if p.suffix.lower() == ".log"}
    for number, (path, data) in enumerate(sorted(content.items())):
        rows = data.splitlines(keepends=True)
        if len(rows) < 60:
            continue
        middle = len(rows) // 2 + number % 7
        odd = (
            rows[middle][:70] + b"\r\n",
            rows[middle].replace(b"/", b"/aspnet_client/%61bc.aspx?", 1),
            rows[middle].replace(b"/", b"/a,/owa/auth/logon.aspx,", 1).replace(b"EX01", b"EX07"),
            b'"' + rows[middle],
            rows[middle].replace(b",mail.contoso.test,", b',"/aspnet_client/x.aspx,/ews/exchange.asmx,",', 1),
            rows[middle].replace(b"200", b"20\0", 1),
            rows[20],
            b"#Fields: none\r\n" if number % 9 == 0 else b"\r\n",
        )
        rows[middle:middle] = [odd[number % 8]] + ([odd[1]] if number % 3 == 0 else [])
        content[path] = b"".join(rows)
    return content


def result(content, engine="", use_sieve=True):
    evidence = from_memory(content)
    detectors = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)
    scanner = Scanner(evidence, READERS, EVERY_FILE, detectors, is_product, engine, use_sieve)
    tally = Tally()
    for path in content:
        tally.add(scanner.scan(path))
    part = tally.part()
    return (
        {finding.key: finding for finding in part.findings},
        part.readings,
        part.coverage.spans,
        part.coverage.gaps,
    )


@pytest.fixture(scope="module")
def plainly(content):
    return result(content, use_sieve=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_findings_and_coverage_are_those_of_reading_every_line(content, plainly, engine, monkeypatch):
    proven = []
    real = shape.prove

    def counted(data, *rest, **more):
        found = real(data, *rest, **more)
        proven.append(len(data) if found else 0)
        return found

    monkeypatch.setattr("exhume.readers.rows.prove", counted)
    assert result(content, engine=engine) == plainly
    assert sum(proven) > sum(map(len, content.values())) / 2, "else nothing was compared"
    assert 0 in proven, "else nothing odd was met"


@pytest.mark.parametrize(
    ("part", "kind", "delimiter"), [("LogFiles/W3SVC", "iis.access", " "), ("HttpProxy/", "exchange.httpproxy", ",")]
)
def test_few_ordinary_rows_are_parsed(content, part, kind, delimiter):
    """A rule that names one row in fifty makes the whole assessment several times slower: ``pack lint --budget`` tells which."""
    made = sieve.Sieves(tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS))
    rows = [row for path, data in content.items() if part in path for row in data.splitlines(keepends=True)]
    ordinary = b"".join(row for row in rows if row.startswith(b"2021") and b"aspnet_client" not in row and b"%61" not in row)
    named = made.candidates(ordinary, kind, delimiter)
    assert 0 < len(named) < 0.005 * ordinary.count(b"\n")


@pytest.mark.parametrize("engine", ENGINES)
def test_fewer_than_one_row_in_a_thousand_of_a_quiet_server_is_parsed(tmp_path, engine):
    """Over all shipped packs together. The server is simulated: real ones ask for things that nobody thought of."""
    simulate("quiet-and-covered", tmp_path, size=8 << 20)
    made = sieve.Sieves(tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS), engine)
    for pattern, kind, delimiter, least in (
        ("**/LogFiles/W3SVC*/*.log", "iis.access", " ", 20_000),
        ("**/HttpProxy/**/*.LOG", "exchange.httpproxy", ",", 10_000),
        ("**/MapiHttp/**/*.LOG", "exchange.mapihttp", ",", 5_000),
    ):
        lines = [line for path in tmp_path.glob(pattern) for line in path.read_bytes().splitlines(keepends=True)]
        rows = b"".join(line for line in lines if line.startswith(b"2021"))
        named = {rows.rfind(b"\n", 0, offset) for offset in made.candidates(rows, kind, delimiter)}
        assert rows.count(b"\n") > least
        assert len(named) < 0.001 * rows.count(b"\n")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("exact", "unless", "row", "found"),
    [
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET /EWS/Exchange.asmx - 200", False),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET /ews/exchange.asmx/x - 200", True),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET /a/ews/exchange.asmx - 200", True),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET /ews/exchanger.asmx - 200", True),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET /ews/exchange.asmx?q - 200", True),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET /ews/exchange.asmx /ews/e.asmx 200", True),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET - 200 /ews/exchange.asmx", False),
        ({".asmx"}, {"/ews/exchange.asmx"}, "GET - 200 e.asmx", True),
        ({".asp"}, {"/logon.aspx", "/off.aspx"}, "GET /logon.aspx /off.aspx 200", False),
        ({".asp"}, {"/logon.aspx", "/off.aspx"}, "GET /logoff.aspx - 200", True),
        ({".asp"}, {"/logon.aspx", "/off.aspx"}, "GET /logon.asp - 200", True),
        ({"$\0"}, set(), "GET /x CONTOSO\\EX01$ 200", True),
        ({"$\0"}, set(), "GET /x EX01$a 200", False),
        ({"\0/owa"}, set(), "GET /owa/x - 200", True),
        ({"\0/owa"}, set(), "GET /x/owa - 200", False),
        ({"\0get\0"}, set(), "GET /x - 200", True),
        ({"\0get\0"}, set(), "/get /x - 200", False),
    ],
)
def test_cells_that_do_not_count_are_passed_over_and_no_others(engine, exact, unless, row, found):
    clue = Clue((frozenset({"never"}),), frozenset(exact), frozenset(unless))
    block = f"2021-03-03 06:00:00 192.0.2.1 {row}\r\n".encode()
    assert bool(sieve.build({clue}, engine, " ").candidates(block)) is found
