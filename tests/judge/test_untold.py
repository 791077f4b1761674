"""Flaws whose use leaves nothing that can be told: said plainly where the server was open to them."""

import csv
import io
from datetime import date
from importlib.resources import files

import pytest

from exhume.judge.untold import untold_limits
from exhume.model import Exposure, State, Window
from exhume.packs import build_tables, untold
from pretend_server import PERIOD, Server, assessed

OPEN = Exposure("CVE-2024-21410", State.VULNERABLE, "", date(2024, 2, 13), None)


def test_every_row_says_why_what_instead_and_where_it_is_said():
    known = {fix.cve for fix in build_tables().fixes}
    rows = untold()
    assert len({row.cve for row in rows}) == len(rows)
    for row in rows:
        assert row.cve in known
        assert row.source.startswith("https://")
        assert len(row.why) > 20
        assert len(row.instead) > 20
        assert not row.why.endswith(".")


def test_every_flaw_known_to_be_used_has_a_pack_or_a_row():
    """Those that a pack is named after, or whose use a pack's rules tell."""
    text = files("exhume").joinpath("content", "fixes.csv").read_text("utf-8")
    used = {r["cve"] for r in csv.DictReader(io.StringIO(text)) if r["known_exploited"].startswith("yes")}
    told = {
        line.split("cve.")[1].strip().strip("'\"").upper()
        for pack in files("exhume").joinpath("content", "packs").iterdir()
        for rule in pack.joinpath("sigma").iterdir()
        if rule.name.endswith(".yml")
        for line in rule.read_text("utf-8").splitlines()
        if "cve." in line
    }
    missing = used - {f"CVE-{name}" for name in told} - {row.cve for row in untold()}
    assert missing == set()
    asked = "2025-53786 2024-21410 2023-21529 2021-31196 2022-23277 2026-42897"
    assert {f"CVE-{n}" for n in asked.split()} <= {row.cve for row in untold()}


@pytest.mark.parametrize(
    ("entry", "period", "told"),
    [
        (OPEN, None, True),
        (OPEN, Window(date(2024, 3, 1), date(2024, 3, 9)), True),
        (OPEN, Window(date(2024, 1, 1), date(2024, 2, 12)), False),
        (Exposure("CVE-2024-21410", State.FIXED, ""), None, False),
        (Exposure("CVE-2024-21410", State.UNKNOWN, ""), None, False),
        (Exposure("CVE-2024-21410", State.MITIGATED, ""), None, False),
        (Exposure("CVE-2021-26855", State.VULNERABLE, ""), None, False),
    ],
)
def test_it_is_told_of_days_on_which_the_server_was_open(entry, period, told):
    assert bool(list(untold_limits([entry], untold(), period))) is told


def test_it_is_a_limit_of_broken_into_and_moves_no_verdict():
    content = Server().content()
    exsetup = "C/Scripts/HealthChecker-EX01-20210304101112.xml"
    report = (
        '<Objs><Obj RefId="0"><MS><Obj N="HealthCheckerExchangeServer" RefId="1"><MS><S N="ServerName">EX01</S>'
        '<Obj N="ExchangeSetup" RefId="2"><MS><S N="FileVersion">15.01.1713.005</S></MS></Obj></MS></Obj></MS></Obj></Objs>'
    )
    plain, with_build = assessed(content), assessed({**content, exsetup: report.encode()}, period=None)
    assert [a.verdict for a in with_build.answers if a.findings] == [a.verdict for a in plain.answers if a.findings]
    limits = [x for x in with_build.questions.broken_into.limits if x.startswith("Open to CVE-")]
    opened = {e.cve for e in with_build.exposure if e.state is State.VULNERABLE} & {row.cve for row in untold()}
    assert {x.split()[2].rstrip(":") for x in limits} == opened
    assert PERIOD.since < date(2021, 4, 1)


def test_microsofts_check_of_the_application_log_calls_it():
    event = (
        '<Events><Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="MSExchange Common"/>'
        '<EventID Qualifiers="16388">4999</EventID><Level>{level}</Level><TimeCreated SystemTime="2021-11-05T03:44:12Z"/>'
        "<EventRecordID>41072</EventRecordID><Channel>Application</Channel><Computer>EX01.contoso.test</Computer></System>"
        "<EventData><Data>7160</Data><Data>E12IIS</Data><Data>{text}</Data></EventData></Event></Events>"
    )
    named = (
        "System.InvalidCastException at System.Runtime.Serialization.Formatters.Binary.BinaryFormatter.Deserialize(Stream s)"
    )
    for level, text, told in ((2, named, True), (4, named, False), (2, "System.OutOfMemoryException", False)):
        content = {"C/Windows/System32/winevt/Logs/Application.xml": event.format(level=level, text=text).encode()}
        found = {f.trace for f in assessed(content, period=None).findings}
        assert ("CVE-2021-42321-d" in found) is told, (level, text)
