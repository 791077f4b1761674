"""The detector: which files it looks at, how much of them, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from exhume.model import Because, Cause, Clue, Finding, Gap, Host, Kept, Pack, Problem, Record, anew


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one page is looked at, and for how long."""

    bytes: int = 2 * 1024 * 1024
    seconds: float = 10.0


class WebCode:
    """Finds web shells because of what their code does. Pages come as ``web.file``; code beside them as ``file.entry``."""

    wants: frozenset[str] = frozenset({"web.file", "file.entry"})
    problems: tuple[Problem, ...] = ()

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    @classmethod
    def from_packs(cls, packs: Iterable[Pack], host: Host, kept: Kept = anew) -> Self:
        """It needs no rules: what it knows is what languages and classes do."""
        return cls()

    def clues(self, kind: str) -> frozenset[Clue] | None:
        """These kinds are files, not lines: nothing to sieve by."""
        return None if kind in self.wants else frozenset()

    def detect(self, record: Record) -> Iterator[Finding | Gap]:
        """Findings of one page, each with its way from the visitor to what runs; a Gap where it was not read to the end."""
        if not looks_at(record) or record.opener is None:
            return
        try:
            with record.opener() as stream:
                data = stream.read(self.limits.bytes + 1)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            yield _gap(record, Cause.UNREADABLE, f"the code of this page cannot be read ({reason[:80]})")
            return
        if len(data) > self.limits.bytes:
            data = data[: self.limits.bytes]
            yield _gap(
                record, Cause.LIMIT, f"only the first {self.limits.bytes / 2**20:g} MiB of this page's code were analysed"
            )
        from exhume.detectors.webcode.analysis import analyse  # with the first page: most evidence is logs
        from exhume.detectors.webcode.judgement import judge

        told: set[str] = set()
        yield from _log_on(record, data)
        if record.text("extension").lower() == "js":
            return  # for browsers
        for result in analyse(data, record.text("extension").lower(), self.limits.seconds):
            for rule, because in judge(result):
                if rule.id not in told:
                    told.add(rule.id)
                    yield Finding.of(rule, record, [*because, *_context(record)])
            if result.late:
                yield _gap(
                    record, Cause.LIMIT, f"the analysis of this page's code was given up after {self.limits.seconds:g} seconds"
                )
            elif result.deep:
                yield _gap(record, Cause.LIMIT, "some code of this page is nested too deeply to be followed")


def _log_on(record: Record, data: bytes) -> Iterator[Finding]:
    """What scripts of the log-on pages do with the password. Elsewhere applications may send it as they like."""
    from exhume.detectors.webcode.logonscript import PLACES, handed_on

    if not record.text("url").lower().startswith(PLACES):
        return
    from exhume.detectors.webcode.encodings import texts
    from exhume.detectors.webcode.rules import SURE, UNSURE

    for text in texts(data)[:1]:
        for hand in handed_on(text):
            rule = (SURE if hand.sends else UNSURE)["credentials"]
            line = text.count("\n", 0, hand.at) + 1
            because = Because(f"line {line}", hand.words, "what the script does")
            yield Finding.of(rule, record, [because, *_context(record)])
            if hand.sends:
                return


def looks_at(record: Record) -> bool:
    """Pages, and source code that lies in a folder that is served."""
    if record.kind == "web.file":
        return record.text("magic") in ("", "text", "other", "pst", "der")
    if record.kind != "file.entry" or record.fields.get("served") is not True:
        return False
    from exhume.detectors.webcode.page import CODE_ENDINGS

    return record.text("extension").lower() in CODE_ENDINGS


def _context(record: Record) -> Iterator[Because]:
    """What the page's name and place say for or against it."""
    if record.text("odd_name"):
        yield Because("odd_name", record.text("odd_name"), "makes it likelier: the name is such as intruders choose")
    if record.text("near_product"):
        yield Because("near_product", record.text("near_product"), "makes it likelier: it looks like this page of Exchange")
    elif record.fields.get("product_name") is True:
        yield Because("product_name", "true", "Exchange has a page of this name here: it was changed, or this is its own code")
    for words in record.text("times").splitlines():
        yield Because(
            "times", words, "makes it likelier, and proves nothing: updates and administrators put pages there as well"
        )


def _gap(record: Record, cause: Cause, detail: str) -> Gap:
    return Gap(record.kind, cause, detail, record.source, channel=record.channel, server=record.server)
