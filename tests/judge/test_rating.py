"""One version, all flaws: every row of the table of fixes against what is said of its builds."""

from datetime import date
from functools import cache

import pytest

from exhume.judge.exposure import Catalogue
from exhume.judge.exposure.rating import Rater, Rating
from exhume.judge.exposure.states import VERIFY
from exhume.model import State, dotted, read_version
from exhume.packs import build_tables, read_tables
from hand_readings import packs, told

TABLES = build_tables()
CVES = sorted({f.cve for f in TABLES.fixes})
TODAY = date(2026, 11, 24)
SEEN = {p.entry_cve: p.first_exploited for p in packs() if p.entry_cve}


@cache
def catalogue() -> Catalogue:
    return Catalogue(TABLES)


@cache
def rater(day: date = TODAY) -> Rater:
    return Rater(TABLES, day, SEEN)


def rate(version: str, day: date = TODAY, **options: bool) -> Rating:
    parsed = read_version(version)
    assert parsed is not None, version
    found = rater(day).rate(parsed, **options)
    assert found is not None, version
    return found


def state(version: str, cve: str, **options) -> State:
    return next(r.state for f, r in rate(version, **options).rulings.items() if f.cve == cve)


def why(version: str, cve: str) -> str:
    return next(r.why for f, r in rate(version).rulings.items() if f.cve == cve)


def flaw(cve):
    return next(f for f in catalogue().flaws if f.cve == cve)


@pytest.mark.parametrize("cve", CVES)
def test_the_build_of_a_row_is_fixed_and_the_next_lower_one_is_not(cve):
    looked_at = 0
    for fix in (f for f in TABLES.fixes if f.cve == cve):
        assert catalogue().rule(flaw(cve), catalogue().at(fix.first_fixed)).state == State.FIXED, fix
        lower = [b for b in TABLES.builds if (b.product, b.cu) == (fix.product, fix.cu) and b.parts < fix.first_fixed]
        if lower and "not established" not in fix.notes:
            assert catalogue().rule(flaw(cve), lower[-1]).state == State.VULNERABLE, fix
        looked_at += 1
    assert looked_at


@pytest.mark.parametrize("cve", CVES)
def test_three_parts_are_fixed_open_or_unknown(cve):
    """Fixed if the CU's first build is, open if its last one is not, else unknown. (In 2010 three parts tell the rollup.)"""
    for fix in (f for f in TABLES.fixes if f.cve == cve and f.product != "2010"):
        family = [b for b in TABLES.builds if (b.product, b.cu) == (fix.product, fix.cu)]
        three = dotted(family[0].parts[:3])
        fixed = [b.parts >= fix.first_fixed for b in family]
        expected = State.FIXED if all(fixed) else State.UNKNOWN if any(fixed) else State.VULNERABLE
        if expected == State.FIXED and flaw(cve).settings:
            assert (state(three, cve), why(three, cve).partition(":")[0]) == (State.UNKNOWN, VERIFY), fix
        else:
            assert state(three, cve) == expected, fix


def test_the_march_update_and_the_display_version():
    assert state("15.1.2176.9", "CVE-2021-26855") == State.FIXED
    assert state("15.1.2176.9", "CVE-2021-34473") == State.VULNERABLE
    for text in ("Version 15.1 (Build 2176.2)", "version 15.1 (build 32176.2)", "15.1.32176.2", "15.01.2176"):
        assert state(text, "CVE-2021-26855") == State.UNKNOWN, text
        assert state(text, "CVE-2020-0688") == State.FIXED, text
    assert state("15.1.2176.9", "CVE-2021-26855", cumulative_only=True) == State.FIXED, "at least that update"
    assert state("15.1.2176.7", "CVE-2021-26855", cumulative_only=True) == State.UNKNOWN


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("15.01.2375.007", (15, 1, 2375, 7)),
        ("15.1.1913.10", (15, 1, 1913, 10)),
        (" 15.1.1913.1 ", (15, 1, 1913, 1)),
        ("15.1", None),
        ("15.1.1.1.1", None),
        ("1.5e1", None),
        ("15,1,2176,9", None),
        ("１５.1.2176.9", None),
        ("15.1.2176.9\n15.1.2176.2", None),
        ("=15.1.2176.9", None),
        ("15.1.999999.1", None),
        ("", None),
    ],
)
def test_a_version_is_text_and_never_a_float(text, parts):
    found = read_version(text)
    assert (found.parts if found else None) == parts


def test_1913_10_is_not_1913_1():
    assert state("15.1.1913.10", "CVE-2021-26855") == State.VULNERABLE
    assert state("15.1.1913.12", "CVE-2021-26855") == State.FIXED
    assert rate("15.1.1913.10").update != rate("15.1.1913.1").update


def test_a_build_between_two_updates_is_judged_by_its_place():
    between = rate("15.1.2176.10")
    assert "No table has this build" in between.note
    assert state("15.1.2176.10", "CVE-2021-26855") == State.FIXED
    assert state("15.1.2176.10", "CVE-2021-28480") == State.VULNERABLE


def test_versions_that_share_a_rating_have_the_same_states():
    fresh = Catalogue(TABLES)
    for parts in (
        [(15, 1, 1415, n) for n in range(14)] + [(15, 1, 2176, n) for n in range(20)] + [(15, 2, 2562, n) for n in range(60)]
    ):
        shared = rate(dotted(parts)).rulings
        alone = {f.cve: fresh.rule(f, fresh.at(parts)).state for f in fresh.flaws}
        assert {f.cve: r.state for f, r in shared.items() if not f.settings} == {
            c: s for c, s in alone.items() if not flaw(c).settings
        }


def test_no_such_cumulative_update():
    for text in ("15.1.2177.1", "8.3.83.6", "16.0.1.1", "15.2.9999.1"):
        assert rater().rate(read_version(text)) is None, text


def test_a_preview_is_unknown():
    assert {r.state for r in rate("15.2.196.0").rulings.values()} == {State.UNKNOWN}
    assert {r.state for r in rate("15.2.196").rulings.values()} == {State.UNKNOWN}


def test_on_a_day_only_what_was_known_then_counts():
    then = rate("15.1.2176.2", date(2021, 3, 1))
    assert {f.cve for f in then.rulings} >= {"CVE-2021-26855", "CVE-2020-0688"}, "in use before it was published"
    assert "CVE-2021-27065" not in {f.cve for f in then.rulings}
    assert then.support_ended is None
    assert next(r.state for f, r in rate("15.1.2176", date(2021, 3, 1)).rulings.items() if f.cve == "CVE-2021-26855") == (
        State.VULNERABLE
    ), "no build with the fix had come out"
    assert "after the day asked for" in rate("15.1.2242.4", date(2021, 3, 1)).note


def test_out_of_support():
    assert rate("15.0.1497.48").support_ended == date(2023, 4, 11)
    assert rate("15.2.2562.17").support_ended is None
    assert "Unknown, unsupported" in why("15.0.1497.48", "CVE-2024-21410")
    assert state("14.3.513.0", "CVE-2021-26855") == State.UNKNOWN


def test_a_flaw_of_another_product():
    """CVE-2020-17144 is one of Exchange 2010 only, and Exchange 2016 was in support then."""
    assert state("15.1.2106.2", "CVE-2020-17144") == State.NOT_APPLICABLE
    assert state("14.3.509.0", "CVE-2020-17144") == State.FIXED


def test_exchange_se_holds_what_2019_had():
    assert state("15.2.2562.17", "CVE-2021-26855") == State.FIXED


def test_a_new_update_is_two_edited_rows():
    """Microsoft releases an update: one row for its build, one for the flaw it fixes."""
    from importlib.resources import files

    builds, fixes, settings = (
        files("exhume").joinpath("content", name).read_text("utf-8") for name in ("builds.csv", "fixes.csv", "settings.csv")
    )
    builds += "SE,RTM,Dec26SU,15.2.2562.90,2026-12-08,KB5199999,2035-12-31,\n"
    fixes += "CVE-2026-99999,,2026-12-08,8.8,no,,SE,RTM,15.2.2562.90,,\n"
    tables = read_tables(builds, fixes, settings)
    new = Rater(tables, date(2026, 12, 9), {})

    def of(version):
        return next(r.state for f, r in new.rate(read_version(version)).rulings.items() if f.cve == "CVE-2026-99999")

    assert (of("15.2.2562.90"), of("15.2.2562.17"), of("15.2.2562")) == (State.FIXED, State.VULNERABLE, State.UNKNOWN)
    assert of("15.2.1748.39") == State.UNKNOWN, "Exchange 2019 is out of support"


def test_both_ways_to_ask_agree():
    """A dated exact reading of a build gives every flaw the state that the command gives."""
    from hand_readings import reading

    for version in ("15.1.2176.9", "15.2.1118.7", "15.0.1497.12", "15.2.2562.17"):
        found = told([reading("build", version, TODAY.isoformat(), "exact")], TODAY.isoformat())
        last = {e.cve: e.state for e in found.entries if e.until is None}
        assert last == {f.cve: r.state for f, r in rate(version).rulings.items()}, version


def test_a_flaw_whose_fix_came_out_before_its_name_is_told_for_the_days_between():
    day = date(2021, 5, 1)
    shell = next((f, r) for f, r in rate("15.1.2176.9", day).rulings.items() if f.cve == "CVE-2021-34473")
    assert (shell[0].released, shell[1].state) == (date(2021, 7, 13), State.VULNERABLE)
    assert shell[1].why.endswith("Published only on 2021-07-13.")
    before = {f.cve for f in rate("15.1.2176.9", date(2021, 4, 12)).rulings}
    assert "CVE-2021-34473" not in before, "no fix had come out yet, and nobody had used it"
    assert "Published only" not in why("15.1.2176.9", "CVE-2021-34473")


def test_three_parts_of_exchange_2010_tell_the_rollup_and_active_directory_does_not():
    assert str(state("14.3.389", "CVE-2020-0688")) == "vulnerable"
    assert str(state("Version 14.3 (Build 389.1)", "CVE-2020-0688")) == "unknown"
    assert rate("15.1.2176").note.startswith("One of 5 builds")
