"""Pages that run nothing themselves and hold what another page, or a later day, runs. The samples are inert."""

import pytest
from web_pages import rules

CODE = "".join(("<", "%", "exe", 'cute("', 'a")', "%", ">"))


def numbers(text, moved):
    return f"<script>var a=[{','.join(str(ord(c) + moved) for c in text)}];String.fromCharCode(a[0]-{moved});</script>"


@pytest.mark.parametrize("moved", [13, -7, 100])
def test_code_in_moved_numbers_is_told(moved):
    assert rules(numbers(CODE, moved), "page.asp") == {"hides-code"}


@pytest.mark.parametrize(
    "text", ["<%= Date() %> and some more words", "the quick brown fox jumps over it", "<b>bold words, and more</b>"]
)
def test_other_numbers_are_not(text):
    assert rules(numbers(text, 13), "page.asp") == set()


@pytest.mark.parametrize("line", ["cmd /c dir", "cmd.exe  /K whoami", "powershell -enc AAAA"])
def test_a_page_that_is_a_command_line(line):
    assert rules(f'<?xml version="1.0"?>\n<root>{line}</root>', "xml.asp") == {"carries-command"}


@pytest.mark.parametrize(
    "page",
    [
        "<html><p>Open cmd and press c</p></html>",
        "<html><pre>cmd /c dir</pre>" + "<p>words of a manual</p>" * 60 + "</html>",
        '<%@ Page Language="C#" %><!-- built with cmd /c make -->\n<% Response.Write(1); %>',
    ],
)
def test_words_about_commands_are_not(page):
    assert rules(page, "page.aspx") == set()
