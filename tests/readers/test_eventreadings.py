"""What events say of the build, and that failed installations say nothing."""

from datetime import UTC, date, datetime

import pytest

from exhume.model import Source
from exhume.readers.eventfields import Event
from exhume.readers.eventreadings import readings_of

DAY = date(2023, 1, 10)
UPDATE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
NEWER = "Security Update for Exchange Server 2019 Cumulative Update 12 (KB5019758) 15.2.1118.20"
EXCHANGE = "Microsoft Exchange Server"
WINDOWS_UPDATE = "Microsoft-Windows-WindowsUpdateClient"
MITIGATION = "MSExchange Mitigation Service"


def said(provider, event_id, strings=(), time=datetime(2023, 1, 10, 23, 59, tzinfo=UTC), **named):
    event = Event(event_id, "Application", provider, "EX01", 9, 4, time, named=named, unnamed=tuple(strings))
    return list(readings_of(event, Source("e", "Application.evtx", "record 9")))


@pytest.mark.parametrize(
    ("provider", "event_id", "strings", "named", "expected"),
    [
        (WINDOWS_UPDATE, 19, [], {"updateTitle": "Sicherheitsupdate für Exchange Server 2016 CU19 (KB5000871)"}, [("update", "KB5000871", "exact")]),
        (WINDOWS_UPDATE, 20, [], {"updateTitle": UPDATE}, []),
        (WINDOWS_UPDATE, 19, [], {"updateTitle": "2021-03 Cumulative Update for Windows Server 2016 (KB5000803)"}, []),
        ("MsiInstaller", 1022, [EXCHANGE, UPDATE, "(NULL)"], {}, [("update", "KB5000871", "exact")]),
        ("MsiInstaller", 1022, [EXCHANGE, NEWER], {}, [("update", "KB5019758", "exact"), ("build", "15.2.1118.20", "exact")]),
        ("MsiInstaller", 1023, [EXCHANGE, UPDATE, "1603"], {}, []),
        ("MsiInstaller", 1036, [EXCHANGE, "15.1.2176.2", "1033", UPDATE, "0", "Microsoft"], {}, [("update", "KB5000871", "exact")]),
        ("MsiInstaller", 1036, [EXCHANGE, "15.1.2176.2", "1033", UPDATE, "1603", "Microsoft"], {}, []),
        ("MsiInstaller", 1036, [EXCHANGE, "15.1.2176.2", "1033", UPDATE], {}, []),
        ("MsiInstaller", 1037, [EXCHANGE, "15.1.2176.2", "1033", UPDATE, "0", "Microsoft"], {}, [("removal", "KB5000871", "exact")]),
        ("MsiInstaller", 1037, [EXCHANGE, "15.1.2176.2", "1033", UPDATE, "1603", "Microsoft"], {}, []),
        ("MsiInstaller", 1033, [EXCHANGE, "15.1.2176.2", "1033", "0", "Microsoft"], {}, [("install", "15.1.2176.2", "cu"), ("build", "15.1.2176.2", "cu")]),
        ("MsiInstaller", 1033, [EXCHANGE, "15.1.2176.2", "1033", "1603", "Microsoft"], {}, []),
        ("MsiInstaller", 1033, ["Microsoft Exchange Server Language Pack - German", "15.1.2176.2", "1031", "0"], {}, []),
        ("MsiInstaller", 1033, [EXCHANGE, "9.9.9.9", "1033", "0"], {}, []),
        ("MsiInstaller", 1033, [], {}, []),
        ("MsiInstaller", 1035, [EXCHANGE, "15.01.2176.002", "1033", "0", "Microsoft"], {}, [("build", "15.1.2176.2", "cu")]),
        ("MSExchangeSetup", 1001, ["15.1.2507.6:Languages"], {}, [("build", "15.1.2507.6", "cu")]),
        ("MSExchangeSetup", 1000, ["15.1.2507.6:Languages"], {}, []),
        ("MSExchangeSetup", 1001, [], {}, []),
        (MITIGATION, 1005, ["M1.1"], {}, [("mitigation", "CVE-2022-41040 PowerShell M1.1", "exact")]),
        (MITIGATION, 1005, ["Mitigation M1 has been applied"], {}, [("mitigation", "CVE-2022-41040 PowerShell, first form (bypassable)", "exact")]),
        (MITIGATION, 1006, ["M2.1.0"], {}, [("mitigation", "CVE-2026-42897 M2.1.0", "exact")]),
        (MITIGATION, 1005, ["PING1"], {}, []),
        (MITIGATION, 1008, ["M1.1"], {}, []),
        ("Anything", 19, [UPDATE], {}, []),
    ],
)  # fmt: skip
def test_what_an_event_says_of_the_build(provider, event_id, strings, named, expected):
    readings = said(provider, event_id, strings, **named)
    assert [(r.what, r.value, r.trust) for r in readings] == expected
    assert all(r.day == DAY and r.source.at == "record 9" for r in readings)


def test_an_event_without_a_time_gives_undated_readings():
    assert [r.day for r in said("MsiInstaller", 1022, [EXCHANGE, UPDATE], time=None)] == [None]


def test_the_names_of_mitigations_are_those_of_the_url_rewrite_rules():
    from exhume.readers.content import rows

    known = {f"{row['cve']} {row['mitigation']}" for row in rows("iis_mitigations.csv")}
    told = {r.value for number in ("M1", "M1.1", "M2.1.0") for r in said(MITIGATION, 1005, [number])}
    assert len(told) == 3
    assert told <= known


def test_a_very_long_event_is_not_searched_without_end():
    assert said("MsiInstaller", 1022, ["Exchange Server " * 500_000]) == []
