"""A log that several processes read in slices says what it says when one reads all of it."""

from __future__ import annotations

import gzip
import random

import pytest
import zstandard

from exhume.assess import tasks as division
from exhume.assess import workers
from exhume.assess.run import Options, assess_opened
from exhume.assess.scan import Scanner
from exhume.assess.tally import Tally
from exhume.assess.tasks import Task, joined, tasks
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import from_memory, open_evidence
from exhume.model import File, Host
from exhume.packs import shipped
from exhume.readers import EVERY_FILE, READERS

PATH = "C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"
FIELDS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken"
SHORT = "date time cs-method cs-uri-stem c-ip sc-status"
SOFTWARE = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 00:00:00\r\n#Fields: "


def log(seed: int, rows: int) -> bytes:
    """Header changes, an attack, torn rows, rows with NUL bytes and a byte order mark, comments amid rows, an end cut off."""
    draw = random.Random(seed)
    out = [SOFTWARE + FIELDS + "\r\n"]
    long = True
    for number in range(rows):
        time = f"2021-03-03 {number * 24 // rows:02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
        path = draw.choice(
            ["/owa/", "/ecp/default.aspx", "/ews/exchange.asmx", "/aspnet_client/x.aspx", "/owa/auth/Current/y.js"]
        )
        address = draw.choice(["198.51.100.9", "203.0.113.50"])
        method = draw.choice(["GET", "POST"])
        if long:
            row = f"{time} 10.0.0.5 {method} {path} - 443 - {address} python-requests/2.25 200 0 0 15"
        else:
            row = f"{time} {method} {path} {address} 200"
        kind = draw.randrange(60)
        if kind == 0:
            row = row[: draw.randrange(len(row))]
        elif kind == 1:
            row = row[:50] + "\0" * draw.choice([1, 40]) + row[50:]
        elif kind == 2:
            long = not long
            row = SOFTWARE + (FIELDS if long else SHORT)
        elif kind == 3:
            row = "\ufeff" + SOFTWARE + (FIELDS if long else SHORT)
        elif kind == 4:
            row = "# an administrator was here"
        elif kind == 5:
            row += " \u00ef\u00bb\u00bf \uff21"
        out.append(row + "\r\n")
    return "".join(out).encode()[:-30]


def scanner(content: dict[str, bytes]) -> Scanner:
    detectors = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)
    return Scanner(from_memory(content), READERS, EVERY_FILE, detectors, is_product)


def said(part):
    """But for the count of rows lost to NUL bytes, which each slice rounds down."""
    gaps = {(g.detail.rpartition(": ")[0] or g.detail, g.source, g.count) for g in part.coverage.gaps if "lost" not in g.detail}
    return {f.key: f for f in part.findings}, part.readings, part.coverage.spans, gaps


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("of", [2, 3, 7])
def test_slices_together_say_what_the_file_says(seed, of):
    content = {PATH: log(seed, 900)}
    whole, cut = scanner(content), scanner(content)
    parts = [cut.work(Task(PATH, number, of)) for number in range(of)]
    assert sum(bool(part.coverage.spans) for part in parts) > 1, "else one read it all"
    assert said(joined(parts)) == said(_summed(whole.scan(PATH)))


def _summed(part):
    tally = Tally()
    tally.add(part)
    return tally.part()


def test_a_log_without_header_is_told_once():
    content = {PATH: log(1, 400).partition(b"15\r\n")[2]}
    cut = scanner(content)
    part = joined([cut.work(Task(PATH, number, 3)) for number in range(3)])
    assert said(part) == said(_summed(scanner(content).scan(PATH)))
    assert sum("header" in gap.detail for gap in part.coverage.gaps) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#",
        log(2, 3),
        "\ufeff".encode() + log(3, 40),
        log(4, 60).decode().encode("utf-16"),
        log(5, 60).replace(b"\n", b""),
        b"\0" * 5000,
    ],
)
def test_small_empty_and_strange_files_are_cut_without_harm(data):
    content = {PATH: data}
    cut = scanner(content)
    part = joined([cut.work(Task(PATH, number, 5)) for number in range(5)])
    assert said(part) == said(_summed(scanner(content).scan(PATH)))


@pytest.mark.parametrize("name", [f"{PATH}.zst", f"{PATH}.gz"])
def test_a_packed_log_that_can_only_be_read_forward_is_read_whole(tmp_path, name):
    """Its first slice reads it; nothing is lost because it cannot be cut."""
    place = tmp_path / name.rpartition("/")[2]
    data = log(6, 500)
    place.write_bytes(zstandard.ZstdCompressor().compress(data) if name.endswith("zst") else gzip.compress(data))
    detectors = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)
    found = Scanner(open_evidence([place]), READERS, EVERY_FILE, detectors, is_product)
    (path,) = (f.path for f in found.evidence.files() if isinstance(f, File) and f.path.endswith(".log"))
    part = joined([found.work(Task(path, number, 3)) for number in range(3)])
    assert part.coverage.spans
    assert said(part) == said(_summed(found.scan(path)))


def test_a_border_that_finds_no_line_leaves_the_rest_to_the_slice_before(monkeypatch):
    """And to no other one: a file may hold megabytes that were never written."""
    monkeypatch.setattr(division, "LONGEST", 1)
    rows = log(8, 900)
    middle = rows.index(b"\n", len(rows) // 2) + 1
    content = {PATH: rows[:middle] + b"\0" * 300_000 + b"\r\n" + rows[middle:]}
    cut = scanner(content)
    parts = [cut.work(Task(PATH, number, 6)) for number in range(6)]
    assert said(joined(parts)) == said(_summed(scanner(content).scan(PATH)))


def test_a_line_over_a_border_belongs_to_the_slice_in_which_it_begins():
    content = {PATH: log(3, 300)}
    rows = [scanner(content).work(Task(PATH, number, 4)).coverage.spans for number in range(4)]
    whole = scanner(content).scan(PATH).coverage.spans
    assert sum(s.records for spans in rows for s in spans) == sum(s.records for s in whole)


def test_an_assessment_in_slices_is_the_same(tmp_path, monkeypatch):
    """Through processes, the second look included."""
    place = tmp_path / "u_ex210303.log"
    place.write_bytes(log(7, 4000))
    alone = assess_opened(open_evidence([place]), (), Options(jobs=1))
    monkeypatch.setattr(division, "WORTH", 1 << 16)
    used = []
    monkeypatch.setattr(workers, "tasks", lambda *given: used.extend(tasks(*given)) or tasks(*given))
    together = assess_opened(open_evidence([place]), (), Options(jobs=3))
    assert max(task.of for portion in used for task in portion) == 3
    assert together.findings == alone.findings
    assert together.coverage.spans == alone.coverage.spans
    assert together.intrusions == alone.intrusions


def test_a_slice_whose_process_dies_costs_that_slice(tmp_path, monkeypatch):
    place = tmp_path / "u_ex210303.log"
    place.write_bytes(log(7, 4000))
    monkeypatch.setattr(division, "WORTH", 1 << 16)
    real = Scanner.work

    def dying(self, task):
        if task.number == 1:
            import os

            os._exit(7)
        return real(self, task)

    monkeypatch.setattr(Scanner, "work", dying)
    found = assess_opened(open_evidence([place]), (), Options(jobs=3, pivot=False))
    assert any("part 2 of 3 of this file was assessed" in gap.detail for gap in found.coverage.gaps)
    assert found.findings
    assert found.coverage.spans


def test_only_what_would_keep_one_worker_busy_is_cut():
    def file(path, size):
        return File("e", path, path, size, None, None, None)

    files = {p: file(p, s << 20) for p, s in {"big.log": 900, "a.log": 100, "b.log": 90, "in.zip!/big.log": 900}.items()}
    planned = tasks([(p,) for p in files], files, 4)
    assert {(t.path, t.of) for portion in planned for t in portion} == {
        ("big.log", 4),
        ("a.log", 1),
        ("b.log", 1),
        ("in.zip!/big.log", 1),
    }
    sizes = [sum(files[t.path].size // t.of for t in portion) for portion in planned]
    assert sizes == sorted(sizes, reverse=True)
    many = {str(n): file(str(n), 1 << 10) for n in range(1000)} | {"big": file("big", 1 << 20)}
    planned = tasks([(p,) for p in many], many, 2)
    assert sorted(t.path for portion in planned for t in portion) == sorted(many), "each once"
    assert planned[0] == (Task("big"),)
    assert 10 < max(map(len, planned)) <= division.MOST
    even = {str(n): file(str(n), 100 << 20) for n in range(9)}
    assert all(t.of == 1 for portion in tasks([(p,) for p in even], even, 2) for t in portion)
