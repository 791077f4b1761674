"""Damaged logs through the whole assessment: whatever searches the bytes, no row is lost, every defect is told, and the row behind
the defect is found."""

import importlib.util
from datetime import date, timedelta

import pytest

from dirty_logs import CASES, EVIL
from exhume.assess import sieve
from exhume.model import Window
from exhume.packs import load
from exhume.readers.rows import LOST
from pretend_server import assessed

WAYS = {"every line parsed": {"use_sieve": False}} | {
    name: {"engine": name} for name in sieve.ENGINES if importlib.util.find_spec(name)
}
DAYS = {name: date(2024, 1, 1) + timedelta(days=number) for number, name in enumerate(CASES)}
"""Each case on its own day, so that what is found in one stays a finding of its own."""
RULE = """\
title: {title}
logsource: {{{source}}}
detection:
  marker: {{{field}|endswith: marker.aspx}}
  condition: marker
level: high
"""


def folder(name):
    number = 1000 + list(CASES).index(name)
    return f"C/Logging/HttpProxy/Case{number}" if name.startswith("hp ") else f"C/inetpub/logs/LogFiles/W3SVC{number}"


def on_its_day(name):
    data = CASES[name][0]
    for encoding in ("ascii", "utf-16-le", "utf-16-be"):
        data = data.replace("2024-01-01".encode(encoding), str(DAYS[name]).encode(encoding))
    return data


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One assessment of all cases for each way."""
    place = tmp_path_factory.mktemp("marker")
    sources = (("iis", "category: webserver", "cs-uri-stem"), ("proxy", "product: exchange, service: httpproxy", "UrlStem"))
    for title, source, field in sources:
        (place / f"{title}.yml").write_text(RULE.format(title=title, source=source, field=field))
    pack = load(place)
    assert pack.problems == ()
    logs = {
        f"{folder(name)}/{'HttpProxy_2024010100-1.LOG' if name.startswith('hp ') else 'u_ex240101.log'}": on_its_day(name)
        for name in CASES
    }
    period = Window(min(DAYS.values()), max(DAYS.values()))
    return {way: assessed(logs, period, (pack,), **options) for way, options in WAYS.items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_no_row_is_lost_and_every_defect_is_told(results, name, way):
    _, rows, defects = CASES[name]
    result, place = results[way], folder(name)
    assert sum(s.records for s in result.coverage.spans if s.path == place) == rows
    told = {g.detail for g in result.coverage.gaps if g.source and g.source.path.startswith(f"{place}/")}
    assert told == {d.replace("{count}", "255" if d == LOST else "1") for d in defects}
    found = [f for f in result.singles if f.source.path.startswith(f"{place}/")]
    assert [(f.title, f.count, f.first_seen.date()) for f in found if f.title in ("iis", "proxy")] == [
        ("proxy" if name.startswith("hp ") else "iis", 1, DAYS[name])
    ]


@pytest.mark.parametrize("way", WAYS)
def test_all_ways_say_the_same(results, way):
    plainly, result = results["every line parsed"], results[way]
    assert EVIL.decode() in str([f.record for f in plainly.findings])
    assert {f.id: f for f in result.findings} == {f.id: f for f in plainly.findings}
    assert result.coverage == plainly.coverage
    assert result.readings == plainly.readings
    assert result.answers == plainly.answers
