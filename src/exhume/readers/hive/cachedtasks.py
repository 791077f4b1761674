"""Scheduled tasks as the hive SOFTWARE knows them, without their files: what Windows really runs.

Sample: key ``Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tree\\Winnet`` with ``Id`` ``{…}``; below
``TaskCache\\Tasks\\{…}`` the value ``Actions``: 2 bytes version, the context and then actions, each text with its length in
bytes before it as 4 bytes; ``66 66``, an id, command, arguments and folder for a program.

A task whose ``SD`` in the tree was deleted is hidden from every tool (Tarrask, HAFNIUM). References: Microsoft, "Tarrask
malware uses scheduled tasks for defense evasion" (2022-04-12); libyal/winreg-kb, "Task scheduler" (Actions).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from exhume.model import File, Record, Value
from exhume.readers.hive.keys import Hive, Key

MOST = 2_000
"""Tasks told of one hive; a server has some two hundred."""
DEEPEST = 16
"""Folders of tasks inside each other."""
_CACHE = "Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache"
_PROGRAM = 0x6666
_LONGEST = 4_000


def cached_tasks(hive: Hive, file: File) -> Iterator[Record]:
    """A record ``windows.task`` for each task of the tree. Raises ``HiveLimitError`` and ``OSError``."""
    cache = hive.root.find(_CACHE)
    tree = cache.subkey("Tree") if cache else None
    if not cache or not tree:
        return
    tasks = cache.subkey("Tasks")
    known = {key.name.lower(): key for key in tasks.subkeys()} if tasks else {}
    for count, (key, path) in enumerate(_tree(tree, "", 0)):
        if count >= MOST:
            return
        values = key.values()
        fields: dict[str, Value] = {"name": path[:200], "Registry": True}
        own = known.get(str(values["id"]).lower())
        actions = own.binary("actions") if own else b""
        fields |= _program(actions)
        if not key.binary("sd"):
            fields["SdDeleted"] = True
        if key.written:
            fields["written"] = key.written.strftime("%Y-%m-%dT%H:%M:%SZ")
        yield Record("windows.task", None, fields, file.source(f"key {_CACHE}\\Tree{path}"[:300]), "tasks")


def _tree(key: Key, path: str, depth: int) -> Iterator[tuple[Key, str]]:
    """The keys of tasks; those of folders have no ``Id``."""
    for one in key.subkeys():
        below = f"{path}\\{one.name}"
        if "id" in one.values():
            yield one, below
        elif depth < DEEPEST:
            yield from _tree(one, below, depth + 1)


def _program(actions: bytes) -> dict[str, Value]:
    """Command and arguments of the first program; nothing for other kinds of action or a value of another form."""
    try:
        (version,) = struct.unpack_from("<H", actions, 0)
        place = 2
        if version >= 2:
            _, place = _text(actions, place)  # the context
        (kind,) = struct.unpack_from("<H", actions, place)
        if kind != _PROGRAM:
            return {}
        _, place = _text(actions, place + 2)
        command, place = _text(actions, place)
        arguments, _ = _text(actions, place)
    except (struct.error, ValueError):
        return {}
    return {name: text for name, text in (("Command", command), ("Arguments", arguments)) if text}


def _text(data: bytes, place: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<I", data, place)
    end = place + 4 + size
    if end > len(data):
        raise ValueError("longer than the value")
    return data[place + 4 : end].decode("utf-16-le", "replace").strip("\0 ")[:_LONGEST], end
