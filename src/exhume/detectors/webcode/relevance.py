"""The first look: can this page's code do anything at all that counts? Most pages cannot, and are done with.

A page is ruled out only if its code, in plain letters, holds none of the words without which nothing that runs, loads, writes
or connects can be called; or only words that count with something of a visitor's, and nothing that a visitor sends is read.
Where a word could be hidden (escapes in names, letters that do not show, names put together at run time) the page is always
looked at in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from exhume.detectors.webcode.page import Page, odd_includes

_SHARED = (
    "script",
    "object",
    "client",
    "subkey",
    "transform",
    "from",
    "file",
    "writer",
    "stream",
    "command",
    "connection",
    "download",
)
"""Pieces that several of the words below hold: where one is not in the code, none of those words is."""


def _by_piece(words: str) -> dict[str, tuple[str, ...]]:
    """Words by the shared piece in them, or by themselves: few searches tell that none is there."""
    table: dict[str, tuple[str, ...]] = {}
    for word in words.split():
        piece = next((p for p in _SHARED if p in word), word)
        table[piece] = (*table.get(piece, ()), word)
    return table


_ALONE = _by_piece("""
    execscript shell getobject activexobject compileassembly invoke getmethod callbyname serializ xaml
    transformnode xsltransform xslcompiled tcpclient udpclient socket dllimport machinekey addscript runspace
    createinstance csharpscript expression. scriptblock frombase64string fromcharcode unescape strreverse
    fromhexstring getruntime
    savetofile textfile iocontrol opensubkey registervirtualpath jscript httplistener createsubkey
""")
# A pattern that begins with letters is searched for at many times the speed of one that begins with a condition.
_WHOLE_WORDS = {
    "getref": re.compile(r"getref(?<=\bgetref)\b"),
    "process": re.compile(r"process(?<=\bprocess)(?:startinfo)?\b"),
    "assembly": re.compile(r"assembly(?<=\bassembly)\b"),
    "function": re.compile(r"new(?<=\bnew)\s+function\b"),
    "activator": re.compile(r"activator(?<=\bactivator)\b"),
    "declare": re.compile(r"declare(?<=\bdeclare)\s+(?:auto|ansi|unicode|function|sub)\b"),
    "execute": re.compile(r"execute(?<![.\w\"]execute)(?:global)?\b"),
    "createobject": re.compile(
        r"createobject\s*(?!\(?\s*\"(?:adodb\.(?:connection|recordset|command)|scripting\.dictionary|cdo\w*\.\w+|msxml2\.domdocument)\"\s*\)?)"
    ),
}
"""Words that count only as such: seen by chance in texts and in longer names."""
_LOOKS = ("exists(", "getprocesses")
PRODUCTS = re.compile(
    r"xagt|fireeye|crowdstrike|csagent|carbon ?black|cylance|sentinel ?one|cortex xdr|traps|"
    r"symantec|mcafee|sophos|kaspersky|\beset\b|windows defender|360safe|360sd",
    re.IGNORECASE,
)
"""Security products that a page may look for."""
_PRODUCT_PIECES = (
    "xagt", "fireeye", "crowdstrike", "csagent", "carbon", "cylance", "sentinel", "cortex", "traps", "symantec", "mcafee",
    "sophos", "kaspersky", "eset", "defender", "360s",
)  # fmt: skip
"""One of them is in each of those names."""
_WITH_VISITOR = _by_piece("""
    streamwriter streamreader filestream fileinfo saveas directoryinfo sqlcommand oledbcommand odbccommand
    mysqlcommand oraclecommand commandtext selectcommand dataadapter sqlconnection oledbconnection
    odbcconnection adodb. webrequest webclient httpclient downloadfile downloadstring downloaddata filesystem
    writetofile transmitfile writefile gettype binarywriter xmldocument bitmap
""")
_FILES = (
    re.compile(r"file(?<=\bfile)\s{0,9}\."),
    re.compile(r"directory(?<=\bdirectory)\s{0,9}\."),
    re.compile(r"io(?<=\bio)\s{0,9}\.\s{0,9}(?:file|directory)\b"),
)
"""The classes themselves, also where they get another name: ``using F = System.IO.File;``."""
_VISITOR = ("request", "webmethod", "operationcontract", "webinvoke", "webget", "ajaxmethod", "scriptmethod")
_FIELDS = (
    "textbox",
    "fileupload",
    "<input",
    "dropdownlist",
    "hiddenfield",
    "listbox",
    "textarea",
    "<select",
    "radupload",
    "combobox",
)
_ESCAPE = re.compile(r"\\[uUxX][0-9A-Fa-f{]")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\uff01-\uff5e]")
_EVAL = re.compile(r"\beval\b")
_KEY = re.compile(r"\bnew\s+\w+(?:\.\w+)+\s*\(")


def matters(page: Page) -> bool:
    """Has the page's code to be followed?"""
    if odd_includes(page) or "classid" in page.text or "progid" in page.text or "<OBJECT" in page.text:
        return True
    if not page.runs:
        return False
    code = "\n".join(run.code for run in page.runs)
    if ("\\" in code and _ESCAPE.search(code)) or (not code.isascii() and _UNSEEN.search(code)):
        return True
    lowered = code.lower()
    if page.evaluates and "eval" in lowered and _EVAL.search(lowered if page.classic else code):
        return True
    if page.named and "[" in code:
        return True  # JScript can call by any text: a["b" + "c"](d)
    if _holds(_ALONE, lowered) or (len(page.text) < 1000 and _KEY.search(code)):
        return True
    for word, pattern in _WHOLE_WORDS.items():
        if word in lowered and pattern.search(lowered) and (word != "process" or "start" in lowered):
            return True
    if _one_of(_LOOKS, lowered) and _one_of(_PRODUCT_PIECES, lowered) and PRODUCTS.search(lowered):
        return True
    works = _holds(_WITH_VISITOR, lowered) or any(pattern.search(lowered) for pattern in _FILES)
    return works and _hears_visitors(page, lowered)


def _hears_visitors(page: Page, lowered: str) -> bool:
    if _one_of(_VISITOR, lowered):
        return True
    markup = page.text.lower()
    return "runat" in markup and _one_of(_FIELDS, markup)


def _holds(table: Mapping[str, tuple[str, ...]], text: str) -> bool:
    for piece, words in table.items():  # noqa: SIM110 - half the time of any(), and this is most of the first look
        if piece in text and _one_of(words, text):
            return True
    return False


def _one_of(words: Iterable[str], text: str) -> bool:
    for word in words:  # noqa: SIM110 - half the time of any()
        if word in text:
            return True
    return False
