import math

import numpy as np
import pytest

from retain.comparison.symptoms.judging import Shift, difference, mean_bounds, most_in, rise

ALONE = np.arange(100)


def test_a_share_that_rises_is_in_points_with_the_interval_of_flips():
    shift = rise([False] * 100, [True] * 30 + [False] * 70, ALONE)
    assert (shift.before, shift.after, shift.change, shift.items) == (0, 30, 30, 100)
    assert shift.low == pytest.approx(21.2, abs=0.3) and shift.high == pytest.approx(40.0, abs=0.3)


def test_items_that_share_a_wording_count_for_less():
    before, after = [False] * 100, [True] * 30 + [False] * 70
    alone, grouped = rise(before, after, ALONE), rise(before, after, ALONE // 10)
    assert grouped.low < alone.low and grouped.high > alone.high


@pytest.mark.parametrize(
    ("change", "low", "high", "threshold", "found"),
    [
        (8, 4, 12, 5, True),
        (5, 1, 9, 5, True),
        (4, 1, 7, 5, None),
        (8, -1, 17, 5, None),
        (0, -2, 2, 5, False),
        (-9, -12, -6, 5, False),
        (-60, -70, -50, -50, True),
        (-45, -52, -40, -50, None),
        (-10, -20, 5, -50, False),
        (20, -math.inf, math.inf, 5, None),
    ],
)
def test_found_not_found_and_cannot_be_told(change, low, high, threshold, found):
    assert Shift(10.0, 10.0 + change, low, high, 50).reaches(threshold) is found


def test_what_two_groups_do_alike_is_no_difference_and_errors_add_up():
    first, second = Shift(1, 31, 20, 40, 60), Shift(2, 22, 12, 28, 60)
    both = difference(first, second)
    assert (both.before, both.after, both.change) == (-1, 9, 10)
    assert (both.low, both.high) == pytest.approx((10 - math.hypot(10, 8), 10 + math.hypot(10, 8)))


def test_mean_bounds_are_t_for_few_clusters_and_unknown_for_one():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    low, high = mean_bounds(values, np.arange(4))
    assert low == pytest.approx(2.5 - 3.182 * values.std(ddof=1) / 2, abs=0.01) and low + high == pytest.approx(5)
    assert mean_bounds(values, np.zeros(4, dtype=int)) == (-math.inf, math.inf)
    assert mean_bounds(np.zeros(50), np.arange(50)) == (0, 0)


def test_the_capability_that_changed_most_is_named():
    names = ["facts"] * 4 + ["reading"] * 4
    assert most_in(names, [False] * 8, [True] + [False] * 3 + [True] * 4) == ", most in reading (0 to 100)"
