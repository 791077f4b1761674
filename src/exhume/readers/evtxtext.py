"""One record of an EVTX file as the library writes it (JSON), and what its head says without decoding the rest.

The System part of nearly all events has one layout::

    {"Event":{"#attributes":{"xmlns":"…"},"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon","Guid":"{…}"}},
    "EventID":11,"Version":2,"Level":4,"Task":11,"Opcode":0,"Keywords":"0x8000000000000000","TimeCreated":{"#attributes":
    {"SystemTime":"2021-03-03T06:12:45.123456Z"}},"EventRecordID":7184,"Correlation":null,"Execution":{…},"Channel":"…",
    "Computer":"ex01.contoso.test","Security":{"#attributes":{"UserID":"S-1-5-18"}}},"EventData":{…}}}

An event that is written in any other way is decoded. So is one that is not sound JSON from end to end: the library does not
escape the names of elements, and in a damaged record they may hold anything.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from exhume.model import Value
from exhume.readers.eventfields import Event, flat, instant, number_of, text_of

LEVELS = 8
"""Levels of nested values in the content of an event that is proven: those of Windows have seven at most (CAPI2)."""


def _once(group: str, times: str) -> str:
    """The group ``?`` or ``*`` times, and nothing of it is given back. The quicker way to say it is wrong before Python 3.11.5
    where the group begins and fails (cpython#106052)."""
    return f"{group}{times}+" if sys.version_info >= (3, 11, 5) else f"(?>{group}{times})"


# JSON as the library writes it. Nothing is tried twice (possessive), so a strange text costs no more than an ordinary one.
_TEXT = r'"[^"\\\x00-\x1f]*+"'
_ESCAPED = r'(?:\\(?:["\\/bfnrt]|u00[01][0-9a-f])[^"\\\x00-\x1f]*+)'
_ANY_TEXT = rf'"[^"\\\x00-\x1f]*+{_once(_ESCAPED, "*")}"'
_WHOLE = r"(?:0|[1-9][0-9]{0,17}+)"
_NUMBER = rf'"?+{_WHOLE}"?+'
_SINGLE = rf"(?:{_ANY_TEXT}|-?+(?:0|[1-9][0-9]{{0,19}}+)(?=[\]}},])|null|true|false)"


def _list(item: str, end: str) -> str:
    """Items with commas between them, up to an end."""
    return _once(f"(?:{item}(?:,(?!{end})|(?={end})))", "*") + end


_LIST = rf"\[{_list(_SINGLE, '[]]')}"
_ATTRIBUTES = rf'\{{"#attributes":\{{{_list(f"{_TEXT}:{_SINGLE}", "[}]")}\}}'


def _nested(levels: int) -> str:
    below = rf"|{_nested(levels - 1)}" if levels else ""
    return rf"(?:{_SINGLE}|{_LIST}|\{{{_list(f'{_TEXT}:(?:{_SINGLE}|{_LIST}{below})', '[}]')})"


def _maybe(before: str, value: str, after: str = "") -> str:
    return _once(f"(?:{before}{value}{after})", "?")


@cache
def _proven() -> re.Pattern[str]:
    """Built when the first event log comes: that takes 6 ms."""
    names = ("Version", "Level", "Task", "Opcode")
    return re.compile(
        r'^(?:\{"Event":\{'
        + _maybe(r'"#attributes":\{"xmlns":', _TEXT, r"\},")
        + r'"System":\{"Provider":\{"#attributes":\{"Name":"([^"\\\x00-\x1f]*+)"'
        + _maybe(',"Guid":', _TEXT)
        + _maybe(',"EventSourceName":', _TEXT)
        + r"\}\},"
        + rf'"EventID":(?:\{{"#attributes":\{{"Qualifiers":{_NUMBER}\}},"#text":"?+({_WHOLE})"?+\}}|"?+({_WHOLE})"?+),'
        + "".join(_maybe(f'"{name}":', _NUMBER, ",") for name in names)
        + _maybe('"Keywords":', _TEXT, ",")
        + r'"TimeCreated":\{"#attributes":\{"SystemTime":"'
        + rf'([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-5][0-9]:[0-5][0-9]{_maybe("[.]", "[0-9]{1,9}+")}Z)"\}}\}},'
        + rf'"EventRecordID":{_NUMBER},'
        + _maybe('"Correlation":', f"(?:null|{_ATTRIBUTES})", ",")
        + _maybe('"Execution":', _ATTRIBUTES, ",")
        + r'"Channel":"([^"\\\x00-\x1f]++)","Computer":"([^"\\\x00-\x1f]*+)"'
        + _maybe(',"Security":', f"(?:null|{_ATTRIBUTES})")
        + r"\}"
        + _maybe(',"(?:EventData|UserData)":', _nested(LEVELS - 1))
        + r"\}\}$|.*$)",
        re.MULTILINE,
    )


class Head(NamedTuple):
    """What stands in the System part, as text."""

    provider: str
    qualified: str
    """The event id, where it is written with its qualifiers."""
    plain: str
    """The event id elsewhere."""
    time: str
    channel: str
    computer: str


def heads(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """The ``Head`` of each event as a plain tuple; without a channel where the event has to be decoded to know what it says."""
    found: list[tuple[str, ...]] = _proven().findall("\n".join(texts))
    return found if len(found) == len(texts) else [("",) * len(Head._fields)] * len(texts)


def searched(text: str) -> bytes:
    """What the sieve gets of a proven event: from the provider on, without a name that the library puts everywhere. Texts of
    rules are parts of what is left out (``http``, ``attrib``)."""
    return text[text.index('"Provider":') :].replace('"#attributes":', '"":').encode()


def event_of_json(text: str, number: int) -> Event | None:
    """The event of one record's JSON; ``None`` when it has no event id."""
    from orjson import JSONDecodeError, loads

    try:
        tree = loads(text)["Event"]
        system = tree["System"]
    except (JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(system, dict) or (event_id := number_of(system.get("EventID"))) < 0:
        return None
    named: dict[str, Value] = {}
    unnamed: tuple[str, ...] = ()
    for part in ("EventData", "UserData"):
        if part in tree:
            unnamed += flat(tree[part], named)
    own = number_of(system.get("EventRecordID"))
    time, _ = instant(_attribute(system, "TimeCreated", "SystemTime"))
    return Event(
        event_id=event_id,
        channel=text_of(system.get("Channel")),
        provider=_attribute(system, "Provider", "Name"),
        computer=text_of(system.get("Computer")),
        number=own if own >= 0 else number,
        level=number_of(system.get("Level")),
        time=time,
        system={
            "Keywords": text_of(system.get("Keywords")),
            "UserID": _attribute(system, "Security", "UserID"),
            "EventSourceName": _attribute(system, "Provider", "EventSourceName"),
            **{name: whole for name in ("Task", "Opcode", "Version") if (whole := number_of(system.get(name))) >= 0},
        },
        named=named,
        unnamed=unnamed,
    )


def _attribute(system: Mapping[str, Any], element: str, name: str) -> str:
    value = system.get(element)
    attributes = value.get("#attributes") if isinstance(value, dict) else None
    return text_of(attributes.get(name)) if isinstance(attributes, dict) else ""
