"""What the simulator writes has the form that the servers write: read back with nothing of exhume's."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from exhume.simulator import Truth, load, simulate

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")
DOCUMENTATION = re.compile(r"(192\.0\.2|198\.51\.100|203\.0\.113|127\.0\.0|15\.\d+\.\d+|4\.0\.30319|2\.25\.1|0\.0\.0)\.\d+")
COLUMNS = {
    "HttpProxy Logs": 74,
    "ECP Server Log": 4,
    "ECP Activity Context Log": 4,
    "Rps Http Logs": 38,
    "Message Tracking Log": 30,
}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("evidence")
    return folder, simulate("proxylogon-full", folder)


def exchange_logs(folder: Path) -> Iterator[tuple[Path, str, list[str], list[list[str]]]]:
    """Path, log type, columns and rows of each Exchange log."""
    for path in sorted(folder.rglob("*.LOG")):
        raw = path.read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf#Software: Microsoft Exchange Server\r\n"), path
        assert raw.endswith(b"\r\n")
        text = raw.decode("utf-8-sig")
        head = dict(line[1:].split(": ", 1) for line in text.split("\r\n")[:5])
        fields = head["Fields"].split(",")
        rows = [row for row in csv.reader(io.StringIO(text)) if not row[0].startswith("#") and row != fields]
        yield path, head["Log-type"], fields, rows


def iis_rows(folder: Path, site: str) -> list[dict[str, str]]:
    rows = []
    for path in sorted(folder.rglob(f"{site}/u_ex*.log")):
        lines = path.read_bytes().decode().split("\r\n")
        assert lines[0] == "#Software: Microsoft Internet Information Services 10.0"
        fields = lines[3].removeprefix("#Fields: ").split(" ")
        for line in lines[4:-1]:
            cells = line.split(" ")
            assert len(cells) == len(fields) == 15, line
            rows.append(dict(zip(fields, cells, strict=True)))
        assert {row["date"] for row in rows[-5:]} == {f"20{path.name[4:6]}-{path.name[6:8]}-{path.name[8:10]}"}
    return rows


def test_every_row_has_as_many_cells_as_its_log_has_columns(evidence: tuple[Path, Truth]) -> None:
    seen = set()
    for path, log_type, fields, rows in exchange_logs(evidence[0]):
        seen.add(log_type)
        assert len(fields) == COLUMNS.get(log_type, len(fields)), path
        assert rows, path
        assert {len(row) for row in rows} == {len(fields)}, path
    assert seen >= COLUMNS.keys() | {"EWS Logs", "MapiHttp Logs", "Rps Cmdlet Logs", "OAB Generator Log"}


def test_rows_stand_in_the_file_of_their_hour_and_in_order(evidence: tuple[Path, Truth]) -> None:
    for path, log_type, _, rows in exchange_logs(evidence[0]):
        times = [row[0] for row in rows]
        assert times == sorted(times), path
        if log_type == "HttpProxy Logs":
            hour = re.search(r"_(\d{4})(\d\d)(\d\d)(\d\d)-\d+\.LOG$", path.name)
            assert hour
            prefix = "{}-{}-{}T{}".format(*hour.groups())
            assert {time[:13] for time in times} == {prefix}


def test_front_end_rows_of_both_logs_have_the_same_ids_addresses_and_status(evidence: tuple[Path, Truth]) -> None:
    proxied = {}
    for _, log_type, fields, rows in exchange_logs(evidence[0]):
        if log_type == "HttpProxy Logs":
            proxied |= {row[1]: dict(zip(fields, row, strict=True)) for row in rows}
    joined = {}
    for row in iis_rows(evidence[0], "W3SVC1"):
        match = re.search(r"cafeReqId=([^;]+);", row["cs-uri-query"])
        if match:
            assert GUID.fullmatch(match[1])
            joined[match[1]] = row
    assert len(joined) > 3000
    assert proxied.keys() == joined.keys()
    for key, row in joined.items():
        other = proxied[key]
        assert (row["c-ip"], row["sc-status"], row["cs-uri-stem"]) == (
            other["ClientIpAddress"],
            other["HttpStatus"],
            other["UrlStem"],
        )
        assert row["cs(User-Agent)"].replace(",", "+") == other["UserAgent"].replace(" ", "+")


def test_the_write_stands_in_all_five_logs(evidence: tuple[Path, Truth]) -> None:
    folder = evidence[0]
    reset = [
        row
        for path, _, fields, rows in exchange_logs(folder)
        if "Ecp" in path.parts
        for row in rows
        if "ResetOABVirtualDirectory#" in row[fields.index("AnchorMailbox")]
    ]
    assert len(reset) == 2
    canaries = [re.findall(r"msExchEcpCanary=([^&]+)&", ",".join(row)) for row in reset]
    front = iis_rows(folder, "W3SVC1")
    assert {row[1] for row in reset} <= {m[1] for r in front if (m := re.search(r"cafeReqId=([^;]+)", r["cs-uri-query"]))}
    back = [r for r in iis_rows(folder, "W3SVC2") if "schema=ResetOABVirtualDirectory" in r["cs-uri-query"]]
    assert {(r["cs-username"], r["s-port"]) for r in back} == {("CONTOSO\\EX01$", "444")}
    commands = [row[3] for _, log_type, _, rows in exchange_logs(folder) if log_type == "ECP Server Log" for row in rows]
    removed = [c for c in commands if "Remove-OABVirtualDirectory.Force=$true" in c]
    assert len(removed) == 2
    assert all(canary in command for (canary, *_), command in zip(canaries, removed, strict=True))
    events = (folder / "C/Windows/System32/winevt/Logs-exported/MSExchange Management.xml").read_text()
    assert events.count("Remove-OabVirtualDirectory") == 2


def test_both_quoting_layers_of_the_admin_centres_log(evidence: tuple[Path, Truth]) -> None:
    raw = b"".join(path.read_bytes() for path in sorted(evidence[0].rglob("ECPServer*.LOG"))).decode()
    assert "'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<" in raw
    assert raw.count('=""JScript"" ') == 2
    assert ',"S:TIME=640;S:SID=' in raw
    assert "S:CMD=Pipeline.1|Get-MailboxRegionalConfiguration;" in raw


def test_events_are_well_formed_and_in_order(evidence: tuple[Path, Truth]) -> None:
    channels = set()
    for path in (evidence[0] / "C/Windows/System32/winevt/Logs-exported").iterdir():
        text = path.read_text()
        assert text.startswith("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>")
        tree = ElementTree.fromstring(f"<Events>{text}</Events>")
        name = "{http://schemas.microsoft.com/win/2004/08/events/event}"
        times = [e.attrib["SystemTime"] for e in tree.iter(f"{name}TimeCreated")]
        assert times == sorted(times)
        channel = {e.text for e in tree.iter(f"{name}Channel")}
        assert channel == {path.stem.replace("%4", "/")}
        channels |= channel
        if path.stem == "MSExchange Management":
            assert {len(e.findall(f"{name}Data")) for e in tree.iter(f"{name}EventData")} == {27}
    assert channels >= {"Security", "System", "Application", "MSExchange Management", "Microsoft-Windows-Sysmon/Operational"}


def test_every_address_is_from_the_ranges_for_documentation(evidence: tuple[Path, Truth]) -> None:
    folder, truth = evidence
    for row in iis_rows(folder, "W3SVC1"):
        assert re.fullmatch(r"(192\.0\.2|198\.51\.100|203\.0\.113|127\.0\.0)\.\d+|::1|fe80::[\da-f:]+%3", row["c-ip"])
    assert all(DOCUMENTATION.fullmatch(address) for address in truth.addresses)


def test_files_carry_the_time_of_their_last_row(evidence: tuple[Path, Truth]) -> None:
    from datetime import UTC, datetime

    page = evidence[0] / "C/inetpub/wwwroot/aspnet_client/system_web/r8kq2w1z.aspx"
    assert datetime.fromtimestamp(page.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M") == "2021-03-03 06:49"
    log = evidence[0] / "C/inetpub/logs/LogFiles/W3SVC1/u_ex210302.log"
    assert datetime.fromtimestamp(log.stat().st_mtime, UTC).strftime("%Y-%m-%d %H") == "2021-03-02 23"


def test_the_truth_is_told_and_can_be_written(evidence: tuple[Path, Truth], tmp_path: Path) -> None:
    folder, truth = evidence
    truth.write(tmp_path / "truth.json")
    told = json.loads((tmp_path / "truth.json").read_text())
    assert told["verdict"] == "compromised"
    assert told["campaigns"]["proxylogon"] == {"verdict": "compromised", "outcome": "post"}
    assert told["first_action"] == "2021-02-27T03:14:02Z"
    assert told["shells"] == ["/aspnet_client/system_web/r8kq2w1z.aspx", "/owa/auth/RedirSuiteServerProxy.aspx"]
    assert told["bytes"] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert not list(folder.rglob("truth.json"))


def test_logs_are_there_on_the_days_that_were_kept(tmp_path: Path) -> None:
    simulate("quiet-but-logs-rolled", tmp_path)
    told = load("quiet-but-logs-rolled")
    assert told.logs["iis"] is not None
    days = sorted(path.name[4:10] for path in tmp_path.rglob("W3SVC1/u_ex*.log"))
    assert days == ["210307", "210308", "210309"]
    assert {path.name[10:18] for path in tmp_path.rglob("HttpProxy_*.LOG")} == {"20210308", "20210309"}
    assert len(list(tmp_path.rglob("MSExchange Management.xml"))) == 1
