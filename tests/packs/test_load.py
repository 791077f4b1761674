"""Loading packs: ours, and anybody's folders and files."""

from __future__ import annotations

import base64
import os
import time
from datetime import date
from pathlib import Path

import pytest

from exhume.model import anew
from exhume.packs import PackError, correlations, encode, load, plan, shipped, witnesses

MANIFEST = """\
name: demo
version: 1.2.0
title: A campaign for tests
window: {cve: CVE-2021-26855, first_exploited: 2021-01-03}
needs:
  - name: front-end web log
    any_of:
      - {kind: exchange.httpproxy, channel: Ecp}
      - {kind: iis.access}
"""
SIGMA = "title: T\nlogsource: {category: webserver}\ndetection:\n  a: {c-ip: 203.0.113.9}\n  condition: a\nlevel: high\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")
    return folder


def own(tmp_path: Path, **files: str) -> Path:
    return write(tmp_path / "demo", {"pack.yml": MANIFEST, "README.md": "what it finds"} | files)


def test_own_pack_says_what_its_manifest_says(tmp_path: Path) -> None:
    pack = load(
        own(
            tmp_path,
            **{
                "sigma/a.yml": SIGMA,
                "yara/a.yar": "rule a {condition: true}",
                "iocs/a.csv": "type,value\n",
                "plan.yml": "[]",
                "cases/a.yml": "[]",
            },
        )
    )
    assert (pack.name, pack.version, pack.title, pack.own) == ("demo", "1.2.0", "A campaign for tests", True)
    assert (pack.entry_cve, pack.first_exploited) == ("CVE-2021-26855", date(2021, 1, 3))
    assert [(s.kind, s.channel) for s in pack.needs[0].any_of] == [("exchange.httpproxy", "Ecp"), ("iis.access", "*")]
    assert {f.name: f.role for f in pack.files} == {
        "README.md": "other", "cases/a.yml": "case", "iocs/a.csv": "ioc", "pack.yml": "other", "plan.yml": "plan",
        "sigma/a.yml": "sigma", "yara/a.yar": "yara",
    }  # fmt: skip
    assert pack.problems == ()


def test_encoded_files_are_read_decoded_and_digest_is_that_of_the_clear_form(tmp_path: Path) -> None:
    clear = load(own(tmp_path / "1", **{"yara/a.yar": "rule a\n{condition: true}\n"}))
    folder = own(tmp_path / "2", **{"yara/a.yar": "rule a\r\n{condition: true}\r\n"})
    encode(folder / "yara" / "a.yar")
    (folder / "yara" / "a.yar").unlink()
    encoded = load(folder)
    assert [f.name for f in encoded.of("yara")] == ["yara/a.yar"]
    assert encoded.of("yara")[0].read().startswith(b"rule a")
    assert encoded.digest == clear.digest
    changed = load(own(tmp_path / "3", **{"yara/a.yar": "rule b\n{condition: true}\n"}))
    assert changed.digest != clear.digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "not YAML"),
        ("- a", "the file is not a mapping"),
        ("name: Demo Pack\nversion: 1.0\ntitle: t", "name 'Demo Pack'"),
        ("name: demo\nversion: new\ntitle: t", "version 'new'"),
        ("name: demo\nversion: 1.0", "no title"),
        ("name: demo\nversion: 1.0\ntitle: t\nneed: []", "unknown key 'need'"),
        ("name: demo\nversion: 1.0\ntitle: t\nwindow: {cve: 2021-26855}", "window.cve"),
        ("name: demo\nversion: 1.0\ntitle: t\nwindow: {first_exploited: soon}", "first_exploited 'soon'"),
        ("name: demo\nversion: 1.0\ntitle: t\nneeds: [{name: log}]", "'log' has no any_of"),
        ("name: demo\nversion: 1.0\ntitle: t\nneeds: [{name: log, any_of: [{kind: log}]}]", "'log' in the need"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_line_that_names_file_and_fault(tmp_path: Path, text: str, words: str) -> None:
    folder = write(tmp_path / "demo", {"pack.yml": text})
    with pytest.raises(PackError) as refused:
        load(folder)
    assert str(refused.value).startswith("pack.yml: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_folders_of_others_are_packs_by_the_content_of_their_files(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "some rules",
        {
            "rules/web/a.yml": SIGMA,
            "rules/b.yaml": "title: C\ncorrelation:\n  type: event_count\n",
            "docker-compose.yml": "services: {}\n",
            "x/y.YAR": "rule y {condition: true}",
            "feed/event.json": '{"Event": {"Attribute": []}}',
            "feed/bundle.json": '{"type": "bundle", "objects": []}',
            "package.json": '{"name": "x"}',
            "samples.sha256": "ab\n",
            "plan.yml": "- id: x\n",
            "readme.txt": "words",
            ".git/config.yml": SIGMA,
        },
    )
    pack = load(folder)
    assert (pack.name, pack.own, pack.needs) == ("some-rules", False, ())
    assert {f.name: f.role for f in pack.files} == {
        "feed/bundle.json": "ioc", "feed/event.json": "ioc", "rules/b.yaml": "sigma", "rules/web/a.yml": "sigma",
        "samples.sha256": "ioc", "x/y.YAR": "yara",
    }  # fmt: skip


def test_a_single_file_is_a_pack(tmp_path: Path) -> None:
    pack = load(write(tmp_path, {"addresses.csv": "type,value\nip,203.0.113.9\n"}) / "addresses.csv")
    assert (pack.name, [f.role for f in pack.files], pack.files[0].name) == ("addresses", ["ioc"], "addresses.csv")


def test_nothing_usable_is_an_error_and_not_an_empty_pack(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no Sigma rule, YARA rule, indicator list or baseline"):
        load(write(tmp_path / "empty", {"notes.md": "words"}))
    with pytest.raises(PackError, match="no such file"):
        load(tmp_path / "missing")


@pytest.mark.skipif(os.name == "nt", reason="links, pipes, rights and names as only POSIX has them")
def test_links_large_files_and_bad_base64_are_problems(tmp_path: Path) -> None:
    folder = write(tmp_path / "rules", {"a.yml": SIGMA, "broken.yar.b64": "!!!"})
    outside = write(tmp_path / "outside", {"secret.yml": SIGMA})
    (folder / "link.yml").symlink_to(outside / "secret.yml")
    (folder / "linked").symlink_to(outside)
    (folder / "huge.csv").write_bytes(b"")
    with (folder / "huge.csv").open("r+b") as huge:
        huge.truncate(16 * 1024 * 1024 + 1)
    pack = load(folder)
    assert [f.name for f in pack.files] == ["a.yml"]
    assert {p.file: p.reason.split(",")[0].split(":")[0] for p in pack.problems} == {
        "broken.yar": "not Base64", "link.yml": "a symbolic link", "linked": "a symbolic link", "huge.csv": "larger than 16 MiB",
    }  # fmt: skip


def test_three_thousand_rules_load_without_being_parsed(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number}.yml").write_text(SIGMA)
    started = time.perf_counter()
    assert len(load(folder).of("sigma")) == 3000
    assert time.perf_counter() - started < 5, "a YAML parse of 3,000 files takes longer than this"


def test_encode_writes_base64_that_decodes_to_the_same(tmp_path: Path) -> None:
    clear = tmp_path / "a.yar"
    clear.write_bytes(bytes(range(256)) * 3)
    encoded = encode(clear)
    assert encoded.name == "a.yar.b64"
    assert base64.b64decode(encoded.read_bytes()) == clear.read_bytes()
    with pytest.raises(ValueError, match="encoded already"):
        encode(encoded)


def test_shipped_packs_load_without_problems() -> None:
    for pack in shipped():
        assert pack.own
        assert pack.problems == ()


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"title: a\r\n", b"title: a\n\n"])
def test_correlations_are_told_by_the_beginning_of_a_line(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "a.yml").write_bytes(start + b"correlation:\n  type: event_count\n")
    (tmp_path / "b.yml").write_bytes(start + b"detection: {}\nnote: no correlation: here\n")
    files = {file.name: file for file in load(tmp_path).files}
    assert {name: file.role for name, file in files.items()} == {"a.yml": "sigma", "b.yml": "sigma"}
    assert {name: file.beside for name, file in files.items()} == {"a.yml": True, "b.yml": False}


@pytest.mark.skipif(os.name == "nt", reason="no such links there without rights")
def test_folders_are_walked_in_order_and_links_are_told(tmp_path: Path) -> None:
    for name in ("b/two.yml", "b/a/one.yml.b64", "a/three.yml", ".git/x.yml", "__pycache__/x.yml", "b/.hidden.yml", "b/x.exe"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(base64.b64encode(b"detection: 1") if name.endswith("b64") else b"detection: 1")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link.exe").symlink_to(tmp_path / "b/two.yml")
    pack = load(tmp_path)
    assert [file.name for file in pack.files] == ["a/three.yml", "b/a/one.yml", "b/two.yml"]
    assert sorted(problem.file for problem in pack.problems) == ["gone.yml", "loop"]


class Shelf:
    """Keeps like ``assess.kept``, in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[bytes, ...], bytes] = {}

    def __call__(self, what, make):
        if tuple(what) not in self.held:
            self.held[tuple(what)] = make()
        return self.held[tuple(what)]


def test_plans_witnesses_and_correlations_are_the_same_from_what_was_kept():
    shelf = Shelf()
    packs = shipped()
    for _ in range(2):
        assert [plan(pack, shelf) for pack in packs] == [plan(pack) for pack in packs]
        assert correlations(shelf) == correlations()
        assert witnesses.__wrapped__(shelf) == witnesses()
    assert len(shelf.held) > len([pack for pack in packs if pack.of("plan")])


STEP = "- {id: a, order: 30, title: %s, how: h, reversible: true, when: {rules: [X-1]}}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STEP % "2021-03-02", "has no title"),
        ("- &a [*a]\n", "a step is not a mapping"),
        ("- !!set {a}\n", "a step is not a mapping"),
        ("- [1\n", "not YAML"),
        (STEP % "t" + STEP % "t", "stands there twice"),
    ],
)
def test_a_plan_that_json_cannot_hold_is_refused_in_the_same_words(tmp_path, text, words):
    pack = load(own(tmp_path, **{"plan.yml": text}))
    told = []
    for kept in (anew, Shelf()):
        with pytest.raises(PackError, match=words) as error:
            plan(pack, kept)
        told.append(str(error.value))
    assert told[0] == told[1]
