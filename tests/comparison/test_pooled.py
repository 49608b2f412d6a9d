import numpy as np
import pytest
from scipy import stats

from retain.comparison.intervals import ONE_SIDED, Bounds, critical_value, flip_upper, tango_upper
from retain.comparison.paired import Evidence, Paired, weigh
from retain.comparison.pooled import Strata, pool, score_bounds

from .simulation import even, false_forgot, false_retained, mover, one_small, retained, wald

Z = critical_value(ONE_SIDED)
RUNS = 500
NOISE = 2 * (0.05 * 0.95 / RUNS) ** 0.5


def flips(lost, won, items, name=""):
    before = np.array([1.0] * lost + [0.0] * won + [1.0] * (items - lost - won))
    after = np.array([0.0] * lost + [1.0] * won + [1.0] * (items - lost - won))
    ids = frozenset(f"{name}{i}" for i in range(items)) if name else frozenset()
    return weigh(Paired(before, after, np.arange(items), True, True, 0, ids))


def scores(seed, items=40, loss=0.02, clusters=None):
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.4, 0.6, items)
    index = np.arange(items) if clusters is None else np.repeat(np.arange(clusters), items // clusters)
    return weigh(Paired(before, before - rng.normal(loss, 0.1, items), index, True, True, 0, frozenset()))


@pytest.mark.parametrize(
    ("lost", "won", "items"), [(0, 0, 30), (11, 0, 60), (5, 2, 100), (4, 0, 70), (0, 4, 70), (12, 30, 344)]
)
def test_one_probe_gives_its_own_bounds(lost, won, items):
    low, high = score_bounds(Strata(np.array([lost]), np.array([won]), np.array([items])), Z)
    assert high == pytest.approx(flip_upper(lost, won, items, Z), abs=1e-9)
    assert low == pytest.approx(-flip_upper(won, lost, items, Z), abs=1e-9)


def test_the_mean_has_one_weight_for_each_probe():
    found = pool([flips(10, 0, 100), flips(0, 0, 1000)])
    assert found.estimate == pytest.approx(0.05)
    assert found.one_sided.low < 0.05 < found.one_sided.high
    assert found.two_sided.high > found.one_sided.high


def test_no_flips_anywhere_bound_the_loss_by_three_over_all_items():
    found = pool([flips(0, 0, 50) for _ in range(8)])
    assert found.estimate == 0
    assert found.one_sided.high == pytest.approx(3 / 400, rel=0.02)
    assert found.p_loss == 0.5


def test_an_unflipped_small_probe_still_leaves_its_share_open():
    found = pool([flips(0, 0, 20)] + [flips(0, 0, 1000) for _ in range(7)])
    assert found.one_sided.high > 0.9 * 0.139 / 8


def test_order_does_not_matter():
    probes = [flips(3, 1, 50), flips(0, 0, 200), scores(0)]
    first, second = pool(probes), pool(probes[::-1])
    assert first.one_sided == pytest.approx(second.one_sided)
    assert first.estimate == pytest.approx(second.estimate)


def test_many_rows_equal_single_ones():
    lost, won = np.array([[3.0, 0, 5], [1, 1, 1]]), np.array([[1.0, 0, 2], [0, 0, 4]])
    items = np.array([[50.0, 80, 100]] * 2)
    low, high = score_bounds(Strata(lost, won, items), Z)
    for row in range(2):
        alone = score_bounds(Strata(lost[row], won[row], items[row]), Z)
        assert (float(low[row]), float(high[row])) == pytest.approx([float(x) for x in alone], abs=1e-9)


def test_scores_and_flips_mix():
    found = pool([scores(1), scores(2), flips(4, 2, 60)])
    parts = [scores(1), scores(2), flips(4, 2, 60)]
    error = sum(part.variance / part.items for part in parts) ** 0.5 / 3
    assert found.variance**0.5 == pytest.approx(error)
    assert found.one_sided.high - found.estimate == pytest.approx(1.645 * error, rel=0.25)
    assert found.one_sided.high - found.estimate > 1.645 * error


def test_scores_alone_give_the_welch_interval():
    parts = [scores(seed, items=20, clusters=10) for seed in range(3)]
    found = pool(parts)
    variances = np.array([part.standard_error**2 for part in parts])
    df = variances.sum() ** 2 / (variances**2 / 9).sum()
    half = critical_value(ONE_SIDED, df) * variances.sum() ** 0.5 / 3
    assert found.one_sided == pytest.approx((found.estimate - half, found.estimate + half))


def test_probes_on_the_same_items_count_as_one():
    apart = pool([flips(6, 2, 100, "a"), flips(6, 2, 100, "b")])
    same = pool([flips(6, 2, 100, "a"), flips(6, 2, 100, "a")])
    alone = pool([flips(6, 2, 100, "a")])
    assert same.one_sided.high > apart.one_sided.high
    assert same.one_sided == pytest.approx(alone.one_sided, abs=2e-3)


def test_significance_follows_the_direction():
    assert pool([flips(20, 2, 100), flips(18, 3, 100)]).p_loss < 1e-4
    assert pool([flips(2, 20, 100), flips(3, 18, 100)]).p_loss > 0.999
    assert pool([flips(10, 10, 100), flips(5, 5, 50)]).p_loss == 0.5
    one = pool([flips(14, 6, 100)])
    # The score test at zero, with n/(n - 1): close to McNemar's z = 8 / sqrt(20).
    assert one.p_loss == pytest.approx(0.0368, abs=2e-3)


def test_few_clusters_weaken_significance():
    part = scores(4, items=20, loss=0.05, clusters=5)
    z = part.estimate / part.standard_error
    assert pool([part]).p_loss == pytest.approx(stats.t.sf(z, 4))
    assert pool([part]).p_loss > stats.norm.sf(z) + 0.005


def test_unknown_errors_leave_everything_open():
    nothing = Evidence(0.0, 1.0, 0.0, 1.0, (0.0, 0.0), Bounds(-1, 1), Bounds(-1, 1), 0.5)
    found = pool([nothing, flips(0, 0, 100)])
    assert found.one_sided == (-1.0, 1.0)
    assert found.p_loss == 0.5


SUITES = [
    even(8, 100, 0.10, 0.01),
    even(8, 100, 0.05, 0.01),
    even(8, 100, 0.01, 0.01),
    even(8, 300, 0.002, 0.002),
    even(8, 30, 0.02, 0.01),
    one_small(0.08, 0.08),
    one_small(0.30, 0.08),
]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_loss_at_the_margin_is_rarely_called_retained(suite):
    assert false_retained(suite, RUNS) <= 0.05 + NOISE


def test_observed_variances_alone_would_fail():
    assert false_retained(even(8, 100, 0.01, 0.01), RUNS, bounds=wald) > 0.08


def test_zero_loss_is_hardly_ever_forgotten_and_often_retained():
    suite = even(8, 387, 0.05, 0.0)  # 3,096 items: 80% power for 1 point
    assert false_forgot(suite, 0.01, RUNS) == 0
    assert retained(suite, 0.01, RUNS) == pytest.approx(0.78, abs=0.04)


def test_adding_up_single_bounds_would_prove_less():
    suite = even(8, 100, 0.02, 0.0)
    assert retained(suite, 0.01, RUNS) > retained(suite, 0.01, RUNS, bounds=mover) + 0.1


def test_tango_alone_is_the_uncorrected_bound():
    strata = Strata(np.array([5.0]), np.array([2.0]), np.array([100.0]))
    assert score_bounds(strata, Z)[1] > tango_upper(5, 2, 100, Z)
