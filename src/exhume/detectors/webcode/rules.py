"""What each thing that a page does means: the rule, how bad it is and how sure."""

from __future__ import annotations

from exhume.model import Confidence, Outcome, Rule, Severity

PACK = "webshell"
_SHELL = ("T1505.003",)
_FALSE = ("A tool that an administrator put there to run commands or write files from the browser",)


def _rule(name: str, title: str, techniques: tuple[str, ...] = (), *, sure: bool = True, low: bool = False) -> Rule:
    severity = Severity.CRITICAL if sure else Severity.HIGH
    return Rule(
        id=f"webcode.{name}",
        pack=PACK,
        title=title,
        outcome=Outcome.PROBE if low else Outcome.WRITE if sure else Outcome.STEP,
        severity=Severity.LOW if low else severity,
        confidence=Confidence.LOW if low else Confidence.HIGH if sure else Confidence.MEDIUM,
        techniques=_SHELL + techniques,
        fold=("path",),
        trace="WS",
        falsepositives=_FALSE,
        shows="odd-page/content",
    )


SURE: dict[str, Rule] = {
    "code": _rule("runs-code", "Web shell: runs as script what a visitor sends", ("T1059",)),
    "remote": _rule("runs-fetched-code", "Web shell: runs as script what it fetches from another machine", ("T1105", "T1059")),
    "hidden": _rule("runs-hidden-code", "Page that runs script which it hides in itself", ("T1027",)),
    "command": _rule("runs-command", "Web shell: starts programs with what a visitor sends", ("T1059.003",)),
    "load": _rule("loads-program", "Web shell: compiles or loads as a program what a visitor sends", ("T1620",)),
    "deserialise": _rule(
        "restores-objects", "Web shell: restores objects or runs style sheets that a visitor sends", ("T1059",)
    ),
    "write": _rule("writes-file", "Web shell: writes files that a visitor sends", ("T1105",)),
    "tunnel": _rule("opens-tunnel", "Web shell: connects onward to where a visitor says", ("T1090",)),
    "files": _rule("manages-files", "Web shell: lists, reads and changes files wherever a visitor says", ("T1083", "T1005")),
    "sqlshell": _rule("database-command", "Web shell: has a database run commands of its server", ("T1059",)),
    "memory": _rule("runs-machine-code", "Page that puts machine code into memory and runs it", ("T1055",)),
    "keys": _rule("shows-machine-keys", "Page that shows the server's machine keys", ("T1552.004",)),
}
UNSURE: dict[str, Rule] = {
    "code": _rule("runs-code-likely", "Probably a web shell: script that a visitor may choose is run", ("T1059",), sure=False),
    "command": _rule("runs-command-likely", "Page that starts programs and shows what they print", ("T1059.003",), sure=False),
    "load": _rule(
        "loads-program-likely", "Probably a web shell: calls by name what a visitor may choose", ("T1620",), sure=False
    ),
    "sql": _rule("runs-sql", "Page that sends a visitor's own commands to a database", ("T1213",), sure=False),
    "upload": _rule("takes-uploads", "Page that saves any upload under its own name, without checks", ("T1105",), sure=False),
    "files": _rule("manages-files-likely", "Page that works on files where a visitor says", ("T1083",), sure=False),
    "write": _rule("writes-file-likely", "Page that writes files where a visitor says", ("T1105",), sure=False),
    "registry": _rule("reads-registry", "Page that reads or changes the registry where a visitor says", ("T1012",), sure=False),
    "hidden": _rule("hides-code", "Page that carries script or a long text in a hidden form", ("T1027",), sure=False),
    "tunnel": _rule(
        "calls-this-machine", "Page that passes a visitor's words to a service of the same machine", ("T1090",), sure=False
    ),
    "relay": _rule("relays-requests", "Page that calls whatever address a visitor gives", ("T1090",), sure=False),
    "include": _rule("runs-other-file", "Page that runs a file whose name is not that of a page", ("T1036",), sure=False),
    "carried": _rule("carries-command", "Page that holds a command line and no code", ("T1059.003",), sure=False),
    "sniffer": _rule("listens-to-network", "Page that reads the network's traffic", ("T1040",), sure=False),
    "survey": _rule(
        "surveys-server", "Page that looks for security products or tells all about the server", ("T1518.001",), sure=False
    ),
}
