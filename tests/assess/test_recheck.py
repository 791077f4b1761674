"""What was kept is judged again: the same rules say the same; new ones may add, and never clear; nothing is dropped silently."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from exhume.assess.recheck import recheck
from exhume.assess.run import Options, assess
from exhume.cli import main
from exhume.model import Allowed, AllowEntry, Outcome, Severity, Verdict, Window
from exhume.packs import load
from exhume.reports import REPORTS
from exhume.reports import load as loaded
from exhume.reports.document import Document
from exhume.simulator import scenarios, simulate
from pretend_server import ATTACKER, CLIENT, NOON, SESSION, Server, assessed, shell

OTHER = "33333333-2222-4333-8444-555555555555"
ID = "11111111-2222-4333-8444-555555555555"
SIGMA = f"""title: Somebody asked for y.js
id: {ID}
logsource: {{category: webserver}}
detection: {{a: {{cs-uri-stem|endswith: %s}}, condition: a}}
level: %s
"""


def attacked():
    server = Server().file(CLIENT + "x1y2z3.aspx", shell()).proxy(NOON, SESSION, 241)
    return server.iis(NOON, "POST", "/ecp/y.js", 200, agent="ExchangeServicesClient/0.0.0.0")


@pytest.fixture(scope="module")
def before():
    return assessed(attacked())


def pack(folder, name="theirs", **files):
    (folder / name).mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / name / file.replace("__", ".")).write_text(text, encoding="utf-8")
    return load(folder / name)


@pytest.mark.parametrize("scenario", scenarios())
def test_the_same_rules_say_the_same(scenario, tmp_path):
    truth = simulate(scenario, tmp_path / "e")
    first = assess(tmp_path / "e", options=Options(jobs=1, period=Window(truth.since, truth.until)))
    first = loaded(Document().render(first))
    again = recheck(first, "ab")
    for part in ("verdict", "questions", "answers", "exposure", "timeline", "plan", "host", "coverage", "readings"):
        assert getattr(again, part) == getattr(first, part), part
    assert [f.id for f in again.findings] == [f.id for f in first.findings]
    assert [(i.id, i.acts, i.activity, i.first_seen) for i in again.intrusions] == [
        (i.id, i.acts, i.activity, i.first_seen) for i in first.intrusions
    ]
    assert (again.recheck.new, again.recheck.changed, again.recheck.withdrawn, again.recheck.partly) == ((), (), (), ())


def test_a_new_indicator_finds_what_was_kept(before, tmp_path):
    digest = next(f.record.text("sha256") for f in before.findings if f.record.text("sha256"))
    theirs = pack(tmp_path, iocs__csv=f"type,value\nsha256,{digest}\nip,{ATTACKER}\nsha256,{'0' * 64}\n")
    again = recheck(before, "ab", [theirs])
    new = {f.rule: f for f in again.findings if f.id in again.recheck.new}
    assert set(new) == {f"ioc:sha256:{digest}", f"ioc:ip:{ATTACKER}"}
    assert new[f"ioc:sha256:{digest}"].outcome == Outcome.WRITE
    assert new[f"ioc:sha256:{digest}"].source.path.endswith("x1y2z3.aspx")


def test_a_new_indicator_finds_a_page_of_a_further_row(tmp_path):
    server = attacked()
    for minute, page in enumerate(("one", "two", "three"), 5):
        server.iis(NOON + timedelta(minutes=minute), "GET", f"/aspnet_client/{page}.aspx", 404, ip="198.51.100.9")
    first = assessed(server)
    assert not [f for f in first.findings if "three" in f.record.text("cs-uri-stem")], "it is a further row of a finding"
    again = recheck(first, "ab", [pack(tmp_path, iocs__csv="type,value\nfilename,three.aspx\nfilename,four.aspx\n")])
    (found,) = [f for f in again.findings if f.pack == "theirs"]
    assert found.rule == "ioc:filename:three.aspx"
    assert found.first_seen == NOON + timedelta(minutes=7)
    assert found.address == "198.51.100.9"
    assert found.outcome is Outcome.PROBE, "it was not served"


def test_a_new_rule_finds_a_kept_row_and_is_told_to_have_seen_no_other(before, tmp_path):
    again = recheck(before, "ab", [pack(tmp_path, rule__yml=SIGMA % ("/y.js", "high"))])
    (found,) = [f for f in again.findings if f.pack == "theirs"]
    assert found.id in again.recheck.new
    assert again.recheck.partly == ("theirs",)
    (answer,) = [a for a in again.answers if a.campaign == "theirs"]
    assert any("asked only of the" in limit for limit in answer.limits)


def test_rules_that_did_not_see_all_rows_never_say_no_trace():
    clean = assessed(Server())
    assert {a.verdict for a in clean.answers if a.campaign == "proxylogon"} == {Verdict.NO_TRACE}
    older = tuple(replace(p, digest="0" * 64) if p.name == "proxylogon" else p for p in clean.tool.packs)
    again = recheck(replace(clean, tool=replace(clean.tool, packs=older)), "ab")
    (answer,) = [a for a in again.answers if a.campaign == "proxylogon"]
    assert answer.verdict is Verdict.CANNOT_TELL
    third = recheck(again, "cd")
    assert third.recheck.partly == ("proxylogon",), "it has not seen the rows since"
    assert {a.verdict for a in third.answers if a.campaign == "proxylogon"} == {Verdict.CANNOT_TELL}


def test_a_finding_whose_rule_is_gone_is_shown_and_raises_nothing(before, tmp_path):
    first = assessed(attacked(), packs=[pack(tmp_path, rule__yml=SIGMA % ("/y.js", "high"))])
    (found,) = [f for f in first.findings if f.pack == "theirs"]
    for text, why in (
        (SIGMA % ("/z.js", "high"), "does not find this any more"),
        ((SIGMA % ("/y.js", "low")).replace(ID, OTHER), "has no such rule"),
    ):
        again = recheck(first, "ab", [pack(tmp_path, rule__yml=text)])
        assert found.id not in {f.id for f in again.findings}
        (lost,) = again.recheck.withdrawn
        assert lost.finding.id == found.id
        assert why in lost.why
        back = recheck(again, "cd", [pack(tmp_path, rule__yml=SIGMA % ("/y.js", "high"))])
        assert found.id not in {w.finding.id for w in back.recheck.withdrawn}
        assert found.id in {f.id for f in back.findings}
        assert found.id in back.recheck.new


def test_a_rule_that_says_something_else_is_told(tmp_path):
    first = assessed(attacked(), packs=[pack(tmp_path, rule__yml=SIGMA % ("/y.js", "high"))])
    again = recheck(first, "ab", [pack(tmp_path, rule__yml=SIGMA % ("/y.js", "low"))])
    (found,) = [f for f in again.findings if f.pack == "theirs"]
    assert found.severity is Severity.LOW
    ((name, why),) = again.recheck.changed
    assert name == found.id
    assert "severity was high" in why


def test_findings_of_a_pack_that_is_not_at_hand_stand(tmp_path):
    first = assessed(attacked(), packs=[pack(tmp_path, rule__yml=SIGMA % ("/y.js", "high"))])
    again = recheck(first, "ab")
    assert [f.id for f in again.findings] == [f.id for f in first.findings]
    assert {a.campaign: a.verdict for a in again.answers} == {a.campaign: a.verdict for a in first.answers}
    assert any("theirs" in limit for limit in again.recheck.limits)
    assert first.tool.packs[-1] in again.tool.packs


def test_what_was_found_in_contents_stands(before):
    inside = [f for f in before.singles if f.rule.startswith("webcode.") or any(b.test.startswith("YARA") for b in f.because)]
    assert inside
    again = recheck(before, "ab")
    assert {f.id for f in inside} <= {f.id for f in again.singles}
    assert again.verdict is Verdict.COMPROMISED


def test_what_was_accepted_stays_accepted_until_its_day(before):
    first = before.findings[0]
    kept = tuple(f for f in before.findings if f is not first)
    today = datetime.now(UTC).date()
    for until, accepted in ((None, True), (today, True), (date(2021, 4, 1), False)):
        given = replace(before, findings=kept, allowed=(Allowed(first, "ours", until),))
        again = recheck(given, "ab")
        assert ([x.finding.id for x in again.allowed] == [first.id]) is accepted
        assert (first.id in {f.id for f in again.findings}) is not accepted
    entry = AllowEntry("ours", rule=first.rule, path="*")
    assert first.id in {x.finding.id for x in recheck(before, "ab", allow=[entry]).allowed}


def test_every_format_can_be_written_and_says_so(before, tmp_path):
    old = pack(tmp_path, rule__yml=SIGMA % ("/y.js", "high"))
    again = recheck(assessed(attacked(), packs=[old]), "ab", [pack(tmp_path, rule__yml=SIGMA % ("/z.js", "high"))])
    assert loaded(Document().render(again)) == again
    for report in REPORTS:
        text = report.render(again)
        if report.name in ("html", "markdown", "text"):
            assert b"judged again" in text.lower(), report.name
            assert b"y.js" in text, report.name


def test_the_command(before, tmp_path, capsys):
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "assessment.json").write_bytes(Document().render(before))
    assert main(["recheck", str(folder)]) == 0
    out = tmp_path / "first-rechecked"
    assert {p.name for p in out.iterdir()} == {"assessment.json", "report.html", "timeline.csv", "findings.csv"}
    assert json.loads((out / "assessment.json").read_bytes())["recheck"]["verdict"] == "compromised"
    assert main(["recheck", str(folder)]) == 2, "never written over"
    assert main(["recheck", str(folder), "--out", str(tmp_path / "b"), "--fail-on", "suspected"]) == 1
    capsys.readouterr()
    stored = json.loads((folder / "assessment.json").read_bytes())
    for change in ({"schema": "exhume.assessment/2"}, {"findings": [{}]}, {"redacted": "names"}):
        (folder / "assessment.json").write_text(json.dumps({**stored, **change}), encoding="utf-8")
        assert main(["recheck", str(folder), "--out", str(tmp_path / "c")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    (folder / "assessment.json").write_bytes(Document().render(before)[:5000])
    assert main(["recheck", str(folder), "--out", str(tmp_path / "c")]) == 2
    assert not (tmp_path / "c").exists()
