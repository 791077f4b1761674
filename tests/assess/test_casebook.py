"""Several servers of one organisation: worst first, and what ties them together."""

import json
from datetime import timedelta

from exhume.cli import main
from exhume.judge.casebook import casebook
from exhume.model import Server as Assessed
from exhume.model import Verdict
from exhume.reports.document import casebook as document
from exhume.reports.html.casebook import casebook_page
from pretend_server import CLIENT, NOON, SESSION, Server, assessed, shell

SHELL = CLIENT + "x1y2z3.aspx"


def first():
    return Server(name="EX01").proxy(NOON, SESSION, 241).file(SHELL, shell())


def second():
    return Server(name="EX02").proxy(NOON + timedelta(hours=1), SESSION, 241).file(CLIENT + "other.aspx", shell())


def quiet():
    return Server(name="EX03").iis(NOON, "GET", "/ecp/y.js", 404)


def book(*servers):
    return casebook([Assessed(s.name, assessed(s)) for s in servers])


def test_the_worst_comes_first_whatever_the_order():
    one, other = book(quiet(), second(), first()), book(first(), second(), quiet())
    assert [s.name for s in one.servers] == [s.name for s in other.servers] == ["EX01", "EX02", "EX03"]
    assert one.verdict == Verdict.COMPROMISED
    assert one.shared == other.shared


def test_the_same_shell_and_address_tie_servers_together_and_a_scanner_does_not():
    shared = {(s.kind, s.value): s for s in book(first(), second(), quiet()).shared}
    (file,) = [s for (kind, _), s in shared.items() if kind == "file"]
    assert file.servers == ("EX01", "EX02")
    assert shared["address", "203.0.113.50"].servers == ("EX01", "EX02"), "EX03 saw the address only in a refused request"


def test_a_server_alone_shares_nothing():
    assert book(first(), quiet()).shared == ()


def test_the_account_of_another_server_of_the_case_is_told():
    moved = second()
    row = "/ecp/DDI/DDIService.svc/SetObject"
    query = "msExchEcpCanary=x&schema=OABVirtualDirectory"
    moved.iis(NOON + timedelta(hours=2), "POST", row, 200, site="W3SVC2", port=444, query=query)
    name = next(path for path in moved.content() if "W3SVC2" in path and "0303" in path)
    content = moved.content()
    content[name] = content[name].replace(b" 444 - 203", b" 444 CONTOSO\\EX01$ 203")
    told = casebook([Assessed("EX01", assessed(first())), Assessed("EX02", assessed(content))]).shared
    assert [(s.value, s.servers) for s in told if s.kind == "server"] == [("EX01", ("EX02",))]


def test_the_document_and_the_page():
    told = book(first(), second(), quiet())
    content = json.loads(document(told))
    assert content["schema"] == "exhume.case/1"
    assert [s["name"] for s in content["servers"]] == ["EX01", "EX02", "EX03"]
    page = casebook_page(told).decode()
    assert page.index("EX01/report.html") < page.index("EX03/report.html")
    assert "<script" not in page.lower()


def test_the_command_adds_one_server_after_the_other(tmp_path, capsys):
    for server in (first(), quiet()):
        for path, data in server.content().items():
            (tmp_path / server.name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / server.name / path).write_bytes(data)
        assert main(["assess", str(tmp_path / server.name), "--case", str(tmp_path / "case"), "--jobs", "1"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("case.html")
    content = json.loads((tmp_path / "case/case.json").read_bytes())
    assert [(s["folder"], s["verdict"]) for s in content["servers"]] == [("EX01", "compromised"), ("EX03", "cannot_tell")]
    assert (tmp_path / "case/EX03/report.html").is_file()


def test_two_servers_of_one_name_do_not_replace_each_other(tmp_path, capsys):
    south = Server(name="EX01").iis(NOON, "GET", "/ecp/y.js", 404)
    for folder, server in (("north", first()), ("south", south)):
        for path, data in server.content().items():
            (tmp_path / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / path).write_bytes(data)
    for folder in ("north", "south", "north"):
        assert main(["assess", str(tmp_path / folder), "--case", str(tmp_path / "case"), "--jobs", "1"]) == 0
    assert "takes its place" in capsys.readouterr().err
    content = json.loads((tmp_path / "case/case.json").read_bytes())
    told = [(s["folder"], s["name"], s["verdict"]) for s in content["servers"]]
    assert told == [("EX01", "EX01 (1: north)", "compromised"), ("EX01-2", "EX01 (2: south)", "cannot_tell")]
    page = (tmp_path / "case/case.html").read_text(encoding="utf-8")
    assert "EX01-2/report.html" in page
    assert "EX01 (2: south)" in page


def test_values_of_two_servers_of_one_name_are_still_shared():
    one, other = first(), Server(name="EX01").file(CLIENT + "other.aspx", shell())
    told = casebook([Assessed("EX01", assessed(one)), Assessed("EX01-2", assessed(other))])
    (file,) = [s for s in told.shared if s.kind == "file"]
    assert len(file.servers) == 2


def test_a_name_from_evidence_is_never_a_path(tmp_path):
    from exhume.cli.casebook import folder_of

    for name in ("../../x", "C:\\x", "a/b", "..", "", "CON\0"):
        folder = folder_of(tmp_path, name)
        assert folder.parent == tmp_path
        assert folder.name not in ("", ".", "..")


def test_the_overview_says_what_is_missing_of_each_server():
    told = casebook([Assessed("a", assessed(quiet())), Assessed("b", assessed({"readme.txt": b"no logs here"}))])
    servers = {s["folder"]: s for s in json.loads(document(told))["servers"]}
    assert servers["b"]["missing"] == ["Nothing in it is a log or setting that exhume reads."]
    assert any("HttpProxy log" in text for text in servers["a"]["missing"])
    assert servers["a"]["next_step"] == "Bring the evidence that is missing"
    assert "Nothing in it is a log or setting" in casebook_page(told).decode()


def test_each_evidence_is_a_server_and_one_that_cannot_be_read_stops_no_other(tmp_path, capsys):
    for server in (first(), quiet()):
        for path, data in server.content().items():
            (tmp_path / "in" / server.name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / server.name / path).write_bytes(data)
    case, gone, pattern = (str(tmp_path / name) for name in ("case", "gone.zip", "in/EX*"))
    assert main(["assess", "--each", gone, pattern, "--case", case, "--jobs", "1"]) == 2
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["compromised", "cannot"]
    assert "gone.zip" in err
    assert "1 could not be assessed" in err
    assert [s["name"] for s in json.loads((tmp_path / "case/case.json").read_bytes())["servers"]] == ["EX01", "EX03"]
    assert main(["assess", "--each", pattern, "--case", case, "--jobs", "1", "--fail-on", "compromised"]) == 1
    assert main(["assess", "--each", pattern]) == 2
