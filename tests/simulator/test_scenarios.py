"""Every scenario of the simulator gets its right verdict, and the quiet ones are quiet."""

from pathlib import Path

import pytest

from exhume.assess.run import Options, assess
from exhume.model import Assessment, Cause, Outcome, Severity, Verdict, Window
from exhume.simulator import Truth, load, scenarios, simulate


def judged(name: str, folder: Path) -> tuple[Truth, Assessment]:
    truth = simulate(name, folder)
    return truth, assess(folder, options=Options(period=Window(truth.since, truth.until), jobs=1))


@pytest.mark.parametrize("name", scenarios())
def test_the_verdict_of_each_scenario_is_its_truth(name: str, tmp_path: Path) -> None:
    truth, result = judged(name, tmp_path)
    assert str(result.verdict) == truth.verdict
    answers = {answer.campaign: answer for answer in result.answers}
    for campaign, expected in truth.campaigns.items():
        outcome = answers[campaign].outcome
        assert (str(answers[campaign].verdict), str(outcome or "")) == (expected.verdict, expected.outcome), campaign
    assert [gap for gap in result.coverage.gaps if gap.cause in (Cause.DAMAGED, Cause.UNREADABLE)] == []


@pytest.mark.parametrize("name", ["quiet-and-covered", "quiet-but-logs-rolled"])
def test_quiet_servers_have_no_finding_above_info(name: str, tmp_path: Path) -> None:
    _, result = judged(name, tmp_path)
    assert [f.title for f in result.findings if f.severity > Severity.INFO] == []


def test_findings_lie_between_the_first_and_the_last_action(tmp_path: Path) -> None:
    truth, result = judged("proxylogon-full", tmp_path)
    assert truth.first_action is not None
    assert truth.last_action is not None
    seen = [f.first_seen for f in result.findings if f.first_seen and f.severity >= Severity.HIGH]
    assert abs((min(seen) - truth.first_action).total_seconds()) < 2
    assert max(
        f.last_seen for f in result.findings if f.last_seen and f.severity >= Severity.HIGH
    ) <= truth.last_action.replace(microsecond=999_999)


def test_scenarios_name_known_verdicts_campaigns_and_outcomes() -> None:
    from exhume.packs import shipped

    packs = {pack.name for pack in shipped()}
    assert len(scenarios()) >= 13
    for name in scenarios():
        told = load(name)
        assert str(Verdict.parse(told.verdict)) == told.verdict
        assert told.campaigns.keys() <= packs
        for expected in told.campaigns.values():
            Verdict.parse(expected.verdict)
            assert not expected.outcome or Outcome.parse(expected.outcome) is not None
