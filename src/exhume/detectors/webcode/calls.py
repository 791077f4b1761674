"""What a call does: to its arguments, to its object, and to the server."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exhume.detectors.webcode import sinks, sources
from exhume.detectors.webcode.folding import LETTERWISE, combinations, fold, folds
from exhume.detectors.webcode.functions import own_function
from exhume.detectors.webcode.memory import Memory
from exhume.detectors.webcode.page import SMALL, class_of
from exhume.detectors.webcode.tree import Constant, listed
from exhume.detectors.webcode.values import KEPT, NOTHING, Step, Value, Way, join
from exhume.model.kinds import WEB_FILES

SERVER_ENDINGS = re.compile(rf"\.(?:{'|'.join(sorted(WEB_FILES))}|php\d?|jspx?)(?:[;.:\s$/\\]|::|$)", re.IGNORECASE)
"""A file name that a web server runs."""
_PROGRAM = re.compile(r"\.(?:exe|dll|scr|bat|cmd|ps1|vbs|js|hta|com|sys)\b", re.IGNORECASE)
_SCRIPT = re.compile(r"<%|<script[^>]{0,100}runat|<\?php|<!--\s*#\s*include", re.IGNORECASE)
_SQL_SHELL = re.compile(
    r"xp_cmdshell|sp_oacreate|sp_oamethod|xp_regwrite|xp_dirtree|openrowset|into\s+(?:out|dump)file", re.IGNORECASE
)
_NUMBERS = listed("""
    toint32 toint16 toint64 toboolean todatetime todouble todecimal cint clng cdbl csng cbool cbyte cdate
    isnumeric isdate isempty isnull isarray len lenb instr instrrev strcomp ubound lbound datediff round int fix
    abs rnd parseint isnullorempty isnullorwhitespace vartype typename md5 computehash tryparse isnothing isdbnull
    isreference isinrole validaterequest matchtimezone hashpasswordforstoringinconfigfile getextension fileexists
    folderexists file.exists directory.exists ismatch
""")
"""Functions after which the visitor's value is a number, a truth or a digest."""
_NUMBER_CLASSES = listed("""
    int int32 int64 long short byte guid datetime double decimal bool boolean integer timespan enum
""")
_KEEPS_WHOLE = listed("""
    tostring trim replace getstring getbytes frombase64string urldecode htmldecode unescape decode cstr tolower
    toupper lcase ucase mappath transformfinalblock decrypt strreverse readtoend binaryread getencoding read
    readline toarray substring join concat form querystring item get getvalues split reverse mid midb left right
    ctype directcast trycast getfullpath chr chrw chrb decompress htmlencode ltrim rtrim eval utf8 responsebody
    string escape encodeuri decodeuri encodeuricomponent
""")
_FILLS = listed("""
    add append appendline appendformat insert push enqueue writebyte addrange setvalue write writetext writeline
    addwithvalue loadxml load
""")
_REMOTE = frozenset(
    (
        "responsebody",
        "responsetext",
        "responsestream",
        "responsexml",
        "downloadstring",
        "downloaddata",
        "getresponsestream",
        "openread",
    )
)
_KEEPS_TAIL = frozenset(("combine", "mappath", "getfullpath", "mapsecurepath", "tostring"))
_KNOWN_OBJECTS = (
    "adodb/",
    "scripting/",
    "msxml",
    "microsoft/",
    "wscript/",
    "cdo/",
    "cdonts/",
    "jmail/",
    "persits/",
    "winhttp/",
)
HIDDEN = 12
"""Letters of the shortest text from which a page may make script letter by letter."""
SCRAMBLED = 2000
"""Letters from which on a text without words is more than a key or a token."""
_MAKERS = frozenset(("createobject", "getobject", "activexobject", "createobjectex"))


def request_of(receiver: Value, name: str, at: int) -> Value | None:
    """Sources and what ends them; content fetched from other machines."""
    found = sources.member(receiver, name, at)
    if found is None and name in _REMOTE and not receiver.way:
        return Value((Step(at, "content fetched from another machine"),), True, "remote", types=receiver.types)
    return found


def call(memory: Memory, scope: str, receiver: Value | None, path: str, name: str, args: Sequence[Value], at: int) -> Value:
    """The value of ``path.name(args)``; ``receiver`` is None for a plain function. What it does to the server is noted."""
    types = receiver.types if receiver is not None else frozenset[str]()
    # In VBScript nothing but its own classes can have their names; elsewhere a namespace could make it look so.
    own = memory.page.classic and bool(types) and types <= memory.program.classes and name in memory.program.functions
    _watch(memory, receiver, path, name, args, at, own=own)
    if name in sinks.EVALUATORS and (receiver is None or "jscript" in path or path in ("window", "this", "global")):
        return _evaluate(memory, scope, name, args, at)
    if own or (name in memory.program.functions and (receiver is None or not types)):
        return own_function(memory, name, args, at)
    if name in _MAKERS:
        return _object(name, args)
    if receiver is not None:
        found = request_of(receiver, name, at)
        if found is not None:
            keyed = sources.item(found, args[0], at) if args and found.path else None
            return keyed if keyed is not None else found
    opened = _opened(memory, receiver, path, name, args, at)
    if opened is not None:
        return opened
    if name in _NUMBERS or (name in ("parse", "tryparse", "newguid") and path.rpartition(".")[2] in _NUMBER_CLASSES):
        return NOTHING
    reflected = _reflection(memory, scope, receiver, path, name, args, at)
    if reflected is not None:
        return reflected
    _scrambled(memory, receiver, name, args, at)
    return _ordinary(memory, receiver, path, name, args, at)


def _scrambled(memory: Memory, receiver: Value | None, name: str, args: Sequence[Value], at: int) -> None:
    """A long text without words that a component gets which only this server has: hidden code."""
    if receiver is None or not any("/" in t and not t.startswith(_KNOWN_OBJECTS) for t in receiver.types):
        return
    handed = {a.path for a in args}
    if {"request", "response"} <= handed:
        memory.found("hidden", at, f"{name[:40]} of a component gets the visitor's request and the answer", (), sure=False)
    for text in (t for a in args for t in a.texts):
        if len(text) > SCRAMBLED and text.count(" ") * 50 < len(text) and text.count("<") * 100 < len(text):
            memory.found("hidden", at, f"{name[:40]} of a component gets {len(text)} letters without words", (), sure=False)


def _opened(memory: Memory, receiver: Value | None, path: str, name: str, args: Sequence[Value], at: int) -> Value | None:
    """A file that is open for writing remembers where it lies; reading one at a visitor's place is noted."""
    types = receiver.types if receiver is not None else frozenset[str]()
    writer = sinks.look(path, name, types).writer
    if "fileinfo" in types and name in ("create", "createtext", "open", "openwrite", "appendtext") and receiver is not None:
        return Value(place=(receiver,), types=frozenset({"textfile"}))
    if writer is None or writer.content is not None or not args:
        return None
    target = args[writer.name]
    if target.way and not target.fixed and name in ("opentextfile", "filestream", "open"):
        memory.operation("read", at, f"{shown(path, name, types)}, which opens a file", target.way)
    return Value(place=target.place or (target,), types=frozenset({"textfile"}))


def _ordinary(memory: Memory, receiver: Value | None, path: str, name: str, args: Sequence[Value], at: int) -> Value:
    """A function that is not known otherwise: its result is the visitor's when its object or an argument is."""
    inputs = [v for v in (receiver, *args) if v is not None]
    known = _folded(receiver, name, args) if folds(name) else ()
    visitor = next((v for v in inputs if v.way), NOTHING)
    letterwise = name in LETTERWISE and not known
    built = letterwise or any(v.built for v in inputs)
    carried = max((v.carried for v in inputs), default=0)
    if name in LETTERWISE and inputs:
        carried = max(carried, *(len(t) for t in inputs[0].texts), *(len(t) for v in args[:1] for t in v.texts), 0)
    memory.hidden_text(name, known, at)
    if not visitor.way:
        tail = args[-1].tail if args and name in _KEEPS_TAIL else ""
        plain_path = f"{path[-200:]}.{name}" if path else name
        kind = args[-1].kind if tail else ""
        return Value(
            kind=kind,
            constants=known,
            path=plain_path,
            built=built,
            carried=carried,
            types=_result_types(receiver, name),
            tail=tail,
        )
    kind = "filename" if name in ("getfilename", "getfilenamewithoutextension") and visitor.kind != "file" else visitor.kind
    fixed = visitor.fixed or (name in ("combine", "join") and bool(args) and not args[0].way)
    tail = args[-1].tail if name in _KEEPS_TAIL and args else visitor.tail
    plain = visitor._replace(
        whole=visitor.whole and name in _KEEPS_WHOLE,
        kind=kind,
        path="",
        constants=(),
        built=built,
        types=_result_types(receiver, name),
        fixed=fixed,
        tail=tail,
    )
    return plain.via(at, name[:40]) if name in LETTERWISE else plain


def _folded(receiver: Value | None, name: str, args: Sequence[Value]) -> tuple[Constant, ...]:
    """What a function for text gives for the constants that its object and its arguments may be."""
    groups = [v.constants for v in args]
    if receiver is not None and receiver.constants:
        made = [fold(name, chosen[0], chosen[1:]) for chosen in combinations([receiver.constants, *groups])]
    else:
        made = [fold(name, None, chosen) for chosen in combinations(groups)]
    return tuple(dict.fromkeys(c for c in made if c is not None))[:KEPT]


def _result_types(receiver: Value | None, name: str) -> frozenset[str]:
    if name in ("getfile", "getfileinfo"):
        return frozenset({"fileinfo"})
    if name in ("exec", "run", "item", "open", "createelement", "documentelement", "current"):
        return frozenset()
    return frozenset({"appdomain"}) if name in ("currentdomain", "createdomain") else frozenset()


def _object(name: str, args: Sequence[Value]) -> Value:
    """``CreateObject("…")``: by its ProgID; ``?`` when the name cannot be worked out."""
    names = {t.lower().strip() for value in args[:1] for t in value.texts}
    if name == "getobject" and any(n.startswith("winmgmts") for n in names):
        return Value(types=frozenset({"winmgmts"}))
    types = {class_of(name) for name in names} or {"?"}
    return Value(types=frozenset(types))


def _evaluate(memory: Memory, scope: str, name: str, args: Sequence[Value], at: int) -> Value:
    """``eval(x)``: a finding when a visitor chooses x; constants are followed as code themselves."""
    if not memory.page.evaluates or name in memory.program.functions:
        return own_function(memory, name, args, at) if name in memory.program.functions else NOTHING
    result = NOTHING
    for value in args[:1]:
        if value.way:
            effect = "remote" if value.kind == "remote" else "code"
            memory.found(effect, at, f"{name}, which runs it as script", value.way)
            result = join(result, value._replace(path="", types=frozenset()))
        for text in value.texts:
            result = join(result, memory.run_code(text, scope, at))
        if not value.way and not value.texts and not value.built and scope and len(memory.page.text) < SMALL:
            memory.found("code", at, f"{name}, which runs as script what its function is given", (), sure=False)
        if value.built and not value.way and value.carried >= HIDDEN:
            memory.found("hidden", at, f"{name}, which runs text that the page puts together letter by letter", ())
    return result


def _reflection(
    memory: Memory, scope: str, receiver: Value | None, path: str, name: str, args: Sequence[Value], at: int
) -> Value | None:
    """Classes and methods by name: ``typeof(X).GetMethod("Y").Invoke(…)``, ``CallByName(x, "Y", …)``, ``InvokeMember``."""
    first = args[0] if args else NOTHING
    if name == "gettype" and receiver is not None and not args:
        return receiver
    if name in ("gettypefromprogid", "getref") and first.text:
        path = class_of(first.text) if name != "getref" else first.text.lower()
        return Value(path=path, types=frozenset({"type"} if name != "getref" else ()))
    if name == "gettype" and first.text:
        return Value(path=first.text.partition(",")[0].lower(), types=frozenset({"type"}))
    if name in ("getmethod", "getmember", "getruntimemethod") and first.text:
        return Value(path=f"{path}.{first.text.lower()}", types=frozenset({"method"}))
    if name == "invoke" and receiver is not None and "method" in receiver.types:
        owner, _, member = receiver.path.rpartition(".")
        return call(memory, scope, NOTHING, owner, member, _flat(args), at)
    if name in ("invokemember", "callbyname") and len(args) > 1:
        target, key = (args[0], args[1]) if name == "callbyname" else (receiver if receiver is not None else NOTHING, args[0])
        if key.text:
            return call(memory, scope, target, target.path, key.text.lower(), _flat(args[2:]), at)
    if name == "createinstance" and first.path and "type" in first.types:
        return Value(types=frozenset({first.path, first.path.rpartition(".")[2]}))
    return None


def _flat(args: Sequence[Value]) -> list[Value]:
    return [v for v in args if v != NOTHING]


def _watch(memory: Memory, receiver: Value | None, path: str, name: str, args: Sequence[Value], at: int, *, own: bool) -> None:
    """Note what the call does to the server when a visitor feeds it. ``own``: its object is of a class of the page itself,
    whose function is followed; that other classes have a member of this name says nothing then."""
    memory.tick()
    types = receiver.types if receiver is not None else frozenset[str]()
    plain_shell = receiver is None and name == "shell"
    sink, writer = sinks.look("vb", name, types) if plain_shell else sinks.look(path, name, types, own=own)
    if sink is not None:
        act(memory, sink, shown(path, name, types), args, receiver, at)
    if args and args[0].constants:
        _sql_shell(memory, name, args[0], at)
    if writer is not None:
        written(memory, writer, receiver, args, shown(path, name, types), at)
    elif name in ("copyto", "copytoasync", "writeto") and receiver is not None and args:
        for target in args[0].place:
            _judge_write(memory, target, receiver, f"{name} the file", at)
    elif name in sinks.HANDLE_WRITES and receiver is not None and receiver.place:
        content = next((a for a in args if a.way or a.constants), NOTHING)
        for target in receiver.place:
            _judge_write(memory, target, content, f"{name[:20]} into the file", at)


def shown(path: str, name: str, types: frozenset[str]) -> str:
    """A call in words."""
    owner = next((t for t in sorted(types) if t.isprintable() and len(t) < 40 and t != "?"), "") or path.rpartition(".")[2][:40]
    return f"{owner.replace('/', ' ')}.{name[:40]}" if owner and owner != name else name[:40]


def act(memory: Memory, sink: sinks.Sink, words: str, args: Sequence[Value], receiver: Value | None, at: int) -> None:
    """A sink is called: is what it gets a visitor's?"""
    chosen = [args[i] for i in sink.which if i < len(args)] if sink.which else list(args)
    if sink.effect == "deserialise" and receiver is not None:
        chosen.append(receiver if sink.words.startswith("runs a style") else receiver._replace(constants=()))
    if sink.effect == "delete" and not args and receiver is not None:
        chosen = [receiver]
    value = next((v for v in chosen if v.way and v.kind != "number" and (v.whole or not sink.whole)), None)
    if sink.effect == "fetch" and any(v.way and _LOCAL.search(v.head) for v in chosen):
        memory.operation("local", at, f"{words}, which calls a service of this machine", chosen[0].way)
    if value is None:
        _without_visitor(memory, sink, words, chosen, at)
        return
    if value.kind == "remote" and sink.effect not in ("code", "command", "load"):
        return
    told = f"{words}, which {sink.words}"
    if sink.effect in ("read", "list", "delete", "move", "make", "disguise", "fetch", "registry"):
        if not value.fixed and not (sink.effect == "read" and value.kind in ("file", "remote")):
            memory.operation(sink.effect, at, told, value.way)
    elif sink.effect != "load" or not value.fixed:
        memory.found(sink.effect, at, told, value.way, sure=sink.effect != "sql" and (sink.effect != "load" or value.whole))


_TYPED = re.compile(r"'\w{0,20}(?:user|login|account|password|passwd|pwd|passwort)\w{0,20}'", re.IGNORECASE)
"""A field of the request, as a step of the way names it."""
_PASSWORD = re.compile(
    r"request[^;\n]{0,80}[\[(]\s{0,4}[\"']\w{0,20}(?:password|passwd|pwd|passwort)\w{0,20}[\"']", re.IGNORECASE
)
_POWERSHELL = frozenset(("powershell", "runspace", "runspacefactory", "pipeline", "createpipeline", "runspaceinvoke"))
_LOCAL = re.compile(r"^https?://(?:127\.|localhost|\[::1\])", re.IGNORECASE)
_STYLE_SCRIPT = re.compile(r"<(?:msxsl|ms):script|urn:schemas-microsoft-com:xslt", re.IGNORECASE)


def _without_visitor(memory: Memory, sink: sinks.Sink, words: str, chosen: Sequence[Value], at: int) -> None:
    """No visitor chooses it; but a program that the page carries hidden, or a command line of its own, is told."""
    if sink.effect == "load":
        for value in chosen:
            if any(len(t) > 400 and (t.startswith("MZ") or "\0" in t[:200]) for t in value.texts):
                memory.found("load", at, f"{words}, which loads a program that the page carries as text", ())
    elif sink.effect == "deserialise":
        if any(_STYLE_SCRIPT.search(t[:20000]) for v in chosen for t in v.texts):
            memory.found("deserialise", at, f"{words}, which runs the script in a style sheet", ())
    elif sink.effect == "code":
        for text in (t for v in chosen for t in v.texts):
            memory.run_code(text, "", at)
    elif sink.effect == "command" and any(t for v in chosen for t in v.texts):
        if words.endswith(".addscript") and not _POWERSHELL & memory.program.names:
            return  # other classes have that member too, for scripts of the browser
        memory.operation("program", at, f"{words}, which {sink.words}", ())


def _sql_shell(memory: Memory, name: str, value: Value, at: int) -> None:
    if name not in ("write", "writeline", "alert") and any(_SQL_SHELL.search(t[:2000]) for t in value.texts):
        memory.operation("sqlshell", at, f"{name[:40]} with a database command that leaves the database", value.way)


def written(memory: Memory, writer: sinks.Writer, receiver: Value | None, args: Sequence[Value], words: str, at: int) -> None:
    """A call that writes a file, or opens one to be written."""
    if writer.name >= len(args):
        return
    target = args[writer.name]
    if writer.content is not None:
        content = (
            (NOTHING if receiver is None else receiver)
            if writer.content < 0
            else args[writer.content]
            if writer.content < len(args)
            else NOTHING
        )
        _judge_write(memory, target, content, words, at)


def _credentials(memory: Memory, content: Value) -> bool:
    """Is it what people type to log on? The page asks for a password, and a field of that kind is in it."""
    return any(_TYPED.search(step.words) for step in content.way) and bool(_PASSWORD.search(memory.page.text))


def _judge_write(memory: Memory, target: Value, content: Value, words: str, at: int) -> None:
    serves = any(SERVER_ENDINGS.search(t[-200:]) for t in (*target.texts, target.tail) if t)
    script = any(_SCRIPT.search(t[:20000]) for t in content.texts)
    chosen = bool(target.way) and target.kind not in ("filename", "number", "remote", "body") and not target.fixed
    way: Way = content.way or target.way
    if serves and target.kind == "self" and content.way:
        memory.found("write", at, f"{words}: what the visitor sends becomes this page itself", way)
    elif chosen and content.way:
        memory.found("write", at, f"{words}: the visitor chooses the file and what goes into it", target.way)
    elif serves and content.way and target.kind != "number":
        what = "fetched content" if content.kind == "remote" else "what the visitor sends"
        memory.found("write", at, f"{words}: {what} becomes a page that the server runs", way)
    elif serves and script:
        memory.found("write", at, f"{words}: script becomes a page that the server runs", way)
    elif (
        (target.kind == "filename" or (target.kind == "body" and not target.fixed))
        and content.kind in ("file", "text", "body")
        and content.way
    ):
        memory.operation("upload", at, f"{words}: an upload under the name that the visitor gives it", target.way)
    elif chosen:
        memory.operation("write", at, f"{words}: a file whose place the visitor chooses", target.way)
    elif (
        (content.built or any(t.startswith("MZ") for t in content.texts))
        and not content.way
        and _PROGRAM.search(" ".join((*(t[-60:] for t in target.texts), target.tail)))
    ):
        memory.found("write", at, f"{words}: a program that the page carries as text", ())
    elif content.way and not chosen and _credentials(memory, content):
        memory.found("credentials", at, f"{words}: the password that somebody typed", way, sure=False)
    elif content.way and script:
        memory.found("write", at, f"{words}: script with what the visitor sends", way)


def fills(name: str) -> bool:
    """Does this member put its arguments into its object?"""
    return name in _FILLS
