"""Time frames that slide over rows, and what is measured of the rows in one. A row comes and goes once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

Frame: TypeAlias = tuple[int, int, float]
"""First and last row, and the number that was measured."""
Meets: TypeAlias = Callable[[float | None], bool]


class Measure(Protocol):
    """A number that is kept up to date while rows come and go."""

    def take(self, at: int) -> None: ...

    def drop(self, at: int) -> None: ...

    def number(self) -> float | None:
        """``None``: there is nothing to measure."""
        ...


class Rowcount:
    """How many rows."""

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = counts
        self._total = 0

    def take(self, at: int) -> None:
        self._total += self._counts[at]

    def drop(self, at: int) -> None:
        self._total -= self._counts[at]

    def number(self) -> float | None:
        return self._total


class Different:
    """How many different values."""

    def __init__(self, values: Sequence[Hashable]) -> None:
        self._values = values
        self._known: Counter[Hashable] = Counter()

    def take(self, at: int) -> None:
        self._known[self._values[at]] += 1

    def drop(self, at: int) -> None:
        self._known[self._values[at]] -= 1
        if not self._known[self._values[at]]:
            del self._known[self._values[at]]

    def number(self) -> float | None:
        return len(self._known)


class Total:
    """Sum or average. Rows without a number are left out."""

    def __init__(self, numbers: Sequence[float | None], counts: Sequence[int], average: bool) -> None:
        self._numbers, self._counts, self._average = numbers, counts, average
        self._sum: float = 0
        self._rows = 0

    def take(self, at: int) -> None:
        self._moved(at, 1)

    def drop(self, at: int) -> None:
        self._moved(at, -1)

    def _moved(self, at: int, sign: int) -> None:
        number = self._numbers[at]
        if number is not None:
            self._sum += sign * self._counts[at] * number
            self._rows += sign * self._counts[at]

    def number(self) -> float | None:
        if not self._rows:
            return None
        return self._sum / self._rows if self._average else self._sum


class Percentile:
    """The smallest of the numbers that is no less than so many per cent of them. Counts stand in a binary indexed tree over
    all numbers in order (Fenwick 1994), so that rows may come and go in any order."""

    def __init__(self, numbers: Sequence[float | None], counts: Sequence[int], percentile: int) -> None:
        self._values = sorted({number for number in numbers if number is not None})
        ranks = {value: rank for rank, value in enumerate(self._values, 1)}
        self._ranks = [0 if number is None else ranks[number] for number in numbers]
        self._counts, self._percentile = counts, percentile
        self._tree = [0] * (len(self._values) + 1)
        self._rows = 0

    def take(self, at: int) -> None:
        self._moved(at, self._counts[at])

    def drop(self, at: int) -> None:
        self._moved(at, -self._counts[at])

    def _moved(self, at: int, count: int) -> None:
        rank = self._ranks[at]
        self._rows += count if rank else 0
        while 0 < rank < len(self._tree):
            self._tree[rank] += count
            rank += rank & -rank

    def number(self) -> float | None:
        if not self._rows:
            return None
        wanted, rank = max(1, -(-self._rows * self._percentile // 100)), 0
        step = 1 << len(self._values).bit_length()
        while step:
            if rank + step < len(self._tree) and self._tree[rank + step] < wanted:
                rank += step
                wanted -= self._tree[rank]
            step >>= 1
        return self._values[rank]


def frames(times: Sequence[datetime], span: timedelta, measure: Measure, meets: Meets) -> Iterator[Frame]:
    """Of the frames that no other one holds whole, those whose number is as wanted."""
    start = 0
    for end, time in enumerate(times):
        if time - times[start] > span:
            if (number := measure.number()) is not None and meets(number):
                yield start, end - 1, number
            while time - times[start] > span:
                measure.drop(start)
                start += 1
        measure.take(end)
    if times and (number := measure.number()) is not None and meets(number):
        yield start, len(times) - 1, number


def ends(times: Sequence[datetime], span: timedelta, measure: Measure, meets: Meets) -> Iterator[Frame]:
    """Every row with which the rows up to it, as far back as the frame reaches, have a number as wanted."""
    start = 0
    for end, time in enumerate(times):
        while time - times[start] > span:
            measure.drop(start)
            start += 1
        measure.take(end)
        if (number := measure.number()) is not None and meets(number):
            yield start, end, number
