"""The command line: exit codes, one-line errors, and what each command prints. Run in this process unless said otherwise."""

import base64
import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

import exhume
from exhume.cli import main
from pretend_server import CLIENT, NOON, SESSION, Server, shell

PERIOD = ["--since", "2021-03-01", "--until", "2021-03-04"]
HEAVY = {
    "yara_x",
    "evtx",
    "hyperscan",
    "re2",
    "sigma",
    "yaml",
    "jinja2",
    "psutil",
    "zstandard",
    "orjson",
    "defusedxml",
    "multiprocessing",
    "isal",
}


@pytest.fixture
def evidence(tmp_path):
    """A folder with a session obtained."""
    return laid(Server().proxy(NOON, SESSION, 241), tmp_path / "ex01")


def laid(server, folder):
    for path, data in server.content().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def run(*words):
    """Exit code of the command, also where argparse leaves by itself."""
    try:
        return main([str(w) for w in words])
    except SystemExit as left:
        return left.code


def refused(capsys, *words):
    """The one line on stderr of a command that could not be done."""
    assert run(*words) == 2
    out, err = capsys.readouterr()
    lines = err.strip().splitlines()
    assert "Traceback" not in err
    assert out == ""
    assert lines[-1].startswith("exhume")
    return lines


def test_assess_writes_three_files_and_prints_a_summary(evidence, tmp_path, capsys):
    assert run("assess", evidence, *PERIOD, "--out", tmp_path / "out", "--jobs", 1) == 0
    out, err = capsys.readouterr()
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"assessment.json", "report.html", "timeline.csv", "findings.csv"}
    data = json.loads((tmp_path / "out/assessment.json").read_bytes())
    assert (data["schema"], data["verdict"]) == ("exhume.assessment/1", "compromised")
    assert "compromised" in out.lower()
    assert "report.html" in out
    assert err == "", "progress is for terminals"


def test_the_default_place_is_named_after_the_evidence(evidence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("assess", evidence, "--jobs", 1) == 0
    assert (tmp_path / "exhume-ex01/assessment.json").is_file()


@pytest.mark.parametrize(
    ("bound", "code"),
    [("compromised", 1), ("suspected", 1), ("cannot_tell", 1), ("attempted", 1), ("no_trace", 1)],
)
def test_fail_on_a_compromised_server(evidence, tmp_path, bound, code):
    assert run("assess", evidence, *PERIOD, "--out", tmp_path / "out", "--jobs", 1, "--fail-on", bound) == code


@pytest.mark.parametrize(("bound", "code"), [("compromised", 0), ("suspected", 0), ("cannot_tell", 1), ("CANNOT-TELL", 1)])
def test_fail_on_a_server_of_which_nothing_can_be_told(tmp_path, bound, code):
    (tmp_path / "e").mkdir()
    (tmp_path / "e/notes.txt").write_bytes(b"x")
    assert run("assess", tmp_path / "e", "--out", tmp_path / "out", "--jobs", 1, "--fail-on", bound) == code


def test_nothing_of_exchange_is_assessed_all_the_same(tmp_path):
    (tmp_path / "e").mkdir()
    assert run("assess", tmp_path / "e", "--out", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out/assessment.json").read_bytes())["verdict"] == "cannot_tell"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["assess", "nowhere"], "nowhere"),
        (["assess", ".", "--pack", "nowhere"], "no such"),
        (["assess", ".", "--allow", "nowhere.yml"], "allow file"),
        (["assess", ".", "--since", "2021-03-05", "--until", "2021-03-04"], "--since"),
        (["report", "nowhere.json"], "nowhere.json"),
        (["pack", "list", "nowhere"], "no such"),
        (["pack", "lint", "nowhere"], "no such"),
        (["pack", "test", "nowhere"], "no such"),
        (["pack", "show", "nowhere"], "nowhere"),
        (["pack", "encode", "nowhere"], ""),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    (line,) = refused(capsys, *words)
    assert said in line
    assert len(line) < 300


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["assess"],
        ["assess", ".", "--since", "yesterday"],
        ["assess", ".", "--fail-on", "clean"],
        ["assess", ".", "--max-file", "much"],
        ["assess", ".", "--jobs", "many"],
        ["assess", ".", "--engine", "grep"],
        ["pack"],
        ["report"],
    ],
)
def test_wrong_usage_is_two(words, capsys):
    lines = refused(capsys, *words)
    assert "error" in lines[-1]


def test_names_with_terminal_escapes_are_not_printed_as_such(tmp_path, capsys):
    refused(capsys, "assess", tmp_path / "a\x1b[31mb\nc")
    assert run("assess", tmp_path / "a\x1b[31mb") == 2
    assert "\x1b" not in capsys.readouterr().err


def test_where_nothing_can_be_written(evidence, tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    (line,) = refused(capsys, "assess", evidence, "--out", tmp_path / "file", "--jobs", 1)
    assert "cannot write" in line


def test_several_pieces_of_evidence_are_one_server(tmp_path):
    logs, pages = laid(Server().proxy(NOON, SESSION, 241), tmp_path / "logs"), tmp_path / "pages"
    (pages / CLIENT).mkdir(parents=True)
    (pages / CLIENT / "abcdefgh.aspx").write_bytes(shell())
    assert run("assess", logs, pages, *PERIOD, "--out", tmp_path / "out", "--jobs", 1) == 0
    data = json.loads((tmp_path / "out/assessment.json").read_bytes())
    assert {a["campaign"] for a in data["answers"] if a["verdict"] == "compromised"} == {"proxylogon", "webshell"}


def test_an_allow_file_and_a_foreign_pack(tmp_path):
    evidence = laid(
        Server().file(CLIENT + "abcdefgh.aspx", b"<html>").iis(NOON + timedelta(minutes=1), "GET", "/mark.htm"), tmp_path / "e"
    )
    allow, pack = tmp_path / "allow.yml", tmp_path / "mine"
    allow.write_text(
        "- {rule: WS-m, path: /aspnet_client/*, reason: monitoring}\n- {rule: baseline.unknown-page, path: /aspnet_client/*, reason: monitoring}\n"
    )
    pack.mkdir()
    (pack / "r.yml").write_text(
        "title: Mark\nid: 7d1f6a5e-6f0e-4b0e-9c57-7a1d1f000001\nlogsource: {category: webserver}\ndetection:\n  a: {cs-uri-stem: /mark.htm}\n  condition: a\nlevel: high\n"
    )
    assert run("assess", evidence, *PERIOD, "--out", tmp_path / "out", "--jobs", 1, "--allow", allow, "--pack", pack) == 0
    data = json.loads((tmp_path / "out/assessment.json").read_bytes())
    verdicts = {a["campaign"]: a["verdict"] for a in data["answers"]}
    assert verdicts["webshell"] == "no_trace"
    assert data["verdict"] == "suspected"
    assert [f["title"] for f in data["findings"]] == ["Mark"]


def test_report_writes_the_same_again(evidence, tmp_path, capsys):
    first, again = tmp_path / "first", tmp_path / "repeated"
    run("assess", evidence, *PERIOD, "--out", first, "--jobs", 1)
    summary = capsys.readouterr().out
    assert run("report", first / "assessment.json", "--out", again) == 0
    for name in ("assessment.json", "report.html", "timeline.csv", "findings.csv"):
        assert (again / name).read_bytes() == (first / name).read_bytes(), name
    assert capsys.readouterr().out.replace("repeated", "first") == summary
    (again / "report.html").unlink()
    assert run("report", again) == 0
    assert (again / "report.html").is_file()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"schema": "exhume.assessment/99"}', b"\xff\xfe", b'{"schema": "exhume.assessment/1"}'],
)
def test_report_of_something_else_is_refused(tmp_path, capsys, content):
    (tmp_path / "a.json").write_bytes(content)
    refused(capsys, "report", tmp_path / "a.json")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_pack_list_names_the_shipped_packs(capsys):
    assert run("pack", "list") == 0
    out = capsys.readouterr().out
    for name in ("proxylogon", "proxyshell", "proxytoken", "proxynotshell", "owassrf", "webshell", "post-exploitation"):
        assert f"{name} " in out
    assert "not used" not in out


def test_the_shipped_packs_are_sound_and_their_cases_come_out(capsys):
    assert run("pack", "lint") == 0
    assert run("pack", "test") == 0
    assert ", 0 failed" in capsys.readouterr().out


def test_pack_lint_tells_which_rules_name_most_rows(tmp_path, capsys):
    row = "2021-03-03 12:{:02d}:{:02d} 10.0.0.1 GET {} - 443 - 203.0.113.9 Mozilla/5.0 - 404 0 0 15\r\n"
    paths = ["/owa/", "/aspnet_client/abcdefgh.aspx"] + ["/owa/auth/logon.aspx"] * 28
    head = "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem"
    head += (
        " cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n"
    )
    (tmp_path / "u_ex210303.log").write_text(head + "".join(row.format(n // 60, n % 60, paths[n % 30]) for n in range(3000)))
    assert run("pack", "lint", "--budget", tmp_path) == 0
    shown = capsys.readouterr().out
    (line,) = (line for line in shown.splitlines() if "WS-c" in line)
    assert line.split()[1:3] == ["iis.access:", "WS-c"]
    assert 25 < float(line.split()[0]) < 45, "the probes, not the log-on page"
    assert run("pack", "lint", "--budget", tmp_path / "none") == 2


def test_pack_lint_and_test_fail_where_something_is_wrong(tmp_path, capsys):
    (tmp_path / "bad.yml").write_text(
        "title: T\nlogsource: {category: webserver}\ndetection:\n  a: {x|nonsense: 1}\n  condition: a\nlevel: high\n"
    )
    assert run("pack", "lint", tmp_path) == 1
    assert "bad.yml" in capsys.readouterr().out


def test_pack_show_decodes_what_encode_encoded(tmp_path, capsysbinary):
    (tmp_path / "rule.yar").write_bytes(b"rule x { condition: true }\r\n")
    assert run("pack", "encode", tmp_path / "rule.yar") == 0
    encoded = tmp_path / "rule.yar.b64"
    assert base64.b64decode(encoded.read_bytes()) == b"rule x { condition: true }\r\n"
    capsysbinary.readouterr()
    assert run("pack", "show", encoded) == 0
    assert capsysbinary.readouterr().out == b"rule x { condition: true }\r\n"
    assert run("pack", "encode", encoded) == 2


def child(*words, **more):
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60, check=False, **more)


@pytest.mark.parametrize("words", [["--help"], ["assess", "--help"], ["pack", "--help"], ["report", "--help"], ["--version"]])
def test_help_and_version_load_no_heavy_library(words):
    code = (
        "import sys\nfrom exhume.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as left:\n    assert left.code == 0\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = child("-c", code)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_version_and_help_say_what_it_is():
    assert child("-m", "exhume", "--version").stdout == f"exhume {exhume.__version__}\n"
    text = child("-m", "exhume.cli", "--help").stdout
    for word in ("assess", "report", "pack", "demo", "exposed, attacked, broken into"):
        assert word in text


def test_an_error_in_a_real_process_is_one_line(tmp_path):
    done = child("-m", "exhume", "assess", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_terminal_can_show_the_summary(evidence, tmp_path, encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "exhume", "assess", str(evidence), "--out", str(tmp_path / "out")],
        capture_output=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"compromised" in done.stdout.lower()


def test_a_plan_that_cannot_be_read_is_told_before_anything_is_assessed(tmp_path, capsys):
    """At the end it would take with it all that was found."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "pack.yml").write_text("name: mine\nversion: 1.0.0\ntitle: Mine\n", encoding="utf-8")
    (pack / "plan.yml").write_text("steps: none\n", encoding="utf-8")
    (tmp_path / "e").mkdir()
    (line,) = refused(capsys, "assess", tmp_path / "e", "--out", tmp_path / "out", "--pack", pack)
    assert "plan.yml" in line


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_where_the_summary_cannot_be_shown_the_exit_code_still_tells_the_verdict(evidence, tmp_path):
    words = ["assess", str(evidence), *PERIOD, "--out", str(tmp_path / "out"), "--jobs", "1"]
    for bound, code in (("compromised", 1), (None, 0)):
        more = ["--fail-on", bound] if bound else []
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "exhume", *words, *more], check=False, stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)
        assert "could not be shown" in done.stderr


def test_where_nobody_reads_the_summary_fail_on_still_holds(evidence, tmp_path):
    words = ["assess", str(evidence), *PERIOD, "--out", str(tmp_path / "out"), "--jobs", "1", "--fail-on", "compromised"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "exhume", *words], check=False, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_disk_that_fills_up_leaves_the_earlier_reports_together(evidence, tmp_path, monkeypatch, capsys):
    """Else the report of an earlier run would stand beside the assessment of this one."""
    out = tmp_path / "out"
    assert run("assess", evidence, *PERIOD, "--out", out, "--jobs", 1) == 0
    earlier = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    monkeypatch.setattr(
        "exhume.reports.Timeline.render", lambda self, result: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    assert "cannot write to" in refused(capsys, "assess", evidence, "--out", out, "--jobs", 1)[-1]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == earlier
