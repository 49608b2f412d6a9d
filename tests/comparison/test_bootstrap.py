import numpy as np
import pytest
from scipy import stats

from retain.comparison.bootstrap import cluster_bootstrap
from retain.comparison.intervals import ONE_SIDED, paired_t
from retain.comparison.paired import Paired, weigh
from retain.errors import UserError


def test_same_seed_same_interval():
    values, ones, index = np.random.default_rng(0).exponential(size=60), np.ones(60), np.arange(60)
    first = cluster_bootstrap(values, ones, index, seed=3)
    assert cluster_bootstrap(values, ones, index, seed=3) == first
    assert cluster_bootstrap(values, ones, index, seed=4) != first


def test_normal_scores_give_nearly_the_t_interval():
    values = np.random.default_rng(1).normal(1, 1, 120)
    (found,) = cluster_bootstrap(values, np.ones(120), np.arange(120), draws=20_000)
    expected = stats.t.interval(0.95, 119, values.mean(), values.std(ddof=1) / 120**0.5)
    assert found == pytest.approx(expected, abs=0.015)


def test_thirty_clusters_are_as_wide_as_students_t():
    values = stats.norm.ppf((np.arange(30) + 0.5) / 30)
    (found,) = cluster_bootstrap(values, np.ones(30), np.arange(30), draws=60_000)
    expected = stats.t.interval(0.95, 29, 0.0, values.std(ddof=1) / 30**0.5)
    assert found == pytest.approx(expected, rel=0.012)


def test_skewness_moves_both_ends_outwards_on_the_long_side():
    values = np.random.default_rng(2).exponential(size=80) ** 2
    (found,) = cluster_bootstrap(values, np.ones(80), np.arange(80))
    assert found.high - values.mean() > 1.1 * (values.mean() - found.low)


def test_clusters_are_drawn_whole():
    values = np.random.default_rng(3).normal(size=50)
    copies, index = np.repeat(values, 6), np.repeat(np.arange(50), 6)
    (whole,) = cluster_bootstrap(copies, np.ones(300), index)
    (alone,) = cluster_bootstrap(values, np.ones(50), np.arange(50))
    (wrong,) = cluster_bootstrap(copies, np.ones(300), np.arange(300))
    assert whole == pytest.approx(alone)
    assert wrong.high - wrong.low < 0.5 * (whole.high - whole.low)


def test_ratio_of_sums():
    base = np.random.default_rng(4).uniform(0.5, 1.5, 100)
    (found,) = cluster_bootstrap(0.02 * base, base, np.arange(100))
    assert found == pytest.approx((0.02, 0.02))


def test_wider_level_wider_interval():
    values = np.random.default_rng(5).normal(size=50)
    wide, narrow = cluster_bootstrap(values, np.ones(50), np.arange(50), (0.95, 0.90))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_cluster_is_refused():
    with pytest.raises(UserError, match="two clusters"):
        cluster_bootstrap(np.ones(5), np.ones(5), np.zeros(5, dtype=int))


def skewed(rng, n):
    before = rng.uniform(0.4, 0.9, n)
    return before, before - rng.exponential(0.04, n) * (rng.random(n) < 0.5)


@pytest.mark.parametrize("items", [29, 60])
def test_strongly_skewed_scores_miss_less_than_with_a_symmetric_interval(items):
    rng = np.random.default_rng(6)
    runs, missed, symmetric = 250, 0, 0
    for _ in range(runs):
        before, after = skewed(rng, items)
        found = weigh(Paired(before, after, np.arange(items), True, True, 0, frozenset()))
        missed += found.one_sided.high < 0.02
        symmetric += paired_t(found.estimate, found.standard_error, found.df, ONE_SIDED).high < 0.02
    assert missed / runs <= 0.09
    assert symmetric > missed


def test_even_scores_miss_as_promised():
    rng = np.random.default_rng(7)
    runs, missed = 250, 0
    for i in range(runs):
        items = 20 if i % 2 else 40
        before = rng.uniform(0.3, 0.7, items)
        after = before - 0.02 + rng.normal(0, 0.05, items)
        missed += weigh(Paired(before, after, np.arange(items), True, True, 0, frozenset())).one_sided.high < 0.02
    assert 0.02 <= missed / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_hardly_any_change_is_not_certainty():
    before = np.full(40, 0.7)
    after = before.copy()
    after[0] = 0.5
    found = weigh(Paired(before, after, np.arange(40), True, True, 0, frozenset()))
    assert found.one_sided.high > 0.05
    assert found.flips == pytest.approx((0.2, 0.0))
