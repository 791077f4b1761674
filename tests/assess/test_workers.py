"""A worker that dies, hangs or eats memory costs one file, and a ``Gap`` says so."""

import io
import os
import tarfile
import time

import pytest

from exhume import readers
from exhume.assess.run import Options, assess_opened
from exhume.assess.workers import Limits
from exhume.evidence import from_memory
from exhume.model import Cause, Verdict
from exhume.readers import READERS
from pretend_server import NOON, PERIOD, SESSION, UNTIL, Server, on, traces

VICTIM = "C/inetpub/logs/LogFiles/W3SVC1/odd.log"


class Odd:
    """A reader that does what its file says."""

    name = "odd"
    kinds = frozenset({"iis.access"})
    streams = True

    def recognises(self, head, file):
        return head.startswith(b"ODD ")

    def expects(self, file):
        return False

    def read(self, stream, file, sieve):
        order = stream.read(9)[4:]
        if order == b"dies.":
            os._exit(9)
        elif order == b"hangs":
            time.sleep(600)
        elif order == b"eats.":
            kept = []
            for _ in range(400):
                kept.append(b"\x01" * (8 << 20))
                time.sleep(0.01)
        elif order == b"fails":
            raise KeyError("what an attacker wrote")
        elif order == b"memor":
            raise MemoryError
        yield from ()
        return []


@pytest.fixture(autouse=True)
def _odd(monkeypatch):
    monkeypatch.setattr(readers, "READERS", (Odd(), *READERS))


def content():
    return Server().proxy(NOON, SESSION, 241).proxy(UNTIL, SESSION, 241).content()


def scanned(evidence, jobs=2, **limits):
    options = Options(period=PERIOD, jobs=jobs, limits=Limits(**limits))
    return assess_opened(from_memory(evidence), (), options)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("order", "cause", "words"),
    [
        (b"dies.", Cause.LIMIT, "died (exit code 9)"),
        (b"hangs", Cause.LIMIT, "longer than 1 s"),
        (b"eats.", Cause.LIMIT, "more than 500 MiB"),
        (b"fails", Cause.DAMAGED, "gave up on it (KeyError)"),
        (b"memor", Cause.LIMIT, "more memory"),
    ],
)
def test_one_file_is_lost_and_told_and_the_others_are_kept(order, cause, words, jobs):
    started = time.monotonic()
    result = scanned(content() | {VICTIM: b"ODD " + order}, jobs, seconds=1 if order == b"hangs" else 60, memory=500 << 20)
    assert time.monotonic() - started < 30
    (gap,) = (g for g in result.coverage.gaps if g.source and g.source.path == VICTIM)
    assert gap.cause == cause
    assert words in gap.detail
    assert "attacker" not in gap.detail
    assert "PL-855-d" in traces(result)
    assert sum(f.count for f in result.singles if f.trace == "PL-855-d") == 2
    (span,) = (s for s in result.coverage.spans if s.kind == "iis.access" and s.channel == "W3SVC1")
    assert span.records == 96


@pytest.mark.parametrize("order", [b"dies.", b"hangs", b"fails"])
def test_a_lost_log_of_a_needed_kind_blocks_no_trace(order):
    result = scanned(Server().content() | {VICTIM: b"ODD " + order}, 1, seconds=1)
    assert on("webshell", result).verdict == Verdict.CANNOT_TELL


def test_the_members_after_the_one_that_kills_are_read():
    """A tar.gz is one portion that is read in order: what died is left out, the rest goes to a new worker."""
    out = io.BytesIO()
    members = [("0/" + VICTIM, b"ODD dies."), *content().items(), ("9/" + VICTIM, b"ODD dies.")]
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for path, data in members:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    result = scanned({"ex01.tar.gz": out.getvalue()})
    assert len([g for g in result.coverage.gaps if "died" in g.detail]) == 2
    assert sum(f.count for f in result.singles if f.trace == "PL-855-d") == 2


def test_many_that_die_do_not_stop_the_run():
    result = scanned(content() | {f"{VICTIM}.{n}": b"ODD dies." for n in range(20)})
    assert len([g for g in result.coverage.gaps if "died" in g.detail]) == 20
    assert "PL-855-d" in traces(result)


def test_the_time_limit_grows_with_the_size():
    limits = Limits(seconds=10)
    assert (limits.time_for(None), limits.time_for(0), limits.time_for(20 << 20)) == (10, 10, 30)


def test_no_process_is_left_behind():
    import psutil

    before = {p.pid for p in psutil.Process().children(recursive=True)}
    scanned(content() | {VICTIM: b"ODD hangs"}, 2, seconds=1)
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before and p.status() != psutil.STATUS_ZOMBIE]
    assert left == []
