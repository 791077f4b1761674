"""Several servers of one organisation: which is worst, and what ties them together. Pure.

Only findings that call for a verdict count: every server on the internet sees the same scanners.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from exhume.judge.verdict import raised
from exhume.model import Casebook, Finding, Outcome, Server, Shared, Verdict

_LAST = datetime.max.replace(tzinfo=UTC)
_ACCOUNTS = ("cs-username", "AuthenticatedUser", "TargetUserName", "Caller")
_OWN = ("", "-", "system", "network service", "local service", "anonymous logon", "nt authority\\system")


def casebook(servers: Sequence[Server]) -> Casebook:
    """The case. The order in which servers are given changes nothing."""
    ordered = sorted(_told_apart(servers), key=_worst_first)
    verdict = max((s.assessment.verdict for s in servers), default=Verdict.CANNOT_TELL)
    return Casebook(tuple(ordered), tuple(_shared(ordered)), verdict)


def _told_apart(servers: Sequence[Server]) -> Iterator[Server]:
    """Two servers, or two collections of one, can have the same name: then each bears a number and its evidence's name."""
    by_name: dict[str, list[Server]] = {}
    for server in sorted(servers, key=lambda s: s.folder):
        by_name.setdefault(server.host.lower(), []).append(server)
    for same in by_name.values():
        if len(same) == 1:
            yield same[0]
            continue
        for place, server in enumerate(same, 1):
            evidence = ", ".join(server.assessment.evidence[:3]) or server.folder
            yield replace(server, label=f"{server.host} ({place}: {evidence})")


def _worst_first(server: Server) -> tuple[int, datetime, int, str]:
    firsts = [a.first_seen for a in server.assessment.answers if a.first_seen and a.verdict >= Verdict.SUSPECTED]
    reached = max((a.outcome for a in server.assessment.answers if a.outcome is not None), default=Outcome.PROBE)
    return (-server.assessment.verdict, min(firsts, default=_LAST), -reached, server.name)


def _shared(servers: Sequence[Server]) -> Iterator[Shared]:
    names = {s.host.lower(): s.host for s in servers}
    seen: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for server in servers:
        for finding in server.assessment.singles:
            if raised(finding) is None:
                continue
            for key in _keys(finding, names, server.host):
                seen.setdefault(key, {}).setdefault(server.name, []).append(finding)
    found = [_told(key, places) for key, places in seen.items() if len(places) > 1 or key[0] == "server"]
    yield from sorted(found, key=lambda s: (-len(s.servers), s.first_seen or _LAST, s.kind, s.value))


def _told(key: tuple[str, str], places: dict[str, list[Finding]]) -> Shared:
    findings = [f for mine in places.values() for f in mine]
    firsts = [f.first_seen for f in findings if f.first_seen]
    lasts = [f.last_seen for f in findings if f.last_seen]
    return Shared(*key, tuple(sorted(places)), len(findings), min(firsts, default=None), max(lasts, default=None))


def _keys(finding: Finding, names: dict[str, str], here: str) -> Iterable[tuple[str, str]]:
    """What this finding can be tied to other servers by."""
    record = finding.record
    if finding.address:
        yield ("address", finding.address)
    if record.text("sha256"):
        yield ("file", record.text("sha256").lower())
    url = record.text("url").partition("?")[0].lower()
    if url.endswith((".aspx", ".ashx", ".asmx", ".asp", ".js", ".css")):
        yield ("page", url)
    for name in _ACCOUNTS:
        account = record.text(name).rpartition("\\")[2].lower()
        if account.endswith("$"):
            machine = names.get(account[:-1])
            if machine and machine != here:
                yield ("server", machine)
        elif account not in _OWN and "healthmailbox" not in account:
            yield ("account", account)
