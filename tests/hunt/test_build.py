"""Evidence to tables: every row, its place, its cells; dirty input loses nothing and every defect is told."""

import json

import pytest

from dirty_logs import CASES, EVIL
from exhume.cli import main
from exhume.hunt import store, writer
from exhume.hunt.ask import AskError, Hunt
from exhume.hunt.build import build
from exhume.hunt.writer import StoreError
from exhume.readers.rows import LOST

FIELDS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
IIS_HEAD = f"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 00:00:00\r\n#Fields: {FIELDS}\r\n"
PROXY_HEAD = (
    "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.002\r\n#Log-type: HttpProxy Logs\r\n#Date: 2021-03-03T00:00:00.000Z\r\n"
    "#Fields: DateTime,RequestId,Protocol,UrlStem,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,HttpStatus\r\n"
)


def iis(n, query="-", agent="Mozilla/5.0"):
    return f"2021-03-03 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02} 10.0.0.1 GET /owa/{n} {query} 443 - 203.0.113.5 {agent} - 200 0 0 {n}\r\n"


def proxy(n, agent="Mozilla/5.0", user=""):
    return f"2021-03-03T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.000Z,id{n},Ecp,/ecp/{n},{user},{agent},203.0.113.5,EX01,200\r\n"


def hunt(tmp_path, **files):
    evidence = tmp_path / "evidence"
    for name, content in files.items():
        place = evidence / {
            "iis": "inetpub/logs/LogFiles/W3SVC1/u_ex210303.log",
            "proxy": "Logging/HttpProxy/Ecp/HttpProxy_2021030300-1.LOG",
        }.get(name, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    built = build([evidence], tmp_path / "out")
    return built, Hunt(tmp_path / "out")


def rows(hunted, query):
    return list(hunted.ask(query).rows)


def places(text, mark):
    """Line and number of each row that holds ``/mark/NUMBER``, found without exhume."""
    import re

    found = [(i, re.search(rf"/{mark}/(\d+)[ ,\"]", line)) for i, line in enumerate(text.split("\n"), 1)]
    return [(i, int(m[1])) for i, m in found if m and not text.split("\n")[i - 1].startswith("#")]


def test_every_row_has_its_cells_and_its_line(tmp_path):
    text = IIS_HEAD + "".join(iis(n) for n in range(5000)) + IIS_HEAD + "".join(iis(n) for n in range(5000, 5300))
    built, hunted = hunt(tmp_path, iis=text)
    assert built.tables["iis_access"] == 5300
    told = rows(
        hunted,
        'SELECT _line, "time-taken", "cs-uri-stem", strftime(_time, \'%H:%M:%S\'), "cs-uri-query" FROM iis_access ORDER BY _line',
    )
    assert [(line, int(taken)) for line, taken, *_ in told] == places(text, "owa")
    assert told[4711][2:] == ("/owa/4711", "01:18:31", None)
    assert rows(hunted, "SELECT DISTINCT _file, _channel, _server FROM iis_access") == [
        ("inetpub/logs/LogFiles/W3SVC1/u_ex210303.log", "W3SVC1", None)
    ]


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_proven_pieces_and_single_records_give_the_same_cells(tmp_path, monkeypatch, ends):
    text = (PROXY_HEAD + "".join(proxy(n, '"a, ""b"""' if n % 5 == 0 else "Mozilla/5.0") for n in range(4000))).replace(
        "\r\n", ends
    )
    _, hunted = hunt(tmp_path / "whole", proxy=text)
    monkeypatch.setattr(store.Store, "whole", lambda *_: False)
    _, single = hunt(tmp_path / "single", proxy=text)
    empty = {"AuthenticatedUser"}  # in all rows: no record has it
    assert set(hunted.columns("exchange_httpproxy")) - empty == set(single.columns("exchange_httpproxy"))
    names = [f'"{n}"' for n in hunted.columns("exchange_httpproxy") if n not in empty]
    query = f"SELECT {', '.join(names)} FROM exchange_httpproxy ORDER BY _line"
    assert rows(hunted, query) == rows(single, query)
    assert rows(hunted, "SELECT UserAgent FROM exchange_httpproxy ORDER BY _line LIMIT 1") == [('a, "b"',)]


@pytest.mark.parametrize("way", ["_one_by_one", "_inserted"])
def test_what_duckdb_does_not_take_is_handed_over_in_another_way(tmp_path, monkeypatch, way):
    """As if DuckDB lost a row of every text that it is given."""
    copy = writer.Writer._copy
    calls = []

    def losing(self, place, query, count):
        calls.append(query)
        return copy(self, place, query, count + ("scratch" in query and (way == "_inserted" or "POSITIONAL" in query)))

    monkeypatch.setattr(writer.Writer, "_copy", losing)
    text = PROXY_HEAD + "".join(proxy(n, '"a, b"') for n in range(3000))
    built, hunted = hunt(tmp_path, proxy=text)
    assert len(calls) > 2
    assert built.tables["exchange_httpproxy"] == 3000
    assert rows(hunted, "SELECT _line, UserAgent, strftime(_time, '%M:%S') FROM exchange_httpproxy ORDER BY _line LIMIT 2") == [
        (6, "a, b", "00:00"), (7, "a, b", "00:01"),
    ]  # fmt: skip


def test_rows_of_many_files_keep_their_file_and_line(tmp_path):
    """One batch holds pieces of all of them, and records between the pieces."""
    texts = {
        f"Logging/HttpProxy/{name}/HttpProxy_202103030{hour}-1.LOG": PROXY_HEAD
        + "".join(proxy(n, '"open' if n in (700, 701) else "Mozilla/5.0", f"{name}{hour}") for n in range(900 + hour))
        for name in ("Ecp", "Owa") for hour in range(9)
    }  # fmt: skip
    built, hunted = hunt(tmp_path, **texts)
    told = rows(hunted, "SELECT _file, _line, UrlStem, AuthenticatedUser FROM exchange_httpproxy ORDER BY _file, _line")
    wanted = [
        (path, line, f"/ecp/{number}", path.split("/")[2] + path[-7])
        for path, text in sorted(texts.items())
        for line, number in places(text, "ecp")
    ]
    assert built.tables["exchange_httpproxy"] == len(wanted) > 16_000
    assert told == wanted


def test_a_row_that_duckdb_loses_is_missed(tmp_path, monkeypatch):
    """Each row is laid beside its place; a place that is left over must not count as a row."""
    csv = writer._csv

    def losing(*given, wide=False):
        return csv(*given, wide=wide) if wide else f"(SELECT * FROM {csv(*given)} WHERE c0 NOT LIKE '%T00:11:40.000Z')"

    monkeypatch.setattr(writer, "_csv", losing)
    slow = []
    monkeypatch.setattr(store.Store, "__exit__", lambda self, *_: slow.append(self.slow))
    built, hunted = hunt(tmp_path, proxy=PROXY_HEAD + "".join(proxy(n) for n in range(3000)))
    assert (built.tables["exchange_httpproxy"], slow) == (3000, [1])
    assert rows(hunted, "SELECT UrlStem FROM exchange_httpproxy WHERE _line IN (705, 706, 707) ORDER BY _line") == [
        ("/ecp/699",), ("/ecp/700",), ("/ecp/701",),
    ]  # fmt: skip


def test_text_in_any_language_is_taken_as_it_is(tmp_path, monkeypatch):
    taken = []
    record = store.Store.record
    monkeypatch.setattr(store.Store, "record", lambda self, kind, *more: taken.append(kind) or record(self, kind, *more))
    text = IIS_HEAD + "".join(iis(n, agent="Über/5.0+(日本)") for n in range(3000))
    built, hunted = hunt(tmp_path, iis=text)
    assert built.tables["iis_access"] == 3000
    assert rows(hunted, 'SELECT DISTINCT "cs(User-Agent)" FROM iis_access') == [("Über/5.0+(日本)",)]
    assert taken.count("iis.access") < 100


@pytest.mark.parametrize("odd", [b"/owa/1500\xff ", b"/owa/1500\0 ", b"/owa/1500\r "])
def test_an_odd_row_makes_no_records_of_those_far_from_it(tmp_path, monkeypatch, odd):
    taken = []
    record = store.Store.record
    monkeypatch.setattr(store.Store, "record", lambda self, kind, *more: taken.append(kind) or record(self, kind, *more))
    text = (IIS_HEAD + "".join(iis(n) for n in range(3000))).encode()
    built, hunted = hunt(tmp_path, iis=text.replace(b"/owa/1500 ", odd))
    assert built.tables["iis_access"] == 3000
    assert rows(hunted, "SELECT count(*) FROM iis_access WHERE \"cs-uri-stem\" LIKE '/owa/1500_%'") == [(1,)]
    assert rows(hunted, "SELECT _line FROM iis_access ORDER BY _line") == [(5 + n,) for n in range(3000)]
    assert 0 < taken.count("iis.access") < 200


def test_lines_that_end_differently_lose_no_row(tmp_path):
    lines = [iis(n) for n in range(3000)]
    lines[1000] = lines[1000].replace("\r\n", "\n")
    lines[1001] = lines[1001].replace("Mozilla/5.0", "Moz\rilla")  # as many returns as rows
    built, hunted = hunt(tmp_path, iis=IIS_HEAD + "".join(lines))
    assert built.tables["iis_access"] == 3000
    assert rows(hunted, 'SELECT "cs(User-Agent)", "time-taken" FROM iis_access WHERE _line IN (1005, 1006) ORDER BY _line') == [
        ("Mozilla/5.0", "1000"), ("Moz\rilla", "1001"),
    ]  # fmt: skip


def test_what_is_collected_is_bounded(tmp_path, monkeypatch):
    """A log may change its header in every piece, and each header's rows wait for more of their kind."""
    monkeypatch.setattr(store, "HELD", 100_000)
    held = []
    write = store.Store._write_most
    monkeypatch.setattr(store.Store, "_write_most", lambda self: held.append(self._held) or write(self))
    text = "".join(
        IIS_HEAD.replace("time-taken", f"x{i}") + "".join(iis(n) for n in range(i * 200, i * 200 + 200)) for i in range(30)
    )
    built, hunted = hunt(tmp_path, iis=text)
    assert built.tables["iis_access"] == 6000
    assert max(held) < 250_000
    assert len(held) > 5
    assert rows(hunted, 'SELECT count(DISTINCT "cs-uri-stem"), count(x7) FROM iis_access') == [(6000, 200)]


def test_rows_that_cannot_be_written_are_an_error_and_not_fewer_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(writer.Writer, "_copy", lambda *_: (_ for _ in ()).throw(writer._Lost))
    with pytest.raises(StoreError, match="not all rows"):
        hunt(tmp_path, iis=IIS_HEAD + iis(1))


@pytest.mark.parametrize("where", [0, 2500, 4999])
@pytest.mark.parametrize("count", [5000, 30000])
def test_a_quote_that_never_closes_swallows_nothing(tmp_path, where, count):
    where = where * count // 5000
    lines = [proxy(n, '"never closed' if n == where else "Mozilla/5.0") for n in range(count)]
    built, hunted = hunt(tmp_path, proxy=PROXY_HEAD + "".join(lines))
    assert built.tables["exchange_httpproxy"] == count
    assert rows(hunted, "SELECT count(DISTINCT UrlStem) FROM exchange_httpproxy") == [(count,)]
    assert rows(hunted, f"SELECT UrlStem FROM exchange_httpproxy WHERE _line = {6 + where}") == [(f"/ecp/{where}",)]
    told = rows(hunted, "SELECT place, count, detail LIKE '%never closed%' FROM gaps WHERE kind = 'exchange.httpproxy'")
    assert told == [(f"line {6 + where}", "1", True)]


DIRTY = {
    "invalid UTF-8": lambda r: r.replace(b"/owa/7 ", b"/owa/7\xff\xfe "),
    "NUL in a field": lambda r: r.replace(b"/owa/7 ", b"/owa/7\0 "),
    "lone CR in a field": lambda r: r.replace(b"Mozilla/5.0 - 200 0 0 7\r", b"Moz\rilla - 200 0 0 7\r"),
    "query starts with a hash": lambda r: r.replace(b"/owa/7 - ", b"/owa/7 # "),
    "too few fields": lambda r: r.replace(b" 200 0 0 7\r", b" 200\r"),
    "too many fields": lambda r: r.replace(b" 200 0 0 7\r", b" 200 0 0 7 8 9 10\r"),
    "cut off": lambda r: r[:-9],
    "empty lines": lambda r: r.replace(b"\r\n", b"\r\n\r\n"),
    "a byte order mark": lambda r: b"\xef\xbb\xbf" + r,
    "a row of 3 MB": lambda r: r.replace(b"/owa/7 - ", b"/owa/7 " + b"x" * 3_000_000 + b" "),
    "UTF-16": lambda r: r.decode().encode("utf-16"),
    "a formula": lambda r: r.replace(b"Mozilla/5.0 - 200 0 0 7\r", b"=cmd|'/C+calc'!A0 - 200 0 0 7\r"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DIRTY)
def test_dirty_input_loses_no_row(tmp_path, defect):
    clean = (IIS_HEAD + "".join(iis(n) for n in range(3000))).encode()
    dirty = DIRTY[defect](clean)
    assert dirty != clean
    built, hunted = hunt(tmp_path, iis=dirty)
    assert built.tables["iis_access"] == 3000
    assert rows(hunted, "SELECT count(*) FROM iis_access WHERE regexp_matches(\"cs-uri-stem\", '^/owa/\\d+')") == [(3000,)]
    assert rows(hunted, "SELECT count(DISTINCT _line) FROM iis_access") == [(3000,)]


@pytest.mark.parametrize("name", CASES)
def test_damaged_logs_lose_no_row_and_every_defect_is_told(tmp_path, name):
    data, count, defects = CASES[name]
    proxied = name.startswith("hp ")
    _, hunted = hunt(tmp_path, **{"proxy" if proxied else "iis": data})
    table, column = ("exchange_httpproxy", "UrlStem") if proxied else ("iis_access", "cs-uri-stem")
    assert rows(hunted, f"SELECT count(*) FROM {table}") == [(count,)]
    assert rows(hunted, f"SELECT count(*) FROM {table} WHERE \"{column}\" = '{EVIL.decode()}'") == [(1,)]
    told = {detail for (detail,) in rows(hunted, "SELECT detail FROM gaps") if "never closed" not in detail}
    assert told == {d.replace("{count}", "255" if d == LOST else "1") for d in defects}


def test_a_header_in_the_middle_changes_the_columns_and_bad_names_are_made_safe(tmp_path):
    more = FIELDS + ' sc-bytes _file Time "x"";DROP '
    text = IIS_HEAD + iis(1) + f"#Fields: {more}\r\n" + iis(2).rstrip() + " 77 a b c\r\n"
    built, hunted = hunt(tmp_path, iis=text)
    assert built.tables["iis_access"] == 2
    assert {"sc-bytes", "_file_2", "Time_2", '"x"";DROP'} <= set(hunted.columns("iis_access"))
    assert rows(hunted, 'SELECT "sc-bytes", _file_2, Time_2, "time" FROM iis_access ORDER BY _line') == [
        (None, None, None, "00:00:01"), ("77", "a", "b", "00:00:02"),
    ]  # fmt: skip


def test_a_header_of_a_thousand_names_fills_no_table(tmp_path):
    names = " ".join(f"x{i}" for i in range(1000))
    text = f"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time {names}\r\n"
    text += "2021-03-03 00:00:01 " + " ".join(map(str, range(1000))) + "\r\n"
    _, hunted = hunt(tmp_path, iis=text)
    ((first, more),) = rows(hunted, "SELECT x0, _more FROM iis_access")
    assert len(hunted.columns("iis_access")) <= 306
    assert (first, json.loads(more)["x999"]) == ("0", "999")


def test_events_files_and_gaps_are_tables_too(tmp_path):
    event = {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "P"}},
                "EventID": 6,
                "Channel": "Application",
                "Computer": "EX01",
                "TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T01:02:03.000Z"}},
            },
            "EventData": {"a": "b"},
        }
    }
    built, hunted = hunt(tmp_path, **{"events.jsonl": json.dumps(event) + "\n", "odd.bin": b"\1\2\3"})
    assert built.tables["windows_event"] == 1
    assert rows(hunted, "SELECT _line, EventID, a, strftime(_time, '%H:%M:%S') FROM windows_event") == [
        (1, "6", "b", "01:02:03")
    ]
    assert rows(hunted, "SELECT _file FROM gaps") == [("odd.bin",)]
    assert rows(hunted, "SELECT name FROM file_entry") == [("odd.bin",)]


def test_clean_logs_leave_an_empty_table_of_gaps(tmp_path):
    built, hunted = hunt(tmp_path, proxy=PROXY_HEAD + proxy(1, '"a ""b"""') + proxy(2, '"""c"""'))
    assert (built.gaps, rows(hunted, "SELECT * FROM gaps")) == (0, [])


def test_a_build_that_was_stopped_can_be_made_again(tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(writer.Writer, "_copy", lambda *_: (_ for _ in ()).throw(writer._Lost))
        with pytest.raises(StoreError):
            hunt(tmp_path, iis=IIS_HEAD + iis(1))
    with pytest.raises(AskError, match="not finished"):
        Hunt(tmp_path / "out")
    built, _ = hunt(tmp_path, iis=IIS_HEAD + iis(1))
    assert built.tables["iis_access"] == 1
    assert list((tmp_path / "out").glob(writer.SCRATCH)) == []


def test_only_an_earlier_hunt_is_overwritten(tmp_path, capsys):
    hunt(tmp_path, iis=IIS_HEAD + iis(1))
    built, hunted = hunt(tmp_path, iis=IIS_HEAD + iis(1) + iis(2))
    assert (built.tables["iis_access"], hunted.tables["iis_access"]) == (2, 2)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    assert main(["hunt", "build", str(tmp_path / "evidence"), "--out", str(other)]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (other / "letter.txt").read_text() == "mine"
    assert main(["hunt", "build", str(tmp_path / "nowhere"), "--out", str(tmp_path / "new")]) == 2
