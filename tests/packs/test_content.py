"""The packs that exhume ships are well-formed, and no trace of the literature is forgotten. Needs no detector."""

from __future__ import annotations

import base64
import re
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from exhume.model import Confidence, Outcome

CONTENT = Path(__file__).parents[2] / "src" / "exhume" / "content" / "packs"

TRACES = {
    "proxylogon": """
        PL-855-a PL-855-b PL-855-c PL-855-d PL-855-e PL-855-f PL-855-g PL-855-h PL-855-i PL-855-j PL-855-k PL-855-l
        PL-857-a PL-857-b PL-857-c PL-857-d PL-858-a PL-858-b
        PL-065-a PL-065-b PL-065-c PL-065-d PL-065-e PL-065-f PL-065-g PL-065-h PL-065-i""",
    "proxyshell": "PS-a PS-a1 PS-a2 PS-a3 PS-b PS-c PS-d PS-e PS-f PS-g PS-h PS-i",
    "proxytoken": "PT-a PT-b PT-c",
    "proxynotshell": "PN-a PN-b PN-c PN-d",
    "owassrf": "OS-a OS-b OS-c",
    "cve-2020-0688": "Z88-a Z88-b Z88-c Z88-d Z88-e",
    "cve-2021-42321": "CVE-2021-42321-a CVE-2021-42321-c",
    "webshell": """
        WS-a WS-b WS-c WS-d WS-e WS-f WS-g WS-h WS-i WS-j WS-k WS-l
        WS-y-simpleseesharp WS-y-sportsball WS-y-secchecker WS-y-drophell WS-y-aspxspy WS-y-chopper WS-y-godzilla WS-y-behinder
        WS-y-regeorg WS-y-oab WS-y-pst WS-y-csr""",
    "post-exploitation": """
        PX-01 PX-02 PX-03 PX-04 PX-05 PX-06 PX-07 PX-08 PX-09 PX-10 PX-11 PX-12 PX-13 PX-14 PX-15 PX-16
        PX-17 PX-18 PX-19 PX-20 PX-21 PX-22 PX-23 PX-24 PX-25 PX-26 PX-27
        IM-a IM-a-place IM-b IM-b-event IM-d DL-a TA-a TA-a-place TA-b TA-b-attempt TA-c TA-d MB-a MB-b
        RW-a RW-b RW-c RW-d RW-f RW-y-dearcry RW-y-dearcry-file OF-a OF-b OF-c""",
}
"""Every trace with a condition that the literature names, by pack: a rule has it, or the README says why none does yet."""

OTHER_CVES = """
    2018-8581 2020-16875 2020-17132 2020-17144 2021-26412 2021-26854 2021-27078 2021-28480 2021-28481 2021-28482 2021-28483 2021-31195
    2021-31196 2021-31206 2021-31209 2021-33768 2022-23277 2022-21846 2022-21855 2022-21969 2023-21529 2023-21706 2023-21707 2023-21710
    2023-23397 2023-36439 2023-36745 2023-36756 2023-36757 2024-21410 2024-49040 2025-53786 2026-42897"""
"""Flaws of Exchange that no pack is named after."""

LEVELS = {"informational", "low", "medium", "high", "critical"}
PACKS = sorted(TRACES)


def read(file: Path) -> str:
    data = file.read_bytes()
    if file.name.endswith(".b64"):
        data = base64.b64decode(b"".join(data.split()), validate=True)
    return data.decode("utf-8")


@cache
def rules(pack: str) -> dict[str, dict[str, Any]]:
    return {f.name: yaml.safe_load(read(f)) for f in sorted((CONTENT / pack / "sigma").iterdir())}


@cache
def cases(pack: str) -> list[dict[str, Any]]:
    return [case for f in sorted((CONTENT / pack / "cases").iterdir()) for case in yaml.safe_load(read(f))]


@cache
def yara_metas(pack: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for file in sorted((CONTENT / pack / "yara").glob("*")):
        for name, meta in re.findall(r"(?ms)^rule (\w+).*?meta:(.*?)strings:", read(file)):
            found[name] = dict(re.findall(r'(\w+) = "?([^"\n]*)"?', meta)) | {"file": f"yara/{file.name}"}
    return found


def kind_of(rule: dict[str, Any]) -> str:
    """Empty text for a rule of a thing that several kinds tell of."""
    source = rule["logsource"]
    if source.get("product") == "exhume" and "category" in source:
        return ""
    if source.get("product") == "exhume":
        return str(source["service"])
    if source.get("product") == "exchange":
        return f"exchange.{source['service']}"
    return "iis.access" if source.get("category") == "webserver" else "windows.event"


def test_every_pack_is_listed_here() -> None:
    assert sorted(p.name for p in CONTENT.iterdir() if p.is_dir()) == PACKS


@pytest.mark.parametrize("pack", PACKS)
def test_manifest_says_what_the_verdict_needs(pack: str) -> None:
    manifest = yaml.safe_load((CONTENT / pack / "pack.yml").read_text("utf-8"))
    assert manifest["name"] == pack
    assert manifest["needs"], "a pack without needs never says no_trace"
    for need in manifest["needs"]:
        assert need["name"]
        assert all(set(source) <= {"kind", "channel"} and source["kind"] for source in need["any_of"])
    assert isinstance(manifest["window"]["first_exploited"], date)


@pytest.mark.parametrize("pack", PACKS)
def test_every_rule_says_what_it_claims(pack: str) -> None:
    for name, rule in rules(pack).items():
        block = rule["exhume"]
        Outcome.parse(block["outcome"])
        Confidence.parse(block["confidence"])
        assert rule["level"] in LEVELS, name
        assert isinstance(block["decisive"], bool), name
        for key in ("title", "description", "references", "falsepositives"):
            assert rule[key], f"{name}: no {key}"
        assert any(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in rule["tags"]), name
        assert "condition" in rule["detection"], name


@pytest.mark.parametrize("pack", PACKS)
def test_high_confidence_is_never_given_to_a_mere_probe_of_high_severity(pack: str) -> None:
    """A probe proves nothing about this server, so it may not be loud."""
    for name, rule in rules(pack).items():
        if rule["exhume"]["outcome"] == "probe":
            assert rule["level"] in {"informational", "low", "medium"}, name
            assert not rule["exhume"]["decisive"], name


def test_rule_ids_are_unique_over_all_packs() -> None:
    ids = Counter(rule["id"] for pack in PACKS for rule in rules(pack).values())
    assert [i for i, n in ids.items() if n > 1] == []
    titles = Counter(rule["title"] for pack in PACKS for rule in rules(pack).values())
    assert [t for t, n in titles.items() if n > 1] == []


@pytest.mark.parametrize("pack", PACKS)
def test_every_rule_has_a_case_it_must_hit_and_one_it_must_miss(pack: str) -> None:
    for name, rule in rules(pack).items():
        names = {rule["id"], rule["exhume"]["trace"]}
        mine = [c for c in cases(pack) if c["rule"] in names and kind_of(rule) in ("", c["kind"])]
        assert any("hit" in c for c in mine), f"{name}: no hit"
        assert any("miss" in c for c in mine), f"{name}: no miss"


@pytest.mark.parametrize("pack", PACKS)
def test_a_rule_of_a_thing_is_tried_with_what_several_sources_say(pack: str) -> None:
    for name, rule in rules(pack).items():
        if not kind_of(rule) and rule["logsource"]["category"] != "command":
            hits = [c for c in cases(pack) if c["rule"] == rule["exhume"]["trace"] and "hit" in c]
            assert len({(c["kind"], c.get("channel"), c["fields"].get("EventID")) for c in hits}) > 1, name


@pytest.mark.parametrize("pack", PACKS)
def test_every_yara_rule_has_its_claim_and_cases(pack: str) -> None:
    for name, meta in yara_metas(pack).items():
        Outcome.parse(meta["exhume_outcome"])
        Confidence.parse(meta["exhume_confidence"])
        names = {name, meta["exhume_trace"]}
        mine = [c for c in cases(pack) if c["rule"] in names and ("content" in c or "content_hex" in c)]
        assert any("hit" in c for c in mine), f"{name}: no hit"
        assert any("miss" in c for c in mine), f"{name}: no miss"


@pytest.mark.parametrize("pack", PACKS)
def test_every_case_is_well_formed_and_names_a_rule(pack: str) -> None:
    known = {n for r in rules(pack).values() for n in (r["id"], r["exhume"]["trace"])}
    known |= {n for name, meta in yara_metas(pack).items() for n in (name, meta["exhume_trace"])}
    for case in cases(pack):
        assert case["rule"] in known, case["rule"]
        assert ("hit" in case) != ("miss" in case), case
        assert case.get("hit", case.get("miss")), f"a case of {case['rule']} has no reason in words"
        assert "fields" in case or "content" in case or "content_hex" in case, case


@pytest.mark.parametrize("pack", PACKS)
def test_cases_hold_invented_addresses_only(pack: str) -> None:
    allowed = re.compile(
        r"^(192\.0\.2|198\.51\.100|203\.0\.113|127\.0\.0|10\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+|192\.168\.\d+|100\.64\.\d+)\.\d+$"
    )
    for case in cases(pack):
        for key, value in case.get("fields", {}).items():
            if key in {"c-ip", "ClientIpAddress", "IpAddress"}:
                for address in str(value).split():
                    assert ":" in address or allowed.match(address), f"{case['rule']}: {address}"


@pytest.mark.parametrize("pack", PACKS)
def test_no_trace_of_the_literature_is_forgotten(pack: str) -> None:
    traces = {r["exhume"]["trace"] for r in rules(pack).values()} | {m["exhume_trace"] for m in yara_metas(pack).values()}
    readme = (CONTENT / pack / "README.md").read_text("utf-8")
    for trace in TRACES[pack].split():
        covered = any(t == trace or t.startswith(trace) for t in traces)
        assert covered or re.search(rf"\b{re.escape(trace)}\b", readme), f"{trace} is neither a rule nor named in the README"


@pytest.mark.parametrize("cve", OTHER_CVES.split())
def test_every_other_flaw_is_in_a_rule_or_named_as_not_yet(cve: str) -> None:
    tagged = any(f"cve.{cve}" in rule["tags"] for pack in PACKS for rule in rules(pack).values())
    short = cve.partition("-")[2]
    named = any(re.search(rf"-{short}\b", (CONTENT / pack / "README.md").read_text("utf-8")) for pack in PACKS)
    assert tagged or named


@pytest.mark.parametrize("pack", PACKS)
def test_the_readme_lists_every_rule_as_it_is(pack: str) -> None:
    rows = re.findall(
        r"(?m)^\| (\S+) \| \[(.*)\]\((.*)\) \| (\w+) \| (\w+) \| (\w+) \|$", (CONTENT / pack / "README.md").read_text("utf-8")
    )
    sigma = {
        (r["exhume"]["trace"], r["title"], f"sigma/{name}", r["exhume"]["outcome"], r["level"], r["exhume"]["confidence"])
        for name, r in rules(pack).items()
    }
    yara = {
        (m["exhume_trace"], m["description"], m["file"], m["exhume_outcome"], m["severity"], m["exhume_confidence"])
        for m in yara_metas(pack).values()
    }
    assert set(rows) == sigma | yara
    assert len(rows) == len(sigma | yara)


@pytest.mark.parametrize("pack", PACKS)
def test_plan_steps_are_safe_to_read_aloud(pack: str) -> None:
    steps = yaml.safe_load((CONTENT / pack / "plan.yml").read_text("utf-8"))
    assert len({s["id"] for s in steps}) == len(steps)
    traces = {r["exhume"]["trace"] for p in PACKS for r in rules(p).values()} | {
        m["exhume_trace"] for p in PACKS for m in yara_metas(p).values()
    }
    for step in steps:
        assert 10 <= step["order"] <= 89
        assert isinstance(step["reversible"], bool)
        assert step["when"].get("rules") or Outcome.parse(step["when"]["outcome"])
        assert set(step["when"].get("rules", [])) <= traces, step["id"]
        for line in step["how"].splitlines():
            assert not re.match(r"\s*(Remove-Item|del |rd |rm )", line), f"{step['id']} deletes: {line}"
            if re.match(r"\s+(Remove-|Set-|Move-|Disable-|Reset-|Restart-|New-NetFirewallRule)", line):
                assert "-WhatIf" in line, f"{step['id']} acts without -WhatIf first: {line.strip()}"


def test_the_same_step_reads_the_same_in_every_pack() -> None:
    """The assessment shows steps of several packs on one axis; two texts of one id would be confusing."""
    texts: dict[str, tuple[int, str]] = {}
    for pack in PACKS:
        for step in yaml.safe_load((CONTENT / pack / "plan.yml").read_text("utf-8")):
            assert texts.setdefault(step["id"], (step["order"], step["how"])) == (step["order"], step["how"])
