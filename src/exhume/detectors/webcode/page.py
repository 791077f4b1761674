"""A page's text to the runs of code in it: directives, script blocks, inline code, server controls, objects, Razor blocks.

References: ASP.NET page syntax and IIS ASP as documented by Microsoft; for what the engines tolerate, samples of DATASETS.md.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from exhume.detectors.webcode.screnc import unscramble

CODE_ENDINGS = frozenset(("cs", "vb"))
"""Files that are code of the server from their first letter. (``.js`` is for browsers.)"""
_WHOLE = frozenset(("ashx", "asmx", "asax", "svc", "soap", "cs", "vb"))
_RAZOR = frozenset(("cshtml", "cshtm", "vbhtml", "vbhtm"))
_INCLUDED = ("asp", "inc", "htm", "shtm", "vbs", "js", "css", "xml", "asa", "cs", "vb", "lib", "tpl")
SMALL = 2000
"""Letters of a page that may be nothing but an include."""
BARE = 200
"""Letters of a page that holds nothing but an include: only then is a text file no usual part of it."""
TAG = 3000
"""Letters of a tag, before and after what says that it lives at the server."""
SAMPLE = 20_000
"""Letters of code from which an unnamed language is told."""
CLASSIC = frozenset(("asp", "asa", "cer", "cdx", "inc", "config", "shtml", "shtm", "stm"))

_PARTS = re.compile(
    r"""<(?=[\s%!s])(?:
    (?P<note>%--.*?(?:--%>|\Z))
  | (?P<directive>\s?%\s*@(?P<head>.*?)%>)
  | (?P<inline>%(?P<mark>[=:\#!$]?)(?P<code>[^%]*+(?>(?:%(?!>)[^%]*+)*))(?:%>|\Z))
  | (?P<script>script\b(?P<attributes>(?:[^>"']|"[^"]*"|'[^']*'){0,800})>)
  | (?P<include>!--\s*\#\s*include\s+(?:file|virtual)\s*=\s*["']?(?P<included>[^"'>\s]{1,260}))
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)
_MARKUP = re.compile(r"<[A-Za-z/!%?]")
_TAG = re.compile(r"<([A-Za-z][\w:]*)(?=[\s/])")
_LANGUAGE = re.compile(r"\blanguage\s*=\s*[\"'“”]?\s*([\w#.]+)", re.IGNORECASE)
_SERVER = re.compile(r"\brunat\s*=\s*[\"'“”]?\s*server", re.IGNORECASE)
_VB_WORDS = re.compile(r"\b(?:dim|end\s+(?:if|sub|function|class)|then|byval|sub|imports|wend|elseif|nothing)\b", re.IGNORECASE)
_C_WORDS = re.compile(r"[;{}]\s*(?:\r?\n|$|[a-z}])|\b(?:var|using|void|public|new|string|null)\b")
_RAZOR_START = re.compile(
    r"@(?:(?:functions|code|helper\s+[^{]{1,200})?\s*\{|(?=[\w(])(?!section\b|model\b|using\b|inherits\b))", re.IGNORECASE
)
_PROGIDS = {
    "72c24dd5-d70a-438b-8a42-98424b88afb8": "wscript/shell",
    "f935dc22-1cf0-11d0-adb9-00c04fd58a0b": "wscript/shell",
    "093ff999-1ea0-4079-9525-9614c3504b74": "wscript/network",
    "f935dc26-1cf0-11d0-adb9-00c04fd58a0b": "wscript/network",
    "0d43fe01-f093-11cf-8940-00a0c9054228": "scripting/filesystemobject",
    "13709620-c279-11ce-a49e-444553540000": "shell/application",
    "00000566-0000-0010-8000-00aa006d2ea4": "adodb/stream",
    "00000514-0000-0010-8000-00aa006d2ea4": "adodb/connection",
    "0e59f1d5-1fbe-11d0-8ff2-00a0d10038bc": "scriptcontrol",
}
"""Class ids of objects that are known by their name."""


@dataclass(slots=True)
class Run:
    code: str
    at: int
    vb: bool
    shown: bool = False
    """``<%= … %>``: an expression whose value is written to the visitor."""


@dataclass(slots=True)
class Page:
    text: str
    runs: list[Run] = field(default_factory=list)
    controls: dict[str, str] = field(default_factory=dict)
    """Server controls by id (lower case): ``textbox``, ``fileupload``, …"""
    objects: dict[str, str] = field(default_factory=dict)
    """Objects that markup makes: id → name of the class."""
    includes: list[tuple[int, str]] = field(default_factory=list)
    evaluates: bool = True
    """Its language has an ``eval`` or ``Execute`` that runs text."""
    classic: bool = False
    beside: bool = False
    """Code that stands beside a page (``x.aspx.cs``) and is no page itself."""
    named: bool = False
    """It names JScript as its language."""
    decoded: bool = False
    """It was written with the Script Encoder: lines are those of the text that comes out."""
    _starts: list[int] = field(default_factory=list)

    def line(self, at: int) -> int:
        """Number of the line (from 1) in which the letter at this offset stands."""
        if not self._starts:
            self._starts = [m.start() for m in re.finditer("\n", self.text)]
        return bisect_right(self._starts, at - 1) + 1


def odd_includes(page: Page) -> list[tuple[int, str]]:
    """Where a small page has a file run as code whose name is not that of code, and that name's ending."""
    if not page.includes or len(page.text) > SMALL:
        return []
    endings = [(at, name.rpartition(".")[2].lower()[:8]) for at, name in page.includes]
    bare = len(page.text) < BARE
    return [(at, ending) for at, ending in endings if not ending.startswith(_INCLUDED) and (bare or ending != "txt")]


def read_page(text: str, ending: str) -> Page:
    """The page's code. ``ending``: extension in lower case, without dot; of unknown ones the text decides."""
    plain = unscramble(text)
    page = Page(plain, decoded=plain != text)
    text = plain
    if ending in CODE_ENDINGS:
        page.runs.append(Run(text, 0, ending == "vb"))
        page.evaluates = False
        page.beside = True
        return page
    _split(page, text, ending)
    if ending in _RAZOR:
        _razor(page, text, ending.startswith("vb"))
    return page


def _split(page: Page, text: str, ending: str) -> None:
    pieces: list[tuple[str, int, str, bool]] = []
    default, whole, directives = "", 0, 0
    place = 0
    while match := _PARTS.search(text, place):
        place = match.end()
        kind = match.lastgroup
        if kind == "directive":
            directives += 1
            found = _LANGUAGE.search(match["head"])
            default = default or (found[1].lower() if found else "")
            whole = whole or match.end()
        elif kind == "inline":
            pieces.append((match["code"], match.start("code"), "", match["mark"] in ("=", ":")))
        elif kind == "script" and _SERVER.search(match["attributes"]):
            close = _SCRIPT_END.search(text, place)
            end = close.start() if close else len(text)
            named = _LANGUAGE.search(match["attributes"])
            pieces.append((text[place:end], place, named[1].lower() if named else "", False))
            place = end
        elif kind == "include":
            page.includes.append((match.start(), match["included"]))
    if not default:
        loose = _LANGUAGE.search(text[:400]) if "%" in text[:400] else None
        default = loose[1].lower() if loose else ""
    if ending in _WHOLE and (directives or not pieces):
        pieces = [(text[whole:], whole, "", False)] + [p for p in pieces if p[1] < whole]
    if not pieces and ending in CLASSIC and ending != "config" and not _MARKUP.search(text):
        pieces = [(text, 0, "", False)]  # a part of a page, or a page whose marks were lost; never a setting or a list of SQL
        if text.partition("\n")[0].count('"') % 2:
            start = text.find('"') + 1  # a part that is put into a text of another page and ends that first
            pieces.append((text[start:], start, "", False))
    _languages(page, pieces, default, ending, directives > 0)


def _languages(page: Page, pieces: list[tuple[str, int, str, bool]], default: str, ending: str, directed: bool) -> None:
    net = ending not in CLASSIC and (directed or ending not in ("", "txt", "html", "htm", "jpg", "gif", "png"))
    seen: set[str] = set()
    sample = "\n".join(p[0] for p in pieces if not p[2])[:SAMPLE]
    usual = _is_vb(default or ("vbscript" if ending in CLASSIC else ""), sample, net)
    for code, at, named, shown in pieces:
        language = named or default
        seen.add(language)
        page.runs.append(Run(code, at, _is_vb(named, code, net) if named else usual, shown))
    page.classic = not net or any("vbscript" in s or s == "javascript" for s in seen)
    page.named = any("js" in s or "javascript" in s for s in seen)
    page.evaluates = page.classic or any("js" in s or "javascript" in s or not s for s in seen)


def _is_vb(language: str, code: str, net: bool) -> bool:
    if "vb" in language or "visualbasic" in language:
        return True
    if language in ("c#", "cs", "csharp", "jscript", "javascript", "js", "jscript.net") or "jscript" in language:
        return False
    sample = code[:SAMPLE]
    basic, c = len(_VB_WORDS.findall(sample)), len(_C_WORDS.findall(sample))
    return basic > c if basic != c else not net or not any(mark in sample for mark in ";[{")


def read_elements(page: Page) -> None:
    """Adds the controls and objects that live at the server: ``page.controls`` and ``page.objects``."""
    text = page.text
    for place in _SERVER.finditer(text):
        start = text.rfind("<", max(0, place.start() - TAG), place.start())
        end = text.find(">", place.end(), place.end() + TAG)
        tag = _TAG.match(text, start) if start >= 0 else None
        if not tag:
            continue
        attributes = text[tag.end() : end if end >= 0 else place.end()]
        values = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(attributes)}
        name = values.get("id", values.get("name", "")).strip().lower()
        word = tag[1].lower().rpartition(":")[2]
        if not name or word == "script":
            continue
        if word == "object":
            progid = class_of(values.get("progid", ""))
            page.objects[name] = progid or _PROGIDS.get(
                values.get("classid", "").lower().removeprefix("clsid:").strip("{}"), "?"
            )
        else:
            page.controls[name] = values.get("type", "text").lower() if word == "input" else word


def class_of(progid: str) -> str:
    """A ProgID as the name of a class: lower case, no version, a slash for the dot."""
    plain = re.sub(r"(?:\.\d+)+$", "", progid.strip().lower().removeprefix("new:"))
    return plain.removeprefix("msscriptcontrol.").replace(".", "/")


def _razor(page: Page, text: str, vb: bool) -> None:
    """Blocks and expressions of Razor. Blocks end where their braces do; expressions where their line does."""
    place = 0
    while match := _RAZOR_START.search(text, place):
        start = match.end()
        if text[match.start() - 1 : match.start()].isalnum():
            place = start
            continue
        if match[0].endswith("{"):
            end = _closing(text, start)
        else:
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
        page.runs.append(Run(text[start:end], start, vb, shown=not match[0].endswith("{")))
        place = max(end, start + 1)


def _closing(text: str, place: int) -> int:
    opened = 1
    for match in re.compile(r"[{}]").finditer(text, place):
        opened += 1 if match[0] == "{" else -1
        if not opened:
            return match.start()
    return len(text)
