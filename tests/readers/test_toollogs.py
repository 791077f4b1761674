"""What security tools say they found. Threat names only, no content."""

import io
from datetime import UTC, date, datetime

import pytest

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.readers.toollogs import ToolLogs

CHOPPER = "Backdoor:ASP/" + "Invented.A!dha"
MSERT = f"""---------------------------------------------------------------------------------------
Microsoft Safety Scanner v1.333, (build 1.333.160.0)
Started On Tue Mar  9 10:00:01 2021

Engine: 1.1.17900.7
Signatures: 1.333.160.0
Run Mode: Scan Run in Quiet Mode

Quick Scan Results:
-------------------
Threat Detected: {CHOPPER}, not removed.
    Action: NoAction, Result: 0x00000000
        file://C:\\inetpub\\wwwroot\\aspnet_client\\one.aspx
            SigSeq: 0x00000555DC2DDDB0
        file://C:\\inetpub\\wwwroot\\aspnet_client\\two.aspx
            SigSeq: 0x00000555DC2DDDB0
        containerfile://C:\\inetpub\\wwwroot\\a.zip
->Scan ERROR: resource file://C:\\pagefile.sys (code 0x00000021 (33))
->Scan ERROR: resource process://pid:4 (code 0x00000005 (5))

Results Summary:
----------------
Found {CHOPPER}, not removed.
Found Exploit:Win32/Other.B and Removed!
Successfully Submitted Heartbeat Report
Microsoft Safety Scanner Finished On Tue Mar  9 10:20:30 2021


Return code: 7 (0x7)
"""
CLEAN = """Microsoft Safety Scanner v1.405, (build 1.405.445.0)
Started On Thu Feb 22 13:33:34 2024

Results Summary:
----------------
No infection found.
Successfully Submitted Heartbeat Report
Microsoft Safety Scanner Finished On Thu Feb 22 13:35:58 2024


Return code: 0 (0x0)
"""


def run(text, path="C/Windows/debug/msert.log", codec="utf-8", modified=None):
    data = text if isinstance(text, bytes) else text.encode(codec)
    spans = []

    def through():
        spans.extend((yield from ToolLogs().read(io.BytesIO(data), File("e", path, modified=modified), None)))

    out = list(through())
    return (*([o for o in out if isinstance(o, kind)] for kind in (Record, Reading, Gap)), spans)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_safety_scanner_names_each_file(codec, end):
    records, readings, gaps, spans = run(MSERT.replace("\n", end), codec=codec)
    assert [(r.fields["threat"], r.fields.get("target", ""), r.source.at) for r in records] == [
        (CHOPPER, "C:\\inetpub\\wwwroot\\aspnet_client\\one.aspx", "line 13"),
        (CHOPPER, "C:\\inetpub\\wwwroot\\aspnet_client\\two.aspx", "line 15"),
        ("Exploit:Win32/Other.B", "", "line 24"),
    ]
    assert {(r.kind, r.channel, r.time, r.fields["tool"], r.fields["local_time"]) for r in records} == {
        ("tool.detection", "msert", None, "msert", "2021-03-09T10:00:01")
    }
    assert [r.fields["action"] for r in records] == ["NoAction, result 0x00000000"] * 2 + ["and Removed"]
    assert [(r.what, r.value, r.day) for r in readings] == [
        ("tool", "Microsoft Safety Scanner 1.333.160.0: 2 threats, return code 7", date(2021, 3, 9))
    ]
    assert [(g.cause, g.count, g.channel) for g in gaps] == [(Cause.UNREADABLE, 2, "msert")]
    assert spans == []


def test_each_run_of_the_scanner_is_told():
    records, readings, gaps, _ = run(CLEAN + CLEAN.replace("Thu Feb 22", "Fri Feb 23"))
    assert records == []
    assert [(r.value, r.day) for r in readings] == [
        ("Microsoft Safety Scanner 1.405.445.0: nothing found, return code 0", date(2024, 2, day)) for day in (22, 23)
    ]
    assert gaps == []


def test_a_run_that_did_not_finish_and_a_date_in_another_language_are_told_without_a_day():
    torn = CLEAN[: CLEAN.index("Results")].replace("Thu Feb 22 13:33:34 2024", "jeu. 22 févr. 2024")
    records, readings, gaps, _ = run(torn)
    assert records == []
    assert [(r.value, r.day) for r in readings] == [
        ("Microsoft Safety Scanner 1.405.445.0: nothing found, did not finish", None)
    ]
    assert gaps == []


def test_other_wordings_of_a_detection():
    text = CLEAN.replace(
        "Results Summary",
        f"Threat detected: {CHOPPER}\nFound virus: Virus:X/Y in file://C:\\a\\b.aspx, removed\nResults Summary",
    )
    records, _, gaps, _ = run(text)
    assert sorted((r.fields["threat"], r.fields.get("target", "")) for r in records) == [
        (CHOPPER, ""),
        ("Virus:X/Y", "C:\\a\\b.aspx"),
    ]
    assert gaps == []


def test_the_mitigation_tool_tells_its_steps():
    text = """2021-03-16 10:20:11 Info: Starting EOMT.ps1 version 21.03.16.1200 on EX01
2021-03-16 10:20:12 Info: EX01 is vulnerable: applying mitigation
2021-03-16 10:21:00 Info: Mitigation complete on EX01 :: Default Web Site
2021-03-16 10:40:00 Info: Threats detected! Please review "C:\\Windows\\debug\\msert.log" as soon as possible.
2021-03-17 10:20:12 Info: EX01 is not vulnerable: mitigation not needed
"""
    records, readings, gaps, _ = run(text, "C/Users/a/AppData/Local/Temp/msert/EOMT.log", "utf-16")
    assert [(r.value, r.day) for r in readings] == [
        ("EOMT: started", date(2021, 3, 16)),
        ("EOMT: the server was vulnerable", date(2021, 3, 16)),
        ("EOMT: mitigation applied", date(2021, 3, 16)),
        ("EOMT: the Safety Scanner found threats", date(2021, 3, 16)),
        ("EOMT: the server was already patched", date(2021, 3, 17)),
    ]
    assert [(r.channel, r.source.at, r.fields["local_time"]) for r in records] == [("eomt", "line 4", "2021-03-16T10:40:00")]
    assert gaps == []


def test_the_summary_is_dated_by_its_file():
    text = "Microsoft Safety Scanner and CVE-2021-26855 mitigation summary\r\nMessage: x\r\n"
    records, readings, gaps, _ = run(text, "C/EOMTSummary.txt", modified=datetime(2021, 3, 16, tzinfo=UTC))
    assert records == []
    assert [(r.value, r.day) for r in readings] == [("EOMT: summary written", date(2021, 3, 16))]
    assert gaps == []


def test_defender_logs_have_times():
    text = f"""2021-03-05T01:00:00.111Z ProcessImageName: x.exe, Pid: 1, TotalTime: 1
2021-03-05T03:12:44.123Z DETECTIONEVENT MPSOURCE_REALTIME {CHOPPER} file:C:\\web\\one.aspx;process:pid:7,ProcessStart:1;
2021-03-05T03:12:45.000Z DETECTION_ADD#1 {CHOPPER} file:C:\\web\\two.aspx PropBag [length: 0, data: (null)]
2021-03-05T03:12:46.000Z DETECTION_CLEANEVENT MPSOURCE_REALTIME MP_THREAT_ACTION_QUARANTINE 0x80508033 {CHOPPER} file:C:\\web\\one.aspx;
2021-03-06T03:12:46.000Z Engine:command line reported as threat: C:\\Windows\\System32\\x.exe(x.exe /a)
"""
    records, readings, gaps, spans = run(
        text, "C/ProgramData/Microsoft/Windows Defender/Support/MPLog-20210305-010000.log", "utf-16"
    )
    assert [(r.time, r.fields["action"], r.fields["target"]) for r in records] == [
        (datetime(2021, 3, 5, 3, 12, 44, tzinfo=UTC), "DETECTIONEVENT", "C:\\web\\one.aspx"),
        (datetime(2021, 3, 5, 3, 12, 44, tzinfo=UTC), "DETECTIONEVENT", "pid:7,ProcessStart:1"),
        (datetime(2021, 3, 5, 3, 12, 45, tzinfo=UTC), "DETECTION_ADD", "C:\\web\\two.aspx"),
        (datetime(2021, 3, 5, 3, 12, 46, tzinfo=UTC), "MP_THREAT_ACTION_QUARANTINE", "C:\\web\\one.aspx"),
        (datetime(2021, 3, 6, 3, 12, 46, tzinfo=UTC), "reported as threat", "C:\\Windows\\System32\\x.exe(x.exe /a)"),
    ]
    assert [r.day for r in readings] == [date(2021, 3, 5), date(2021, 3, 6)]
    (span,) = spans
    assert (span.first, span.last, span.records) == (
        datetime(2021, 3, 5, 1, tzinfo=UTC),
        datetime(2021, 3, 6, 3, 12, 46, tzinfo=UTC),
        5,
    )
    assert gaps == []


def test_a_stored_detection_of_defender_names_threat_and_path():
    wide = ["Magic.Version:1.2", CHOPPER, "file", "C:\\inetpub\\wwwroot\\one.aspx", "ThreatTrackingSize"]
    data = b"\x08\0\0\0" + b"\x01\x02\x03\x04".join(t.encode("utf-16-le") + b"\0\0" for t in wide)
    path = "C/ProgramData/Microsoft/Windows Defender/Scans/History/Service/DetectionHistory/0A/01234567-89AB-CDEF-0123-456789ABCDEF"
    records, readings, gaps, _ = run(data, path)
    assert [(r.fields["threat"], r.fields["target"], r.time) for r in records] == [(CHOPPER, wide[3], None)]
    assert len(readings) == 1
    assert gaps == []
    assert [g.cause for g in run(b"\x00" * 40, path)[2]] == [Cause.DAMAGED]


@pytest.mark.parametrize("name", ["msert.log", "EOMT.log", "MPLog-20210305-010000.log"])
@pytest.mark.parametrize("data", [b"", b"\x00" * 5000, b"\xff\xfe\x00", b"x" * 300_000])
def test_rubbish_is_a_gap(name, data):
    records, readings, gaps, spans = run(data, "C/" + name)
    assert (records, readings, spans) == ([], [], [])
    assert [(g.cause, g.kind) for g in gaps] == [(Cause.DAMAGED, "tool.detection")]


def test_what_it_takes():
    reader = ToolLogs()
    for name in ("msert.log", "MSERT.old.log", "EOMTv2Summary.txt", "EOMTv2.log", "MPDetection-20210305-010000.log", "mrt.log"):
        assert reader.expects(File("e", "x/" + name)), name
    assert not reader.expects(File("e", "x/u_ex210303.log"))
    assert reader.recognises(MSERT.encode("utf-16"), File("e", "x/copy.txt"))
    assert not reader.recognises(b"#Software: Microsoft Internet Information Services 10.0", File("e", "x/a.log"))
