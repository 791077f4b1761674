"""The drawing of builds and open flaws: what stands where, on a wide page and on a telephone."""

from dataclasses import replace
from datetime import date

import pytest
from sample import at, quiet

from exhume.model import Coverage, Exposure, Reading, Source, State
from exhume.reports.html.flaws import MOST_FLAWS, NARROW, WIDE, chart, charts
from exhume.reports.html.page import page

SOURCE = Source("0", "SOFTWARE", "file")


def told(what, value, day, trust="exact"):
    return Reading(what, value, date.fromisoformat(day), trust, SOURCE)


def server(*readings, exposure=None):
    entries = exposure or (
        Exposure("CVE-2021-26855", State.VULNERABLE, "below", date(2021, 1, 3), date(2021, 3, 8)),
        Exposure("CVE-2021-26855", State.FIXED, "fixed", date(2021, 3, 9), None),
    )
    return replace(quiet(), exposure=entries, readings=readings, coverage=Coverage(), generated=at("2021-03-31T00:00:00"))


BUILD = told("build", "15.1.2176.2", "2021-01-01", "cu")


@pytest.mark.parametrize("frame", [WIDE, NARROW], ids=lambda f: f.name)
def test_the_open_days_end_where_the_update_stands(frame):
    drawn = chart(server(BUILD, told("update", "KB5000871", "2021-03-09")), frame)
    open_, fixed = drawn.lanes[1].stretches
    (mark,) = drawn.marks
    assert (open_.state, fixed.state) == ("vulnerable", "fixed")
    assert open_.x + open_.width == pytest.approx(fixed.x, abs=0.1)
    assert mark == (fixed.x, "2021-03-09: KB5000871 installed")
    assert frame.label < open_.x < fixed.x < fixed.x + fixed.width <= frame.label + frame.wide + 0.1


def test_a_new_build_is_a_change_and_a_hint_is_none():
    later = told("build", "15.1.2242.4", "2021-03-16", "cu")
    drawn = chart(server(BUILD, later, told("install", "C:\\Exchange", "2021-03-01", "hint")))
    assert drawn.named == ("2021-03-16: build 15.1.2242.4",)


def test_the_builds_of_several_servers_are_not_changes():
    to_and_fro = [told("build", ("15.1.2176.2", "15.2.792.3")[n % 2], f"2021-01-{n + 1:02}", "cu") for n in range(20)]
    assert chart(server(*to_and_fro)).marks == ()


def test_the_same_update_from_three_places_is_named_once():
    update = told("update", "KB5000871", "2021-03-09")
    drawn = chart(server(BUILD, update, replace(update, source=Source("0", "x.evtx", "record 1"))))
    assert len(drawn.marks) == 1


def test_many_flaws_leave_room_for_the_open_ones():
    fixed = [Exposure(f"CVE-2018-{n:04}", State.FIXED, "fixed", date(2018, 1, 1), None) for n in range(50)]
    open_ = Exposure("CVE-2021-26855", State.VULNERABLE, "below", date(2021, 1, 3), None)
    drawn = chart(server(BUILD, exposure=(*fixed, open_)))
    assert [lane.name for lane in drawn.lanes][:2] == ["Build", "CVE-2021-26855"]
    assert (len(drawn.lanes), drawn.flaws) == (MOST_FLAWS + 1, 51)


def test_both_are_in_the_page_with_names_of_their_own():
    a = server(BUILD, told("update", "KB5000871", "2021-03-09"))
    text = page(a).decode()
    assert [c.frame for c in charts(a)] == [WIDE, NARROW]
    for frame in ("wide", "narrow"):
        assert text.count(f'id="t-flaws-{frame}"') == 1
    assert text.count('<li><i class="key e-mark"></i>2021-03-09: KB5000871 installed</li>') == 1
