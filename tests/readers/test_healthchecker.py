"""HealthChecker's reports: what moves with updates and what does not, several servers, damage, bounds."""

import io
import json
from datetime import date

import pytest

from exhume.model import Cause, File, Gap, Reading
from exhume.readers.healthchecker import HealthChecker

DAY = date(2024, 3, 4)
NAME = "HealthChecker-EX01-20240304101112.xml"


def note(name, value, kind="S"):
    return f'<{kind} N="{name}">{value}</{kind}>'


def thing(name, *inside, said=""):
    named = f' N="{name}"' if name else ""
    return f'<Obj{named} RefId="1"><TN RefId="0"><T>System.Object</T></TN>{f"<ToString>{said}</ToString>" if said else ""}<MS>{"".join(inside)}</MS></Obj>'


def listed(name, *inside):
    return f'<Obj N="{name}" RefId="2"><TN RefId="0"><T>List</T></TN><LST>{"".join(inside)}</LST></Obj>'


def version(text, name="EX01"):
    shown = f'<Obj N="AdminDisplayVersion" RefId="9"><ToString>{text}</ToString><Props><I32 N="Major">15</I32></Props></Obj>'
    return thing("GetExchangeServer", note("Name", name), shown)


def directory(name, secure):
    return thing("", note("VirtualDirectoryName", name), note("ProperlySecuredConfiguration", secure, "B"))


def protection(*secure, supported="true"):
    directories = listed(
        "ExtendedProtectionConfiguration", *(directory(f"Default Web Site/{i}", s) for i, s in enumerate(secure))
    )
    return thing("ExtendedProtectionConfig", note("SupportedVersionForExtendedProtection", supported, "B"), directories)


def report(*inside, failed="false", build="15.01.2507.035", kbs=()):
    setup = thing("ExchangeSetup", note("FileVersion", build), note("FailedGetExSetup", failed, "B"))
    updates = listed("KBsInstalledInfo", *(thing("", note("PackageName", n), note("InstalledDate", d)) for n, d in kbs))
    information = thing("ExchangeInformation", thing("BuildInformation", setup, updates), *inside)
    return f'<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">\n{thing("", thing("HealthCheckerExchangeServer", information))}\n</Objs>'


def read(content, name=NAME, encoding="utf-8"):
    data = content if isinstance(content, bytes) else content.encode(encoding)
    out = list(HealthChecker().read(io.BytesIO(data), File("e", f"x/{name}", size=len(data)), None))
    return [(r.what, r.value, r.day, r.trust) for r in out if isinstance(r, Reading)], [g for g in out if isinstance(g, Gap)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_build_of_exsetup_and_of_the_cumulative_update(encoding):
    readings, gaps = read(report(version("Version 15.1 (Build 2507.6)")), encoding=encoding)
    assert readings == [("build", "15.1.2507.6", DAY, "cu"), ("build", "15.1.2507.35", DAY, "exact")]
    assert gaps == []


def test_a_failed_look_up_tells_the_cumulative_update_only():
    assert read(report(failed="true", build="15.1.2507.6"))[0] == [("build", "15.1.2507.6", DAY, "cu")]


def test_updates_with_days_that_can_mean_one_day_only():
    kbs = [
        ("Security Update for Exchange Server 2016 CU23 (KB5036386)", "9/20/2023"),
        ("Update (KB5000871)", "3/9/2021"),
        ("Other", "1/1/2021"),
    ]
    assert read(report(kbs=kbs))[0][1:] == [
        ("update", "KB5036386", date(2023, 9, 20), "exact"),
        ("update", "KB5000871", None, "exact"),
    ]


@pytest.mark.parametrize(
    ("inside", "state"),
    [
        (protection("true", "true"), ["ExtendedProtection=on"]),
        (protection("true", "false"), ["ExtendedProtection=off"]),
        (protection("true", supported="false"), ["ExtendedProtection=off"]),
        (protection(), []),
        ("", []),
    ],
)
def test_extended_protection(inside, state):
    assert [r[1] for r in read(report(inside))[0] if r[0] == "setting"] == state


def test_mitigations_that_the_service_applied():
    inside = thing("GetExchangeServer", listed("MitigationsApplied", "<S>PING1</S>", "<S>M1.1</S>"))
    assert read(report(inside))[0][1:] == [("mitigation", "CVE-2022-41040 PowerShell M1.1", DAY, "exact")]


def test_several_servers_with_different_builds_are_not_mixed():
    many = version("Version 15.1 (Build 2507.6)") + version("Version 15.2 (Build 32176.9)", "EX02")
    readings, gaps = read(f"<Objs>{many}</Objs>", "servers.xml")
    assert readings == []
    assert [g.cause for g in gaps] == [Cause.SKIPPED]
    same = version("Version 15.2 (Build 32176.9)") + version("Version 15.2 (Build 2176.9)", "EX02")
    assert read(f"<Objs>{same}</Objs>", "servers.xml")[0] == [("build", "15.2.2176.9", None, "cu")]


def test_the_day_stands_in_the_report_if_not_in_its_name():
    content = f"<Objs>{thing('HealthCheckerExchangeServer', note('GenerationTime', '2024-03-05T10:11:12.13+01:00', 'DT'), thing('ExchangeSetup', note('FileVersion', '15.1.2507.35')))}</Objs>"
    assert read(content, "HealthChecker-EX01.xml")[0] == [("build", "15.1.2507.35", date(2024, 3, 5), "exact")]


def test_what_came_before_the_damage_counts():
    whole = report(version("Version 15.1 (Build 2507.6)"))
    readings, gaps = read(whole[: whole.index("GetExchangeServer")])
    assert readings == [("build", "15.1.2507.35", DAY, "exact")]
    assert [g.cause for g in gaps] == [Cause.DAMAGED]


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"<Objs", b'<!DOCTYPE a [<!ENTITY b "c">]><Objs>&b;</Objs>', b"\xff\xfe<\0O"]
)
def test_no_damage_raises(content):
    readings, gaps = read(content)
    assert readings == []
    assert {g.cause for g in gaps} <= {Cause.DAMAGED}
    assert gaps


def test_depth_and_numbers_are_bounded():
    deep = "<Obj>" * 3000 + "</Obj>" * 3000
    wide = thing("", *(note(f"n{i}", "x") for i in range(5000)))
    assert read(f"<Objs>{deep}{wide}{thing('ExchangeSetup', note('FileVersion', '15.1.2507.35'))}</Objs>")[0] == [
        ("build", "15.1.2507.35", DAY, "exact")
    ]


def test_the_json_report():
    name = "HealthChecker-VulnerabilityReport-20240304101112.json"
    tree = {"Servers": [{"Name": "EX01", "BuildVersion": "15.1.2507.35", "Online": True}]}
    assert read(json.dumps(tree), name) == ([("build", "15.1.2507.35", DAY, "cu")], [])
    assert read(json.dumps(tree | {"Servers": tree["Servers"][0]}), name)[0] == [("build", "15.1.2507.35", DAY, "cu")]
    tree["Servers"].append({"Name": "EX02", "BuildVersion": "15.2.1118.7"})
    assert [g.cause for g in read(json.dumps(tree), name)[1]] == [Cause.SKIPPED]
    for bad in ("", "[1]", "{", "[" * 100_000, '{"Servers": [1, null]}'):
        assert read(bad, name)[0] == []


def test_which_files_are_taken():
    reader = HealthChecker()
    assert reader.recognises(report().encode("utf-16")[:4096], File("e", "x.xml"))
    assert not reader.recognises(b"<Objs><Obj><T>System.Object</T></Obj></Objs>", File("e", "x.xml"))
    assert reader.expects(File("e", "a/" + NAME))
    assert not reader.expects(File("e", "a/checker.xml"))


@pytest.mark.parametrize(
    ("name", "inside", "server"),
    [
        ("HealthChecker-EX01-20240304101112.xml", "EX02", "EX01"),
        ("report.xml", "ex02.contoso.test", "EX02"),
        ("report.xml", "&lt;b&gt;x", ""),
        ("report.xml", "", ""),
    ],
)
def test_of_which_server_it_is(name, inside, server):
    content = f"<Objs>{thing('', thing('HealthCheckerExchangeServer', note('ServerName', inside), thing('ExchangeSetup', note('FileVersion', '15.1.2507.35'))))}</Objs>"
    out = list(HealthChecker().read(io.BytesIO(content.encode()), File("e", name, size=len(content)), None))
    assert [r.server for r in out] == [server]
