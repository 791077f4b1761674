"""Copies of Exchange's own pages are known by their text; whatever brings code is none."""

import pytest

from exhume.readers.productcopy import product_copy

PAGE = '<%@ Page language="c#" AutoEventWireup="false" Inherits="Microsoft.Exchange.HttpProxy.Logon" %>\r\n'
SHOWN = '<%@ Import namespace="Microsoft.Exchange.Clients"%>\n<html dir="<%=IsRtl ? "rtl" : "ltr" %>"><title><%=LocalizedStrings.GetHtmlEncoded(Strings.IDs.Outlook) %></title>'
SERVER = "run" + 'at="server"'


@pytest.mark.parametrize(
    "more",
    [
        "",
        SHOWN,
        "<%-- a note --%>",
        '<input value="<%=EncodingUtilities.HtmlEncode(Destination)%>">',
        "é",
        "<script>var a = 1;</script>",
    ],
)
def test_a_copy_of_the_log_on_page_is_one(more: str) -> None:
    assert product_copy((PAGE + more).encode())


@pytest.mark.parametrize(
    "page",
    [
        "<html>hello</html>",
        '<%@ Page Language="C#" %><html></html>',
        PAGE.replace("Microsoft.Exchange.HttpProxy.Logon", "Evil.Page"),
        PAGE.replace("Inherits", 'Src="x.cs" Inherits'),
        PAGE + "<% int a = 1; %>",
        PAGE + "<%= Request.Item(0) %>",
        PAGE + '<%= System.IO.File.ReadAllText("x") %>',
        PAGE + "<%= this.GetType() %>",
        PAGE + "<%# Eval(1) %>",
        PAGE + "<%= \u0052equest %>".replace("R", "\\u0052"),
        PAGE + f"<script {SERVER}>void Page_Load(){{}}</script>",
        PAGE + f'<object id="x" {SERVER} class="y"></object>',
        PAGE + "<!--#include file=x.inc-->",
        PAGE + '<%@ Assembly Src="x.cs" %>',
        PAGE + '<%@ Register TagPrefix="a" Src="x.ascx" %>',
        PAGE + "<%= Shown",
        PAGE + "\0",
    ],
)
def test_what_brings_code_or_is_of_somebody_else_is_none(page: str) -> None:
    assert not product_copy(page.encode())


def test_bytes_that_are_no_text_are_none() -> None:
    assert not product_copy(PAGE.encode() + b"\xff\xfe")
