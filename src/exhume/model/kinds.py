"""Kinds of files by their names: which endings a web server runs, and which it only hands out.

One table for readers, detectors and the judge, so that a page is the same thing wherever it is spoken of.

References: IIS's own handlers (``applicationHost.config`` of a clean Exchange server: ``asp.dll`` for .asp, .asa, .cer, .cdx;
``ssinc.dll`` for .shtml, .shtm, .stm) and the build providers and handlers of ASP.NET's machine-wide ``web.config``
(learn.microsoft.com, "compilation/buildProviders" and "httpHandlers").
"""

from __future__ import annotations

SERVER_SIDE = frozenset((
    "aspx", "ashx", "asmx", "asax", "ascx", "master", "svc", "soap", "rem", "skin", "browser", "xamlx",
    "cshtml", "cshtm", "vbhtml", "vbhtm",
    "asp", "asa", "cer", "cdx",
    "shtml", "shtm", "stm",
))  # fmt: skip
"""Endings (lower case, without dot) of files whose contents IIS or ASP.NET runs: called by a URL, or compiled with a page that
is (.ascx, .master, .skin, .browser, .asax). Such files are ``web.file``, and pages in what is told of an intrusion.
``cer`` and ``cdx`` are handed to asp.dll by IIS's own handlers; attackers use them for that."""
SETTINGS = frozenset({"config"})
"""Endings of files that decide what is run as code."""
WEB_FILES = SERVER_SIDE | SETTINGS
"""Endings of files that are read for server-side code whatever their contents."""
REQUEST_FILES = ".req"
"""What Exchange adds to the name of a certificate request: ``shell.aspx.req`` is a page that was meant to be called."""


def ending(name: str) -> str:
    """The last ending of a name, lower case, without dot. Dots and blanks at the end and ``::$DATA`` are cut off as Windows
    does (``x.aspx. `` is ``aspx``); of a certificate request the one before (``x.aspx.req`` is ``aspx``)."""
    plain = name.lower().split("::$", 1)[0].rstrip(". ")
    stem = plain.removesuffix(REQUEST_FILES)
    if stem != plain and stem.rpartition(".")[2] in SERVER_SIDE:
        plain = stem
    return plain.rpartition(".")[2] if "." in plain else ""


def server_side(name: str) -> bool:
    """Does IIS or ASP.NET run a file of this name (or path, or URL path)?"""
    return ending(name.replace("\\", "/").rpartition("/")[2]) in SERVER_SIDE
