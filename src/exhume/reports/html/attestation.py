"""``attestation.html``: the check after the clean-up, for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exhume.model import Attestation, Check, Fate, Kept, Reply, StepCheck, anew
from exhume.reports import wording
from exhume.reports.html.page import filled

MOST_CHECKS = 200
"""Lines of each fate; all are in attestation.json."""
_FATES = {
    Fate.STILL_THERE: ("bad", "still there", "Remove them, and check again."),
    Fate.NEW: ("bad", "new", "Not found the first time."),
    Fate.CANNOT_TELL: ("unknown", "cannot tell", "The second collection does not show whether they are gone."),
    Fate.GONE: ("good", "gone", "Their place was looked at again."),
    Fate.HISTORY: ("neutral", "history", "What happened stays a fact, whatever is cleaned up."),
}
_CLEAN = {
    Reply.NO: ("bad", "not clean", "Something is still there, or new."),
    Reply.CANNOT_TELL: ("unknown", "cannot tell", "Not everything that was found could be looked at again."),
    Reply.PARTLY: ("unknown", "cannot tell", "Not everything that was found could be looked at again."),
    Reply.YES: ("good", "nothing left of what was found", "What was found is gone, as far as was looked at."),
}
_DONE = {
    Reply.YES: ("good", "done"),
    Reply.NO: ("bad", "not done"),
    Reply.PARTLY: ("warn", "partly"),
    Reply.CANNOT_TELL: ("unknown", "to be attested"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing, and all that was found of it."""

    titles: tuple[str, ...]
    place: str
    time: str
    now: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """Checks of one fate."""

    tone: str
    word: str
    meaning: str
    total: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What the template shows."""

    a: Attestation
    server: str
    tone: str
    word: str
    sentence: str
    text: str
    generated: str
    before_generated: str
    before_word: str
    groups: tuple[Group, ...]
    steps: tuple[tuple[StepCheck, str, str], ...]
    limits: tuple[str, ...]


def attestation_page(a: Attestation, kept: Kept = anew) -> bytes:
    """UTF-8 HTML under the same rules as ``report.html``."""
    tone, word, sentence = _CLEAN[a.clean]
    groups = []
    for fate, (mark, name, meaning) in _FATES.items():
        found = _lines(c for c in a.checks if c.fate is fate)
        if found:
            groups.append(Group(mark, name, meaning, len(found), found[:MOST_CHECKS]))
    view = View(
        a=a,
        server=wording.server(a.after) or wording.server(a.before),
        tone=tone,
        word=word,
        sentence=sentence,
        text=a.text,
        generated=wording.stamp(a.generated),
        before_generated=wording.stamp(a.before.generated),
        before_word=wording.VERDICT[a.before.verdict],
        groups=tuple(groups),
        steps=tuple((s, *_DONE[s.done]) for s in a.steps),
        limits=a.limits,
    )
    return filled("attestation.html.j2", kept=kept, v=view)


def _lines(checks: Iterable[Check]) -> tuple[Line, ...]:
    lines: dict[tuple[str, str, tuple[str, ...], str], list[str]] = {}
    for check in checks:
        found = check.finding
        place = found.record.text("windows_path") or str(found.source)
        now = tuple(dict.fromkeys(str(s) for s in check.now if s not in found.sources)) if check.fate is not Fate.NEW else ()
        time = wording.stamp(found.first_seen) if found.first_seen else ""
        lines.setdefault((place, time, now, check.why), []).append(found.title)
    return tuple(Line(tuple(dict.fromkeys(titles)), *key) for key, titles in lines.items())
