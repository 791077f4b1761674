"""``EventData`` of ECP logs: pairs of a type-marked name and a value, between semicolons.

A pair whose value holds ``;``, ``'`` or ``"`` is wrapped whole in single quotes with inner ones doubled; the CSV cell around it
has been undone before. On disk::

    "S:TIME=812;'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<tag a=""b"">''.Identity=''2''';S:URL=/ecp/x.svc"

References: logs.md 4 of the project's notes.
"""

from __future__ import annotations

import re

_PAIR = re.compile(r"(?:'((?>(?:[^']++|'')*))'|([^;]*+))(;|\Z)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,4}:[^\s=;'\"]{1,200}")
_MOST = 500
"""Pairs of one cell that are unpacked."""


def unpack(text: str) -> dict[str, str]:
    """The pairs of one cell, wrapping undone. Names that occur again are joined; what is no pair is left out."""
    pairs: dict[str, str] = {}
    for match in _PAIR.finditer(text):
        wrapped, bare, end = match.groups()
        pair = bare if wrapped is None else wrapped.replace("''", "'")
        name, equals, value = pair.strip().partition("=")
        if equals and _NAME.fullmatch(name):
            pairs[name] = f"{pairs[name]}\n{value}" if name in pairs else value
        if not end or len(pairs) >= _MOST:
            break
    return pairs
