"""What a start loads. No clock: which libraries and parts of exhume are there when the work is done.

Each command runs in a process of its own, with its workers' part in the same process, so that everything is seen.
"""

import json
import os
import subprocess
import sys

import pytest

LINE = "2021-03-02 00:00:01 10.0.0.5 GET /owa/auth/logon.aspx - 443 - 192.0.2.7 Mozilla/5.0 - 200 0 0 15\n"
LOG = (
    "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2021-03-02 00:00:01\n#Fields: date time s-ip "
    "cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus "
    "sc-win32-status time-taken\n" + LINE
)
PAGE = '<%@ Page Language="C#" %>\n<html><body>Hello</body></html>\n'

CHILD = """
import json, sys
from exhume.assess import run
from exhume.cli import main

def here(make, batches, files, jobs, limits, progress=None, meanwhile=None):
    if meanwhile:
        meanwhile()
    scanner = make()
    return [scanner.scan(path) for batch in batches for path in batch]

run.scan_all = here
try:
    code = main(sys.argv[1:])
except SystemExit as left:
    code = left.code
print(json.dumps([code, sorted(sys.modules)]))
"""
HEAVY = frozenset(
    ("numpy", "yara_x", "duckdb", "sigma", "pyparsing", "yaml", "evtx", "typst", "zstandard", "isal", "defusedxml", "email")
)
"""Libraries that most evidence does not need; a sieve and jinja2 are needed for every log and every report."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def loaded(cache, *arguments, code=CHILD):
    """The names of all modules that the command loaded, and of the libraries among them."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache), "HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=200,
    )
    left, modules = json.loads(done.stdout.splitlines()[-1])
    assert left == 0, done.stderr
    return frozenset(modules), frozenset(name.partition(".")[0] for name in modules)


@pytest.fixture(scope="module")
def one_line(cache, tmp_path_factory):
    """Of the second assessment of one line of a log: the first one compiles."""
    folder = tmp_path_factory.mktemp("one")
    log = folder / "u_ex210302.log"
    log.write_text(LOG, encoding="utf-8")
    loaded(cache, "assess", log, "--out", folder / "out")
    return loaded(cache, "assess", log, "--out", folder / "out")


def test_help_loads_no_library():
    alone = CHILD.replace("from exhume.assess import run\n", "").replace("run.scan_all = here\n", "")
    modules, libraries = loaded("", "--help", code=alone)
    assert not libraries & (HEAVY | {"hyperscan", "re2", "jinja2", "orjson", "psutil", "multiprocessing"})
    assert not [
        name for name in modules if name.startswith(("exhume.model", "exhume.assess", "exhume.detectors", "exhume.readers"))
    ]


def test_one_line_of_a_log_needs_few_libraries(one_line):
    _, libraries = one_line
    assert libraries & HEAVY == frozenset()
    assert {"hyperscan", "re2"} & libraries, "the line went through a sieve"
    assert "jinja2" in libraries, "a report was written"


@pytest.mark.parametrize(
    "name",
    [
        "exhume.detectors.sigma.translation",
        "exhume.detectors.sigma.rules",
        "exhume.detectors.sigma.logsources",
        "exhume.detectors.ioc.feeds",
        "exhume.detectors.webcode.analysis",
        "exhume.packs.form",
        "exhume.packs.tables",
        "exhume.judge.exposure",
        "exhume.model.builds",
        "importlib.resources",
        "exhume.readers.iisentries",
        "exhume.readers.msertlog",
        "exhume.readers.clixml",
        "exhume.assess.pivot",
        "exhume.hunt",
        "exhume.simulator",
        "importlib.metadata",
        "tarfile",
    ],
)
def test_one_line_of_a_log_needs_no(one_line, name):
    modules, _ = one_line
    assert name not in modules


def test_what_a_finding_asks_for_was_kept_as_it_was_read(cache, tmp_path):
    """Plans, witnesses and correlations are YAML, whose library takes longer to load than all else that a finding needs."""
    log = tmp_path / "u_ex210302.log"
    log.write_text(LOG + LINE.replace("GET /owa/auth/logon.aspx", "POST /aspnet_client/supp0rt.aspx"), encoding="utf-8")
    loaded(cache, "assess", log, "--out", tmp_path / "out")
    modules, libraries = loaded(cache, "assess", log, "--out", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "assessment.json").read_text("utf-8"))["findings"]
    assert "exhume.assess.pivot" in modules
    assert "yaml" not in libraries


def test_what_evidence_asks_for_is_loaded(cache, tmp_path):
    """The other side, without which the tests above could not fail: a page and a setting."""
    page = tmp_path / "C/inetpub/wwwroot/aspnet_client/hello.aspx"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE, encoding="utf-8")
    (page.parent / "web.config").write_text("<configuration/>", encoding="utf-8")
    modules, libraries = loaded(cache, "assess", tmp_path / "C", "--out", tmp_path / "out")
    assert {"yara_x", "defusedxml"} <= libraries
    assert {"exhume.detectors.webcode.analysis", "exhume.detectors.baseline.releases"} <= modules


def test_a_process_ends_with_its_code_and_all_that_it_wrote(cache, tmp_path):
    """It does not wait for the interpreter's own end."""
    log = tmp_path / "u_ex210302.log"
    log.write_text(LOG, encoding="utf-8")
    words = ("assess", log, "--out", tmp_path / "out", "--fail-on", "cannot_tell")
    done = subprocess.run(
        [sys.executable, "-m", "exhume", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=200, env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert str(tmp_path / "out" / "report.html") in done.stdout
    assert done.stdout.endswith("\n")
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_process_that_cannot_say_its_last_words_fails():
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "exhume", "demo", "--list"],
            stdout=full, stderr=subprocess.PIPE, check=False, timeout=60, env=environment,
        )  # fmt: skip
    assert done.returncode == 120
    assert b"No space left" in done.stderr
