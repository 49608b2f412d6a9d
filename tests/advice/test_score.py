"""One measurement's interval."""

import pytest
from scipy.stats import binomtest

from retain.advice.score import score_interval

from .makers import make_measurement


@pytest.mark.parametrize(("right", "items"), [(0, 20), (3, 20), (20, 20), (55, 100)])
def test_it_is_wilsons(right, items):
    low, high = score_interval(make_measurement([1] * right + [0] * (items - right)))
    wilson = binomtest(right, items).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((100 * wilson.low, 100 * wilson.high), abs=1e-6)


def test_clusters_widen_it():
    alone = make_measurement([1.0] * 30 + [0.0] * 30)
    shared = alone.model_copy(update={"clusters": {item: str(int(item) // 10) for item in alone.scores}})
    low, high = score_interval(alone)
    assert score_interval(shared)[0] < low - 5 and score_interval(shared)[1] > high + 5
