"""Seeds, sizes, scenario files, and that no file of the simulator holds what a virus scanner acts on."""

import hashlib
from base64 import b64decode
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from exhume.simulator import ScenarioError, load, places, scenarios, simulate
from exhume.simulator.scenario import parse

HEAD = """
title: t
server: EX01
build: 15.1.2176.2
since: 2021-03-01
until: 2021-03-02
expect: {verdict: no_trace}
"""


def digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate("lookup-only", tmp_path / name, seed=seed)
    assert digests(tmp_path / "a") == digests(tmp_path / "b") != digests(tmp_path / "c")


def test_a_size_is_met_and_gives_the_same_bytes_again(tmp_path: Path) -> None:
    asked = 40_000_000
    truth = simulate("quiet-and-covered", tmp_path / "a", size=asked)
    simulate("quiet-and-covered", tmp_path / "b", size=asked)
    written = sum(p.stat().st_size for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert written == truth.bytes
    assert 0.8 * asked < written < 1.2 * asked
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_bulk_rows_fit_together_and_leave_no_mark(tmp_path: Path) -> None:
    simulate("lookup-only", tmp_path, size=60_000_000)
    pages = sorted((tmp_path / "C/inetpub/logs/LogFiles/W3SVC1").iterdir())
    rows = [line.split(" ") for page in pages for line in page.read_text().splitlines() if not line.startswith("#")]
    times = [f"{row[0]} {row[1][:5]}" for row in rows]
    assert times == sorted(times)
    assert {len(row) for row in rows} == {15}
    ids = [row[5].split("cafeReqId=")[1][:36] for row in rows if "cafeReqId=" in row[5]]
    assert len(set(ids)) == len(ids) > 30_000
    proxied = {
        line.split(",")[1]
        for p in tmp_path.rglob("HttpProxy_*.LOG")
        for line in p.read_text("utf-8-sig").splitlines()
        if line[0] == "2"
    }
    assert set(ids) == proxied
    whole = b"".join(p.read_bytes() for p in tmp_path.rglob("*.LOG")) + b"".join(p.read_bytes() for p in pages)
    assert b"9e9e9e9e" not in whole
    assert b"1987-" not in whole


def test_exchange_logs_go_on_in_a_next_file_when_one_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert places.PAGE == 10 << 20
    monkeypatch.setattr(places, "PAGE", 200_000)
    told = parse(HEAD.replace("until: 2021-03-02", "until: 2021-03-01"), "one-day")
    simulate(told, tmp_path, size=30_000_000)
    parts = sorted(tmp_path.rglob("Mapi/HttpProxy_2021030109-*.LOG"))
    assert [p.name for p in parts[:2]] == ["HttpProxy_2021030109-1.LOG", "HttpProxy_2021030109-2.LOG"]
    assert all(p.read_bytes().startswith(b"\xef\xbb\xbf#Software") for p in parts)
    assert max(p.stat().st_size for p in tmp_path.rglob("HttpProxy_*.LOG")) < 300_000


def test_several_servers_have_a_folder_each(tmp_path: Path) -> None:
    truth = simulate("two-servers", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["EX01", "EX02"] == sorted(truth.servers)
    assert list(tmp_path.rglob("shellex.aspx")) == [tmp_path / "EX02/C/inetpub/wwwroot/aspnet_client/shellex.aspx"]
    for server, other in (("EX01", "EX02"), ("EX02", "EX01")):
        text = b"".join(p.read_bytes() for p in (tmp_path / server).rglob("Ecp/*.LOG"))
        assert f",{server},".encode() in text
        assert other.encode() not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list", "not a mapping"),
        ("title: [", "expected"),
        (HEAD + "atack: []\n", "unknown: atack"),
        ("title: no more than this\n", "incomplete"),
        (HEAD.replace("2021-03-01", "yesterday"), "is not a day"),
        (HEAD + "attack: [{at: 2021-03-01 10:00:00, actor: a, step: emsmdb}]\n", "no actor 'a'"),
        (HEAD + "actors: {a: {addresses: [192.0.2.9]}}\nattack: [{actor: a, step: emsmdb}]\n", "needs a time"),
        (
            HEAD + "actors: {a: {addresses: [192.0.2.9]}}\nattack: [{at: 2021-03-01 10:00:00, actor: a, step: x, server: B}]\n",
            "no server 'B'",
        ),
        (
            HEAD + "actors: {a: {addresses: [192.0.2.9]}}\nattack: [{at: 2021-03-01 10:00:00, actor: a, step: x, on: 1}]\n",
            "are texts",
        ),
        (HEAD + "actors: {a: {adresses: [192.0.2.9]}}\n", "incomplete"),
    ],
)
def test_an_unsound_scenario_is_told_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"^scenario bad: [^\n]+$") as caught:
        parse(text, "bad")
    assert said in str(caught.value)


def test_an_unknown_step_is_told(tmp_path: Path) -> None:
    text = HEAD + "actors: {a: {addresses: [192.0.2.9]}}\nattack: [{at: 2021-03-01 10:00:00, actor: a, step: fly}]\n"
    with pytest.raises(ScenarioError, match="no step 'fly'"):
        simulate(parse(text, "x"), tmp_path)


def test_a_scenario_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(HEAD)
    assert load(tmp_path / "mine.yml").until == date(2021, 3, 2)
    truth = simulate(str(tmp_path / "mine.yml"), tmp_path / "out", rate=1)
    assert truth.scenario == "mine"


@pytest.mark.parametrize("name", scenarios())
def test_each_scenario_is_small(name: str, tmp_path: Path) -> None:
    truth = simulate(name, tmp_path)
    assert truth.bytes < 16_000_000


def test_no_file_of_the_simulator_holds_what_scanners_act_on() -> None:
    marks = [b64decode(m).decode().lower() for m in (
        "cnVuYXQ9InNlcnZlciI=", "Y29tc3Zjcy5kbGw=", "bWluaWR1bXA=", "ZWNobyBbc10=", "PHNjcmlwdCBs", "PCVAIHBhZ2U=", "ZXZhbChyZXF1ZXN0",
    )]  # fmt: skip
    folder = Path(str(files("exhume.simulator")))
    sources = [p for p in folder.rglob("*") if p.suffix in (".py", ".yml", ".txt")]
    assert len(sources) > 25
    for path in [*sources, *Path(__file__).parent.glob("*.py")]:
        text = path.read_text().lower()
        assert [mark for mark in marks if mark in text] == [], path
