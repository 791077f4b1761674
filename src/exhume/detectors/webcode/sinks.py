"""What runs, loads, writes, reads or connects: the calls that a visitor must not feed.

A key is ``class.member`` or, with ``*``, the member of any object; ``new`` of a class has the class alone as its key. COM
objects go by their ProgID, with a slash for its dot. References: Microsoft's documentation of the classes; the families named
in traces.md (WS) of the project's notes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

EVALUATORS = frozenset(("eval", "execute", "executeglobal", "execscript"))
"""Functions of VBScript and JScript that run text as code."""


class Sink(NamedTuple):
    effect: str
    words: str
    which: tuple[int, ...] = ()
    """Arguments that count, from 0; all when empty."""
    whole: bool = False
    """Only when the visitor chooses the whole value."""


def _many(effect: str, words: str, keys: str, which: tuple[int, ...] = (), *, whole: bool = False) -> dict[str, Sink]:
    return {key: Sink(effect, words, which, whole) for key in keys.split()}


SINKS: dict[str, Sink] = {
    **_many("code", "runs it as script", """
        scriptcontrol.addcode scriptcontrol.executestatement scriptcontrol.eval scriptcontrol.run *.executestatement
        *.addcode eval.jscriptevaluate *.jscriptevaluate csharpscript.evaluateasync csharpscript.runasync function
        ?.addcode"""),
    **_many("command", "runs it as PowerShell", """
        *.addscript *.invokescript runspaceinvoke.invoke *.createpipeline scriptblock.create"""),
    **_many("command", "starts a program", """
        process.start processstartinfo interaction.shell *.shellexecute wscript/shell.run wscript/shell.exec
        shell/application.open winmgmts.create win32_process.create managementclass.invokemethod ?.run ?.exec
        ?.shellexecute vb.shell standardinput.writeline standardinput.write managementobject.invokemethod
        *.runcommand"""),
    **_many("load", "compiles and runs it", """
        *.compileassemblyfromsource *.compileassemblyfromdom *.compileassemblyfromfile
        *.compileassemblyfromsourcebatch"""),
    **_many("load", "loads it as a program", """
        assembly.load assembly.loadfrom assembly.loadfile assembly.unsafeloadfrom appdomain.load currentdomain.load
        *.loadmodule assembly.reflectiononlyload activator.createinstancefrom csharpcompilation.create
        *.unsafeloadfrom"""),
    **_many("load", "makes an object of a class that the visitor names", """
        activator.createinstance type.gettype assembly.gettype assembly.createinstance""", (0, 1), whole=True),
    **_many("load", "calls a method that the visitor names", """
        *.invokemember *.getmethod interaction.callbyname""", (0, 1), whole=True),
    **_many("deserialise", "restores objects from it, which can run code", """
        binaryformatter.deserialize binaryformatter.unsafedeserialize losformatter.deserialize
        objectstateformatter.deserialize soapformatter.deserialize netdatacontractserializer.deserialize
        netdatacontractserializer.readobject xamlreader.load xamlreader.parse xamlservices.load xamlservices.parse
        xamlservices.transform *.unsafedeserialize *.jsondeserialize"""),
    **_many("deserialise", "runs a style sheet, which can hold script", """
        xslcompiledtransform.load xsltransform.load *.transformnode *.transformnodetoobject xsltprocessor.transform"""),
    **_many("sql", "sends it as a whole command to a database", """
        sqlcommand oledbcommand odbccommand mysqlcommand oraclecommand sqldataadapter oledbdataadapter
        odbcdataadapter adodb/connection.execute adodb/recordset.open ?.execute adodb/command.execute
        sqlhelper.executenonquery"""
           , (0,), whole=True),
    **_many("sql", "opens a database that the visitor names",
        "sqlconnection oledbconnection odbcconnection adodb/connection.open mysqlconnection oracleconnection", (0,)),
    **_many("registry", "reads or changes the registry", """
        *.opensubkey *.createsubkey *.deletesubkey *.regread *.regwrite *.regdelete"""),
    **_many("tunnel", "opens a connection to it", """
        socket.connect tcpclient.connect tcpclient *.beginconnect *.connectasync udpclient udpclient.connect""", ()),
    **_many("fetch", "calls it over HTTP", """
        microsoft/xmlhttp.open msxml2/xmlhttp.open msxml2/serverxmlhttp.open winhttp/winhttprequest.open
         """, (1,), whole=True),
    **_many("fetch", "calls it over HTTP", """
        webrequest.create httpwebrequest.create webrequest.createhttp *.downloadstring *.downloaddata
        httpclient.getasync httpclient.sendasync *.uploaddata"""
           , (0,), whole=True),
    **_many("read", "reads a file", """
        file.readalltext file.readallbytes file.readalllines file.openread file.opentext response.writefile
        response.transmitfile *.loadfromfile *.openastextstream streamreader"""
           , (0,)),
    **_many("list", "lists a folder", """
        directory.getfiles directory.getdirectories directory.getfilesystementries directoryinfo *.getfolder
        directory.enumeratefiles *.namespace"""
           , (0,)),
    **_many("delete", "deletes it", """
        file.delete directory.delete *.deletefile *.deletefolder fileinfo.delete directoryinfo.delete""", (0,)),
    **_many("move", "moves or copies it", """
        *.movefile *.copyfile *.movefolder *.copyfolder directory.move fileinfo.moveto fileinfo.copyto""", (0, 1)),
    **_many("make", "makes a folder", "directory.createdirectory *.createfolder *.createsubdirectory", (0,)),
    **_many("disguise", "changes a file's times or attributes", """
        file.setlastwritetime file.setcreationtime file.setlastaccesstime file.setattributes
        directory.setlastwritetime"""
           , (0,)),
}  # fmt: skip

ASSIGNED: dict[str, Sink] = {
    **_many("command", "starts a program", """
        processstartinfo.filename processstartinfo.arguments startinfo.filename startinfo.arguments
        process.startinfo"""),
    **_many("sql", "sends it as a whole command to a database", "*.commandtext *.selectcommand", whole=True),
}  # fmt: skip
"""Properties that act when they are set."""


class Writer(NamedTuple):
    """A call that writes a file: which argument names it and which holds the content (-1: the object itself; None: later
    calls)."""

    name: int
    content: int | None


WRITERS: dict[str, Writer] = {
    "file.writealltext": Writer(0, 1), "file.writeallbytes": Writer(0, 1), "file.writealllines": Writer(0, 1),
    "file.appendalltext": Writer(0, 1), "file.appendalllines": Writer(0, 1), "file.create": Writer(0, None),
    "file.createtext": Writer(0, None), "file.appendtext": Writer(0, None),
    "file.openwrite": Writer(0, None), "file.open": Writer(0, None),
    "streamwriter": Writer(0, None), "filestream": Writer(0, None), "binarywriter": Writer(0, None), "file.copy": Writer(1, 0),
    "file.move": Writer(1, 0), "*.createtextfile": Writer(0, None),
    "*.opentextfile": Writer(0, None), "*.saveas": Writer(0, -1),
    "*.savetofile": Writer(0, -1), "*.downloadfile": Writer(1, 0), "file.replace": Writer(1, 0), "*.copyfile": Writer(1, 0),
    "*.movefile": Writer(1, 0), "file.writealltextasync": Writer(0, 1), "my.computer.filesystem.writealltext": Writer(0, 1),
    "filesystem.writealltext": Writer(0, 1), "*.writetofile": Writer(0, -1),
    "xmldocument.save": Writer(0, -1), "bitmap.save": Writer(0, -1), "fileinfo.copyto": Writer(0, -1),
}  # fmt: skip
HANDLE_WRITES = frozenset(
    ("write", "writeline", "writebyte", "writeasync", "writelineasync", "writetext", "writelines", "copyto", "writeto")
)
"""Members of an open file that write into it."""


class Looked(NamedTuple):
    """What the tables say of one call."""

    sink: Sink | None
    writer: Writer | None


@lru_cache(maxsize=4096)
def look(path: str, member: str, types: frozenset[str], *, own: bool = False) -> Looked:
    """What a call does. ``own``: its object is of a class of the page itself; a member of any object is none of that."""
    found = [key for key in keys(path, member, types) if not (own and key.startswith("*."))]
    return Looked(
        next((SINKS[key] for key in found if key in SINKS), None),
        next((WRITERS[key] for key in found if key in WRITERS), None),
    )


def keys(path: str, member: str, types: frozenset[str]) -> tuple[str, ...]:
    """The keys under which a call is looked up: by the object's class, by the dotted name as written, by the member alone."""
    found = [f"{t}.{member}" for t in sorted(types)]
    parts = path.split(".")
    found.append(".".join([*parts[-1:], member]) if path else member)
    found.append(f"*.{member}")
    return tuple(found)
