"""Who asked for what is counted in bounded memory, and the same in any order and however the work was split."""

import random
from collections import Counter

from exhume.model.crowd import TOLD, VALUES_KEPT, Crowd, Values, told


def counted(values, pieces=1):
    total = Crowd()
    for n in range(pieces):
        piece = Crowd()
        for value in values[n::pieces]:
            piece.add("address", value, 1)
        total.take(piece.values())
    return total.values()


def test_few_values_are_counted_exactly():
    values = ["a"] * 5 + ["b"] * 7 + ["c"]
    assert counted(values) == (Values("address", (("b", 7), ("a", 5), ("c", 1)), 3),)


def test_of_many_values_each_kept_one_has_its_exact_count_in_any_order_and_split():
    numbers = random.Random(1)
    values = [f"10.0.{n >> 8}.{n & 255}" for n in range(20_000) for _ in range(1 + n % 3)]
    truth = Counter(values)
    expected = counted(values)
    for seed, pieces in ((1, 1), (2, 3), (3, 16)):
        numbers.seed(seed)
        assert counted(numbers.sample(values, len(values)), pieces) == expected
    (found,) = expected
    assert len(found.counts) == VALUES_KEPT
    assert all(truth[value] == count for value, count in found.counts)
    assert not found.exact
    assert abs(found.total - len(truth)) < 0.15 * len(truth)


def test_a_report_keeps_the_most_frequent_and_how_many_there_were():
    (found,) = told(counted([str(n) for n in range(200) for _ in range(n)]))
    assert found.counts[0] == ("199", 199)
    assert (len(found.counts), found.total, found.exact) == (TOLD, 199, True)
