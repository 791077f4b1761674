"""Microsoft's Exchange On-premises Mitigation Tool: EOMT.log, EOMTv2.log and their summary files.

Sample: ``2021-03-16 10:20:11 Info: Mitigation complete on EX01 :: Default Web Site`` (local time, UTF-16).

References: CSS-Exchange EOMT.ps1 and EOMTv2.ps1 (Write-Log, Write-Summary).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from datetime import date

from exhume.model import File, Gap, Reading, Record
from exhume.readers.toollines import detection, unlike

_LINE = re.compile(r"^(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d) (Info|Notice|Error): (.*)$")
_SUMMARY = re.compile(r"^(?:Microsoft Safety Scanner and )?CVE-\d{4}-\d+ mitigation summary", re.IGNORECASE)
_SAID = (
    ("is not vulnerable: mitigation not needed", "EOMT: the server was already patched"),
    ("is vulnerable: applying mitigation", "EOMT: the server was vulnerable"),
    ("mitigation complete on", "EOMT: mitigation applied"),
    ("mitigation failed on", "EOMT: mitigation failed"),
    ("rollback of mitigation complete", "EOMT: mitigation taken back"),
    ("no known threats detected", "EOMT: the Safety Scanner found nothing"),
    ("threats detected!", "EOMT: the Safety Scanner found threats"),
    ("did not find expected scanner log", "EOMT: the Safety Scanner left no log"),
    ("skipping msert scan", "EOMT: no scan was run"),
    ("failed to complete on", "EOMT: did not complete"),
    ("starting eomt", "EOMT: started"),
)
"""What the tool writes, lower case → what it means. First fitting one counts."""


def read_eomt(lines: Iterable[tuple[int, str]], file: File) -> Generator[Record | Gap | Reading, None, None]:
    """A reading for each telling step and day; a record where the tool says that threats were found."""
    told: set[tuple[str, date | None]] = set()
    seen = False
    for number, line in lines:
        source = file.source(f"line {number}")
        if _SUMMARY.match(line):
            seen = True
            day = file.modified.date() if file.modified else None
            yield Reading("tool", "EOMT: summary written", day, "hint", source)
            continue
        match = _LINE.match(line)
        if not match:
            continue
        seen = True
        said = next((meaning for words, meaning in _SAID if words in match.group(6).lower()), "")
        day = _day(match.group(1), match.group(2), match.group(3))
        if said.endswith("found threats"):
            moment = f"{match.group(1)}-{match.group(2)}-{match.group(3)}T{match.group(4)}"
            yield detection(
                file, f"line {number}", "eomt", threat="threats detected", action="see msert.log", local_time=moment
            )
        if said and (said, day) not in told:
            told.add((said, day))
            yield Reading("tool", said, day, "hint", source)
    if not seen:
        yield unlike(file, "eomt")


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
