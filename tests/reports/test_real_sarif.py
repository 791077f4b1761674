"""SARIF against the standard's own schema, which may not be shipped with the tests: it lies among the real data."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from exhume.reports import Sarif
from reports import owner, sample

SAMPLES = {**sample.SAMPLES, "owner": owner.assessment, "many": lambda: sample.many(300)}


@pytest.fixture(scope="module")
def schema(real_data: Path) -> dict:
    path = real_data / "schemas" / "sarif-schema-2.1.0.json"
    if not path.is_file():
        pytest.skip("the schema is not here")
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_log_fits_the_schema_of_sarif(schema: dict, name: str) -> None:
    log = json.loads(Sarif().render(SAMPLES[name]()))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{list(e.path)}: {e.message}" for e in validator.iter_errors(log)] == []
    del log["runs"][0]["tool"]
    assert not validator.is_valid(log)
