"""How the work is shared out: small files together, big logs cut into slices, which put together say what the whole would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import BinaryIO

from exhume.assess.tally import Tally, in_order
from exhume.model import Coverage, File, Gap, Part

WORTH = 64 << 20
"""Bytes of a slice, at least: each goes over all that comes before it, at ten times the speed of reading it."""
WORTH_OF_EVENTS = 8 << 20
"""The same of event logs: a byte of them takes ten times as long, and chunks that are only passed over hardly any time."""
DEAR = 8
"""Bytes of rows that take as long as one byte of an event log, at least."""
FEWEST = 64
"""Parts of what one worker has to do; a file that is smaller is handed out together with others."""
MOST = 32
"""Files that are handed out together."""
LONGEST = 16 << 20
"""Bytes in which a line's end is looked for."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker does at a time: a file, or one of the slices of a big one."""

    path: str
    number: int = 0
    of: int = 1


def tasks(portions: Iterable[Sequence[str]], files: Mapping[str, File], jobs: int) -> list[tuple[Task, ...]]:
    """The portions, largest first, so that the workers end at the same time. A file that would keep one busy when all others
    have long ended is cut; small files are handed out together, so that no worker waits for its next one after each."""

    def cost(path: str) -> int:
        return (files[path].size or 0) * (DEAR if _of_events(path) else 1)

    portions = list(portions)
    share = sum(cost(path) for portion in portions for path in portion) / max(1, jobs)
    out: list[tuple[int, tuple[Task, ...]]] = []
    small: list[Task] = []
    held = 0
    for portion in portions:
        size = sum(map(cost, portion))
        most = min(jobs, size // (DEAR * WORTH_OF_EVENTS if _of_events(portion[0]) else WORTH)) if len(portion) == 1 else 1
        if most > 1 and size > share / 2 and "!/" not in portion[0]:
            out += [(size // most, (Task(portion[0], number, most),)) for number in range(most)]
        elif len(portion) == 1 and size * FEWEST < share:
            small.append(Task(portion[0]))
            held += size
            if len(small) == MOST or held * FEWEST >= share:
                out.append((held, tuple(small)))
                small, held = [], 0
        elif portion:
            out.append((size, tuple(map(Task, portion))))
    out.append((held, tuple(small)))
    return [portion for _, portion in sorted(out, key=lambda one: -one[0]) if portion]


def _of_events(path: str) -> bool:
    return path.lower().endswith(".evtx")


def bounds(stream: BinaryIO, size: int, task: Task, *, lined: bool) -> tuple[int, int]:
    """Where a slice begins and ends: an even cut of the file or, of lines, the first beginning of one from there on.

    A border without one is the end of the file, and so are those behind it: all that is left belongs to the slice before.
    """
    cuts = [size * number // task.of for number in range(task.number + 2)]
    if not lined:
        return cuts[-2], cuts[-1]
    begin = end = 0
    for cut in cuts[1:]:
        begin, end = end, size if end == size else _border(stream, size, cut)
    return begin, end


def _border(stream: BinaryIO, size: int, cut: int) -> int:
    if cut in (0, size):
        return cut
    stream.seek(cut - 1)
    looked = 0
    while looked < LONGEST and (block := stream.read(1 << 16)):
        at = block.find(b"\n")
        if at >= 0:
            return cut + looked + at
        looked += len(block)
    return size


@dataclass(slots=True)
class Pieces:
    """Slices that wait for the others of their file."""

    _waiting: dict[str, dict[int, Part]] = field(default_factory=dict)

    def add(self, task: Task, part: Part) -> Part | None:
        """The part of a whole file, as soon as all of it is there."""
        if task.of == 1:
            return part
        known = self._waiting.setdefault(task.path, {})
        known[task.number] = part
        if len(known) < task.of:
            return None
        return joined([part for _, part in sorted(self._waiting.pop(task.path).items())])


def joined(parts: Iterable[Part]) -> Part:
    """What slices of one file say together. What is wrong with the file is told once, with its first place and its count."""
    tally = Tally()
    gaps: dict[tuple[str, ...], list[Gap]] = {}
    parts = list(parts)
    told = [part for part in parts if replace(part, files=()) != Part()]
    if len(told) == 1 and not told[0].unjoined and not any(part.files for part in parts if part is not told[0]):
        return told[0]  # it could not be cut, and the first slice read all of it
    for part in parts:
        tally.add(replace(part, coverage=Coverage(part.coverage.spans), unjoined=None))
        for gap in part.coverage.gaps:
            same = gaps.setdefault((gap.kind, gap.cause, "#".join(_around_count(gap)), gap.channel, gap.server), [])
            if gap not in same:
                same.append(gap)
    for same in gaps.values():
        first, count = min(same, key=in_order), sum(gap.count for gap in same)
        tally.missed(replace(first, detail=f"{count:,}".join(_around_count(first)), count=count))
    logs = [part.unjoined for part in parts if part.unjoined]
    if logs:
        said = reduce(add, logs).coverage(whole=len(logs) == len(parts))
        tally.spanned(said.spans)
        for gap in said.gaps:
            tally.missed(gap)
    return tally.part()


def _around_count(gap: Gap) -> tuple[str, ...]:
    """What stands before and after the count in the words of a gap, or all of them."""
    before, number, after = gap.detail.rpartition(f"{gap.count:,}")
    return (before, after) if number else (after,)
