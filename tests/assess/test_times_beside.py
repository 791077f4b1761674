"""A page's times against its neighbours', through the whole scan: they word a finding that is there already, and make none."""

from __future__ import annotations

import os
import tarfile
from datetime import UTC, datetime

import pytest

from exhume.assess.run import Options, assess

AUTH = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth"
PAGES = ("logon.aspx", "logoff.aspx", "errorFE.aspx", "expiredpassword.aspx")
BUILT = datetime(2019, 9, 2, tzinfo=UTC).timestamp()
ATTACK = datetime(2021, 3, 3, 6, 49, 53, tzinfo=UTC).timestamp()


def server(place, late=ATTACK, usual=BUILT):
    folder = place / "server" / AUTH
    folder.mkdir(parents=True)
    for name in (*PAGES, "lqv.aspx"):
        page = folder / name
        page.write_text(f"<p>{name}</p>")
        time = late if name == "lqv.aspx" else usual
        os.utime(page, (time, time))
    return place / "server"


def tarred(folder):
    with tarfile.open(folder.parent / "server.tar.gz", "w:gz") as archive:
        archive.add(folder, ".")
    return folder.parent / "server.tar.gz"


def findings(evidence):
    result = assess(evidence, options=Options(jobs=1))
    return {f.subject.rpartition("/")[2]: f for f in result.singles if f.rule.startswith("baseline.")}


def times(finding):
    return [b.value for b in finding.because if b.field == "times"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_page_that_came_later_says_so(tmp_path, packed):
    folder = server(tmp_path)
    found = findings(tarred(folder) if packed else folder)
    (told,) = times(found["lqv.aspx"])
    assert told.startswith("last changed 2021-03-03, 548 days after 4 of the 4 pages of Exchange beside it, which are all of")
    assert "ProxyLogon" in told
    assert [times(found[name]) for name in PAGES] == [[]] * 4


def test_times_make_no_finding_and_change_none(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    late, copied = findings(server(tmp_path / "a")), findings(server(tmp_path / "b", ATTACK, ATTACK))
    assert times(copied["lqv.aspx"]) == []
    assert times(late["lqv.aspx"]) != []
    assert [(n, f.rule, f.severity, f.confidence, f.outcome) for n, f in late.items()] == [
        (n, f.rule, f.severity, f.confidence, f.outcome) for n, f in copied.items()
    ]
