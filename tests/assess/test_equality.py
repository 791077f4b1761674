"""The same evidence gives the same result: with and without the sieve, with either engine, in any container and order."""

import importlib.util
import io
import json
import os
import random
import re
import tarfile
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from exhume.assess import sieve
from exhume.assess.run import Options, assess, assess_opened
from exhume.assess.scan import Scanner
from exhume.assess.survey import survey
from exhume.assess.tally import Tally
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import from_memory
from exhume.judge import Case, judge
from exhume.model import Clue, Coverage, Host, Outcome, Part, Tool, Verdict
from exhume.packs import shipped
from exhume.readers import EVERY_FILE, READERS
from exhume.reports import REPORTS
from pretend_server import CLIENT, MAIL, NOON, PERIOD, SESSION, SID, V15, Server, assessed, oab_dump, on, shell, tag

ENGINES = [e for e in sieve.ENGINES if importlib.util.find_spec(e)]
MINUTE = timedelta(minutes=1)


def mixed():
    """Every kind of trace, torn and odd rows, encoded URLs, a page, a dump."""
    server = Server()
    for n, status in enumerate((241, 200, 500, 404, 302)):
        for m, anchor in enumerate((SESSION, SID, MAIL, "Server~ex01.contoso.test:444/ecp/x~1")):
            server.proxy(NOON + (n * 7 + m) * MINUTE, anchor, status, ip=f"203.0.113.{n}")
        for m, stem in enumerate(
            (
                "/aspnet_client/abcdefgh.aspx",
                "/aspnet%5Fclient/abc%64efgh.aspx",
                "/%61spnet_client/%2561.aspx",
                "/OWA/Auth/X.ASPX",
            )
        ):
            server.iis(NOON + (n * 7 + m) * MINUTE, ("GET", "POST")[n % 2], stem, status, query="cmd=wh%6Fami")
    path = "/autodiscover/autodiscover.json"
    for n, query in enumerate(
        (
            "@evil.test/mapi/nspi?&Email=autodiscover/autodiscover.json%3F@evil.test",
            "a=%2561%2Fpowershell@x.test/autodiscover.json",
        )
    ):
        server.iis(NOON + n * MINUTE, "POST", path, 200, query=query)
    hidden = "/%61utodiscover/%61utodiscover%2E%6Ason"  # percent signs in every text that a rule could look for
    server.iis(
        NOON + 50 * MINUTE,
        "POST",
        hidden,
        query="%40ev%69l.test/m%61pi/nsp%69?%26Em%61il=%61utodiscover/%61utodiscover%2E%6Ason%3F%40ev%69l.test",
        ip="203.0.113.77",
    )
    server.ecp(NOON, f"Set-OabVirtualDirectory.ExternalUrl='{tag()}'.Identity='22'", "/ecp/DDI/DDIService.svc/SetObject")
    server.file(CLIENT + "abcdefgh.aspx", shell()).file(CLIENT + "b.aspx", oab_dump(tag()))
    content = server.content()
    for n, name in enumerate(sorted(p for p in content if p.lower().endswith(".log"))):
        if n % 3 == 0:
            content[name] += b"torn \xff\xfe row\r\n\0\0\0\0\0\0\0\0\r\n" + content[name][-40:-9]
    return content


MIXED = mixed()


def essence(result):
    """All of an assessment but when and with what it was made."""
    return (
        {f.id: f for f in result.findings},
        {s.key: s for s in result.coverage.spans},
        sorted(map(str, result.coverage.gaps)),
        sorted(map(str, result.readings)),
        result.answers,
    )


@pytest.fixture(scope="module")
def plainly():
    """Without the sieve: every line parsed."""
    return assessed(MIXED, use_sieve=False)


def test_the_mixed_evidence_is_worth_comparing(plainly):
    assert len({f.trace for f in plainly.singles if f.trace}) >= 12
    assert {g.cause for g in plainly.coverage.gaps if g.kind.startswith(("iis", "exchange"))} >= {"DAMAGED"}


@pytest.mark.parametrize("reader", [r for r in READERS if r.name in ("iis", "httperr", "exchange")], ids=lambda r: r.name)
def test_the_sieve_is_really_in_use(reader):
    """One rule without a text that must stand in its lines switches the sieve off, and the comparison would compare nothing."""
    detectors = tuple(k.from_packs(shipped(), Host()) for k in DETECTORS)
    without = [(type(d).__name__, k) for d in detectors for k in reader.kinds & d.wants if d.clues(k) is None]
    assert without == []


@pytest.mark.parametrize("engine", ENGINES)
def test_findings_and_coverage_are_equal_with_and_without_the_sieve(plainly, engine):
    assert essence(assessed(MIXED, engine=engine)) == essence(plainly)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sieve_names_a_place_in_every_line_that_holds_a_literal(engine):
    noise = random.Random(engine)
    words = ["ServerInfo~", "set-oabvirtualdirectory", "x", "/ecp/y.js", "naïve"]
    built = sieve.build({Clue((frozenset(words),))}, engine)
    lines = [bytes(noise.choices(b"abc /=%\t~", k=noise.randint(0, 60))) for _ in range(500)]
    for i in range(0, 500, 7):
        word = noise.choice(words).encode()
        lines[i] += noise.choice([word, word.upper(), word.lower()]) if word.isascii() else word
    block = b"\n".join(lines)
    found = set()
    for offset in built.candidates(block):
        found.add(block.count(b"\n", 0, offset))
    expected = {i for i, line in enumerate(lines) if any(w.lower().encode() in line.lower() for w in words)}
    assert expected <= found
    assert list(built.candidates(block)) == sorted(built.candidates(block))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_line_is_named_when_one_clue_is_complete(engine):
    clues = {
        Clue((frozenset({"emsmdb", "emsmdbx"}), frozenset({"python", "curl"}), frozenset({"ab"}))),
        Clue((frozenset({"powershell"}), frozenset({"owa"}))),
        Clue((frozenset({"mdbx.powersh"}),)),
    }
    row = "2021-03-03 06:00:00 "
    lines = {
        row + "/mapi/EMSMDB/ Python AB": True,
        row + "/mapi/emsmdb/ Mozilla ab": False,
        row + "/mapi/emsmdb/ cURL": False,
        row + "/PowerShell/ x": False,
        row + "/owa/ /powershell": True,
        row + "/mapi/emsmdbx.powershell/": True,
        row + "/mapi/emsmdb/ %61": True,
        row + '"/mapi/emsmdb/ open': True,  # the rest of the row may stand in the next lines
        "/mapi/emsmdb/ goes on": True,
        '"' + row + '/mapi/emsmdb/"': False,
        "nothing": False,
    }
    block = "\n".join(lines).encode()
    found = {block.count(b"\n", 0, offset) for offset in sieve.build(clues, engine).candidates(block)}
    assert found == {n for n, wanted in enumerate(lines.values()) if wanted}


def test_both_engines_are_tried_here_or_the_report_says_not():
    assert "re2" in ENGINES
    if "hyperscan" not in ENGINES:
        pytest.skip("hyperscan has no wheel for this machine: re2 alone was compared")


def unpacked(content, tmp_path, kind):
    """The same evidence as a folder or an archive."""
    if kind == "folder":
        root = tmp_path / "ex01"
        for path, data in content.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return root
    place = tmp_path / f"ex01.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, data in content.items():
                packed.writestr(path, data)
        return place
    with tarfile.open(place, "w:gz" if kind == "tar.gz" else "w") as packed:
        for path, data in content.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return place


def inside(path):
    return path.rsplit("!/", 1)[-1]


def same_findings(result):
    """Findings by what they say and where inside the container."""
    return sorted(
        (
            f.pack,
            f.rule,
            f.outcome,
            f.count,
            f.first_seen,
            f.last_seen,
            [inside(part) for part in f.subject.split("\x1f")],
            [(inside(s.path), s.at) for s in f.sources],
        )
        for f in (replace(f, first_seen=f.first_seen or NOON, last_seen=f.last_seen or NOON) for f in result.findings)
    )


def covered(result):
    return sorted(
        (s.kind, s.channel, s.server, inside(s.path), s.records, str(s.first), str(s.last)) for s in result.coverage.spans
    )


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_the_container_does_not_matter(tmp_path, plainly, kind):
    result = assess(unpacked(MIXED, tmp_path, kind), options=Options(period=PERIOD, jobs=2))
    assert same_findings(result) == same_findings(plainly)
    assert covered(result) == covered(plainly)
    assert [(a.campaign, a.verdict, a.outcome) for a in result.answers] == [
        (a.campaign, a.verdict, a.outcome) for a in plainly.answers
    ]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_workers_do_not_read_from_each_others_place_in_an_archive(tmp_path, kind):
    """Forked processes share the position in a file that was open before: rows went missing now and then."""
    head = b"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip sc-status\r\n"
    row = "2021-03-03 {:02d}:00:00 GET /{} - 10.0.0.9 200\r\n"
    noise = random.Random(1)
    content = {
        f"C/inetpub/logs/LogFiles/W3SVC1/u_ex{n:06d}.log": head
        + "".join(row.format(h, noise.randbytes(600).hex()) for h in range(24)).encode()
        for n in range(120)
    }
    result = assess(unpacked(content, tmp_path, kind), options=Options(period=PERIOD, jobs=4))
    assert [(s.kind, s.records) for s in result.coverage.spans if s.first] == [("iis.access", 24 * 120)]
    assert [g for g in result.coverage.gaps if g.cause == "DAMAGED"] == []


@pytest.mark.parametrize("kind", ["tar", "zip", "tar.gz"])
def test_an_archive_that_was_entered_is_not_searched_as_a_file(tmp_path, kind):
    """A shell in a plain tar would be found twice: where it lay, and in the archive as a whole."""
    place = unpacked({CLIENT + "abcdefgh.aspx": shell()}, tmp_path, kind)
    result = assess(place, options=Options(period=PERIOD, jobs=1))
    assert {f.source.path for f in result.findings} == {f"ex01.{kind}!/{CLIENT}abcdefgh.aspx"}
    assert [g for g in result.coverage.gaps if g.source and g.source.path == f"ex01.{kind}"] == []


def written(result):
    data = json.loads(next(r for r in REPORTS if r.name == "json").render(result))
    data.pop("generated")
    return data


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_twice_the_same(jobs):
    first = written(assess_opened(from_memory(MIXED), (), Options(period=PERIOD, jobs=1)))
    assert written(assess_opened(from_memory(MIXED), (), Options(period=PERIOD, jobs=jobs))) == first


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_workers_that_start_from_nothing_see_the_same(tmp_path, monkeypatch, kind):
    """On Windows and macOS a worker shares nothing with the process that starts it: all goes to it as bytes."""
    place = unpacked(MIXED, tmp_path, kind)
    first = written(assess(place, options=Options(period=PERIOD, jobs=1)))
    monkeypatch.setattr("exhume.assess.workers.sys", SimpleNamespace(platform="darwin"))
    assert written(assess(place, options=Options(period=PERIOD, jobs=2))) == first


def parts():
    evidence = from_memory(MIXED)
    packs = shipped()
    seen = survey(evidence)
    scanner = Scanner(
        evidence, READERS, EVERY_FILE, tuple(k.from_packs(packs, seen.host) for k in DETECTORS), is_product, "re2"
    )
    return [scanner.scan(path) for path in seen.files], packs, seen.host


def test_the_order_of_files_does_not_matter_and_the_tally_is_the_sum():
    some, packs, host = parts()
    case = Case(Tool("0", "none"), assessed({}).generated, period=PERIOD)
    results = []
    for seed in range(4):
        shuffled = random.Random(seed).sample(some, len(some))
        tally = Tally()
        for part in shuffled:
            tally.add(part)
        for summed in (tally.part(), sum(shuffled, Part())):
            ordered = replace(summed, coverage=Coverage(summed.coverage.spans, tuple(sorted(summed.coverage.gaps, key=str))))
            results.append(essence(judge(ordered, packs, host, case)))
    assert all(r == results[0] for r in results[1:])


def spent() -> float:
    """Seconds of processor time of this process and its workers: a busy machine changes nothing."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def test_a_hundred_thousand_probes_are_one_finding_with_a_count():
    content = Server().content()
    path = next(p for p in content if "W3SVC1" in p and "210303" in p)
    row = "2021-03-03 {:%H:%M:%S} 10.0.0.1 GET /aspnet_client/abcdefgh.aspx - 443 - 203.0.113.9 Mozilla/5.0 - 404 0 0 15\r\n"
    start = NOON.replace(hour=0)
    rows = [row.format(start + timedelta(seconds=n % 86_400)) for n in range(100_000)]
    content[path] += "".join(rows).encode()
    started = spent()
    result = assessed(content)
    took = spent() - started
    (found,) = (f for f in result.singles if f.trace == "WS-c")
    assert (found.count, found.outcome, len(found.sources)) == (100_000, Outcome.PROBE, 20)
    assert (found.first_seen, found.last_seen) == (start, start + timedelta(seconds=86_399))
    assert on("webshell", result).verdict == Verdict.NO_TRACE
    assert took < 60
    pages = {r.name: len(r.render(result)) for r in REPORTS}
    assert max(pages.values()) < 2_000_000, pages


def test_a_scan_from_many_addresses_stays_small():
    content = Server().content()
    path = next(p for p in content if "W3SVC1" in p and "210303" in p)
    row = "2021-03-03 12:00:{:02d} 10.0.0.1 GET /aspnet_client/abcdefgh.aspx - 443 - 100.{}.{}.{} Mozilla/5.0 - 404 0 0 15\r\n"
    content[path] += "".join(row.format(n % 60, n >> 16, n >> 8 & 255, n & 255) for n in range(10_000)).encode()
    result = assessed(content)
    probes = [f for f in result.singles if f.trace == "WS-c"]
    assert sum(f.count for f in probes) == 10_000
    assert len(probes) < 2_100
    assert [g for g in result.coverage.gaps if g.kind == "finding" and re.search("more than 2000", g.detail)]


def test_a_real_path_never_reaches_the_result(tmp_path):
    result = assess(unpacked(MIXED, tmp_path, "folder"), options=Options(period=PERIOD, jobs=2))
    for report in REPORTS:
        assert str(tmp_path).encode() not in report.render(result), report.name
    assert Path(V15).name == "V15"
