"""The services of Windows from the hive SYSTEM: what starts with the machine, and as whom (T1543.003).

Sample: key ``ControlSet001\\Services\\MSExchangeIS`` with ``ImagePath`` and ``ObjectName``; of a shared process also
``Parameters`` with ``ServiceDll``.

References: learn.microsoft.com, "HKLM\\SYSTEM\\CurrentControlSet\\Services registry tree".
"""

from __future__ import annotations

from collections.abc import Iterator

from exhume.model import File, Record, Value
from exhume.readers.hive.keys import Hive, Key

MOST = 5_000
"""Services told of one hive; a server has some six hundred."""
_LONGEST = 2_000
_VALUES = {"imagepath": "ImagePath", "objectname": "ObjectName", "displayname": "DisplayName"}


def services(hive: Hive, file: File) -> Iterator[Record]:
    """A record ``windows.service`` for each one of the current set. Raises ``HiveLimitError`` and ``OSError``."""
    select = hive.root.subkey("Select")
    current = select.values().get("current") if select else None
    number = current if isinstance(current, int) and 0 < current < 1000 else 1
    path = f"ControlSet{number:03}\\Services"
    below = hive.root.find(path) if select else None
    for count, key in enumerate(below.subkeys() if below else ()):
        if count >= MOST:
            return
        fields = _fields(key)
        if "ImagePath" in fields or "ServiceDll" in fields:
            yield Record("windows.service", None, fields, file.source(f"key {path}\\{key.name}"[:200]), "services")


def _fields(key: Key) -> dict[str, Value]:
    values = key.values()
    fields: dict[str, Value] = {"name": key.name[:200]}
    for name, shown in _VALUES.items():
        value = values.get(name)
        if isinstance(value, str) and value.strip():
            fields[shown] = value.strip()[:_LONGEST]
    start = values.get("start")
    if isinstance(start, int):
        fields["Start"] = start
    parameters = key.subkey("Parameters")
    library = parameters.values().get("servicedll") if parameters else None
    if isinstance(library, str) and library.strip():
        fields["ServiceDll"] = library.strip()[:_LONGEST]
    if key.written:
        fields["written"] = key.written.strftime("%Y-%m-%dT%H:%M:%SZ")
    return fields
