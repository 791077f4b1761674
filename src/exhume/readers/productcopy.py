"""Is a page a copy of one of Exchange's own, by its text?

Guides to captchas and own log-on pages have administrators copy ``logon.aspx``. Such a page inherits one of Exchange's classes
and shows what that offers; it holds no code of its own. Whoever writes a web shell brings code, so any code makes it none.

Sample: ``<%@ Page language="c#" Inherits="Microsoft.Exchange.HttpProxy.Logon" %>`` … ``<%=LocalizedStrings.Get(…) %>``.
References: Exchange's ``owa/auth/logon.aspx``; traces-2.md of the project's notes (own log-on pages: leederbyshire.com,
alitajran.com).
"""

from __future__ import annotations

import re

_INHERITS = re.compile(r"<%@\s*page\b[^%>]*\binherits\s*=\s*[\"']microsoft\.exchange\.[\w.]+[\"']", re.IGNORECASE)
_BLOCK = re.compile(r"<%(--|[@=:#$!]?)(.*?)%>", re.DOTALL)
_DIRECTIVE = re.compile(
    r"\s*(?:page|import|outputcache)\b(?![^%]*\b(?:src|codefile|codebehind|codefilebaseclass)\s*=)", re.IGNORECASE
)
_SHOWN = re.compile(r"[\w\s.,:?!&|=<>()\"'+\-/;#]*")
_ACTS = re.compile(
    r"\b(?:request|server|system|process|file|stream|new|eval|exec\w*|invoke\w*|assembly|activator|type|gettype|convert|base64\w*"
    r"|context|session|application|cache|environment|reflection|diagnostics|createobject|page|this|me)\b",
    re.IGNORECASE,
)
_RUNS = re.compile(r"runat\s*=|<object\b|<!--\s*#|<%\s*=\s*$|<\?|<asp:", re.IGNORECASE)


def product_copy(data: bytes) -> bool:
    """Does the page inherit a class of Exchange, and hold nothing that acts?"""
    if b"\0" in data or not _utf8(data):
        return False
    text = data.decode("utf-8", "replace")
    if not _INHERITS.search(text) or _RUNS.search(text) or text.count("<%") != len(_BLOCK.findall(text)):
        return False
    return all(_harmless(kind, inner) for kind, inner in _BLOCK.findall(text))


def _harmless(kind: str, inner: str) -> bool:
    if kind == "--":
        return "%>" not in inner and "<%" not in inner
    if kind == "@":
        return bool(_DIRECTIVE.match(inner))
    return kind in ("=", ":") and bool(_SHOWN.fullmatch(inner)) and not _ACTS.search(inner)


def _utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
