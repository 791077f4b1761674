"""``exhume exposure`` as people and programs call it."""

import csv
import io
import json
import os
import subprocess
import sys
import time

import pytest

from exhume.cli import main
from exhume.cli.exposure import COLUMNS, SCHEMA

ON = ("--on", "2026-11-24")


def run(capsysbinary, *arguments):
    code = main(["exposure", *map(str, arguments)])
    out, err = capsysbinary.readouterr()
    return code, out.decode("utf-8"), err.decode("utf-8")


def hosts(tmp_path, text):
    place = tmp_path / "hosts.csv"
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return place


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_build_in_words(capsysbinary):
    code, out, err = run(capsysbinary, "15.1.2176.9", *ON)
    assert (code, err) == (0, "")
    assert out.startswith("15.1.2176.9: Exchange 2016 CU19 Mar21SU, on 2026-11-24\nOut of support since 2025-10-14.\n")
    lines = {line.split()[1]: line for line in out.splitlines() if " CVE-" in line}
    assert lines["CVE-2021-26855"].startswith("fixed")
    assert lines["CVE-2021-34473"].startswith("vulnerable")
    assert "15.1.2176.12" in lines["CVE-2021-34473"]


def test_a_build_for_programs_and_the_three_forms_agree(capsysbinary):
    _, out, _ = run(capsysbinary, "15.1.2176.9", *ON, "--format", "json")
    document = json.loads(out)
    assert (document["schema"], document["day"], document["cu"]) == (SCHEMA, "2026-11-24", "CU19")
    _, out, _ = run(capsysbinary, "15.01.2176.009", *ON, "--format", "csv")
    told = {row["cve"]: row["state"] for row in rows_of(out)}
    assert told == {f["cve"]: f["state"] for f in document["flaws"]}
    assert sorted(document["vulnerable"]) == sorted(cve for cve, state in told.items() if state == "vulnerable")


def test_the_display_version_as_an_argument(capsysbinary):
    code, out, _ = run(capsysbinary, "Version 15.1 (Build 2176.2)", *ON)
    assert code == 0
    assert "tells only the CU" in out
    assert "unknown        CVE-2021-26855" in out


@pytest.mark.parametrize("what", ["15.1", "15.1.2177.1", "nowhere.csv", ""])
def test_what_is_neither_is_refused_in_one_line(capsysbinary, what):
    code, out, err = run(capsysbinary, what)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_list_gives_one_line_for_each_row_and_bad_ones_are_named(capsysbinary, tmp_path):
    text = "host,build\na,15.1.2176.9\nb,15.1\nc,15.1.2177.9\nd,15.2.2562.17\n"
    code, out, err = run(capsysbinary, hosts(tmp_path, text), *ON, "--format", "csv")
    rows = rows_of(out)
    assert code == 0
    assert list(rows[0]) == list(COLUMNS)
    assert [r["host"] for r in rows] == ["a", "b", "c", "d"]
    assert [r["exposed"] for r in rows[:3]] == ["yes", "unknown", "unknown"]
    assert "CVE-2021-34473" in rows[0]["open_exploited_cves"]
    assert [bool(r["problem"]) for r in rows] == [False, True, True, False]
    assert err.startswith("exhume: 2 of 4 rows could not be rated: line 3: ")
    assert "line 4: " in err
    _, out, _ = run(capsysbinary, hosts(tmp_path, text), *ON, "--format", "json")
    document = json.loads(out)
    assert [(h["line"], h["exposed"]) for h in document["hosts"]] == [(int(r["line"]), r["exposed"]) for r in rows]
    assert str(len(document["hosts"][0]["vulnerable"])) == rows[0]["open"]
    _, out, _ = run(capsysbinary, hosts(tmp_path, text), *ON)
    assert len(out.splitlines()) == 7
    assert out.endswith(
        "Hosts: 4. 2 open to flaws known to be exploited, 0 open to others only, 0 unknown, 0 not open, 2 could not be rated.\n"
    )


def test_a_list_that_is_refused_prints_no_head(capsysbinary, tmp_path):
    code, out, err = run(capsysbinary, hosts(tmp_path, "host,os\na,x\n"))
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_hosts_of_a_product_out_of_support_say_so(capsysbinary, tmp_path):
    _, out, _ = run(capsysbinary, hosts(tmp_path, "host,build\na,14.3.513.0\n"), *ON)
    assert "unknown  0 (0) [out of support since 2020-10-13" in out


def test_on_another_day(capsysbinary, tmp_path):
    place = hosts(tmp_path, "host,version\na,15.1.2176\n")
    _, out, _ = run(capsysbinary, place, "--format", "csv", "--on", "2021-03-01")
    (row,) = rows_of(out)
    assert (row["exposed"], row["out_of_support_since"]) == ("yes", "")
    assert "CVE-2021-26855" in row["open_exploited_cves"]
    _, out, _ = run(capsysbinary, place, "--format", "csv", "--on", "2021-03-05")
    assert "CVE-2021-26855" not in rows_of(out)[0]["open_exploited_cves"], "the update had come out"


HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\x1b[2J\x1b]0;x\x07", "a\u202eb", "\x9b31m", "a;=1+1", "'x"]


@pytest.mark.parametrize("form", ["csv", "table", "json"])
def test_hostile_names_do_nothing(capsysbinary, tmp_path, form):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["host", "build"], *([name, "15.1.2176.9"] for name in HOSTILE), *([n, n] for n in HOSTILE)])
    _, out, err = run(capsysbinary, hosts(tmp_path, text.getvalue()), *ON, "--format", form)
    for shown in (out, err):
        assert not [c for c in shown if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
    if form == "csv":
        cells = [cell for row in rows_of(out) for cell in row.values()]
        assert not [c for c in cells if c[:1] in "=+-@\t\r" and c]
    if form == "json":
        assert [h["host"] for h in json.loads(out)["hosts"]][: len(HOSTILE)] == HOSTILE


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path):
    place = hosts(tmp_path, "host,build\n" + "mail.example.test,15.1.2176.9\n" * 20_000)
    command = [sys.executable, "-m", "exhume", "exposure", str(place), "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        program.stdout.readline()
        program.stdout.close()
        said = program.stderr.read()
    assert (program.returncode, said) == (0, b"")


def test_the_numbers_of_a_list_come_for_programs_too(capsysbinary, tmp_path):
    _, out, _ = run(capsysbinary, hosts(tmp_path, "host,build\na,15.1.2176.9\nb,15.1\nc,15.1.2176.9\n"), "--format", "json")
    summary = json.loads(out)["summary"]
    assert summary == {"hosts": 3, "open_exploited": 2, "others_only": 0, "unknown": 0, "not_open": 0, "unrated": 1}


def test_from_standard_input():
    run_ = subprocess.run(
        [sys.executable, "-m", "exhume", "exposure", "-", "--format", "csv"],
        input=b"host,build\na,15.1.2176.9\n",
        capture_output=True,
        check=True,
    )
    assert b"\n2,a,15.1.2176.9,build,2016,CU19,Mar21SU," in run_.stdout


@pytest.mark.parametrize("kind", ["known builds", "a different build in each row"])
def test_a_hundred_thousand_hosts_take_less_than_five_seconds_of_one_core(tmp_path, kind):
    from exhume.packs import build_tables

    builds = [str(b) for b in build_tables().builds]
    if kind != "known builds":
        builds = [f"15.{1 + n % 2}.{(2507, 1544)[n % 2]}.{n // 2}" for n in range(100_000)]
    lines = [f"mail{n}.example.test,{builds[n % len(builds)]}" for n in range(100_000)]
    place = hosts(tmp_path, "host,build\n" + "\n".join(lines) + "\n")
    before = os.times()
    started = time.perf_counter()
    out = subprocess.run(
        [sys.executable, "-m", "exhume", "exposure", str(place), "--format", "csv"], capture_output=True, check=True
    ).stdout
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert out.count(b"\n") == 100_001
    assert min(spent or 99, time.perf_counter() - started) < 5
