"""From what a visitor sends to what runs it, in each language."""

from __future__ import annotations

from dataclasses import replace

from web_pages import ASM, EV, EX, PROC, REQ, WSH, look, record, rules
from web_samples import FSO

from exhume.detectors.webcode import WebCode
from exhume.judge.verdict import raised
from exhume.model import Confidence, Finding, Severity, Verdict


def test_script_that_a_visitor_sends():
    assert rules(f'<%{EX} {REQ}("a")%>', "a.asp") == {"runs-code"}
    assert rules(f'<%@ Page Language="Jscript"%><%{EV}({REQ}.Item["a"],"unsafe");%>') == {"runs-code"}
    assert rules('<%Response.Write Request("a")%>', "a.asp") == set()


def test_a_command_in_each_language():
    csharp = f'<%@ Page Language="C#"%><script runat="server">void Go(){{string c={REQ}["c"];{PROC}.Start("x", c);}}</script>'
    basic = f'<%@ Page Language="VB"%><script runat="server">Sub Go()\nDim c As String = {REQ}("c")\n{PROC}.Start("x", c)\nEnd Sub</script>'
    classic = f'<%set s=Server.CreateObject("{WSH}")\nc={REQ}.Form("c")\ns.Run c%>'
    assert rules(csharp) == rules(basic) == rules(classic, "a.asp") == {"runs-command"}


def test_a_program_that_a_visitor_sends():
    page = f'<%@ WebHandler Language="C#" Class="H"%>class H{{void ProcessRequest(HttpContext x){{var b=x.{REQ}.BinaryRead(9);{ASM}.Load(b);}}}}'
    assert rules(page, "a.ashx") == {"loads-program"}


def test_the_way_is_told_with_line_numbers():
    page = f'<%@ Page Language="C#"%>\n<%\nstring c = {REQ}["c"];\nstring d = "/c " + c;\n{PROC}.Start("x", d);\n%>'
    finding = next(r for r in look(page) if isinstance(r, Finding))
    assert [(b.field, b.value) for b in finding.because] == [
        ("line 3", "Request 'c'"),
        ("line 3", "goes into c"),
        ("line 4", "goes into d"),
        ("line 5", "process.start, which starts a program"),
    ]


def test_a_shell_in_a_served_folder_is_a_compromise_and_elsewhere_a_suspicion():
    page = f'<%{EX} {REQ}("a")%>'.encode()
    served = next(iter(WebCode().detect(record(page, "a.asp"))))
    stored = next(iter(WebCode().detect(record(page, "a.asp", served=False))))
    assert isinstance(served, Finding)
    assert isinstance(stored, Finding)
    assert (served.severity, served.confidence, served.pack) == (Severity.CRITICAL, Confidence.HIGH, "webshell")
    assert raised(served) == Verdict.COMPROMISED
    assert raised(stored) == Verdict.SUSPECTED


def test_the_name_of_a_page_speaks_for_or_against_it():
    page = record(f'<%{EX} {REQ}("a")%>', "x.asp")

    def context(**fields):
        changed = replace(page, fields={**page.fields, **fields})
        return [b.field for f in WebCode().detect(changed) for b in f.because if not b.field.startswith("line")]

    assert context() == []
    assert context(odd_name="a device name", near_product="logon.aspx", product_name=False) == ["odd_name", "near_product"]
    assert context(times=("made later", "changed before")) == ["times", "times"]
    assert context(product_name=True) == ["product_name"]


def test_a_method_of_the_pages_own_class_is_followed_to_what_it_does():
    page = (
        f'<%\nClass Work\nSub CopyFile(a)\nSet f = CreateObject("{FSO}")\nf.DeleteFile a\nf.GetFolder a\nEnd Sub\nEnd Class\n'
        f'Set w = New Work\nw.CopyFile {REQ}("p")\n%>'
    )
    (finding,) = look(page, "page.asp")
    assert [b.field for b in finding.because if b.test == "what the page does with it"] == ["line 5", "line 6"]
