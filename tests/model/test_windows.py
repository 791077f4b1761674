"""Collectors' trees and what they stand for: the place of a file decides whether it is a web shell in a served folder."""

import pytest

from exhume.model.windows import in_exchange, served_url, windows_path

V15 = "Program Files\\Microsoft\\Exchange Server\\V15\\"
AUTH = V15 + "FrontEnd\\HttpProxy\\owa\\auth\\x.aspx"
TABLE = {
    # plain copies and drive folders
    "C/inetpub/wwwroot/aspnet_client/x.aspx": ("C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx", "/aspnet_client/x.aspx"),
    "C:/inetpub/wwwroot/x.aspx": ("C:\\inetpub\\wwwroot\\x.aspx", "/x.aspx"),
    "c$/InetPub/WWWRoot/X.aspx": ("C:\\InetPub\\WWWRoot\\X.aspx", "/x.aspx"),
    "C_/inetpub/wwwroot/x.aspx": ("C:\\inetpub\\wwwroot\\x.aspx", "/x.aspx"),
    "EX01\\C\\inetpub\\wwwroot\\x.aspx": ("C:\\inetpub\\wwwroot\\x.aspx", "/x.aspx"),
    "inetpub/wwwroot/x.aspx": ("inetpub\\wwwroot\\x.aspx", "/x.aspx"),
    "wwwroot/x.aspx": ("", ""),
    # KAPE: a folder, or a zip named after time and host
    "2021-03-09T120000_ex01/C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log": (
        "C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex210303.log",
        "",
    ),
    "2021-03-09T120000_ex01.zip!/D/Windows/debug/msert.log": ("D:\\Windows\\debug\\msert.log", ""),
    # Velociraptor
    "uploads/auto/C%3A/inetpub/wwwroot/x.aspx": ("C:\\inetpub\\wwwroot\\x.aspx", "/x.aspx"),
    "uploads/ntfs/%5C%5C.%5CC%3A/Windows/System32/winevt/Logs/Microsoft-Windows-Foo%254Admin.evtx": (
        "C:\\Windows\\System32\\winevt\\Logs\\Microsoft-Windows-Foo%4Admin.evtx",
        "",
    ),
    "clients/C.1234567890abcdef/collections/F.C1/uploads/file/%5C%5C.%5Ce%3A/Exch/FrontEnd/HttpProxy/owa/auth/x.aspx": (
        "E:\\Exch\\FrontEnd\\HttpProxy\\owa\\auth\\x.aspx",
        "/owa/auth/x.aspx",
    ),
    "c.zip!/uploads/ntfs/%5C%5Cc%3A%5C/inetpub/wwwroot/%E4%BD%A0.aspx": ("C:\\inetpub\\wwwroot\\你.aspx", "/你.aspx"),
    "uploads/ntfs/%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy1/inetpub/wwwroot/x.aspx": (
        "inetpub\\wwwroot\\x.aspx",
        "/x.aspx",
    ),
    # CyLR: a zip with drive folders
    "EX01.zip!/C/Windows/System32/LogFiles/HTTPERR/httperr1.log": (
        "C:\\Windows\\System32\\LogFiles\\HTTPERR\\httperr1.log",
        "",
    ),
    # Exchange anywhere, in any letter case
    f"C/{V15}FrontEnd/HttpProxy/owa/auth/x.aspx".replace("\\", "/"): (f"C:\\{AUTH}", "/owa/auth/x.aspx"),
    f"{AUTH}".replace("\\", "/"): (AUTH, "/owa/auth/x.aspx"),
    "E/Exchange2016/FRONTEND/HTTPPROXY/OWA/AUTH/X.ASPX": (
        "E:\\Exchange2016\\FRONTEND\\HTTPPROXY\\OWA\\AUTH\\X.ASPX",
        "/owa/auth/x.aspx",
    ),
    "case7/F/Mail/ClientAccess/ecp/auth/x.aspx": ("F:\\Mail\\ClientAccess\\ecp\\auth\\x.aspx", "/ecp/auth/x.aspx"),
    "V15/FrontEnd/HttpProxy/ecp/x.aspx": ("FrontEnd\\HttpProxy\\ecp\\x.aspx", "/ecp/x.aspx"),
    "E/IISLogs/W3SVC1/u_ex210303.log": ("E:\\IISLogs\\W3SVC1\\u_ex210303.log", ""),
    # one compressed file lies where its archive lies; what is in a zip does not
    "C/inetpub/logs/LogFiles/W3SVC1/u_ex1.log.gz!/u_ex1.log": ("C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex1.log", ""),
    "C/inetpub/wwwroot/site.zip!/x.aspx": ("", ""),
    # Microsoft's own collectors rename every folder: nothing tells
    "EX01-39.zip!/ECP_Proxy_Logs.zip!/HttpProxy_2021030306-1.LOG": ("", ""),
    "EX01-Cve-2021-26855/CVE26858/x.aspx": ("", ""),
    # plain text in names of Windows itself
    "C/Windows/System32/winevt/Logs/Microsoft-Windows-Foo%4Admin.evtx": (
        "C:\\Windows\\System32\\winevt\\Logs\\Microsoft-Windows-Foo%4Admin.evtx",
        "",
    ),
}


@pytest.mark.parametrize("path", TABLE)
def test_collectors_folders_are_undone(path):
    windows, url = TABLE[path]
    assert windows_path(path) == windows
    assert served_url(windows) == url


@pytest.mark.parametrize(
    "inside",
    [
        "a/exchange.aspx",
        "d_/x.aspx",
        "E$/x.aspx",
        "windows/x.aspx",
        "users/x.aspx",
        "c/inetpub/x.aspx",
        "logging/x.aspx",
        "C%3A/x.aspx",
    ],
)
def test_folders_that_an_attacker_makes_lead_nowhere_else(inside):
    for root, url in (
        ("C/inetpub/wwwroot/aspnet_client/", "/aspnet_client/"),
        ("inetpub/wwwroot/aspnet_client/", "/aspnet_client/"),
        ("E/Exch/FrontEnd/HttpProxy/owa/auth/", "/owa/auth/"),
        ("FrontEnd/HttpProxy/owa/auth/", "/owa/auth/"),
    ):
        windows = windows_path(root + inside)
        assert windows.replace("\\", "/").replace(":", "", 1) == root + inside
        assert served_url(windows) == (url + inside).lower()


def test_the_outermost_folder_of_exchange_counts():
    assert in_exchange("C:\\Ex\\FrontEnd\\HttpProxy\\owa\\auth\\clientaccess\\owa\\x.aspx").startswith("frontend/httpproxy/owa")
    assert in_exchange("C:\\tools\\bin\\x.dll") == ""
