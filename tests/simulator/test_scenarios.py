"""Every scenario of the simulator gets its right verdict, and the quiet ones are quiet."""

from pathlib import Path

import pytest

from exhume.assess.run import Options, assess
from exhume.model import Outcome, Severity, Window
from exhume.simulator import load, scenarios, simulate


@pytest.mark.parametrize("name", scenarios())
def test_the_verdict_of_each_scenario_is_its_truth(name: str, tmp_path: Path) -> None:
    truth = simulate(name, tmp_path / "evidence")
    result = assess(tmp_path / "evidence", options=Options(period=Window(truth.since, truth.until), jobs=1))
    assert str(result.verdict) == truth.verdict
    verdicts = {answer.campaign: str(answer.verdict) for answer in result.answers}
    assert {campaign: verdicts[campaign] for campaign in truth.campaigns} == dict(truth.campaigns)
    if truth.outcome:
        reached = max(f.outcome for f in result.findings)
        assert reached >= Outcome.parse(truth.outcome)
        if truth.verdict == "attempted":
            assert reached == Outcome.parse(truth.outcome)
    damaged = [gap for gap in result.coverage.gaps if gap.cause == "DAMAGED"]
    assert damaged == []


@pytest.mark.parametrize("name", ["quiet-and-covered", "quiet-but-logs-rolled"])
def test_quiet_servers_have_no_finding_above_info(name: str, tmp_path: Path) -> None:
    truth = simulate(name, tmp_path / "evidence")
    result = assess(tmp_path / "evidence", options=Options(period=Window(truth.since, truth.until), jobs=1))
    assert [f.title for f in result.findings if f.severity > Severity.INFO] == []


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    simulate("session-only", tmp_path / "a", seed=7)
    simulate("session-only", tmp_path / "b", seed=7)
    simulate("session-only", tmp_path / "c", seed=8)

    def bytes_of(folder: str) -> dict[str, bytes]:
        root = tmp_path / folder
        return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    assert bytes_of("a") == bytes_of("b") != bytes_of("c")


def test_request_ids_join_the_front_end_logs(tmp_path: Path) -> None:
    simulate("session-only", tmp_path)
    proxied = "".join(p.read_text("utf-8-sig") for p in tmp_path.rglob("HttpProxy_*.LOG"))
    ids = [line.split("cafeReqId=")[1][:36] for p in tmp_path.rglob("u_ex*.log") for line in p.read_text().splitlines()
           if "cafeReqId=" in line and "W3SVC1" in str(p)]  # fmt: skip
    assert len(ids) > 100
    assert all(identifier in proxied for identifier in ids)


def test_an_unsound_scenario_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("about: no more than this\n")
    with pytest.raises(ValueError, match=r"^scenario bad\.yml: [^\n]+$"):
        load(tmp_path / "bad.yml")
