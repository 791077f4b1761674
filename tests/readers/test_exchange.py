"""Exchange CSV logs: kind, channel, server and builds, and every way their header can stand."""

import io
from datetime import UTC, date, datetime

import pytest

from exhume.model import File, Gap, Reading, Record
from exhume.readers.exchange import Exchange
from exhume.readers.exchange.pairs import unpack

NAMES = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,AnchorMailbox,UserAgent,ServerHostName,HttpStatus,UrlQuery"
SOFTWARE = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.009\r\n#Log-type: HttpProxy Logs\r\n#Date: 2021-03-03T06:00:00.100Z\r\n"
FIELDS = f"#Fields: {NAMES}\r\n"
ROW = "2021-03-03T06:49:51.543Z,id1,15,1,2176,2,Ecp,/ecp/y.js,ServerInfo~a]@ex01:444/x?#,python-requests/2.25.1,EX01,200,?a=%2541\r\n"
FOLDER = "C/Program Files/Microsoft/Exchange Server/V15/Logging/HttpProxy/ecp/HttpProxy_2021030306-1.LOG"


def read(text, path="x.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    generator, out = Exchange().read(io.BytesIO(data), File("e", path), None), []
    while True:
        try:
            out.append(next(generator))
        except StopIteration as end:
            return (*([x for x in out if isinstance(x, t)] for t in (Record, Gap, Reading)), end.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SOFTWARE + FIELDS + ROW, 6),
        ("\ufeff" + SOFTWARE + FIELDS + ROW, 6),
        (NAMES + "\r\n" + SOFTWARE + FIELDS + ROW, 7),
        (SOFTWARE + FIELDS + NAMES + "\r\n" + ROW, 7),
        (FIELDS + SOFTWARE + ROW, 6),
    ],
)
def test_the_header_wherever_it_stands(text, line):
    assert Exchange().recognises(text.encode()[:4096], File("e", "x")) or text.startswith("#Fields")
    (record,), gaps, readings, (span,) = read(text, FOLDER)
    assert (record.kind, record.channel, record.server, record.source.at) == (
        "exchange.httpproxy",
        "Ecp",
        "EX01",
        f"line {line}",
    )
    assert record.time == span.first == datetime(2021, 3, 3, 6, 49, 51, 543000, tzinfo=UTC)
    assert record.fields["url"] == "/ecp/y.js?a=A"
    assert span.busy
    assert [(r.what, r.value, r.trust) for r in readings] == [("build", "15.1.2176.9", "cu"), ("build", "15.1.2176.2", "cu")]
    assert {r.day for r in readings} == {date(2021, 3, 3)}
    assert gaps == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("note", ["", "#TYPE Selected.System.Management.Automation.PSCustomObject\r\n"])
def test_rows_saved_by_export_csv(delimiter, note):
    def quoted(line):
        return delimiter.join(f'"{cell}"' for cell in line.strip().split(",")) + "\r\n"

    text = note + quoted(NAMES) + quoted(ROW) + quoted(ROW.replace("EX01", "EX02").replace("Ecp", "Owa"))
    assert Exchange().recognises(text.encode()[:4096], File("e", "x.csv"))
    records, gaps, readings, spans = read(text)
    assert [(r.channel, r.server) for r in records] == [("Ecp", "EX01"), ("Owa", "EX02")]
    assert {(s.channel, s.server, s.records) for s in spans} == {("Ecp", "EX01", 1), ("Owa", "EX02", 1)}
    assert [r.value for r in readings] == ["15.1.2176.2"]
    assert gaps == []


def test_localised_times_are_none_and_told_rather_than_wrong():
    text = "DateTime,HttpStatus,AnchorMailbox\r\n03.04.2021 06:49:51,200,x\r\n03.04.2021 06:49:52,200,y\r\n"
    records, (gap,), _, spans = read(text)
    assert [r.time for r in records] == [None, None]
    assert (gap.count, "time" in gap.detail, spans) == (2, True, [])


@pytest.mark.parametrize(
    "stamp",
    [
        "2021-03-03T06:49:51Z",
        "2021-03-03T06:49:51.5000000Z",
        "2021-03-03T06:49:51.5+00:00",
        "2021-03-03T08:49:51.500+02:00",
        "2021-03-03 06:49:51.500",
    ],
)
def test_other_forms_of_the_time(stamp):
    (record, _), gaps, _, (span,) = read(SOFTWARE + FIELDS + ROW.replace("2021-03-03T06:49:51.543Z", stamp) + ROW, FOLDER)
    assert record.time.replace(microsecond=0) == datetime(2021, 3, 3, 6, 49, 51, tzinfo=UTC)
    assert span.first == min(record.time, datetime(2021, 3, 3, 6, 49, 51, 543000, tzinfo=UTC))
    assert gaps == []


def test_ecp_event_data_has_both_quoting_layers_undone():
    text = (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: ECP Server Log\r\n#Date: 2021-03-03T06:00:00.000Z\r\n"
        "#Fields: TimeStamp,ServerName,EventId,EventData\r\n"
        "2021-03-03T06:49:53.772Z,EX01,ECP.Request,\"S:TIME=812;'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<tag a=\"\"b;c\"\">''.Identity=''22''';"
        'S:REQID=;S:URL=/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory;S:EX=;S:BLD=15.1.2176.2"\r\n'
    )
    (record,), gaps, (reading,), (span,) = read(text)
    assert (record.kind, record.channel, record.server) == ("exchange.ecp-server", "Server", "EX01")
    assert record.fields["S:CMD"] == "Set-OabVirtualDirectory.ExternalUrl='http://f/<tag a=\"b;c\">'.Identity='22'"
    assert record.fields["url"] == "/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory"
    assert (record.fields["S:TIME"], reading.value, span.busy) == ("812", "15.1.2176.2", False)
    assert gaps == []


def test_pairs_keep_values_that_occur_twice_and_ignore_what_is_no_pair():
    assert unpack("S:EX=a;junk;S:EX=b;TimeStamp=x;Dbl:WLM.TS=16") == {"S:EX": "a\nb", "Dbl:WLM.TS": "16"}
    assert unpack("'S:A=it''s;x'") == {"S:A": "it's;x"}
    assert unpack("'S:A=open;S:B=1") == {"S:B": "1"}


@pytest.mark.parametrize(
    ("log_type", "kind", "channel"),
    [
        ("ECP Activity Context Log", "exchange.ecp-activity", "Activity"),
        ("EWS Logs", "exchange.ews", "Ews"),
        ("Rps Http Logs", "exchange.rps-http", "Http"),
        ("Rps Cmdlet Logs", "exchange.rps-cmdlet", "Cmdlet"),
        ("OABGenerator Log", "exchange.oabgenerator", "OABGenerator"),
        ("audit", "exchange.audit", "audit"),
        ("Message Tracking Log", "exchange.messagetracking", "MessageTracking"),
        ("SMTP Receive Protocol Log", "exchange.protocol", "ProtocolLog"),
        ("Agent Log", "exchange.agentlog", "AgentLog"),
        ("Some Future\x1b[31m Log", "exchange.other", "Some Future?[31m Log"),
    ],
)
def test_the_log_type_names_the_kind(log_type, kind, channel):
    text = f"#Software: Microsoft Exchange Server\n#Version: 15.1.1.1\n#Log-type: {log_type}\n#Date: 2021-03-03T06:00:00Z\n#Fields: DateTime,A\n2021-03-03T06:00:01.000Z,b\n"
    (record,), gaps, _, (span,) = read(text)
    assert (record.kind, record.channel, span.kind, span.channel) == (kind, channel, kind, channel)
    assert kind in Exchange.kinds
    assert gaps == []


def test_oab_generator_lines_are_messages_with_or_without_a_header():
    line = "2021-03-03T06:49:53.772Z,Download failed and temporary file 'C:\\x' needs to be removed"
    records, gaps, _, (span,) = read(f"{line}\r\n  at some.place\r\n", "Logging/OABGeneratorLog/a.log")
    assert [r.fields["Message"] for r in records] == [line, "  at some.place"]
    assert (records[0].kind, records[0].time, span.records) == ("exchange.oabgenerator", span.first, 2)
    assert gaps == []


def test_a_quoted_cell_may_go_on_in_the_next_lines_but_not_swallow_a_row():
    row = ROW.replace("python-requests/2.25.1", '"line 1\r\nline 2 with, comma"')
    records, gaps, _, _ = read(SOFTWARE + FIELDS + row + ROW, FOLDER)
    assert records[0].fields["UserAgent"].replace("\r", "") == "line 1\nline 2 with, comma"
    assert [r.source.at for r in records] == ["line 6", "line 8"]
    assert gaps == []


def test_columns_without_a_name_and_cells_too_many_or_too_few():
    text = "#Software: Microsoft Exchange\n#Log-type: HttpProxy Logs\n#Fields: DateTime,HttpStatus,,UrlStem\n"
    records, (gap,), _, _ = read(
        text + "2021-03-03T06:00:01.000Z,1,x,/a\n2021-03-03T06:00:02.000Z,2\n2021-03-03T06:00:03.000Z,3,x,/b,c,d\n"
    )
    assert [r.text("UrlStem") for r in records] == ["/a", "", "/b,c,d"]
    assert "" not in records[0].fields
    assert gap.count == 2


def test_rows_that_somebody_merged_tell_the_build_at_their_end_too():
    later = ROW.replace("2021-03-03T06", "2021-03-20T07").replace(",2176,2,", ",2242,4,")
    for end in ("", "torn row", '2021-03-21T07:00:00.000Z,id9,15,1,2308,8,Ecp,"/ecp'):
        _, _, readings, _ = read(SOFTWARE + FIELDS + ROW * 3 + later + end, FOLDER)
        found = [(r.value, r.day) for r in readings]
        assert found[1:] == [("15.1.2176.2", date(2021, 3, 3)), ("15.1.2242.4", date(2021, 3, 20))]
        place = len((SOFTWARE + FIELDS + ROW * 3).encode())
        assert readings[-1].source.at == f"byte {place}"


def test_the_end_of_a_large_file_is_found_however_it_is_read():
    later = ROW.replace("2021-03-03T06", "2021-03-20T07").replace(",2176,2,", ",2242,4,")
    data = (SOFTWARE + FIELDS + ROW * 3000 + later).encode()
    for block in (100, 65536, 1 << 20):
        out = Exchange(block).read(io.BytesIO(data), File("e", FOLDER), None)
        assert ("15.1.2242.4", date(2021, 3, 20)) in [(r.value, r.day) for r in out if isinstance(r, Reading)]


def test_the_same_build_on_another_day_is_told_again():
    later = ROW.replace("2021-03-03T06", "2021-03-04T07")
    assert [r.day for r in read(FIELDS + ROW + later)[2]] == [date(2021, 3, 3), date(2021, 3, 4)]
