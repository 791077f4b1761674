"""A page's times against those of the pages beside it. The trees are made up."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from exhume.model import File, Record
from exhume.model.kinds import SERVER_SIDE as COMPARED
from exhume.readers.neighbours import LOOKED, times_beside
from exhume.readers.webfile import WebFile

AUTH = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth/"
PORTAL = "C/inetpub/wwwroot/portal/"
SHIPPED = ("logon.aspx", "logoff.aspx", "errorfe.aspx", "expiredpassword.aspx", "signout.aspx")
OTHERS = tuple(f"part{n}.aspx" for n in range(5))
INSTALLED = datetime(2019, 10, 20, 9, 0, 3, tzinfo=UTC)
BUILT = datetime(2019, 9, 2, 3, 4, 5, tzinfo=UTC)
ATTACK = datetime(2021, 3, 3, 6, 49, 53, tzinfo=UTC)


def built(number: int) -> datetime:
    """Times of pages that were built over half a year."""
    return BUILT - timedelta(days=45 * number, seconds=number)


def look(
    created: datetime | None,
    modified: datetime | None,
    folder: str = AUTH,
    names: tuple[str, ...] = SHIPPED,
    name: str = "new.aspx",
    **times: object,
) -> tuple[str, ...]:
    made, changed = times.get("made", INSTALLED), times.get("changed", built)
    beside = [
        File(
            "e", folder + n, created=made(i) if callable(made) else made, modified=changed(i) if callable(changed) else changed
        )
        for i, n in enumerate(names)
    ]
    page = File("e", folder + name, created=created, modified=modified)
    return times_beside(File("e", page.path, "", None, modified, created, neighbours=lambda: [*beside, page]), COMPARED)


def test_a_page_that_was_made_long_after_the_installation():
    (told,) = look(ATTACK, ATTACK)
    assert told == (
        "made 2021-03-03, 499 days after 5 of the 5 pages of Exchange beside it, which are all of 2019-10-20; "
        "in these days servers were broken into in masses (ProxyLogon)"
    )
    later = ATTACK + timedelta(days=200)
    assert "masses" not in look(later, later)[0]


@pytest.mark.parametrize("folder", [PORTAL, AUTH])
def test_without_pages_of_exchange_all_pages_of_the_folder_are_compared(folder):
    (told,) = look(ATTACK, ATTACK, folder, OTHERS)
    assert "after 5 of the 5 other pages of its folder" in told


def test_times_of_change_speak_where_nobody_knows_when_the_files_were_made():
    (told,) = look(None, ATTACK, made=None)
    assert told.startswith("last changed 2021-03-03, 548 days after 5 of the 5 pages of Exchange beside it;")


def test_a_copy_that_kept_the_times_of_change_only():
    """Windows: all files were made on the day of the copy."""
    copied = datetime(2021, 4, 1, tzinfo=UTC)
    (told,) = look(copied, ATTACK, made=lambda n: copied + timedelta(seconds=n))
    assert told.startswith("last changed 2021-03-03")
    assert look(copied, built(1) + timedelta(hours=1), made=copied) == ()


@pytest.mark.parametrize("copied", [ATTACK, datetime(2024, 1, 1, tzinfo=UTC)])
def test_a_copy_that_lost_all_times_says_nothing(copied):
    assert look(copied, copied, made=copied, changed=copied) == ()
    slow = {"made": lambda n: copied + timedelta(hours=n), "changed": lambda n: copied + timedelta(hours=n)}
    assert look(copied, copied, **slow) == ()
    assert look(None, copied, made=None, changed=copied) == ()


def test_a_page_with_an_older_change_than_its_making_has_two_explanations():
    told = look(ATTACK, BUILT + timedelta(days=3))
    assert [t.partition(",")[0] for t in told] == ["made 2021-03-03", "last changed 2019-09-05"]
    assert "copied with its time, or the time was set back" in told[1]
    # pages of Exchange are all changed before they are made: set-up copies them
    assert look(INSTALLED, BUILT - timedelta(days=3)) == ()


def test_a_time_that_was_taken_from_another_page():
    told = look(ATTACK, built(2))
    assert "in the same second as a page beside it: copied together, or its time was set" in told[-1]
    assert "same second" in " ".join(look(None, built(2), made=None))
    assert look(None, built(2) + timedelta(seconds=2), made=None) == ()
    # where all are of one second, or of one day, it says nothing
    assert look(None, BUILT, made=None, changed=BUILT) == ()
    assert look(None, BUILT, made=None, changed=lambda n: BUILT + timedelta(minutes=n)) == ()


@pytest.mark.parametrize(("updated", "said"), [(0, True), (1, True), (2, False)])
def test_an_update_of_some_pages_leaves_no_majority(updated, said):
    again = [ATTACK - timedelta(days=1) if n < updated else built(n) for n in range(5)]
    told = look(None, ATTACK, made=None, changed=lambda n: again[n])
    assert bool(told) is said
    assert not said or f"after {5 - updated} of the 5 pages" in told[0]


def test_few_neighbours_or_none_say_nothing():
    assert look(ATTACK, ATTACK, PORTAL, OTHERS[:2]) == ()
    assert len(look(ATTACK, ATTACK, PORTAL, OTHERS[:3])) == 1
    assert look(ATTACK, ATTACK, made=None, changed=None) == ()
    assert look(None, None) == ()
    assert times_beside(File("e", AUTH + "new.aspx", created=ATTACK, modified=ATTACK), COMPARED) == ()
    # pictures are no pages, and settings are rewritten by set-up
    assert look(ATTACK, ATTACK, PORTAL, ("a.gif", "b.gif", "c.js", "web.config")) == ()
    assert look(ATTACK, ATTACK, name="web.config") == ()


@pytest.mark.parametrize(("days", "said"), [(89, False), (90, True)])
def test_less_than_three_months_are_no_difference(days, said):
    later = INSTALLED + timedelta(days=days)
    assert bool(look(later, BUILT + timedelta(hours=1))) is said
    assert bool(look(None, BUILT + timedelta(days=days), made=None, changed=lambda n: BUILT - timedelta(days=n % 2))) is said


def test_only_so_many_files_of_a_folder_are_looked_at():
    many = tuple(f"{n:05}.txt" for n in range(LOOKED))
    assert look(ATTACK, ATTACK, PORTAL, (*many, *OTHERS)) == ()


@pytest.mark.parametrize("year", [1, 1601, 9999])
def test_absurd_times_raise_nothing(year):
    odd = datetime(year, 1, 1, tzinfo=UTC)
    look(odd, odd)
    look(ATTACK, ATTACK, made=odd, changed=odd)
    look(odd, ATTACK, changed=odd)


def test_the_reader_puts_it_into_the_record():
    page = File("e", AUTH + "new.aspx", created=ATTACK, modified=ATTACK)
    beside = [File("e", AUTH + n, created=INSTALLED, modified=INSTALLED) for n in SHIPPED]
    placed = File("e", page.path, "", None, ATTACK, ATTACK, neighbours=lambda: beside)
    for file, fields in ((placed, True), (page, False)):
        records = [r for r in WebFile().read(io.BytesIO(b"<p>x</p>"), file, None) if isinstance(r, Record)]
        assert [bool(r.text("times")) for r in records] == [fields]
