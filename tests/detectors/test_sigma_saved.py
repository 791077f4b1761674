"""Compiled rules written down and read back are the same rules, and a spoilt cache never changes what is found."""

from exhume.detectors import Sigma
from exhume.detectors.sigma import contents, saved
from exhume.detectors.sigma.contents import Contents
from exhume.detectors.sigma.logsources import shipped as log_sources
from exhume.detectors.sigma.rules import Compiled, read_pack
from exhume.model import Host, Problem, Record, Source
from exhume.packs import load, shipped

ODD = """
title: Every kind of test
id: 11111111-2222-4333-8444-555555555555
logsource: {product: windows, service: security}
detection:
  a:
    A|re|i: '(x.*)+y'
    B|re: '\\\\d{2,}'
    C|cidr: 10.0.0.0/8
    D|gt: 7
    E: 4711
    F|cased: 'aB*c?d'
    G|exists: true
    H: null
    I|fieldref: J
    K|windash|contains: ' -enc '
    L|cidr: 'fe80::/10'
  b: [one, 'tw*o']
  condition: a or not b
---
title: Bad
id: 11111111-2222-4333-8444-555555555556
logsource: {product: windows, service: security}
detection: {a: {A|re: '('}, condition: a}
"""


def rules_of(data):
    return [entry.rule for entry in saved.read(data)]


def test_shipped_rules_come_back_as_they_were():
    for pack in shipped():
        items = list(read_pack(pack, log_sources()))
        rules = [item for item in items if isinstance(item, Compiled)]
        again = rules_of(saved.written(rules))
        assert again == rules
        assert saved.written(again) == saved.written(rules)
        stored = Contents.read(saved.contents(items).written())
        kinds = {rule.kind for rule in rules}
        assert {kind: rules_of(part) for kind, part in stored.rules.items()} == {
            kind: [rule for rule in rules if rule.kind == kind] for kind in kinds
        }
        assert stored.problems == tuple(item for item in items if not isinstance(item, Compiled))


def test_every_kind_of_test_comes_back(tmp_path):
    (tmp_path / "odd.yml").write_text(ODD, "utf-8")
    items = list(read_pack(load(tmp_path), log_sources()))
    assert [type(item) for item in items] == [Compiled, Problem]
    stored = Contents.read(saved.contents(items).written())
    assert [*rules_of(stored.rules["windows.event"]), *stored.problems] == items


def test_a_second_run_asks_for_the_same_and_compiles_nothing(tmp_path):
    (tmp_path / "odd.yml").write_text(ODD, "utf-8")
    pack, store, made = load(tmp_path), {}, []

    def kept(parts, make):
        key = tuple(parts)
        if key not in store:
            made.append(key)
            store[key] = make()
        return store[key]

    first = Sigma.from_packs([pack], Host(), kept)
    second = Sigma.from_packs([pack], Host(), kept)
    assert [key[0] for key in made] == [b"sigma", b"computed"]
    assert first.rules == second.rules
    assert first.problems == second.problems != ()

    (tmp_path / "odd.yml").write_text(ODD.replace("4711", "4712"), "utf-8")
    Sigma.from_packs([load(tmp_path)], Host(), kept)
    assert [key[0] for key in made[2:]] == [b"sigma"], "a changed rule must be compiled again"


def test_the_origin_follows_the_code(monkeypatch):
    contents.origin.cache_clear()
    before = contents.origin()
    monkeypatch.setattr(contents.exhume, "__version__", "0.0.0")
    contents.origin.cache_clear()
    assert contents.origin() != before
    monkeypatch.undo()
    contents.origin.cache_clear()
    assert contents.origin() == before


def test_only_the_rules_of_the_kinds_that_come_are_read(tmp_path, monkeypatch):
    (tmp_path / "odd.yml").write_text(ODD, "utf-8")
    detector = Sigma.from_packs([load(tmp_path), *shipped()], Host())
    asked = []
    monkeypatch.setattr(saved, "read", lambda data: asked.append(data) or [])
    assert detector.problems
    assert {"iis.access", "windows.event"} <= detector.wants
    assert asked == []
    detector.clues("iis.access")
    known = len(asked)
    assert known
    assert not [data for data in asked if b"windows.event" in data]
    detector.clues("iis.access")
    assert len(asked) == known, "they are read once"


def test_of_event_rules_only_those_for_the_event_are_built(monkeypatch):
    detector = Sigma.from_packs(shipped(), Host())
    built = []
    make = saved._built
    monkeypatch.setattr(saved, "_built", lambda value: built.append(value) or make(value))
    assert detector.clues("windows.event") is None
    assert not [value for value in built if isinstance(value, dict) and "Compiled" in value]
    record = Record("windows.event", None, {"EventID": 1102, "Channel": "Security"}, Source("e", "f", "1"), channel="Security")
    list(detector.detect(record))
    rules = [value for value in built if isinstance(value, dict) and "Compiled" in value]
    known = len(detector._books["windows.event"]._entries)
    assert 0 < len(rules) < known
    assert len(detector._books["windows.event"].ids) > 0
    assert len([value for value in built if isinstance(value, dict) and "Compiled" in value]) == known
