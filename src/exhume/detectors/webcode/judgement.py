"""From what a page does to findings: the effects, and the shapes that several of them make together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from exhume.detectors.webcode.analysis import Result
from exhume.detectors.webcode.memory import Hit
from exhume.detectors.webcode.page import odd_includes
from exhume.detectors.webcode.relevance import PRODUCTS
from exhume.detectors.webcode.rules import SURE, UNSURE
from exhume.model import Because, Rule

TINY = 1000
"""Letters of a page that does nothing but hand over to a class that lies elsewhere."""
TOLD = 3
"""Ways that one finding tells; a large shell has dozens."""
_FILE_WORK = ("list", "read", "delete", "move", "make", "write", "disguise", "upload")
_CHANGES = frozenset(("delete", "move", "make", "write", "disguise", "upload"))
_MEMORY = frozenset(
    (
        "virtualalloc",
        "virtualprotect",
        "heapcreate",
        "ntallocatevirtualmemory",
        "createthread",
        "queueuserapc",
        "writeprocessmemory",
        "getdelegateforfunctionpointer",
        "createremotethread",
        "ntcreatethreadex",
        "enumsystemlocalesa",
    )
)
_SNIFFER = frozenset(("iocontrol", "receiveall", "sio_rcvall"))
_RUNS_LOADED = frozenset(("createinstance", "invoke", "invokemember", "entrypoint", "dynamicinvoke", "createdelegate"))
PROGRAM = 2000
"""Letters of the shortest text that holds an assembly: the least that a compiler makes is 2 KiB."""
_BYTES = re.compile(r"(?:0x[0-9a-f]{1,2}|\d{1,3})(?:\s{0,8},\s{0,8}(?:0x[0-9a-f]{1,2}|\d{1,3})){1000}", re.IGNORECASE)
"""So many numbers of a byte as no table of a page holds."""
_LETTERS = re.compile(r"(?:[A-Za-z0-9+/\-_]+={0,2}|[0-9A-Fa-f\s-]+)\s*")
_NUMBERS = re.compile(r"\b\d{1,3}(?:\s{0,3},\s{0,3}\d{1,3}){15,5000}")
_COMMAND = re.compile(r"\b(?:cmd(?:\.exe)?\s+/[ck]|powershell(?:\.exe)?\s+-\w+)\b", re.IGNORECASE)
_RUNS_TEXT = re.compile(r"\b(?:eval|execute|executeglobal)\b", re.IGNORECASE)
_GUARDS = (
    "isinrole",
    "isauthenticated",
    "authorize",
    "permission",
    "allowed",
    "extension",
    "membership",
    "isadmin",
    "hasright",
)
"""Parts of names that tell of a check before files are touched."""


def judge(result: Result) -> Iterator[tuple[Rule, list[Because]]]:
    """Each finding once, with the way that leads to it in words."""
    by_rule: dict[str, tuple[Rule, list[Hit]]] = {}
    for hit in (*result.hits, *_shapes(result)):
        if hit.effect == "write" and result.page.beside and _guarded(result):
            continue
        table = SURE if hit.sure and hit.effect in SURE else UNSURE
        rule = table.get(hit.effect)
        if rule is not None:
            by_rule.setdefault(rule.id, (rule, []))[1].append(hit)
    if not by_rule:
        return
    sure = {effect for effect, rule in SURE.items() if rule.id in by_rule}
    for identifier, (rule, hits) in sorted(by_rule.items()):
        effect = identifier.removeprefix("webcode.").removesuffix("-likely")
        if any(SURE[s].id.removeprefix("webcode.") == effect for s in sure) and identifier.endswith("-likely"):
            continue
        yield rule, _told(result, sorted(hits, key=lambda h: (len(h.way), h.at)))


def _told(result: Result, hits: list[Hit]) -> list[Because]:
    page = result.page
    mark = "line {} (decoded)" if page.decoded else "line {}"
    out: list[Because] = []
    for hit in hits[:TOLD]:
        for number, step in enumerate(hit.way):
            test = "what a visitor sends" if number == 0 and not step.words.startswith("content fetched") else "handed on"
            out.append(Because(mark.format(page.line(step.at)) if step.at else "markup", step.words, test))
        out.append(
            Because(
                mark.format(page.line(hit.at)) if hit.at else "content",
                hit.words,
                "what the page does with it" if hit.way else "what the page does",
            )
        )
    if len(hits) > TOLD:
        out.append(Because("content", f"{len(hits) - TOLD} more places", "the same again"))
    return out


def _shapes(result: Result) -> Iterator[Hit]:
    if result.page.beside and _guarded(result):
        return
    if result.names:
        yield from _done(result)
    for at, ending in odd_includes(result.page):
        yield Hit("include", at, f"includes a file that ends in .{ending}", (), sure=False)
    yield from _carried(result)
    yield from _built_in(result)
    yield from _commands(result)


def _done(result: Result) -> Iterator[Hit]:
    """What the page's own code does, taken together."""
    guarded = _guarded(result)
    work = {k: h for k, h in result.operations.items() if k in _FILE_WORK}
    chosen = [k for k in _FILE_WORK if k in work and k != "upload"]
    if len(chosen) >= 2:
        sure = len(chosen) >= 3 and not guarded
        for kind in chosen:
            hit = work[kind]
            yield Hit("files", hit.at, hit.words, hit.way, sure)
    elif "write" in work:
        hit = work["write"]
        yield Hit("write", hit.at, hit.words, hit.way, sure=False)
    if "registry" in result.operations:
        yield result.operations["registry"]
    if "upload" in work and not guarded:
        yield Hit("upload", work["upload"].at, work["upload"].words, work["upload"].way, sure=False)
    yield from _programs(result)
    yield from _by_names(result)


def _guarded(result: Result) -> bool:
    return any(guard in name for name in result.names for guard in _GUARDS)


def _programs(result: Result) -> Iterator[Hit]:
    for kind, effect in (("local", "tunnel"), ("fetch", "relay")):
        if kind in result.operations:
            hit = result.operations[kind]
            yield Hit(effect, hit.at, hit.words, hit.way, sure=False)
    if "loader" in result.operations and len(result.page.text) < TINY:
        yield Hit("load", result.operations["loader"].at, result.operations["loader"].words, (), sure=False)
    program = result.operations.get("program")
    if program is not None:
        yield Hit("command", program.at, program.words, (), sure=False)
    database = result.operations.get("sqlshell")
    if database is not None:
        yield Hit("sqlshell", database.at, database.words, database.way)


def _built_in(result: Result) -> Iterator[Hit]:
    """A program that the page carries as bytes or as letters, and loads: whoever sends what, these bytes run. TwoFace's loader
    and its kin keep it mixed with a key, so that what is in it need not be known."""
    names = result.names
    loads = "load" in names and bool(names & {"assembly", "appdomain", "currentdomain"})
    if not loads or not names & _RUNS_LOADED:
        return
    page = result.page
    array = _BYTES.search(page.text)
    letters = next((t for t in result.texts if len(t) >= PROGRAM and _LETTERS.fullmatch(t)), "")
    if array:
        words = f"loads a program that the page carries as bytes ({len(array[0]):,} letters)"
        yield Hit("load", array.start(), words, ())
    elif letters:
        at = max(page.text.find(letters[:64]), 0)
        yield Hit("load", at, f"loads a program that the page carries as {len(letters):,} letters", ())


def _commands(result: Result) -> Iterator[Hit]:
    """A page by its name, in which nothing but a command line stands: food for a page that runs what it reads there."""
    page = result.page
    found = _COMMAND.search(page.text) if len(page.text) < TINY and not page.runs else None
    if found:
        yield Hit("carried", found.start(), "holds a command line", (), sure=False)


def _carried(result: Result) -> Iterator[Hit]:
    """A list of numbers that is a server's code once the same number is taken from each: kept, or shown to a browser."""
    text = result.page.text
    if "fromCharCode" not in text:
        return
    for match in _NUMBERS.finditer(text):
        numbers = [int(n) for n in match[0].split(",")]
        for at in range(len(numbers) - 1):
            moved = numbers[at] - ord("<")
            if moved and numbers[at + 1] - moved == ord("%"):
                code = "".join(chr(n - moved) if 0 <= n - moved < 256 else "" for n in numbers[at:])
                if _RUNS_TEXT.search(code):
                    words = f"holds a page that runs text, in numbers, each moved by {moved}"
                    yield Hit("hidden", match.start(), words, (), sure=False)
                break


def _by_names(result: Result) -> Iterator[Hit]:
    names = result.names
    memory = _MEMORY & names
    if len(memory) >= 2:
        yield Hit("memory", 0, "calls " + " and ".join(sorted(memory)[:4]), ())
    if {"machinekeysection", "validationkey"} <= names and "write" in names:
        yield Hit("keys", 0, "reads MachineKeySection and writes it to the visitor", ())
    if len(_SNIFFER & names) >= 2:
        yield Hit("sniffer", 0, "sets a socket to receive all traffic", ())
    if "registervirtualpathprovider" in names and not result.page.beside:
        yield Hit("hidden", 0, "serves pages that lie in no file (RegisterVirtualPathProvider)", (), sure=False)
    if {"httplistener", "prefixes", "getcontext"} <= names:
        yield Hit("tunnel", 0, "listens for requests by itself (HttpListener)", (), sure=False)
    products = {m[0].lower() for t in result.texts if len(t) < 300 for m in PRODUCTS.finditer(t)}
    if len(products) >= 3 and {"exists", "directoryexists", "folderexists", "getprocesses"} & names:
        yield Hit("survey", 0, f"looks for {len(products)} security products", ())
