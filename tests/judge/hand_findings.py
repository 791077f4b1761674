"""Findings made by hand, for tests of the judge."""

from datetime import UTC, datetime

from exhume.model import Because, Confidence, Finding, Outcome, Record, Rule, Severity, Source

NOON = datetime(2021, 3, 3, 12, 0, tzinfo=UTC)


def found(
    trace: str,
    outcome: Outcome,
    *,
    confidence: Confidence = Confidence.MEDIUM,
    ambiguous: bool = False,
    decisive: bool = False,
    own: bool = True,
    shows: str = "",
    at: datetime = NOON,
    page: str = "",
    address: str = "",
    who: str = "",
    canary: str = "",
) -> Finding:
    """A finding on one row that has these values."""
    rule = Rule(
        *(f"r-{trace}", "webshell", f"title of {trace}", outcome, Severity.HIGH, confidence, decisive),
        own=own,
        trace=trace,
        ambiguous=ambiguous,
        shows=shows,
    )
    row = sum(trace.encode())  # each trace has a row of its own
    if page or address or canary:
        fields = {"cs-uri-stem": page, "c-ip": address, "cs-username": who, "cs-method": "POST"}
        if canary:
            fields["cs-uri-query"] = f"msExchEcpCanary={canary}"
        record = Record(
            "iis.access", at, {k: v for k, v in fields.items() if v}, Source("e", "a.log", f"line {row}"), server="EX01"
        )
    else:
        record = Record(
            "windows.event", at, {"EventID": 1, "SubjectUserName": who}, Source("e", "a.evtx", f"record {row}"), server="EX01"
        )
    return Finding.of(rule, record, [Because("field", "value", "test")])
