"""The interval of one measurement's score, in points."""

from __future__ import annotations

import numpy as np

from retain.comparison.clusters import cluster_index, design_effect
from retain.comparison.intervals import TWO_SIDED, wilson
from retain.records import Measurement


def score_interval(measured: Measurement) -> tuple[float, float]:
    """Wilson's two-sided 95% interval of the share of right answers, with effective items where items share a cluster.

    Args:
        measured: scores of 0 and 1.
    """
    ids = sorted(measured.scores)
    scores = np.array([measured.scores[item] for item in ids], dtype=float)
    items = scores.size / design_effect(scores - scores.mean(), cluster_index(ids, measured.clusters))
    mean = float(scores.mean())
    bounds = wilson(mean * items, items, TWO_SIDED)
    return 100 * min(bounds.low, mean), 100 * max(bounds.high, mean)  # rounding: at 0 and 1 a bound is the mean itself
