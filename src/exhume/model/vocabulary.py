"""The words that flow: outcomes, severities, verdicts, causes, and the kinds of record.

All scales are ordered integers with lower-case names, so that ``max()`` finds the worst one and
``str()`` gives the word that ``assessment.json`` uses.
"""

from enum import IntEnum, StrEnum
from typing import Self


class Scale(IntEnum):
    """An ordered scale whose members print as lower-case words."""

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Self:
        """The member called ``word`` in any letter case. Raises ``ValueError`` for other words."""
        try:
            return cls[word.strip().upper().replace("-", "_")]
        except KeyError:
            known = ", ".join(str(m) for m in cls)
            raise ValueError(f"{word!r} is not one of: {known}") from None


class Outcome(Scale):
    """What a trace shows the attacker reached, rising."""

    PROBE = 1
    """Somebody tested whether the flaw is there."""
    ATTEMPT = 2
    """Tried, with no sign that it worked."""
    STEP = 3
    """An intermediate step worked: a session, a SID."""
    WRITE = 4
    """A file or a setting was changed."""
    EXEC = 5
    """The attacker's code ran."""
    POST = 6
    """Hands-on activity afterwards: credentials, mail, persistence, lateral movement."""


class Severity(Scale):
    """How much a finding matters (the words of Sigma's ``level``, with ``informational`` as info)."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Confidence(Scale):
    """How sure the rule is that its title is true when it fires."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Verdict(Scale):
    """The verdict on a campaign or a server, best first. There is deliberately no "clean"."""

    NO_TRACE = 0
    ATTEMPTED = 1
    CANNOT_TELL = 2
    SUSPECTED = 3
    COMPROMISED = 4


class Reply(StrEnum):
    """The short answer to one of the five questions."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot_tell"
    PARTLY = "partly"


class Cause(StrEnum):
    """Why something was not seen."""

    ABSENT = "ABSENT"
    """A kind of evidence that the host should have had did not come."""
    UNREADABLE = "UNREADABLE"
    """It is there but could not be opened: locked, no permission, encrypted."""
    DAMAGED = "DAMAGED"
    """It was opened, and a part of it is torn, zeroed or malformed."""
    SKIPPED = "SKIPPED"
    """No reader takes it, or the user asked to leave it out."""
    TOO_SHORT = "TOO_SHORT"
    """It does not reach as far back or forward as is needed."""
    LIMIT = "LIMIT"
    """A limit on size, time, memory, depth or number was hit."""


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0: with whom a report may be shared (FIRST, August 2022)."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"


class State(StrEnum):
    """Of one flaw on one server."""

    FIXED = "fixed"
    VULNERABLE = "vulnerable"
    MITIGATED = "mitigated"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Fate(StrEnum):
    """What became of a finding by the second collection."""

    GONE = "gone"
    """A state that was looked for in the right place and is not there any more."""
    STILL_THERE = "still_there"
    NEW = "new"
    """Was not found the first time."""
    HISTORY = "history"
    """An event of the past: it stays a fact, and nothing can make it undone."""
    CANNOT_TELL = "cannot_tell"
