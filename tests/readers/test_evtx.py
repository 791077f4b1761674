"""EVTX: every record, every damage told, nothing that hangs. The files are written by ``evtx_bytes``."""

import io
import struct
import sys
import types
from datetime import UTC, date, datetime

import pytest

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.readers.evtx import Evtx
from readers.evtx_bytes import CHUNK, event_xml, evtx

STRINGS = [
    "Set-OabVirtualDirectory", '-ExternalUrl "http://f/x"', "contoso.test/Users/admin", "S-1-5-21-1-2-3-500", "S-1-5-18",
    "Remote-ManagementShell-Unknown", "4711 w3wp#MSExchangePowerShellAppPool", "", "54", "00:00:00.008", "View Entire Forest: 'True'",
    "System.ArgumentException: no", "5", "", "", "", "", "False", "", "", "", "", "0", "ActivityId: 82cc33be-98c2-4050-bd7f-53aaed825502", "en-US",
]  # fmt: skip


def events(first, last, day=3, **more):
    return [
        (n, event_xml(n, f"2021-03-{day:02d}T06:{n % 60:02d}:01.1234567Z", STRINGS, **more)) for n in range(first, last + 1)
    ]


def read(data, name="Logs/MSExchange Management.evtx"):
    reading = Evtx().read(io.BytesIO(bytes(data)), File("e", name), None)
    out = []
    while True:
        try:
            out.append(next(reading))
        except StopIteration as done:
            records = [x for x in out if isinstance(x, Record)]
            return records, [x for x in out if isinstance(x, Gap)], [x for x in out if isinstance(x, Reading)], done.value


def test_a_cmdlet_event_names_cmdlet_parameters_and_caller():
    records, gaps, _, spans = read(evtx(events(7184, 7184)))
    (record,) = records
    assert record.time == datetime(2021, 3, 3, 6, 44, 1, 123456, UTC)
    assert (record.kind, record.channel, record.server, record.source.at) == (
        "windows.event",
        "MSExchange Management",
        "EX01",
        "record 7184",
    )
    expected = {
        "EventID": 1,
        "Level": 4,
        "EventRecordID": 7184,
        "Provider_Name": "MSExchange CmdletLogs",
        "Computer": "ex01.contoso.test",
        "Cmdlet": "Set-OabVirtualDirectory",
        "Parameters": '-ExternalUrl "http://f/x"',
        "Caller": "contoso.test/Users/admin",
        "CallerSid": "S-1-5-21-1-2-3-500",
        "HostApplication": "Remote-ManagementShell-Unknown",
        "Process": "4711 w3wp#MSExchangePowerShellAppPool",
        "Exception": "System.ArgumentException: no",
        "ActivityId": "82cc33be-98c2-4050-bd7f-53aaed825502",
        "Data": tuple(STRINGS),
    }
    assert {name: record.fields.get(name) for name in expected} == expected
    assert [(s.channel, s.server, s.path, s.records, s.first, s.busy) for s in spans] == [
        ("MSExchange Management", "EX01", "Logs", 1, record.time, False)
    ]
    assert gaps == []


def test_named_values_keep_their_names_and_a_taken_name_gets_its_parents():
    xml = event_xml(
        5, "2021-03-03T06:00:00Z", channel="System", provider="P", named={"Image": "C:\\x.exe", "Channel": "Security"}
    )
    records, gaps, _, _ = read(evtx([(5, xml)]))
    assert records[0].fields["Image"] == "C:\\x.exe"
    assert records[0].fields["Channel"] == records[0].channel == "System"
    assert records[0].fields["EventData_Channel"] == "Security"
    assert gaps == []


def test_each_channel_and_server_has_its_span():
    mixed = [*events(1, 3), (4, event_xml(4, "2021-03-05T00:00:00Z", channel="System", computer="EX02"))]
    _, gaps, _, spans = read(evtx(mixed))
    assert [(s.channel, s.server, s.records) for s in spans] == [("MSExchange Management", "EX01", 3), ("System", "EX02", 1)]
    assert gaps == []


def test_a_wrapped_log_is_whole_in_whatever_order_its_chunks_lie():
    records, gaps, _, _ = read(evtx(events(21, 30), events(1, 10), events(11, 20)))
    assert len(records) == 30
    assert gaps == []


@pytest.mark.parametrize("dirty", [False, True])
def test_a_dirty_flag_alone_is_no_damage(dirty):
    records, gaps, _, _ = read(evtx(events(1, 5), dirty=dirty))
    assert len(records) == 5
    assert gaps == []


def whole():
    return bytearray(evtx(events(1, 10, 3), events(11, 20, 4), events(21, 30, 5)))


def zero(data, start, length):
    data[start : start + length] = bytes(length)
    return data


@pytest.mark.parametrize(
    ("name", "damage", "count", "words"),
    [
        ("file header", lambda d: zero(d, 0, 4096), 30, ["file header is damaged"]),
        ("file header gone", lambda d: d[4096:], 30, ["file header is damaged"]),
        ("start torn off", lambda d: d[1000:], 20, ["file header is damaged", "zeroed or overwritten"]),
        ("chunk header", lambda d: zero(d, 4096, 512), 30, ["checksum"]),
        ("chunk magic", lambda d: zero(d, 4096, 8), 30, ["checksum"]),
        ("chunk zeroed", lambda d: zero(d, 4096 + CHUNK, CHUNK), 20, ["zeroed or overwritten", "records are missing"]),
        ("last chunk zeroed", lambda d: zero(d, 4096 + 2 * CHUNK, CHUNK), 20, ["chunks at its end are zeroed"]),
        ("cut between chunks", lambda d: d[: 4096 + CHUNK], 10, ["cut off"]),
        ("cut in a chunk", lambda d: d[: 4096 + CHUNK + 6000], None, ["cut off", "checksum", "could not be decoded"]),
        ("record size", lambda d: zero(d, 4096 + 516, 4), 30, ["checksum"]),
        ("header only", lambda d: d[:4096], 0, ["cut off"]),
        ("nothing", lambda d: d[:0], 0, ["empty or too short"]),
        ("too short", lambda d: d[:100], 0, ["empty or too short"]),
    ],
)  # fmt: skip
def test_damage_is_told_and_the_rest_is_read(name, damage, count, words):
    records, gaps, _, spans = read(damage(whole()))
    assert count is None or len(records) == count
    assert all(g.cause is Cause.DAMAGED for g in gaps)
    assert len(gaps) == len(words), [g.detail for g in gaps]
    for gap, word in zip(gaps, words, strict=True):
        assert word in gap.detail
    assert all(span.first for span in spans)


def test_a_cut_chunk_gives_what_stood_before_the_cut():
    records, gaps, _, _ = read(whole()[: 4096 + CHUNK + 6000])
    assert 10 < len(records) < 20
    assert sum(g.count for g in gaps if "not be decoded" in g.detail) == 20 - len(records)


def test_removed_records_are_told_with_the_time_between():
    chunk = [e for e in events(1, 10) if e[0] not in (4, 5)]
    records, gaps, _, _ = read(evtx(chunk, events(11, 12)))
    assert len(records) == 10
    (gap,) = gaps
    assert gap.cause is Cause.DAMAGED
    assert gap.count == 2
    assert "records are missing" in gap.detail
    assert (gap.since, gap.until) == (records[2].time, records[3].time)
    assert (gap.channel, gap.server) == ("MSExchange Management", "EX01")


def test_many_holes_are_at_most_eleven_gaps():
    _, gaps, _, _ = read(evtx(events(1, 1), *[events(n, n) for n in range(3, 60, 2)]))
    assert len(gaps) == 11
    assert sum(g.count for g in gaps) == 29


def test_a_damaged_chunk_proves_no_coverage():
    data = whole()
    data[4096 + CHUNK + 600] ^= 0xFF
    _, gaps, _, spans = read(data)
    assert [day.day for day in spans[0].days] == [3, 5]
    assert any("checksum" in g.detail for g in gaps)


def test_records_behind_the_stated_end_count_while_their_numbers_go_on():
    """Windows writes the chunk's header later than its records: a log copied while in use has its newest ones behind."""
    data = whole()
    last = 4096 + 2 * CHUNK
    second = 512 + struct.unpack_from("<I", data, last + 516)[0]
    struct.pack_into("<I", data, last + 48, second)
    records, gaps, _, _ = read(data)
    assert len(records) == 30
    assert [g.cause for g in gaps] == [Cause.DAMAGED]  # the header's own checksum


def test_a_table_that_points_to_itself_does_not_hang():
    """The library follows the chain of shared names in the chunk header for ever when it is a circle."""
    data = whole()
    for slot in range(96):
        struct.pack_into("<I", data, 4096 + 128 + 4 * slot, 512 + 28)
    records, gaps, _, _ = read(data)
    assert len(records) == 30
    assert any("checksum" in g.detail for g in gaps)


def test_an_empty_log_covers_nothing_and_is_told_where_it_counts():
    empty = evtx([])
    assert read(empty, "Logs/Some-Provider%4Operational.evtx") == ([], [], [], [])
    records, gaps, _, spans = read(empty, "Logs/Microsoft-Windows-PowerShell%4Operational.evtx")
    assert (records, spans) == ([], [])
    assert [(g.cause, g.channel) for g in gaps] == [(Cause.TOO_SHORT, "Microsoft-Windows-PowerShell/Operational")]


def test_a_log_without_times_gets_no_span():
    records, gaps, _, spans = read(evtx([(1, event_xml(1, "1601-01-01T00:00:00Z", STRINGS))]))
    assert [r.time for r in records] == [None]
    assert spans == []
    assert gaps == []


def test_an_error_while_reading_keeps_what_came_before():
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 4096 + CHUNK:
                raise OSError("disk")
            return super().read(min(size, 4096 + CHUNK - self.tell()))

    out = list(Evtx().read(Failing(bytes(whole())), File("e", "x.evtx"), None))
    assert sum(isinstance(x, Record) for x in out) == 10
    assert Cause.UNREADABLE in [x.cause for x in out if isinstance(x, Gap)]


def test_a_stream_that_gives_little_at_a_time_is_read_whole():
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1000))

    out = list(Evtx().read(Slow(bytes(whole())), File("e", "x.evtx"), None))
    assert len(out) == 30


def test_a_panic_of_the_library_loses_one_chunk_only(monkeypatch):
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    class Parser:
        def __init__(self, stream, number_of_threads):
            pass

        def records_json(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            raise panic

    monkeypatch.setitem(sys.modules, "evtx", types.SimpleNamespace(PyEvtxParser=Parser))
    records, gaps, _, _ = read(whole())
    assert records == []
    assert [(g.detail, g.count) for g in gaps] == [("records could not be decoded", 30)]


def test_what_is_recognised():
    reader = Evtx()
    assert reader.recognises(whole()[:4096], File("e", "a.bin"))
    assert reader.recognises(whole()[4096:8192], File("e", "carved"))
    assert not reader.recognises(b"regf" + bytes(4000), File("e", "SYSTEM"))
    assert reader.expects(File("e", "Logs/Security.EVTX"))
    assert not reader.expects(File("e", "Logs/Security.txt"))


def test_installed_updates_of_exchange_are_readings():
    title = "Sicherheitsupdate für Exchange Server 2016 CU19 (KB5000871)"
    provider = "Microsoft-Windows-WindowsUpdateClient"
    named = {"updateTitle": title}
    xml = event_xml(9, "2021-03-04T10:00:00Z", [], event_id=19, provider=provider, channel="System", named=named)
    _, gaps, readings, _ = read(evtx([(9, xml)]))
    assert [(r.what, r.value, r.day, r.trust, r.source.at) for r in readings] == [
        ("update", "KB5000871", date(2021, 3, 4), "exact", "record 9")
    ]
    assert gaps == []
