"""Runs the cases of the two tables beside this file."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from exhume.detectors.sigma import Sigma
from exhume.judge.chain import over_rows
from exhume.model import Finding, Host, Record, Sighting, Source
from exhume.packs import load

HERE = Path(__file__).parent
START = datetime(2021, 3, 3, tzinfo=UTC)
RULES: list[dict[str, Any]] = yaml.safe_load((HERE / "rules.yml").read_text("utf-8"))
CORRELATIONS: dict[str, Any] = yaml.safe_load((HERE / "correlations.yml").read_text("utf-8"))


def record(fields: dict[str, Any], seconds: float = 0, number: int = 1) -> Record:
    """An event of the Security log."""
    values = {k: str(v) if isinstance(v, float) else v for k, v in fields.items()}
    whole = {"EventID": 1, "Channel": "Security", **values}
    return Record(
        "windows.event", START + timedelta(seconds=seconds), whole, Source("e", "x", f"record {number}"), "Security", "S"
    )


def sigma_of(files: dict[str, str]) -> Sigma:
    """The detector of a folder with these files."""
    with TemporaryDirectory() as folder:
        pack = Path(folder) / "pack"
        pack.mkdir()
        for name, text in files.items():
            (pack / name).write_text(text, "utf-8")
        return Sigma.from_packs([load(pack)], Host())


def of_rule(case: dict[str, Any]) -> Sigma:
    """The detector for one case of ``rules.yml``."""
    logsource = {"product": "windows", "service": "security"}
    files = {
        "r.yml": yaml.safe_dump(
            {"title": "R", "id": "r", "logsource": logsource, "detection": case["detection"]}, sort_keys=False
        )
    }
    if "filter" in case:
        filtered = {"title": "F", "logsource": case.get("filter_logsource", logsource), "filter": case["filter"]}
        files["f.yml"] = yaml.safe_dump(filtered, sort_keys=False)
    if "placeholders" in case:
        files["placeholders.yml"] = yaml.safe_dump(case["placeholders"])
    return sigma_of(files)


def rule_fires(sigma: Sigma, fields: dict[str, Any]) -> bool:
    moved = timedelta(hours=4).total_seconds()  # for rules that ask for the hour
    return any(found.rule == "r" for found in sigma.detect(record(fields, moved)) if isinstance(found, Finding))


def of_correlation(case: dict[str, Any]) -> Sigma:
    """The detector for one case of ``correlations.yml``."""
    texts = [CORRELATIONS["rules"], *([case["more"]] if "more" in case else [])]
    for one in case["correlations"]:
        words = {key: value for key, value in one.items() if key != "name"}
        texts.append(yaml.safe_dump({"title": one["name"], "name": one["name"], "correlation": words}, sort_keys=False))
    return sigma_of({"all.yml": "---\n".join(texts)})


def rows_of(case: dict[str, Any]) -> list[Record]:
    every = case.get("every")
    rows = [[number * every[0], *every[2:]] for number in range(every[1])] if every else []
    return [record({"word": word, **fields}, at, n) for n, (at, word, fields) in enumerate([*rows, *case["rows"]], 1)]


def fired(sigma: Sigma, rows: list[Record], *, every_rule: bool) -> dict[str, list[str]]:
    """Rule → the groups for which it fired."""
    found = [one for row in rows for one in sigma.detect(row)]
    told, gaps = over_rows([one for one in found if isinstance(one, Sighting)], sigma.correlations)
    assert gaps == ()
    correlated = {one.rule.id for one in sigma.correlations}
    out: dict[str, set[str]] = defaultdict(set)
    for one in (*told, *(f for f in found if isinstance(f, Finding))):
        if every_rule or one.rule in correlated:
            out[one.rule].add(one.subject.replace("\x1f", " "))
    return {rule: sorted(groups) for rule, groups in out.items()}
