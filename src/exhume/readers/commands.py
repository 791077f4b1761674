"""What a command line or a script says that it makes: a task, a service, an account, a value of the registry, a file.

The fields have the names that events, hives and task files give them (``artefacts``), so that one rule holds for all. Samples::

    schtasks /create /tn Update /sc onlogon /tr "C:\\Windows\\Temp\\u.exe"      → TaskName, TaskRun
    sc \\\\EX02 create Update binPath= "cmd /c C:\\Users\\Public\\u.bat"         → ServiceName, ServiceRun
    reg add HKLM\\…\\WDigest /v UseLogonCredential /t REG_DWORD /d 1 /f       → RegistrySet
    net localgroup Administrators elie /add                                 → MemberAdded, GroupChanged

References: learn.microsoft.com, "Windows commands" (schtasks, sc, reg, net) and the modules ScheduledTasks, LocalAccounts and
Microsoft.PowerShell.Management. A command proves that it was given, not that it succeeded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from exhume.model import Value
from exhume.model.kinds import server_side
from exhume.model.windows import served_url
from exhume.readers.registrynames import plain_key, service_of, set_text

LOOKED_AT = 1 << 15
"""Characters of a command or script that are looked through."""
MOST = 32
"""Commands in it of which the things are told."""
_CLAUSE = 4096
"""Characters of one command."""

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([^\s&|;\'"]+)|([&|;])')
_WORTH = re.compile(
    r"schtasks|scheduledtaskaction|\bsc(?:\.exe)?\b|new-service|\breg(?:\.exe)?\b|itemproperty|\bnet1?(?:\.exe)?\b|local(?:user|group)|"
    r"\bAD(?:User|GroupMember|Account)\b|>|certutil|\b(?:x?copy|move)\b|copy-item|move-item|-OutFile|out-file|(?:set|add)-content|WriteAll|"
    r"DownloadFile|bitsadmin",
    re.IGNORECASE,
)
_ENDING = r"[\w~.$()-]*\.[A-Za-z0-9]{2,5}"
_PATH = rf"[A-Za-z]:\\(?:[^\"'<>|&;,\r\n\t*?\\]{{1,80}}\\){{0,20}}{_ENDING}"
_WRITES = re.compile(
    rf"(?:>{{1,2}}|-OutFile|-FilePath|-Destination|-LiteralPath|(?:out-file|(?:set|add)-content)(?:\s+-(?:file)?path)?)\s*[\"']?({_PATH})"
    rf"|(?:WriteAll\w+\s*\(|DownloadFile\s*\([^,()]{{0,400}},)\s*[\"']?({_PATH})",
    re.IGNORECASE,
)


_WHOLE_PATH = re.compile(rf"{_PATH}\Z", re.IGNORECASE)
_COPIED = "copied"


def made_by(text: str) -> dict[str, Value]:
    """The fields of all that the text makes; several values as a tuple. Of files the first served page, else the first."""
    text = text[:LOOKED_AT]
    if not _WORTH.search(text):
        return {}
    found: dict[str, list[str]] = {}
    for number, (match, told) in enumerate(_commands(text)):
        if number >= MOST:
            break
        for name, value in told(_words(text, match.end()), match):
            if value and value not in found.setdefault(name, []):
                found[name].append(value)
    written = _written(text, found.pop(_COPIED, []))
    fields: dict[str, Value] = {
        name: values[0] if len(values) == 1 else tuple(values) for name, values in found.items() if values
    }
    if written:
        fields |= {"TargetFilename": written, "FileAction": "write"}
    return fields


class _Quoted(str):
    """A word that stood in quotes: it is no option, whatever it begins with."""

    __slots__ = ()


def _words(text: str, start: int) -> list[str]:
    """The words of a command up to its end, without quotes. A quote that is escaped stays one."""
    end = text.find("\n", start, start + _CLAUSE)
    words: list[str] = []
    for match in _WORD.finditer(text, start, end if end >= 0 else min(len(text), start + _CLAUSE)):
        if match[4]:
            break
        quoted = match[1] if match[1] is not None else match[2]
        words.append(match[3] if quoted is None else _Quoted(quoted.replace('\\"', '"')))
    return words


def _options(words: list[str], marks: str = "/-") -> dict[str, str]:
    """Each option in lower case without its mark, with the word that follows; the words before all options under ``""``."""
    found: dict[str, str] = {}
    name = ""
    for word in words:
        if word[:1] in marks and len(word) > 1 and not word[1:2].isdigit() and not isinstance(word, _Quoted):
            name = word[1:].lower()
            found.setdefault(name, "")
        elif not found.get(name):
            found[name] = word
    return found


_Said = Iterator[tuple[str, str]]


def _schtasks(words: list[str], match: re.Match[str]) -> _Said:
    options = _options(words)
    if "create" in options or "change" in options:
        yield "TaskName", options.get("tn", "")
        yield "TaskRun", options.get("tr", "")


def _task_action(words: list[str], match: re.Match[str]) -> _Said:
    options = _options(words, "-")
    yield "TaskRun", f"{options.get('execute', options.get('', ''))} {options.get('argument', '')}".strip()


def _sc(words: list[str], match: re.Match[str]) -> _Said:
    if words and words[0].startswith("\\\\"):
        words = words[1:]
    if len(words) < 3 or words[0].lower() not in ("create", "config", "failure"):
        return
    for place, word in enumerate(words[2:], 2):
        name, equals, value = word.partition("=")
        if equals and name.lower() in ("binpath", "command"):
            yield "ServiceName", words[1]
            yield "ServiceRun", value or next(iter(words[place + 1 :]), "")


def _new_service(words: list[str], match: re.Match[str]) -> _Said:
    options = _options(words, "-")
    run = next((options[name] for name in options if name and "binarypathname".startswith(name) and name[0] == "b"), "")
    if run:
        yield "ServiceName", options.get("name", options.get("", ""))
        yield "ServiceRun", run


def _reg(words: list[str], match: re.Match[str]) -> _Said:
    if len(words) < 2:
        return
    verb, options = words[0].lower(), _options(words[2:], "/")
    key = plain_key(words[1])
    path = f"{key}\\{options['v']}" if options.get("v") else key
    if verb == "add" and key:
        yield from _value_set(path, options.get("d", ""))
    elif verb == "delete" and key:
        yield "RegistryDeleted", path


def _item_property(words: list[str], match: re.Match[str]) -> _Said:
    options = _options(words, "-")
    key = plain_key(options.get("path", options.get("literalpath", options.get("", ""))))
    if not key.startswith("HK") or not options.get("name"):
        return
    path = f"{key}\\{options['name']}"
    if match[0].lower().startswith("remove"):
        yield "RegistryDeleted", path
    else:
        yield from _value_set(path, options.get("value", ""))


def _value_set(path: str, data: str) -> _Said:
    yield "RegistrySet", set_text(path, data)
    service = service_of(path)
    if service:
        yield "ServiceName", service
        yield "ServiceRun", data


def _net(words: list[str], match: re.Match[str]) -> _Said:
    what = words[0].lower() if words else ""
    named = [word for word in words[1:] if not word.startswith("/")]
    switches = {word.lower().rstrip("\"'") for word in words if word.startswith("/")}
    if what in ("user", "users") and named:
        if "/add" in switches:
            yield "AccountMade", named[0]
        if "/active:yes" in switches:
            yield "AccountEnabled", named[0]
    elif what in ("localgroup", "group") and len(named) > 1 and "/add" in switches:
        yield from _members(named[0], named[1:])


def _members(group: str, names: list[str]) -> _Said:
    for name in names:
        yield "GroupChanged", group
        yield "MemberAdded", name


def _local(words: list[str], match: re.Match[str]) -> _Said:
    verb, options = match[0].lower(), _options(words, "-")
    name = options.get("name", options.get("samaccountname", options.get("identity", options.get("", ""))))
    if verb.startswith("new-"):
        yield "AccountMade", name
    elif verb.startswith("enable-"):
        yield "AccountEnabled", name
    elif verb.startswith("add-"):
        positional = [word for word in words if not word.startswith("-")]
        member = options.get("member", options.get("members", positional[1] if len(positional) > 1 else ""))
        group = options.get("group", options.get("identity", options.get("", "")))
        if member:
            yield from _members(group, [member])


def _copied(words: list[str], match: re.Match[str]) -> _Said:
    """The file that a command copies, decodes or fetches to: its last path."""
    paths = [word for word in words if _WHOLE_PATH.match(word)]
    if paths:
        yield _COPIED, paths[-1]


_TOLD: Mapping[str, Callable[[list[str], re.Match[str]], _Said]] = {
    "schtasks": _schtasks,
    "action": _task_action,
    "sc": _sc,
    "service": _new_service,
    "reg": _reg,
    "property": _item_property,
    "net": _net,
    "local": _local,
    "copy": _copied,
}
_COMMAND = re.compile(
    r"\b(?:(?P<schtasks>schtasks(?:\.exe)?\"?(?=\s))|(?P<action>New-ScheduledTaskAction)|(?P<sc>(?<![-$.])sc(?:\.exe)?\"?(?=\s))|"
    r"(?P<service>New-Service)\b|(?P<reg>(?<![-$])reg(?:\.exe)?\"?(?=\s+(?:add|delete)\s))|"
    r"(?P<property>(?:New|Set|Remove)-ItemProperty)\b|(?P<net>(?<![-$.])net1?(?:\.exe)?\"?(?=\s+(?:users?|localgroup|group)\s))|"
    r"(?P<copy>(?<![-$])(?:certutil|bitsadmin|xcopy|copy|move)(?:\.exe)?\"?(?=\s)|(?:Copy|Move)-Item\b)|"
    r"(?P<local>(?:New|Enable)-LocalUser|Add-LocalGroupMember|New-ADUser|Enable-ADAccount|Add-ADGroupMember))",
    re.IGNORECASE,
)


def _commands(text: str) -> Iterator[tuple[re.Match[str], Callable[[list[str], re.Match[str]], _Said]]]:
    for match in _COMMAND.finditer(text):
        yield match, _TOLD[str(match.lastgroup)]


def _written(text: str, copied: list[str]) -> str:
    paths = [*(str(m[1] or m[2]).strip() for m in islice(_WRITES.finditer(text), MOST)), *copied]
    pages = (path for path in paths if server_side(served_url(path)))
    return next(pages, paths[0] if paths else "")
