"""An export of the Security log through a filter is no log without events: the numbers of the records tell."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from exhume.judge.verdict import Days, limits_of
from exhume.model import Cause, Coverage, File, Gap, Need, Pack, Seen, Window
from exhume.readers.events import Events

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def event(number, time, channel="Security"):
    return (
        f"<Event xmlns='{NAMESPACE}'><System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4624</EventID>"
        f"<TimeCreated SystemTime='2021-03-{time}Z'/><EventRecordID>{number}</EventRecordID><Channel>{channel}</Channel>"
        "<Computer>ex01</Computer></System><EventData/></Event>\n"
    )


def read(text):
    generator, gaps = Events().read(io.BytesIO(text.encode()), File("e", "Security.xml"), None), []
    while True:
        try:
            item = next(generator)
        except StopIteration as end:
            return gaps, tuple(end.value)
        if isinstance(item, Gap):
            gaps.append(item)


def asks(channel):
    return Pack("x", "1", "X", "0", needs=(Need("events", (Seen("windows.event", channel),)),), own=True)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_silence_in_which_the_numbers_went_on_is_told_and_limits(newest_first):
    rows = [event(4001, "01T00:10:00"), event(4002, "01T00:11:00"), event(4240, "03T23:00:00")]
    (gap,), spans = read("".join(reversed(rows) if newest_first else rows))
    assert (gap.cause, gap.count, gap.channel) == (Cause.DAMAGED, 237, "Security")
    assert (gap.since, gap.until) == (datetime(2021, 3, 1, 1, tzinfo=UTC), datetime(2021, 3, 3, 23, tzinfo=UTC))
    days = Days(Window(date(2021, 3, 1), date(2021, 3, 3)), bounded=True)
    assert limits_of(asks("Security"), Coverage(spans, (gap,)), days, ())
    other = asks("MSExchange Management")
    whole = tuple(replace(s, channel="MSExchange Management") for s in spans)
    assert limits_of(other, Coverage(whole, (gap,)), days, ()) == (), "this campaign does not ask for that log"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([event(4001, "01T00:10:00"), event(4002, "03T23:00:00")], id="the machine was off"),
        pytest.param([event(4001, "01T00:10:00"), event(4240, "01T05:00:00")], id="no silence"),
        pytest.param([event(1, "01T00:10:00", "Setup"), event(500, "03T05:00:00", "Setup")], id="a log that is often silent"),
    ],
)
def test_what_is_no_filter_is_not_told(rows):
    gaps, _ = read("".join(rows))
    assert gaps == []
