"""Which campaign a finding counts for: chains of each campaign, mixtures of two, and dates before a campaign began."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from exhume.judge.fit import early, fit
from exhume.model import Finding, Intrusion, Outcome, Record, Rule, Severity, Source
from exhume.packs import shipped

PACKS = shipped()
PACK = {pack.name: pack for pack in PACKS}
CHAINS = {
    "proxylogon": ("2021-03-03", ("PL-855-d", "PL-855-f", "PL-855-l", "PL-855-l-mapi", "PL-855-h-ews")),
    "proxyshell": ("2021-08-19", ("PS-a2-powershell", "PS-a1", "PS-b", "PS-c", "PL-855-l-lookup", "PL-855-l-mapi", "OS-b", "OS-c")),
    "proxynotshell": ("2022-09-28", ("PN-a", "PS-a1", "PS-b", "OS-b", "OS-c", "PN-d")),
    "owassrf": ("2022-12-14", ("OS-a", "OS-b", "OS-c", "OS-c-attempt", "PS-c")),
}  # fmt: skip
OWN = {"PL": "proxylogon", "PS": "proxyshell", "PN": "proxynotshell", "OS": "owassrf", "PT": "proxytoken"}
ATTEMPTS = ("PS-a1", "PS-a3", "OS-c-attempt", "PL-855-l-lookup")


def found(trace, day, minutes=0, outcome=None):
    """A finding of a shipped rule's trace."""
    outcome = outcome or (Outcome.ATTEMPT if trace in ATTEMPTS else Outcome.STEP)
    rule = Rule(f"{trace}/{minutes}", OWN[trace[:2]], trace, outcome, Severity.HIGH, trace=trace, fold=("n",))
    at = None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=minutes)
    return Finding.of(
        rule, Record("iis.access", at, {"n": f"{minutes}"}, Source("e", "log", f"line {minutes + 1}"), "W3SVC1"), ()
    )


def chain(name, day=None, later=0):
    first, traces = CHAINS[name]
    return [found(trace, day or first, later + n) for n, trace in enumerate(traces)]


def intrusion(*findings):
    dates = [f.first_seen for f in findings if f.first_seen]
    return Intrusion("i-1", min(dates), max(dates), tuple(f.id for f in findings))


def counted(findings, *intrusions):
    fits = fit(findings, intrusions, PACKS)
    return {(f.trace, f.first_seen and f.first_seen.date().isoformat()): fits.of(f) for f in findings}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_one_campaign(name):
    findings = chain(name)
    assert set(counted(findings, intrusion(*findings)).values()) == {name}


@pytest.mark.parametrize(
    ("one", "other"), [("proxylogon", "proxyshell"), ("proxyshell", "proxynotshell"), ("proxynotshell", "owassrf")]
)
def test_two_real_chains_are_two_campaigns(one, other):
    first, second = chain(one), chain(other)
    told = counted([*first, *second], intrusion(*first), intrusion(*second))
    assert set(told.values()) == {one, other}
    assert {told[f.trace, f.first_seen.date().isoformat()] for f in first} == {one}
    assert {told[f.trace, f.first_seen.date().isoformat()] for f in second} == {other}


def test_two_chains_of_one_actor_on_one_day_are_both_told():
    """The nearest specific finding decides what the shared ones count for."""
    first, second = chain("proxynotshell", "2022-12-14"), chain("owassrf", "2022-12-14", later=600)
    fits = fit([*first, *second], [intrusion(*first, *second)], PACKS)
    assert {fits.of(f) for f in first} == {"proxynotshell"}
    assert {fits.of(f) for f in second} == {"owassrf"}


@pytest.mark.parametrize(
    ("trace", "day", "campaign"),
    [
        ("OS-c", "2021-08-19", "proxyshell"),
        ("OS-b", "2022-10-05", "proxynotshell"),
        ("OS-c", "2022-12-14", "owassrf"),
        ("OS-c", "2022-11-30", "owassrf"),  # a day of grace for clocks
        ("OS-c", "2021-03-03", "post-exploitation"),
        ("PS-c", "2021-05-01", "post-exploitation"),
        ("PS-c", "2021-09-01", "proxyshell"),
        ("OS-a", "2021-08-19", "owassrf"),  # specific: it stays, with a limit
        ("PS-a2-powershell", "2021-04-30", "proxyshell"),
        ("PL-855-l-mapi", "2021-03-03", "proxylogon"),
        ("PS-h", None, "proxyshell"),
    ],
)
def test_a_trace_alone_counts_for_none_that_began_later(trace, day, campaign):
    one = found(trace, day)
    assert fit([one], [], PACKS).of(one) == campaign


def test_what_is_older_than_its_campaign_is_said():
    old, new = found("OS-a", "2021-08-19"), found("OS-a", "2022-12-14", 1)
    assert early(PACK["owassrf"], [old, new]) == [old]
    assert early(PACK["owassrf"], [found("PS-c", None)]) == []
    assert early(PACK["webshell"], [found("OS-a", "2015-01-01")]) == [], "a pack that is tied to no flaw has no first day"


def test_only_specific_findings_prove_a_flaw():
    findings = chain("proxyshell")
    alone = found("OS-c", "2023-01-05")
    fits = fit([*findings, alone], [intrusion(*findings)], PACKS)
    assert {f.trace for f in findings if f.id in fits.proven} >= {"PS-a2-powershell", "PS-b", "PS-c"}
    assert not {f.trace for f in findings if f.id in fits.proven} & {"OS-c", "OS-b"}
    assert alone.id not in fits.proven, "a foreign PowerShell client alone can be an administrator's"


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_findings_does_not_matter(seed):
    findings = [*chain("proxyshell"), *chain("owassrf")]
    one = intrusion(*findings)
    mixed = findings[:]
    random.Random(seed).shuffle(mixed)
    assert fit(mixed, [one], PACKS) == fit(findings, [one], PACKS)


def test_shared_traces_name_packs_and_traces_that_exist():
    for pack in PACKS:
        text = "\n".join(file.text() for role in ("sigma", "yara") for file in pack.of(role))
        for trace, others in pack.shared:
            assert f"trace: {trace}\n" in text, (pack.name, trace)
            assert set(others) <= set(PACK) - {pack.name}
