"""The YARA detector: what it scans, what it tells, and what it does with broken rules and hostile files."""

from __future__ import annotations

import contextlib
import io
import pickle
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from exhume.detectors.yara import Limits, Yara
from exhume.model import Cause, Confidence, Finding, Gap, Host, Outcome, Pack, PackFile, Record, Severity, Source

OURS = """\
import "pe"
rule inert_page : web
{
    meta:
        description = "Inert page"
        reference = "https://example.org/a"
        exhume_trace = "WS-a"
        exhume_outcome = "write"
        exhume_decisive = true
        exhume_confidence = "high"
        severity = "critical"
        techniques = "T1505.003, T1059"
        cve = "CVE-2021-27065"
    strings:
        $a = "marker of the test"
        $b = /marker\\(\\d+\\)/
    condition:
        any of them
}
"""


def pack(tmp_path: Path, own: bool = True, **files: str) -> Pack:
    made = []
    for name, text in files.items():
        path = tmp_path / f"{name}.yar"
        path.write_text(text)
        made.append(PackFile(path, "yara", path.name))
    return Pack("demo", "1", "demo", "0", own=own, files=tuple(made))


def record(data: bytes | None, kind: str = "web.file", path: str = "C/inetpub/wwwroot/x.aspx", **fields: str) -> Record:
    windows = "C:\\" + path[2:].replace("/", "\\")
    known = {"path": path, "windows_path": windows, "extension": path.rpartition(".")[2]} | fields
    opener = None if data is None else (lambda: contextlib.closing(io.BytesIO(data)))
    return Record(kind, None, known, Source("e", path, "file"), channel="web", opener=opener)


def detector(tmp_path: Path, limits: Limits | None = None, own: bool = True, **files: str) -> Yara:
    return Yara.from_packs([pack(tmp_path, own, **files)], Host(), limits=limits)


def only_finding(results: list[Finding | Gap]) -> Finding:
    assert len(results) == 1, results
    assert isinstance(results[0], Finding)
    return results[0]


def test_a_rule_of_ours_says_outcome_and_the_rest_itself(tmp_path: Path) -> None:
    found = only_finding(list(detector(tmp_path, ours=OURS).detect(record(b"..marker of the test.."))))
    assert (found.rule, found.pack, found.trace, found.title, found.own) == ("inert_page", "demo", "WS-a", "Inert page", True)
    assert (found.outcome, found.decisive, found.severity, found.confidence) == (
        Outcome.WRITE,
        True,
        Severity.CRITICAL,
        Confidence.HIGH,
    )
    assert (found.techniques, found.cves) == (("T1505.003", "T1059"), ("CVE-2021-27065",))
    assert found.references == ("https://example.org/a",)
    assert found.subject == "C/inetpub/wwwroot/x.aspx"
    assert list(detector(tmp_path, ours=OURS).detect(record(b"nothing of it"))) == []


def test_reasons_name_place_and_hash_but_show_plain_words_only(tmp_path: Path) -> None:
    found = only_finding(list(detector(tmp_path, ours=OURS).detect(record(b"..marker of the test, marker(17)"))))
    shown = {b.test: b.value for b in found.because}
    assert shown["YARA string $a"].startswith("byte 2, 18 bytes, sha256 ")
    assert "starts 'marker of the test'" in shown["YARA string $a"]
    assert "byte 22, 10 bytes" in shown["YARA string $b"]
    assert "marker(" not in shown["YARA string $b"]


def test_rules_of_others_count_by_score_and_never_as_more_than_a_step(tmp_path: Path) -> None:
    rules = "\n".join(
        f'rule {name} {{ meta: {meta} strings: $a = "abcd" condition: $a }}'
        for name, meta in {
            "high_score": "score = 80", "low_score": "score = 40", "word": 'severity = "low"',
            "claims": 'description = "d" exhume_outcome = "exec" exhume_decisive = true score = 100', "CVE_2021_26855_log": 'mitre_att = "T1190"',
        }.items()
    )  # fmt: skip
    found = {f.rule: f for f in detector(tmp_path, own=False, foreign=rules).detect(record(b"abcd")) if isinstance(f, Finding)}
    assert {name: (str(f.outcome), str(f.severity), f.decisive, f.own) for name, f in found.items()} == {
        "high_score": ("step", "high", False, False), "low_score": ("probe", "low", False, False), "word": ("probe", "low", False, False),
        "claims": ("step", "high", False, False), "CVE_2021_26855_log": ("step", "high", False, False),
    }  # fmt: skip
    assert (found["CVE_2021_26855_log"].techniques, found["CVE_2021_26855_log"].cves) == (("T1190",), ("CVE-2021-26855",))


def test_a_broken_rule_is_a_problem_and_the_others_work(tmp_path: Path) -> None:
    broken = 'rule good { strings: $a = "abcd" condition: $a }\nrule bad { condition: missing_name }\nrule late { strings: $a = "abcd" condition: $a }'
    yara = detector(
        tmp_path, broken=broken, ours=OURS, include='include "/etc/passwd"\nrule fine { strings: $a = "abcd" condition: $a }'
    )
    assert sorted(p.file for p in yara.problems) == ["broken.yar", "include.yar"]
    assert any("line 2" in p.reason and "missing_name" in p.reason for p in yara.problems)
    assert {f.rule for f in yara.detect(record(b"abcd")) if isinstance(f, Finding)} == {"good", "late", "fine"}


def test_externals_tell_the_file_as_it_was_on_the_server(tmp_path: Path) -> None:
    rules = """rule where { condition:
        filename == "x.aspx" and filepath == "C:\\\\inetpub\\\\wwwroot" and extension == ".aspx" and filetype == "EXE" and owner == "" }"""
    yara = detector(tmp_path, where=rules)
    found = only_finding(list(yara.detect(record(b"MZ..."))))
    assert found.because[0].test == "YARA condition"
    assert list(yara.detect(record(b"MZ...", path="C/inetpub/wwwroot/y.aspx"))) == [], "values of the file before must not stay"


def test_a_server_side_file_is_scanned_once(tmp_path: Path) -> None:
    yara = detector(tmp_path, ours=OURS)
    content = b"marker of the test"
    assert list(yara.detect(record(content, kind="file.entry"))) == [], "it comes as web.file as well"
    assert len(list(yara.detect(record(content, kind="file.entry", path="C/Windows/Temp/x.exe")))) == 1
    assert list(yara.detect(record(content, kind="iis.access"))) == []


def test_what_was_not_scanned_is_a_gap(tmp_path: Path) -> None:
    yara = detector(tmp_path, Limits(bytes=100), ours=OURS)
    found, gap = sorted(yara.detect(record(b"marker of the test" + b"." * 200)), key=lambda r: isinstance(r, Gap))
    assert isinstance(found, Finding)
    assert isinstance(gap, Gap)
    assert (gap.cause, gap.kind) == (Cause.LIMIT, "web.file")
    assert [g.cause for g in yara.detect(record(None)) if isinstance(g, Gap)] == [Cause.SKIPPED]

    def locked() -> contextlib.AbstractContextManager[io.BytesIO]:
        raise PermissionError(13, "Permission denied")

    blocked = Record("web.file", None, {"extension": "aspx"}, Source("e", "x.aspx", "file"), opener=locked)
    assert [(g.cause, "Permission denied" in g.detail) for g in yara.detect(blocked) if isinstance(g, Gap)] == [
        (Cause.UNREADABLE, True)
    ]


def test_a_scan_that_takes_too_long_is_a_gap(tmp_path: Path) -> None:
    slow = "rule slow { condition: for all i in (0..100000000) : ( for all j in (0..1000) : ( uint8(j) + i >= 0 ) ) }"
    results = list(detector(tmp_path, Limits(seconds=1), slow=slow).detect(record(b"\0" * 2000)))
    assert [(g.cause, "1 seconds" in g.detail) for g in results if isinstance(g, Gap)] == [(Cause.LIMIT, True)]


def test_a_panic_of_the_engine_is_a_gap_and_the_next_file_is_scanned(tmp_path: Path, capfd) -> None:
    import yara_x

    yara = detector(tmp_path, ours=OURS)
    made: list[yara_x.Scanner] = []
    ready, done = threading.Event(), threading.Event()

    def make() -> None:
        made.append(yara_x.Scanner(yara_x.compile("rule a { condition: true }")))
        ready.set()
        done.wait(60)
        made.clear()  # it may only be dropped where it was made

    thread = threading.Thread(target=make)
    thread.start()
    ready.wait(60)
    yara._scanners.scanner = made[0]  # of another thread: the engine panics
    results = list(yara.detect(record(b"marker of the test")))
    assert [g.cause for g in results if isinstance(g, Gap)] == [Cause.DAMAGED]
    assert only_finding(list(yara.detect(record(b"marker of the test")))).rule == "inert_page"
    done.set()
    thread.join()
    capfd.readouterr()


def test_it_travels_to_another_process_and_works_in_other_threads(tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(detector(tmp_path, ours=OURS)))
    results: list[Finding | Gap] = list(copy.detect(record(b"marker of the test")))
    thread = threading.Thread(target=lambda: results.extend(copy.detect(record(b"marker of the test"))))
    thread.start()
    thread.join()
    assert [r.rule for r in results if isinstance(r, Finding)] == ["inert_page", "inert_page"]


def test_millions_of_matches_are_counted_no_further_than_the_limit(tmp_path: Path) -> None:
    found = only_finding(list(detector(tmp_path, ours=OURS).detect(record(b"marker of the test " * 100_000))))
    assert "or more" in found.because[0].value


def test_without_rules_nothing_is_wanted_from_a_file(tmp_path: Path) -> None:
    yara = Yara.from_packs([], Host())
    assert list(yara.detect(record(None))) == []
    assert yara.clues("web.file") == frozenset()
    assert detector(tmp_path, ours=OURS).clues("web.file") is None
    assert detector(tmp_path, ours=OURS).clues("iis.access") == frozenset()


def test_rules_that_were_compiled_before_are_asked_for_with_the_first_file_only(tmp_path: Path) -> None:
    store: dict[tuple[bytes, ...], bytes] = {}
    asked: list[bytes] = []

    def kept(parts: Sequence[bytes], make: Callable[[], bytes]) -> bytes:
        asked.append(parts[0])
        return store.setdefault(tuple(parts), store.get(tuple(parts)) or make())

    broken = pack(tmp_path, ours=OURS, broken="rule x { condition: nothing_known }")
    first = Yara.from_packs([broken], Host(), kept)
    assert len(first.problems) == 1
    asked.clear()
    again = Yara.from_packs([broken], Host(), kept)
    assert again.problems == first.problems
    assert asked == [b"complaints"]
    assert list(again.detect(record(b"marker of the test", kind="iis.access"))) == []
    assert asked == [b"complaints"]
    only_finding(list(again.detect(record(b"marker of the test"))))
    only_finding(list(pickle.loads(pickle.dumps(again)).detect(record(b"marker of the test"))))
    assert set(asked[1:]) == {b"rules"}
