"""The engine is tried once on a processor; what did not run is tried again."""

import subprocess

import pytest

from exhume.assess import sieve

pytest.importorskip("hyperscan")


@pytest.fixture
def shelf(monkeypatch):
    held = {}

    def kept(what, make):
        key = tuple(what)
        if key not in held:
            held[key] = make()
        return held[key]

    monkeypatch.setattr(sieve, "kept", kept)
    return held


def chosen(monkeypatch, code):
    """The engine of a fresh start, and how often it was tried in a child that ends with this code."""
    tried = []
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: tried.append(a) or subprocess.CompletedProcess(a, code))
    sieve.default_engine.cache_clear()
    try:
        return sieve.default_engine(), len(tried)
    finally:
        sieve.default_engine.cache_clear()


def test_what_ran_once_is_not_tried_again_on_the_same_processor(shelf, monkeypatch):
    assert chosen(monkeypatch, 0) == ("hyperscan", 1)
    assert chosen(monkeypatch, 0) == ("hyperscan", 0)
    monkeypatch.setattr(sieve, "processor", lambda: b"another, with which the cache folder is shared")
    assert chosen(monkeypatch, -4) == ("re2", 1)


def test_what_did_not_run_is_tried_again(shelf, monkeypatch):
    assert chosen(monkeypatch, -4) == ("re2", 1)
    assert shelf == {}
    assert chosen(monkeypatch, 0) == ("hyperscan", 1)


def test_the_processor_is_told_apart():
    assert sieve.processor() == sieve.processor()
    assert len(sieve.processor()) > 3
