"""Set-up logs: what a run installed and when, and that failed and partial runs install nothing."""

import io
from datetime import date

import pytest

from exhume.model import Cause, File, Gap, Reading
from exhume.readers.setuplog import SetupLogs

STARS = "*" * 46
DAY = date(2021, 3, 20)
HEAD = [
    (0, STARS),
    (0, "Starting Microsoft Exchange Server 2016 Setup"),
    (0, STARS),
    (0, "Local time zone: (UTC-06:00) Central Time (US & Canada)."),
    (0, "Operating system version: Microsoft Windows NT 6.2.9200.0."),
    (0, "Setup version: 15.1.2242.4."),
    (0, "Logged on user: CONTOSO\\admin."),
]
UPGRADE = [
    (0, "Command Line Parameter Name='mode', Value='Upgrade'."),
    (0, "The local server has some Exchange files installed."),
    (0, "The installation mode is set to: 'BuildToBuildUpgrade'."),
    (0, "The locally installed version is 15.1.2176.2."),
]
FRESH = [
    (0, "The local server does not have any Exchange files installed."),
    (0, "The installation mode is set to: 'Install'."),
]
ROLES = [(1, "Ending processing Install-MailboxRole"), (1, "Ending processing Install-CafeRole")]
LAST = [(1, "Ending processing Start-PostSetup")]
SAID = [(0, "The Exchange Server setup operation completed successfully.")]
ERROR = [(1, "[ERROR] Object reference not set to an instance of an object.")]
STOPPED = [
    (
        0,
        "The Exchange Server setup operation didn't complete.  More details can be found in ExchangeSetup.log located in the <SystemDrive>:\\ExchangeSetupLogs folder.",
    )
]
BEFORE = ("build", "15.1.2176.2", DAY, "cu")
INSTALLED = [("install", "15.1.2242.4", DAY, "cu"), ("build", "15.1.2242.4", DAY, "cu")]


def end(result):
    return [(0, f"CurrentResult setupbase.maincore:396: {result}"), (0, "End of Setup"), (0, STARS)]


def text(lines, separator="/"):
    day = separator.join(("03", "20", "2021"))
    return "".join(f"[{day} 23:59:{i % 60:02}.0202] [{depth}] {said}\r\n" for i, (depth, said) in enumerate(lines))


def read(content, name="ExchangeSetup.log", encoding="utf-8"):
    data = content.encode(encoding) if isinstance(content, str) else content
    out = list(SetupLogs().read(io.BytesIO(data), File("e", f"C/ExchangeSetupLogs/{name}", size=len(data)), None))
    return [(r.what, r.value, r.day, r.trust) for r in out if isinstance(r, Reading)], [g for g in out if isinstance(g, Gap)]


@pytest.mark.parametrize("separator", ["/", ".", "-"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_upgrade_from_the_command_line(separator, encoding):
    log = text(HEAD + UPGRADE + ROLES + LAST + SAID + end(0), separator)
    assert read(log, encoding=encoding) == ([BEFORE, *INSTALLED], [])


def test_an_upgrade_by_the_wizard_says_no_word_of_success():
    assert read(text(HEAD + UPGRADE + ROLES + LAST + end(0)))[0] == [BEFORE, *INSTALLED]


def test_the_first_installation_is_told():
    assert read(text(HEAD + FRESH + ROLES + LAST + SAID + end(0)))[0] == [
        ("first_install", "15.1.2242.4", DAY, "exact"),
        *INSTALLED,
    ]


@pytest.mark.parametrize(
    "rest",
    [
        UPGRADE + ROLES + LAST + ERROR + end(0),  # the wizard says 0 although it failed
        UPGRADE + ROLES + LAST + STOPPED + end(1),
        UPGRADE + ROLES + end(0),
        UPGRADE + ROLES + LAST,
        UPGRADE,
        [*UPGRADE, *SAID, *end(0)],  # /PrepareAD
        [*UPGRADE, (1, "Ending processing Install-AdminToolsRole"), *LAST, *SAID, *end(0)],
        [(0, "Command Line Parameter Name='mode', Value='Uninstall'."), *UPGRADE, *ROLES, *LAST, *SAID, *end(0)],
        [*UPGRADE, (1, "Ending processing Uninstall-MailboxRole"), *LAST, *SAID, *end(0)],
    ],
)
def test_what_is_no_installation_tells_only_what_was_there(rest):
    assert read(text(HEAD + rest)) == ([BEFORE], [])


def test_a_failed_run_says_nothing_of_the_next_one():
    log = text(HEAD + UPGRADE + ROLES + ERROR + STOPPED + end(1)) + text(HEAD + UPGRADE + ROLES + LAST + SAID + end(0))
    assert read(log)[0] == [BEFORE, BEFORE, *INSTALLED]
    torn = text(HEAD + UPGRADE + ROLES + ERROR) + text(HEAD + UPGRADE + ROLES + LAST + SAID + end(0))
    assert read(torn)[0] == [BEFORE, BEFORE, *INSTALLED]


def test_a_log_in_another_language_still_tells_the_build():
    head = [(0, said.replace("Setup version", "Setupversion").replace("Starting", "Starten:")) for _, said in HEAD]
    assert read(text(head + ROLES + LAST + end(0)))[0] == INSTALLED


def test_what_is_no_set_up_log_is_a_gap():
    for data in (b"", b"\0" * 5000, b"hello\r\n" * 50):
        readings, gaps = read(data)
        assert readings == []
        assert [g.cause for g in gaps] == [Cause.DAMAGED]


def test_which_files_are_taken():
    head = text(HEAD).encode()
    assert SetupLogs().recognises(head, File("e", "x.txt"))
    assert not SetupLogs().recognises(b"[03/20/2021 10:00:00.0000] [0] another program", File("e", "x.txt"))
    for name, taken in (
        ("ExchangeSetup.log", True),
        ("ExchangeSetup-old.log", True),
        ("servicecontrol.LOG", True),
        ("setup.log", False),
    ):
        assert SetupLogs().expects(File("e", f"a/{name}")) is taken


PATCHED = "[00:50:54] -----------------------------------------------\r\n[00:50:54] * ServiceControl.ps1: {} 00:50:54\r\n[00:50:56] Saving service and registry data\r\n"


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["21/11/2022"], [date(2022, 11, 21)]),
        (["11/21/2022", "03/09/2021"], [date(2022, 11, 21), date(2021, 3, 9)]),
        (["21.11.2022", "09.03.2021", "09.03.2021"], [date(2022, 11, 21), date(2021, 3, 9)]),
        (["2021-03-09"], [date(2021, 3, 9)]),
        (["03/09/2021"], [None]),
        (["03/03/2021"], [date(2021, 3, 3)]),
        (["77/77/2021"], [None]),
    ],
)
def test_days_on_which_an_update_stopped_the_services(dates, days):
    readings, gaps = read("".join(PATCHED.format(d) for d in dates), "ServiceControl.log")
    assert [r[2] for r in readings] == days
    assert {(r[0], r[3]) for r in readings} == {("update", "hint")}
    assert gaps == []


INSTALLER = (
    "=== Verbose logging started: 1/9/2023  14:46:10  Build type: SHIP UNICODE 5.00.10011.00\r\n"
    "MSI (s) (C4:3C) [17:54:26:129]: Windows Installer installed an update. Product Name: Microsoft Exchange Server. "
    "Product Version: 15.2.1118.7. Product Language: 1033. Manufacturer: Microsoft Corporation. Update Name: Security Update for "
    "Exchange Server 2019 Cumulative Update 12 (KB5019758) 15.2.1118.20. Installation success or error status: {}.\r\n"
)


def test_the_windows_installer_s_log_of_an_update():
    name = "ExchangeUpdate_2023-01-09-144610.log"
    day = date(2023, 1, 9)
    expected = [("update", "KB5019758", day, "exact"), ("build", "15.2.1118.20", day, "exact")]
    assert read(INSTALLER.format(0), name, "utf-16") == (expected, [])
    assert read(INSTALLER.format(1603), name, "utf-16") == ([], [])
    assert [r[2] for r in read(INSTALLER.format(0), "Exchange.msilog")[0]] == [None, None]
