"""What an event tells of tasks, services, accounts, the registry and files, under the names that all sources share.

A task is a task whether its file, an event or a command line tells of it. Rules are written for the thing (log sources
``product: exhume, category: task`` and so on, in ``content/logsources.yml``); this adds to an event the fields that they read:

| field | of |
|---|---|
| ``TaskName``, ``TaskRun`` | 4698, 4702 (``TaskContent``); TaskScheduler 106, 129, 140, 200; ``schtasks`` |
| ``ServiceName``, ``ServiceRun`` | 7045, 4697; ``ImagePath`` and ``ServiceDll`` set in the registry; ``sc`` |
| ``AccountMade``, ``AccountEnabled``, ``GroupChanged``, ``MemberAdded`` | 4720, 4722, 4728, 4732, 4756; ``net`` |
| ``RegistrySet``, ``RegistryDeleted`` | Sysmon 12, 13, 14; 4657; Defender 5007; ``reg``, ``Set-ItemProperty`` |
| ``TargetFilename``, ``Image``, ``FileAction`` | 4656, 4663, 5145; commands that write a file |

References: Microsoft, "Audit Other Object Access Events" (4698), "Audit Detailed File Share" (5145), "Audit File System" (4663:
bits of ``AccessMask``), "Audit Registry" (4657); Sysmon, "Event ID 12" to "14".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from exhume.model import Value
from exhume.readers.commands import made_by
from exhume.readers.registrynames import plain_key, service_of, set_text

MOST = 32
"""Actions of one task; Windows allows no more."""
_TASK_TEXT = 1 << 16
"""Characters of a task's XML that are looked through."""
_WRITES = 0x2 | 0x4 | 0x40000000 | 0x10000000
"""Write, append, GENERIC_WRITE, GENERIC_ALL: each of them writes a file, or adds one to a folder."""
_DELETES = 0x10000
_REFUSED = 0x10000000000000
"""Keyword "audit failure"."""
_COMMENT = re.compile(r"<!--.*?-->|<!\[CDATA\[|\]\]>", re.DOTALL)
_PART = re.compile(r"<(?:\w+:)?(Exec|Command|Arguments)\b[^>]*>([^<]*)")

Fields = Mapping[str, Value]


def derived(channel: str, event: int, fields: Fields) -> dict[str, Value]:
    """The fields to be added; none for most events, and none that the event has itself."""
    told = _TOLD.get((channel.lower(), event))
    if told is None:
        return {}
    return {name: value for name, value in told(fields).items() if value and not fields.get(name)}


def _unescaped(text: str) -> str:
    """The five names that XML has for characters of its own. Letters written by their numbers stay as they are: what rules look
    for has to stand in the event's own text."""
    for name, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        text = text.replace(f"&{name};", character)
    return text


def _text(fields: Fields, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return "\n".join(value) if isinstance(value, tuple) else str(value)
    return ""


def _number(text: str) -> int:
    try:
        return int(text.strip(), 0) if len(text) < 24 else 0
    except ValueError:
        return 0


def runs_of(xml: str) -> Value:
    """Command and arguments of each action of a task, as one text; of several actions a tuple."""
    runs: list[list[str]] = []
    for name, value in _PART.findall(_COMMENT.sub("", xml[:_TASK_TEXT])):
        if name == "Exec":
            runs.append([])
        elif runs and value.strip():
            runs[-1].append(_unescaped(value).strip())
    told = tuple(" ".join(parts) for parts in runs[:MOST] if parts)
    return told[0] if len(told) == 1 else told


def _task(fields: Fields) -> dict[str, Value]:
    return {"TaskRun": runs_of(_text(fields, "TaskContent", "TaskContentNew"))}


def _task_started(fields: Fields) -> dict[str, Value]:
    return {"TaskRun": _text(fields, "ActionName", "Path")}


def _service(fields: Fields) -> dict[str, Value]:
    return {"ServiceRun": _text(fields, "ImagePath", "ServiceFileName")}


def _account_made(fields: Fields) -> dict[str, Value]:
    return {"AccountMade": _text(fields, "TargetUserName")}


def _account_enabled(fields: Fields) -> dict[str, Value]:
    return {"AccountEnabled": _text(fields, "TargetUserName")}


def _member(fields: Fields) -> dict[str, Value]:
    name = _text(fields, "MemberName").strip()
    return {
        "GroupChanged": _text(fields, "TargetUserName"),
        "MemberAdded": name if name not in ("", "-") else _text(fields, "MemberSid"),
    }


def _registry(path: str, data: str) -> dict[str, Value]:
    found: dict[str, Value] = {"RegistrySet": set_text(path, data)}
    service = service_of(path)
    if service:
        found |= {"ServiceName": service, "ServiceRun": data}
    return found


def _registry_sysmon(fields: Fields) -> dict[str, Value]:
    path = plain_key(_text(fields, "TargetObject"))
    if "delete" in _text(fields, "EventType").lower():
        return {"RegistryDeleted": path}
    return _registry(path, _text(fields, "Details", "NewName"))


def _registry_audit(fields: Fields) -> dict[str, Value]:
    path = f"{plain_key(_text(fields, 'ObjectName'))}\\{_text(fields, 'ObjectValueName')}"
    if "1906" in _text(fields, "OperationType"):
        return {"RegistryDeleted": path}
    return _registry(path, _text(fields, "NewValue"))


def _defender(fields: Fields) -> dict[str, Value]:
    """5007: ``HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\Tools = 0x0``."""
    path, equals, data = _text(fields, "New Value", "NewValue").partition(" = ")
    return {"RegistrySet": set_text(plain_key(path), data)} if equals else {}


def _process(fields: Fields) -> dict[str, Value]:
    return made_by(_text(fields, "CommandLine", "ProcessCommandLine"))


def _script(fields: Fields) -> dict[str, Value]:
    return made_by(_text(fields, "ScriptBlockText"))


def _action(fields: Fields) -> str:
    """What was done to the file; empty text where it was refused. Handles (4656) and shares (5145) tell what was asked for."""
    said = _text(fields, "Keywords")
    if _number(said) & _REFUSED or "failure" in said.lower():
        return ""
    mask = _number(_text(fields, "AccessMask"))
    if mask & _WRITES:
        return "write"
    return "delete" if mask & _DELETES else "read" if mask else ""


def _file(fields: Fields) -> dict[str, Value]:
    action = _action(fields)
    if not action or _text(fields, "ObjectType").lower() != "file":
        return {}
    return {"TargetFilename": _text(fields, "ObjectName"), "Image": _text(fields, "ProcessName"), "FileAction": action}


def _share(fields: Fields) -> dict[str, Value]:
    """A file of a share: written by no program of this machine."""
    action, name = _action(fields), _text(fields, "RelativeTargetName")
    if not action or not name or name == "\\":
        return {}
    folder = _text(fields, "ShareLocalPath").removeprefix("\\??\\")
    share = _text(fields, "ShareName").rpartition("\\")[2].lower()
    if share == "ipc$":
        return {}  # a pipe
    if not folder and len(share) == 2 and share.endswith("$"):
        folder = f"{share[0].upper()}:\\"
    path = f"{folder.rstrip(chr(92))}\\{name}" if folder else name
    return {"TargetFilename": path, "FileAction": action}


_SYSMON = "microsoft-windows-sysmon/operational"
_TASKS = "microsoft-windows-taskscheduler/operational"
_TOLD: dict[tuple[str, int], Callable[[Fields], dict[str, Value]]] = {
    ("security", 4698): _task,
    ("security", 4702): _task,
    (_TASKS, 129): _task_started,
    (_TASKS, 200): _task_started,
    ("system", 7045): _service,
    ("security", 4697): _service,
    ("security", 4720): _account_made,
    ("security", 4722): _account_enabled,
    ("security", 4728): _member,
    ("security", 4732): _member,
    ("security", 4756): _member,
    (_SYSMON, 12): _registry_sysmon,
    (_SYSMON, 13): _registry_sysmon,
    (_SYSMON, 14): _registry_sysmon,
    ("security", 4657): _registry_audit,
    ("microsoft-windows-windows defender/operational", 5007): _defender,
    (_SYSMON, 1): _process,
    ("security", 4688): _process,
    ("microsoft-windows-powershell/operational", 4104): _script,
    ("powershellcore/operational", 4104): _script,
    ("security", 4656): _file,
    ("security", 4663): _file,
    ("security", 5145): _share,
}
