"""What events and commands tell of tasks, services, accounts, the registry and files, under the names that all sources share."""

import time

import pytest

from exhume.readers.artefacts import derived, runs_of
from exhume.readers.commands import made_by
from exhume.readers.registrynames import plain_key, service_of, set_text

SYSMON = "Microsoft-Windows-Sysmon/Operational"
WDIGEST = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\WDigest"
TASK = (
    '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
    "<Actions>{}</Actions></Task>"
)


def share(**more):
    fields = {
        "ObjectType": "File",
        "ShareName": "\\\\*\\C$",
        "ShareLocalPath": "\\??\\C:\\",
        "RelativeTargetName": "inetpub\\wwwroot\\aspnet_client\\x.aspx",
        "AccessMask": "0x2",
        "Keywords": "0x8020000000000000",
    }
    return derived("Security", 5145, fields | more)


def test_a_task_runs_what_its_actions_say():
    two = "<Exec><Command>cmd.exe</Command><Arguments>/c a &gt; b</Arguments></Exec><Exec><Command>b.exe</Command></Exec>"
    assert derived("Security", 4698, {"TaskContent": TASK.format(two)}) == {"TaskRun": ("cmd.exe /c a > b", "b.exe")}
    assert derived("Security", 4702, {"TaskContentNew": TASK.format("<Exec><Command>b.exe</Command></Exec>")}) == {
        "TaskRun": "b.exe"
    }


@pytest.mark.parametrize(
    "xml", ["", "<Exec>", "<Exec><Command>", "<Command>a</Command>", "no XML", "<Exec><ComHandler/></Exec>"]
)
def test_a_task_without_a_program_runs_nothing(xml):
    assert runs_of(xml) == ()


def test_what_hides_a_command_from_a_reader_of_text_is_undone():
    assert runs_of("<Exec><Command><![CDATA[a.exe]]></Command><Arguments><!-- x -->-b</Arguments></Exec>") == "a.exe -b"


@pytest.mark.parametrize(
    ("mask", "keywords", "action"),
    [
        ("0x2", "0x8020000000000000", "write"),
        ("0x120116", "0x8020000000000000", "write"),
        ("0x4", "0x8020000000000000", "write"),
        ("0x10000", "0x8020000000000000", "delete"),
        ("0x120089", "0x8020000000000000", "read"),
        ("0x2", "0x8010000000000000", None),
        ("0x2", "Audit Failure", None),
        ("", "0x8020000000000000", None),
        ("no number", "0x8020000000000000", None),
    ],
)
def test_a_file_of_a_share_was_written_only_if_it_was_opened_for_it(mask, keywords, action):
    told = share(AccessMask=mask, Keywords=keywords)
    assert told.get("FileAction") == action
    assert told.get("TargetFilename") == (action and "C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx")


def test_a_share_without_its_folder_and_a_pipe():
    assert share(ShareLocalPath="")["TargetFilename"] == "C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx"
    assert share(ShareName="\\\\*\\IPC$", ShareLocalPath="", RelativeTargetName="svcctl") == {}
    assert share(RelativeTargetName="\\") == {}


def test_an_audited_file_names_the_program():
    fields = {"ObjectType": "File", "ObjectName": "C:\\a.aspx", "ProcessName": "C:\\w3wp.exe", "AccessMask": "0x2"}
    assert derived("Security", 4663, fields) == {"TargetFilename": "C:\\a.aspx", "Image": "C:\\w3wp.exe", "FileAction": "write"}
    assert derived("Security", 4663, fields | {"ObjectType": "Key"}) == {}


@pytest.mark.parametrize(
    ("channel", "event", "fields"),
    [
        (SYSMON, 13, {"TargetObject": "HKLM\\System\\CurrentControlSet\\Control\\SecurityProviders\\WDigest\\UseLogonCredential",
                      "Details": "DWORD (0x00000001)"}),
        ("Security", 4657, {"ObjectName": "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Control\\SecurityProviders\\WDigest",
                            "ObjectValueName": "UseLogonCredential", "NewValue": "1", "OperationType": "%%1905"}),
        (SYSMON, 1, {"CommandLine": f'reg  add "{WDIGEST}" /v UseLogonCredential /t REG_DWORD /d 0x1 /f'}),
        ("Security", 4688, {"CommandLine": f'cmd /c "reg add {WDIGEST} /v UseLogonCredential /d 1"'}),
        ("Microsoft-Windows-PowerShell/Operational", 4104,
         {"ScriptBlockText": f"Set-ItemProperty -Path '{WDIGEST.replace('HKLM', 'HKLM:')}' -Name UseLogonCredential -Value 1"}),
        ("Microsoft-Windows-PowerShell/Operational", 4104,
         {"ScriptBlockText": "New-ItemProperty Registry::HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet002\\Control\\SecurityProviders\\"
                             "WDigest -Name UseLogonCredential -Value 1 -PropertyType DWORD"}),
    ],
)  # fmt: skip
def test_a_value_of_the_registry_is_one_text_whoever_tells(channel, event, fields):
    assert str(derived(channel, event, fields)["RegistrySet"]).lower() == f"{WDIGEST}\\UseLogonCredential=1".lower()


def test_what_is_deleted_is_not_set():
    gone = {"TargetObject": "HKLM\\SOFTWARE\\a\\SD", "EventType": "DeleteValue"}
    assert derived(SYSMON, 12, gone) == {"RegistryDeleted": "HKLM\\SOFTWARE\\a\\SD"}
    assert made_by("reg delete HKLM\\SOFTWARE\\a /v SD /f") == {"RegistryDeleted": "HKLM\\SOFTWARE\\a\\SD"}
    assert made_by("Remove-ItemProperty -Path HKLM:\\SOFTWARE\\a -Name SD") == {"RegistryDeleted": "HKLM\\SOFTWARE\\a\\SD"}


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("HKEY_LOCAL_MACHINE\\a", "HKLM\\a"), ("hklm:\\a\\", "HKLM\\a"), ("\\REGISTRY\\USER\\S-1", "HKU\\S-1"), ("x\\a", "x\\a"), ("", ""),
    ],
)  # fmt: skip
def test_hives_have_one_name(path, plain):
    assert plain_key(path) == plain


@pytest.mark.parametrize(
    ("data", "shown"), [("DWORD (0x00000010)", "16"), ("0xA", "10"), ("007", "7"), ("$true", "1"), ("text", "text"), ("٣", "٣")]
)
def test_numbers_are_decimal(data, shown):
    assert set_text("k", data) == f"k={shown}"


def test_a_value_that_names_a_program_tells_of_a_service():
    assert service_of("HKLM\\SYSTEM\\CurrentControlSet\\Services\\Up\\ImagePath") == "Up"
    assert service_of("HKLM\\SYSTEM\\CurrentControlSet\\Services\\Up\\Start") == ""


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('schtasks /create /tn "a b" /tr "cmd /c \\"x\\"" /sc daily', {"TaskName": "a b", "TaskRun": 'cmd /c "x"'}),
        ("schtasks /query /tn a", {}),
        ("sc \\\\EX02 create Up binPath= C:\\u.exe", {"ServiceName": "Up", "ServiceRun": "C:\\u.exe"}),
        ("sc query windefend", {}),
        ("net user elie P@ss1 /add", {"AccountMade": "elie"}),
        ("net user elie /domain", {}),
        ("net user Guest /active:no", {}),
        ("net1 localgroup Administrators a b /add", {"GroupChanged": "Administrators", "MemberAdded": ("a", "b")}),
        ("net localgroup Administrators", {}),
        ("Add-LocalGroupMember Administrators elie", {"GroupChanged": "Administrators", "MemberAdded": "elie"}),
        ("Get-LocalUser elie", {}),
        ("New-ScheduledTaskAction -Execute p.exe -Argument '-enc AA'", {"TaskRun": "p.exe -enc AA"}),
        ("echo a > C:\\inetpub\\wwwroot\\x.aspx", {"TargetFilename": "C:\\inetpub\\wwwroot\\x.aspx", "FileAction": "write"}),
        ("certutil -decode C:\\a.txt C:\\b.exe", {"TargetFilename": "C:\\b.exe", "FileAction": "write"}),
        ("type C:\\a.txt", {}),
        ("", {}),
    ],
)
def test_a_command_tells_what_it_makes(text, fields):
    assert made_by(text) == fields


def test_of_several_files_the_page_counts():
    told = made_by("copy C:\\a.txt C:\\b.txt & copy C:\\b.txt C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx")
    assert told["TargetFilename"] == "C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx"


def test_an_event_keeps_what_it_says_itself():
    fields = {"CommandLine": "net user a b /add", "AccountMade": "own"}
    assert derived(SYSMON, 1, fields) == {}
    assert derived("Application", 1, fields) == {}


HOSTILE = [
    "copy " * 9000,
    'reg add "' * 4000,
    "schtasks " + '"\\' * 16000,
    "> C:\\" + "a\\" * 16000,
    "net user " * 5000,
    "<Exec>" * 9000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_takes_no_time(text):
    start = time.process_time()
    made_by(text)
    runs_of(text)
    assert time.process_time() - start < 2
