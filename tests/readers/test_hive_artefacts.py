"""Tasks and watched settings from hives."""

import io
import struct

import pytest

from exhume.model import File, Record
from exhume.readers.hive import Hives
from hive_bytes import hive
from pretend_server import assessed

PATH = "C/Windows/System32/config/"


def told(data, name, kind):
    return [r for r in Hives().read(io.BytesIO(data), File("e", PATH + name), None) if isinstance(r, Record) and r.kind == kind]


def text(said):
    raw = said.encode("utf-16-le")
    return struct.pack("<I", len(raw)) + raw


def actions(command, arguments=""):
    return (
        struct.pack("<H", 3)
        + text("Author")
        + struct.pack("<H", 0x6666)
        + text("")
        + text(command)
        + text(arguments)
        + text("")
    )


def cache(tree, tasks):
    return hive({"Microsoft": {"Windows NT": {"CurrentVersion": {"Schedule": {"TaskCache": {"Tree": tree, "Tasks": tasks}}}}}})


UPDATE = cache(
    {"Folder": {"Update": {"Id": "{A}", "SD": b"\1\0\4\x80"}}, "Hidden": {"Id": "{B}"}},
    {"{a}": {"Actions": actions("powershell.exe", "-File C:\\x.ps1")}, "{B}": {"Actions": actions("C:\\Windows\\Temp\\u.exe")}},
)


def test_the_hive_tells_of_tasks_and_of_those_that_are_hidden():
    update, hidden = told(UPDATE, "SOFTWARE", "windows.task")
    assert (update.text("name"), update.text("Command"), update.text("Arguments")) == (
        "\\Folder\\Update", "powershell.exe", "-File C:\\x.ps1",
    )  # fmt: skip
    assert "SdDeleted" not in update.fields
    assert (hidden.text("name"), hidden.text("Command"), hidden.fields["SdDeleted"]) == (
        "\\Hidden", "C:\\Windows\\Temp\\u.exe", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [b"", b"\3", actions("a" * 9)[:20], struct.pack("<HI", 3, 0xFFFFFFF0), b"\3\0" + text("") + b"\x77\x77" + b"\0" * 16],
)
def test_actions_of_another_form_say_nothing(data):
    tree = {"T": {"Id": "{A}", "SD": b"\1\0\0\0"}}
    (task,) = told(cache(tree, {"{A}": {"Actions": data} if data else {}}), "SOFTWARE", "windows.task")
    assert "Command" not in task.fields


def test_a_hidden_task_and_what_it_runs_are_told():
    assert {f.trace for f in assessed({PATH + "SOFTWARE": UPDATE}).singles} == {"PX-12-content", "PX-12-hidden"}


def test_settings_have_the_form_that_events_have():
    data = hive(
        {"Select": {"Current": 2}, "ControlSet002": {"Control": {"SecurityProviders": {"WDigest": {"UseLogonCredential": 1}}}}},
        "emRoot\\System32\\Config\\SYSTEM",
    )
    (one,) = told(data, "SYSTEM", "windows.registry")
    name = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\WDigest\\uselogoncredential=1"
    assert one.fields["RegistrySet"] == name
    assert one.source.at == "key ControlSet002\\Control\\SecurityProviders\\WDigest"
    assert [f.trace for f in assessed({PATH + "SYSTEM": data}).findings] == ["PX-28"]


def test_sub_keys_are_watched_and_others_are_not():
    options = {"sethc.exe": {"Debugger": "cmd.exe"}, "taskmgr.exe": {"Debugger": "C:\\Tools\\procexp64.exe"}}
    data = hive(
        {"Microsoft": {"Windows NT": {"CurrentVersion": {"Image File Execution Options": options, "Fonts": {"a": "b"}}}}}
    )
    assert len(told(data, "SOFTWARE", "windows.registry")) == 2
    assert [f.trace for f in assessed({PATH + "SOFTWARE": data}).findings] == ["PX-29"]
