"""Exported events: every shape gives the record that the event log itself would give."""

import io
import json
from datetime import UTC, datetime

import pytest

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.readers.events import Events

TIME = "2021-03-03T06:12:45.123456Z"
AT = datetime(2021, 3, 3, 6, 12, 45, 123456, UTC)
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
IMAGE = "C:\\Windows\\System32\\cmd.exe"


def xml(
    data="<Data Name='Image'>C:\\Windows\\System32\\cmd.exe</Data>",
    provider="Microsoft-Windows-Sysmon",
    event_id=1,
    time=TIME,
    tail="",
    body="EventData",
):
    return (
        f"<Event xmlns='{NAMESPACE}'><System><Provider Name='{provider}'/><EventID Qualifiers='0'>{event_id}</EventID><Level>4</Level>"
        f"<TimeCreated SystemTime='{time}'/><EventRecordID>77</EventRecordID><Channel>Sysmon</Channel><Computer>ex01.contoso.test</Computer>"
        f"<Security UserID='S-1-5-18'/></System><{body}>{data}</{body}>{tail}</Event>"
    )


SHAPES = {
    "evtx_dump": {"Event": {"#attributes": {"xmlns": NAMESPACE}, "System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": {"#attributes": {"Qualifiers": 0}, "#text": 1}, "Level": 4, "TimeCreated": {"#attributes": {"SystemTime": TIME}}, "EventRecordID": 77, "Channel": "Sysmon", "Computer": "ex01.contoso.test"}, "EventData": {"Image": IMAGE}}},
    "attributes apart": {"Event": {"System": {"Provider_attributes": {"Name": "Microsoft-Windows-Sysmon"}, "EventID": 1, "Level": 4, "TimeCreated_attributes": {"SystemTime": TIME}, "EventRecordID": 77, "Channel": "Sysmon", "Computer": "ex01"}, "EventData": {"Image": IMAGE}}},
    "xmltodict": {"Event": {"System": {"Provider": {"@Name": "Microsoft-Windows-Sysmon"}, "EventID": "1", "Level": "4", "TimeCreated": {"@SystemTime": TIME}, "EventRecordID": "77", "Channel": "Sysmon", "Computer": "ex01"}, "EventData": {"Data": [{"@Name": "Image", "#text": IMAGE}]}}},
    "velociraptor": {"System": {"Provider": {"Name": "Microsoft-Windows-Sysmon"}, "EventID": {"Value": 1}, "Level": 4, "TimeCreated": {"SystemTime": 1614751965.123456}, "EventRecordID": 77, "Channel": "Sysmon", "Computer": "ex01.contoso.test"}, "EventData": {"Image": IMAGE}, "Message": "x"},
    "winlogbeat": {"@timestamp": TIME, "log": {"level": "information"}, "winlog": {"provider_name": "Microsoft-Windows-Sysmon", "event_id": 1, "record_id": 77, "channel": "Sysmon", "computer_name": "ex01.contoso.test", "event_data": {"Image": IMAGE}}, "message": "x"},
    "winlogbeat 6": {"@timestamp": TIME, "level": "Information", "source_name": "Microsoft-Windows-Sysmon", "event_id": 1, "record_number": "77", "log_name": "Sysmon", "computer_name": "ex01", "event_data": {"Image": IMAGE}, "message": "x"},
    "elastic hit": {"_source": {"@timestamp": TIME, "log": {"level": "information"}, "winlog": {"provider_name": "Microsoft-Windows-Sysmon", "event_id": "1", "record_id": "77", "channel": "Sysmon", "computer_name": "ex01", "event_data": {"Image": IMAGE}}}},
    "elastic flat": {"@timestamp": [TIME], "log.level": ["information"], "winlog.provider_name": ["Microsoft-Windows-Sysmon"], "winlog.event_id": ["1"], "winlog.record_id": ["77"], "winlog.channel": ["Sysmon"], "winlog.computer_name": ["ex01"], "winlog.event_data.Image": [IMAGE]},
    "nxlog": {"EventTime": "2021-03-03T08:12:45.123456+02:00", "Hostname": "ex01.contoso.test", "EventType": "INFO", "SourceName": "Microsoft-Windows-Sysmon", "EventID": 1, "RecordNumber": 77, "Channel": "Sysmon", "Message": "x", "Image": IMAGE},
    "mordor": {"@timestamp": TIME, "EventTime": "2021-03-03 01:12:45", "Hostname": "ex01", "EventType": "INFO", "SourceName": "Microsoft-Windows-Sysmon", "EventID": 1, "RecordNumber": 77, "Channel": "Sysmon", "Image": IMAGE},
}  # fmt: skip


def read(data, name="out/events.json"):
    data = data.encode() if isinstance(data, str) else data
    file = File("e", name)
    reader = Events()
    assert reader.recognises(data[:4096], file)
    reading = reader.read(io.BytesIO(data), file, None)
    out = []
    while True:
        try:
            out.append(next(reading))
        except StopIteration as done:
            return [x for x in out if isinstance(x, Record)], [x for x in out if isinstance(x, Gap)], done.value


def essence(record):
    named = {k: record.fields.get(k) for k in ("EventID", "Channel", "Provider_Name", "EventRecordID", "Level", "Image")}
    return {**named, "server": record.server, "time": record.time}


WANTED = {
    "EventID": 1, "Channel": "Sysmon", "Provider_Name": "Microsoft-Windows-Sysmon", "EventRecordID": 77, "Level": 4, "Image": IMAGE,
    "server": "EX01", "time": AT,
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_json_shape_gives_the_same_record(shape):
    records, gaps, spans = read(json.dumps(SHAPES[shape]) + "\n")
    assert [essence(r) for r in records] == [WANTED]
    assert records[0].source.at == "line 1"
    assert [(s.channel, s.server, s.path, s.records, s.first, s.busy) for s in spans] == [
        ("Sysmon", "EX01", "out", 1, AT, False)
    ]
    assert gaps == []


@pytest.mark.parametrize(
    "data",
    [
        xml(),
        f"<?xml version='1.0' encoding='utf-8'?>\r\n<Events>\r\n{xml()}\r\n</Events>",
        xml().replace(f" xmlns='{NAMESPACE}'", ""),
        ("\ufeff" + xml()).encode("utf-8"),
        xml().encode("utf-16"),
        xml().encode("utf-16-le"),
    ],
)
def test_xml_with_and_without_root_in_any_encoding(data):
    records, gaps, _ = read(data)
    assert [essence(r) for r in records] == [WANTED]
    assert records[0].fields["UserID"] == "S-1-5-18"
    assert gaps == []


def test_containers_of_json_give_the_same_events():
    rows = list(SHAPES.values())
    whole = [essence(r) for r in read("\n".join(json.dumps(r) for r in rows))[0]]
    assert len(whole) == len(rows)
    for data in (
        json.dumps(rows),
        json.dumps(rows, indent=2),
        "[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n",
        "[" + ",\n".join(json.dumps(r) for r in rows) + "]",
        json.dumps({"hits": {"hits": rows}}),
        "\r\n".join(json.dumps(r) for r in rows).encode("utf-16"),
    ):
        records, gaps, _ = read(data)
        assert [essence(r) for r in records] == whole
        assert gaps == []


def test_a_torn_array_gives_the_events_before_the_tear():
    rows = json.dumps([SHAPES["nxlog"]] * 5)
    for data in (rows[:-40], json.dumps([SHAPES["nxlog"]] * 5, indent=1)[:-40]):
        records, gaps, _ = read(data)
        assert len(records) == 4
        assert [(g.cause, g.count, g.channel) for g in gaps] == [(Cause.DAMAGED, 1, "Sysmon")]


def test_a_broken_line_costs_itself_only():
    good = json.dumps(SHAPES["winlogbeat"])
    records, gaps, _ = read("\n".join([good, good[:100], good, '{"a": nothing}', "", good, '{"other": 1}', good]))
    assert [r.source.at for r in records] == ["line 1", "line 3", "line 6", "line 8"]
    assert [(g.cause, g.count) for g in gaps] == [(Cause.DAMAGED, 2), (Cause.SKIPPED, 1)]


def test_a_broken_xml_event_costs_itself_only():
    torn = xml()[:-30]
    bad = xml("<Data Name='Image'>&nope;</Data>")
    records, gaps, _ = read("\n".join([xml(), torn, xml(), bad, xml(), xml()[:90]]))
    assert [r.source.at for r in records] == ["line 1", "line 3", "line 5"]
    assert [(g.cause, g.count) for g in gaps] == [(Cause.DAMAGED, 3)]


def test_entities_are_refused_and_the_events_are_read():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    laughing = xml('<Data Name="Image">&b;</Data>')
    records, gaps, _ = read(f"<?xml version='1.0'?>{bomb}<Events>{laughing}{xml()}</Events>")
    assert [r.fields["Image"] for r in records] == [IMAGE]
    assert [g.detail for g in gaps] == [
        "exported events are torn or malformed",
        "it declares a document type or entities, which are refused",
    ]


def test_strings_without_names_keep_their_places():
    strings = ["New-MailboxExportRequest", "-Mailbox x", "contoso.test/a", "S-1-5-21-1", "S-1", "shell", "1 w3wp#X", ""]
    classic = xml("".join(f"<Data>{s}</Data>" for s in strings), provider="MSExchange CmdletLogs")
    listed = xml("<Data>" + "".join(f"<string>{s}</string>" for s in strings) + "</Data>", provider="MSExchange CmdletLogs")
    beat = {
        "@timestamp": TIME,
        "winlog": {
            "provider_name": "MSExchange CmdletLogs",
            "event_id": 1,
            "channel": "c",
            "event_data": {f"param{n + 1}": s for n, s in enumerate(strings) if s},
        },
    }
    shell = {
        "Id": 1,
        "LogName": "c",
        "ProviderName": "MSExchange CmdletLogs",
        "TimeCreated": "/Date(1614751965123)/",
        "MachineName": "ex01",
        "Properties": [{"Value": s} for s in strings],
    }
    for data in (classic, listed, json.dumps(beat), json.dumps(shell)):
        records, gaps, _ = read(data)
        assert records[0].fields["Data"][:7] == tuple(strings[:7])
        assert [records[0].fields[n] for n in ("Cmdlet", "Parameters", "Caller", "Process")] == [
            strings[0],
            strings[1],
            strings[2],
            strings[6],
        ]
        assert gaps == []


@pytest.mark.parametrize("opening", ["Cmdlet suceeded.", "Cmdlet succeeded.", "Cmdlet failed."])
def test_a_cmdlet_is_read_from_the_message_where_nothing_else_is(opening):
    row = {
        "EventTime": TIME,
        "Hostname": "EX01",
        "SourceName": "MSExchange CmdletLogs",
        "EventID": 1,
        "Channel": "MSExchange Management",
        "Message": f'{opening} Cmdlet Set-OabVirtualDirectory, parameters -ExternalUrl "http://f/x".',
    }
    records, gaps, _ = read(json.dumps(row))
    assert records[0].fields["Cmdlet"] == "Set-OabVirtualDirectory"
    assert records[0].fields["Parameters"].startswith('-ExternalUrl "http://f/x"')
    assert records[0].fields["Message"] == row["Message"]
    assert gaps == []


def test_times_without_zone_are_read_as_utc_and_that_is_told_once():
    row = {"EventTime": "2021-03-03 06:12:45", "Hostname": "EX01", "SourceName": "x", "EventID": 1, "Channel": "Security"}
    records, gaps, _ = read("\n".join([json.dumps(row)] * 3))
    assert [r.time for r in records] == [datetime(2021, 3, 3, 6, 12, 45, tzinfo=UTC)] * 3
    assert [(g.detail, g.count) for g in gaps] == [("times of exported events carry no zone; they were read as UTC", 3)]
    received = dict(row, EventReceivedTime="2021-03-03T05:12:46Z")
    records, gaps, _ = read(json.dumps(received))
    assert records[0].time == datetime(2021, 3, 3, 5, 12, 46, tzinfo=UTC)
    assert gaps == []


def test_user_data_is_flat_and_a_taken_name_gets_its_parents():
    inner = "<LogFileCleared xmlns='x'><SubjectUserName>mallory</SubjectUserName><Channel>Security</Channel></LogFileCleared>"
    records, gaps, _ = read(xml(inner, body="UserData", event_id=104))
    assert records[0].fields["SubjectUserName"] == "mallory"
    assert records[0].fields["Channel"] == "Sysmon"
    assert "Security" in [v for k, v in records[0].fields.items() if k.endswith("_Channel")]
    assert gaps == []


def test_a_rendered_message_is_kept():
    records, gaps, _ = read(xml(tail="<RenderingInfo Culture='en-US'><Message>Process Create</Message></RenderingInfo>"))
    assert records[0].fields["Message"] == "Process Create"
    assert gaps == []


def test_an_installed_update_is_a_reading():
    data = xml(
        "<Data Name='updateTitle'>Security Update For Exchange Server 2019 CU8 (KB5000871)</Data>",
        "Microsoft-Windows-WindowsUpdateClient",
        19,
    )
    out = list(Events().read(io.BytesIO(data.encode()), File("e", "x.xml"), None))
    assert [(r.what, r.value) for r in out if isinstance(r, Reading)] == [("update", "KB5000871")]


def test_events_that_go_over_block_borders_are_whole(monkeypatch):
    monkeypatch.setattr("exhume.readers.events.BLOCK", 37)
    monkeypatch.setattr("exhume.readers.events.PIECE", 50)
    for data in (
        "\n".join([json.dumps(SHAPES["winlogbeat"])] * 4),
        json.dumps([SHAPES["nxlog"]] * 4),
        "\r\n".join([xml()] * 4).encode("utf-16"),
    ):
        records, gaps, _ = read(data)
        assert [essence(r) for r in records] == [WANTED] * 4
        assert gaps == []


def test_an_endless_event_is_left_out_and_told(monkeypatch):
    monkeypatch.setattr("exhume.readers.events.BLOCK", 100)
    monkeypatch.setattr("exhume.readers.events.PIECE", 200)
    monkeypatch.setattr("exhume.readers.events.LONGEST", 2000)
    huge = json.dumps(dict(SHAPES["nxlog"], Image="x" * 5000))
    good = json.dumps(SHAPES["nxlog"])
    records, gaps, _ = read("\n".join([good, huge, good]))
    assert [essence(r) for r in records] == [WANTED] * 2
    assert Cause.LIMIT in [g.cause for g in gaps]


def test_deep_nesting_ends_well():
    deep = '{"Event":{"System":{"EventID":1,"Channel":"c","Provider":{}},"EventData":' + '{"a":' * 300 + "1" + "}" * 303
    records, gaps, _ = read(deep)
    assert [r.fields["EventID"] for r in records] == [1]
    assert gaps == []
    records, gaps, _ = read(json.dumps(SHAPES["nxlog"]) + "\n" + '{"a":' * 100_000)
    assert len(records) == 1
    assert [g.cause for g in gaps] == [Cause.DAMAGED]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"name": "package", "version": "1.0"}',
        b'{"event_id": 3, "user": "x"}',
        b'[{"Channel": "news"}]',
        b"<configuration><system.webServer/></configuration>",
        b"<html><body>Event</body></html>",
        b"2021-03-03 06:12:45 GET /owa",
        b"\xff\xfe",
        bytes(4096),
    ],
)
def test_other_files_are_not_taken(data):
    assert not Events().recognises(data, File("e", "x.json"))
    assert not Events().expects(File("e", "events.json"))


def test_starts_of_programs_count_as_a_log_of_their_own():
    """By default Windows does not write them, so a Security log without them must not look as if it held them."""

    def security(number, hour):
        system = {"Provider": {"Name": "Microsoft-Windows-Security-Auditing"}, "EventID": number, "Channel": "Security"}
        return {
            "Event": {"System": system | {"TimeCreated": {"SystemTime": f"2021-03-03T{hour:02}:00:00Z"}, "Computer": "ex01"}}
        }

    events = [security(4624, 1), security(4688, 5), security(4688, 6), security(4634, 9)]
    spans = {span.channel: span for span in read("\n".join(map(json.dumps, events)))[2]}
    assert spans["Security"].records == 4
    assert spans["Security (program starts)"].records == 2
    assert [t.hour for t in (spans["Security (program starts)"].first, spans["Security (program starts)"].last)] == [5, 6]
    assert {span.channel for span in read("\n".join(map(json.dumps, [events[0], events[3]])))[2]} == {"Security"}
