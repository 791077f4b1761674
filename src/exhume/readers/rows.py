"""From blocks of lines to records, gaps and spans: shape first, sieve second.

Every line is looked at once for its shape, at native speed and whole blocks at a time: does it start with a time, has it as
many cells as its header has names, does it name the server that the file is of? Only lines that do not fit are looked at
singly, by the dialect. From this come the spans, the gaps and the readings, so they cannot depend on the sieve. Then the sieve
names the lines that a rule could match, and only these become records.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO, TypeAlias

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.dialect import Dialect, Identity, Layout, Look
from exhume.readers.lines import BLOCK, BOM, LONGEST, NUL_RUN, Defects, Lines
from exhume.readers.stamps import Hours, Mask

Yield: TypeAlias = Record | Gap | Reading

BUSY = frozenset({"iis.access", "exchange.httpproxy"})
"""Logs that are written around the clock (docs/reference/records.md)."""
TORN = "Torn rows, or rows that have not the cells their header names: {count}; they were read as far as possible"
CUT = "The last row is cut off"
NULS = "Places filled with NUL bytes (as after a power loss, or space that was never written): {count}; text there is lost"
LOST = "Text overwritten with NUL bytes in the middle of the file: as much as about {count} rows are lost"
ROW = 256
"""Bytes by which lost text is counted in rows: rows of IIS and Exchange logs are this long or longer."""
NO_TIME = "Rows whose time could not be read: {count}; they count for no day"
EMPTY = "The file is empty"


class LineLog:
    """Reads one file of one dialect. See ``Reader.read`` for what comes out."""

    def __init__(
        self, file: File, dialect: Dialect, sieve: Sieve | None, *, block: int = BLOCK, longest: int = LONGEST
    ) -> None:
        self._file, self._dialect, self._sieve = file, dialect, sieve
        self._block, self._longest = block, longest
        self._defects = Defects()
        self._logs: dict[Identity, Hours] = {}
        self._stray = Hours()
        """Torn rows: nothing in them tells reliably whose they are."""
        self._begun: Layout | None = None

    def read(self, stream: BinaryIO) -> Generator[Yield, None, list[Span]]:
        blocks = Lines(stream, self._defects, self._block, self._longest)
        carried, number = b"", 1
        for block in blocks:
            if carried and number + carried.count(b"\n") != block.number:  # a line between was given up
                yield from self._take(carried, carried.split(b"\n")[:-1], number, final=True)
                carried = b""
            data, lines, number = block.data, block.lines, number if carried else block.number
            if carried:
                data = carried + data
                lines = carried.split(b"\n")[:-1] + lines
            used = yield from self._take(data, lines, number, final=False)
            carried = data[used:]
            if carried:
                number += data.count(b"\n", 0, used)
        if carried:
            yield from self._take(carried, carried.split(b"\n")[:-1], number, final=True)
        if blocks.nuls >= ROW:
            self._defects.add(Cause.DAMAGED, LOST, "file", blocks.nuls // ROW)
        if not blocks.size:
            self._defects.add(Cause.DAMAGED, EMPTY, "file")
        yield from self._dialect.end()
        spans = self._spans()
        first = spans[0] if spans else None
        yield from self._defects.gaps(
            self._dialect.kind, self._file, first.channel if first else "", first.server if first else ""
        )
        return spans

    def _spans(self) -> list[Span]:
        """Logs in which no row has a readable time give none: a span without times would stand for all days."""
        home = next((h for h in self._logs.values() if h.first), None) or self._log(self._main())
        home.join(self._stray)
        return [
            Span(kind, channel, server, self._file.folder, h.records, h.first, h.last, frozenset(h.hours), kind in BUSY)
            for (kind, channel, server), h in self._logs.items()
            if h.first
        ]

    def _take(self, data: bytes, lines: list[bytes], number: int, *, final: bool) -> Generator[Yield, None, int]:
        """One block. Gives back how many bytes were used; the rest waits for what follows."""
        whole = data.endswith(b"\n")
        nuls = b"\0" in data and NUL_RUN in data
        final = final or not whole  # only the end of a file lacks its newline
        wanted = _Wanted(self._sieve, data, len(lines))
        start = 0
        while start < len(lines):
            marks, mask = self._dialect.heads, self._dialect.mask
            fit = mask.misfits(lines) if mask and not start else None
            maybe = fit[1] if fit else range(start, len(lines))  # no header looks like the start of a row
            heads = [i for i in maybe if lines[i].startswith(marks)]
            for stop in [*heads, len(lines)]:
                part = _Part(
                    lines, start, stop, number, final or stop < len(lines), not whole and stop == len(lines), fit, mask
                )
                done = yield from self._run(part, wanted, nuls)
                if done < stop:
                    return sum(len(line) + 1 for line in lines[:done])
                start = stop
                if stop == len(lines):
                    break
                start += 1
                if not self._dialect.head(_bare(lines[stop]), number + stop):
                    closed, last = final or start < len(lines), not whole and start == len(lines)
                    yield from self._run(_Part(lines, stop, start, number, closed, last), wanted, True)
                if self._dialect.heads is not marks:  # another header: other lines may be headers now
                    break
        return len(data)

    def _run(self, part: _Part, wanted: _Wanted, nuls: bool) -> Generator[Yield, None, int]:
        """The lines of one block under one header. Gives back the index of the first line that was not used."""
        if part.start >= part.stop:
            return part.stop
        dialect = self._dialect
        if dialect.mask is None and dialect.layout is not None:
            dialect.learn(part.lines[part.start : min(part.stop, part.start + 8)])
        starts, odd = self._odd(part, nuls)
        rows = _Rows(part)
        for i in odd:
            if i >= part.stop:
                break
            if not self._look(i, part, rows):
                part.stop = i
                break
        if dialect.layout is not self._begun or self._begun is None:
            yield from self._begin(part, rows)
        self._count(part, rows, starts, odd)
        yield from self._records(part, rows, wanted)
        if 2 * len(odd) > part.stop - part.start:
            dialect.mask = None  # learn it anew: another build of the server may write its times otherwise
        return part.stop

    def _odd(self, part: _Part, nuls: bool) -> tuple[list[bytes], list[int]]:
        """Starts of all lines, and the lines that must be looked at singly."""
        layout, mask = self._dialect.layout, self._dialect.mask
        lines = part.lines if part.whole else part.lines[part.start : part.stop]
        if layout is None or mask is None:
            return [], list(range(part.start, part.stop))
        starts, misfit = part.fit if part.whole and part.fit and part.mask is mask else mask.misfits(lines)
        odd = set(misfit)
        none = self._hours_of_none(starts, mask, odd)
        if none:
            odd.update(i for i, s in enumerate(starts) if s[mask.start : mask.start + 13] in none)
        expected, delimiter = len(layout.names) - 1, layout.delimiter
        counts = [line.count(delimiter) for line in lines]
        quotes = [i for i, line in enumerate(lines) if b'"' in line] if layout.quoted else []
        if counts.count(expected) != len(lines):
            many = {i for i, count in enumerate(counts) if count != expected}
            many.difference_update(quotes)
            odd |= many
        odd.update(i for i in quotes if not _quoted_well(lines[i], delimiter, expected))
        if nuls:
            odd.update(i for i, line in enumerate(lines) if NUL_RUN in line)
        return starts, [part.start + i for i in sorted(odd)]

    def _hours_of_none(self, starts: list[bytes], mask: Mask, odd: set[int]) -> frozenset[bytes]:
        good = [s for i, s in enumerate(starts) if i not in odd] if odd else starts
        return self._log(self._main()).no_hours(good, mask)

    def _look(self, i: int, part: _Part, rows: _Rows) -> bool:
        """One line that does not fit. False when the answer needs lines that are not here yet."""
        line = part.lines[i]
        if i in rows.skipped:
            return True
        if b"\0" in line and (line.startswith(b"\0") or line.rstrip(b"\r").endswith(b"\0") or NUL_RUN in line):
            self._defects.add(Cause.DAMAGED, NULS, f"line {part.number + i}", max(1, line.count(NUL_RUN)))
            pieces = [_bare(p.strip(b"\0")) for p in line.split(NUL_RUN)]
            rows.pieces[i] = [p for p in pieces if p and not (p[:1] in b"#\xef" and self._dialect.head(p, part.number + i))]
        else:
            bare = _bare(line)
            if not bare:
                rows.skipped.add(i)
                return True
            look = self._dialect.look(part.lines, i, part.stop)
            if look.more and not part.closed:
                return False
            if look.more and part.unended and i == len(part.lines) - 1:
                look = replace(look, torn=True)  # the file ends within a quoted cell
            if look.ends:
                rows.pieces[i] = [_bare(b"\n".join(part.lines[i : i + look.ends + 1]))]
                rows.skipped.update(range(i + 1, i + look.ends + 1))
                rows.owner.update((j, i) for j in range(i + 1, i + look.ends + 1))
            self._note(i, part, rows, look)
            return True
        for piece in rows.pieces[i]:
            self._note(i, part, rows, self._dialect.look([piece], 0, 1))
        if not rows.pieces[i]:
            rows.skipped.add(i)
        return True

    def _note(self, i: int, part: _Part, rows: _Rows, look: Look) -> None:
        rows.times.setdefault(i, []).append(look.time)
        if look.torn:
            rows.torn.add(i)
        place = f"line {part.number + i}"
        if look.torn and part.unended and i + look.ends == len(part.lines) - 1:
            self._defects.add(Cause.DAMAGED, CUT, place)
        elif look.torn:
            self._defects.add(Cause.DAMAGED, TORN, place)
        elif look.time is None and not look.timeless:
            self._defects.add(Cause.DAMAGED, NO_TIME, place)

    def _begin(self, part: _Part, rows: _Rows) -> Iterator[Reading]:
        """Shows the first good row under this header to the dialect."""
        for i in range(part.start, part.stop):
            if i in rows.skipped or i in rows.torn:
                continue
            times = rows.times.get(i)
            time = times[0] if times else self._dialect.look(part.lines, i, i + 1).time
            yield from self._dialect.begin(rows.of(i)[0], part.number + i, time)
            self._begun = self._dialect.layout
            return

    def _main(self) -> Identity:
        return self._dialect.identity(b"")

    def _log(self, identity: Identity) -> Hours:
        return self._logs.setdefault(identity, Hours())

    def _count(self, part: _Part, rows: _Rows, starts: list[bytes], odd: list[int]) -> None:
        """Adds the rows to the log that they belong to."""
        dialect, mask = self._dialect, self._dialect.mask
        main = self._log(self._main())
        single: set[int] = {i for i in odd if i < part.stop}
        strange: set[int] = set()
        if mask is not None:
            lines = part.lines if part.whole else part.lines[part.start : part.stop]
            if dialect.loose:
                strange = set(range(part.start, part.stop)) - single
            for token in dialect.tokens:
                strange.update(part.start + i for i, line in enumerate(lines) if token not in line)
            strange -= single
            strange -= rows.skipped
            fits = starts[: part.stop - part.start]
            if single or strange or rows.skipped:
                out = single | strange | rows.skipped
                fits = [s for i, s in enumerate(fits, part.start) if i not in out]
            main.records += len(fits)
            main.add_starts(fits, mask)
        others: dict[Identity, list[bytes]] = {}
        for i in sorted(strange):
            others.setdefault(dialect.identity(_bare(part.lines[i])), []).append(starts[i - part.start])
        for identity, begun in others.items():
            log = self._log(identity)
            log.records += len(begun)
            if mask is not None:
                log.add_starts(begun, mask)
        for i in sorted(single - rows.skipped):
            for row, time in zip(rows.of(i), rows.times.get(i, ()), strict=False):
                log = self._stray if i in rows.torn else self._log(dialect.identity(row))
                log.records += 1
                if time:
                    log.add(time)

    def _records(self, part: _Part, rows: _Rows, wanted: _Wanted) -> Iterator[Record]:
        done = -1
        found = wanted.of(self._dialect.kind)
        for index in found[bisect_left(found, part.start) : bisect_left(found, part.stop)]:
            i = rows.owner.get(index, index)
            if i <= done or (i in rows.skipped):
                continue
            done = i
            for row in rows.of(i):
                yield self._dialect.record(row, part.number + i)


@dataclass(slots=True)
class _Part:
    """Lines of a block under one header: ``lines[start:stop]``."""

    lines: list[bytes]
    start: int
    stop: int
    number: int
    """Line number of ``lines[0]``."""
    closed: bool
    """Nothing that follows can belong to the last row."""
    unended: bool
    """The last line of the file has no newline."""
    fit: tuple[list[bytes], list[int]] | None = None
    """What ``mask`` said of all the lines."""
    mask: Mask | None = None

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.stop == len(self.lines)


class _Wanted:
    """Which lines of a block become records."""

    def __init__(self, sieve: Sieve | None, data: bytes, lines: int) -> None:
        self._sieve, self._data, self._lines = sieve, data, lines
        self._kinds: dict[str, Sequence[int]] = {}

    def of(self, kind: str) -> Sequence[int]:
        """Their indices, ascending, if they are rows of this kind."""
        if kind not in self._kinds:
            self._kinds[kind] = self._found(kind)
        return self._kinds[kind]

    def _found(self, kind: str) -> Sequence[int]:
        offsets = self._sieve.candidates(self._data, kind) if self._sieve else None
        if offsets is None:
            return range(self._lines)
        found: list[int] = []
        index = place = 0
        for offset in offsets:
            start = self._data.rfind(b"\n", 0, offset) + 1
            if found and start <= place and found[-1] == index:
                continue
            index += self._data.count(b"\n", place, start)
            place = start
            found.append(index)
        return found


class _Rows:
    """What was found out about the odd lines of a part."""

    def __init__(self, part: _Part) -> None:
        self._lines = part.lines
        self.skipped: set[int] = set()
        """Lines that are no row of their own."""
        self.owner: dict[int, int] = {}
        """Line that goes on a row: the line the row begins in."""
        self.pieces: dict[int, list[bytes]] = {}
        """Lines that hold no row, or several, or only the beginning of one: the rows."""
        self.times: dict[int, list[datetime | None]] = {}
        self.torn: set[int] = set()

    def of(self, i: int) -> list[bytes]:
        return self.pieces[i] if i in self.pieces else [_bare(self._lines[i])]


def _bare(line: bytes) -> bytes:
    """Without line end and byte order mark."""
    line = line.rstrip(b"\r")
    return line.removeprefix(BOM) if line[:1] == b"\xef" else line


def _quoted_well(line: bytes, delimiter: bytes, expected: int) -> bool:
    """Is every quote of the line the beginning or end of a whole cell (or doubled within one), and the count of cells right?

    A quick proof; lines for which it fails are looked at singly.
    """
    parts = line.rstrip(b"\r").split(b'"')
    if len(parts) % 2 == 0:
        return False
    outside = parts[::2]
    if outside[0] and not outside[0].endswith(delimiter):
        return False
    if outside[-1] and not outside[-1].startswith(delimiter):
        return False
    for part in outside[1:-1]:
        if part and not (part.startswith(delimiter) and part.endswith(delimiter)):
            return False
    return sum(part.count(delimiter) for part in outside) == expected
