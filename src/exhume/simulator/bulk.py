"""Background of any size, fast: minutes of ordinary traffic are rendered once, and only times, ids and addresses put in anew.

A template is one minute of requests in every log. It is cut at each place that changes; a minute of a log is then a tuple of
pieces and one join. The same minute has the same ids in every log, so front end and back end still fit together.
"""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter

from exhume.simulator import people
from exhume.simulator.desk import Desk, kept_days
from exhume.simulator.places import Chunk

_MINUTE = datetime(1987, 11, 23, 4, 57, tzinfo=UTC)
"""Stands in templates for the minute to come: a text that nothing else in a row holds."""
_MARK = "9e9e9e9e"
"""Stands in templates for the first eight digits of every id."""
_CUT = re.compile(rb"(1987-11-23[ T]04:57|9e9e9e9e|198\.51\.100\.\d+)")
_SPAN = 47_000
"""Milliseconds of a minute in which people begin something: the longest takes 12 seconds."""


class _Draft(Desk):
    """A desk whose ids begin with the mark."""

    def guid(self) -> str:
        return _MARK + Desk.guid(self)[8:]


@dataclass(slots=True)
class _Template:
    """One minute of one log, cut at what changes."""

    pieces: tuple[bytes, ...]
    picks: Callable[[list[bytes]], tuple[bytes, ...]]
    """Picks pieces and changing values in the order of the text."""

    def fill(self, values: list[bytes]) -> bytes:
        return b"".join(self.picks([*values, *self.pieces]))


def _cut(text: bytes) -> _Template:
    pieces: dict[bytes, int] = {}
    order: list[int] = []
    for number, part in enumerate(_CUT.split(text)):
        if number % 2 == 0:
            order.append(_FIXED + pieces.setdefault(part, len(pieces)))
        elif part == _MARK.encode():
            order.append(2)
        elif part.startswith(b"1987"):
            order.append(0 if b"T" in part else 1)
        else:
            order.append(3 + int(part.rpartition(b".")[2]) % _ADDRESSES)
    order.append(_FIXED + pieces.setdefault(b"", len(pieces)))
    return _Template(tuple(pieces), itemgetter(*order))


_ADDRESSES = 8
_FIXED = 3 + _ADDRESSES
"""Where a template's own pieces begin: after two forms of the minute, the id's beginning, and the addresses."""


@dataclass(slots=True)
class Bulk:
    """More background for one server."""

    desk: Desk
    since: date
    until: date
    per_weight: float
    """Requests a minute and unit of ``people.weight``."""
    logs: set[str] = field(default_factory=set)
    _made: dict[int, dict[str, _Template]] = field(default_factory=dict)

    @classmethod
    def of(cls, desk: Desk, since: date, until: date, size: int) -> Bulk:
        """Background of about ``size`` bytes, spread as people work."""
        bulk = cls(desk, since, until, 0)
        sample = bulk._draft(400)
        each = sum(len(t) for log, t in sample.items() if bulk._days(log)) / 400
        weights = 60 * sum(people.weight(hour) for hour in bulk._hours())
        bulk.per_weight = size / max(1.0, each * weights)
        bulk.logs = {log for log in sample if bulk._days(log)}
        return bulk

    def chunks(self, log: str) -> Iterator[Chunk]:
        """The log minute by minute."""
        if log not in self.logs:
            return
        first, last = self._days(log) or (date.max, date.min)
        for hour in self._hours():
            if not first <= hour.date() <= last:
                continue
            count = max(1, round(self.per_weight * people.weight(hour)))
            template = self._template(count, log)
            if template is None:
                continue
            day = f"{hour:%Y-%m-%d}"
            for number in range(60):
                moment = hour + timedelta(minutes=number)
                clock = f"{hour:%H}:{number:02d}"
                serial = int(moment.timestamp()) // 60
                values = [f"{day}T{clock}".encode(), f"{day} {clock}".encode(), f"{serial:08x}".encode()]
                values += [b"198.51.100.%d" % (20 + (serial * 7 + n * 29) % 230) for n in range(_ADDRESSES)]
                yield moment, template.fill(values)

    def _hours(self) -> Iterator[datetime]:
        hour = datetime.combine(self.since, time(), UTC)
        end = datetime.combine(self.until, time(), UTC) + timedelta(days=1)
        while hour < end:
            yield hour
            hour += timedelta(hours=1)

    def _days(self, log: str) -> tuple[date, date] | None:
        return kept_days(self.desk.keep, log)

    def _template(self, count: int, log: str) -> _Template | None:
        if count not in self._made:
            self._made[count] = {name: _cut(text) for name, text in self._draft(count).items()}
        return self._made[count].get(log)

    def _draft(self, count: int) -> dict[str, bytes]:
        """So many requests of one minute, in every log, in the order of time."""
        draft = _Draft(self.desk.server, self.desk.build, random.Random(f"{self.desk.server}/{count}"))  # noqa: S311
        for _ in range(count):
            people.one(draft, _MINUTE + timedelta(milliseconds=draft.chance.randrange(_SPAN)))
        return {
            log: "".join(text for _, text in sorted(written, key=itemgetter(0))).encode() for log, written in draft.logs.items()
        }


def merged(own: Iterable[Chunk], more: Iterable[Chunk]) -> Iterator[Chunk]:
    """Two logs as one, in the order of time."""
    return heapq.merge(own, more, key=itemgetter(0))
