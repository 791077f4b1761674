"""The second look: what the values of an intrusion touched, at addresses shared or not, bounded, and never a verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

from exhume.assess import pivot
from exhume.assess.run import Options, assess
from exhume.model import Cause, Outcome, Verdict, Window
from exhume.simulator import simulate


def looked(name, folder, **options):
    truth = simulate(name, folder)
    return assess(folder, options=Options(period=Window(truth.since, truth.until), jobs=1, **options))


def test_it_adds_context_and_leaves_findings_and_verdict_alone(tmp_path: Path):
    without = looked("proxylogon-full", tmp_path, pivot=False)
    result = assess(tmp_path, options=Options(period=without.period, jobs=1))
    assert {f.id for f in result.findings} == {f.id for f in without.findings}
    assert (result.verdict, result.answers) == (without.verdict, without.answers)
    assert not any(i.activity for i in without.intrusions)
    reader, planter, resident = result.intrusions
    assert any("831,726 bytes" in line for line in reader.activity)
    assert any("forged session" in line and "ECP Activity log" in line for line in planter.activity)
    assert any("logged on: support_388945" in line for line in resident.activity)
    assert any("GET answered 200 1 time to 203.0.113.90" in line for line in planter.activity)


def test_an_address_of_the_town_halls_own_people_is_mixed(tmp_path: Path):
    (one,) = looked("town-hall-nat", tmp_path).intrusions
    assert one.mixed == ("198.51.100.21",)
    assert any("other people use this address too" in line for line in one.activity)
    assert not any(name.startswith("contoso\\") for name in one.accounts)


def test_a_load_balancer_is_mixed_and_accuses_nobody(tmp_path: Path):
    result = looked("load-balancer", tmp_path)
    assert [i.mixed for i in result.intrusions] == [("192.0.2.5",)] * 2
    assert not set(result.intrusions[0].web_shells) & set(result.intrusions[1].web_shells)


def test_a_single_actors_address_is_not_mixed(tmp_path: Path):
    assert [i.mixed for i in looked("two-actors", tmp_path).intrusions] == [(), ()]


def test_it_stops_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pivot, "MOST_VALUES", 2)
    result = looked("proxylogon-full", tmp_path)
    assert [g for g in result.coverage.gaps if g.cause == Cause.LIMIT and "second look" in g.detail]
    assert result.verdict == Verdict.COMPROMISED


def test_a_planted_page_that_is_called_where_no_rule_looks_is_used(tmp_path: Path):
    """Only the page on the disk and one POST, which the rules for web shells are made to overlook."""
    simulate("proxylogon-logs-gone", tmp_path)
    log = tmp_path / "C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"
    log.parent.mkdir(parents=True)
    head = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 00:00:00\r\n"
    fields = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status"
    row = "2021-03-03 09:00:00 192.0.2.10 POST /aspnet_client/discover.aspx - 443 - 203.0.113.77 curl/7.0 {}\r\n"
    log.write_text(f"{head}#Fields: {fields}\r\n" + row.format(404) + row.format(200), "utf-8")
    result = assess(tmp_path, options=Options(jobs=1))
    assert "203.0.113.77" in {a for i in result.intrusions for a in i.addresses}
    assert max(f.outcome for f in result.findings) >= Outcome.EXEC


def test_used_pages_makes_a_finding_only_of_an_answered_post(tmp_path: Path):
    from exhume.judge.touch import used_pages
    from exhume.model import Record, Source
    from exhume.model.flow import UTC, datetime

    touch = pivot.Touch({"shell:/x.aspx": pivot.Value("shell", "/x.aspx", "a planted page")})
    fields = {"cs-uri-stem": "/x.aspx", "cs-method": "POST", "c-ip": "203.0.113.7", "sc-status": "404"}
    record = Record("iis.access", datetime(2021, 3, 3, tzinfo=UTC), fields, Source("e", "u.log", "line 5"), "W3SVC1")
    refused = list(touch.detect(record))
    answered = list(touch.detect(replace(record, fields={**fields, "sc-status": "200"})))
    assert len(refused) == len(answered) == 1
    assert list(used_pages(refused, ())) == []
    (used,) = used_pages(answered, ())
    assert (used.outcome, used.pack) == (Outcome.EXEC, "webshell")
    assert list(used_pages(answered, (used,))) == []


def test_from_an_archive_that_is_read_in_order_it_sees_the_same(tmp_path: Path):
    import tarfile

    folder = tmp_path / "folder"
    plain = looked("session-only", folder)
    with tarfile.open(tmp_path / "evidence.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname=".")
    packed = assess(tmp_path / "evidence.tar.gz", options=Options(period=plain.period, jobs=1))
    assert plain.intrusions[0].activity
    assert [i.activity for i in packed.intrusions] == [i.activity for i in plain.intrusions]


@pytest.mark.parametrize("name", ["\0\1x.aspx", "x" * 20_000 + ".aspx", "\x1b[2J.aspx", "(.*.aspx", "\udcff.aspx"])
@pytest.mark.parametrize("engine", ["hyperscan", "re2"])
def test_a_page_whose_name_is_no_plain_word_is_searched_for_like_any(tmp_path: Path, name: str, engine: str):
    """An intruder chooses the names: one with a NUL, or a very long one, ended the process that looked for it."""
    folder = tmp_path / "C/inetpub/logs/LogFiles/W3SVC1"
    folder.mkdir(parents=True)
    head = "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status\r\n"
    rows = [f"2021-03-03 06:{m:02}:00 POST /aspnet_client/{name} - 443 203.0.113.9 Mozilla/5.0 200\r\n" for m in range(3)]
    (folder / "u_ex210303.log").write_bytes((head + "".join(rows)).encode("utf-8", "surrogateescape"))
    result = assess(tmp_path, options=Options(jobs=1, engine=engine))
    assert [g.detail for g in result.coverage.gaps if g.kind in ("file", "finding")] == []
    (one,) = result.intrusions
    assert any("POST answered 200 3 times" in line for line in one.activity), one.activity
