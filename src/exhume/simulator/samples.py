"""Inert stand-ins for the files that attackers leave. They carry the marks by which rules find such files, and run nothing.

Even so the marks are never spelled out here: scanners act on them. They are put together when a scenario is written.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from datetime import datetime

INERT = "inert sample of the exhume simulator, does nothing"
_OPEN = b64decode("PHNjcmlwdCBsYW5ndWFnZT0iSlNjcmlwdCIgcnVuYXQ9InNlcnZlciI+").decode()
_BODY = b64decode("ZnVuY3Rpb24gUGFnZV9Mb2FkKCl7dmFyIHBsYWNlaG9sZGVyPSI=").decode()
_CLOSE = b64decode("Ijt9PC9zY3JpcHQ+").decode()
_PAGE = b64decode(
    "PCVAIFBhZ2UgTGFuZ3VhZ2U9IkMjIiAlPjxzY3JpcHQgcnVuYXQ9InNlcnZlciI+dm9pZCBQYWdlX0xvYWQob2JqZWN0IHMsIEV2ZW50QXJncyBlKXsgLyog"
).decode()
_PAGE_END = b64decode("ICovIH08L3NjcmlwdD4=").decode()


def url_with_script(parameter: str = "sample") -> str:
    """The value to which attackers set the address book's URL: a host ``f`` and a tag around code, here a bare string."""
    return f"http://f/{_OPEN}{_BODY}{parameter}: {INERT}{_CLOSE}"


def oab_dump(server: str, host: str, guid: str, moment: datetime, parameter: str = "sample") -> bytes:
    """What the reset of the OAB virtual directory writes: its properties, one a line, the URL among them."""
    when = f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M:%S %p}"
    folder = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\OAB"
    where = "CN=OAB (Default Web Site),CN=HTTP,CN=Protocols"
    pairs = (
        ("Name", "OAB (Default Web Site)"), ("PollInterval", "480"), ("OfflineAddressBooks", "\\Default Offline Address Book"),
        ("RequireSSL", "True"), ("BasicAuthentication", "False"), ("WindowsAuthentication", "True"),
        ("OAuthAuthentication", "True"), ("MetabasePath", f"IIS://{host}/W3SVC/1/ROOT/OAB"), ("Path", folder),
        ("ExtendedProtectionTokenChecking", "None"), ("ExtendedProtectionFlags", ""), ("ExtendedProtectionSPNList", ""),
        ("AdminDisplayVersion", "Version 15.1 (Build 2106.2)"), ("Server", server), ("InternalUrl", f"https://{host}/OAB"),
        ("InternalAuthenticationMethods", "OAuth"), ("ExternalUrl", url_with_script(parameter)),
        ("ExternalAuthenticationMethods", "OAuth"), ("AdminDisplayName", ""), ("ExchangeVersion", "0.10 (14.0.100.0)"),
        ("DistinguishedName", f"{where},CN={server},CN=Servers,CN=Configuration,DC=contoso,DC=test"),
        ("Identity", f"{server}\\OAB (Default Web Site)"), ("Guid", guid),
        ("ObjectCategory", "contoso.test/Configuration/Schema/ms-Exch-OAB-Virtual-Directory"),
        ("ObjectClass", "top, msExchVirtualDirectory, msExchOABVirtualDirectory"), ("WhenChanged", when), ("WhenCreated", when),
        ("OriginatingServer", "dc01.contoso.test"), ("IsValid", "True"),
    )  # fmt: skip
    return ("\r\n" + "".join(f"{name:<32}: {value}\r\n" for name, value in pairs) + "\r\n").encode()


def page(text: str = "") -> bytes:
    """A page with an empty server-side function."""
    return f"{_PAGE}{text or INERT}{_PAGE_END}\r\n".encode()


def exported_mailbox(text: str = "") -> bytes:
    """Begins as an exported mailbox does, is filled with zeros, and holds a page: what ProxyShell's export writes."""
    return b"!BDN\x00\x00\x00\x00SM\x17\x00\x13\x00" + bytes(4096) + page(text) + bytes(2048)


def certificate_request(text: str = "") -> bytes:
    """Begins as a certificate request does and holds a page: ProxyShell's second way to write."""
    return b"\x30\x82\x04\x10\x30\x82\x02\xf8\x02\x01\x00" + page(text) + bytes(300)


def remnant(url: str, mark: str) -> bytes:
    """ASP.NET's ``.compiled`` file for a page at this URL."""
    page_name = url.rpartition("/")[2]
    kind = "ASP." + url.strip("/").replace("/", "_").replace(".", "_")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\r\n'
        f'<preserve resultType="3" virtualPath="{url}" hash="{mark}" filehash="{mark}{mark}" flags="110000"'
        f' assembly="App_Web_{page_name}.{mark}.q5lk2wpz" type="{kind}">\r\n'
        f'    <filedeps>\r\n        <filedep name="{url}" />\r\n    </filedeps>\r\n</preserve>\r\n'
    ).encode()


def memory_dump(text: str = "") -> bytes:
    """Begins as a Windows memory dump does; zeros follow."""
    return b"MDMP\x93\xa7\x00\x00" + bytes(2040) + (text or INERT).encode()


def program(text: str = "") -> bytes:
    """The two letters of a Windows program and nothing that could run."""
    return b"MZ" + bytes(510) + (text or INERT).encode()


SAMPLES: dict[str, Callable[[str], bytes]] = {
    "page": page,
    "exported-mailbox": exported_mailbox,
    "certificate-request": certificate_request,
    "memory-dump": memory_dump,
    "program": program,
}
"""Samples that need no more than a text; ``oab-dump`` and ``remnant`` need the server."""
