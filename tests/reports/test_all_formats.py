"""The formats for handing on: each valid by its own standard's check, each harmless, each marked, each quick."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import datetime
from importlib import resources
from ipaddress import ip_address
from pathlib import Path

import jsonschema
import pymisp
import pytest
import stix2validator
from hypothesis import HealthCheck, given, settings

from exhume.model import Assessment, Outcome, Tlp
from exhume.reports import REPORTS, Markdown, Misp, Sarif, Stix, Timesketch
from exhume.reports.markdown import code, prose
from exhume.reports.plain import bait
from exhume.reports.stix.objects import literal
from reports import owner, sample
from reports.assessments import assessments

LAX = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
SAMPLES = {**sample.SAMPLES, "owner": owner.assessment}
TEXTS = [r for r in REPORTS if r.name not in ("pdf", "html", "text", "csv", "rows")]
MISP_SCHEMA = json.loads((Path(pymisp.__file__).parent / "data" / "schema.json").read_text("utf-8"))
MISP_TYPES = json.loads((Path(pymisp.__file__).parent / "data" / "describeTypes.json").read_text("utf-8"))["result"]
STRICT = stix2validator.ValidationOptions(version="2.1", strict=True, disabled="103")
"""103: ids *should* be random (UUID version 4); ours are made from the content (version 5), which the standard allows."""


def stix_faults(data: bytes) -> list[str]:
    result = stix2validator.validate_string(data.decode(), STRICT)
    return [str(e) for e in result.errors or ()] + [str(w) for w in result.warnings]


def objects(assessment: Assessment, kind: str) -> list[dict]:
    return [o for o in json.loads(Stix().render(assessment))["objects"] if o["type"] == kind]


@pytest.mark.parametrize("tlp", [None, *Tlp])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_bundle_passes_the_standards_validator(name: str, tlp: Tlp | None) -> None:
    assert stix_faults(Stix().render(replace(SAMPLES[name](), tlp=tlp))) == []


def test_the_validator_finds_faults() -> None:
    data = Stix().render(sample.compromised())
    assert stix_faults(data.replace(b'"pattern": "[ipv4', b'"pattern": "[ipv4 oops'))
    assert stix_faults(data.replace(b'"relationship_type": "indicates"', b'"relationship_type": ""'))


@LAX
@given(assessments)
def test_any_bundle_is_valid(assessment: Assessment) -> None:
    assert stix_faults(Stix().render(assessment)) == []


def test_only_what_is_proven_is_an_indicator() -> None:
    base = sample.compromised()
    patterns = " ".join(o["pattern"] for o in objects(base, "indicator"))
    assert "165.232.154.116" in patterns
    assert "104.248.49.97" in patterns
    assert "ab" * 32 in patterns
    assert "RedirSuiteServerProxy.aspx" in patterns
    assert "198.51.100.7" not in patterns, "turned away"
    assert "203.0.113.77" not in patterns, "on a list only"
    for other in (sample.blind(), sample.quiet()):
        assert objects(other, "indicator") == []


def test_an_address_that_others_share_is_no_indicator() -> None:
    base = sample.compromised()
    mixed = replace(base.intrusions[0], mixed=("104.248.49.97",))
    patterns = " ".join(o["pattern"] for o in objects(replace(base, intrusions=(mixed,)), "indicator"))
    assert "104.248.49.97" not in patterns
    assert "165.232.154.116" in patterns


def test_a_page_of_the_product_is_known_by_its_hash_alone() -> None:
    base = sample.compromised()
    changed = tuple(
        replace(f, record=replace(f.record, fields={**f.record.fields, "product_name": True}))
        if f.record.kind == "web.file"
        else f
        for f in base.findings
    )
    patterns = " ".join(o["pattern"] for o in objects(replace(base, findings=changed), "indicator"))
    assert "ab" * 32 in patterns
    assert "RedirSuite" not in patterns
    values = json.loads(Misp().render(replace(base, findings=changed)))["Event"]["Attribute"]
    assert not [a for a in values if a["type"] == "filename"]


def test_the_bundle_is_the_same_every_time_and_hangs_together() -> None:
    assessment = replace(sample.compromised(), tlp=Tlp.AMBER_STRICT)
    data = Stix().render(assessment)
    assert data == Stix().render(assessment)
    things = json.loads(data)["objects"]
    ids = {o["id"] for o in things}
    assert len(ids) == len(things)
    used = {v for o in things for k, v in o.items() if k.endswith("_ref")} | {
        i for o in things for k, v in o.items() if k.endswith("_refs") for i in v
    }
    assert used <= ids
    marking = next(o for o in things if o["type"] == "marking-definition")
    assert next(iter(marking["extensions"].values()))["tlp_2_0"] == "amber+strict"
    assert all(marking["id"] in o["object_marking_refs"] for o in things if o is not marking)
    assert {o["name"] for o in things if o["type"] == "vulnerability"} >= {"CVE-2021-26855", "CVE-2021-27065"}
    assert {o["type"] for o in things} >= {"report", "identity", "malware", "attack-pattern", "sighting", "observed-data"}


def test_a_pattern_cannot_be_left() -> None:
    assert literal("a' OR [x]\\") == "'a\\' OR [x]\\\\'"


@pytest.mark.parametrize("tlp", [None, *Tlp])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_event_fits_the_schema_of_misp(name: str, tlp: Tlp | None) -> None:
    assessment = replace(SAMPLES[name](), tlp=tlp)
    event = json.loads(Misp().render(assessment))
    jsonschema.validate(event, MISP_SCHEMA)
    for attribute in event["Event"]["Attribute"]:
        assert attribute["type"] in MISP_TYPES["category_type_mappings"][attribute["category"]]
        assert not attribute["to_ids"] or attribute["type"] in ("ip-src", "md5", "sha1", "sha256", "filename")
    assert ((tlp or "").lower() in [t["name"] for t in event["Event"]["Tag"]]) is bool(tlp)
    loaded = pymisp.MISPEvent()
    loaded.load(json.dumps(event))
    assert len(loaded.attributes) == len(event["Event"]["Attribute"])
    assert Misp().render(assessment) == Misp().render(assessment)


@LAX
@given(assessments)
def test_any_event_fits(assessment: Assessment) -> None:
    jsonschema.validate(json.loads(Misp().render(assessment)), MISP_SCHEMA)


def test_every_technique_of_the_packs_has_a_name() -> None:
    from exhume.reports.proof import technique_names

    folder = resources.files("exhume") / "content" / "packs"
    text = "".join(p.read_text("utf-8") for p in Path(str(folder)).glob("*/sigma/*.yml"))
    used = {t.upper() for t in re.findall(r"attack\.(t\d{4}(?:\.\d{3})?)", text)}
    assert len(used) > 20
    assert used - set(technique_names()) == set(), "add the name to content/attack.csv"


@LAX
@given(assessments)
def test_sarif_places_stay_inside_and_messages_hold_no_link(assessment: Assessment) -> None:
    run = json.loads(Sarif().render(assessment))["runs"][0]
    assert len(run["results"]) == len(assessment.findings)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert "](" not in result["message"]["text"]
        for location in (*result["locations"], *result["relatedLocations"]):
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
            assert not uri.startswith("/")
            assert ".." not in uri.split("/")


def test_sarif_says_what_was_not_seen() -> None:
    assessment = sample.compromised()
    run = json.loads(Sarif().render(assessment))["runs"][0]
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == len(assessment.coverage.gaps)
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 1402}
    assert run["results"][0]["level"] == "error"


@LAX
@given(assessments)
def test_timesketch_lines_have_their_columns(assessment: Assessment) -> None:
    lines = Timesketch().render(assessment).decode().splitlines()
    assert len(lines) == len(assessment.timeline) + 1
    known = {"message", "datetime", "timestamp_desc", "data_type", "verdict", "source_file", "source_place", "finding", "rule",
             "campaign", "outcome", "severity", "confidence", "count", "tag", "server", "src_ip", "evidence_kind", "evidence",
             "because", "tlp", "redacted"}  # fmt: skip
    for line in map(json.loads, lines):
        assert {"message", "datetime", "timestamp_desc"} <= set(line) <= known, "nothing from evidence is a key"
        assert datetime.fromisoformat(line["datetime"]).utcoffset() is not None


@LAX
@given(assessments)
def test_nothing_acts_in_any_text_format(assessment: Assessment) -> None:
    for report in TEXTS:
        text = report.render(assessment).decode("utf-8")
        assert ACTS.search(text.replace("\n", "")) is None, report.name
        assert bait().search(text) is None, report.name


def _bare(markdown: str) -> str:
    """The Markdown without fenced blocks, code spans and escaped characters: what would act."""
    text = re.sub(r"^(```+)powershell\n.*?\n\1$", "", markdown, flags=re.S | re.M)
    text = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    return re.sub(r"\\[!-/:-@\[-`{-~]", "", text)


@LAX
@given(assessments)
def test_no_markup_from_evidence_in_markdown(assessment: Assessment) -> None:
    text = _bare(Markdown().render(assessment).decode()).replace("<br>", "")
    assert not re.search(r"[<\[\]{}$~`]|://|www\.|@", text), text
    tables = [line for line in text.split("\n") if line.startswith("|")]
    assert all(line.rstrip().endswith("|") for line in tables)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("[x](javascript:1)", "\\[x\\](javascript:1)"),
        ("see @admin now", "see `@admin` now"),
        ("- a", "\\- a"),
        ("1. a", "1\\. a"),
        ("<b>", "\\<b\\>"),
        ("a | b", "a \\| b"),
        ("fixes #12", "fixes `#12`"),
        ("http://x/`y`", "`` http://x/`y` ``"),
    ],
)
def test_sentences_are_escaped(text: str, safe: str) -> None:
    assert prose(text) == safe


def test_code_spans_cannot_be_closed() -> None:
    assert code("a`b``c") == "```a`b``c```"
    assert code("``") == "` `` `"
    assert code("a|b") == "`a|b`"


@pytest.mark.parametrize("report", REPORTS, ids=lambda r: r.name)
def test_every_format_bears_the_mark_and_says_that_it_was_redacted(report: object) -> None:
    marked = replace(sample.quiet(), tlp=Tlp.AMBER_STRICT, redacted="Redacted: names are replaced.")
    if report.name == "pdf":
        from exhume.reports.pdf.content import content

        text = json.dumps(content(marked))
    else:
        text = report.render(marked).decode()
    text = text.replace("\\u002b", "+")
    assert "tlp:amber+strict" in text.lower()
    assert "redacted: names are replaced" in text.lower()
    assert "tlp" not in report.render(sample.quiet()).decode("latin-1").lower().replace('"tlp": null', "").replace(".tlp", "")


@pytest.mark.parametrize("report", [r for r in REPORTS if r.name != "pdf"], ids=lambda r: r.name)
def test_two_thousand_findings_are_quick(report: object) -> None:
    many = sample.many(2_000)
    start = time.process_time()
    report.render(many)
    assert time.process_time() - start < 8, "2 s on a quiet machine"


def test_outcomes_below_an_attempt_name_no_technique() -> None:
    base = sample.compromised()
    probes = tuple(replace(f, outcome=Outcome.PROBE, decisive=False) for f in base.findings)
    assert objects(replace(base, findings=probes, intrusions=()), "attack-pattern") == []
    assert all(ip_address(o["value"]) for o in objects(base, "ipv4-addr"))
