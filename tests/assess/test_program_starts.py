"""A Security log of a server that was never told to log which programs start: the default of Windows."""

import re
from datetime import date
from itertools import count

from exhume.assess.run import Options, assess
from exhume.model import Verdict, Window
from exhume.simulator import simulate
from pretend_server import on


def test_without_starts_of_programs_it_cannot_tell_what_an_intruder_ran(tmp_path):
    simulate("quiet-and-covered", tmp_path)
    options = Options(period=Window(date(2021, 3, 1), date(2021, 3, 5)), jobs=1)
    assert on("post-exploitation", assess(tmp_path, options=options)).verdict == Verdict.NO_TRACE
    log = tmp_path / "C/Windows/System32/winevt/Logs-exported/Security.xml"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in lines if "<EventID>4688</EventID>" not in line)
    assert 0 < kept.count("\n") < len(lines)
    numbers = count(1)  # without holes, as Windows would have numbered them
    log.write_text(re.sub(r"(?<=<EventRecordID>)\d+", lambda _: str(next(numbers)), kept), encoding="utf-8")
    without = on("post-exploitation", assess(tmp_path, options=options))
    assert without.verdict == Verdict.CANNOT_TELL
    assert any("program starts" in limit for limit in without.limits)


def test_what_is_lost_of_the_log_that_holds_them_limits_the_verdict(tmp_path):
    simulate("quiet-and-covered", tmp_path)
    log = tmp_path / "C/Windows/System32/winevt/Logs-exported/Security.xml"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not re.search(r"SystemTime='2021-03-03T(?:0[6-9]|1\d)", line)]
    assert any("<EventID>4688</EventID>" in line and "2021-03-03T" in line for line in kept)
    log.write_text("".join(kept), encoding="utf-8")  # fourteen hours of a day, in which the numbers went on
    options = Options(period=Window(date(2021, 3, 1), date(2021, 3, 5)), jobs=1)
    answer = on("post-exploitation", assess(tmp_path, options=options))
    assert answer.verdict == Verdict.CANNOT_TELL
    assert any("Security" in limit for limit in answer.limits)
