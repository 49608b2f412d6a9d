import numpy as np
import pytest

from retain.comparison.clusters import (
    cluster_index,
    cluster_variance,
    count_clusters,
    design_effect,
    effective_items,
    flip_design_effect,
)
from retain.comparison.mcnemar import mcnemar_midp, mcnemar_score
from retain.comparison.paired import weigh

from .simulation import as_pair, clustered_misses


def test_items_without_a_cluster_stand_alone():
    index = cluster_index(["a", "b", "c", "d"], {"a": "p", "c": "p", "d": "b"})
    assert index.tolist() == [0, 1, 0, 2]
    assert count_clusters(index) == 3
    assert count_clusters(cluster_index([], {})) == 0


def test_variance_without_clusters_is_the_usual():
    values = np.random.default_rng(0).normal(size=40)
    residuals = values - values.mean()
    assert cluster_variance(residuals, np.arange(40)) == pytest.approx(values.var(ddof=1) / 40)
    assert cluster_variance(residuals, np.zeros(40, dtype=int)) == np.inf


def test_duplicated_items_do_not_count():
    values = np.random.default_rng(1).normal(size=50)
    copies, index = np.repeat(values, 8), np.repeat(np.arange(50), 8)
    alone = cluster_variance(values - values.mean(), np.arange(50))
    assert cluster_variance(copies - copies.mean(), index) == pytest.approx(alone)
    assert effective_items(copies, index) == pytest.approx(50, rel=0.03)


def test_effective_items_never_exceed_items():
    values = np.tile([1.0, -1.0], 30)
    assert design_effect(values, np.repeat(np.arange(30), 2)) == 1.0
    assert effective_items(values, np.repeat(np.arange(30), 2)) == 60
    assert effective_items(np.zeros(60), np.repeat(np.arange(30), 2)) == 60


def test_without_flips_whole_clusters_may_flip():
    assert flip_design_effect(np.zeros(60), np.repeat(np.arange(20), 3)) == 3
    assert flip_design_effect(np.zeros(60), np.arange(60)) == 1


def test_more_flips_trust_the_estimate():
    rng = np.random.default_rng(2)
    index = np.repeat(np.arange(400), 5)
    few = np.zeros(2000)
    few[rng.choice(2000, 3, replace=False)] = 1.0
    many = np.where(rng.random(2000) < 0.2, 1.0, 0.0)
    assert 1.5 < flip_design_effect(few, index) < 3
    assert flip_design_effect(many, index) < 1.3


@pytest.mark.parametrize(("clusters", "size", "psi"), [(100, 10, 0.05), (60, 8, 0.10)])
def test_clustered_flips_miss_as_promised_and_naive_ones_far_more(clusters, size, psi):
    runs = 150
    ours, naive, _ = clustered_misses(clusters, size, psi, 0.7, runs)
    assert ours <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5
    assert naive > 0.10


def test_few_clusters_weaken_significance():
    loss = np.array([1.0] * 9 + [-1.0] + [0.0] * 10)
    index = np.repeat(np.arange(5), 4)
    found = weigh(as_pair(loss, index))
    assert found.p_loss == pytest.approx(mcnemar_score(*found.flips, df=4))
    assert found.p_loss > mcnemar_midp(*found.flips)


def test_a_single_cluster_says_nothing():
    loss = np.array([1.0, 0, 0, -1, 0, 0, 1, 0])
    found = weigh(as_pair(loss, np.zeros(8, dtype=int)))
    assert found.one_sided == (-1.0, 1.0)
    assert found.p_loss == 0.5
