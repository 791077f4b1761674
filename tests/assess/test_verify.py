"""After the clean-up: gone is said only of what was looked at again, and history stays."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from exhume.assess.run import Options, assess
from exhume.assess.verify import verify
from exhume.model import AllowEntry, Fate, Reply, Verdict
from exhume.reports import load
from exhume.reports.document import Document, attestation
from exhume.reports.html.attestation import attestation_page
from pretend_server import AUTH, CLIENT, NOON, SESSION, UNTIL, Server, oab_dump, shell, tag

SHELL, DUMP = CLIENT + "x1y2z3.aspx", AUTH + "RedirSuiteServerProxy.aspx"
OTHER = CLIENT + "system_web/web.txt"


def written(folder, server):
    for path, data in server.content().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def attacked():
    server = Server().file(SHELL, shell()).file(DUMP, oab_dump(tag())).file(OTHER, b"text")
    return server.proxy(NOON, SESSION, 241)


def checked(tmp_path, server, first=None):
    before = assess(written(tmp_path / "before", first or attacked()), options=Options(jobs=1))
    after = written(tmp_path / "after/C_drive", server)
    return verify(before, "ab" * 32, [after], options=Options(jobs=1))


def fates(result):
    out = {}
    for check in result.checks:
        name = check.finding.record.text("windows_path").rpartition("\\")[2] or check.finding.record.kind
        out.setdefault(name, set()).add(check.fate)
    return out


def cleaned():
    return Server().file(OTHER, b"text").proxy(NOON, SESSION, 241)


def test_what_was_removed_is_gone_and_what_happened_stays_history(tmp_path):
    result = checked(tmp_path, cleaned())
    told = fates(result)
    assert told["x1y2z3.aspx"] == {Fate.GONE}
    assert told["RedirSuiteServerProxy.aspx"] == {Fate.GONE}
    assert told["exchange.httpproxy"] == {Fate.HISTORY}
    assert result.clean is Reply.YES
    assert result.before.verdict == Verdict.COMPROMISED
    removed = [s for s in result.steps if "quarantine" in s.step.title]
    assert [s.done for s in removed] == [Reply.YES]
    assert all(s.done is Reply.CANNOT_TELL for s in result.steps if "secrets" in s.step.title or "Rebuild" in s.step.title)


def test_nothing_removed_is_still_there(tmp_path):
    result = checked(tmp_path, attacked())
    told = fates(result)
    assert told["x1y2z3.aspx"] == told["RedirSuiteServerProxy.aspx"] == {Fate.STILL_THERE}
    assert Fate.NEW not in set().union(*told.values())
    assert result.clean is Reply.NO


@pytest.mark.parametrize("content", [shell(), shell("another")])
def test_a_renamed_shell_is_still_there_by_hash_or_by_what_it_does(tmp_path, content):
    moved = cleaned().file(CLIENT + "system_web/logo.aspx", content)
    result = checked(tmp_path, moved)
    assert fates(result)["x1y2z3.aspx"] == {Fate.STILL_THERE}
    assert any("system_web/logo.aspx" in s.path for c in result.checks for s in c.now)
    assert result.clean is Reply.NO


def test_a_renamed_file_that_no_rule_knows_is_found_by_its_hash(tmp_path):
    moved = cleaned().file("C/Windows/Temp/notes.txt", shell())
    result = checked(tmp_path, moved)
    (where,) = {s.path for c in result.checks if c.fate is Fate.STILL_THERE for s in c.now}
    assert where.endswith("Windows/Temp/notes.txt")


def test_what_was_not_collected_again_is_never_gone(tmp_path):
    logs_only = Server(folders=False)
    told = fates(checked(tmp_path, logs_only))
    assert told["x1y2z3.aspx"] == told["RedirSuiteServerProxy.aspx"] == {Fate.CANNOT_TELL}


def test_logs_that_are_missing_make_no_event_gone(tmp_path):
    told = fates(checked(tmp_path, cleaned().without("iis", "proxy", "ecp")))
    assert told["exchange.httpproxy"] == {Fate.HISTORY}


def test_an_emptied_folder_is_seen_by_its_neighbours(tmp_path):
    first = attacked().file(CLIENT + "system_web/4_0_30319/s.aspx", shell("deep"))
    told = fates(checked(tmp_path, cleaned(), first))
    assert told["s.aspx"] == {Fate.GONE}


COMPILED = (
    b'<?xml version="1.0" encoding="utf-8"?><preserve resultType="3" virtualPath="/aspnet_client/x1y2z3.aspx" hash="1"'
    b' filehash="2" flags="110000" assembly="App_Web_abc" type="ASP.x1y2z3_aspx"></preserve>'
)
REMNANT = "C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/root/e22c/92c7/x1y2z3.aspx.abc.compiled"


@pytest.mark.parametrize(("left", "fate"), [(False, Fate.HISTORY), (True, Fate.STILL_THERE)])
def test_what_aspnet_compiled_of_a_page_that_is_gone_is_history(tmp_path, left, fate):
    second = attacked() if left else cleaned()
    result = checked(tmp_path, second.file(REMNANT, COMPILED), attacked().file(REMNANT, COMPILED))
    assert fates(result)["x1y2z3.aspx.abc.compiled"] == {fate}
    assert result.clean is (Reply.NO if left else Reply.YES)


def test_a_changed_file_under_the_same_name_is_not_gone(tmp_path):
    told = fates(checked(tmp_path, cleaned().file(SHELL, b"<html>nothing</html>")))
    assert Fate.GONE not in told["x1y2z3.aspx"]


def test_a_new_attack_after_the_first_collection_is_new(tmp_path):
    again = cleaned().proxy(NOON + timedelta(days=30), SESSION, 241)
    result = checked(tmp_path, again)
    new = [c for c in result.checks if c.fate is Fate.NEW]
    assert any("after the end of the first" in c.why for c in new)
    assert result.clean is Reply.NO


def test_the_document_and_the_page_tell_the_same(tmp_path):
    result = checked(tmp_path, attacked())
    told = json.loads(attestation(result))
    assert told["schema"] == "exhume.attestation/1"
    assert told["clean"] == "no"
    assert told["before"]["verdict"] == "compromised"
    assert len(told["checks"]) == len(result.checks)
    page = attestation_page(result).decode()
    assert "not clean" in page
    assert "<script" not in page.lower()
    assert page.count("still there") >= 1


def test_the_command(tmp_path):
    before = assess(written(tmp_path / "before", attacked()), options=Options(jobs=1))
    (tmp_path / "assessment.json").write_bytes(Document().render(before))
    assert load((tmp_path / "assessment.json").read_bytes()).verdict == before.verdict
    after = written(tmp_path / "after", cleaned())
    command = [sys.executable, "-m", "exhume.cli", "verify", str(tmp_path), str(after), "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--jobs", "1", "--fail-on-rest"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Clean now? yes" in done.stdout
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "assessment.json", "report.html", "timeline.csv", "findings.csv", "attestation.json", "attestation.html",
    }  # fmt: skip
    written(tmp_path / "after", attacked())
    rest = subprocess.run([*command, "--jobs", "1", "--fail-on-rest"], capture_output=True, text=True, check=False)
    assert rest.returncode == 1
    missing = subprocess.run([*command[:4], str(tmp_path / "nothing"), str(after)], capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert len(missing.stderr.splitlines()) == 1


def test_the_evidence_of_another_server_shows_nothing_gone(tmp_path):
    """A file of the wrong server taken from the shelf: all the shells would seem to be gone."""
    other = Server(name="EX02").file(OTHER, b"text")
    result = checked(tmp_path, other)
    assert result.clean is Reply.CANNOT_TELL
    assert "another server" in result.text
    assert "another server" in result.limits[0]
    assert Fate.GONE not in {c.fate for c in result.checks}
    assert Reply.YES not in {s.done for s in result.steps}


def test_a_collection_from_before_the_first_one_shows_nothing_gone(tmp_path):
    earlier = Server(last=UNTIL - timedelta(days=1)).file(OTHER, b"text")
    result = checked(tmp_path, earlier)
    assert result.clean is Reply.CANNOT_TELL
    assert "not the later one" in result.text
    assert Fate.GONE not in {c.fate for c in result.checks}


def test_what_was_accepted_stays_accepted_while_its_bytes_are_the_same(tmp_path):
    first, same = written(tmp_path / "first", attacked()), written(tmp_path / "same", attacked())
    all_of_it = tuple(AllowEntry("ours", rule=f.rule, path="*") for f in assess(first, options=Options(jobs=1)).singles)
    before = assess(first, options=Options(jobs=1, allow=all_of_it))
    assert before.findings == ()
    assert verify(before, "ab" * 32, [same], options=Options(jobs=1)).checks == ()
    (same / SHELL).write_bytes(shell() + b" ")
    changed = verify(before, "ab" * 32, [same], options=Options(jobs=1))
    assert {c.fate for c in changed.checks} == {Fate.NEW}
    assert {c.finding.source.path for c in changed.checks} == {SHELL}
