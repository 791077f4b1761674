"""The parts: encodings, the Script Encoder, tokens, constants, and the shapes that several effects make together."""

from __future__ import annotations

import pytest
from web_pages import ASM, EV, EX, PROC, REQ, WSH, look, rules
from web_samples import CS, FSO, JS, csharp

from exhume.detectors.webcode import screnc
from exhume.detectors.webcode.encodings import texts, utf7
from exhume.detectors.webcode.folding import arithmetic, fold
from exhume.detectors.webcode.lexer import c_tokens, vb_tokens
from exhume.detectors.webcode.page import read_page
from exhume.model import Confidence, Finding, Severity


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "gb18030"]
)
def test_every_usual_encoding_is_read(encoding):
    page = '<% response.write "déjà vu" : x = request("a") : y = 1 %>'
    assert page in texts(page.encode(encoding))


def test_other_readings_only_where_the_page_asks_for_them():
    assert texts(b"<%@ codepage=37 %>" + "<% x %>".encode("cp037"))[1] == "<%@ codepage=37 %><% x %>"
    assert texts("<% x %>".encode("cp500"))[-1] == "<% x %>"
    assert len(texts(b"<%@ codepage=65001 %><% x %>")) == 1


def test_seven_bits_as_leniently_as_windows():
    assert utf7("e+x-v+x-al+ACI-a+ACI") == 'eval"a"'
    assert utf7("a+-b") == "a+b"


def scrambled(text: str) -> str:
    plain = bytes.fromhex(screnc._TABLE)
    out = ""
    for turn, letter in enumerate(text):
        column = int(screnc._TURNS[turn % 64])
        code = next((c for c in range(32, 128) if chr(c) not in "<>@" and plain[(c - 32) * 3 + column] == ord(letter)), None)
        out += letter if code is None else chr(code)
    return f"#@~^AAAAAA=={out}AAAAAA==^#~@"


def test_the_script_encoder_is_undone_and_the_lines_say_so():
    code = f'{EX} {REQ}("k")'
    assert screnc.unscramble(f"<%{scrambled(code)}%>") == f"<%{code}%>"
    assert screnc.unscramble("<% plain %>") == "<% plain %>"
    finding = next(
        r for r in look(f'<%@ Language="VBScript.Encode"%>\n<%{scrambled(code)}%>', "a.asp") if isinstance(r, Finding)
    )
    assert finding.because[0].field == "line 2 (decoded)"


def test_names_and_texts_of_the_c_family():
    tokens = c_tokens('@int.St\\u0061rt(@"a""b", "\\x41\\u0042\\n", \'c\') // ) "\n/* " */ $"x{y}z"')
    words = [t.value for t in tokens if t.kind in ("name", "text")]
    assert words == ["int", "start", 'a"b', "AB\n", "c", "x", "y", "z"]


def test_names_and_texts_of_the_vb_family():
    tokens = vb_tokens('[End].x "a""b" \' "note\nRem "c\ny = &H41 _\n  & 1 : z')
    assert [t.value for t in tokens if t.kind in ("name", "text")] == ["end", "x", 'a"b', "y", "z"]
    assert [t.value for t in tokens if t.kind == "number"] == ["&H41", "1"]


@pytest.mark.parametrize(
    ("name", "receiver", "args", "result"),
    [
        ("chr", None, (65,), "A"), ("strreverse", None, ("cba",), "abc"), ("mid", None, ("abcd", 2, 2), "bc"), ("replace", None, ("aXb", "X", ""), "ab"),
        ("frombase64string", None, ("YWJj",), "abc"), ("fromcharcode", None, (97, 98), "ab"), ("substring", "abcd", (1, 2), "bc"), ("split", "a-b", ("-",), ("a", "b")),
        ("join", None, (("a", "b"), ""), "ab"), ("unescape", None, ("%61%u0062",), "ab"), ("getstring", None, ((97, 98),), "ab"), ("chr", None, (-1,), None), ("unheardof", None, ("a",), None),
    ],
)  # fmt: skip
def test_what_the_usual_functions_make_of_constants(name, receiver, args, result):
    assert fold(name, receiver, args) == result


def test_arithmetic_on_constants():
    assert (arithmetic("-", 120, 5), arithmetic("&", "a", 1), arithmetic("+", "1", "2"), arithmetic("xor", 5, 1)) == (
        115,
        "a1",
        "12",
        4,
    )
    assert arithmetic("/", 1, 0) is None
    assert arithmetic("+", "x" * 400_000, "y") is None


def test_lines_are_counted_from_one():
    page = read_page("a\nb\n<% x %>", "asp")
    assert [page.line(at) for at in (0, 2, 4)] == [1, 2, 3]


def test_several_kinds_of_file_work_make_a_file_manager():
    head = f'<%\nSet f = CreateObject("{FSO}")\np = {REQ}("p")\n'
    assert rules(
        head + "For Each x In f.GetFolder(p).Files\nResponse.Write x\nNext\nf.DeleteFile p\nf.CreateFolder p\n%>", "a.asp"
    ) == {"manages-files"}
    assert rules(head + "For Each x In f.GetFolder(p).Files\nResponse.Write x\nNext\nf.DeleteFile p\n%>", "a.asp") == {
        "manages-files-likely"
    }
    assert rules(head + "For Each x In f.GetFolder(p).Files\nResponse.Write x\nNext\n%>", "a.asp") == set()


def test_a_database_console_is_told_apart_from_a_query():
    console = f'<%\nSet c = CreateObject("ADODB.Connection")\nc.Open Application("db")\nc.Execute {REQ}("q")\n%>'
    query = f'<%\nSet c = CreateObject("ADODB.Connection")\nc.Open Application("db")\nc.Execute "select * from t where a=" & {REQ}("q")\n%>'
    assert rules(console, "a.asp") == {"runs-sql"}
    assert rules(query, "a.asp") == set()


def test_uploads_under_their_own_name():
    page = f'{CS}<% var f = {REQ}.Files[0]; f.SaveAs(Server.MapPath("~/") + f.FileName); %>'
    assert rules(page) == {"takes-uploads"}
    assert rules(page.replace("var f", 'if (!User.IsInRole("a")) return; var f')) == set()
    assert rules(f'{CS}<% {REQ}.Files[0].SaveAs(Server.MapPath("a.aspx")); %>') == {"writes-file"}


def test_code_that_the_page_hides():
    decoder = "Function d(s)\nFor i = 1 To Len(s)\nd = d & Chr(Asc(Mid(s, i, 1)) - 1)\nNext\nEnd Function\n"
    assert rules(f'<%\n{decoder}{EX} d("sftqpotf/xsjuf!2")\n%>', "a.asp") == {"runs-hidden-code"}
    assert rules(f'<%\n{decoder}{EX} d(Application("rule"))\n%>', "a.asp") == set()  # not of the page itself
    assert rules(f'<%{EX} "a = " & 1%>', "a.asp") == set()
    nested = "".join(f"Chr({ord(c)})&" for c in f'{EX} {REQ}("k")')
    assert rules(f'<%{EX} {nested}""%>', "a.asp") == {"runs-code"}


def test_methods_called_by_name():
    assert rules(f'<% Set f = GetRef("{EV}"): f({REQ}("k")) %>', "a.asp") == {"runs-code"}
    assert rules(f'<%@ Language=JScript%><% this["ev" + "al"]({REQ}("k") + ""); %>', "a.asp") == {"runs-code"}
    by_class = f'object o = Activator.CreateInstance(Type.GetTypeFromProgID("{WSH}"));\n' \
        f'o.GetType().InvokeMember("Run", f, null, o, new object[] {{ {REQ}["k"] }});'  # fmt: skip
    assert rules(csharp(by_class)) == {"runs-command"}
    assert rules(csharp(f'{ASM}.Load("System.Web").GetType({REQ}["t"]).GetMethod({REQ}["m"]).Invoke(null, null);')) == {
        "loads-program"
    }


def test_shapes_without_a_visitor():
    memory = (
        '[DllImport("kernel32")] static extern IntPtr Virtual{0}(); [DllImport("kernel32")] static extern IntPtr Create{1}();'
    )
    page = f"{CS}<script {'run' + 'at=server'}>{memory.format('Alloc', 'Thread')}</script>"
    assert rules(page) == {"runs-machine-code"}
    keys = 'var s = (MachineKeySection)o; Response.Write(s.ValidationKey + "|" + s.DecryptionKey);'
    assert rules(csharp(keys)) == {"shows-machine-keys"}
    survey = (
        'foreach (var p in new[] { "C:/FireEye", "C:/CrowdStrike", "C:/Sophos" }) if (Directory.Exists(p)) Response.Write(p);'
    )
    assert rules(csharp(survey)) == {"surveys-server"}
    assert rules('<!--#include file="picture.jpg"-->', "a.asp") == {"runs-other-file"}
    assert rules('<!--#include file="head.inc"-->', "a.asp") == set()


def test_script_in_an_address_book_dump():
    dump = f'Name : OAB (Default Web Site)\nExternalUrl : http://f/<script language="JScript" {"run" + "at=server"}>function Page_' \
        f'Load(){{{EV}({REQ}["k"],"un" + "safe");}}</script>\nWhenChanged : 1'  # fmt: skip
    assert rules(dump) == {"runs-code"}
    assert rules(JS + "Name : OAB") == set()


def test_a_configuration_file_that_holds_code():
    assert rules(f'<?xml version="1.0"?><configuration/>\n<!-- <%{EV} {REQ}("k")%> -->', "web.config") == {"runs-code"}
    assert (
        rules(
            '<?xml version="1.0"?><configuration><appSettings><add key="a" value="b"/></appSettings></configuration>',
            "web.config",
        )
        == set()
    )


def test_what_is_not_sure_is_a_suspicion():
    finding = next(r for r in look(f'{CS}<% {PROC}.Start("notepad"); %>') if isinstance(r, Finding))
    assert (finding.rule, finding.severity, finding.confidence) == (
        "webcode.runs-command-likely",
        Severity.HIGH,
        Confidence.MEDIUM,
    )


WRITE = f'Set o = Server.CreateObject("{FSO}")\nSet t = o.CreateTextFile(Server.MapPath("x.asp"), True)\n'
LETTERS = '"e"&"v"&"al("&"r"&"equest("&"0'


@pytest.mark.parametrize(
    ("page", "rule"),
    [
        pytest.param(f'<%\n{WRITE}t.Write {REQ}\n\n("k")\n%>', "writes-file", id="a line broken where none ends"),
        pytest.param(f'<%{EV}({LETTERS}″&"-"&"2″&")"&")")%>', "runs-code", id="a quote turned into a double prime"),
        pytest.param(f'1":{EV} {REQ}("a")\'', "runs-code", id="what is put into a text of another page"),
        pytest.param(
            '<%\nSet h = Server.CreateObject("Microsoft.XML" & "HTTP")\n' + f'h.Open "GET", "" & {REQ}.Form("u") & "", False\nh.Send\n%>',
            "relays-requests",
            id="an address between empty texts",
        ),
        pytest.param(
            f'<%\nFunction f(s)\ns = Replace(s, "#!", "e")\ns = Replace(s, "*&", Chr(34))\nf = s\nEnd Function\n'
            f'c = "k = R#!qu#!st(*&k*&)"\n{EX} f(c)\n{WRITE}c = "t.Writ#! k"\n{EX}(f(c))\n%>',
            "writes-file",
            id="a decoder of the page that is a list of replacements",
        ),
    ],
)  # fmt: skip
def test_what_was_torn_or_hidden_simply_is_read(page, rule):
    assert rule in rules(page, "page.asp")


def test_a_function_with_a_branch_is_not_worked_out():
    page = (
        f'<%\nFunction f(s)\nIf x Then\ns = Replace(s, "#", "{REQ}")\nEnd If\nf = s\nEnd Function\nResponse.Write f("#(1)")\n%>'
    )
    assert rules(page, "page.asp") == set()
