"""SQL over the tables and over nothing else, the ready questions, and the command."""

import csv
import io
import json
import sys

import pytest

from exhume.cli import main
from exhume.cli.hunt import INSTALL
from exhume.hunt.ask import AskError, Hunt
from exhume.hunt.build import build
from exhume.hunt.questions import asked
from exhume.simulator import simulate

TAG = "<scr" + "ipt>alert(1)</scr" + "ipt>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("hunt")
    simulate("proxylogon-full", place / "evidence")
    build([place / "evidence"], place / "out")
    (place / "secret.txt").write_text("secret")
    return place / "out"


@pytest.fixture
def hunted(folder):
    hunt = Hunt(folder)
    yield hunt
    hunt.close()


HOSTILE = [
    "SELECT * FROM read_text('{near}/secret.txt')",
    "SELECT * FROM read_csv('{near}/secret.txt')",
    "SELECT * FROM read_blob('{folder}/hunt.json')",
    "SELECT * FROM '{near}/secret.txt'",
    "SELECT * FROM glob('{near}/*')",
    "SELECT * FROM read_parquet('{folder}/*/*.parquet')",
    "SELECT * FROM sniff_csv('{near}/secret.txt')",
    "SELECT * FROM read_json('https://example.test/x')",
    "COPY iis_access TO '{near}/stolen.csv'",
    "COPY (SELECT 1) TO '{folder}/iis_access/000001.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{near}/stolen'",
    "ATTACH '{near}/new.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW iis_access",
    "SELECT 1; COPY (SELECT 1) TO '{near}/stolen.csv'",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{near}/stolen.csv''')",
    "CALL pragma_version()",
    "",
    "SELEC",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_a_query_reads_and_writes_nothing_else(folder, hunted, query):
    before = {p: p.read_bytes() for p in folder.parent.rglob("*") if p.is_file() and "evidence" not in p.parts}
    with pytest.raises(AskError) as refused:
        list(hunted.ask(query.format(near=folder.parent, folder=folder)).rows)
    assert "\n" not in str(refused.value)
    assert {p: p.read_bytes() for p in folder.parent.rglob("*") if p.is_file() and "evidence" not in p.parts} == before
    assert list(hunted.ask("SELECT count(*) > 0 FROM iis_access").rows) == [(True,)]


def test_a_folder_without_tables_is_refused(tmp_path, folder):
    with pytest.raises(AskError, match="holds no tables"):
        Hunt(tmp_path)
    (tmp_path / "hunt.json").write_text(json.dumps({"schema": "exhume.hunt/1", "tables": {'x" AS SELECT 1; --': 1, "gone": 3}}))
    with pytest.raises(AskError):
        Hunt(tmp_path)


def test_the_questions_show_the_attack(hunted):
    answers = {a.title: a for a in asked(hunted)}
    assert len(answers) == 5
    rare, agents, addresses, posts, most = answers.values()
    assert rare.rows[0][0].startswith("/aspnet_client/")
    assert "python-requests/2.25.1" in {row[0] for row in agents.rows}
    assert "203.0.113.50" in {row[0] for row in addresses.rows}
    assert {row[0] for row in posts.rows} == {"/owa/auth/x.js", "/ecp/y.js"}
    assert most.rows[0][1] == "203.0.113.21"
    for answer in answers.values():
        (counted,) = hunted.ask(f"SELECT count(*) FROM ({answer.query})").rows
        assert counted == (len(answer.rows),), "the SQL that is shown gives the rows that are shown"


def test_what_a_log_does_not_hold_is_said(tmp_path):
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "u_ex210303.log").write_text(
        "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method\n2021-03-03 00:00:01 GET\n"
    )
    build([tmp_path / "e"], tmp_path / "out")
    answers = list(asked(Hunt(tmp_path / "out")))
    assert all("the field" in a.missing and "no table exchange_httpproxy" in a.missing for a in answers)


def test_the_page_is_still_and_hostile_text_does_nothing(tmp_path, capsys):
    (tmp_path / "e").mkdir()
    fields = "date time cs-method cs-uri-stem c-ip cs(User-Agent) sc-status"
    rows = [f"2021-03-0{d} 00:00:01 POST /a{TAG}.js 192.0.2.{d} x{TAG} 200" for d in range(1, 4)]
    rows += [f"2021-03-04 00:00:01 GET /{'y' * 5000}.aspx 192.0.2.9 \x1b[2J\u202ez 200"]
    head = f"#Software: Microsoft Internet Information Services 10.0\n#Fields: {fields}\n"
    (tmp_path / "e" / "u_ex210303.log").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    build([tmp_path / "e"], tmp_path / "out")
    assert main(["hunt", "questions", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "questions.html").read_text(encoding="utf-8")
    assert "<scr" + "ipt" not in text
    assert "://" not in text
    assert not [c for c in text if c != "\n" and (ord(c) < 32 or c in "\x7f\u202e")]
    assert "default-src 'none'" in text
    assert text.count("<svg") == 4
    assert "y" * 300 not in text
    assert main(["hunt", "sql", str(tmp_path / "out"), 'SELECT "cs(User-Agent)" FROM iis_access']) == 0
    out = capsys.readouterr().out
    assert not [c for c in out if c != "\n" and (ord(c) < 32 or c in "\x7f\u202e")]


def test_the_three_forms_of_an_answer_agree(folder, capsysbinary):
    query = (
        "SELECT \"cs-uri-stem\" AS url, count(*) AS n, '=1+1' AS f, NULL AS x FROM iis_access GROUP BY ALL ORDER BY url LIMIT 3"
    )
    told = {}
    for form in ("table", "csv", "json"):
        assert main(["hunt", "sql", str(folder), query, "--format", form]) == 0
        told[form] = capsysbinary.readouterr().out.decode()
    rows = list(csv.reader(io.StringIO(told["csv"])))
    objects = [json.loads(line) for line in told["json"].splitlines()]
    assert rows[0] == ["url", "n", "f", "x"] == list(objects[0])
    assert [r[:2] for r in rows[1:]] == [[o["url"], str(o["n"])] for o in objects]
    assert rows[1][2:] == ["'=1+1", ""], "no formula"
    assert len(told["table"].splitlines()) == 2 + 3
    assert main(["hunt", "sql", str(folder), query, "--rows", "1"]) == 0
    assert "(the first 1 rows" in capsysbinary.readouterr().out.decode()


def test_a_bad_query_is_one_line(folder, capsys):
    assert main(["hunt", "sql", str(folder), "SELECT nothing FROM nowhere"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("exhume: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["build", "x", "--out", "y"], ["sql", "x", "SELECT 1"], ["questions", "x"]])
def test_without_duckdb_one_line_says_how_to_install_it(arguments, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert main(["hunt", *arguments]) == 2
    assert capsys.readouterr().err == f"exhume: {INSTALL}\n"
    assert list(tmp_path.iterdir()) == []
