"""Text dumps of an OAB virtual directory: what resetting a virtual directory writes to disk (CVE-2021-27065).

Sample: ``ExternalUrl                     : https://mail.contoso.test/OAB``. The properties tell when, on which
server and for which directory object the file was written.
"""

from __future__ import annotations

import re

from exhume.model import Value

_LINE = re.compile(r"^[ \t]{0,8}([A-Za-z]{2,40})[ \t]{0,60}:[ \t]?([^\r\n]{0,8192})", re.MULTILINE)
_PROPERTIES = frozenset((
    "Name", "PollInterval", "OfflineAddressBooks", "RequireSSL", "BasicAuthentication", "WindowsAuthentication",
    "OAuthAuthentication", "MetabasePath", "Path", "ExtendedProtectionTokenChecking", "ExtendedProtectionFlags",
    "ExtendedProtectionSPNList", "AdminDisplayVersion", "Server", "InternalUrl", "InternalAuthenticationMethods",
    "ExternalUrl", "ExternalAuthenticationMethods", "AdminDisplayName", "ExchangeVersion", "DistinguishedName",
    "Identity", "Guid", "ObjectCategory", "ObjectClass", "WhenChanged", "WhenCreated", "WhenChangedUTC",
    "WhenCreatedUTC", "OrganizationId", "OriginatingServer", "Id", "IsValid",
))  # fmt: skip
_TELLING = frozenset({"PollInterval", "OfflineAddressBooks"})
"""Only OAB virtual directories have these."""
_LEAST = 6
"""Known properties that a dump must have: fewer may stand in any text."""


def oab_properties(text: str) -> dict[str, Value]:
    """The known properties of the dump; empty when the text is none. Only known names come back, the first value of each."""
    found: dict[str, Value] = {}
    for match in _LINE.finditer(text):
        name, value = match.group(1), match.group(2).strip()
        if name in _PROPERTIES and name not in found:
            found[name] = value
    if len(found) < _LEAST or not _TELLING & found.keys() or "ExternalUrl" not in found:
        return {}
    return {name: value for name, value in found.items() if value}
