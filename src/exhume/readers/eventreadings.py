"""What Windows events say of the server's build: updates installed and removed, set-ups, mitigations applied.

Both readers of events ask this of every event, before any rule does, so it cannot depend on the rules.

| provider | event | says |
|---|---|---|
| Microsoft-Windows-WindowsUpdateClient | 19 | an update was installed (title in ``updateTitle``) |
| MsiInstaller | 1022, 1036 | an update was installed: ``Security Update for Exchange Server 2019 … (KB5019758) 15.2.1118.20`` |
| MsiInstaller | 1033, 1035 | the product was installed, or configured anew: name, version, language, status |
| MSExchangeSetup | 1001 | set-up of a part completed: ``15.1.2507.6:Languages`` |
| MSExchange Mitigation Service | 1005, 1006 | a mitigation was applied |

Titles are translated; "Exchange Server" and the KB number stand in all of them. A status other than 0 is no success.

References: Microsoft, "Event Logging" of Windows Installer, "Exchange Emergency Mitigation service"; event texts in public
support threads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from exhume.model import Reading, Source
from exhume.readers.eventfields import Event, text_of
from exhume.readers.statements import build_of, mitigation_of, title_build

_UPDATE = re.compile(r"\bExchange Server\b.{0,200}?\b(KB\d{6,8})\b", re.IGNORECASE | re.DOTALL | re.ASCII)
_PRODUCT = "microsoft exchange server"
_LOOKED_AT = 4096
"""Characters of an event's texts in which the title is sought."""


def readings_of(event: Event, source: Source) -> Iterator[Reading]:
    """What the event says of the build; nothing for most."""
    told = _TELLING.get((event.provider.lower(), event.event_id))
    if told:
        yield from told(event, source)


def tells(provider: str, event_id: int) -> bool:
    """Could ``readings_of`` say something of such an event?"""
    return (provider.lower(), event_id) in _TELLING


def _day(event: Event) -> date | None:
    return event.time.date() if event.time else None


def _strings(event: Event) -> list[str]:
    return [text.strip() for text in event.unnamed]


def _updated(event: Event, source: Source) -> Iterator[Reading]:
    title = "\n".join([*_strings(event), text_of(event.named.get("updateTitle"))])[:_LOOKED_AT]
    match = _UPDATE.search(title)
    if match:
        yield Reading("update", match[1].upper(), _day(event), "exact", source)
        build = title_build(title)
        if build:
            yield Reading("build", build, _day(event), "exact", source)


def _updated_with_status(event: Event, source: Source) -> Iterator[Reading]:
    if _strings(event)[4:5] == ["0"]:
        yield from _updated(event, source)


def _removed(event: Event, source: Source) -> Iterator[Reading]:
    strings = _strings(event)
    match = _UPDATE.search("\n".join(strings)[:_LOOKED_AT])
    if match and strings[4:5] == ["0"]:
        yield Reading("removal", match[1].upper(), _day(event), "exact", source)


def _configured(event: Event, source: Source) -> Iterator[Reading]:
    name, version, _, status = [*_strings(event)[:4], "", "", "", ""][:4]
    build = build_of(version)
    if name.lower() == _PRODUCT and status == "0" and build:
        if event.event_id == 1033:
            yield Reading("install", build, _day(event), "cu", source)
        yield Reading("build", build, _day(event), "cu", source)


def _set_up(event: Event, source: Source) -> Iterator[Reading]:
    build = build_of(next(iter(_strings(event)), "").partition(":")[0])
    if build:
        yield Reading("build", build, _day(event), "cu", source)


def _mitigated(event: Event, source: Source) -> Iterator[Reading]:
    text = "\n".join([*_strings(event), *(text_of(v) for v in event.named.values())])[:_LOOKED_AT]
    mitigation = mitigation_of(text)
    if mitigation:
        yield Reading("mitigation", mitigation, _day(event), "exact", source)


_TELLING = {
    ("microsoft-windows-windowsupdateclient", 19): _updated,
    ("msiinstaller", 1022): _updated,
    ("msiinstaller", 1036): _updated_with_status,
    ("msiinstaller", 1037): _removed,
    ("msiinstaller", 1033): _configured,
    ("msiinstaller", 1035): _configured,
    ("msexchangesetup", 1001): _set_up,
    ("msexchange mitigation service", 1005): _mitigated,
    ("msexchange mitigation service", 1006): _mitigated,
}
