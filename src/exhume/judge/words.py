"""The sentences of the verdict. One place, so that they stay careful: what was looked at, what was not, what it means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from exhume.model import Cause, Coverage, Finding, Gap, Hidden, Pack, Reading, Window, thing_of

RANGES_SHOWN = 3
BRING = "To date the exposure, bring Bin\\ExSetup.exe, C:\\ExchangeSetupLogs and the SOFTWARE registry hive."
COULD_HOLD = "that could hold traces"
ENDS_BEFORE = "The judged period ends before"
_LOST = {
    Cause.UNREADABLE: "could not be opened",
    Cause.DAMAGED: "damaged",
    Cause.LIMIT: "given up at a limit",
    Cause.SKIPPED: "not read",
    Cause.ABSENT: "absent",
    Cause.TOO_SHORT: "too short",
}


def number(count: int, one: str, many: str = "") -> str:
    """``1 day``, ``2,000 days``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ranges(days: Sequence[date]) -> list[tuple[date, date]]:
    """Sorted days as runs of neighbours."""
    out: list[tuple[date, date]] = []
    for day in days:
        if out and day - out[-1][1] == timedelta(days=1):
            out[-1] = (out[-1][0], day)
        else:
            out.append((day, day))
    return out


def span_of(first: date, last: date) -> str:
    return first.isoformat() if first == last else f"{first} to {last}"


def unbounded() -> str:
    return (
        "The evidence does not tell from when to when this server was open to the flaw, so all days since would have to be"
        " covered; give --since and --until to judge a period."
    )


def no_needs(pack: Pack) -> str:
    return f"The rules of {pack.name} say nothing about which evidence they need, so finding nothing with them proves nothing."


def before_campaign(pack: Pack) -> str:
    return f"{ENDS_BEFORE} {pack.title} was first seen anywhere ({pack.first_exploited})."


def never_open(pack: Pack) -> str:
    return (
        f"The flaw {pack.entry_cve} was not open on this server on any day since {pack.title} was first seen anywhere"
        f" ({pack.first_exploited}); the readings prove it."
    )


def ends_before(pack: Pack, end: datetime | None) -> str:
    until = f"ends on {end.date()}" if end else "has no dated rows"
    return f"The evidence {until}; {pack.title} was first seen on {pack.first_exploited}, so it cannot show what came after."


def mixed(servers: Sequence[str]) -> str:
    return f"The evidence mixes {len(servers)} servers ({', '.join(servers[:5])}); assess each one by itself."


def hidden(lost: Hidden, coverage: Coverage, window: Window, server: str) -> str:
    """Which days of which kind of evidence are missing, and what there is of it."""
    spans = [
        s for s in coverage.spans if any(seen.fits(s) for seen in lost.need.any_of) and (not server or s.server in ("", server))
    ]
    whose = f" of {server}" if server else ""
    if not spans:
        kinds = ", ".join(dict.fromkeys(source_name(seen.kind, seen.channel) for seen in lost.need.any_of))
        if any(blind(gap, seen.kind) for gap in coverage.gaps for seen in lost.need.any_of):
            return f"What came of {lost.need.name}{whose} (any of: {kinds}) lacks columns that are needed; the gaps name them."
        return f"Not in the evidence: {lost.need.name}{whose} (any of: {kinds})."
    first = min(s.first for s in spans if s.first).date()
    last = max(s.last for s in spans if s.last).date()
    had = f"are of {first} only" if first == last else f"reach from {first} to {last}"
    runs = ranges(lost.days)
    shown = ", ".join(span_of(a, b) for a, b in runs[:RANGES_SHOWN])
    more = f" and {len(runs) - RANGES_SHOWN} more" if len(runs) > RANGES_SHOWN else ""
    return (
        f"Rows of the {lost.need.name}{whose} {had}; judged are {span_of(window.since, window.until)}, so"
        f" {number(len(lost.days), 'day')} cannot be judged: {shown}{more}."
    )


def blind(gap: Gap, kind: str) -> bool:
    """A log of this kind came, but without a column that its rules need."""
    return gap.kind == kind and gap.cause == Cause.ABSENT and gap.source is not None


def source_name(kind: str, channel: str = "*") -> str:
    """Words for a kind of evidence."""
    names = {
        "iis.access": "IIS log",
        "iis.httperr": "HTTPERR log",
        "iis.config": "IIS configuration",
        "exchange.httpproxy": "HttpProxy log",
        "exchange.ecp-server": "ECP Server log",
        "exchange.ecp-activity": "ECP Activity log",
        "exchange.oabgenerator": "OABGeneratorLog",
        "exchange.ews": "EWS log",
        "exchange.rps-http": "Rps_Http log",
        "exchange.rps-cmdlet": "Rps_Cmdlet log",
        "windows.event": "event log",
        "web.folder": "listing of",
        "web.file": "web files",
        "aspnet.compiled": "compiled pages",
        "file.entry": "files",
    }
    name = names.get(kind, kind)
    return name if channel in ("*", "") or channel.lower() in name.lower().split() else f"{name} {channel}"


def lost(gaps: Sequence[Gap]) -> list[str]:
    """One sentence for each cause of loss that limits a verdict."""
    out: list[str] = []
    for cause in Cause:
        some = [g for g in gaps if g.cause == cause]
        if some:
            files = {g.source.path for g in some if g.source}
            where = f", e.g. {_short(sorted(files)[0])}" if files else ""
            out.append(f"{number(max(len(files), 1), 'file')} {COULD_HOLD} {_were(files)} {_LOST[cause]}{where}.")
    return out


def _were(files: Iterable[str]) -> str:
    return "were" if len(set(files)) > 1 else "was"


def _short(path: str) -> str:
    kept = "".join(c if c.isprintable() else "?" for c in path)
    return kept if len(kept) <= 120 else f"…{kept[-119:]}"


def named(finding: Finding) -> str:
    """The same in a few words: title and name."""
    name = thing_of(finding).name
    return f"{finding.title}: “{_short(name)}”" if name and finding.record.kind != "windows.event" else finding.title


def told(finding: Finding) -> str:
    """A thing that has to be explained, by all that it is known by: name, file or command, product, hash, place."""
    thing, record = thing_of(finding), finding.record
    known = [f"“{_short(thing.name)}”"] if thing.name else []
    known += [_short(text) for text in (thing.dll, thing.path) if text]
    known += [f"of {record.text('product')} by its name and folder"] if record.text("product") else []
    known += [f"SHA-256 {thing.sha256}"] if thing.sha256 else []
    return f"{finding.title}: {', '.join(known) or _short(str(finding.source))}"


def place(reading: Reading) -> str:
    """Where a reading stands, short enough for a sentence."""
    return _short(str(reading.source))


def joined(items: Sequence[str], most: int = 5) -> str:
    """``a, b and c``; after ``most`` items the rest is counted."""
    shown = [_short(i) for i in items[:most]]
    if len(items) > most:
        return f"{', '.join(shown)} and {len(items) - most:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
