"""What the hives SOFTWARE and SYSTEM say of Exchange's build and updates, of Windows, and of the server's name and clock.

| key below SOFTWARE | values |
|---|---|
| ``Microsoft\\ExchangeServer\\v15\\Setup`` | ``MsiProductMajor`` … ``MsiBuildMinor``, ``OwaVersion``, ``MsiInstallPath`` |
| ``Microsoft\\Updates\\Exchange 2016\\KB…`` (2013: one key more between) | ``PackageName``, ``InstalledDate`` |
| ``[Wow6432Node\\]Microsoft\\Windows\\CurrentVersion\\Uninstall\\…`` | ``DisplayName``, ``DisplayVersion``, ``InstallDate`` |
| ``…\\Installer\\UserData\\S-1-5-18\\Products\\…\\Patches\\…`` | ``DisplayName``, ``Installed`` |

References: logs.md 0 and reading-a-build.md of the project's notes; CSS-Exchange, ``Get-ExchangeUpdates.ps1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from exhume.model import File, Reading, Source
from exhume.readers.hive.keys import Hive, Key
from exhume.readers.statements import KB, build_of, installed_on, title_build

_MSI = ("msiproductmajor", "msiproductminor", "msibuildmajor", "msibuildminor")
_EXCHANGE = "microsoft exchange server"
_PRODUCTS = "Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\S-1-5-18\\Products"
_UNINSTALL = ("Microsoft\\Windows\\CurrentVersion\\Uninstall", "Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall")
_LONGEST = 200
"""Characters of a text that is told on."""


def facts(hive: Hive, file: File) -> Iterator[Reading]:
    """Every reading, with the path of its key as place. Raises ``HiveLimitError`` and ``OSError``."""
    root = hive.root
    if root.subkey("Select"):
        yield from _system(root, file)
        return
    for version in ("v15", "v14"):
        yield from _setup(root, file, f"Microsoft\\ExchangeServer\\{version}\\Setup")
    yield from _updates(root, file)
    for path in _UNINSTALL:
        for key in _below(root.find(path)):
            yield from _installed(key, _source(file, f"{path}\\{key.name}"), "installdate")
    for product in _below(root.find(_PRODUCTS)):
        for key in _below(product.subkey("Patches")):
            yield from _installed(key, _source(file, f"{_PRODUCTS}\\{product.name}\\Patches\\{key.name}"), "installed")
    yield from _windows(root, file)


def _below(key: Key | None) -> Iterator[Key]:
    if key:
        yield from key.subkeys()


def _source(file: File, path: str) -> Source:
    return file.source(f"key {path[:_LONGEST]}")


def _text(value: str | int | None) -> str:
    return value.strip() if isinstance(value, str) else ""


def _written(key: Key) -> date | None:
    return key.written.date() if key.written else None


def _setup(root: Key, file: File, path: str) -> Iterator[Reading]:
    """The key is what it is now, and was so already on the day it was last written."""
    key = root.find(path)
    if not key:
        return
    values, source = key.values(), _source(file, path)
    days = dict.fromkeys((_written(key), None))
    parts = [values.get(name) for name in _MSI]
    installed = build_of(".".join(map(str, parts))) if all(isinstance(p, int) for p in parts) else ""
    for build in dict.fromkeys((installed, build_of(_text(values.get("owaversion"))))):
        if build:
            yield from (Reading("build", build, day, "cu", source) for day in days)
    place = _text(values.get("msiinstallpath"))
    if place:
        yield Reading("install", place[:_LONGEST], None, "hint", source)


def _updates(root: Key, file: File) -> Iterator[Reading]:
    path = "Microsoft\\Updates"
    for product in _below(root.find(path)):
        if not product.name.lower().startswith("exchange"):
            continue
        for key in product.subkeys():
            for leaf, place in ((key, key.name), *((k, f"{key.name}\\{k.name}") for k in key.subkeys())):
                values = leaf.values()
                found = KB.search(_text(values.get("packagename"))) or KB.fullmatch(leaf.name)
                if found:
                    day = installed_on(_text(values.get("installeddate")), _written(leaf))
                    source = _source(file, f"{path}\\{product.name}\\{place}")
                    yield Reading("update", found[1].upper(), day, "exact", source)


def _installed(key: Key, source: Source, date_name: str) -> Iterator[Reading]:
    """Of one installed program or patch: an update of Exchange, or Exchange itself."""
    values = key.values()
    title = _text(values.get("displayname"))
    lowered = title.lower()
    if "exchange server" not in lowered:
        return
    day = installed_on(_text(values.get(date_name)), _written(key))
    kb, build = KB.search(title), title_build(title)
    if kb:
        yield Reading("update", kb[1].upper(), day, "exact", source)
        if build:
            yield Reading("build", build, day, "exact", source)
    elif lowered.startswith(_EXCHANGE) and "language pack" not in lowered:
        version = build_of(_text(values.get("displayversion")))
        if version:
            yield Reading("build", version, day, "cu", source)


def _windows(root: Key, file: File) -> Iterator[Reading]:
    path = "Microsoft\\Windows NT\\CurrentVersion"
    key = root.find(path)
    values = key.values() if key else {}
    name, build = _text(values.get("productname")), _text(values.get("currentbuild"))
    if name:
        revision = values.get("ubr")
        full = f"{build}.{revision}" if isinstance(revision, int) else build
        yield Reading("windows", f"{name} ({full})"[:_LONGEST], None, "exact", _source(file, path))


def _system(root: Key, file: File) -> Iterator[Reading]:
    select = root.subkey("Select")
    current = select.values().get("current") if select else None
    number = current if isinstance(current, int) and 0 < current < 1000 else 1
    control = f"ControlSet{number:03}\\Control"
    for what, place, name in (
        ("host", f"{control}\\ComputerName\\ComputerName", "computername"),
        ("time_zone", f"{control}\\TimeZoneInformation", "timezonekeyname"),
    ):
        key = root.find(place)
        value = _text(key.values().get(name)) if key else ""
        if value:
            yield Reading(what, value[:_LONGEST], None, "exact", _source(file, place))
