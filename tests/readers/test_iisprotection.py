"""Extended Protection of each virtual directory, judged as Microsoft's table asks."""

import io
from datetime import UTC, date, datetime

import pytest

from exhume.model import File, Reading
from exhume.readers.content import rows
from exhume.readers.iisconfig import IisConfig

TABLE = {row["directory"]: row["least"] for row in rows("extended_protection.csv")}


def location(path, level=None, extra=""):
    token = f'<extendedProtection tokenChecking="{level}" />' if level else ""
    return (
        f'<location path="{path}">\n<system.webServer><security><authentication><windowsAuthentication enabled="true">{token}'
        f"</windowsAuthentication></authentication>{extra}</security></system.webServer></location>\n"
    )


def config(levels, extra=""):
    places = "".join(location(path, level) for path, level in levels.items())
    return f"<configuration>\n<system.applicationHost></system.applicationHost>\n{places}{extra}</configuration>"


def settings(text, path="C/Windows/System32/inetsrv/config/applicationHost.config", modified=datetime(2022, 9, 1, tzinfo=UTC)):
    out = IisConfig().read(io.BytesIO(text.encode()), File("e", path, modified=modified), None)
    return [(o.value, o.day, o.source.at) for o in out if isinstance(o, Reading) and o.what == "setting"]


def test_all_directories_as_asked_is_on_since_the_file_was_written():
    assert settings(config(TABLE)) == [("ExtendedProtection=on", date(2022, 9, 1), "line 3")]
    assert settings(config(dict.fromkeys(TABLE, "Require")))[0][0] == "ExtendedProtection=on", "more than asked is enough"


@pytest.mark.parametrize("directory", TABLE)
def test_each_directory_alone_decides(directory):
    ((said, _, _),) = settings(config(TABLE | {directory: "None"}))
    assert said == f"ExtendedProtection=off (not for {directory})"
    ((said, _, _),) = settings(config(TABLE | {directory: "Allow"}))
    assert (said == "ExtendedProtection=on") == (TABLE[directory] == "Allow")


def test_a_directory_that_the_server_has_not_is_not_asked_for():
    some = {path: level for path, level in TABLE.items() if "/API" not in path}
    assert settings(config(some))[0][0] == "ExtendedProtection=on"
    assert settings(config({"Default Web Site/shop": "None"})) == []
    assert settings(config({})) == []


def test_the_value_of_the_nearest_location_above_counts():
    below = {
        "Default Web Site": "Require",
        "Default Web Site/OWA": None,
        "Default Web Site/Microsoft-Server-ActiveSync/Proxy": None,
    }
    assert settings(config(below))[0][0] == "ExtendedProtection=on"
    assert "off" in settings(config(below | {"Default Web Site/OWA": "None"}))[0][0]


def test_listed_addresses_only_do_for_the_back_end_of_ews_and_nowhere_else():
    rest = {path: level for path, level in TABLE.items() if path not in ("Exchange Back End/EWS", "Exchange Back End/OWA")}
    listed = '<ipSecurity allowUnlisted="false"><add ipAddress="192.0.2.1" allowed="true" /></ipSecurity>'
    assert settings(config(rest, location("Exchange Back End/EWS", "None", listed)))[0][0] == "ExtendedProtection=on"
    assert "off" in settings(config(rest, location("Exchange Back End/EWS", "None", listed.replace("false", "true"))))[0][0]
    assert "off" in settings(config(rest, location("Exchange Back End/OWA", "None", listed)))[0][0]


def test_many_are_named_by_two_and_counted():
    ((said, _, _),) = settings(config(dict.fromkeys(TABLE)))
    assert said == "ExtendedProtection=off (not for Default Web Site/API, Default Web Site/ECP and 20 more)"


@pytest.mark.parametrize(
    "text", [config(TABLE).replace("</configuration>", ""), config(TABLE)[:900], "<configuration>&x;</configuration>"]
)
def test_a_file_that_was_read_in_part_says_nothing(text):
    assert settings(text) == []


def test_values_that_stand_elsewhere_do_not_count():
    elsewhere = config(dict.fromkeys(TABLE)).replace("<location", '<extendedProtection tokenChecking="Require" /><location')
    assert "off" in settings(elsewhere)[0][0]
    assert settings(config(TABLE).replace("system.applicationHost", "system.webServer"), "C/inetpub/wwwroot/web.config") == []
