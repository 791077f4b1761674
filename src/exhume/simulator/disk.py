"""What lies on the pretend server's disk: harmless web folders, a clean IIS configuration, and what a scenario plants."""

from __future__ import annotations

from exhume.simulator.attack import INERT
from exhume.simulator.desk import INETPUB, Desk

_MODULES = (
    ("kerbauth", "Bin\\kerbauth.dll"),
    ("exppw", "ClientAccess\\Owa\\auth\\exppw.dll"),
    ("cafe_exppw", "FrontEnd\\HttpProxy\\bin\\exppw.dll"),
)
_VDIRS = {"owa": "owa", "ecp": "ecp", "EWS": "EWS", "Autodiscover": "Autodiscover", "OAB": "OAB", "mapi": "mapi"}


def lay(desk: Desk, modules: tuple[tuple[str, str], ...] = ()) -> None:
    """The folders that an assessment wants to see listed, and the configuration; ``modules``: name and image of extra ones."""
    for folder in ("owa/auth", "ecp/auth", "OAB", "Autodiscover", "ews"):
        desk.files[f"{desk.root}/FrontEnd/HttpProxy/{folder}/blank.gif"] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
    for folder in ("aspnet_client", "aspnet_client/system_web/4_0_30319"):
        desk.files[f"{INETPUB}/wwwroot/{folder}/blank.gif"] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
    desk.files[f"{INETPUB}/wwwroot/iisstart.htm"] = b"<html><body>IIS</body></html>"
    root = desk.root.replace("C/", "C:\\", 1).replace("/", "\\") + "\\"
    listed = [f'<add name="{name}" image="{root}{image}" />' for name, image in _MODULES]
    listed += [f'<add name="{name}" image="{image}" />' for name, image in modules]
    places = "".join(
        f'<application path="/{name}"><virtualDirectory path="/"'
        f' physicalPath="{root}FrontEnd\\HttpProxy\\{folder}" /></application>'
        for name, folder in _VDIRS.items()
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration><system.applicationHost><sites>'
        '<site name="Default Web Site" id="1"><application path="/"><virtualDirectory path="/"'
        ' physicalPath="%SystemDrive%\\inetpub\\wwwroot" /></application>' + places + "</site></sites></system.applicationHost>"
        "<system.webServer><globalModules>" + "".join(listed) + "</globalModules></system.webServer></configuration>\r\n"
    )
    desk.files["C/Windows/System32/inetsrv/config/applicationHost.config"] = text.encode()


def plant(desk: Desk, path: str, sample: str) -> None:
    """A planted file; ``{root}`` stands for Exchange's folder. Raises ``KeyError`` for an unknown sample."""
    desk.files[path.replace("{root}", desk.root)] = SAMPLES[sample]


def _oab_dump() -> bytes:
    lines = {
        "Name": "OAB (Default Web Site)",
        "PollInterval": "480",
        "OfflineAddressBooks": "\\Default Offline Address Book",
        "RequireSSL": "True",
        "BasicAuthentication": "False",
        "WindowsAuthentication": "True",
        "OAuthAuthentication": "False",
        "MetabasePath": "IIS://EX01.contoso.test/W3SVC/1/ROOT/OAB",
        "Server": "EX01",
        "InternalUrl": "https://ex01.contoso.test/OAB",
        "InternalAuthenticationMethods": "WindowsIntegrated",
        "ExternalUrl": INERT,
        "ExternalAuthenticationMethods": "WindowsIntegrated",
        "ExtendedProtectionTokenChecking": "None",
        "AdminDisplayVersion": "Version 15.1 (Build 2176.2)",
        "WhenChanged": "3/3/2021 6:50:11 AM",
        "Guid": "22222222-0000-4000-8000-00000000000b",
    }
    return "".join(f"{name:<32}: {value}\r\n" for name, value in lines.items()).encode()


def _compiled(url: str) -> bytes:
    head = '<?xml version="1.0" encoding="utf-8"?>\r\n<preserve resultType="3" '
    return (
        f'{head}virtualPath="{url}" hash="fffffffff0a1b2c3" filehash="0" flags="110000" assembly="App_Web_x1y2z3a4" />'.encode()
    )


SAMPLES: dict[str, bytes] = {
    "oab-dump": _oab_dump(),
    "mailbox-with-page": b"!BDN" + bytes(1024) + b"<%@ Page " + b'Language="C#" %><% /* inert sample */ %>' + bytes(512),
    "page": b"<%@ Page " + b'Language="C#" %>\r\n<% /* inert sample of a simulator */ %>\r\n',
    "compiled": _compiled("/aspnet_client/supp0rt.aspx"),
    "module": b"MZ" + bytes(2048),
}
