"""``exhume pack explain``: which test of a rule a record does not meet, and what it has there."""

from __future__ import annotations

import json

import pytest

from exhume.cli import main

RULE = r"""
title: Cmd of a service
id: 7c1b0a52-6a3e-4a55-9d6e-1d7c4e1b0aaa
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\cmd.exe'
    CommandLine|contains: [whoami, ipconfig]
  filter_parent:
    ParentImage|startswith: 'C:\Program Files\'
  filter_null:
    ParentImage: null
  condition: selection and not 1 of filter_*
"""
EVENT = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "Image": r"C:\Windows\cmd.exe",
    "CommandLine": "cmd /c whoami",
    "ParentImage": r"C:\Windows\w3wp.exe",
}


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "cmd.yml").write_text(RULE, "utf-8")
    return folder


def told(capsys, pack, record, rule="Cmd of a service"):
    code = main(["pack", "explain", rule, str(record), "--pack", str(pack)])
    return code, [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def written(tmp_path, record):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record), "utf-8")
    return path


def test_a_rule_that_holds(capsys, tmp_path, pack):
    code, lines = told(capsys, pack, written(tmp_path, EVENT))
    assert code == 0
    assert "HOLDS: Cmd of a service (mine/cmd.yml)" in lines
    assert any("yes" in line and "Image ends with '\\cmd.exe'" in line and "C:\\Windows\\cmd.exe" in line for line in lines)
    assert any("no" in line and "ParentImage is null" in line for line in lines)


@pytest.mark.parametrize(("change", "says"), [
    ({"CommandLine": "cmd /c dir"}, ["no", "CommandLine contains 'whoami' or 'ipconfig'", "[CommandLine: cmd /c dir]"]),
    ({"CommandLine": ""}, ["no", "CommandLine contains", "[CommandLine: (empty)]"]),
    ({"CommandLine": None}, ["no", "CommandLine contains", "[CommandLine: (null)]"]),
    ({"ParentImage": r"C:\Program Files\x.exe"}, ["yes", "ParentImage starts with", r"C:\Program Files\x.exe"]),
    ({"EventID": 5}, ["no", "log source: EventID 1", "[5]"]),
    ({"Channel": "System"}, ["no", "log source: channel Microsoft-Windows-Sysmon/Operational", "[System]"]),
])  # fmt: skip
def test_the_test_that_fails_is_named_with_what_the_record_has(capsys, tmp_path, pack, change, says):
    code, lines = told(capsys, pack, written(tmp_path, {**EVENT, **change}))
    assert code == 1
    assert any(line.startswith("DOES NOT HOLD") for line in lines)
    assert any(line.split()[0] == says[0] and all(word in line for word in says[1:]) for line in lines if line.strip()), lines


def test_a_record_as_a_finding_shows_it(capsys, tmp_path, pack):
    record = {"kind": "windows.event", "channel": EVENT["Channel"], "time": "2021-03-03T04:05:06Z", "fields": EVENT}
    assert told(capsys, pack, written(tmp_path, record), "7c1b0a52-6a3e-4a55-9d6e-1d7c4e1b0aaa")[0] == 0


def test_a_line_of_a_log(capsys, tmp_path):
    folder = tmp_path / "W3SVC1"
    folder.mkdir()
    (folder / "u_ex210303.log").write_text(
        "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2021-03-03 00:00:00\n"
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status\n"
        "2021-03-03 06:49:42 192.0.2.10 POST /ecp/y.js - 443 - 203.0.113.5 x 200\n",
        "utf-8",
    )
    (folder / "r.yml").write_text(
        "title: R\nid: r\nlogsource: {category: webserver}\ndetection: {s: {cs-method: POST, sc-status: 404}, condition: s}\n",
        "utf-8",
    )
    code, lines = told(capsys, folder, f"{folder / 'u_ex210303.log'}:5", "r")
    assert code == 1
    assert any("sc-status equals 404" in line and "[sc-status: 200]" in line for line in lines)
    assert main(["pack", "explain", "r", f"{folder / 'u_ex210303.log'}:9", "--pack", str(folder)]) == 2


def test_a_filter_and_a_rule_that_cannot_be_used(capsys, tmp_path, pack):
    (pack / "filter.yml").write_text(
        "title: F\nlogsource: {product: windows}\nfilter: {rules: any, x: {CommandLine|contains: whoami}, condition: not x}\n",
        "utf-8",
    )
    code, lines = told(capsys, pack, written(tmp_path, EVENT))
    assert code == 1
    assert any(line.split()[:2] == ["no", "filter:"] for line in lines if line.strip())
    (pack / "bad.yml").write_text(
        "title: Bad\nlogsource: {product: windows}\ndetection: {s: {f|nosuch: x}, condition: s}\n", "utf-8"
    )
    code, lines = told(capsys, pack, written(tmp_path, EVENT), "Bad")
    assert code == 1
    assert any("cannot be used: Unknown modifier" in line for line in lines)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"Event": {}}'])
def test_what_is_no_record_is_said_in_one_line(capsys, tmp_path, pack, text):
    path = tmp_path / "record.json"
    path.write_text(text, "utf-8")
    assert main(["pack", "explain", "cmd.yml", str(path), "--pack", str(pack)]) == 2
    assert main(["pack", "explain", "cmd.yml", str(tmp_path / "none.json"), "--pack", str(pack)]) == 2
    assert main(["pack", "explain", "no such rule", str(written(tmp_path, EVENT)), "--pack", str(pack)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_nothing_of_a_record_steers_the_terminal(capsys, tmp_path, pack):
    _, lines = told(capsys, pack, written(tmp_path, {**EVENT, "CommandLine": "whoami\x1b[2J\n"}))
    assert not any("\x1b" in line for line in lines)
