"""Which flaws a server was open to, from which day to which day: readings in, states and sentences out."""

import pytest

from exhume.judge.exposure.sentences import exposed, sentence
from exhume.model import Reply, dotted
from hand_readings import PROXYLOGON, PROXYSHELL, TODAY, daily, entries, of, packs, reading, told

PROXY = daily("15.1.2176.2", "2021-01-01", "2021-04-20")
"""HttpProxy names the CU only: it stays at 15.1.2176.2 whatever update is installed."""
END = "2021-04-20"


def campaign(found, name="proxylogon"):
    return found.campaigns[name]


@pytest.mark.parametrize(
    "path", ["C/ExchangeSetupLogs/ServiceControl.log", "C/Windows/System32/config/SOFTWARE", "System.evtx"]
)
def test_an_update_that_is_dated_ends_the_window_that_day(path):
    found = told([*PROXY, reading("update", "KB5000871", "2021-03-09", "exact", path)], END)
    assert of(PROXYLOGON, found) == [("vulnerable", "2021-01-03", "2021-03-08"), ("fixed", "2021-03-09", None)]
    days = campaign(found)
    assert (str(days.since), str(days.until), days.known, days.patched, days.proven) == (
        "2021-01-03",
        "2021-03-09",
        True,
        True,
        65,
    )
    assert sentence(days) == (
        "ProxyLogon (CVE-2021-26855): patched on 2021-03-09, exposed 65 days before (2021-01-03 to 2021-03-08)."
    )
    assert path in entries(PROXYLOGON, found)[-1].why
    assert exposed(found).text.startswith(sentence(days))


def test_without_the_update_the_end_is_unknown_neither_fixed_nor_open():
    found = told(PROXY, END)
    assert of(PROXYLOGON, found) == [("vulnerable", "2021-01-03", "2021-03-01"), ("unknown", "2021-03-02", None)]
    assert not campaign(found).known
    assert "15.1.2176.2 to 15.1.2176.12" in entries(PROXYLOGON, found)[-1].why, "builds that had come out by the end"


def test_fixed_at_collection_without_a_date_leaves_the_end_unknown():
    found = told([*PROXY, reading("build", "15.1.2176.9", None, "exact", "ExSetup.exe")], END)
    assert of(PROXYLOGON, found) == [
        ("vulnerable", "2021-01-03", "2021-03-01"),
        ("unknown", "2021-03-02", "2021-04-19"),
        ("fixed", "2021-04-20", None),
    ]
    assert not campaign(found).known
    assert "since when is not known" in sentence(campaign(found))
    undated = told([*PROXY, reading("update", "KB5000871", None, "exact")], END)
    assert not campaign(undated).known


def test_a_change_of_the_cumulative_update_ends_the_window_by_itself():
    rows = daily("15.1.2106.2", "2021-01-01", "2021-03-28") + daily("15.1.2242.4", "2021-03-28", END)
    found = told(rows, END)
    assert of(PROXYLOGON, found)[-1] == ("fixed", "2021-03-28", None)
    days = campaign(found)
    assert (str(days.until), days.known, days.patched, days.proven) == ("2021-03-28", True, False, 58)
    assert "fixed on 2021-03-28 at the latest" in sentence(days)


def test_the_march_update_fixes_proxylogon_and_not_proxyshell():
    found = told([reading("build", "15.1.2176.9", day, "exact") for day in ("2021-03-09", "2021-08-20")], "2021-08-20")
    assert of(PROXYLOGON, found)[-1] == ("fixed", "2021-03-09", None)
    assert of(PROXYSHELL, found) == [("vulnerable", "2021-07-13", None)]
    assert campaign(found, "proxyshell").known
    assert "still open on 2021-08-20" in sentence(campaign(found, "proxyshell"))


def test_admin_display_version_alone_leaves_the_update_unknown():
    for value in ("Version 15.1 (Build 2176.2)", "Version 15.1 (Build 32176.2)", "15.01.2176.002", "15.1.2176"):
        found = told([reading("build", value, "2021-04-20", "cu")], END)
        assert of(PROXYLOGON, found)[-1][0] == "unknown", value
        assert (found.build.cu, str(found.build), found.exactly) == ("CU19", "15.1.2176.2", False)


def test_a_fourth_part_that_is_an_update_proves_at_least_that_and_any_other_only_the_cu():
    at_least = told([reading("build", "15.1.2176.9", "2021-04-20", "cu")], END)
    assert of(PROXYLOGON, at_least)[-1][0] == "fixed"
    for odd in ("15.1.2176.7", "15.1.2176.0", "15.1.2176.2"):
        assert of(PROXYLOGON, told([reading("build", odd, "2021-04-20", "cu")], END))[-1][0] == "unknown", odd


@pytest.mark.parametrize("value", ["15.1.1714.1", "15.1", "nonsense", "15.1.2176.9.1", "99.1.1.1", ""])
def test_a_build_that_no_table_has_proves_nothing(value):
    from exhume.judge import patching
    from exhume.packs import build_tables

    day = reading("build", value, "2021-04-20", "cu")
    assert patching([day], build_tables(), packs(), day.day, None, TODAY) is None


@pytest.mark.parametrize(
    ("build", "state"),
    [
        ("15.1.1415.7", "vulnerable"),
        ("15.1.1415.8", "unknown"),
        ("15.1.1415.9", "unknown"),
        ("15.1.1415.10", "fixed"),
        ("15.1.1466.12", "vulnerable"),
        ("15.1.1466.13", "unknown"),
        ("15.1.1466.14", "unknown"),
        ("15.1.1466.15", "unknown"),
        ("15.1.1466.16", "fixed"),
    ],
)
def test_the_disputed_bounds(build, state):
    found = told([reading("build", build, "2021-04-20", "exact")], END)
    assert of(PROXYLOGON, found)[-1] == (state, "2021-04-20", None)
    if state == "unknown":
        assert "disagree" in entries(PROXYLOGON, found)[-1].why


def test_the_late_update_of_march_2021_carries_four_fixes_only():
    """CVE-2020-16875 was fixed for 2016 CU16 by 15.1.1979.6; the update of March is 15.1.1979.8."""
    cve = "CVE-2020-16875"
    march = [reading("build", "15.1.1979.8", day, "exact") for day in ("2021-03-20", END)]
    found = told(march, END)
    assert of(PROXYLOGON, found)[-1][0] == "fixed"
    (last,) = [e for e in entries(cve, found) if e.until is None]
    assert str(last.state) == "unknown"
    assert "list of updates" in last.why
    before = told([*march, reading("update", "KB4577352", "2020-09-10", "exact")], END)
    assert of(cve, before)[-1][0] == "fixed"


def test_the_state_before_the_server_is_known_to_have_run_is_not_said_to_be_open():
    found = told([reading("build", "15.1.2176.4", "2021-02-20", "exact")], "2021-02-25")
    assert of(PROXYLOGON, found) == [("unknown", "2021-01-03", "2021-02-19"), ("vulnerable", "2021-02-20", None)]
    assert "If the server ran" in entries(PROXYLOGON, found)[0].why
    older = told([reading("build", "15.1.2176.4", "2021-02-20", "exact")], "2021-02-25", first_row="2021-01-20")
    assert of(PROXYLOGON, older)[0] == ("unknown", "2021-01-03", "2021-01-19")


def test_today_proves_nothing_about_the_past_and_a_dated_first_install_does():
    """2019 CU14 never was open to ProxyLogon."""
    today = reading("build", "15.2.1544.4", None, "exact")
    found = told([today], "2026-11-01")
    assert {s for s, _, _ in of(PROXYLOGON, found)[:-1]} == {"unknown"}
    assert of(PROXYLOGON, found)[-1] == ("fixed", "2026-11-01", None)
    assert not campaign(found).known
    upgraded = told([today, reading("install", "15.2.1544.4", "2024-03-01", "cu")], "2026-11-01")
    assert campaign(upgraded).since is not None, "a set-up may have been an upgrade"
    first = told([today, reading("first_install", "15.2.1544.4", "2024-03-01", "exact")], "2026-11-01")
    assert of(PROXYLOGON, first) == [("not_applicable", "2021-01-03", "2024-02-29"), ("fixed", "2024-03-01", None)]
    assert (campaign(first).since, campaign(first).known) == (None, True)
    hint = told([today, reading("first_install", "15.2.1544.4", "2024-03-01", "hint")], "2026-11-01")
    assert not campaign(hint).known


def test_a_first_install_after_other_signs_of_life_is_not_believed():
    rows = [reading("first_install", "15.2.1544.4", "2024-03-01", "exact"), reading("build", "15.2.792.3", "2021-02-01")]
    found = told(rows, "2024-04-01")
    assert found.first_install is None
    assert any("ran on 2021-02-01 already" in text for text in found.contradictions)


def test_contradicting_readings_are_shown_and_not_averaged():
    rows = [reading("build", "15.1.2176.9", "2021-03-09", "exact"), reading("build", "15.1.2176.2", "2021-03-20", "exact")]
    found = told([*rows, reading("build", "15.1.2176.2", END, "exact")], END)
    assert of(PROXYLOGON, found)[-3:] == [
        ("fixed", "2021-03-09", "2021-03-09"),
        ("unknown", "2021-03-10", "2021-03-19"),
        ("vulnerable", "2021-03-20", None),
    ]
    limits = " ".join(exposed(found).limits)
    assert "15.1.2176.9 on 2021-03-09" in limits
    assert "15.1.2176.2 on 2021-03-20" in limits


def test_readings_of_the_same_time_that_disagree_decide_nothing():
    for day, trust in ((None, "exact"), ("2021-04-20", "exact")):
        rows = [reading("build", "15.1.2176.9", day, trust), reading("build", "15.2.792.3", day, trust)]
        found = told(rows, END)
        assert of(PROXYLOGON, found)[-1] == ("unknown", "2021-04-20" if day else of(PROXYLOGON, found)[-1][1], None)
        assert found.contradictions


def test_clocks_in_two_zones_contradict_nothing():
    """The registry has the local day, the event the day in UTC."""
    rows = [reading("update", "KB5000871", "2021-03-09", "exact"), reading("build", "15.1.2176.9", "2021-03-08", "exact")]
    found = told([*PROXY, *rows], END)
    assert of(PROXYLOGON, found) == [("vulnerable", "2021-01-03", "2021-03-07"), ("fixed", "2021-03-08", None)]
    assert found.contradictions == ()
    wrong = told([*PROXY, rows[0], reading("build", "15.1.2176.9", "2021-03-05", "exact")], END)
    assert wrong.contradictions


def test_the_evidence_of_two_servers_decides_nothing():
    """One has CU19, the other CU20 with the fix; each writes logs every day."""
    found = told([*daily("15.1.2176.2", "2021-04-01", END), *daily("15.1.2242.4", "2021-04-01", END)], END)
    assert {state for state, _, _ in of(PROXYLOGON, found)} == {"unknown"}
    assert len(exposed(found).limits) > 5
    assert "more contradictions" in " ".join(exposed(found).limits)


@pytest.mark.parametrize("day", ["0001-01-01", "1601-01-01", "2099-12-31", "9999-12-31"])
def test_a_day_that_cannot_be_is_none(day):
    rows = [reading("build", "15.1.2176.9", day, "exact"), reading("update", "KB5000871", day, "exact")]
    found = told([*PROXY, *rows, reading("removal", "KB5000871", day, "exact")], END)
    assert of(PROXYLOGON, found)[-1] == ("fixed", END, None)
    assert not campaign(found).known


def test_a_build_of_no_known_cumulative_update_is_named():
    found = told([*PROXY, reading("build", "15.1.9999.1", "2021-04-01", "exact", "ExSetup.exe")], END)
    assert "no cumulative update of build 15.1.9999.1, ExSetup.exe" in " ".join(exposed(found).limits)


def test_thousands_of_builds_that_nobody_knows_cost_little():
    import time

    rows = [reading("build", f"15.1.2176.{n}", "2021-04-01", "exact") for n in range(20, 20_020)]
    start = time.process_time()
    told([*PROXY, *rows], END)
    assert time.process_time() - start < 10


def test_an_update_that_was_removed_opens_the_server_again():
    rows = [reading("update", "KB5000871", "2021-03-09", "exact"), reading("removal", "KB5000871", "2021-03-20", "exact")]
    found = told([*PROXY, *rows, reading("update", "KB5000871", "2021-03-30", "exact")], END)
    assert of(PROXYLOGON, found) == [
        ("vulnerable", "2021-01-03", "2021-03-08"),
        ("fixed", "2021-03-09", "2021-03-19"),
        ("vulnerable", "2021-03-20", "2021-03-29"),
        ("fixed", "2021-03-30", None),
    ]
    assert found.contradictions == ()
    assert (str(campaign(found).since), str(campaign(found).until)) == ("2021-01-03", "2021-03-30")


def test_an_update_alone_fixes_what_it_fixes_in_every_cumulative_update():
    found = told([reading("update", "kb5000871", "2021-03-09", "exact")], END)
    assert of(PROXYLOGON, found)[-1] == ("fixed", "2021-03-09", None)
    assert found.build is None, "five products and 25 cumulative updates have it"


def test_weak_readings_can_open_and_never_close():
    closed = told([reading("build", "15.1.2242.4", "2021-04-20", "hint")], END)
    assert of(PROXYLOGON, closed)[-1][0] == "unknown"
    opened = told([reading("build", "15.1.1979.3", "2021-03-01", "hint")], "2021-03-01")
    assert of(PROXYLOGON, opened)[-1] == ("vulnerable", "2021-03-01", None)
    strong = told([*PROXY, reading("build", "15.1.2242.4", "2021-03-05", "hint")], END)
    assert strong.contradictions == ()


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("PowerShell M1.1", ["vulnerable", "mitigated"]),
        ("PowerShell, first form (bypassable)", ["vulnerable", "vulnerable"]),
    ],
)
def test_mitigations_by_day_and_the_first_rule_told_apart(name, states):
    rows = [reading("build", "15.1.2507.6", day, "exact") for day in ("2022-07-01", "2022-12-30")]
    found = told([*rows, reading("mitigation", f"CVE-2022-41040 {name}", "2022-10-05", "exact")], "2022-12-30")
    assert [s for s, _, _ in of("CVE-2022-41040", found)] == states
    assert [since for _, since, _ in of("CVE-2022-41040", found)] == ["2022-08-01", "2022-10-05"]
    assert {s for s, _, _ in of("CVE-2022-41080", found)} == {"vulnerable"}, "M1.1 does not stop OWASSRF"


def test_a_setting_that_has_to_be_verified():
    rows = [reading("build", "15.1.2507.44", None, "exact"), reading("build", "15.1.2507.44", "2025-01-01", "exact")]
    cve = "CVE-2024-21410"
    (last,) = [e for e in entries(cve, told(rows, "2025-02-01")) if e.until is None]
    assert (str(last.state), last.why.partition(":")[0]) == ("unknown", "The build is enough, setting to verify")
    on = told([*rows, reading("setting", "ExtendedProtection=on", "2025-01-10", "exact")], "2025-02-01")
    assert of(cve, on)[-2:] == [("unknown", "2025-01-01", "2025-01-09"), ("fixed", "2025-01-10", None)]
    off = told([*rows, reading("setting", "extendedprotection=off", None, "exact")], "2025-02-01")
    assert of(cve, off)[-1][0] == "vulnerable"
    where = told(
        [*rows, reading("setting", "ExtendedProtection=off (not for Default Web Site/OWA)", None, "exact")], "2025-02-01"
    )
    (last,) = [e for e in entries(cve, where) if e.until is None]
    assert (str(last.state), "on in IIS (not for Default Web Site/OWA)" in last.why) == ("vulnerable", True)
    again = told(
        [*rows, *(reading("setting", "ExtendedProtection=on", d, "exact") for d in ("2025-01-05", "2025-01-20"))], "2025-02-01"
    )
    assert of(cve, again)[-1] == ("fixed", "2025-01-05", None), "since the first of the readings that agree"
    later = [
        reading("setting", f"ExtendedProtection={s}", d, "exact") for s, d in (("on", "2025-01-05"), ("off", "2025-01-20"))
    ]
    assert of(cve, told([*rows, *later], "2025-02-01"))[-1][0] == "vulnerable", "the last reading counts"
    assert str(next(e for e in entries(PROXYLOGON, on) if e.until is None).state) == "fixed"


@pytest.mark.parametrize(("build", "cve"), [("14.3.513.0", PROXYLOGON), ("15.0.1497.48", "CVE-2024-21410")])
def test_of_products_out_of_support_nothing_is_said(build, cve):
    found = told([reading("build", build, "2024-05-01", "exact")], "2024-05-01")
    (last,) = [e for e in entries(cve, found) if e.until is None]
    assert str(last.state) == "unknown"
    assert "Unknown, unsupported" in last.why


def test_the_answer_counts_what_the_tables_hold():
    found = told([*PROXY, reading("update", "KB5000871", "2021-03-09", "exact")], END)
    flaws = {e.cve for e in found.entries}
    opened = {e.cve for e in found.entries if str(e.state) in ("vulnerable", "mitigated")}
    still = {e.cve for e in found.entries if str(e.state) == "vulnerable" and e.until is None}
    text = exposed(found).text
    assert f"Of {len(flaws)} flaws that exhume knows for these days, {len(opened)} were open on some day" in text
    assert f"{len(still)} of them still at the end" in text
    assert exposed(found).answer in (Reply.YES, Reply.PARTLY)


def test_the_order_of_readings_changes_nothing():
    rows = [*PROXY, reading("update", "KB5000871", "2021-03-09", "exact"), reading("build", "15.1.2176.9", None, "exact")]
    assert told(rows, END) == told(rows[::-1], END)


def test_thousands_of_readings_are_judged_in_seconds():
    import time

    rows = [reading("build", "15.1.2176.2", r.day.isoformat(), "cu", f"{n}.LOG") for r in PROXY for n in range(200)]
    assert len(rows) == 22_000
    start = time.perf_counter()
    found = told(rows, END)
    assert time.perf_counter() - start < 10
    assert dotted(found.build.parts) == "15.1.2176.2"


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("exact", "state"), [("15.1.2176.2", "vulnerable"), ("15.1.2176.9", "fixed"), (None, "unknown")])
def test_the_exact_build_stays_beside_the_cumulative_update_of_the_same_day(exact, state, order):
    """HealthChecker names both (ExSetup 15.01.2176.002, AdminDisplayVersion 2176.2): that no update is installed is certain."""
    both = [reading("build", "15.1.2176.2", "2021-04-20", "cu")]
    both += [reading("build", exact, "2021-04-20", "exact")] if exact else []
    found = told(both[::order], END)
    assert of(PROXYLOGON, found)[-1][0] == state
    assert found.exactly is bool(exact)
