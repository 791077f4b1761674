"""The tables of builds, fixes and settings agree with themselves and with what is known of Microsoft's releases."""

import re
from collections import Counter, defaultdict
from datetime import date
from importlib.resources import files
from itertools import pairwise

import pytest

from exhume.model import dotted
from exhume.packs import PackError, build_tables, read_tables

TABLES = build_tables()
LINES = {"2010": (14,), "2013": (15, 0), "2016": (15, 1), "2019": (15, 2), "SE": (15, 2)}
FIRST_SE = 2562
CU = re.compile(r"RTM|Preview|SP\d|CU\d+")
UPDATE = re.compile(r"RTM|Preview|RU\d+(v\d)?|([A-Z][a-z]{2}\d\d)(SU|HU)(v\d)?")
WAVES = {
    "2021-03-02": "2013 CU23, 2016 CU18, 2016 CU19, 2019 CU7, 2019 CU8",
    "2021-03-08": "2016 CU14, 2016 CU15, 2016 CU16, 2019 CU4, 2019 CU5, 2019 CU6",
    "2021-03-10": "2013 CU21, 2013 CU22, 2016 CU12, 2016 CU13, 2016 CU17, 2019 CU3",
    "2021-03-11": "2016 CU8, 2016 CU9, 2016 CU10, 2016 CU11, 2019 RTM, 2019 CU1, 2019 CU2",
    "2021-03-16": "2013 SP1",
}
"""The update of March 2021: for the CUs in support on the 2nd, for all others in later waves."""
ONLY_IN_A_LATER_CU = {("CVE-2024-21410", "2019", "CU13")}


def text(name):
    return files("exhume").joinpath("content", name).read_text("utf-8")


def of(product):
    return [b for b in TABLES.builds if b.product == product]


def test_there_is_something_to_look_at():
    assert len(TABLES.builds) >= 396
    assert len(TABLES.fixes) >= 923
    assert len({f.cve for f in TABLES.fixes}) >= 161


@pytest.mark.parametrize("build", TABLES.builds, ids=str)
def test_a_build_is_what_its_row_says(build):
    assert build.parts[: len(LINES[build.product])] == LINES[build.product]
    if build.product in ("2019", "SE"):
        assert (build.product == "SE") is (build.parts[2] >= FIRST_SE)
    assert CU.fullmatch(build.cu)
    label = UPDATE.fullmatch(build.update)
    assert label
    if label[2] and not label[4]:
        assert build.released.strftime("%b%y") == label[2]
    assert re.fullmatch(r"(KB\d{6,7})?", build.kb)


def test_no_build_and_no_name_stands_twice():
    assert [b for b, n in Counter(b.parts for b in TABLES.builds).items() if n > 1] == []
    assert [b for b, n in Counter(b.label for b in TABLES.builds).items() if n > 1] == []


@pytest.mark.parametrize("product", LINES)
def test_builds_and_days_rise_together(product):
    builds = of(product)
    assert [b.parts for b in builds] == sorted(b.parts for b in builds)
    assert len({b.end_of_support for b in builds}) == 1
    released = [b.released for b in builds if b.update == "RTM"]
    assert released == sorted(released)
    families = defaultdict(set)
    for before, after in pairwise(builds):
        if before.cu == after.cu:
            assert before.released <= after.released, after
    for build in builds:
        families[build.cu].add(build.parts[: 2 if product == "2010" else 3])
    assert [cu for cu, found in families.items() if len(found) > 1] == []


@pytest.mark.parametrize(("product", "last", "never"), [("2013", 23, {4}), ("2016", 23, set()), ("2019", 15, set())])
def test_no_cumulative_update_is_missing(product, last, never):
    """Exchange 2013 has no CU4: it is called SP1."""
    numbers = [int(b.cu[2:]) for b in of(product) if b.update == "RTM" and b.cu.startswith("CU")]
    assert numbers == sorted(set(range(1, last + 1)) - never)


def test_the_update_of_march_2021_came_in_five_waves():
    found = {b.label: b.released.isoformat() for b in TABLES.builds if b.update == "Mar21SU"}
    assert found == {f"{name} Mar21SU": day for day, names in WAVES.items() for name in names.split(", ")}
    assert len(found) == 25


def test_only_the_late_waves_carry_four_fixes():
    four = frozenset(f"CVE-2021-{n}" for n in (26855, 26857, 26858, 27065))
    late = {
        f"{n} Mar21SU" for day, names in WAVES.items() if day not in ("2021-03-02", "2021-03-16") for n in names.split(", ")
    }
    assert {b.label: b.carries for b in TABLES.builds if b.carries} == dict.fromkeys(late, four)
    told = {(f.product, f.cu) for f in TABLES.fixes if "exactly its Mar21SU build is not proven fixed" in f.notes}
    assert told == {(b.product, b.cu) for b in TABLES.builds if b.carries}


def test_every_fix_is_a_build_of_its_own_cumulative_update():
    builds = {b.parts: b for b in TABLES.builds}
    for fix in TABLES.fixes:
        build = builds[fix.first_fixed]
        assert build.product == fix.product, fix
        assert build.cu == fix.cu or (fix.cve, fix.product, fix.cu) in ONLY_IN_A_LATER_CU, fix
        assert re.fullmatch(r"CVE-20\d\d-\d{4,6}", fix.cve)
        if "Fix is in this CU as released" in fix.notes:
            assert build.update == "RTM", fix


def test_the_rows_of_a_flaw_agree():
    assert [k for k, n in Counter((f.cve, f.product, f.cu) for f in TABLES.fixes).items() if n > 1] == []
    facts = defaultdict(set)
    for fix in TABLES.fixes:
        facts[fix.cve].add((fix.nickname, fix.released, fix.known_exploited))
        assert fix.known_exploited is None or fix.known_exploited >= fix.released
    assert [cve for cve, found in facts.items() if len(found) > 1] == []


def test_disputed_bounds_lie_below_the_fix_and_are_those_that_the_notes_tell():
    disputed = {(f.cve, f.cu): f for f in TABLES.fixes if f.disputed_from}
    for fix in disputed.values():
        assert fix.disputed_from[:3] == fix.first_fixed[:3]
        assert fix.disputed_from < fix.first_fixed
    for fix in TABLES.fixes:
        told = re.search(r"HealthChecker accepts ([\d.]+) here", fix.notes)
        if told:
            assert dotted(disputed[fix.cve, fix.cu].disputed_from) == told[1]
        if "not established; this is the first later build" in fix.notes:
            assert (fix.cve, fix.cu) in disputed
    assert len(disputed) == 12


def test_every_flaw_that_needs_a_setting_is_in_the_table_of_settings():
    told = {f.cve for f in TABLES.fixes if re.search(r"Needs|needs|/Prepare|override|schema|registry", f.notes)}
    missing = told - {s.cve for s in TABLES.settings}
    assert {c for c in missing if all("those need a CU upgrade" in f.notes for f in TABLES.fixes if f.cve == c)} == missing
    assert {s.cve for s in TABLES.settings} <= {f.cve for f in TABLES.fixes}
    assert all(s.name and s.words for s in TABLES.settings)


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        (0, "15.1.2176.9,2021-03-02", "15.01.2176.009,2021-03-02", "four plain numbers"),
        (0, "15.1.2176.9,2021-03-02", "15.1,2021-03-02", "four plain numbers"),
        (0, "15.1.2176.9,2021-03-02", "15.1.2176.9,2 March", "not a day"),
        (0, "15.1.2176.9,2021-03-02", "15.1.2176.9", "wrong number of cells"),
        (1, "yes 2021-11-03", "perhaps", "neither"),
        (1, "yes 2021-11-03", "yes soon", "no day"),
        (1, "2016,CU19,15.1.2176.9", "2016,CU19,15.1.2176", "four plain numbers"),
    ],
)
def test_a_bad_cell_is_refused_with_file_and_line(table, old, new, said):
    texts = [text(name) for name in ("builds.csv", "fixes.csv", "settings.csv")]
    assert old in texts[table]
    texts[table] = texts[table].replace(old, new, 1)
    with pytest.raises(PackError, match=said) as refused:
        read_tables(*texts)
    assert re.match(r"(builds|fixes)\.csv:\d+: ", str(refused.value))


def test_the_tables_know_builds_that_were_looked_up_by_hand():
    names = {str(b): (b.label, b.released, b.kb) for b in TABLES.builds}
    assert names["15.1.2176.9"] == ("2016 CU19 Mar21SU", date(2021, 3, 2), "KB5000871")
    assert names["15.2.2562.17"][0] == "SE RTM"
