"""Intrusions of the simulator's scenarios equal the truth; a missing log lowers nothing that another log still shows."""

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import exhume.judge
from exhume.assess.run import Options, assess
from exhume.judge import judge
from exhume.model import Assessment, Coverage, Outcome, Part, Verdict, Window
from exhume.simulator import Truth, load, scenarios, simulate

ATTACKS = tuple(name for name in scenarios() if load(name).intruders)


@cache
def judged(name: str) -> tuple[Truth, Assessment, dict]:
    """The scenario assessed once, with what it was judged from."""
    with TemporaryDirectory(prefix="exhume-") as folder:
        return _judged(name, Path(folder))


def _judged(name: str, folder: Path) -> tuple[Truth, Assessment, dict]:
    truth = simulate(name, folder)
    kept = {}

    def remember(part, packs, host, case):
        kept.update(part=part, packs=packs, host=host, case=case)
        return judge(part, packs, host, case)

    original, exhume.judge.judge = exhume.judge.judge, remember
    try:
        result = assess(folder, options=Options(period=Window(truth.since, truth.until), jobs=1))
    finally:
        exhume.judge.judge = original
    return truth, result, kept


@pytest.mark.parametrize("name", ATTACKS)
def test_intrusions_are_those_of_the_truth(name):
    truth, result, _ = judged(name)
    intruders = sorted((a for a in truth.actors.values() if a.intruder), key=lambda a: a.first_action)
    assert len(result.intrusions) == len(intruders)
    assert len({f.id for f in result.findings}) == len(result.findings)
    for actor, found in zip(intruders, result.intrusions, strict=True):
        text = "\n".join(actor.rows)
        shown = {a for a in actor.addresses if a in text} or ({load(name).balancer} - {""} if actor.rows else set())
        assert set(found.addresses) == shown
        assert set(found.web_shells) == {s.lower() for s in actor.shells}
        assert set(found.mailboxes) == {m for m in actor.mailboxes if m in text}
        if actor.rows:
            assert abs(found.first_seen - actor.first_action) < timedelta(seconds=2)
            assert abs(found.last_seen - actor.last_action) < timedelta(seconds=3)


KINDS = (
    "iis.access",
    "exchange.httpproxy",
    "exchange.ecp-server",
    "exchange.ews",
    "windows.event",
    "web.file",
    "file.entry",
    "aspnet.compiled",
)


def without(part, gone):
    """The part as if these kinds of evidence had not come; detectors keep no state, so this is what a scan would give."""
    spans = tuple(s for s in part.coverage.spans if s.kind not in gone and not (s.kind == "web.folder" and "web.file" in gone))
    findings = tuple(f for f in part.findings if f.record.kind not in gone)
    return Part(findings, part.readings, Coverage(spans, part.coverage.gaps))


@pytest.mark.parametrize("kind", KINDS)
def test_without_one_log_the_verdict_stays_and_the_report_says_what_is_missing(kind):
    _, whole, kept = judged("proxylogon-full")
    left = without(kept["part"], {kind})
    result = judge(left, kept["packs"], kept["host"], kept["case"])
    assert result.verdict == whole.verdict == Verdict.COMPROMISED
    assert max(f.outcome for f in result.findings) == Outcome.POST
    assert result.intrusions
    if kind in ("iis.access", "exchange.httpproxy", "exchange.ecp-server", "windows.event"):
        assert any("not in the evidence" in text for i in result.intrusions for act in i.acts for text in act.missing)


@pytest.mark.parametrize("kind", KINDS)
def test_with_one_log_alone_it_is_still_right_or_cannot_be_told(kind):
    _, _, kept = judged("proxylogon-full")
    result = judge(without(kept["part"], set(KINDS) - {kind}), kept["packs"], kept["host"], kept["case"])
    assert result.verdict in (Verdict.COMPROMISED, Verdict.SUSPECTED, Verdict.CANNOT_TELL)
    assert result.verdict >= Verdict.SUSPECTED or not result.intrusions


PLANTED = {
    "C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\r8kq2w1z.aspx",
    "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\RedirSuiteServerProxy.aspx",
    "C:\\inetpub\\wwwroot\\aspnet_client\\lsass.dmp",
    "EX01\\OAB (Default Web Site)",
    "support_388945",
}
ITS_OWN = {"D:\\quarantine", "https://YOUR-NAME/OAB", "C:\\inetpub\\wwwroot", "NAME", "\\Microsoft\\*"}
CHANGED = {"Administrators", "S-1-5-21-7-8-9-1013", "Exchange Organization administrators", "administrator"}


def test_the_plan_names_every_planted_thing_once_and_nothing_else():
    _, result, _ = judged("proxylogon-full")
    literals = [text for step in result.plan for text in re.findall(r"'([^'\n]*)'(?=[\s,)]|$)", step.how)]
    for thing in PLANTED:
        assert literals.count(thing) == 1, thing
    assert set(literals) - ITS_OWN == PLANTED | CHANGED


def test_the_plan_goes_from_collecting_to_watching():
    _, result, _ = judged("proxylogon-full")
    titles = [step.title for step in result.plan]
    order = ["Collect the evidence", "Take the server off", "Move web shells", "Rebuild the server", "Change the secrets",
             "Change the domain", "Install the security update", "Make the next attack", "Check that it is clean"]  # fmt: skip
    places = [next(n for n, t in enumerate(titles) if t.startswith(wanted)) for wanted in order]
    assert places == sorted(places)
    assert all(step.check for step in result.plan)
    assert not any(re.search(r"Remove-Item|\bdel\b", step.how) for step in result.plan)


def test_a_cluster_is_only_a_hint_with_two_marks():
    _, result, _ = judged("proxylogon-full")
    reader, planter, resident = result.intrusions
    assert planter.cluster.startswith("random-8-character")
    assert planter.cluster_why.count("redcanary.com") == 2
    assert (reader.cluster, resident.cluster) == ("unattributed", "unattributed")


def test_reports_tell_each_intrusion(tmp_path):
    from exhume.reports.html import Html
    from exhume.reports.text import Text

    _, result, _ = judged("proxylogon-full")
    page = Html().render(result).decode()
    section = page[page.index('id="h-intrusions"') : page.index('id="h-coverage"')]
    assert section.count('id="intrusion-') == 3
    for word in ("Code ran", "Should have been shown by", "203.0.113.50", "831,726 bytes", "What else they touched"):
        assert word in section, word
    assert "Intrusions: 3" in Text().render(result).decode()
    assert "3 parties got in" in result.questions.since_how_far.text
    assert sum(m.what.startswith("intrusion") for m in result.timeline) == 6


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith("proxy") or name == "owassrf"])
def test_one_attack_is_named_as_one_campaign(name):
    """A ProxyShell chain of August 2021 was told as OWASSRF of December 2022 and as ProxyLogon as well."""
    _, result, kept = judged(name)
    flaws = {pack.name for pack in kept["packs"] if pack.entry_cve}
    told = {a.campaign for a in result.answers if a.outcome is not None and a.outcome >= Outcome.ATTEMPT} & flaws
    assert told == {name.partition("-")[0]}
