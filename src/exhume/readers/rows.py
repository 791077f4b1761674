"""From blocks of lines to records, gaps and spans: shape first, sieve second.

Every line is looked at once for its shape, at native speed and whole blocks at a time: does it start with a time, has it as
many cells as its header has names, does it name the server that the file is of? Only lines that do not fit are looked at
singly, by the dialect. From this come the spans, the gaps and the readings, so they cannot depend on the sieve. Then the sieve
names the lines that a rule could match, and only these become records.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, TypeAlias

from exhume.model import Cause, File, Gap, Reading, Record, Sieve, Span
from exhume.readers.dialect import Dialect, Identity, Layout, Look
from exhume.readers.ledger import Ledger
from exhume.readers.lines import BLOCK, BOM, LONGEST, NUL_RUN, Defects, Lines, Until
from exhume.readers.parts import Part, Rows, Wanted, bare
from exhume.readers.shape import Shape, counted, dated, prove, quoted_well
from exhume.readers.stamps import Hours, Mask

Yield: TypeAlias = Record | Gap | Reading
Whole: TypeAlias = Callable[[bytes, int, int, Dialect], bool]
"""Gets a piece that is proven to hold good rows of the file's own log only, one a line: its bytes, the number of its first
line, how many rows, and the dialect with the header in force. True: it keeps them, and no records are made of them."""

TORN = "Torn rows, or rows that have not the cells their header names: {count}; they were read as far as possible"
CUT = "The last row is cut off"
NULS = "Places filled with NUL bytes (as after a power loss, or space that was never written): {count}; text there is lost"
LOST = "Text overwritten with NUL bytes in the middle of the file: as much as about {count} rows are lost"
ROW = 256
"""Bytes by which lost text is counted in rows: rows of IIS and Exchange logs are this long or longer."""
SMALL = 4 << 10
"""Bytes of a piece that is not halved again."""
MANY = 8
"""Every how many-th row must have quotes for the whole piece to be searched as if all had."""
WORTH = 1 << 10
"""Bytes of a piece from which on the proof is quicker than reading its lines."""
NO_TIME = "Rows whose time could not be read: {count}; they count for no day"
EMPTY = "The file is empty"


class LineLog:
    """Reads one file of one dialect. See ``Reader.read`` for what comes out."""

    def __init__(
        self,
        file: File,
        dialect: Dialect,
        sieve: Sieve | None,
        *,
        block: int = BLOCK,
        longest: int = LONGEST,
        whole: Whole | None = None,
    ) -> None:
        self._file, self._dialect, self._sieve = file, dialect, sieve
        self._block, self._longest, self._whole = block, longest, whole
        self._defects = Defects()
        self._ledger = Ledger()
        self._begun: Layout | None = None
        self._zeros = False
        """There may be NUL bytes in the block, or in lines that wait."""
        self._number = 1
        """Of the first line that is not used up."""
        self._carried = b""
        """Lines that wait for those which follow."""

    def read(self, stream: BinaryIO) -> Generator[Yield, None, list[Span]]:
        return (yield from self._read(Lines(stream, self._defects, self._block, self._longest)))

    def read_slice(self, stream: BinaryIO, begin: int, end: int) -> Generator[Yield, None, list[Span]]:
        """See ``model.SlicedReader``."""
        number = self._over(stream, begin) if begin else 1
        rest = Until(stream, end - begin)
        return (yield from self._read(Lines(rest, self._defects, self._block, self._longest, number=number)))

    def _over(self, stream: BinaryIO, begin: int) -> int:
        """Goes over what comes before a slice for the headers in force and the number of its first line, which is given back.
        The first rows are read like any, since they tell whose the log is; so are blocks in which lines may hide."""
        blocks = Lines(Until(stream, begin), self._defects, self._block, self._longest)
        for block in blocks:
            self._zeros, self._number = blocks.zeros, block.number
            if self._begun is None or self._zeros or (BOM[:1] in block.data and b"\n" + BOM in b"\n" + block.data):
                deque(self._through(block.data), 0)
                continue
            block.lines, comments = counted(block.data)
            for line, start in comments:
                self._dialect.head(bare(block.data[start:].partition(b"\n")[0]), block.number + line)
        self._defects, self._ledger, self._carried = Defects(), Ledger(), b""
        return blocks.number

    def _read(self, blocks: Lines) -> Generator[Yield, None, list[Span]]:
        for block in blocks:
            self._zeros = blocks.zeros
            waiting = self._carried.count(b"\n")
            if waiting and self._number + waiting != block.number:  # a line between was given up
                yield from self._flush()
            if not self._carried:
                self._number = block.number
            yield from self._through(block.data)
            block.lines = self._number + self._carried.count(b"\n") - block.number
        yield from self._flush()
        if blocks.nuls >= ROW:
            self._defects.add(Cause.DAMAGED, LOST, "file", blocks.nuls // ROW)
        if not blocks.size and blocks.number == 1:
            self._defects.add(Cause.DAMAGED, EMPTY, "file")
        yield from self._dialect.end()
        spans = self._ledger.spans(self._file, self._main(), self._defects)
        channel, server = (spans[0].channel, spans[0].server) if spans else self._main()[1:]
        yield from self._defects.gaps(self._dialect.kind, self._file, channel, server)
        return spans

    def _through(self, data: bytes) -> Generator[Yield, None, None]:
        """One block. It is halved, and halved again, until a piece is proven to be regular or is small enough to be read line
        by line, so that one odd row costs no more than a few milliseconds."""
        todo = [data]
        while todo:
            piece = todo.pop()
            ready = self._ready()
            if ready and self._passed(piece):
                continue
            shape = self._prove(piece) if ready else None
            if shape is not None:
                yield from self._proven(piece, shape)
                continue
            part = max(SMALL, len(piece) // 2 if ready else 0)  # a header, or the first row after it: the rest may be regular
            cut = piece.find(b"\n", part) + 1 if len(piece) > 2 * SMALL else 0
            if 0 < cut < len(piece):
                todo += [piece[cut:], piece[:cut]]
                continue
            piece = self._carried + piece
            used = yield from self._take(piece, self._number, final=False)
            self._number += piece.count(b"\n", 0, used)
            self._carried = piece[used:]

    def _flush(self) -> Generator[Yield, None, None]:
        """What waited for more lines gets none."""
        if self._carried:
            yield from self._take(self._carried, self._number, final=True)
        self._carried = b""

    def _ready(self) -> bool:
        """Is enough known of the file to prove anything of its rows?"""
        dialect = self._dialect
        begun = dialect.layout is not None and dialect.layout is self._begun
        return begun and dialect.mask is not None and not dialect.loose and self._proves and not self._carried

    @property
    def _proves(self) -> bool:
        """Without a sieve every row becomes a record anyhow, unless proven pieces are taken whole."""
        return self._sieve is not None or self._whole is not None

    def _passed(self, data: bytes) -> bool:
        """Counts lines of which none becomes a record. Rows that go on in other lines have a quote; headers begin like none."""
        sieve, layout = self._sieve, self._dialect.layout
        if sieve is None or not sieve.brief or layout is None or self._zeros or (layout.quoted and b'"' in data):
            return False
        named = sieve.candidates(data, self._dialect.kind)
        lines = dated(data) if named is not None and not len(named) else 0
        self._number += lines
        return bool(lines)

    def _prove(self, data: bytes) -> Shape | None:
        """The shape of a piece that holds only good rows of the file's own log."""
        layout, mask = self._dialect.layout, self._dialect.mask
        if layout is None or mask is None or len(data) < WORTH or not data.endswith(b"\n"):
            return None
        shape = prove(data, layout, mask, self._dialect.tokens, nuls=self._zeros)
        main = self._log(self._main())
        return shape if shape and all(main.hour(hour) is not None for hour in shape.hours) else None

    def _proven(self, data: bytes, shape: Shape) -> Generator[Yield, None, None]:
        """Counts the rows of a proven piece and gives out those that a rule could match."""
        self._ledger.under(self._dialect.layout, self._number)
        main, count = self._log(self._main()), len(shape.ends)
        main.records += count
        main.add_span(shape.hours, (shape.first, shape.last))
        number, self._number = self._number, self._number + count
        if self._whole and self._dialect.layout and self._whole(data, number, count, self._dialect):
            return
        for i in self._matching(data, shape):
            yield self._dialect.record(bare(shape.row(data, i)), number + i)

    def _matching(self, data: bytes, shape: Shape) -> Sequence[int]:
        """Indices of the rows that a rule could match, ascending. Rows with quotes may hold delimiters within their cells."""
        kind, layout = self._dialect.kind, self._dialect.layout
        if self._sieve is None or layout is None:
            return range(len(shape.ends))
        whole = len(shape.quoted) > len(shape.ends) // MANY
        offsets = self._sieve.candidates(data, kind, "" if whole else layout.delimiter.decode())
        if offsets is None:
            return range(len(shape.ends))
        rows = set(shape.ends.searchsorted(offsets).tolist())
        if shape.quoted and not whole:
            apart = Wanted(self._sieve, b"\n".join(shape.row(data, i) for i in shape.quoted), len(shape.quoted))
            rows.update(shape.quoted[i] for i in apart.of(kind))
        return sorted(rows)

    def _take(self, data: bytes, number: int, *, final: bool) -> Generator[Yield, None, int]:
        """Lines, one by one where they are odd. Gives back how many bytes were used; the rest waits for what follows."""
        lines = data.split(b"\n")
        whole = not lines[-1]
        if whole:
            lines.pop()
        nuls = b"\0" in data and NUL_RUN in data
        final = final or not whole  # only the end of a file lacks its newline
        wanted = Wanted(self._sieve, data, len(lines))
        start = 0
        while start < len(lines):
            marks, mask = self._dialect.heads, self._dialect.mask
            fit = mask.misfits(lines) if mask and not start else None
            maybe = fit[1] if fit else range(start, len(lines))  # no header looks like the start of a row
            heads = [i for i in maybe if lines[i].startswith(marks)]
            for stop in [*heads, len(lines)]:
                part = Part(lines, start, stop, number, final or stop < len(lines), not whole and stop == len(lines), fit, mask)
                done = yield from self._run(part, wanted, nuls)
                if done < stop:
                    return sum(len(line) + 1 for line in lines[:done])
                start = stop
                if stop == len(lines):
                    break
                start += 1
                if not self._dialect.head(bare(lines[stop]), number + stop):
                    closed, last = final or start < len(lines), not whole and start == len(lines)
                    yield from self._run(Part(lines, stop, start, number, closed, last), wanted, True)
                if self._dialect.heads is not marks:  # another header: other lines may be headers now
                    break
        return len(data)

    def _run(self, part: Part, wanted: Wanted, nuls: bool) -> Generator[Yield, None, int]:
        """The lines of one block under one header. Gives back the index of the first line that was not used."""
        if part.start >= part.stop:
            return part.stop
        dialect = self._dialect
        if dialect.mask is None and dialect.layout is not None:
            dialect.learn(part.lines[part.start : min(part.stop, part.start + 8)])
        starts, odd = self._odd(part, nuls)
        rows = Rows(part)
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

    def _odd(self, part: Part, nuls: bool) -> tuple[list[bytes], list[int]]:
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
        odd.update(i for i in quotes if not quoted_well(lines[i], delimiter, expected))
        if nuls:
            odd.update(i for i, line in enumerate(lines) if NUL_RUN in line)
        return starts, [part.start + i for i in sorted(odd)]

    def _hours_of_none(self, starts: list[bytes], mask: Mask, odd: set[int]) -> frozenset[bytes]:
        good = [s for i, s in enumerate(starts) if i not in odd] if odd else starts
        return self._log(self._main()).no_hours(good, mask)

    def _look(self, i: int, part: Part, rows: Rows) -> bool:
        """One line that does not fit. False when the answer needs lines that are not here yet."""
        line = part.lines[i]
        if i in rows.skipped:
            return True
        if b"\0" in line and (line.startswith(b"\0") or line.rstrip(b"\r").endswith(b"\0") or NUL_RUN in line):
            self._defects.add(Cause.DAMAGED, NULS, f"line {part.number + i}", max(1, line.count(NUL_RUN)))
            pieces = [bare(p.strip(b"\0")) for p in line.split(NUL_RUN)]
            rows.pieces[i] = [p for p in pieces if p and not (p[:1] in b"#\xef" and self._dialect.head(p, part.number + i))]
        else:
            if not bare(line):
                rows.skipped.add(i)
                return True
            look = self._dialect.look(part.lines, i, part.stop)
            if look.more and not part.closed:
                return False
            if look.more and part.unended and i == len(part.lines) - 1:
                look = replace(look, torn=True)  # the file ends within a quoted cell
            if look.ends:
                rows.pieces[i] = [bare(b"\n".join(part.lines[i : i + look.ends + 1]))]
                rows.skipped.update(range(i + 1, i + look.ends + 1))
                rows.owner.update((j, i) for j in range(i + 1, i + look.ends + 1))
            self._note(i, part, rows, look)
            return True
        for piece in rows.pieces[i]:
            self._note(i, part, rows, self._dialect.look([piece], 0, 1))
        if not rows.pieces[i]:
            rows.skipped.add(i)
        return True

    def _note(self, i: int, part: Part, rows: Rows, look: Look) -> None:
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

    def _begin(self, part: Part, rows: Rows) -> Iterator[Reading]:
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
        return self._ledger.of(identity, self._dialect.layout)

    def _count(self, part: Part, rows: Rows, starts: list[bytes], odd: list[int]) -> None:
        """Adds the rows to the log that they belong to."""
        dialect, mask = self._dialect, self._dialect.mask
        self._ledger.under(dialect.layout, part.number + part.start)
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
            others.setdefault(dialect.identity(bare(part.lines[i])), []).append(starts[i - part.start])
        for identity, begun in others.items():
            log = self._log(identity)
            log.records += len(begun)
            if mask is not None:
                log.add_starts(begun, mask)
        for i in sorted(single - rows.skipped):
            for row, time in zip(rows.of(i), rows.times.get(i, ()), strict=False):
                log = self._ledger.of(dialect.identity(row), dialect.layout, torn=i in rows.torn)
                log.records += 1
                if time:
                    log.add(time)

    def _records(self, part: Part, rows: Rows, wanted: Wanted) -> Iterator[Record]:
        done = -1
        found = wanted.of(self._dialect.kind)
        for index in found[bisect_left(found, part.start) : bisect_left(found, part.stop)]:
            i = rows.owner.get(index, index)
            if i <= done or (i in rows.skipped):
                continue
            done = i
            for row in rows.of(i):
                yield self._dialect.record(row, part.number + i)
