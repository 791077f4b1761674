"""The first look rules out what cannot matter, and nothing else."""

from __future__ import annotations

import pytest
from web_pages import REQ, rules
from web_samples import CS, SERVER, csharp

from exhume.detectors.webcode.page import read_page
from exhume.detectors.webcode.relevance import _ALONE, _WITH_VISITOR, matters

WRITE = f'WriteAllText({REQ}["p"], {REQ}["k"]);'


@pytest.mark.parametrize(
    "page",
    [
        csharp(f"System.IO . File .{WRITE}"),
        f"{CS}<%using F = System.IO.File;%>\n<script {SERVER}>\nvoid Page_Load(object o, EventArgs e) {{ F.{WRITE} }}\n</script>",
    ],
)
def test_the_class_of_files_is_seen_whatever_it_is_called(page):
    assert rules(page, "page.aspx") == {"writes-file"}


@pytest.mark.parametrize(
    "code",
    [
        f'var d = Session["SystemDirectory"] + {REQ}["file"];',
        f'x = {REQ}["a"]; y = fileName + directoryName;',
        'var a = GetReference(resource); if (o.Exists("reset")) { Show(a); }',
    ],
)
def test_names_that_only_hold_such_a_word_are_ruled_out(code):
    assert not matters(read_page(csharp(code), "aspx"))


def test_a_member_of_another_class_is_no_powershell():
    assert rules('@{\n  Assets.AddScript("~/Scripts/a.js");\n}\n<p>x</p>', "page.cshtml") == set()
    shell = "var p = Power" + 'Shell.Create(); p.AddScript("whoami");'
    assert rules(csharp(shell), "page.aspx") == {"runs-command-likely"}


def test_a_text_file_is_a_usual_part_of_a_page_but_not_all_of_it():
    part = '<!--#include file="notes.txt"-->'
    assert rules(part, "page.asp") == {"runs-other-file"}
    assert rules(f"<table><tr><td>{'a note ' * 40}</td></tr></table>{part}<% Response.Write Now %>", "page.asp") == set()
    assert rules(f"<table><tr><td>{'a note ' * 40}</td></tr></table>{part.replace('txt', 'jpg')}", "page.asp") == {
        "runs-other-file"
    }


def test_text_under_a_settings_name_is_no_page():
    """Application folders hold SQL scripts that are called ``x.config``: no server runs text without a mark as code there."""
    text = 'Execute("' + REQ + '")\nSELECT name FROM t WHERE a = 1\n'
    assert matters(read_page(text, "asp"))
    assert not matters(read_page(text, "config"))
    assert matters(read_page("<%" + text + "%>", "config"))


@pytest.mark.parametrize("word", sorted(w for words in _ALONE.values() for w in words))
def test_each_word_that_counts_alone_is_seen(word):
    assert matters(read_page(csharp(f"x.{word.title()};"), "aspx"))


@pytest.mark.parametrize("word", sorted(w for words in _WITH_VISITOR.values() for w in words))
def test_each_word_that_counts_with_a_visitor_is_seen(word):
    assert matters(read_page(csharp(f'x.{word.title()}({REQ}["a"]);'), "aspx"))
    assert matters(read_page(csharp(f"x.{word.title()}(a);"), "aspx")) is ("request" in word)


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("a = new  Function(b);", True),
        ("a = renew Function(b);", False),
        ("Assembly.x;", True),
        ("MyAssembly.x;", False),
        ("x = Activator;", True),
        ("Declare Auto Function x", True),
        ("Undeclare Auto Function x", False),
        ("b = GetRef(c)", True),
        ("b = TargetRef(c)", False),
    ],
)
def test_a_whole_word_is_no_part_of_a_longer_one(code, counts):
    assert matters(read_page(csharp(code), "aspx")) is counts


@pytest.mark.parametrize(
    "product", ["xAgt", "Carbon Black", "SentinelOne", "Cortex XDR", "Windows Defender", "360safe", "ESET"]
)
def test_a_page_that_looks_for_a_security_product_is_followed(product):
    assert matters(read_page(csharp(f'if (d.Exists("{product}")) {{ a(); }}'), "aspx"))
