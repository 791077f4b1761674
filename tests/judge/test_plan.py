"""The plan names what was planted, each thing once, and a hostile name stays a name."""

import re

import pytest

from exhume.judge.plan import filled, plan, quoted
from exhume.judge.things import Thing, things
from exhume.model import Because, Confidence, Finding, Host, Outcome, PlanEntry, Record, Rule, Severity, Source

PAGE = Rule("WS-m", "webshell", "Page on the disk", Outcome.WRITE, Severity.CRITICAL, Confidence.HIGH, fold=("windows_path",))
RAN = Rule("PX-12", "post-exploitation", "Task made", Outcome.POST, Severity.CRITICAL, Confidence.HIGH, fold=("CommandLine",))
LITERAL = re.compile(r"'((?:[^']|'')*)'")


def lies(path, rule=PAGE):
    record = Record("web.file", None, {"windows_path": path, "served": True}, Source("e", f"C/{path}", "file"))
    return Finding.of(rule, record, [Because("x", "y", "z")])


def ran(command):
    record = Record("windows.event", None, {"EventID": 1, "CommandLine": command}, Source("e", "s.evtx", "record 1"))
    return Finding.of(RAN, record, [Because("x", "y", "z")])


def powershell(literal):
    """What PowerShell makes of an expression of literals and characters by number (about_Quoting_Rules)."""
    assert re.fullmatch(
        r"\(?(?:(?:'(?:[^'\u2018-\u201b]|'')*'|\[char\](?:::ConvertFromUtf32\()?0x[0-9a-f]+\)?)(?: \+ )?)+\)?", literal
    )
    out = ""
    for text, code in re.findall(r"'((?:[^']|'')*)'|0x([0-9a-f]+)", literal):
        out += chr(int(code, 16)) if code else text.replace("''", "'")
    return out


@pytest.mark.parametrize("name", [
    "C:\\inetpub\\x.aspx", "it's.aspx", "a'; Remove-Item C:\\ -Recurse; '", "\u2019; calc; \u2018", "$(calc)", "`n", "a\nb", "\u202eexe.txt",
    "", "\u2018", "'", "\U0001f600", "a\u200bb", "x\x1b[2Jy", "ü/漢字", "[[path]]",
])  # fmt: skip
def test_a_hostile_name_stays_one_literal(name):
    literal = quoted(name)
    assert powershell(literal) == name
    assert literal.isprintable()


def test_a_name_never_opens_a_new_place_or_line():
    text = filled("    Move-Item -LiteralPath [[path]] -WhatIf", [Thing("page", {"path": "[[path]]\n'x"}, ())])
    assert text == "    Move-Item -LiteralPath ('[[path]]' + [char]0x000a + '''x') -WhatIf"


def test_each_thing_stands_once_however_many_findings_name_it():
    path = "C:\\inetpub\\wwwroot\\aspnet_client\\a.aspx"
    other = Rule("WS-n", "webshell", "Another rule", Outcome.WRITE, Severity.HIGH, Confidence.HIGH, fold=("windows_path",))
    found = [lies(path), lies(path.upper(), other)]
    named = things(found, (), Host())
    assert [t.kind for t in named] == ["page"]
    assert set(named[0].findings) == {f.id for f in found}


def test_things_come_from_commands_too():
    named = things([ran('schtasks /create /sc minute /tn "Win net" /tr x'), ran("net user eve P@ss /add")], (), Host())
    assert [(t.kind, t.values["name"]) for t in named] == [("account", "eve"), ("task", "Win net")]


def test_what_raises_nothing_and_belongs_to_no_intrusion_is_not_named():
    probe = Rule("PX-17", "post-exploitation", "Account made", Outcome.PROBE, Severity.MEDIUM, Confidence.LOW)
    record = Record("windows.event", None, {"EventID": 4720, "TargetUserName": "newcomer"}, Source("e", "s.evtx", "record 1"))
    assert things([Finding.of(probe, record, [Because("x", "y", "z")])], (), Host()) == ()


def test_a_step_for_things_is_due_only_when_there_are_any():
    step = PlanEntry("q", "webshell", 30, "Quarantine", "[[path]]", reversible=True, rules=("WS-m",), things="page")
    search = PlanEntry("f", "webshell", 30, "Search", "look", reversible=True, rules=("PX-12",), unless="page")
    found = [lies("C:\\inetpub\\wwwroot\\a.aspx"), ran("whoami")]
    assert [s.title for s in plan([step, search], (), found, things(found, (), Host()))] == ["Quarantine"]
    assert [s.title for s in plan([step, search], (), found[1:], things(found[1:], (), Host()))] == ["Search"]
