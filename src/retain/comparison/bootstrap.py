"""Cluster bootstrap of a mean or a ratio of means: continuous scores with at least 30 clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from retain.comparison.clusters import Index, count_clusters
from retain.comparison.intervals import TWO_SIDED, Bounds, Floats, critical_value
from retain.errors import UserError

LEAST_CLUSTERS = 30
DRAWS = 4000
_CHUNK = 500


def cluster_bootstrap(
    numerator: Floats,
    denominator: Floats,
    index: Index,
    levels: Sequence[float] = (TWO_SIDED,),
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Bounds]:
    """BCa bootstrap intervals of sum(numerator) / sum(denominator), whole clusters drawn with replacement.

    Bias-corrected and accelerated (Efron 1987, JASA 82, 171-185), the acceleration from leaving out one
    cluster at a time. The quantiles are widened as Student's t with G - 1 degrees of freedom and by sqrt(G/(G
    - 1)), without which bootstrap intervals are too short (Hesterberg 2015, The American Statistician 69,
    371-386).

    Args:
        numerator: (n,) for example the paired differences.
        denominator: (n,) ones for a mean; the base's scores for a change in percent of the base's value.
        index: (n,) cluster number of each item.
        levels: two-sided levels, one interval each from the same draws.
        draws: how many resamples.
        seed: same seed and same order of items, same answer.

    Raises:
        UserError: fewer than two clusters.

    Relations: below 30 clusters use ``paired_t``; for scores of 0 and 1 use ``flip_bounds``: a bootstrap of
    items without any flip has zero width.
    """
    count = count_clusters(index)
    if count < 2:
        raise UserError("A bootstrap needs at least two clusters.")
    top = np.bincount(index, weights=numerator, minlength=count).astype(float)
    bottom = np.bincount(index, weights=denominator, minlength=count).astype(float)
    values = np.sort(_resampled(top, bottom, draws, seed))
    estimate = top.sum() / bottom.sum()
    if values[0] == values[-1]:
        return [Bounds(float(values[0]), float(values[0])) for _ in levels]
    below = (np.count_nonzero(values < estimate) + np.count_nonzero(values <= estimate)) / (2 * draws)
    bias = float(stats.norm.ppf(np.clip(below, 0.5 / draws, 1 - 0.5 / draws)))
    acceleration = _acceleration(top, bottom)
    widening = (count / (count - 1)) ** 0.5
    found = []
    for level in levels:
        z = critical_value(level, count - 1) * widening
        ends = [_adjusted(side * z, bias, acceleration) for side in (-1, 1)]
        found.append(Bounds(*(float(v) for v in np.quantile(values, ends))))
    return found


def _resampled(top: Floats, bottom: Floats, draws: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, draws, _CHUNK):
        picks = rng.integers(0, top.size, size=(min(_CHUNK, draws - start), top.size))
        parts.append(top[picks].sum(axis=1) / bottom[picks].sum(axis=1))
    return np.concatenate(parts)


def _acceleration(top: Floats, bottom: Floats) -> float:
    left_out = (top.sum() - top) / (bottom.sum() - bottom)
    away = left_out.mean() - left_out
    spread = float((away**2).sum()) ** 1.5
    return float((away**3).sum()) / (6 * spread) if spread > 0 else 0.0


def _adjusted(z: float, bias: float, acceleration: float) -> float:
    """The share of resamples below which this end of a BCa interval lies."""
    shifted = bias + z
    scale = max(1 - acceleration * shifted, 1e-6)
    return float(stats.norm.cdf(bias + shifted / scale))
