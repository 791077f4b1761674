"""Every sample is found, also when it is written differently; ordinary pages are not."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from web_pages import rules
from web_samples import ORDINARY, SHELLS

Rewrite = Callable[[str, bool], str | bytes]
_TEXT = re.compile(r'"((?:[^"\n]|"")*)"')
_CODE = re.compile(r"(<%(?!@).*?%>|<script[^>]*>.*?</script>|(?<=%>)\n(?:public class).*)", re.DOTALL)


def in_code(page: str, change: Callable[[str], str]) -> str:
    return _CODE.sub(lambda m: change(m[0]), page)


def outside_texts(code: str, change: Callable[[str], str]) -> str:
    """Change what does not stand in quotes."""
    return "".join(part if part.startswith('"') else change(part) for part in re.split(r'("(?:[^"\n]|"")*")', code))


def renamed(page: str, vb: bool) -> str:
    return page.replace("alpha", "zq_7x").replace("beta", "O0O0")


def spaced(page: str, vb: bool) -> str:
    gap = "  \t " if vb else "\n\t  "

    def widen(code: str) -> str:
        return code if "runat" in code or "<%=" in code else re.sub(r"([(,=&+])(?!>)", rf"{gap}\1{gap}", code)

    return in_code(page, lambda code: outside_texts(code, widen))


def commented(page: str, vb: bool) -> str:
    if vb:
        return in_code(page, lambda code: code.replace("\n", "\n' a note: \"\nRem another\n", 3))

    def annotate(code: str) -> str:
        return code if "runat" in code else re.sub(r"(\w)(\(|\[)", r"\1/* a ' note \" */\2", code)

    return in_code(page, lambda code: outside_texts(code, annotate))


def other_case(page: str, vb: bool) -> str:
    return in_code(page, lambda code: outside_texts(code, str.swapcase)) if vb else page


def each_text(page: str, change: Callable[[re.Match[str]], str]) -> str:
    """Change the texts of the code, and not the attributes of its script tags."""

    def within(code: str) -> str:
        parts = re.split(r"(<script[^>]*>)", code)
        return "".join(part if part.startswith("<script") else _TEXT.sub(change, part) for part in parts)

    return in_code(page, within)


def split(page: str, vb: bool) -> str:
    join = "&" if vb else "+"

    def cut(match: re.Match[str]) -> str:
        text = match[1]
        return match[0] if len(text) < 2 else f'"{text[:1]}" {join} "{text[1:-1]}" {join} "{text[-1:]}"'

    return each_text(page, cut)


def lettered(page: str, vb: bool) -> str:
    """Texts written letter by letter (VB), or with escapes (C family)."""

    def hide(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0]
        return (
            " & ".join(f"Chr({ord(c)})" for c in match[1]) if vb else '"' + "".join(f"\\u{ord(c):04x}" for c in match[1]) + '"'
        )

    return each_text(page, hide)


def escaped(page: str, vb: bool) -> str:
    """Names with escapes or marks that the compiler drops."""
    if vb:
        return page.replace(" alpha ", " [alpha] ")
    names = re.compile(r"\b(Start|Load|Deserialize|WriteAllText|SaveAs|Connect)\b")

    def hide(code: str) -> str:
        hidden = names.sub(lambda m: f"{m[0][:1]}\\u{ord(m[0][1]):04x}{m[0][2:]}", code)
        return hidden.replace(" alpha ", " @alpha ")

    return in_code(page, lambda code: outside_texts(code, hide))


def attributes(page: str, vb: bool) -> str:
    page = re.sub(r'<%@ (Page|WebHandler|WebService) Language="(\S+?)"', r"<%@  \1 debug='true'  LANGUAGE = '\2' ", page)
    return page.replace('<script runat="server">', "<SCRIPT type='text/x'  RunAt = server >")


def encoded(encoding: str) -> Rewrite:
    return lambda page, vb: page.encode(encoding)


def seven_bit(page: str, vb: bool) -> bytes:
    coded = "".join(c if c.isalnum() or c in " \n" else "+" + c.encode("utf-16-be").hex() for c in page)
    coded = re.sub(r"\+([0-9a-f]{4})", lambda m: _shifted(bytes.fromhex(m[1])), coded)
    return b"<%@ codepage=65000 %>" + coded.encode()


def _shifted(data: bytes) -> str:
    return "+" + base64.b64encode(data).decode().rstrip("=") + "-"


REWRITES: dict[str, Rewrite] = {
    "as it is": lambda page, vb: page,
    "renamed": renamed,
    "spaced": spaced,
    "commented": commented,
    "other case": other_case,
    "split": split,
    "lettered": lettered,
    "escaped": escaped,
    "attributes": attributes,
    "utf-16": encoded("utf-16"),
    "utf-16-le": encoded("utf-16-le"),
    "utf-16-be": encoded("utf-16-be"),
    "utf-32": encoded("utf-32"),
    "utf-8-sig": encoded("utf-8-sig"),
    "ibm": encoded("cp500"),
    "renamed, spaced, commented": lambda page, vb: commented(spaced(renamed(page, vb), vb), vb),
}


def is_vb(name: str) -> bool:
    return name.startswith(("vbs", "vb "))


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_shell_is_found_however_it_is_written(rewrite):
    missed, changed = [], 0
    for name, (ending, rule, page) in SHELLS.items():
        written = REWRITES[rewrite](page, is_vb(name))
        changed += written != page
        if rule not in rules(written, f"page.{ending}"):
            missed.append(name)
    assert missed == []
    assert changed >= 8 or rewrite == "as it is"


def test_a_classic_page_in_seven_bits():
    classic = {name: sample for name, sample in SHELLS.items() if sample[0] == "asp"}
    assert [n for n, (_, rule, page) in classic.items() if rule not in rules(seven_bit(page, True), "page.asp")] == []


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_pages_are_not_accused(name, rewrite):
    ending, page = ORDINARY[name]
    basic = ending == "asp" or 'Language="VB"' in page
    assert rules(REWRITES[rewrite](page, basic), f"page.{ending}") == set()
