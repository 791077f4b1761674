"""What a rule says of itself, which records it is for, and what becomes of rules that cannot be used."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sigma_rule import pack_of, record, rule

from exhume.model import Confidence, Outcome, Severity, Value

TEST = {"s": {"f": "x"}, "condition": "s"}
BLOCK = {"trace": "PL-1", "outcome": "write", "decisive": True, "confidence": "high", "fold": ["url"]}


def test_a_rule_of_others_never_claims_more_than_a_step() -> None:
    for level, outcome in (
        ("critical", Outcome.STEP),
        ("high", Outcome.STEP),
        ("medium", Outcome.PROBE),
        ("informational", Outcome.PROBE),
    ):
        [finding] = pack_of(rule(TEST, level=level, exhume=BLOCK)).detect(record({"f": "x"}))
        assert (finding.outcome, finding.decisive, finding.own, finding.confidence) == (
            outcome,
            False,
            False,
            Confidence.MEDIUM,
        )
    assert finding.severity is Severity.INFO


def test_a_rule_of_our_own_says_what_it_proves() -> None:
    tags = [
        "attack.persistence",
        "attack.t1505.003",
        "attack.t1190",
        "cve.2021-26855",
        "cve-2021-27065",
        "detection.emerging-threats",
    ]
    mine = rule(TEST, level="critical", tags=tags, exhume=BLOCK, falsepositives=["none"], references=["https://example.org/a"])
    [finding] = pack_of(mine, own=True).detect(record({"f": "x"}))
    assert (finding.outcome, finding.decisive, finding.own, finding.confidence) == (Outcome.WRITE, True, True, Confidence.HIGH)
    assert (finding.trace, finding.severity) == ("PL-1", Severity.CRITICAL)
    assert finding.techniques == ("T1505.003", "T1190")
    assert finding.cves == ("CVE-2021-26855", "CVE-2021-27065")
    assert (finding.falsepositives, finding.references) == (("none",), ("https://example.org/a",))


def test_a_rule_stored_as_base64_is_read() -> None:
    text = b"title: T\nid: r\nlogsource: {product: exhume, service: web.file}\ndetection: {s: {name: x}, condition: s}\n"
    assert [f.rule for f in pack_of(text).detect(record({"name": "x"}, kind="web.file"))] == ["r"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (rule(TEST, logsource={"product": "linux", "category": "process_creation"}), "other product: linux / process_creation"),
        (rule(TEST, logsource={"category": "proxy"}), "other product: proxy"),
        (rule(TEST, logsource={"product": "windows", "service": "nosuch"}), "other product: windows / nosuch"),
        (rule(TEST, status="deprecated"), "status is deprecated"),
        ({"title": "c", "correlation": {"type": "value_median"}}, "value_median is not one of"),
        (rule({"s": {"f": "x"}, "condition": "s and t"}), "'t' not defined"),
        (rule({"s": {"f": "x"}, "condition": "1 of q*"}), "doesn't match any"),
        (rule({"s": {"f": "x"}}), "at least one condition"),
        (rule({"s": {}, "condition": "s"}), "empty"),
        (rule({"s": {"f": {"g": 1}}, "condition": "s"}), "Unsupported type"),
        (rule({"s": {"f": "x"}, "condition": 5}), "not a Sigma detection"),
        ({"title": "no detection"}, "logsource or detection is missing"),
        ("[1, 2", "cannot be read"),
        ("- 1\n", "no mapping"),
        ("", "the file is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_listed_and_the_rest_is_used(content: Any, reason: str) -> None:
    sigma = pack_of(content, rule(TEST, id="good"))
    assert [(p.pack, p.file, reason in p.reason) for p in sigma.problems] == [("p", "0.yml", True)], sigma.problems
    assert [f.rule for f in sigma.detect(record({"f": "x"}))] == ["good"]


@pytest.mark.parametrize("block", [{"outcome": "conquest"}, {"confidence": "high"}, {"outcome": "step", "confidence": "total"}])
def test_an_own_rule_with_a_wrong_word_is_a_problem(block: dict[str, str]) -> None:
    assert "exhume block" in pack_of(rule(TEST, exhume=block), own=True).problems[0].reason


def test_two_rules_with_one_id_are_named() -> None:
    assert "its id is also that of 0.yml" in pack_of(rule(TEST), rule(TEST)).problems[0].reason


def event(channel: str, number: int, **fields: Value) -> dict[str, Value]:
    return {"Channel": channel, "EventID": number, **fields}


SYSMON = "Microsoft-Windows-Sysmon/Operational"
IMAGE = {"s": {"Image|endswith": r"\w3wp.exe", "IntegrityLevel": "High"}, "condition": "s"}
RUN_KEY = {
    "s": {"TargetObject|startswith": r"HKLM\SYSTEM\CurrentControlSet\Services", "Details|contains": "evil"},
    "condition": "s",
}


@pytest.mark.parametrize(
    ("source", "detection", "kind", "fields", "hit"),
    [
        ({"category": "process_creation"}, IMAGE, "windows.event", event(SYSMON, 1, Image=r"C:\w3wp.exe", IntegrityLevel="High"), True),
        ({"category": "process_creation"}, IMAGE, "windows.event", event(SYSMON, 5, Image=r"C:\w3wp.exe", IntegrityLevel="High"), False),
        ({"category": "process_creation"}, IMAGE, "windows.event", event("Security", 4688, NewProcessName=r"C:\w3wp.exe", MandatoryLabel="S-1-16-12288"), True),
        ({"category": "process_creation"}, IMAGE, "windows.event", event("System", 1, Image=r"C:\w3wp.exe", IntegrityLevel="High"), False),
        ({"category": "registry_set"}, RUN_KEY, "windows.event",
         event("Security", 4657, ObjectName=r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\X", ObjectValueName="Y", NewValue="evil.dll"), True),
        ({"category": "registry_delete"}, {"s": {"TargetObject": "k"}, "condition": "s"}, "windows.event", event(SYSMON, 12, EventType="DeleteKey", TargetObject="K"), True),
        ({"category": "registry_delete"}, {"s": {"TargetObject": "k"}, "condition": "s"}, "windows.event", event(SYSMON, 12, EventType="CreateKey", TargetObject="K"), False),
        ({"service": "security"}, {"s": {"EventID": 4624}, "condition": "s"}, "windows.event", event("security", 4624), True),
        ({"service": "security"}, {"s": {"EventID": 4624}, "condition": "s"}, "windows.event", {"Channel": "Security", "EventID": "4624"}, True),
        ({"service": "security"}, {"s": {"EventID": 4624}, "condition": "s"}, "windows.event", event("System", 4624), False),
        ({"service": "windefend"}, {"s": {"ThreatName|contains": "x"}, "condition": "s"}, "windows.event",
         {**event("Microsoft-Windows-Windows Defender/Operational", 1116), "Threat Name": "Xyz"}, True),
        ({"service": "windefend"}, {"s": {"DetectionUser|contains": "x"}, "condition": "s"}, "windows.event",
         {**event("Microsoft-Windows-Windows Defender/Operational", 1116), "Detection User": "Xyz"}, True),
        ({"service": "windefend"}, {"s": {"DetectionUser|contains": "x"}, "condition": "s"}, "windows.event",
         {**event("Microsoft-Windows-Windows Defender/Operational", 1116), "Remediation User": "Xyz"}, False),
        ({"product": "", "category": "antivirus"}, {"s": {"Signature|contains": "x"}, "condition": "s"}, "tool.detection", {"threat": "Xyz"}, True),
        ({"product": "exchange", "service": "httpproxy"}, {"s": {"AnchorMailbox|contains": "x"}, "condition": "s"}, "exchange.httpproxy", {"AnchorMailbox": "X"}, True),
        ({"product": "exhume", "service": "iis.config"}, {"s": {"default": False}, "condition": "s"}, "iis.config", {"default": False}, True),
        ({"product": "", "category": "webserver"}, {"s": {"cs-uri-query|contains": "/ecp/"}, "condition": "s"}, "iis.access", {"cs-uri-stem": "/ECP/x.js"}, True),
        ({"product": "", "category": "webserver"}, {"s": {"c-useragent": "curl"}, "condition": "s"}, "iis.access", {"cs(User-Agent)": "curl"}, True),
        ({"product": "", "category": "webserver"}, {"s": {"cs-uri": "/a?b=c"}, "condition": "s"}, "iis.access", {"url": "/a?b=c"}, True),
        ({}, {"s": {"EventID": 7}, "condition": "s"}, "windows.event", event("Odd", 7), True),
    ],
)  # fmt: skip
def test_log_source(source: dict[str, str], detection: dict[str, Any], kind: str, fields: dict[str, Value], hit: bool) -> None:
    sigma = pack_of(rule(detection, logsource={"product": "windows", **source}))
    assert sigma.problems == ()
    assert kind in sigma.wants
    channel = str(fields.get("Channel", "W3SVC1"))
    assert bool(list(sigma.detect(record(fields, kind=kind, channel=channel)))) is hit


def test_global_documents_are_joined_to_those_that_follow() -> None:
    text = """
action: global
title: T
logsource: {category: webserver}
detection: {condition: s}
---
id: a
detection: {s: {f: x}}
---
id: b
detection: {s: {f: y}}
"""
    assert [f.rule for f in pack_of(text).detect(record({"f": "y"}))] == ["b"]


def test_the_detector_travels_to_another_process() -> None:
    sigma = pack_of(rule({"s": {"f|re": r"a.*b.*c\d"}, "condition": "s"}))
    assert list(sigma.detect(record({"f": "a-b-c1"})))
    copy = pickle.loads(pickle.dumps(sigma))
    assert list(copy.detect(record({"f": "a-b-c1"}))) == list(sigma.detect(record({"f": "a-b-c1"})))
    assert not list(copy.detect(record({"f": "a-b-c"})))


def test_invented_channels_and_events_do_not_fill_the_memory() -> None:
    sigma = pack_of(rule({"s": {"EventID": 7}, "condition": "s"}, logsource={"product": "windows"}))
    for number in range(300):
        list(sigma.detect(record(event(f"c{number}", number), kind="windows.event")))
    assert sum(len(book._indexes) for book in sigma._books.values()) <= 2
