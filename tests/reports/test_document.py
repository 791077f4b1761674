"""assessment.json: the contract's keys, the schema, the way back, and hostile text."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import exhume
from exhume.model import Assessment, Source
from exhume.reports.document import Document, load
from exhume.reports.plain import bait
from reports import sample
from reports.assessments import assessments

SCHEMA = json.loads((Path(exhume.__file__).parent / "content" / "assessment.schema.json").read_text("utf-8"))
VALID = Draft202012Validator(SCHEMA)

# Design, section 5, to the letter.
CONTRACT = {
    "": "schema tool generated host readings verdict questions answers exposure findings intrusions timeline coverage plan",
    "tool": "version engine packs",
    "tool.packs": "name version digest",
    "host": "name product cu build build_source install_root",
    "readings": "what value day trust source",
    "questions": "exposed attacked broken_into since_how_far clean_now",
    "questions.exposed": "answer text limits",
    "answers": "campaign verdict outcome first_seen last_seen findings limits",
    "exposure": "cve state since until why",
    "findings": "id rule pack title outcome decisive severity confidence time count first_seen last_seen techniques cves because source sources record",
    "findings.because": "field value test",
    "findings.source": "path at",
    "findings.sources": "path at",
    "intrusions": "id first_seen last_seen findings addresses user_agents web_shells accounts mailboxes cluster cluster_why activity",
    "timeline": "time what kind finding source",
    "coverage": "spans gaps",
    "coverage.spans": "kind channel server path first last records holes",
    "coverage.gaps": "kind channel path cause detail since until",
    "plan": "order title why how reversible findings",
}


def _at(document: object, path: str) -> object:
    for key in filter(None, path.split(".")):
        document = document[0] if isinstance(document, list) else document
        document = document[key]
    return document[0] if isinstance(document, list) else document


@pytest.mark.parametrize("path", CONTRACT)
def test_the_contract_keys_are_there(path: str) -> None:
    document = json.loads(Document().render(sample.compromised()))
    assert set(CONTRACT[path].split()) <= set(_at(document, path))


@pytest.mark.parametrize("path", CONTRACT)
def test_the_schema_demands_the_contract_keys(path: str) -> None:
    document = json.loads(Document().render(sample.compromised()))
    for key in CONTRACT[path].split():
        spoiled = json.loads(json.dumps(document))
        del _at(spoiled, path)[key]
        assert not VALID.is_valid(spoiled), f"{path}.{key} is not required"


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_samples_go_there_and_back(name: str) -> None:
    assessment = sample.SAMPLES[name]()
    data = Document().render(assessment)
    assert list(VALID.iter_errors(json.loads(data))) == []
    assert load(data) == assessment
    assert Document().render(load(data)) == data


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(assessments)
def test_any_assessment_goes_there_and_back(assessment: Assessment) -> None:
    data = Document().render(assessment)
    text = data.decode("utf-8")
    assert load(data) == assessment
    assert list(VALID.iter_errors(json.loads(data))) == []
    assert bait().search(text) is None
    assert all(c == "\n" or c.isprintable() or c.isspace() for c in text if ord(c) < 0xA0)
    assert not set(text) & set("<>%\u202e\u2066\u200b\x7f\x1b")


def test_order_of_record_fields_changes_nothing() -> None:
    assessment = sample.compromised()
    first = assessment.findings[0]
    turned = replace(first, record=replace(first.record, fields=dict(reversed(first.record.fields.items()))))
    other = replace(assessment, findings=(turned, *assessment.findings[1:]))
    assert other == assessment
    assert Document().render(other) == Document().render(assessment)


def test_times_are_utc_with_z() -> None:
    east = datetime(2021, 3, 3, 5, 0, tzinfo=timezone(timedelta(hours=2)))
    assessment = replace(sample.blind(), generated=east)
    assert json.loads(Document().render(assessment))["generated"] == "2021-03-03T03:00:00Z"
    assert load(Document().render(assessment)).generated.tzinfo is UTC


def test_what_json_does_not_have_is_made_safe() -> None:
    assessment = sample.compromised()
    first = assessment.findings[0]
    fields = {"cut": "a\udcffb", "nan": float("nan"), "inf": float("-inf"), "big": 2**80}
    broken = replace(assessment, findings=(replace(first, record=replace(first.record, fields=fields)),))
    data = Document().render(broken)
    assert b"\\ud" not in data.lower().replace(b"\\udb40", b"")
    assert load(data).findings[0].record.fields == {"cut": "a\ufffdb", "nan": "nan", "inf": "-inf", "big": 2**80}


def test_unknown_keys_are_passed_over() -> None:
    document = json.loads(Document().render(sample.compromised()))
    document["later"] = document["host"]["later"] = document["findings"][0]["later"] = document["coverage"]["spans"][0]["x"] = {
        "a": [1]
    }
    assert VALID.is_valid(document)
    assert load(json.dumps(document).encode()) == sample.compromised()


def _spoilt() -> dict[str, object]:
    document = json.loads(Document().render(sample.compromised()))
    out: dict[str, object] = {}

    def spoil(name: str, *path: str | int, value: object) -> None:
        copy = json.loads(json.dumps(document))
        node = copy
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
        out[name] = copy

    spoil("other schema", "schema", value="exhume.assessment/2")
    spoil("unknown verdict", "verdict", value="clean")
    spoil("no host", "host", value=[])
    spoil("bad time", "generated", value="yesterday")
    spoil("time without zone", "generated", value="2021-01-01T00:00:00")
    spoil("no time", "generated", value=None)
    spoil("text for number", "findings", 0, "count", value="3")
    spoil("truth for number", "plan", 0, "order", value=True)
    spoil("no sources", "findings", 0, "sources", value=[])
    spoil("empty place", "findings", 0, "sources", 0, "path", value="")
    spoil("odd field value", "findings", 0, "record", "fields", value={"a": {"b": 1}})
    spoil("endless hours", "coverage", "spans", 0, "hours", value=[[0, 10**12]])
    spoil("hours out of time", "coverage", "spans", 0, "hours", value=[[10**12, 1]])
    spoil("torn run", "coverage", "spans", 0, "hours", value=[[1]])
    spoil("null question", "questions", "exposed", value=None)
    spoil("number for text", "evidence", value=[1])
    return out


@pytest.mark.parametrize("name", _spoilt())
def test_wrong_documents_are_one_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"^not an exhume assessment") as caught:
        load(json.dumps(_spoilt()[name]).encode())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"[]", b"{}", b"null", b"[" * 100_000, b'{"schema": "exhume.assessment/1"}', b"PK\x03\x04"]
)
def test_garbage_is_one_line(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not an exhume assessment") as caught:
        load(data)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_torn_documents_never_escape_as_anything_else(data: st.DataObject) -> None:
    whole = Document().render(sample.blind())
    cut = data.draw(st.integers(0, len(whole) - 3))
    torn = whole[:cut] + data.draw(st.binary(max_size=6)) + whole[cut + data.draw(st.integers(0, 30)) :]
    try:
        outcome = load(torn)
    except ValueError as error:
        outcome = str(error)
    assert isinstance(outcome, Assessment) or outcome.startswith("not an exhume assessment")


def test_the_evidence_of_a_place_comes_back() -> None:
    found = sample.compromised().findings[0]
    assert isinstance(found.source, Source)
    assert load(Document().render(sample.compromised())).findings[0].source.evidence == sample.DIGEST
