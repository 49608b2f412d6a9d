"""Means over seeds: their intervals hold what varies between seeds, too."""

import math

import pytest

from retain.comparison.intervals import critical_value
from retain.frontier_records import groups, row_label
from retain.reporting.arm_means import half_over_seeds, mean_change

from .frontier_makers import make_arm
from .makers import make_change


def test_one_seed_has_the_interval_of_its_items():
    assert half_over_seeds([3.0], [1.5]) == 1.5
    assert mean_change([make_change(delta=-1, low=-2, high=0.5)]) == (-1, -2, 0.5)


def test_seeds_that_agree_have_the_items_interval_and_others_a_wider_one():
    assert half_over_seeds([3.0, 3.0, 3.0], [1.5, 1.5, 1.5]) == pytest.approx(1.5)
    spread = critical_value(df=2) * 1.0 / math.sqrt(3)
    assert half_over_seeds([2.0, 3.0, 4.0], [1.5, 1.5, 1.5]) == pytest.approx(math.hypot(spread, 1.5))
    assert half_over_seeds([2.0, 4.0], [1.5, 1.5]) > half_over_seeds([2.0, 3.0, 4.0], [1.5, 1.5, 1.5])


def test_each_side_of_an_interval_is_its_own():
    found = mean_change([make_change(delta=delta, low=delta - 4, high=delta + 1) for delta in (1.0, 3.0)])
    between = critical_value(df=1) * math.sqrt(2) / math.sqrt(2)
    assert found.value == 2
    assert found.value - found.low == pytest.approx(math.hypot(between, 4))
    assert found.high - found.value == pytest.approx(math.hypot(between, 1))


def test_a_missing_number_is_missing_and_not_zero():
    assert mean_change([]) is None and mean_change([make_change(), None]) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_is_none_spoils_the_mean_and_nothing_else(bad):
    assert math.isnan(half_over_seeds([bad, 1.0], [1.0, 1.0])) and math.isnan(half_over_seeds([1.0], [bad]))
    assert not math.isfinite(mean_change([make_change(delta=bad, low=bad, high=bad), make_change()]).value)


def test_an_arm_of_which_a_seed_failed_is_left_out():
    arms = [make_arm("a", seed=0), make_arm("a", seed=1, failed="NaN"), make_arm("b"), make_arm("b", share=0.125)]
    assert [[arm.variant for arm in seeds] for seeds in groups(arms)] == [["b"], ["b"]]
    assert [row_label(*seeds[0].key) for seeds in groups(arms)] == ["b", "b, 12.5% of the rows"]
