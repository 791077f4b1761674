"""Correlation rules of others, from the rows of a log to the findings of an assessment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from exhume.assess import tally
from exhume.assess.run import Options, assess
from exhume.assess.tally import Tally
from exhume.detectors.sigma import Sigma
from exhume.judge.chain import over_rows
from exhume.model import Cause, Sighting, Source
from exhume.packs import load

RULES = """
title: Post that was refused
name: refused_post
logsource: {category: webserver}
detection: {s: {cs-method: POST, cs-uri-stem|startswith: /ecp/, sc-status: 401}, condition: s}
level: high
---
title: Many refused posts
id: 7c1b0a52-6a3e-4a55-9d6e-1d7c4e1b0bbb
level: high
correlation:
  type: event_count
  rules: [refused_post]
  group-by: [c-ip]
  timespan: 1m
  condition: {gte: 30}
---
title: Another product
correlation: {type: event_count, rules: [cloud], group-by: [c-ip], timespan: 1m, condition: {gte: 3}}
---
title: Cloud
name: cloud
logsource: {product: aws, service: cloudtrail}
detection: {s: {f: x}, condition: s}
---
title: Nobody's
correlation: {type: event_count, rules: [nobody], group-by: [c-ip], timespan: 1m, condition: {gte: 3}}
"""
HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2021-03-03 00:00:00\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status\n"
)
START = datetime(2021, 3, 3, tzinfo=UTC)


def row(second: int, address: str, status: int = 401) -> str:
    return f"{START + timedelta(seconds=second):%Y-%m-%d %H:%M:%S} 192.0.2.10 POST /ecp/x.aspx - 443 - {address} x {status}\n"


@pytest.fixture
def server(tmp_path):
    """Single rows all day from one address; a burst of another late in the day, cut by the end of a file."""
    logs = tmp_path / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
    logs.mkdir(parents=True)
    quiet = [(second, row(second, "203.0.113.7")) for second in range(0, 80_000, 100)]
    burst = [(86_380 + n // 2, row(86_380 + n // 2, "203.0.113.9")) for n in range(40)]
    other = [(70_000, row(70_000, "203.0.113.8", 200))] * 50
    rows = [text for _, text in sorted([*quiet, *burst, *other])]
    (logs / "u_ex210303.log").write_text(HEAD + "".join(rows[:-20]), "utf-8")
    (logs / "u_ex210303_x.log").write_text(HEAD + "".join(rows[-20:]), "utf-8")
    pack = tmp_path / "mine"
    pack.mkdir()
    (pack / "rules.yml").write_text(RULES, "utf-8")
    return tmp_path / "inetpub", load(pack)


@pytest.mark.parametrize(
    "options", [Options(jobs=1), Options(jobs=2), Options(jobs=1, use_sieve=False)], ids=["1", "2", "unsieved"]
)
def test_a_burst_late_in_the_day_is_one_finding(server, options):
    evidence, pack = server
    told = assess(evidence, [pack], options)
    mine = [f for f in told.findings if f.pack == "mine"]
    assert [(f.title, f.subject, f.count, f.own) for f in mine] == [("Many refused posts", "203.0.113.9", 40, False)]
    assert mine[0].record.fields["c-ip"] == "203.0.113.9"
    assert len({s.path for s in mine[0].sources}) == 2
    assert str(mine[0].first_seen) == "2021-03-03 23:59:40+00:00"
    reasons = [p.reason for p in told.problems if p.pack == "mine"]
    assert reasons == ["correlation: its rule nobody is in none of the packs"]


def test_what_counts_of_rows_had_made_stands_when_it_is_judged_again(server):
    from exhume.assess.recheck import recheck

    evidence, pack = server
    before = assess(evidence, [pack], Options(jobs=1))
    again = recheck(before, "0" * 64, [pack])
    told = [f.id for f in before.findings if f.pack == "mine"]
    assert told
    assert [f.id for f in again.findings if f.pack == "mine"] == told
    assert again.recheck is not None
    assert again.recheck.withdrawn == ()


def sighting(second: int) -> Sighting:
    return Sighting(
        "p\x1fr", START + timedelta(seconds=second), (("u", "x"),), "iis.access", "", "", Source("e", "x", f"line {second}")
    )


def test_of_too_many_rows_the_first_are_kept_in_whatever_order_they_come(monkeypatch):
    monkeypatch.setattr(tally, "SIGHTINGS_KEPT", 3)
    parts = []
    for seconds in ((0, 5, 9, 1), (2, 7, 3, 3), (8, 4)):
        one = Tally()
        for second in seconds:
            one.sighted(sighting(second))
        parts.append(one.part())
    told = []
    for order in permutations(parts):
        whole = Tally()
        for part in order:
            whole.add(part)
        told.append(whole.part())
    assert all(part.sightings == told[0].sightings for part in told)
    assert [one.time.second for one in told[0].sightings] == [0, 1, 2, 3]
    assert told[0].sightings[-1].count == 2
    for part in told:
        (gap,) = part.coverage.gaps
        assert gap.cause is Cause.LIMIT
        assert "rule r" in gap.detail


def test_few_rows_leave_no_gap():
    whole = Tally()
    whole.sighted(sighting(1))
    assert whole.part().coverage.gaps == ()


def test_a_hundred_thousand_rows_take_no_minute(server):
    """Frames that hold nearly all rows: what is quadratic would never end."""
    from exhume.model import Host

    _, pack = server
    sigma = Sigma.from_packs([pack], Host())
    rows = [
        Sighting(
            "mine\x1frefused_post",
            START + timedelta(milliseconds=n),
            (("c-ip", "203.0.113.9"),),
            "iis.access",
            "",
            "",
            Source("e", "x", f"line {n}"),
        )
        for n in range(100_000)
    ]
    (finding,), gaps = over_rows(rows, sigma.correlations)
    assert finding.count == 100_000
    assert gaps == ()
