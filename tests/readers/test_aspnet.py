"""Remnants of compiled pages."""

import io

import pytest

from exhume.model import Cause, File, Gap, Record
from exhume.readers.aspnet import AspNet, folder_number

FOLDER = "C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/root/e22c2559/92c7e946/"
XML = """<?xml version="1.0" encoding="utf-8"?>
<preserve resultType="3" virtualPath="/aspnet_client/Abcdefgh.aspx" hash="fffffff" filehash="123abc" flags="110000" assembly="App_Web_abcdefgh.aspx.f5dba9b9.x1y2z3" type="ASP.aspnet_client_abcdefgh_aspx">
    <filedeps><filedep name="/aspnet_client/Abcdefgh.aspx" /></filedeps>
</preserve>
"""


def run(data, name="abcdefgh.aspx.f5dba9b9.compiled", folder=FOLDER):
    spans = []

    def through():
        spans.extend((yield from AspNet().read(io.BytesIO(data), File("e", folder + name), None)))

    out = list(through())
    return [o.fields for o in out if isinstance(o, Record)], [o for o in out if isinstance(o, Gap)], spans


def test_a_remnant_names_the_page():
    (fields,), gaps, spans = run(XML.encode("utf-8-sig"))
    assert fields["url"] == "/aspnet_client/abcdefgh.aspx"
    assert fields["virtualPath"] == "/aspnet_client/Abcdefgh.aspx"
    assert (fields["application"], fields["page"], fields["resultType"]) == ("root", "abcdefgh.aspx", "3")
    assert fields["assembly"] == "App_Web_abcdefgh.aspx.f5dba9b9.x1y2z3"
    assert fields["type"] == "ASP.aspnet_client_abcdefgh_aspx"
    assert fields["windows_path"].startswith("C:\\Windows\\Microsoft.NET\\")
    assert [(s.kind, s.channel, s.state) for s in spans] == [("aspnet.compiled", "compiled", True)]
    assert gaps == []


@pytest.mark.parametrize("folder", ["kape/", ""])
def test_outside_its_folder_the_application_comes_from_the_path(folder):
    (fields,), gaps, _ = run(XML.replace("/aspnet_client/", "/owa/auth/").encode(), folder=folder)
    assert (fields["application"], fields["url"]) == ("owa", "/owa/auth/abcdefgh.aspx")
    assert gaps == []


@pytest.mark.parametrize("data", [b"", bytes(300), b"\x00\xffrubbish", b"<?xml version='1.0'?><other/>"])
def test_without_its_content_the_name_of_the_file_still_tells(data):
    (fields,), gaps, _ = run(data)
    assert (fields["page"], fields["url"], fields["application"]) == ("abcdefgh.aspx", "", "root")
    assert [(g.cause, g.kind) for g in gaps] == [(Cause.DAMAGED, "aspnet.compiled")]


def test_torn_xml_still_names_the_page():
    (fields,), gaps, _ = run(XML.encode()[:260])
    assert fields["url"] == "/aspnet_client/abcdefgh.aspx"
    assert [g.cause for g in gaps] == [Cause.DAMAGED]


def test_an_assembly_names_its_pages():
    def text(path):
        return b"\x1f" + path.encode("utf-16-le") + b"\x00\x01"

    data = (
        b"MZ" + bytes(200) + text("~/auth/One.aspx") + bytes(9) + text("~/auth/two.ashx") + text("~/auth/One.aspx") + bytes(7)
    )
    records, gaps, spans = run(data, "App_Web_x1y2z3.dll", FOLDER.replace("/root/", "/OWA/"))
    assert [(r["url"], r["application"], r["assembly"]) for r in records] == [
        ("/owa/auth/one.aspx", "owa", "App_Web_x1y2z3"),
        ("/owa/auth/two.ashx", "owa", "App_Web_x1y2z3"),
    ]
    assert spans[0].records == 2
    assert gaps == []


def test_an_assembly_that_names_no_page_is_told_by_its_name():
    (fields,), gaps, _ = run(b"MZ" + bytes(500), "App_Web_discover.aspx.f5dba9b9.x1y2.dll")
    assert (fields["page"], fields["url"]) == ("discover.aspx", "")
    assert gaps == []


def test_what_it_takes():
    reader = AspNet()
    assert reader.expects(File("e", "a/x.aspx.f5dba9b9.compiled"))
    assert reader.expects(File("e", "a/App_Web_abc.dll"))
    assert not reader.expects(File("e", "a/Other.dll"))
    assert reader.recognises(XML.encode(), File("e", "a/renamed.txt"))


@pytest.mark.parametrize(
    ("name", "application", "url", "product"),
    [
        ("App_Web_qx7.aspx.f5dba9b9.3k2j1h0g.dll", "owa", "/owa/auth/qx7.aspx", False),
        ("App_Web_logon.aspx.f5dba9b9.3k2j1h0g.dll", "owa", "/owa/auth/logon.aspx", True),
        ("App_Web_x.aspx.898219ba.3k2j1h0g.dll", "root", "/aspnet_client/x.aspx", False),
        ("App_Web_x.aspx.cdcab7d2.3k2j1h0g.dll", "ews", "/ews/x.aspx", False),
        ("App_Web_x.aspx.12345678.3k2j1h0g.dll", "ews", "", False),
        ("x.cshtm.f5dba9b9.compiled", "ecp", "/ecp/auth/x.cshtm", False),
    ],
)
def test_the_name_alone_tells_page_and_folder(name, application, url, product):
    (fields,), _, _ = run(b"MZ", name, FOLDER.replace("root", application))
    assert (fields["url"], fields["product_name"]) == (url, product)


def test_ordinary_assemblies_name_no_page():
    (fields,), gaps, _ = run(b"MZ", "App_Web_4fkx2a1b.dll")
    assert (fields["url"], fields.get("page"), gaps) == ("", None, [])


def test_the_number_of_a_folder_is_the_one_that_precompiled_sites_show():
    assert [folder_number(f) for f in ("~", "~/admin", "~/Auth")] == ["cdcab7d2", "fdf7a39c", "f5dba9b9"]
