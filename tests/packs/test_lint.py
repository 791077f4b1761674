"""The rules that our own packs are held to; plan and cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from exhume.model import Outcome
from exhume.packs import PackError, bait, cases, lint, load, plan, shipped

RULE = """\
title: Address of the attacker
id: 11111111-2222-3333-4444-555555555555
description: words
references: [https://example.org/]
falsepositives: [none known]
tags: [attack.t1190, cve.2021-26855]
logsource: {category: webserver}
detection: {a: {c-ip: 203.0.113.9}, condition: a}
level: high
exhume: {trace: PL-855-a, outcome: attempt, decisive: false, confidence: high, fold: [url]}
"""
CASES = """\
- {rule: PL-855-a, hit: the address, kind: iis.access, channel: W3SVC1, fields: {c-ip: 203.0.113.9, sc-status: 200}}
- {rule: PL-855-a, miss: another address, kind: iis.access, fields: {c-ip: 203.0.113.8}}
- {rule: page, hit: the text, kind: web.file, content: inert}
- {rule: page, miss: another text, kind: web.file, content_hex: "00ff"}
"""
PLAN = """\
- {id: second, order: 30, title: Remove, how: by hand, reversible: false, when: {rules: [PL-855-a]}}
- {id: first, order: 10, title: Collect, how: by hand, reversible: true, when: {outcome: write}}
"""
YARA = """\
rule page
{
    meta:
        description = "inert page"
        reference = "https://example.org/"
        exhume_trace = "WS-a"
        exhume_outcome = "write"
        exhume_confidence = "high"
        exhume_decisive = false
        severity = "high"
        techniques = "T1505.003"
    strings:
        $a = "inert"
    condition:
        $a
}
"""
IOCS = "type,value,campaign,cluster,first_seen,source\nip,203.0.113.9,demo,,2021-03,a report\n"


def pack(tmp_path: Path, **changes: str):
    files = {
        "pack.yml": "name: demo\nversion: 1.0.0\ntitle: t\n", "README.md": "words", "sigma/a.yml": RULE, "cases/a.yml": CASES,
        "plan.yml": PLAN, "yara/page.yar": YARA, "iocs/a.csv": IOCS,
    } | changes  # fmt: skip
    for name, text in files.items():
        if not text:
            continue
        target = tmp_path / "demo" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return load(tmp_path / "demo")


def test_a_good_pack_has_no_problems(tmp_path: Path) -> None:
    assert lint(pack(tmp_path)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("README.md", "words", "", "there is none"),
        ("sigma/a.yml", "level: high\n", "", "level is not one of"),
        ("sigma/a.yml", "11111111-", "1-", "id is not a UUID"),
        ("sigma/a.yml", "description: words\n", "", "no description"),
        ("sigma/a.yml", "falsepositives: [none known]\n", "", "no falsepositives"),
        ("sigma/a.yml", "references: [https://example.org/]\n", "", "no references"),
        ("sigma/a.yml", "attack.t1190", "attack.initial-access", "no ATT&CK technique"),
        ("sigma/a.yml", "cve.2021-26855", "cve-2021-26855", "is not like cve."),
        ("sigma/a.yml", "outcome: attempt", "outcome: maybe", "exhume.outcome: 'maybe'"),
        ("sigma/a.yml", "confidence: high", "confidence: sure", "exhume.confidence: 'sure'"),
        ("sigma/a.yml", "decisive: false", "decisive: perhaps", "exhume.decisive"),
        ("sigma/a.yml", "fold: [url]", "fold: url", "exhume.fold"),
        ("sigma/a.yml", "fold: [url]", "folds: [url]", "unknown key exhume.folds"),
        ("cases/a.yml", "miss: another address", "hit: another address", "no case that it must miss"),
        ("cases/a.yml", "{rule: page, hit", "{rule: pages, hit", "no rule or trace is called 'pages'"),
        ("cases/a.yml", "hit: the address, ", "", "either hit or miss"),
        ("plan.yml", "order: 30", "order: soon", "no order"),
        ("plan.yml", "id: second", "id: first", "stands there twice"),
        ("plan.yml", "outcome: write", "outcome: wrote", "when.outcome"),
        ("plan.yml", "how: by hand", "how: Remove-Item x -WhatIf", "when to run them without"),
        ("yara/page.yar", "exhume_outcome", "outcome", "meta exhume_outcome"),
        ("yara/page.yar", "techniques", "technique", "meta techniques"),
        ("iocs/a.csv", "cluster", "actor", "the columns are not"),
        ("iocs/a.csv", "ip,203", "address,203", "unknown type 'address'"),
        ("iocs/a.csv", "9,demo", "9,other", "campaign 'other'"),
    ],
)  # fmt: skip
def test_each_fault_is_told(tmp_path: Path, file: str, old: str, new: str, reason: str) -> None:
    originals = {
        "README.md": "words",
        "sigma/a.yml": RULE,
        "cases/a.yml": CASES,
        "plan.yml": PLAN,
        "yara/page.yar": YARA,
        "iocs/a.csv": IOCS,
    }
    assert old in originals[file]
    problems = lint(pack(tmp_path, **{file: originals[file].replace(old, new, 1)}))
    assert [p for p in problems if reason in p.reason], problems


def test_text_that_an_antivirus_acts_on_must_be_encoded(tmp_path: Path) -> None:
    # Put together here: in clear this file would be what is looked for.
    text = "ev" + "al(Req" + "uest.Item['x'])"
    problems = lint(pack(tmp_path, **{"yara/page.yar": YARA.replace('"inert"', f'"{text}"')}))
    assert [p.file for p in problems if "antivirus" in p.reason] == ["yara/page.yar"]
    assert bait(text.encode()) == 0
    assert bait(b"evaluate the request by hand") is None


def test_plan_is_sorted_by_order(tmp_path: Path) -> None:
    steps = plan(pack(tmp_path))
    assert [(s.id, s.pack, s.order, s.reversible) for s in steps] == [
        ("first", "demo", 10, True),
        ("second", "demo", 30, False),
    ]
    assert (steps[0].outcome, steps[1].rules) == (Outcome.WRITE, ("PL-855-a",))


def test_cases_hold_records_and_bytes(tmp_path: Path) -> None:
    found = cases(pack(tmp_path))
    assert [(c.rule, c.must_hit, c.why, c.kind) for c in found][:2] == [
        ("PL-855-a", True, "the address", "iis.access"),
        ("PL-855-a", False, "another address", "iis.access"),
    ]
    assert found[0].fields == {"c-ip": "203.0.113.9", "sc-status": 200}
    assert [c.content for c in found[2:]] == [b"inert", b"\x00\xff"]
    assert found[1].file == "cases/a.yml#2"


def test_a_case_with_a_bad_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="the field 'a' of case 1"):
        cases(pack(tmp_path, **{"cases/a.yml": "- {rule: x, hit: y, kind: iis.access, fields: {a: {b: c}}}\n"}))


def test_shipped_packs_are_in_order() -> None:
    assert [problem for pack in shipped() for problem in lint(pack)] == []
