"""Items that share a passage, template or query are not independent: robust errors, effective items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retain.comparison.intervals import Floats

Index = NDArray[np.int64]


def cluster_index(ids: Sequence[str], clusters: Mapping[str, str]) -> Index:
    """Cluster number of each item, from 0 in order of appearance; an item without a cluster is its own."""
    numbers: dict[tuple[str, str], int] = {}
    keys = [("cluster", clusters[i]) if i in clusters else ("item", i) for i in ids]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def count_clusters(index: Index) -> int:
    """How many clusters there are."""
    return int(index.max()) + 1 if index.size else 0


def cluster_variance(residuals: Floats, index: Index) -> float:
    """Cluster-robust variance of a mean: G/(G - 1) * sum over clusters (sum of residuals)^2 / n^2.

    Args:
        residuals: (n,) differences minus their mean (or the linearised residuals of a ratio).
        index: (n,) cluster number of each item. Every item its own cluster gives the usual s^2/n.

    Returns:
        The variance of the mean, in the square of the residuals' unit; infinite with fewer than two clusters.

    Source: Liang and Zeger (1986), Biometrika 73, 13-22; for evaluations Miller (2024), arXiv 2411.00640.
    """
    count = count_clusters(index)
    if count < 2:
        return float("inf")
    sums = np.bincount(index, weights=residuals, minlength=count)
    return float(count / (count - 1) * (sums @ sums) / residuals.size**2)


def design_effect(residuals: Floats, index: Index) -> float:
    """How many times the clusters inflate the variance of the mean; at least 1 (a smaller estimate is luck).

    1 where nothing varies. ``flip_design_effect`` is the version for rare flips.
    """
    plain = cluster_variance(residuals, np.arange(residuals.size))
    clustered = cluster_variance(residuals, index)
    if not np.isfinite(clustered):
        return float(residuals.size)
    return max(1.0, clustered / plain) if plain > 0 else 1.0


def flip_design_effect(differences: Floats, index: Index) -> float:
    """The design effect for flips, drawn towards the worst case while only a few clusters flipped.

    Without flips nothing tells how strongly they cluster, so that the worst case holds: whole clusters flip
    together, a design effect of m = sum of squared cluster sizes / items. Each cluster with a flip is one
    observation of how they really fall: (f * estimate + m) / (f + 1), f clusters with flips. Exactly 1
    without clusters.

    Args:
        differences: (n,) paired differences in {-1, 0, 1}.
        index: (n,) cluster number of each item.
    """
    sizes = np.bincount(index)
    if sizes.size == differences.size:
        return 1.0
    worst = float((sizes**2).sum() / differences.size)
    flipped = np.unique(index[differences != 0]).size
    if flipped == 0 or sizes.size < 2:
        return worst
    estimate = design_effect(differences - differences.mean(), index)
    return max(1.0, (flipped * estimate + worst) / (flipped + 1))


def effective_items(differences: Floats, index: Index) -> float:
    """Items that would be as informative without clusters: n / design effect, at most n.

    n_eff = n * Var_iid(mean) / Var_cluster(mean).
    """
    return differences.size / design_effect(differences - differences.mean(), index)
