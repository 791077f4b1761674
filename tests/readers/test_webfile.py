"""Server-side web files. All content is inert and joined from pieces, so that no antivirus acts on this file."""

import io

import pytest

from exhume.model import Cause, File, Gap, Record
from exhume.readers.script import OVERLAP
from exhume.readers.webfile import WebFile

OPEN = "<" + "%"
RUNS = "run" + "at"
AUTH = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth/"


def run(data, path=AUTH + "x.aspx", **reader):
    file = File("e", path, size=len(data))
    out = list(WebFile(**reader).read(io.BytesIO(data), file, None))
    (record,) = [o for o in out if isinstance(o, Record)]
    return record, [o for o in out if isinstance(o, Gap)]


@pytest.mark.parametrize(
    "text",
    [
        f'{OPEN}@ Page Language="C#" %>',
        f"{OPEN} Response.Write(1) %>",
        f'<script language="JScript" {RUNS}="server">var a;</script>',
        f"<SCRIPT {RUNS.upper()} = 'Server' LANGUAGE=c#>",
        f"<script\r\n{RUNS}=server\tlanguage='vb'>",
        f'<script title="a>b" {RUNS}="server">',
        f"<object id=o {RUNS}=server progid=x>",
        '<!-- #include file="a.txt" -->',
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_server_side_script_is_found_in_any_writing(text, codec):
    record, gaps = run(("<html>\n" + text).encode(codec))
    assert record.kind == "web.file"
    assert record.fields["script"] is True
    assert gaps == []


@pytest.mark.parametrize("text", ["+ADw-% x %>", "+ADwAJQ- x", "+ADw-script " + RUNS + "+AD0-server", "+ADwAcwBjAHIAaQBwAHQ-"])
def test_utf_7_is_found(text):
    assert run(text.encode())[0].fields["script"] is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><script>var a = 1</script></html>",
        f"<p>{RUNS}=server</p>",
        f"<script src=a></script><div {RUNS}=server>",
        "100 < 5 % 3",
    ],
)
def test_plain_pages_hold_no_script(text):
    record, gaps = run(text.encode())
    assert record.fields["script"] is False
    assert record.fields["magic"] == "text"
    assert gaps == []


def test_a_mark_across_two_pieces_is_found():
    tag = f"<script {'a=1 ' * 20}{RUNS}='server'>".encode()
    for cut in (1, 40, len(tag) - 1):
        data = b"x" * (1024 * 1024 - cut) + tag + b"y" * 10
        assert run(data)[0].fields["script"] is True


def test_junk_in_front_does_not_hide_a_page():
    record, _ = run(b"\x00\x01\x02\x03\x04\x05" * 50 + f"{OPEN}=1%>".encode())
    assert record.fields["magic"] == "other"
    assert record.fields["script"] is True


@pytest.mark.parametrize(("head", "magic"), [(b"!BDN", "pst"), (b"0\x82\x03\x10", "der")])
def test_a_mailbox_export_or_certificate_request_with_script_is_a_web_file_anywhere(head, magic):
    data = head + bytes(range(256)) * 40 + f"<script language='JScript' {RUNS}='server'>".encode() + bytes(range(256)) * 40
    record, gaps = run(data, "C/ProgramData/x/y.txt")
    assert record.kind == "web.file"
    assert record.channel == "web"
    assert record.fields["magic"] == magic
    assert record.fields["script"] is True
    assert record.fields["served"] is False
    assert gaps == []


def test_script_deep_inside_a_mailbox_export_is_found_and_readable_text_is_needed():
    filler = (b"\x01" + OPEN.encode() + b"\x02\x03") * 300_000
    assert run(b"!BDN" + filler, "C/x.pst")[0].kind == "file.entry"
    deep = b"!BDN" + filler + f"{OPEN} Dim something, other".encode() + filler
    assert run(deep, "C/x.pst")[0].kind == "web.file"


def test_a_mailbox_export_without_script_stays_a_plain_file():
    record, gaps = run(b"!BDN" + bytes(4096), "D/export/user.pst")
    assert record.kind == "file.entry"
    assert "script" not in record.fields
    assert len(record.fields["sha256"]) == 64
    assert gaps == []


def test_a_certificate_with_a_served_extension_is_told_as_der_without_script():
    record, gaps = run(b"0\x82\x03\x10" + OPEN.encode() + bytes(range(128, 256)) * 8, "C/inetpub/wwwroot/ca.cer")
    assert (record.fields["magic"], record.fields["script"]) == ("der", False)
    assert gaps == []


def test_what_it_takes():
    reader = WebFile()
    for name in (
        "a.aspx",
        "A.ASHX",
        "b.asmx",
        "web.config",
        "x.cer",
        "x.cshtml",
        "x.aspx. ",
        "x.aspx::$DATA",
        "x.soap",
        "x.svc",
    ):
        assert reader.expects(File("e", "C/inetpub/wwwroot/" + name)), name
    for name in ("a.js", "aspx", "a.aspx.txt", "a.log"):
        assert not reader.expects(File("e", "C/inetpub/wwwroot/" + name)), name
    assert reader.recognises(b"!BDN....", File("e", "C/a.bin"))
    assert reader.recognises(
        b"\xff\xd8\xff\xe0 JFIF" + f"{OPEN}@ Page Language=C#".encode(), File("e", "C/inetpub/wwwroot/i.jpg")
    )
    assert not reader.recognises(b"\xff\xd8\xff\xe0 JFIF" + f"{OPEN}@ Page Language=C#".encode(), File("e", "C/Users/i.jpg"))
    assert not reader.recognises(b"#Fields: date time", File("e", "C/inetpub/logs/x.log"))


DUMP = """Name                            : OAB (Default Web Site)\r
PollInterval                    : 480\r
OfflineAddressBooks             : \r
RequireSSL                      : True\r
ExtendedProtectionTokenChecking : None\r
AdminDisplayVersion             : Version 15.1 (Build 2176.2)\r
Server                          : EX01\r
InternalUrl                     : https://ex01.contoso.test/OAB\r
ExternalUrl                     : http://f/{payload}\r
WhenChanged                     : 3/3/2021 6:49:53 AM\r
Guid                            : 22222222-0000-4000-8000-000000000002\r
served                          : False\r
"""


def test_an_oab_dump_is_told_with_its_properties():
    payload = f"<script {RUNS}='server'>inert</script>"
    record, gaps = run(DUMP.format(payload=payload).encode(), AUTH + "abcdefgh.aspx")
    fields = record.fields
    assert fields["oab_dump"] is True
    assert fields["script"] is True
    assert fields["served"] is True
    assert fields["ExternalUrl"] == f"http://f/{payload}"
    assert (fields["Server"], fields["Guid"]) == ("EX01", "22222222-0000-4000-8000-000000000002")
    assert fields["WhenChanged"] == "3/3/2021 6:49:53 AM"
    assert "OfflineAddressBooks" not in fields
    assert fields["name"] == "abcdefgh.aspx"
    assert gaps == []


def test_an_ordinary_page_is_no_oab_dump():
    record, gaps = run(b"Name : a\nServer : b\nGuid : c\nPath : d\nId : e\nIsValid : f\nExternalUrl : g\n")
    assert record.fields["oab_dump"] is False
    assert "Server" not in record.fields
    assert gaps == []


@pytest.mark.parametrize(
    ("place", "product", "near"),
    [
        (AUTH + "logon.aspx", True, ""),
        (AUTH + "errorFE.aspx", True, ""),
        (AUTH + "errorEE.aspx", False, "errorfe.aspx"),
        (AUTH + "errorEW.aspx", False, "errorfe.aspx"),
        (AUTH + "errorFF.aspx", False, "errorfe.aspx"),
        (AUTH + "errorFS.aspx", False, "errorfe.aspx"),
        (AUTH + "OutlookEN.aspx", False, "outlookcn.aspx"),
        (AUTH + "RedirSuiteServerProxy.aspx", False, "redirsuiteserviceproxy.aspx"),
        (AUTH + "TimeoutLogout.aspx", False, "timeoutlogout.aspx"),
        (AUTH.replace("owa", "ecp") + "TimeoutLogout.aspx", True, ""),
        (AUTH.replace("owa", "ecp") + "TimeoutLogoff.aspx", False, "timeoutlogout.aspx"),
        (AUTH + "Current/logon.aspx", False, "logon.aspx"),
        ("C/inetpub/wwwroot/aspnet_client/signout.aspx", False, "signout.aspx"),
        ("C/inetpub/wwwroot/aspnet_client/abcdefgh.aspx", False, ""),
        (AUTH + "login.aspx", False, "logon.aspx"),
        ("C/inetpub/wwwroot/shop/login.aspx", False, ""),
        ("C/inetpub/wwwroot/shop/error.aspx", False, ""),
        ("C/inetpub/wwwroot/shop/OutlookEN.aspx", False, "outlookcn.aspx"),
        ("C/inetpub/wwwroot/web.config", False, ""),
        ("C/Temp/logon.aspx", False, ""),
        (AUTH.replace("C/Program Files/Microsoft/Exchange Server/V15", "X/Mail") + "logon.aspx", True, ""),
    ],
)
def test_product_names_and_their_look_alikes(place, product, near):
    record, gaps = run(b"<html>", place)
    assert record.fields["product_name"] is product
    assert record.fields.get("near_product", "") == near
    assert gaps == []


def test_of_a_file_above_the_limit_both_ends_are_searched_and_the_gap_says_so():
    mark = f"{OPEN}@ Page Language='C#' %>".encode()
    for data in (mark + b"x" * 5000, b"x" * 5000 + mark):
        record, gaps = run(data, hash_limit=1000, ends=200)
        assert record.fields["script"] is True
        assert "sha256" not in record.fields
        assert [g.cause for g in gaps] == [Cause.LIMIT]
    record, gaps = run(b"x" * 2500 + mark + b"x" * 2500, hash_limit=1000, ends=200)
    assert record.fields["script"] is False
    assert [g.cause for g in gaps] == [Cause.LIMIT]


def test_a_hostile_page_of_marks_that_belong_to_no_tag_ends_soon():
    data = (b"<script>" + b"'" * 200 + RUNS.encode() + b"=server" + b" " * (OVERLAP // 2)) * 3000
    record, gaps = run(data)
    assert record.fields["script"] is True
    assert gaps == []


def test_the_folder_counts_as_listed():
    spans = []

    def through():
        spans.extend((yield from WebFile().read(io.BytesIO(b""), File("e", AUTH + "x.aspx"), None)))

    assert len(list(through())) == 1
    assert [(s.kind, s.channel, s.state) for s in spans] == [("web.folder", "/owa/auth", True)]


@pytest.mark.parametrize(
    "path", ["quarantine/0123456789abcdef0123456789abcdef", "samples/page", "q/5d41402abc4b2a76b9719d911017c592.bin"]
)
def test_a_page_without_an_ending_is_told_by_its_first_words(path):
    page = f'{OPEN}@ Page Language="C#" %>'.encode()
    file = File("e", path, size=len(page))
    assert WebFile().recognises(page, file)
    assert run(page, path)[0].kind == "web.file"
    assert WebFile().recognises(page.decode().encode("utf-16"), file)
    for other in (b"plain words", f"{OPEN} template %>".encode(), b"<html></html>"):
        assert not WebFile().recognises(other, file)


def test_a_template_of_another_language_is_no_page_where_it_is_not_served():
    page = f'{OPEN}@ page import="java.util.*" %>'.encode()
    assert not WebFile().recognises(page, File("e", "src/index.erb", size=len(page)))


def test_the_store_of_certificate_requests_is_searched():
    data = bytes(range(32)) + f'{OPEN}@ Page Language="JScript" %>'.encode()
    path = "C/Users/Administrator/AppData/Roaming/Microsoft/SystemCertificates/Request/Certificates/AB01"
    assert WebFile().recognises(data, File("e", path, size=len(data)))
    assert not WebFile().recognises(bytes(range(64)), File("e", path, size=64))


def test_scripts_of_the_log_on_page_are_web_files():
    record, gaps = run(b"function clkLgn() {}", AUTH + "15.1.2507/scripts/premium/flogon.js")
    assert (record.kind, record.fields["script"], gaps) == ("web.file", False, [])
    assert not WebFile().expects(File("e", "C/inetpub/wwwroot/app/x.js"))
    assert not WebFile().recognises(b"var a;", File("e", "C/inetpub/wwwroot/app/x.js"))
