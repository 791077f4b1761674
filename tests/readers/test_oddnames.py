"""Names that say something of who gave them."""

import pytest

from exhume.readers.oddnames import at_random, odd_name

AUTH = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("C:\\ProgramData\\COM1\\a.aspx", "device"),
        (AUTH + "aux.aspx", "device"),
        (AUTH + "Current\\lpt1.aspx", "device"),
        (AUTH + "logon.aspx:x.aspx", "stream"),
        (AUTH + "x.aspx::$DATA", "stream"),
        (AUTH + "x.aspx.", "dot or blank"),
        ("C:\\inetpub\\wwwroot\\help \\x.aspx", "dot or blank"),
        (AUTH + "0QWYSEXe.aspx", "random"),
        (AUTH + "y4Kp2wZt.aspx", "random"),
        (AUTH + "xkcdqwrt.aspx", "random"),
    ],
)
def test_what_is_odd_is_told(path, words):
    assert words in odd_name(path)


@pytest.mark.parametrize(
    "name",
    [
        "logon.aspx",
        "errorFE.aspx",
        "global.asax",
        "MyUpload.aspx",
        "report12.aspx",
        "20210303.aspx",
        "frontend.aspx",
        "expiredpassword.aspx",
        "web.config",
        "Reports2.aspx",
        "console.aspx",
        "auxiliary.aspx",
        "OutlookCN.aspx",
        "PlugNPay.ascx",
    ],
)
def test_ordinary_names_are_not(name):
    assert odd_name(AUTH + name) == ""


def test_only_eight_letters_count():
    assert at_random("y4Kp2wZt")
    assert not at_random("y4Kp2wZ")
    assert not at_random("y4Kp2wZtt")
