"""``--allow FILE``: what the user accepts as known good: each entry names one thing, with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from exhume.model import AllowEntry, Assessment, entry_of
from exhume.model.allow import KEYS

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def read_allow(path: Path) -> tuple[AllowEntry, ...]:
    """The entries of an allow file (docs/how-to/accept-known-good.md). Raises ``ValueError`` with one line.

    ::

        - {sha256: 5f95…, reason: our own status page, until: 2027-01-01}
        - {rule: WS-b, path: /aspnet_client/health.aspx, reason: monitoring}
        - {rule: TA-a, name: Signer, dll: 'C:\\Program Files\\Signer\\agent.dll', reason: we sign our mail with it}
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"the allow file {path} cannot be read: {error.strerror or type(error).__name__}") from None
    except (UnicodeDecodeError, yaml.YAMLError):
        raise ValueError(f"the allow file {path} is no YAML text") from None
    if not isinstance(data, list):
        raise ValueError("an allow file is a YAML list of entries")  # noqa: TRY004 (one error kind for users)
    return tuple(_entry(number, item) for number, item in enumerate(data, 1))


def _entry(number: int, item: object) -> AllowEntry:
    where = f"allow file, entry {number}"
    if not isinstance(item, dict) or not set(item) <= set(KEYS):
        raise ValueError(f"{where}: allowed keys are {', '.join(KEYS)}")
    reason, until = item.get("reason"), item.get("until")
    if not isinstance(reason, str) or not reason.strip():
        raise ValueError(f"{where}: a reason is needed")
    if until is not None and not isinstance(until, date):
        raise ValueError(f"{where}: until is a day, e.g. 2027-01-01")
    told = {key: str(item[key]) for key in KEYS if key not in ("reason", "until") and item.get(key) not in (None, "")}
    if told.get("sha256") and not _SHA256.fullmatch(told["sha256"]):
        raise ValueError(f"{where}: sha256 is 64 hexadecimal digits")
    if not told.get("sha256") and not (told.get("rule") and set(told) & {"path", "name", "dll"}):
        raise ValueError(f"{where}: give sha256, or rule with name, dll or path")
    told["sha256"] = told.get("sha256", "").lower()
    return AllowEntry(reason.strip(), until=until, line=number, **told)


def accepted(before: Assessment) -> Iterator[AllowEntry]:
    """What was accepted stays accepted: this rule at this place, and of a file these bytes. A new rule on the same thing, or
    other bytes in its place, are told."""
    for one in before.allowed:
        yield entry_of(one.finding, one.reason, one.until)
