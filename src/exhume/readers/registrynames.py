"""One form for what is set in the registry, whoever tells: ``HKLM\\SYSTEM\\CurrentControlSet\\…\\UseLogonCredential=1``.

Sysmon writes ``HKLM\\System\\CurrentControlSet\\…`` and ``DWORD (0x00000001)``, the Security log
``\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\…`` and ``1``, commands ``HKEY_LOCAL_MACHINE\\…`` or ``HKLM:\\…`` and ``0x1``.
"""

from __future__ import annotations

import re

_ROOTS = (
    ("\\registry\\machine", "HKLM"), ("\\registry\\user", "HKU"), ("registry::", ""),
    ("microsoft.powershell.core\\registry::", ""),
)  # fmt: skip
_HIVES = {
    "hkey_local_machine": "HKLM", "hkey_users": "HKU", "hkey_current_user": "HKCU", "hkey_classes_root": "HKCR",
    "hklm": "HKLM", "hku": "HKU", "hkcu": "HKCU", "hkcr": "HKCR",
}  # fmt: skip
_SET = re.compile(r"\\ControlSet\d{3}(?=\\|\Z)", re.IGNORECASE)
_SYSMON = re.compile(r"[DQ]WORD \((0x[0-9a-f]{1,8}(?:-0x)?[0-9a-f]{0,8})\)\Z", re.IGNORECASE)
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")


_SERVICE = re.compile(r"\\CurrentControlSet\\Services\\([^\\]+)\\(?:Parameters\\)?(?:ImagePath|ServiceDll)\Z", re.IGNORECASE)


def service_of(path: str) -> str:
    """The service whose program or library this value names; else empty text."""
    found = _SERVICE.search(path)
    return found[1] if found else ""


def plain_key(path: str) -> str:
    """The path with the short name of its hive and ``CurrentControlSet``; as it is where the hive is not known."""
    path = path.strip().strip("\"'").rstrip("\\")
    lowered = path.lower()
    for start, name in _ROOTS:
        if lowered.startswith(start):
            path = name + path[len(start) :]
            break
    hive, slash, rest = path.partition("\\")
    known = _HIVES.get(hive.rstrip(":").lower())
    if known:
        path = f"{known}{slash}{rest}"
    return _SET.sub(r"\\CurrentControlSet", path)


def set_text(path: str, data: str) -> str:
    """Path and data of a value; numbers in decimal."""
    data = data.strip()
    sysmon = _SYSMON.match(data)
    digits = sysmon[1].replace("-0x", "").lower() if sysmon else data
    if _NUMBER.match(digits):
        data = str(int(digits, 16))
    elif digits.lower() in ("$true", "true"):
        data = "1"
    elif data.isascii() and data.isdigit() and len(data) < 20:
        data = str(int(data))
    return f"{path}={data}"
