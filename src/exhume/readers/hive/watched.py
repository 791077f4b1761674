"""Settings of the hives SOFTWARE and SYSTEM that intruders change, each as the record ``windows.registry``.

Sample: key ``ControlSet001\\Control\\SecurityProviders\\WDigest`` with ``UseLogonCredential`` 1 →
``RegistrySet`` ``HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\WDigest\\UseLogonCredential=1``, as in events.

References: learn.microsoft.com on each key; MITRE ATT&CK T1112, T1546.008, T1546.012, T1547.001, T1562.001, T1003.
"""

from __future__ import annotations

from collections.abc import Iterator

from exhume.model import File, Record, Value
from exhume.readers.hive.keys import Hive, Key
from exhume.readers.registrynames import set_text

MOST = 2_000
"""Values told of one hive."""
_LONGEST = 2_000
_CURRENT = "Microsoft\\Windows\\CurrentVersion"
_NT = "Microsoft\\Windows NT\\CurrentVersion"
_SOFTWARE: tuple[str, ...] = (
    f"{_CURRENT}\\Run", f"{_CURRENT}\\RunOnce", f"Wow6432Node\\{_CURRENT}\\Run", f"Wow6432Node\\{_CURRENT}\\RunOnce",
    f"{_CURRENT}\\Policies\\Explorer\\Run",
    f"{_NT}\\Winlogon", f"{_NT}\\Winlogon\\SpecialAccounts\\UserList", f"{_NT}\\Windows",
    f"{_NT}\\Image File Execution Options\\*", f"{_NT}\\SilentProcessExit\\*", "Microsoft\\NetSh",
    "Policies\\Microsoft\\Windows Defender", "Policies\\Microsoft\\Windows Defender\\*", "Microsoft\\Windows Defender",
    "Microsoft\\Windows Defender\\Real-Time Protection", "Microsoft\\Windows Defender\\Features",
    "Microsoft\\Windows Defender\\Exclusions\\*", "Policies\\Microsoft\\Windows Defender\\Exclusions\\*",
    "Policies\\Microsoft\\Windows NT\\Terminal Services",
)  # fmt: skip
_SYSTEM: tuple[str, ...] = (
    "Control\\SecurityProviders\\WDigest", "Control\\Lsa", "Control\\Terminal Server", "Services\\PortProxy\\v4tov4\\tcp",
)  # fmt: skip


def watched(hive: Hive, file: File) -> Iterator[Record]:
    """The values of the watched keys, those of the current control set. Raises ``HiveLimitError`` and ``OSError``."""
    select = hive.root.subkey("Select")
    if select:
        current = select.values().get("current")
        number = current if isinstance(current, int) and 0 < current < 1000 else 1
        below, shown, paths = f"ControlSet{number:03}\\", "HKLM\\SYSTEM\\CurrentControlSet\\", _SYSTEM
    else:
        below, shown, paths = "", "HKLM\\SOFTWARE\\", _SOFTWARE
    told = 0
    for path in paths:
        for key, name in _keys(hive.root, below, path):
            for value, data in key.values().items():
                told += 1
                if told > MOST:
                    return
                yield _record(file, f"{below}{name}", f"{shown}{name}\\{value}", data, key)


def _keys(root: Key, below: str, path: str) -> Iterator[tuple[Key, str]]:
    """The key at the path; all of its sub-keys where the path ends with ``*``."""
    bare = path.removesuffix("\\*")
    key = root.find(f"{below}{bare}")
    if key and bare == path:
        yield key, path
    elif key:
        for one in key.subkeys():
            yield one, f"{bare}\\{one.name[:200]}"


def _record(file: File, place: str, name: str, data: str | int, key: Key) -> Record:
    fields: dict[str, Value] = {"RegistrySet": set_text(name, str(data)[:_LONGEST])}
    if key.written:
        fields["written"] = key.written.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Record("windows.registry", None, fields, file.source(f"key {place}"[:200]), "registry")
